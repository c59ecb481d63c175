"""The norm certificate of networks with skips and shared parameters: the block bounds of layer balls, with constants that hold near the weights."""

from __future__ import annotations

from typing import Any

import sympy

from ...activations import Activation
from ..claims import Bound, nonnegative
from ..obligations import Identity, Inequality
from ..quantities import Quantity
from ..rule import Given, Rule
from ..samples import Largest, Length, RowLengths
from .block_second import BlockSecond
from .block_slope import BlockSlope
from .residual import ResidualBlockSecond, ResidualBlockSlope

a, b, d, p, q, r, x, y, A, B, K, M, S, V = sympy.symbols("a b d p q r x y A B K M S V", real=True)

TRIANGLE = Inequality("triangle inequality", (x**2 <= a**2, y**2 <= b**2, a >= 0, b >= 0), (x + y) ** 2 <= (a + b) ** 2)
CAUCHY = Inequality("Cauchy-Schwarz", (), (a * x + b * y) ** 2 <= (a**2 + b**2) * (x**2 + y**2))


class _Local(Given):
    """Premises in which the constants S_1 and S_2 of a line's activation are the largest ones near the centre."""

    def __init__(self, given: Given, layer: int) -> None:
        super().__init__(given.rule, given.premises)
        self.layer = layer

    def constant(self, activation: Activation, order: int, at_zero: bool = False) -> sympy.Expr:
        return Largest(self.bound("near_slope" if order == 1 else "near_curvature", self.layer))


class NearWeight(Rule):
    name = "weights near the centre"
    title = "Weights near the centre"
    statement = r"""On the ball of radius $r$, $|A_u|_2\le a_u=\bar a_u+r$."""
    proof = r"""$|A_u-\bar A_u|_2\le|A_u-\bar A_u|_F\le r$."""
    obligations = (TRIANGLE,)

    def conclude(self, given: Given, *, layer: int, **_: Any) -> Bound:
        return Bound(Quantity("weight", layer), nonnegative(f"a_{layer}"), given.symbol(f"an_{layer}") + given.bound("distance"))


class SkipMovedPre(Rule):
    name = "movement of a line's pre-activations"
    title = "Movement of the pre-activations of a line"
    statement = r"""Let $|\theta-\bar\theta|\le r$, $\delta=\theta-\bar\theta$ and on the ball $|h_{u-1}|\le V_{u-1}$, $|h_{u-1}-\bar h_{u-1}|\le\mu_{u-1}|\delta|$ \textup{(}$\mu_0=0$\textup{)}. Then $|z_u-\bar z_u|\le\nu_u|\delta|$ with $\nu_u^2=1+V_{u-1}^2+\bar a_u^2\mu_{u-1}^2$ if $A_u,b_u$ are no parameters of earlier lines, else $\nu_u=(1+V_{u-1}^2)^{1/2}+\bar a_u\mu_{u-1}$; and
$|z_u-\bar z_u|_j\le(\rho_u)_j$, which is $r$ times the same with $|e_j^{\top}\bar A_u|$ for $\bar a_u$."""
    proof = r"""$z_u-\bar z_u=\Delta A_uh_{u-1}+\Delta b_u+\bar A_u(h_{u-1}-\bar h_{u-1})$, with $h_{u-1}$ at $\theta$; the two parts of $\delta$ are orthogonal in the first case."""
    obligations = (Identity("difference of two products", (A + a) * (B + b) - A * B, a * (B + b) + A * b), CAUCHY, TRIANGLE)

    def conclude(self, given: Given, *, layer: int, kind: str, group: int | None = None, **_: Any) -> Bound:
        size, number = given.bound("value", layer - 1), group or layer
        moved = given.bound("moved_output", layer - 1) if layer > 1 else sympy.Integer(0)
        matrix = given.symbol(f"an_{number}") if kind == "norm" else RowLengths(given.bound("centre_weight", number))
        passed_on = matrix * moved if layer > 1 else sympy.Integer(0)
        total = sympy.sqrt(1 + size**2 + passed_on**2) if number == layer else sympy.sqrt(1 + size**2) + passed_on
        if kind == "norm":
            return Bound(Quantity("moved_norm", layer), nonnegative(f"nu_{layer}"), total)
        return Bound(Quantity("moved_pre", layer), nonnegative(f"mv_{layer}"), given.bound("distance") * total)


class SkipMovedOutput(Rule):
    name = "movement of a line's outputs"
    title = "Movement of the outputs of a line"
    statement = r"""In the situation of @[movement of a line's pre-activations] let $\sigma=\max_j(\sigma_u)_j$. On the ball $|h_u-\bar h_u|\le\mu_u|\delta|$ with $\mu_u=\sigma\nu_u$ for a dense line; for a residual line $\mu_u^2=(1+|d|\sigma\bar a_u)^2\mu_{u-1}^2+d^2\sigma^2(1+V_{u-1}^2)$ if its parameters are its own, else $\mu_u=\mu_{u-1}+|d|\sigma\nu_u$; at the end of a skip from line $k$ $\mu_u=\mu_k+|d|\mu_{u-1}$. And $|h_u-\bar h_u|\le\Delta_u$, the smaller of $r\mu_u$ and
$|\sigma_u\rho_u|$, $\Delta_{u-1}+|d||\sigma_u\rho_u|$ or $\Delta_k+|d|\Delta_{u-1}$."""
    proof = r"""$s(z_u)-s(\bar z_u)=D(z_u-\bar z_u)$ with $|D_{jj}|\le(\sigma_u)_j$ by the mean value theorem, and the triangle inequality; for a residual line $|h_u-\bar h_u|\le\mu_{u-1}|\delta_<|+|d|\sigma\bigl((1+V_{u-1}^2)^{1/2}|\delta_u|+\bar a_u\mu_{u-1}|\delta_<|\bigr)$ \textup{(}Cauchy--Schwarz\textup{)}."""
    obligations = (CAUCHY, TRIANGLE)

    def conclude(
        self,
        given: Given,
        *,
        layer: int,
        kind: str,
        activation: Activation | None,
        group: int | None = None,
        step: sympy.Expr | None = None,
        start: int | None = None,
        **_: Any,
    ) -> Bound:
        whole = kind == "norm"

        def before(index: int) -> sympy.Expr:
            return sympy.Integer(0) if index == 0 else given.bound("moved_output" if whole else "moved", index)

        if activation is None:
            total = before(start or 0) + step * before(layer - 1)
        elif not whole:
            total = Length(given.bound("near_slope", layer) * given.bound("moved_pre", layer))
            total = total if step is None else before(layer - 1) + step * total
        else:
            slope = Largest(given.bound("near_slope", layer))
            if step is None:
                total = slope * given.bound("moved_norm", layer)
            elif (group or layer) != layer:
                total = before(layer - 1) + step * slope * given.bound("moved_norm", layer)
            else:
                own = step**2 * slope**2 * (1 + given.bound("value", layer - 1) ** 2)
                total = sympy.sqrt((1 + step * slope * given.symbol(f"an_{layer}")) ** 2 * before(layer - 1) ** 2 + own)
        if whole:
            return Bound(Quantity("moved_output", layer), nonnegative(f"mo_{layer}"), total)
        return Bound(Quantity("moved", layer), nonnegative(f"dh_{layer}"), sympy.Min(total, given.bound("distance") * given.bound("moved_output", layer)))


class SkipOutputMoved(Rule):
    name = "movement of each output, as a whole"
    title = "Movement of each output"
    statement = r"""$|h_m-\bar h_m|_j\le\varrho=\Delta_m$ for every $j$."""
    proof = r"""An entry is at most the length."""

    def conclude(self, given: Given, *, layer: int, **_: Any) -> Bound:
        return Bound(Quantity("output_moved", layer), nonnegative("dout"), given.bound("moved", layer))


def _near(base: type[Rule], named: str, entitled: str) -> type[Rule]:
    """The lemma of layer balls with the constants of the line near the centre."""

    class Near(base):  # type: ignore[misc, valid-type]
        name = named
        title = entitled
        statement = rf"""@[{base.name}] with $S_1=\max_j(\sigma_u)_j$ and $S_2=\max_j(\kappa_u)_j$ on the ball, $|A_u|_2\le a_u$ of @[weights near the centre] and $B_{{u-1}}=V_{{u-1}}$."""
        proof = r"""Its proof uses these constants at the line's pre-activations on the set only, @[suprema near a point]."""

        def conclude(self, given: Given, *, layer: int, activation: Activation, **detail: Any) -> Bound:
            return super().conclude(_Local(given, layer), layer=layer, activation=activation, **detail)  # type: ignore[no-any-return]

    Near.__name__ = f"Near{base.__name__}"
    return Near


NearBlockSlope = _near(BlockSlope, "block slope near the centre", "Derivative of a dense line near the centre")
NearBlockSecond = _near(BlockSecond, "block second derivative near the centre", "Second derivative of a dense line near the centre")
NearResidualSlope = _near(ResidualBlockSlope, "block slope near the centre, residual line", "Derivative of a residual line near the centre")
NearResidualSecond = _near(
    ResidualBlockSecond, "block second derivative near the centre, residual line", "Second derivative of a residual line near the centre"
)
