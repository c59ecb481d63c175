"""Equal layers at any depth: geometric sums and their three regimes."""

from __future__ import annotations

from typing import Any

import sympy

from ...activations import Activation
from ...errors import SymlipError
from ...networks import Size
from ..arrays import Below, BlockEntries, Geometric, Recursion, SymmetricEntries
from ..claims import Bound, indexed, nonnegative
from ..obligations import Decided, Identity
from ..quantities import Quantity
from ..rule import Given, Rule
from .any_depth import PREVIOUS, AnyDepthFirst, AnyDepthSecond, j, k, u
from .slope import curvature_of, slope_of

r, n = sympy.Symbol("r", positive=True), sympy.Symbol("n", integer=True, positive=True)
rho = sympy.Symbol("rho", positive=True)


def _closed(ratio: sympy.Expr, count: sympy.Expr) -> sympy.Expr:
    return (1 - ratio**count) / (1 - ratio)


def _regimes() -> bool:
    """lim gamma_n(r) = 1/(1-r) for r < 1; gamma_n(1) = n; gamma_n(r) / r^n -> 1/(r-1) for r > 1."""
    eps = sympy.Symbol("eps", positive=True)
    below = sympy.limit(_closed(r, n).subs(r, 1 / (1 + eps)), n, sympy.oo) - 1 / (1 - 1 / (1 + eps))
    middle = sympy.limit(_closed(r, n), r, 1) - n
    above = sympy.limit((_closed(r, n) / r**n).subs(r, 1 + eps), n, sympy.oo) - 1 / eps
    return all(sympy.simplify(difference) == 0 for difference in (below, middle, above))


class EqualLayerValues(Rule):
    name = "values of equal layers"
    title = "Sizes of the outputs of equal bounded layers"
    statement = r"""For layers of width $l$ with a bounded activation, $|h_u|\le B=\sqrt{l}\,S_0$ for every $u\ge1$."""
    proof = r"""Each of the $l$ components is at most $S_0$ in modulus."""

    def conclude(self, given: Given, *, width: Size, activation: Activation, **_: Any) -> Bound:
        top = given.constant(activation, 0)
        if top == sympy.oo:
            raise SymlipError(
                f"{activation.name} is unbounded: equal layers have geometric sums only for a bounded activation; use "
                "LayerBalls(biases='bounded') with one norm a layer"
            )
        return Bound(Quantity("value", u), nonnegative("B"), sympy.sqrt(width) * top)


class SizesBefore(Rule):
    name = "sizes before the layers"
    title = "Sizes before the layers"
    statement = r"""$c_1=|x|$ and $c_j=B$ for $j\ge2$; then $|h_{j-1}|\le c_j$ for $j\ge1$."""
    proof = r"""$h_0=x$, and $|h_{j-1}|\le B$ for $j\ge2$."""

    def conclude(self, given: Given, *, depth: Size, **_: Any) -> Bound:
        x, B = given.bound("input"), given.bound("value", u)
        term = B + (x - B) * Below(u, sympy.Integer(2))
        return Bound(None, indexed("c"), Recursion(term, u, PREVIOUS, sympy.Integer(1), depth))


class SlopeRatio(Rule):
    name = "ratio"
    title = "The ratio of equal layers"
    statement = r"""$\rho=S_1a$."""
    proof = r"""By definition."""

    def conclude(self, given: Given, *, activation: Activation, **_: Any) -> Bound:
        return Bound(None, nonnegative("rho"), slope_of(given, 1, activation) * given.bound("weight", u))


class EqualLayersFirst(Rule):
    name = "first derivative, equal layers"
    title = "The first derivative for equal layers"
    statement = r"""Let $|A_u|_2\le a$ for all $u$, $\rho=S_1a$ and $\gamma_n(r)=1+r+\dots+r^{n-1}$. Then for every depth $m$
\[|DN_\theta|\le L=S_1\sqrt{(1+|x|^2)\,\rho^{2(m-1)}+(1+B^2)\,\gamma_{m-1}(\rho^2)}.\]
As $m\to\infty$, $L$ converges if $\rho<1$, to $S_1\sqrt{(1+B^2)/(1-\rho^2)}$; grows like $\sqrt{m}$ if $\rho=1$; and like $\rho^m$ if $\rho>1$."""
    proof = r"""In @[first derivative at any depth] put $P_{j,m}=\rho^{m-j}$ (all $a_i$ replaced by $a$), $B_0=|x|$ and $B_{j-1}\le B$ for $j\ge2$. Further $\gamma_n(r)=(1-r^n)/(1-r)$ for $r\ne1$ and $\gamma_n(1)=n$. As $n\to\infty$, $\gamma_n(r)\to1/(1-r)$ for $r<1$ and $r^{-n}\gamma_n(r)\to1/(r-1)$ for $r>1$; with $r=\rho^2$ these give the three limits."""
    obligations = (
        *AnyDepthFirst.obligations,
        Identity("geometric sum, step", _closed(r, n + 1), _closed(r, n) + r**n),
        Decided("three regimes", _regimes, r"\gamma_n(r)\to1/(1-r),\ \gamma_n(1)=n,\ r^{-n}\gamma_n(r)\to1/(r-1)"),
    )

    def conclude(self, given: Given, *, depth: Size, activation: Activation, **_: Any) -> Bound:
        ratio, B, x = given.symbol("rho"), given.bound("value", u), given.bound("input")
        square = (1 + x**2) * ratio ** (2 * (depth - 1)) + (1 + B**2) * Geometric(ratio**2, depth - 1)
        return Bound(Quantity("first", depth), nonnegative("L"), slope_of(given, 1, activation) * sympy.sqrt(square))


class EqualLayersBlocks(Rule):
    name = "first derivative, equal layers, block by block"
    title = "The first derivative for equal layers, block by block"
    statement = r"""In the situation of @[first derivative, equal layers], $|N'|\le\langle\boldsymbol{\ell},p\rangle$ with $\boldsymbol{\ell}_{\alpha_j}=S_1c_j\rho^{m-j}$, $\boldsymbol{\ell}_{\beta_j}=S_1\rho^{m-j}$, where $c_1=|x|$ and $c_j=B$ for $j\ge2$."""
    proof = r"""Put $P_{j,m}=\rho^{m-j}$ in @[first derivative at any depth, block by block]."""

    def conclude(self, given: Given, *, depth: Size, activation: Activation, **_: Any) -> Bound:
        slope, ratio = slope_of(given, 1, activation), given.symbol("rho")
        bias = slope * ratio ** (depth - j)
        return Bound(Quantity("blocks", depth), nonnegative("lvec"), BlockEntries(given.symbol("c")[j] * bias, bias, j, depth))


class EqualLayersSecond(Rule):
    name = "second derivative, equal layers"
    title = "The second derivative for equal layers"
    statement = r"""In the situation of @[first derivative, equal layers], $|D^2N_\theta[\eta,\zeta]|\le p^{\top}G\,\pi$ for directions with block norms $p,\pi$, where $G$ is symmetric and for $j\le k$ the entry of $G$ at a block of layer $j$ and one of layer $k$ is
\[S_2\,cc'\,\rho^{m-j}\,\gamma_{m-k+1}(\rho)+[j<k]\,S_1^2\,c\,\rho^{m-1-j},\]
the second term for the weights of layer $k$ only; $c=c_j$ for the weights of layer $j$ and $1$ for its bias, $c'$ likewise for $k$."""
    proof = r"""In @[second derivative at any depth], $P_{u,m}\boldsymbol{q}_u\boldsymbol{q}_u^{\top}$ has the entry $cc'\rho^{m-u}\rho^{u-j}\rho^{u-k}=cc'\rho^{m-j}\rho^{u-k}$ for $u\ge k$, and $\sum_{u=k}^m\rho^{u-k}=\gamma_{m-k+1}(\rho)$. The cross term at $u=k$ is
$\rho^{m-k}S_1^2c\rho^{k-1-j}$."""
    obligations = (
        *AnyDepthSecond.obligations,
        Identity("exponents", rho ** (n - u) * rho ** (u - j) * rho ** (u - k), rho ** (n - j) * rho ** (u - k)),
        Identity("cross exponents", rho ** (n - k) * rho ** (k - 1 - j), rho ** (n - 1 - j)),
    )

    def conclude(self, given: Given, *, depth: Size, activation: Activation, **_: Any) -> Bound:
        slope, curvature, ratio = slope_of(given, 1, activation), curvature_of(given, 1, activation), given.symbol("rho")
        pair = curvature * ratio ** (depth - j) * Geometric(ratio, depth - k + 1)
        cross = Below(j, k) * slope**2 * ratio ** sympy.Max(depth - 1 - j, 0)
        first, second = given.symbol("c")[j], given.symbol("c")[k]
        entries = (first * second * pair + first * cross, first * pair, second * pair + cross, pair)
        return Bound(Quantity("second_blocks", depth), nonnegative("G"), SymmetricEntries(*entries, j, k, depth))
