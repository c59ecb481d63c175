"""The gradient of a cost, and of its average over a data set."""

from __future__ import annotations

from typing import Any

import sympy

from ..arrays import Mean
from ..claims import Bound, nonnegative
from ..obligations import Identity, Inequality
from ..quantities import Index, Quantity
from ..rule import Given, Rule

t = sympy.Symbol("t", real=True)
g, N = sympy.Function("g"), sympy.Function("N")(t)
x, y, X, Y = sympy.symbols("x y X Y", real=True)


class CostFirst(Rule):
    name = "cost gradient"
    title = "The cost on top, first derivative"
    statement = r"""Let $\varphi=g(N,y)$ with $|D_og|\le g_1$ on the outputs that are reached and $|DN|\le L$. Then $|D\varphi|\le g_1L$."""
    proof = r"""$\varphi'=D_og[N']$ along every line."""
    obligations = (
        Identity("chain rule", sympy.diff(g(N), t), g(N).diff(N) * sympy.diff(N, t)),
        Inequality("product of bounds", (x >= 0, x <= X, y >= 0, y <= Y), x * y <= X * Y),
    )

    def conclude(self, given: Given, *, layer: Index, **_: Any) -> Bound:
        return Bound(Quantity("cost_first"), nonnegative("Lcost"), given.bound("cost_slope") * given.bound("first", layer))


class RiskFirst(Rule):
    name = "risk gradient"
    title = "The average over the data, first derivative"
    statement = r"""Let $\Phi=\mathbb{E}\,\varphi$ be the average of the costs over a data set, and $|D\varphi|\le L^{\varphi}$ for each sample, with a bound that may depend on it. Then $|D\Phi|\le\mathbb{E}\,L^{\varphi}$."""
    proof = r"""$D\Phi=\mathbb{E}\,D\varphi$ and the triangle inequality."""
    obligations = (Inequality("triangle inequality", (x**2 <= X**2, y**2 <= Y**2, X >= 0, Y >= 0), (x + y) ** 2 <= (X + Y) ** 2),)

    def conclude(self, given: Given, **_: Any) -> Bound:
        return Bound(Quantity("risk_first"), nonnegative("Lrisk"), Mean(given.bound("cost_first")))
