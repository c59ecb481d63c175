"""g1 >= |D g| and g2 >= |D^2 g| of the costs, one lemma for each cost."""

from __future__ import annotations

from typing import Any

import sympy

from ...costs import Cost, HalfSquaredError, Huber, Logistic, SoftmaxCrossEntropy
from ...errors import SymlipError
from ...networks import Size
from ..claims import Bound, nonnegative
from ..obligations import Identity, Inequality
from ..quantities import Index, Quantity
from ..rule import Given, Rule

a, b, v, m, p, q, s, t, x, y, r, d = sympy.symbols("a b v m p q s t x y r d", real=True)
positive_d = sympy.Symbol("d", positive=True)


def _claim(curvature: bool, value: sympy.Expr) -> Bound:
    return Bound(Quantity("cost_curvature" if curvature else "cost_slope"), nonnegative("g2" if curvature else "g1"), value)


class SquaredErrorConstants(Rule):
    name = "half squared error"
    title = "Constants of the half squared error"
    statement = r"""For $g(o,y)=\frac12|o-y|^2$ with $|o|\le B_m$: $|D_og|\le g_1=B_m+|y|$ and $|D_o^2g|=g_2=1$."""
    proof = r"""$D_og=o-y$ and $D_o^2g$ is the identity."""
    obligations = (Identity("gradient", sympy.diff((x - y) ** 2 / 2, x), x - y), Identity("Hessian", sympy.diff((x - y) ** 2 / 2, x, 2), sympy.Integer(1)))

    def conclude(self, given: Given, *, layer: Index, curvature: bool, **_: Any) -> Bound:
        return _claim(curvature, sympy.Integer(1) if curvature else given.bound("value", layer) + given.bound("target"))


class SoftmaxConstants(Rule):
    name = "softmax cross-entropy"
    title = "Constants of the softmax cross-entropy"
    statement = r"""For $g(o,y)=\log\sum_je^{o_j}-\langle y,o\rangle$, $y$ a probability vector: $|D_og|\le g_1=\sqrt2$ and $|D_o^2g|\le g_2=\frac12$."""
    proof = r"""Let $\pi=\operatorname{softmax}(o)$. $D_og=\pi-y$ is a difference of probability vectors, so $|\pi-y|^2\le|\pi|^2+|y|^2\le2$. The Hessian's form is the variance of $v$ under $\pi$,
$\langle v,D_o^2g\,v\rangle=\sum\pi_jv_j^2-(\sum\pi_jv_j)^2$, which is at most $\frac14(\max v-\min v)^2$ (Popoviciu), and $(\max v-\min v)^2\le2|v|^2$."""
    obligations = (
        Inequality("Popoviciu, pointwise", (a <= v, v <= b), v**2 <= (a + b) * v - a * b),
        Inequality("Popoviciu, summed", (a <= m, m <= b, s <= (a + b) * m - a * b), s - m**2 <= (b - a) ** 2 / 4),
        Inequality("range and norm", (), (a - b) ** 2 <= 2 * (a**2 + b**2)),
        Inequality("entries of probability vectors", (p >= 0, p <= 1), p**2 <= p),
        Inequality("difference of nonnegative entries", (p >= 0, q >= 0), (p - q) ** 2 <= p**2 + q**2),
    )

    def conclude(self, given: Given, *, layer: Index, curvature: bool, **_: Any) -> Bound:
        return _claim(curvature, sympy.Rational(1, 2) if curvature else sympy.sqrt(2))


class LogisticConstants(Rule):
    name = "logistic cost"
    title = "Constants of the logistic cost"
    statement = r"""For $g(o,y)=\sum_{j\le l}\log(1+e^{-y_jo_j})$, $y_j=\pm1$: $|D_og|\le g_1=\sqrt l$ and $|D_o^2g|\le g_2=\frac14$."""
    proof = (
        r"""With $\pi=1/(1+e^{y_jo_j})\in(0,1)$ the $j$-th partial derivative is $-y_j\pi$ and the Hessian is diagonal with entries $\pi(1-\pi)\le\frac14$."""
    )
    obligations = (
        Identity("first derivative", sympy.diff(sympy.log(1 + sympy.exp(-x)), x), -1 / (1 + sympy.exp(x))),
        Identity("second derivative", sympy.diff(-1 / (1 + sympy.exp(x)), x), 1 / (1 + sympy.exp(x)) * (1 - 1 / (1 + sympy.exp(x)))),
        Inequality("variance of a coin", (), p * (1 - p) <= sympy.Rational(1, 4)),
    )

    def conclude(self, given: Given, *, layer: Index, curvature: bool, width: Size, **_: Any) -> Bound:
        return _claim(curvature, sympy.Rational(1, 4) if curvature else sympy.sqrt(width))


class HuberConstants(Rule):
    name = "Huber cost"
    title = "Constants of Huber's cost"
    statement = r"""For $g(o,y)=\rho(|o-y|)$ with $\rho(r)=\frac12r^2$ for $r\le\delta$ and $\delta(r-\frac12\delta)$ for $r\ge\delta$: $|D_og|\le g_1=\delta$ and $D_og$ is Lipschitz with constant $g_2=1$."""
    proof = r"""$D_og=(o-y)\min(1,\delta/|o-y|)$ is the projection of $o-y$ onto the ball of radius $\delta$: its norm is at most $\delta$, and a projection onto a convex set is Lipschitz with constant $1$."""
    obligations = (
        Inequality("slope beyond the kink", (r >= d, d > 0), d * r <= r * r),
        Identity("the two pieces join", positive_d**2 / 2, positive_d * (positive_d - positive_d / 2)),
        Identity("with equal slopes", sympy.diff(x**2 / 2, x).subs(x, positive_d), sympy.diff(positive_d * (x - positive_d / 2), x)),
    )

    def conclude(self, given: Given, *, layer: Index, curvature: bool, cost: Huber, **_: Any) -> Bound:
        return _claim(curvature, sympy.Integer(1) if curvature else sympy.sympify(cost.delta))


def constants_rule(cost: Cost) -> Rule:
    """The lemma for a cost."""
    rules: dict[type, Rule] = {
        HalfSquaredError: SquaredErrorConstants(),
        SoftmaxCrossEntropy: SoftmaxConstants(),
        Logistic: LogisticConstants(),
        Huber: HuberConstants(),
    }
    if type(cost) not in rules:
        raise SymlipError(f"{cost!r} is not a cost; use HalfSquaredError(), SoftmaxCrossEntropy(), Logistic() or Huber(delta)")
    return rules[type(cost)]
