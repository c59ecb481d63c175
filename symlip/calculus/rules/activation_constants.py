"""The constants S_0, .., S_3 of an activation."""

from __future__ import annotations

from typing import Any

import sympy

from ...activations import Activation
from ...suprema import (
    CriticalPointCertificate,
    PolynomialCertificate,
    critical_points_hold,
    enclosure_holds,
    polynomial_holds,
    t,
)
from ..claims import Bound, nonnegative
from ..obligations import Decided, Inequality, Obligation
from ..quantities import ActivationDerivative
from ..rule import Given, Rule


def identifier(activation: Activation) -> str:
    return "".join(character if character.isalnum() and character.isascii() else "_" for character in activation.name)


class ActivationConstants(Rule):
    name = "activation constants"
    title = "Constants of the activation"
    statement = r"""For an activation $s$ put $S_k=\sup_{z}|s^{(k)}(z)|$ \textup{(}$k=0,1$\textup{)}, and for $k\ge2$ the Lipschitz constant of
$s^{(k-1)}$, which is $\sup_z|s^{(k)}(z)|$ on the smooth pieces of $s$ if $s^{(k-1)}$ is continuous. The values are listed in the table of constants, each with the inequality in one
variable that it rests on."""
    proof = r"""Where $(s^{(k)})^2=n/d$ is a rational function of one variable $t=t(z)$, increasing in $z$, the claim $S_k^2d-n\ge0$ on the range of $t$ is a polynomial
inequality; it is decided exactly by isolating the real roots of its left-hand side, and the value is taken, or approached, where the table says. Where $s^{(k+1)}$ has the sign of a
polynomial in $t$, the roots of the latter are isolated exactly (Sturm), $s^{(k)}$ is monotone between them, and the largest value at the roots and in the limits is the supremum.
Otherwise the supremum is enclosed in ball arithmetic, by branch and bound on a compact interval and by monotone monomials outside, and the constant is the upper end, rounded up."""

    def conclude(self, given: Given, *, activation: Activation, order: int, at_zero: bool = False, **_: Any) -> Bound:
        kind = "s0" if at_zero else f"S{order}"
        value = sympy.Abs(activation.expression.subs(*activation.expression.free_symbols, 0)) if at_zero else activation.constant(order)
        return Bound(ActivationDerivative(activation, order, at_zero), nonnegative(f"{kind}_{identifier(activation)}"), value)

    def obligations_of(self, *, activation: Activation, order: int, at_zero: bool = False, **_: Any) -> tuple[Obligation, ...]:
        if at_zero:
            return ()
        found: list[Obligation] = []
        supremum = activation.supremum(order)
        for number, certificate in enumerate(supremum.certificates, 1):
            label = f"{activation.name}, S{order}, piece {number}"
            if isinstance(certificate, PolynomialCertificate):
                gap = sympy.factor(certificate.gap)
                interval = (certificate.lower < t, t < certificate.upper)
                found.append(
                    Decided(f"{label}: root isolation", lambda c=certificate: polynomial_holds(c), rf"{sympy.latex(gap)}\ge0")  # type: ignore[misc]
                )
                if all(number.is_Rational for number in sympy.Poly(certificate.gap, t).coeffs()):
                    rational = tuple(r for r, end in zip(interval, (certificate.lower, certificate.upper)) if end.is_Rational)
                    found.append(Inequality(f"{label}: solver", rational, certificate.gap >= 0))
            elif isinstance(certificate, CriticalPointCertificate):
                found.append(
                    Decided(
                        f"{label}: critical points",
                        lambda c=certificate: critical_points_hold(c),  # type: ignore[misc]
                        rf"\text{{all critical points: }}{sympy.latex(certificate.polynomial)}=0",
                    )
                )
            else:
                found.append(
                    Decided(
                        f"{label}: ball arithmetic",
                        lambda c=certificate, v=supremum.value: enclosure_holds(c, v),  # type: ignore[misc]
                        rf"\text{{enclosed by {certificate.cells} cells on }}[-{certificate.radius},{certificate.radius}]",
                    )
                )
        return tuple(found)
