"""All parameters at once: families along which the derivatives blow up, the exceptions, and jumps of the gradient."""

from __future__ import annotations

import itertools
from typing import Any

import sympy

from ...activations import Activation, z
from ...errors import DerivationError, SymlipError
from ...suprema import derivative_pieces
from ..claims import Bound, Limit, Reached, nonnegative
from ..obligations import Identity, Inequality
from ..quantities import Quantity
from ..rule import Given, Rule
from ..witness import At, Best, Witness, WitnessLayer
from .chain import ChainMixed
from .slope import slope_of

al, si, L, S, t, e = sympy.symbols("alpha sigma L S t e", real=True)


def unrolled(given: Given, symbol: sympy.Expr, kept: set[sympy.Expr]) -> sympy.Expr:
    """The symbol's definition with the premises' definitions put in, down to the symbols that are kept or not defined."""
    definitions = {p.symbol: p.expression for p in given.premises if isinstance(p, Bound | Reached) and p.expression is not None}
    expression = symbol
    for _ in range(len(definitions) + 1):
        known = {s: definitions[s] for s in expression.free_symbols if s in definitions and s not in kept}
        if not known:
            return expression
        expression = expression.xreplace(known)
    raise DerivationError(f"rule {given.rule!r}: the definition of {symbol} is circular")


def at_infinity(expression: sympy.Expr, variable: sympy.Symbol) -> sympy.Expr:
    """The limit as the variable tends to infinity, all other symbols being positive."""
    positive = {s: sympy.Symbol(s.name, positive=True, integer=s.is_integer) for s in expression.free_symbols if isinstance(s, sympy.Symbol)}
    written = expression.xreplace(positive)
    return sympy.limit(written, positive[variable], sympy.oo) if variable in positive else written


class NoGlobalBound(Rule):
    name = "no global bound"
    title = "No global bound"
    statement = r"""Let a family of networks with parameters $\theta_t$, $t>0$, have $|DN_{\theta_t}|$ \textup{(}or $|D^2N_{\theta_t}|$\textup{)} at least a number that tends to infinity with $t$. Then $N$ \textup{(}or $DN$\textup{)} has no Lipschitz constant on the space of all parameters."""
    proof = r"""A function with Lipschitz constant $\Lambda$ on a convex open set has derivatives of norm at most $\Lambda$ there. The limit is taken after the definitions are put into one another: a power of $t$ with a positive exponent, times positive constants."""

    def conclude(self, given: Given, *, symbol: str, depth: Any, **_: Any) -> Limit:
        variable = given.bound("scale")
        expression = unrolled(given, given.named(symbol), {variable})
        if isinstance(depth, sympy.Symbol):  # more than one layer
            expression = expression.xreplace({depth: sympy.Symbol("k", integer=True, positive=True) + 1})
        if at_infinity(expression, variable) != sympy.oo:
            raise DerivationError(f"{symbol} does not tend to infinity with {variable}")
        return Limit(given.named(symbol), variable, sympy.oo)


class OneLayerReached(Rule):
    name = "curvature of one layer is reached"
    title = "One layer"
    statement = r"""For $h=s(Ax+b)$ and all parameters, $\sup|D^2h|=S_2(1+|x|^2)$."""
    proof = r"""At most this by @[separate] with $Q_1^2=1+|x|^2$. With $A=0$, $b$ at a point where $|s''|$ is near $S_2$, and the direction $(dA,db)=(e_1x^{\top},e_1)/\sqrt{1+|x|^2}$, $z'=\sqrt{1+|x|^2}\,e_1$ and $h''=s''(z)z'^2$."""

    def conclude(self, given: Given, *, activation: Activation, **_: Any) -> Reached:
        if not activation.supremum(2).exact:
            raise SymlipError(f"S2 of {activation.name} is an enclosure, so the bound is not known to be reached")
        bent = Best(activation, 2)
        return Reached(Quantity("second", 1), given.bound("second", 1), None, Witness((WitnessLayer(sympy.Integer(0), bent, bent),)))


class TwoAffine(Rule):
    name = "two affine layers"
    title = "Two affine layers"
    statement = r"""If $s_1,s_2$ are affine, then $|D^2h_2|\le\Lambda=S_1^{(1)}S_1^{(2)}\sqrt{1+|x|^2}$ for all parameters."""
    proof = r"""$h_1''=0$, so $h_2''=2s_2'\,dA_2h_1'$ and $|h_2''|\le2S_1^{(2)}\alpha\sigma|Dh_1|\le S_1^{(2)}|Dh_1|$ for $\alpha=|dA_2|_F$ and $\sigma$ the norm of the earlier part of the direction, $\alpha^2+\sigma^2\le1$; $|Dh_1|\le S_1^{(1)}\sqrt{1+|x|^2}$."""
    obligations = (Inequality("twice a product", (al**2 + si**2 <= 1, L >= 0), 2 * al * si * L <= L),)

    def conclude(self, given: Given, *, activation: Activation, **_: Any) -> Bound:
        return Bound(Quantity("second", 2), nonnegative("Lambda"), slope_of(given, 2, activation) * given.bound("first", 1))


class TwoAffineReached(Rule):
    name = "two affine layers, reached"
    title = "Two affine layers: the bound is reached"
    statement = r"""In the situation of @[two affine layers], $|D^2h_2|=\Lambda$ for all parameters, on which $D^2h_2$ does not depend: $\Lambda$ is the Lipschitz constant of the gradient."""
    proof = r"""By @[chain, mixed second derivative], with $D_1=S_1^{(1)}\sqrt{1+|x|^2}$, which $|Dh_1|$ is everywhere."""
    obligations = ChainMixed.obligations

    def conclude(self, given: Given, *, activations: tuple[Activation, ...], **_: Any) -> Reached:
        layers = tuple(WitnessLayer(sympy.Integer(0), Best(a, 1), Best(a, 1)) for a in activations)
        return Reached(Quantity("second", 2), given.bound("second", 2), None, Witness(layers))


def jump_of(activation: Activation) -> tuple[sympy.Expr, sympy.Expr] | None:
    """The kink at which s' jumps most, and by how much; None where s' is continuous."""
    pieces = derivative_pieces(activation.name, activation.expression, 1)
    found = [
        (left.upper, sympy.simplify(sympy.Abs(right.expression.subs(z, left.upper) - left.expression.subs(z, left.upper))))
        for left, right in itertools.pairwise(pieces)
    ]
    found = [(at, size) for at, size in found if size != 0]
    return max(found, key=lambda pair: float(pair[1])) if found else None


class Jump(Rule):
    name = "jump of the gradient"
    title = "The gradient jumps"
    statement = r"""Let $s_k'$ jump by $\Delta$ at $\kappa$. Let $A_u=0$ for $u\le k$, the biases hold neuron $1$ of layer $k$ at $\kappa$, all its other neurons off the kinks, and $A_u=e_1e_1^{\top}$ above, held where $|s_u'|$ is near $S_1^{(u)}$. Then in every neighbourhood of these parameters there are two networks whose derivatives differ by at least $K=\Delta\prod_{u>k}S_1^{(u)}$ in the limit: $DN$ has no Lipschitz constant there,
however small the neighbourhood."""
    proof = r"""Change the first entry of $b_k$ by $\pm\varepsilon$. Along $db_k=e_1$, $z_k'=e_1$ and $h_k'=s_k'(\kappa\pm\varepsilon)e_1$, and the layers above multiply by $s_u'$, which changes by little as $\varepsilon\to0$. The distance of the two parameters is $2\varepsilon$, that of the derivatives tends to at least $K$."""
    obligations = (Identity("difference of two slopes", (t + e) * S - t * S, e * S),)

    def conclude(self, given: Given, *, layers: tuple[Activation, ...], **_: Any) -> Reached:
        kinked = [k for k, activation in enumerate(layers, 1) if jump_of(activation) is not None]
        if not kinked:
            raise DerivationError("no activation's derivative jumps")
        k = kinked[-1]
        at, size = jump_of(layers[k - 1])  # type: ignore[misc]
        total = size
        zero, one = sympy.Integer(0), sympy.Integer(1)
        recipes = []
        for number, activation in enumerate(layers, 1):
            steep = Best(activation, 1)
            if number < k:
                recipes.append(WitnessLayer(zero, steep, steep))
            elif number == k:
                recipes.append(WitnessLayer(zero, At(at), steep))
            else:
                recipes.append(WitnessLayer(one, steep, steep))
                total *= given.reached_constant(activation, 1)
        return Reached(Quantity("jump", len(layers)), nonnegative("K"), total, Witness(tuple(recipes)))
