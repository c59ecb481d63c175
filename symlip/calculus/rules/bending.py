"""The exact constant of the gradient: how much direction it costs to bend a pre-activation, layer by layer."""

from __future__ import annotations

from functools import partial
from typing import Any

import sympy

from ... import bending_conditions as conditions
from ... import charts
from ...activations import Activation, z
from ...errors import DerivationError, SymlipError
from ...networks import Network, Size
from ..arrays import BendingEnd, BendingInput, BendingStep, ChartOf, Mean, SimplexBending, TwoLayersBending
from ..claims import Bound, Reached, nonnegative
from ..obligations import Decided, Identity, Inequality, Obligation
from ..quantities import ActivationCells, Quantity
from ..rule import Given, Rule
from ..witness import BentWitness
from .activation_constants import identifier
from .cost_second import RiskSecondScalar

g, k, p, h, c, e, w, s, q, y, d, t, x, R, Y, a, r, m, b, u, v, n, E, A, B, L, P = sympy.symbols(
    "g k p h c e w s q y d t x R Y a r m b u v n E A B L P", real=True
)


class Cells(Rule):
    name = "cells of an activation"
    title = "An activation in cells"
    statement = r"""The line is divided into cells, on each of which numbers bound $|s''|,|s'''|,|s''''|$, and tails, on which numbers bound $|s|,|s'|,|s''|$. On a cell of width $\omega$ the functions $s,s',s''$ lie within $\omega^2/8$ times these numbers of their chords."""
    proof = r"""Ball arithmetic gives the numbers. A function $f$ with $|f''|\le C$ and its chord on a cell differ by $\delta$, $\delta=0$ at both ends, $|\delta''|\le C$: so $|\delta|$ is at most the parabola $\tfrac C2\,t(\omega-t)\le C\omega^2/8$."""
    obligations = (
        Identity("the parabola", sympy.diff(c * t * (w - t) / 2, t, 2), -c),
        Inequality("its largest value", (c >= 0, t >= 0, t <= w), c * t * (w - t) / 2 <= c * w**2 / 8),
    )

    def conclude(self, given: Given, *, activation: Activation, **_: Any) -> Bound:
        chart = charts.chart(activation)
        sizes = [charts.rounded_up(activation.constant(order)) for order in (0, 1)]
        numbers = [_tuple(part) for part in (chart.steep, chart.edges, chart.bends, chart.tails, chart.noise)]
        functions = [sympy.Lambda(z, activation.derivative(order)) for order in range(3)]
        size = sympy.oo if sizes[0] == float("inf") else sympy.Float(sizes[0])
        value = ChartOf(size, sympy.Float(sizes[1]), sympy.Integer(int(chart.odd)), *numbers, *functions)
        return Bound(ActivationCells(activation), nonnegative(f"cells_{identifier(activation)}"), value)

    def obligations_of(self, *, activation: Activation, **_: Any) -> tuple[Obligation, ...]:
        found = charts.chart(activation)
        return (
            *self.obligations,
            Decided(f"{activation.name}: cells", partial(charts.holds, activation, found), rf"\text{{ball arithmetic on {len(found.bends[0])} cells}}"),
        )


def _tuple(values: Any) -> sympy.Tuple:
    return sympy.Tuple(*(_tuple(value) if isinstance(value, tuple) else sympy.oo if value == float("inf") else sympy.Float(value) for value in values))


class FirstLayer(Rule):
    name = "cost of bending, first layer"
    title = "The cost of bending the first layer"
    statement = r"""With $\Gamma_1(k)=1/(1+|x|^2)$, $\Gamma_1(k)|z_1'|^2+k|z_1''|\le|\eta_{\le1}|^2$ for all directions and $k\ge0$; $\eta_{\le u}$ is the part of $\eta$ in the layers up to $u$."""
    proof = r"""$z_1'=dA_1x+db_1$, so $|z_1'|^2\le(|dA_1|^2+|db_1|^2)(|x|^2+1)$, and $z_1''=0$."""
    obligations = (Inequality("Cauchy-Schwarz", (), (a * x + b) ** 2 <= (a**2 + b**2) * (x**2 + 1)),)

    def conclude(self, given: Given, **_: Any) -> Bound:
        return Bound(Quantity("bending", 1), nonnegative("Gamma_1"), BendingInput(given.bound("input")))


class ByDirections(Rule):
    name = "bending, direction by direction"
    title = "Bending one more layer, direction by direction"
    statement = r"""Let $\Gamma_u(k)|z_u'|^2+k|z_u''|\le|\eta_{\le u}|^2$ for all $k\ge0$, $\Gamma_u$ nonincreasing, $h=h_u=s(z_u)$, $p_i=s'(z_{u,i})$, $q_i=s''(z_{u,i})$. Let $\mathbf{p}$ be a unit vector along $z_{u+1}''$ \textup{(}any if $z_{u+1}''=0$\textup{)}, $e$ one along $z_{u+1}'$, $y_ib_i$ the columns of $A=A_{u+1}$, $y_i\ge0$, $|b_i|=1$ \textup{(}any $b_i$ if $y_i=0$, any $e$ if $z_{u+1}'=0$\textup{)}, $c_i=\langle b_i,\mathbf{p}\rangle$, $w_i=y_ic_i$,
\[g=\Gamma_u(k|S'w|),\quad S'=\operatorname{diag}(p_i),\qquad D_i=g-kw_iq_i-k^2p_i^2,\qquad v_i=y_ib_i+kh_i\mathbf{p}.\]
If all $D_i>0$, then $|\eta_{\le u+1}|^2-k|z_{u+1}''|\ge|z_{u+1}'|^2/R(e)$, $R(e)=1+\sum_i\bigl(h_i^2+p_i^2\langle v_i,e\rangle^2/D_i\bigr)$."""
    proof = r"""Let $\zeta=z_u'$, $h'=S'\zeta$, $h''_i=q_i\zeta_i^2+p_iz_{u,i}''$, so that $k|z_{u+1}''|=k\langle\mathbf{p},2\,dA\,h'+Ah''\rangle=2k\sum p_i\zeta_i\langle\mathbf{p},dA_i\rangle+k\sum w_iq_i\zeta_i^2+k\langle S'w,z_u''\rangle$, $dA_i$ the columns of $dA=dA_{u+1}$. By the hypothesis at $k|S'w|$, $|\eta_{\le u}|^2\ge g|\zeta|^2+k\langle S'w,z_u''\rangle$. Hence
\[|\eta_{\le u+1}|^2-k|z_{u+1}''|\ge\sum_i(g-kw_iq_i)\zeta_i^2+|dA|^2+|db|^2-2k\sum_ip_i\zeta_i\langle\mathbf{p},dA_i\rangle=\sum_iD_i\zeta_i^2+|C|^2+|db|^2,\]
where $dA_i=kp_i\zeta_i\mathbf{p}+C_i$. And $|z_{u+1}'|=\langle e,dA\,h+db+A\,h'\rangle=\sum_ih_i\langle C_i,e\rangle+\langle db,e\rangle+\sum_ip_i\zeta_i\langle v_i,e\rangle$; Cauchy--Schwarz with the weights $D_i$ gives the claim."""
    obligations = (
        Identity("completing the square in the weights' direction", (k * p * x + c) ** 2 - 2 * k * p * x * (k * p * x + c), c**2 - k**2 * p**2 * x**2),
        Inequality("Cauchy-Schwarz with a weight", (d > 0, sympy.Eq(d * u, v**2)), (v * x + y) ** 2 <= (d * x**2 + y**2) * (u + 1)),
    )

    def conclude(self, given: Given, **_: Any) -> Bound:
        raise DerivationError("bending, direction by direction, is a lemma for others")


SUM = r""" \emph{Sum.} Over the neurons, $\sum_i\bigl(h_i^2+p_i^2\langle v_i,e\rangle^2/D_i\bigr)\le\sum_i\bigl(h_i^2+\varepsilon_i+\Phi y_i^2\langle b_i,e\rangle^2/a^2\bigr)=l+\Phi\,|A^{\top}e|^2/a^2\le l+\Phi$."""

RECURSION = r"""\[\frac1{\Gamma_{u+1}(k)}=1+(l-1)S_0^2+\sup_z\psi_k\bigl(z;\Gamma_u(a\,k\,|s'(z)|)\bigr),\qquad\psi_k(z;g)=\max_{w=\pm a}\Bigl(s^2+\frac{s'^2(w+ks)^2}{g-kw\,s''-k^2s'^2}\Bigr),\]
$\Gamma_{u+1}(k)=-\infty$ unless all these denominators are positive"""

SETTING = r"""Let $h_u=s(z_u)\in\mathbb{R}^l$, $|A_{u+1}|_2\le a$, $a>0$, and $\Gamma_u(k)|z_u'|^2+k|z_u''|\le|\eta_{\le u}|^2$ for all $k\ge0$ with $\Gamma_u$ nonincreasing. """

CLAIM = (
    r""" Then $\Gamma_{u+1}(k)|z_{u+1}'|^2+k|z_{u+1}''|\le|\eta_{\le u+1}|^2$ for all $k\ge0$ with
"""
    + RECURSION
    + r"""; it does not increase, by @[a chain that bends]"""
)

NORMAL = r"""By @[bending, direction by direction] it is enough that all $D_i>0$ and $\sum_i\bigl(h_i^2+p_i^2\langle v_i,e\rangle^2/D_i\bigr)\le(l-1)S_0^2+\sup_z\psi_k$. With $s/S_0$ as a function of $S_1z/S_0$, $kS_0$ for $k$ and $(S_0/S_1)^2\Gamma_u\bigl((S_1/S_0)\,\cdot\,\bigr)$ for $\Gamma_u$ both sides are divided by $S_0^2$: let $S_0=S_1=1$. For one $i$ let $y=y_i,\dots$, $\varepsilon=1-h^2$, $Q=y^2c^2/a^2\le1$, $R^2=1-(1-p^2)Q\ge p^2$. """

SEEN = r"""$|S'w|^2\le p_i^2w_i^2+(a^2-w_i^2)=a^2R^2$, as all $p_j^2\le1$ and $\sum_jw_j^2=|A^{\top}\mathbf{p}|^2\le a^2$; hence $g\ge\Gamma_u(akR)\ge\Gamma_u(ak)>k^2$, the last by the denominator of $\psi_k$ where $s'=S_1$. """

_UNIT = (d >= 0, d <= 1, q >= 0, q <= 1, R >= 0, sympy.Eq(R**2, 1 - (1 - d**2) * q))
_SUMMED = Inequality("the slope that the next layer sees", (d >= 0, d <= 1, w <= a), d * w + (a - w) <= a - (1 - d) * w)
_ORDER = Inequality("R is above the slope", _UNIT, d <= R)


class OneMoreLayer(Rule):
    """What all rules for one more layer share: the recursion itself. `wider`: how many more neurons than there are are counted."""

    wider = 0

    def conclude(self, given: Given, *, layer: int, width: Size, activation: Activation, **_: Any) -> Bound:
        below, weight = given.bound("bending", layer), given.bound("weight", layer + 1)
        cells = given.cells(activation)
        return Bound(Quantity("bending", layer + 1), nonnegative(f"Gamma_{layer + 1}"), BendingStep(below, weight, width, cells, sympy.Integer(self.wider)))


class BendingTanh(OneMoreLayer):
    name = "cost of bending, tanh"
    title = "The cost of bending one more layer, hyperbolic tangent"
    statement = (
        SETTING
        + r"""Let $s=S_0\tanh(S_1z/S_0)$."""
        + CLAIM
        + r""". With $S_0=S_1=1$, $d=s'$, $\tau=\sqrt{1-d}$, this is
\[\frac1{\Gamma_{u+1}(k)}=1+l+\max_{0\le d\le1}F_k\bigl(d;\Gamma_u(akd)\bigr),\qquad F_k(d;g)=\frac{d\,[d(a^2+k^2)-g]_+}{g-2akd\tau-k^2d^2}.\]"""
    )
    proof = (
        NORMAL
        + r"""Here $p=d=1-t^2$, $t=h$, $\varepsilon=d$, and $D=g+2ky\,ctd-k^2d^2$. At $w=a$, $t=-\tau$, $\psi_k=1+d[d(a^2+k^2)-g]/(g-2akd\tau-k^2d^2)$, and $\psi_k\to1$ as $d\to0$; at $t=\tau$ the denominator is larger, so that $\psi_k$ is at most its value at $-\tau$, or at most $1$: the two forms of $\Gamma_{u+1}$ agree. Let $\Phi=\max_dF_k$.
\emph{One neuron:} $(d^2/D)\,vv^{\top}\le d\,I+(y^2/a^2)\Phi\,bb^{\top}$ \textup{(}Loewner\textup{)} and $D>0$. With $\mu=(y^2/a^2)\Phi$, $\xi=tc$, the rank-one criterion $v^{\top}M^{-1}v\le1$ makes this $d^2\bigl[(y+k\xi)^2/(d+\mu)+k^2(t^2-\xi^2)/d\bigr]\le D$, which says
\[\mu\Delta\ge d\,[d(y^2+k^2)-g],\qquad\Delta=g+2ky\xi d-k^2d(1-\xi^2).\]
$Q\le c^2$ and $R\ge d$. \textup{(i)} """
        + SEEN
        + r"""\textup{(ii)} $d^2\tau^2Q\le R^2(1-R)$, so $2ky\xi d\ge-2kaR\sqrt{1-R}$. \textup{(iii)} $d(1-\xi^2)\le d(1-(1-d)Q)\le R^2$. So $\Delta$, and $D\ge\Delta$, are at least the denominator of $F_k$ at $R$, which is positive. The numerator, where it is positive, grows with $d$: it is at most $R[R(y^2+k^2)-\Gamma_u(akR)]_+$; and, since the denominator at $d=1$ says $\Gamma_u(akR)\ge\Gamma_u(ak)>k^2\ge k^2R$, at most $(y^2/a^2)R[R(a^2+k^2)-\Gamma_u(akR)]_+$. Hence $\mu\ge d[d(y^2+k^2)-g]/\Delta$."""
        + SUM
    )
    obligations = (
        *FirstLayer.obligations,
        *ByDirections.obligations,
        Identity(
            "both forms of the recursion",
            sympy.expand((t**2 - 1) * (g + 2 * a * k * t * (1 - t**2) - k**2 * (1 - t**2) ** 2) + (1 - t**2) ** 2 * (a + k * t) ** 2),
            sympy.expand((1 - t**2) * ((1 - t**2) * (a**2 + k**2) - g)),
        ),
        Identity(
            "the rank-one criterion, multiplied out",
            sympy.expand((m * (g + 2 * k * y * x * d - k**2 * d * (1 - x**2)) - d * (d * (y**2 + k**2) - g)).subs(d, 1 - t**2)),
            sympy.expand(((d + m) * (g + 2 * k * y * x * d - k**2 * d**2 - d * k**2 * (t**2 - x**2)) - d**2 * (y + k * x) ** 2).subs(d, 1 - t**2)),
        ),
        _SUMMED,
        _ORDER,
        Inequality("(ii)", (*_UNIT, d <= R), d**2 * (1 - d) * q <= R**2 * (1 - R)),
        Inequality("(iii)", _UNIT, d * (1 - (1 - d) * q) <= R**2),
        Inequality("the numerator grows", (d >= 0, d <= R, s >= 0, g >= 0, d * s >= g), d * (d * s - g) <= R * (R * s - g)),
        Inequality("from y to a", (Y >= 0, Y <= 1, R >= 0, R * s <= g, u >= 0), R * Y * u + R * s - g <= Y * (R * u + R * s - g)),
    )  # fmt: skip

    def obligations_of(self, *, activation: Activation, **_: Any) -> tuple[Obligation, ...]:
        return (*self.obligations, Decided(f"{activation.name}: its equation", partial(conditions.is_tanh, activation), r"s'=S_1(1-(s/S_0)^2),\ s(0)=0"))


_STAR = r"""$(*)$ $|s''|/\sqrt{S_1^2-s'^2}$ does not increase with $|z|$, where $s'<S_1$"""
STAR_FACTS = r"""$s''(0)=0$ by oddness, and $s'(0)=S_1$: else $(*)$ would give $s''=0$ everywhere, against $S_0<\infty$. Normalised, $r=\sqrt{1-p^2}$ is a concave function of $h\in[0,1)$ with $|q|=r\,r'(h)$, $r(0)=0$; it tends to $1$, as $p\to0$ with $S_0<\infty$, so it increases and $q<0$ for $z>0$. Hence $r\ge h$, so $p^2\le\varepsilon$; $r^2$ is a concave function of $h^2$, so $\rho=p^2/\varepsilon$ does not increase with $|z|$, and $h|q|\le r^2$. As $(-h,-q,-b)$ for $(h,q,b)$ changes neither $D$ nor $vv^{\top}$ nor $bb^{\top}$, let $h\ge0$. """

ONE_NEURON = r"""\emph{One neuron:} $(p^2/D)\,vv^{\top}\le\varepsilon I+(y^2/a^2)\Phi\,bb^{\top}$ and $D>0$, which the rank-one criterion makes, with $\xi=hc$, $Y=y^2/a^2$,
\[\mu=\frac{p^2(y+k\xi)^2}{\Delta}-\varepsilon\le Y\Phi,\qquad\Delta=g-kycq-\frac{k^2p^2(1-\xi^2)}{\varepsilon}>0.\]
Compare with the point $\tilde z$ where $|s'|=R$, that is $\tilde r=\sqrt Q\,r$. """

NEGATIVE = r"""\emph{$k\xi\le0$.} $\Delta\ge\Gamma_u(akR)-ka|\tilde q|-k^2R^2>0$, since $p^2(1-\xi^2)/\varepsilon\le p^2(1-Qh^2)/\varepsilon\le R^2$ \textup{(}affine in $Q$, true at $Q=0$, an equality at $Q=1$\textup{)}. If $y\ge k|\xi|$ and $y>0$: $y-k|\xi|\le\sqrt Y(a-kh\sqrt Q/Y)\le\sqrt Y(a-k\tilde h)$, as $|\xi|=h|c|=h\sqrt{Q/Y}$, so
$\mu=\varepsilon\bigl(\rho(y-k|\xi|)^2/\Delta-1\bigr)\le\tilde\varepsilon\bigl(Y\tilde\rho(a-k\tilde h)^2/\tilde\Delta-1\bigr)_+\le Y\Phi$. If $y<k|\xi|$: $p^2(y-k|\xi|)^2\le\varepsilon\Delta$ reads $p^2(y^2-2ky|\xi|+k^2)+\varepsilon ky|c||q|\le\varepsilon g$, and with $y^2\le ky|\xi|=kyh|c|$ and $V=ky|c|\le k^2h$ the left side is at most $p^2(k^2-hV)+\varepsilon|q|V$, affine in $V$, hence at most $\max\{p^2k^2,k^2\varepsilon(p^2+h|q|)\}\le\varepsilon k^2<\varepsilon g$, so $\mu\le0$. """

BY_STAR = r"""By $(*)$, $\tilde h\le\sqrt Q\,h$, since $r(\sqrt Q\,h)\ge\sqrt Q\,r(h)$ and $r$ increases, and $|\tilde q|=\sqrt Q\,r(h)r'(\tilde h)\ge\sqrt Q\,|q|$; a tilde marks what belongs to $\tilde z$, $\tilde\Delta$ is the denominator of $\psi_k$ there with $\Gamma_u(akR)$. """

SIGNS = r"""\textup{(}$q$ has the sign of $-h$, so that $-kycq$ has the sign of $k\xi$.\textup{)} """

_STAR_OBLIGATIONS = (
    _SUMMED,
    _ORDER,
    Inequality("affine in Q", (d >= 0, h >= 0, h < 1, d <= 1 - h**2, q >= 0, q <= 1), d * (1 - q * h**2) <= (1 - (1 - d) * q) * (1 - h**2)),
    Inequality(
        "y below k xi",
        (v >= 0, v <= u * h, u >= 0, h >= 0, h <= 1, d >= 0, d <= 1 - h**2, s >= 0, d + h * s <= 1),
        d * (u - h * v) + (1 - h**2) * s * v <= (1 - h**2) * u,
    ),
)


def _star_decided(activation: Activation) -> Obligation:
    return Decided(f"{activation.name}: (*)", partial(conditions.star, activation), r"|s''|/\sqrt{S_1^2-s'^2}\ \text{does not increase}")


class BendingOdd(OneMoreLayer):
    name = "cost of bending, two conditions"
    title = "The cost of bending one more layer, odd activations"
    statement = (
        SETTING
        + r"""Let $s$ be odd, twice continuously differentiable, increasing, $S_0<\infty$, and """
        + _STAR
        + r""", $(\diamond)$ $s'/(S_0^2-s^2)$ does not increase with $|z|$."""
        + CLAIM
        + "."
    )
    proof = (
        NORMAL
        + r"""Let $\Phi=\sup\psi_k-1\ge0$. """
        + STAR_FACTS
        + SEEN
        + ONE_NEURON
        + SIGNS
        + BY_STAR
        + NEGATIVE
        + r"""\emph{$k\xi\ge0$.} $\Delta\ge B=g-k^2>0$ \textup{(}positivity at $h=0$\textup{)}, and $\mu\Delta=p^2(y^2+k^2)-\varepsilon g+kycE$ with $E=2hp^2+\varepsilon q=\varepsilon^2\frac{d}{dz}(p/\varepsilon)$; by $(\diamond)$ $cE\le0$, so $\mu\Delta\le\varepsilon(y^2-B)$ and $\mu\le(Ya^2/B-1)_+\le Y(a^2/B-1)_+\le Y\Phi$ \textup{(}the point $h=0$\textup{)}."""
        + SUM
    )
    obligations = (
        *FirstLayer.obligations,
        *ByDirections.obligations,
        *_STAR_OBLIGATIONS,
        Identity(
            "k xi >= 0",
            sympy.expand(p**2 * (y + k * h * c) ** 2 * (1 - h**2) - (1 - h**2) * ((g - k * y * c * q) * (1 - h**2) - k**2 * p**2 * (1 - h**2 * c**2))),
            sympy.expand((1 - h**2) * (p**2 * (y**2 + k**2) - (1 - h**2) * g + k * y * c * (2 * h * p**2 + (1 - h**2) * q))),
        ),
        Inequality("at h = 0", (Y >= 0, Y <= 1, B > 0, a**2 >= B, sympy.Eq(L * B, a**2)), Y * L - 1 <= Y * (L - 1)),
    )

    def obligations_of(self, *, activation: Activation, **_: Any) -> tuple[Obligation, ...]:
        return (
            *self.obligations,
            _star_decided(activation),
            Decided(f"{activation.name}: (diamond)", partial(conditions.diamond, activation), r"s'/(S_0^2-s^2)\ \text{does not increase}"),
        )


class BendingStar(OneMoreLayer):
    wider = 1
    name = "cost of bending, one condition"
    title = "The cost of bending one more layer, one condition"
    statement = (
        SETTING
        + r"""Let $s$ be odd, twice continuously differentiable, increasing, $S_0<\infty$, and """
        + _STAR
        + r""". Then $\Gamma_{u+1}(k)|z_{u+1}'|^2+k|z_{u+1}''|\le|\eta_{\le u+1}|^2$ for all $k\ge0$ with the recursion of @[cost of bending, two conditions] for one neuron more, $l+1$ for $l$."""
    )
    proof = (
        NORMAL
        + r"""Let $\Phi=\sup\psi_k$, which is $1$ more than there. """
        + STAR_FACTS
        + SEEN
        + ONE_NEURON
        + SIGNS
        + BY_STAR
        + NEGATIVE.replace(r"\le Y\Phi$. If", r"\le Y\Phi$ \textup{(}with $1$ to spare\textup{)}. If")
        + r"""\emph{$k\xi\ge0$.} $p^2\le\varepsilon$, $-kycq\ge0$ and $|\xi|\le h$ give $\Delta\ge g-k^2p^2(1-\xi^2)/\varepsilon$, and with $B=g-k^2>0$, by Cauchy--Schwarz, $p^2(y+k\xi)^2/\Delta-\varepsilon\le Ya^2/B\le Y\Phi$, since $\psi_k$ at $h=0$ is $a^2/(\Gamma_u(ak)-k^2)\ge a^2/B$: indeed $p^2(y+k\xi)^2\le(\varepsilon+y^2/B)\Delta$ follows from $(y+k\xi)^2\le(1+y^2/B)(B+k^2\xi^2)$, $p^2(1+y^2/B)\le\varepsilon+y^2/B$ and $k^2\xi^2\le k^2-k^2\rho(1-\xi^2)$."""
        + SUM
    )
    obligations = (
        *FirstLayer.obligations,
        *ByDirections.obligations,
        *_STAR_OBLIGATIONS,
        Inequality("k xi >= 0: Cauchy-Schwarz", (B > 0, sympy.Eq(L * B, y**2)), (y + x) ** 2 <= (1 + L) * (B + x**2)),
        Inequality("k xi >= 0: first factor", (d >= 0, d <= E, E <= 1, L >= 0), d * (1 + L) <= E + L),
        Inequality("k xi >= 0: second factor", (P >= 0, P <= 1, x >= 0, x <= 1), x**2 <= 1 - P * (1 - x**2)),
    )

    def obligations_of(self, *, activation: Activation, **_: Any) -> tuple[Obligation, ...]:
        return (*self.obligations, _star_decided(activation))


class BendingSin(OneMoreLayer):
    name = "cost of bending, sine"
    title = "The cost of bending one more layer, sine"
    statement = SETTING + r"""Let $s=S_0\sin(S_1z/S_0)$.""" + CLAIM + "."
    proof = (
        NORMAL
        + r"""Here $p^2=\varepsilon$, $r=|h|$, $|q|=|h|$, and $\rho=1$. Let $\Phi=\sup\psi_k-1\ge0$. """
        + SEEN
        + ONE_NEURON
        + SIGNS
        + r"""Here $\tilde h=\sqrt Q\,h$, $|\tilde q|=\sqrt Q\,|q|$; a tilde marks what belongs to $\tilde z$, $\tilde\Delta$ is the denominator of $\psi_k$ there with $\Gamma_u(akR)$. As $(-h,-q,-b)$ for $(h,q,b)$ changes neither $D$ nor $vv^{\top}$ nor $bb^{\top}$, let $h\ge0$; if $h=1$, $p=0$ and only $D=g-kycq>0$ is to be shown, which the case $h<1$ gives in the limit. """
        + NEGATIVE
        + r"""\emph{$k\xi\ge0$.} If $y=0$, $\mu\le0$ as $g\ge k^2$. Replace $g$ by $\Gamma_u(akR)$, which depends on $k,Q,h$ only. At fixed $Q=y^2c^2/a^2>0$ \textup{(}if $c=0$, $\mu/Y$ grows with $y$, so let $y=a$\textup{)} let $\tau=1/y^2$ run over $[1/a^2,1/(a^2Q)]$, that is $c^2=a^2Q\tau$: $\mu/Y=a^2\varepsilon\bigl(\frac{(y+k\xi)^2}{\Delta}-1\bigr)\tau$ with $y\xi=ha\sqrt Q$ fixed is $a^2\varepsilon$ times a convex function of $c^2$ \textup{(}a square over an affine function, minus an affine one\textup{)}, so that only $y=a$ and $|c|=1$ matter. $y=a$: $\mu=\varepsilon\bigl((a+k\tilde h)^2/\tilde\Delta-1\bigr)\le\tilde\varepsilon\bigl((a+k\tilde h)^2/\tilde\Delta-1\bigr)_+\le\Phi$ with $\tilde h=\sqrt Q\,h$, as $\Delta\ge\Gamma_u(akR)+ka\tilde h-k^2R^2$. $|c|=1$, $\tau'=1/Q$: $\mu/Q=(1-\tau'\tilde h^2)(a^2+\tau'\nu)/(\Lambda+k^2\tilde h^2\tau')$ with $\nu=ka\tilde h-B$, $B=g-k^2$, $\Lambda=2B+\nu$, which does not increase with $\tau'$ where it is positive, as $\nu\Lambda=(ka\tilde h)^2-B^2\le a^2k^2\tilde h^2$; so its value is at most that at $Q=1$."""
        + SUM
    )
    obligations = (
        *FirstLayer.obligations,
        *ByDirections.obligations,
        _SUMMED,
        _ORDER,
        _STAR_OBLIGATIONS[-1],
        Identity("nu times Lambda", sympy.expand((k * a * h - B) * (2 * B + k * a * h - B)), sympy.expand((k * a * h) ** 2 - B**2)),
        Inequality("a ratio that does not increase", (E >= 0, v * L <= u * E, s <= t), (u + t * v) * (L + E * s) <= (u + s * v) * (L + E * t)),
    )

    def obligations_of(self, *, activation: Activation, **_: Any) -> tuple[Obligation, ...]:
        return (*self.obligations, Decided(f"{activation.name}: a sine", lambda: conditions.kind(activation) == "sin", r"s=S_0\sin(S_1z/S_0)"))


class BendingChain(OneMoreLayer):
    name = "cost of bending, single neurons"
    title = "The cost of bending a chain of single neurons"
    statement = (
        SETTING.replace(r"\in\mathbb{R}^l$", r"\in\mathbb{R}$, $z_{u+1}\in\mathbb{R}$").replace("nonincreasing", "nonincreasing and concave")
        + r"""Let $s$ be smooth with $S_0,S_1<\infty$, $l=1$."""
        + CLAIM
        + r""" and is concave."""
    )
    proof = r"""In @[bending, direction by direction] $l=1$, $\mathbf{p},e,b=\pm1$ and $|v|=|w+kh|$ with $w=\pm y$, so $R(e)=1+h^2+p^2(w+kh)^2/D$, $D=\Gamma_u(k|wp|)-kwq-k^2p^2$. $D$ is a concave function of $w$, positive at $w=\pm a$, so positive between them; and $\{w:p^2(w+kh)^2\le C\,D\}$ is convex for all $C\ge0$, so that the ratio is largest at $w=a$ or $w=-a$. That $\Gamma_{u+1}$ does not increase and is concave is @[a chain that bends]."""
    obligations = (
        *FirstLayer.obligations,
        *ByDirections.obligations,
        Inequality("a convex set", (x**2 <= u, y**2 <= v, t >= 0, t <= 1), (t * x + (1 - t) * y) ** 2 <= t * u + (1 - t) * v),
    )


class BendingAlike(OneMoreLayer):
    wider = -1
    name = "cost of bending, all neurons alike"
    title = "The cost of bending one more layer, any bounded activation"
    statement = (
        SETTING.replace(", and $", ", and for all $k\\ge0$ $").replace(" for all $k\\ge0$ with $\\Gamma_u$ nonincreasing", "")
        + r"""Let $s$ be smooth with $S_0,S_1<\infty$. Then $\Gamma_{u+1}(k)|z_{u+1}'|^2+k|z_{u+1}''|\le|\eta_{\le u+1}|^2$ for all $k\ge0$ with $g=\Gamma_u(akS_1)$,
\[\frac1{\Gamma_{u+1}(k)}=1+\min_\sigma\Bigl(l\sigma+\sup_{z,c,y}\frac{a^2}{y^2}\Bigl[\frac{s'^2(y+ksc)^2}{\Delta}-(\sigma-s^2)\Bigr]_+\Bigr),\qquad\Delta=g-kyc\,s''-\frac{k^2s'^2(\sigma-s^2c^2)}{\sigma-s^2},\]
$|c|\le1$, $0<y\le a$, the minimum over $\sigma>\sup_zs^2g/(g-k^2s'^2)$ with all $\Delta>0$, $g>k^2S_1^2$; $\Gamma_{u+1}(k)=-\infty$ if there is none. Only $y=a$ and $|c|=1$ matter in the supremum."""
    )
    proof = (
        r"""In @[bending, direction by direction] $g$ may be $\Gamma_u(akS_1)$: as $k|S'w|\le akS_1$, the hypothesis at $akS_1$ gives the one that its proof uses. Let $\varepsilon=\sigma-h^2>0$ and $\Phi$ be the supremum. \emph{One neuron:} $(p^2/D)\,vv^{\top}\le\varepsilon I+(y^2/a^2)\Phi\,bb^{\top}$. With $\mu=(y^2/a^2)\Phi$ the rank-one criterion makes this $p^2\bigl[(y+khc)^2/(\varepsilon+\mu)+k^2h^2(1-c^2)/\varepsilon\bigr]\le D$, which says $p^2(y+khc)^2\le(\varepsilon+\mu)\Delta$, as $D-k^2p^2h^2(1-c^2)/\varepsilon=\Delta$; and $D\ge\Delta>0$. \emph{Sum.} Over the neurons, $\sum_i\bigl(h_i^2+p_i^2\langle v_i,e\rangle^2/D_i\bigr)\le\sum_i\bigl(h_i^2+\varepsilon_i+\Phi y_i^2\langle b_i,e\rangle^2/a^2\bigr)\le l\sigma+\Phi$. """
        r"""\emph{The supremum.} At fixed $z$ and $w=yc$ the bracket times $a^2/y^2$ is, in $V=1/y^2\in[1/a^2,1/w^2]$, $a^2$ times $p^2(1+khwV)^2/\Delta-V\varepsilon$ with $\Delta$ affine in $V$: convex, so largest at an end, and $\Delta$ is positive if it is so at both ends."""
    )
    obligations = (
        *FirstLayer.obligations,
        *ByDirections.obligations,
        Identity(
            "the denominator",
            sympy.expand((d - k**2 * p**2) * (s - h**2) - k**2 * p**2 * h**2 * (1 - c**2)),
            sympy.expand(d * (s - h**2) - k**2 * p**2 * (s - h**2 * c**2)),
        ),
        Inequality(
            "a square over a positive affine function is convex",
            (u > 0, v > 0, t >= 0, t <= 1),
            (t * x + (1 - t) * y) ** 2 * u * v <= (t * x**2 * v + (1 - t) * y**2 * u) * (t * u + (1 - t) * v),
        ),
    )


KINDS: dict[str, type[Rule]] = {"tanh": BendingTanh, "odd": BendingOdd, "star": BendingStar, "sin": BendingSin}


def rule_of(network: Network, layer: int) -> Rule | None:
    """The rule for the step from that hidden layer to the next; None where none is known."""
    found = conditions.kind(network.dense[layer - 1].activation)
    if found is not None and found != "star":
        return KINDS[found]()
    if _single(network):
        return BendingChain()
    if found is not None:
        return KINDS[found]()
    data = network.dense[layer - 1]
    bounded = data.activation.constant(0) != sympy.oo and conditions.bends(data.activation)
    return BendingAlike() if bounded and isinstance(data.width, int) else None


def _single(network: Network) -> bool:
    return all(layer.width == 1 for layer in network.dense)


def _cap(given: Given, layer: int) -> sympy.Expr:
    """The block bound, where it is a premise: the number is at most that."""
    return given.bound("second", layer) if given.has("second", layer) else sympy.oo


class BendingLast(Rule):
    name = "the last layer bends"
    title = "The second derivative by the cost of bending"
    statement = r"""Let $\Gamma_m(k)|z_m'|^2+k|z_m''|\le|\eta|^2$ for all $k\ge0$, $h_m=s(z_m)$. If $|s'|$ attains $S_1$, and the output is a number or $|s''|/\sqrt{S_1^2-s'^2}$ is a nondecreasing function of $|s'|$, then $|D^2h_m|\le\Lambda^{\Gamma}=\inf\{\lambda>0:\lambda\,\Gamma_m(|s'(z)|/\lambda)\ge|s''(z)|\text{ for all }z\}$; if $s$ is affine, $\Lambda^{\Gamma}=\inf\{\lambda>0:\Gamma_m(S_1/\lambda)>0\}$. If the block bound is among the premises, the number given is the smaller of the two."""
    proof = r"""$\langle y,D^2N\rangle$ is a symmetric form for every $y$, so that $|D^2N|=\sup_{|\eta|=1}|D^2N[\eta,\eta]|$. Let $\lambda$ satisfy the condition, and let $y$ be the unit vector along $h_m''$, $\zeta=z_m'$: $|h_m''|=\sum_iy_is_i''\zeta_i^2+\langle S'y,z_m''\rangle\le\max_i|y_is_i''||\zeta|^2+|S'y||z_m''|$, and with $k=|S'y|/\lambda$ the hypothesis gives $\lambda|\eta|^2\ge\lambda\Gamma_m(|S'y|/\lambda)|\zeta|^2+|S'y||z_m''|$: it is enough that $\lambda\Gamma_m(|S'y|/\lambda)\ge|y_is_i''|$ for all $i$. For a single output that is the condition at $z_m$. Else let $R^2=S_1^2-(S_1^2-s_i'^2)y_i^2$, so that $|S'y|\le R$ and $|s_i'|\le R$; there is, or there are in the limit, $\tilde z$ with $|s'(\tilde z)|=R$, and by the hypothesis on $s$ $|y_is_i''|=\frac{|s_i''|}{\sqrt{S_1^2-s_i'^2}}\sqrt{S_1^2-R^2}\le|s''(\tilde z)|$ \textup{(}$y_i=0$ if $R=S_1$, or $s_i''=0$\textup{)}: the condition at $\tilde z$ is enough, with the hypothesis at $R/\lambda\ge|S'y|/\lambda$ instead. For an affine $s$, $|h_m''|\le S_1|z_m''|$, and the hypothesis at $k=S_1/\lambda$ with $\Gamma_m\ge0$.
\emph{The number.} If the hypothesis holds at $k_1$ and $k_2$, with some numbers for $\Gamma_m$, it holds between them with the numbers on the chord, as a convex combination; and with the number at $k$ for every smaller one. So $\Gamma_u$ is kept at nodes, rounded down. On a cell of @[cells of an activation] every inequality is one between polynomials of degree $4$ in the place in the cell; it holds if it holds between their Bernstein coefficients. The smallest $\lambda$ is enclosed by bisection, all numbers rounded up by more than the rounding errors."""
    obligations = (
        Inequality("the slope seen by y", (q >= 0, q <= 1, d >= 0, d <= u, p >= 0, p <= u), (1 - q) * p + q * d <= u - (u - d) * q),
        Inequality("a Bernstein combination", (t >= 0, t <= 1, a >= 0, b >= 0, c >= 0), a * (1 - t) ** 2 + 2 * b * t * (1 - t) + c * t**2 >= 0),
    )

    def conclude(self, given: Given, *, layer: int, activation: Activation, **_: Any) -> Bound:
        one, zero = sympy.Integer(1), sympy.Integer(0)
        value = BendingEnd(_cap(given, layer), given.bound("bending", layer), given.cells(activation), one, zero, zero)
        return Bound(Quantity("second", layer), nonnegative("Lexact"), value)

    def obligations_of(self, *, activation: Activation, scalar: bool, **_: Any) -> tuple[Obligation, ...]:
        if scalar:
            return self.obligations
        return (
            *self.obligations,
            Decided(f"{activation.name}: ordered", partial(conditions.ordered, activation), r"|s''|/\sqrt{S_1^2-s'^2}\ \text{grows with}\ |s'|"),
        )


class BendingCost(Rule):
    name = "a cost on a last layer that bends"
    title = "The cost on top, by the cost of bending"
    statement = r"""In the situation of @[the last layer bends] let $\varphi=g(N,y)$, $|D_og|\le g_1$, $|D_o^2g|\le g_2$. Then $|D^2\varphi|\le\inf\{\lambda>0:\lambda\,\Gamma_m(g_1|s'(z)|/\lambda)\ge g_1|s''(z)|+g_2s'(z)^2\text{ for all }z\}$, and at most what the block bound gives."""
    proof = r"""$\varphi''=D_og[h_m'']+D_o^2g[h_m',h_m']$; with $y$ along $D_og$ instead, $|\varphi''|\le\sum_i\bigl(g_1|y_is_i''|+g_2s_i'^2\bigr)\zeta_i^2+g_1|S'y||z_m''|$. For the $i$ with the largest bracket and its $R$ as there, $|s_i'|\le R$: the condition at $\tilde z$, where $g_1|s''|+g_2s'^2$ is at least that bracket. For an affine $s$ it is the condition itself."""
    obligations = BendingLast.obligations

    def conclude(self, given: Given, *, layer: int, activation: Activation, **_: Any) -> Bound:
        slope, curvature = given.bound("cost_slope"), given.bound("cost_curvature")
        value = BendingEnd(given.bound("cost_second"), given.bound("bending", layer), given.cells(activation), slope, curvature, sympy.Integer(0))
        return Bound(Quantity("cost_second"), nonnegative("Lexactcost"), value)


class RiskBending(Rule):
    name = "a risk on a last layer that bends"
    title = "The average over the data, by the cost of bending"
    statement = r"""Let $\Phi=\mathbb{E}\,\varphi$ and $|D^2\varphi|\le\Lambda^{\varphi,\Gamma}$ for each sample, with a bound that may depend on it. Then $|D^2\Phi|$ is at most $\mathbb{E}\,\Lambda^{\varphi,\Gamma}$, and at most what the averaged blocks give."""
    proof = r"""$D^2\Phi=\mathbb{E}\,D^2\varphi$ and the triangle inequality."""
    obligations = RiskSecondScalar.obligations

    def conclude(self, given: Given, **_: Any) -> Bound:
        return Bound(Quantity("risk_second"), nonnegative("Lexactrisk"), sympy.Min(given.bound("risk_second"), Mean(given.bound("cost_second"))))


REACHED_NETWORK = r"""$A_u=\pm a_ue_1e_1^{\top}$ for $u\ge2$, neuron $1$ of layer $u$ held at $z_u$ and all others where $|s|$ is, or is near, $S_0$"""


class BendingBelow(Rule):
    name = "a chain that bends"
    title = "A chain that bends"
    statement = (
        r"""For all $z_1,\dots,z_m$ the network with """
        + REACHED_NETWORK
        + r""", $A_1=0$, has in the limit, over the unit directions $\eta$ that move neuron $1$ of each layer only, the largest $|D^2N[\eta,\eta]|=|h_m''|$, the norm of the quadratic form $h_m''$ in $\beta_1,\alpha_2,\beta_2,\dots,\alpha_m,\beta_m$: $z_1'=\sqrt{1+|x|^2}\,\beta_1$, $z_u'=\alpha_us(z_{u-1})+\sqrt{1+(l_{u-1}-1)S_0^2}\,\beta_u\pm a_uh_{u-1}'$, $z_u''=2\alpha_uh_{u-1}'\pm a_uh_{u-1}''$, $h_u'=s'z_u'$, $h_u''=s''z_u'^2+s'z_u''$. The theorem's number is that of the best $z$ that a search found, rounded down. Let $\hat\Gamma_u(k)$ be the infimum of $(|\eta_{\le u}|^2-k|z_u''|)/|z_u'|^2$, $z_u'\ne0$, over these networks and directions, with as many neurons in each layer as the steps count. It is concave and does not increase with $k\ge0$. For the recursions with one active neuron in each layer \textup{(}those with $\psi_k$\textup{)} $\hat\Gamma_u=\Gamma_u$ where $\Gamma_u>-\infty$, which is an interval that contains $0$, and $\hat\Gamma_u\le0$ elsewhere."""
    )
    proof = r"""For $u\ge2$ $dA_u=e_1v_u^{\top}$ acts on $h_{u-1}$, whose entry $1$ is $s(z_{u-1})$ and whose others have moduli near $S_0$: these and $db_u$ see the rest of $(v_u,db_u)$, of length $\beta_u$ say, with the factor $\sqrt{1+(l_{u-1}-1)S_0^2}$ at best, and only the entry $\alpha_u$ of $v_u$ meets $h_{u-1}'$, which is along $e_1$; for $u=1$ $(dA_1,db_1)$ is best along $(x,1)$. Biases put the $z_u$ where they should be. \emph{The infimum.} As one of affine functions of $k$ with slopes $-|z_u''|/|z_u'|^2\le0$ it is concave and does not increase. By induction let $\hat\Gamma_u=\Gamma_u$ where that is finite. Given $k,z_u$ and the sign of $w=\pm a$, let $D>0$ be the denominator in $\psi_k$ and take the networks and directions near $\Gamma_u(k|ws'(z_u)|)$ below. With $A_{u+1}=\pm a\,e_1e_1^{\top}$ every inequality of @[bending, direction by direction] is an equality, with $\langle\mathbf p,z_{u+1}''\rangle\le|z_{u+1}''|$ for $\mathbf p=\pm e_1$, if $C$, $db$ and $\zeta$ are in the proportion that Cauchy--Schwarz asks for, along $e_1$, and $z_u''$ has the sign of $s'(z_u)w$; the other neurons have $\zeta_i=0$ and contribute $h_i^2$, near $S_0^2$, each. The sign of $z_u''$ is free: $A_u,dA_u,db_u\to-A_u,-dA_u,-db_u$, with $b_u$ chosen to keep $z_u$, changes the signs of $z_u'$ and $z_u''$. Where $D\le0$ for some $z_u$, $C=db=0$ and $\zeta\ne0$ \textup{(}or with a small $db$, for $z_{u+1}'\ne0$\textup{)} has $|\eta|^2-k|z_{u+1}''|\le0$ up to as little as one likes. $D$ is concave in $k$ and positive at $0$ for each $z_u$, so $\Gamma_{u+1}>-\infty$ on an interval."""
    obligations = (Inequality("two entries as one", (a**2 + b**2 <= 1,), (a * h + b * k) ** 2 <= h**2 + k**2),)

    def conclude(self, given: Given, *, layer: int, activation: Activation, **_: Any) -> Reached:
        one, zero = sympy.Integer(1), sympy.Integer(0)
        value = BendingEnd(_cap(given, layer), given.bound("bending", layer), given.cells(activation), one, zero, one)
        return Reached(Quantity("second", layer), nonnegative("Clow"), value, BentWitness(exact=False))


class BendingReached(Rule):
    name = "the cost of bending is reached"
    title = "The constant of the gradient is reached"
    statement = r"""Let all $a_u>0$, the biases free, the activations twice continuously differentiable, the last layer as in @[the last layer bends], and let every step be by one of the lemmas whose recursion counts as many neurons as there are \textup{(}hyperbolic tangent, odd activations with two conditions, sine, single neurons\textup{)}. Then $\Lambda^{\Gamma}$ is the Lipschitz constant of the gradient: it is approached by the networks of @[a chain that bends]."""
    proof = r"""Let $\lambda<\lambda''<\Lambda^{\Gamma}$. The condition of @[the last layer bends] fails at $\lambda''$ for some $z$; put $k''=|s'(z)|/\lambda''$, $k=|s'(z)|/\lambda\ge k''$ \textup{(}for an affine last layer $|s'|=S_1$, $s''=0$\textup{)}. With $\hat\Gamma_m$ of @[a chain that bends], $\lambda\hat\Gamma_m(k)<|s''(z)|$: if $\Gamma_m(k'')>0$, $\lambda\hat\Gamma_m(k)\le\lambda''\Gamma_m(k'')<|s''|$; else $k''>0$, and $\hat\Gamma_m$, concave with $\hat\Gamma_m(0)>0\ge\hat\Gamma_m(k'')$, is negative at $k>k''$. So there are networks of the set and directions with $\lambda|\eta|^2<|s''||z_m'|^2+|s'||z_m''|$, the sign of $z_m''$ free, and neuron $1$ of the last layer, held at $z$, has $|h_m''|=|s''||z_m'|^2+|s'||z_m''|>\lambda|\eta|^2$. The set is the closure of its interior, and difference quotients of $DN$ at interior points near the network come near $|D^2N|$."""
    obligations = (
        *BendingBelow.obligations,
        Inequality("equality in Cauchy-Schwarz", (d > 0, sympy.Eq(d * x, v)), sympy.Eq((d * x**2 + 1) * (v * x + 1), (v * x + 1) ** 2)),
    )

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Reached:
        if not exact_network(network):
            raise DerivationError("the cost of bending is known to be reached for the activations of its lemmas only")
        depth = network.depth
        return Reached(Quantity("second", depth), given.bound("second", depth), None, BentWitness(exact=True))


def exact_network(network: Network) -> bool:
    """Whether the gradient's constant is known exactly: every step's rule is an equality, the last layer's applies, and all have cells."""
    rules = [rule_of(network, layer) for layer in range(1, len(network.dense))]
    steps = all(rule is not None and not getattr(rule, "wider", 0) for rule in rules)
    return steps and last_layer_known(network) and all(has_cells(activation) for activation in network.activations)


def has_cells(activation: Activation) -> bool:
    try:
        charts.chart(activation)
    except SymlipError:
        return False
    return True


def last_layer_known(network: Network) -> bool:
    """Whether the last layer's rule applies: one output, or an activation whose curvature is ordered by its slope."""
    last = network.dense[-1]
    if conditions.bends(last.activation) and last.activation.supremum(1).attained_at is None:
        return False
    return last.width == 1 or conditions.ordered(last.activation)


class SimplexSecond(Rule):
    name = "shares of the ball"
    title = "The second derivative on the parameter ball: shares of the layers"
    statement = r"""Let $\Lambda^{\Gamma}(a_2,\dots,a_m)$ be the bound of @[the last layer bends] on the set $|A_u|_2\le a_u$, with free biases. On $|\theta|\le R$, $|D^2h_m|\le\max\{\Lambda^{\Gamma}(a_2,\dots,a_m):a_2^2+\dots+a_m^2\le R^2\}$. The theorem's number is at least that, and not above the bounds among the premises."""
    proof = r"""A network of the ball lies in the set with $a_u=|A_u|_2\le|A_u|_F$, and $\sum_{u\ge2}|A_u|_F^2\le R^2$. \emph{The number.} $\Lambda^{\Gamma}$ does not decrease with any $a_u$, as the conditions on $\Gamma$ become more. On a box of squares $a_2^2,\dots,a_{m-1}^2$, with what is left of $R^2$ for $a_m^2$, it is at most its value at the upper corner; the boxes with the largest such values are halved again and again, and the largest value that is left is the number."""
    obligations = (Inequality("spectral and Frobenius norm of two entries", (x >= 0, y >= 0), x**2 <= x**2 + y**2),)

    def conclude(self, given: Given, *, network: Network, high: str, **_: Any) -> Bound:
        depth = len(network.dense)
        rules = [rule_of(network, layer) for layer in range(1, depth)]
        widths = sympy.Tuple(*(layer.width for layer in network.dense[:-1]))
        more = sympy.Tuple(*(sympy.Integer(getattr(rule, "wider", 0)) for rule in rules))
        cells = sympy.Tuple(*(given.cells(layer.activation) for layer in network.dense[:-1]))
        cap = next(premise.symbol for premise in given.premises if isinstance(premise, Bound) and premise.name == high)
        value = SimplexBending(cap, given.bound("input"), given.bound("radius"), widths, more, cells, given.cells(network.dense[-1].activation))
        return Bound(Quantity("second", depth), nonnegative("Lsimplex"), value)


SHARED = r"""\[\frac1{\Gamma_2(k)}=1+\min_{M\ge0}\Bigl[M\varrho^2+l\sup_{r(w,z)\le\varrho^2}\bigl(\phi_k(w,z)-M\,r(w,z)\bigr)_+\Bigr],\qquad\phi_k(w,z)=s^2+\frac{s'^2(w+ks)^2}{g-kw\,s''-k^2s'^2},\]
$g=1/(1+|x|^2)$, $\Gamma_2(k)=-\infty$ unless all these denominators are positive"""

TWO_LAYERS = r""" Then $\Gamma_2(k)|z_2'|^2+k|z_2''|\le|\eta_{\le2}|^2$ for all $k\ge0$, and $|D^2h_2|$ is at most the least $\lambda$ that @[the last layer bends] makes of this $\Gamma_2$, the last layer being as there. The theorem's number is at least that, and not above the bound among the premises."""


class TwoLayersShared(Rule):
    """What the two sets share. ball: whether the first layer's weights are of the budget, too."""

    ball = False
    size = "weight"

    def conclude(self, given: Given, *, network: Network, high: str, **_: Any) -> Bound:
        first, last = network.dense
        cap = next(premise.symbol for premise in given.premises if isinstance(premise, Bound) and premise.name == high)
        size = given.bound("radius") if self.ball else given.bound("weight", 2)
        cells = given.cells(first.activation), given.cells(last.activation)
        value = TwoLayersBending(cap, given.bound("input"), size, first.width, sympy.Integer(int(self.ball)), *cells)
        return Bound(Quantity("second", 2), nonnegative("Ltwo"), value)


_TWO_OBLIGATIONS = (
    *FirstLayer.obligations,
    *ByDirections.obligations,
    Inequality("a linear-fractional function", (d > 0, d + u > 0, d - u > 0, c >= -1, c <= 1, a + b >= 0, a - b >= 0, v * (d + u) >= a + b, v * (d - u) >= a - b), a + c * b <= v * (d + c * u)),
    Inequality(
        "a square over a positive affine function is convex",
        (u > 0, v > 0, t >= 0, t <= 1),
        (t * x + (1 - t) * y) ** 2 * u * v <= (t * x**2 * v + (1 - t) * y**2 * u) * (t * u + (1 - t) * v),
    ),
    Identity("a square and its chord", t * x**2 + (1 - t) * y**2 - (t * x + (1 - t) * y) ** 2, t * (1 - t) * (x - y) ** 2),
)  # fmt: skip


class TwoLayersBall(TwoLayersShared):
    ball = True
    name = "two layers share the ball"
    title = "Two layers on the parameter ball: all neurons share the radius"
    statement = (
        r"""Let $m=2$, $|\theta|\le R$, $s$ the first layer's activation, smooth with $S_0,S_1<\infty$, $l=l_1$, $\varrho=R$, $r(w,z)=w^2+z^2/(1+|x|^2)$ and"""
        + SHARED
        + "."
        + TWO_LAYERS
    )
    proof = r"""@[bending, direction by direction] with $\Gamma_1=g$: it is enough that all $D_i>0$ and $\sum_i\bigl(h_i^2+p_i^2\langle v_i,e\rangle^2/D_i\bigr)\le1/\Gamma_2-1$. Here $\langle v_i,e\rangle^2\le|v_i|^2=y_i^2+2ky_ih_ic_i+k^2h_i^2$, and $|v_i|^2/D_i$, $D_i=g-ky_ic_iq_i-k^2p_i^2$, is a quotient of affine functions of $c_i\in[-1,1]$, so that it is largest at $c_i=1$ or $c_i=-1$: each term is at most $\phi_k(w,z_i)$ with $w=y_i$ or $w=-y_i$, and $D_i$ is positive between as at both. Now $z_i=\langle(A_1)_i,x\rangle+(b_1)_i$ gives $z_i^2/(1+|x|^2)\le|(A_1)_i|^2+(b_1)_i^2$, and $\sum_iy_i^2=|A_2|_F^2$: so $\sum_ir(y_i,z_i)\le R^2$, and for every $M\ge0$ $\sum_i\phi_k\le MR^2+\sum_i(\phi_k-Mr)\le MR^2+l\sup(\phi_k-Mr)_+$. $\Gamma_2$ need not be monotone: the inequality at $k$ implies those at smaller $k$ with the same number, which is all that @[the last layer bends] uses.
\emph{The number.} As in @[the last layer bends]. $\phi_k$ is a convex function of $w$ \textup{(}a square over a positive affine function\textup{)}, and $-Mw^2$ is above its chord between $w_0$ and $w_1$ by at most $M(w_1-w_0)^2/4$: the supremum over a cell is at most the larger of those at $w_0$ and at $w_1$ and this. $M$ is any number; a search finds a good one."""
    obligations = _TWO_OBLIGATIONS


class TwoLayersLayers(TwoLayersShared):
    name = "two layers, any activation"
    title = "Two layers: the neurons share the square of the last norm"
    statement = (
        r"""Let $m=2$, a single output, $|A_2|_2\le a_2$, $s$ the first layer's activation, smooth with $S_0,S_1<\infty$, $l=l_1$, $\varrho=a_2$, $r(w,z)=w^2$ and"""
        + SHARED
        + "."
        + TWO_LAYERS
    )
    proof = TwoLayersBall.proof.replace(
        r"Now $z_i=\langle(A_1)_i,x\rangle+(b_1)_i$ gives $z_i^2/(1+|x|^2)\le|(A_1)_i|^2+(b_1)_i^2$, and $\sum_iy_i^2=|A_2|_F^2$: so $\sum_ir(y_i,z_i)\le R^2$, and for every $M\ge0$ $\sum_i\phi_k\le MR^2+",
        r"For a single output $\sum_iy_i^2=|A_2|_2^2\le a_2^2$, and for every $M\ge0$ $\sum_i\phi_k\le Ma_2^2+",
    ).replace(r"\le MR^2+l\sup", r"\le Ma_2^2+l\sup")
    obligations = _TWO_OBLIGATIONS


def two_layers_known(network: Network, ball: bool) -> bool:
    """Whether the bound of two layers is to be had, and not worse than another: a bounded smooth first activation that is no sine."""
    if len(network.dense) != 2 or not last_layer_known(network) or not all(has_cells(layer.activation) for layer in network.dense):
        return False
    first, last = network.dense
    usable = first.activation.constant(0) != sympy.oo and conditions.bends(first.activation) and bool(charts.chart(first.activation).tails)
    return usable and isinstance(first.width, int) and (ball or last.width == 1)
