"""Derivatives of any order: Bell's polynomials in the norms of the lower ones, maximised over the split of the direction."""

from __future__ import annotations

from typing import Any

import sympy
from sympy.utilities.iterables import partitions

from ...activations import Activation
from ...costs import Cost, HalfSquaredError, Huber, Logistic, SoftmaxCrossEntropy
from ...errors import SymlipError
from ..arrays import CircleMaximum, Mean
from ..claims import Bound, nonnegative
from ..obligations import Identity, Inequality
from ..quantities import Index, Quantity
from ..rule import Given, Rule

t, x, y, a, b, c, d, p, q, v, w, e = sympy.symbols("t x y a b c d p q v w e", real=True)
r, s = sympy.Symbol("r", nonnegative=True), sympy.Symbol("s", nonnegative=True)
z, h, g = (sympy.Function(name) for name in "zhg")
A, U = sympy.symbols("A U", real=True)


def bell_sum(order: int, outer: list[sympy.Expr], inner: list[sympy.Expr]) -> sympy.Expr:
    """sum_k outer_k B_{order,k}(inner_1, ..): the derivative of a composition (Faa di Bruno), or a bound of its norm."""
    return sympy.Add(*[outer[k - 1] * bell(order, k, inner) for k in range(1, order + 1)])


def bell(order: int, parts: int, inner: list[sympy.Expr]) -> sympy.Expr:
    """Bell's polynomial B_{order,parts}(inner_1, inner_2, ..), its products not multiplied out (sympy.bell would)."""
    total = sympy.Integer(0)
    for partition in partitions(order, m=parts):
        if sum(partition.values()) == parts:
            count = sympy.factorial(order)
            for size, times in partition.items():
                count /= sympy.factorial(size) ** times * sympy.factorial(times)
            total += sympy.Mul(count, *[inner[size - 1] ** times for size, times in partition.items()])
    return total


def _composition(order: int) -> Identity:
    """Faa di Bruno's formula by the generating function exp(e z): powers of e stand for the derivatives of the outer function."""
    inner = [z(t).diff(t, k) for k in range(1, order + 1)]
    return Identity(
        f"derivative {order} of a composition",
        sympy.diff(sympy.exp(e * z(t)), t, order),
        sympy.exp(e * z(t)) * bell_sum(order, [e**k for k in range(1, order + 1)], inner),
    )


def _product(order: int) -> Identity:
    return Identity(
        f"derivative {order} of (A + t U) h", sympy.diff((A + t * U) * h(t), t, order), (A + t * U) * h(t).diff(t, order) + order * U * h(t).diff(t, order - 1)
    )


NORMS = Inequality("norm of a product of entries", (), (x * y) ** 2 + (v * w) ** 2 <= (x**2 + v**2) * (y**2 + w**2))


def derivative_kind(order: int) -> str:
    return {1: "first", 2: "second"}.get(order, f"derivative_{order}")


def highest_constant(given: Given, layer: int, activation: Activation, order: int) -> sympy.Expr:
    """S_order, which must be finite."""
    constant = given.constant(activation, order)
    if constant == sympy.oo:
        raise SymlipError(
            f"layer {layer}: derivative {order - 1} of {activation.name} is not Lipschitz, so the network has no bound of order {order}; ask for a lower order, or use a smoother activation such as tanh or softplus"
        )
    return constant


class HigherDerivative(Rule):
    name = "derivative of any order"
    title = "Derivatives of any order"
    statement = r"""Let $h_u=s(z_u)$, $z_u=A_uh_{u-1}+b_u$, where $A_u,b_u$ are no parameters of earlier layers, $|A_u|_2\le a_u$, $n^2=1+B_{u-1}^2$ with $B_{u-1}\ge|h_{u-1}|$, and $|D^jh_{u-1}|\le c_j$ for $j\le k$, $k\ge3$. With Bell's polynomials $B_{k,i}$, $D^kh_u[\eta^k]=\sum_is^{(i)}(z_u)\,B_{k,i}(z_u',z_u'',\dots)$, and
\[|D^kh_u|\le\max_{r^2+s^2=1}\sum_{i=1}^kS_i\,B_{k,i}(p_1,p_2,\dots),\qquad p_1=a_uc_1r+ns,\quad p_j=a_uc_jr^j+j\,c_{j-1}r^{j-1}s\ (j\ge2).\]
For a residual layer, $h_u=h_{u-1}+d\,s(z_u)$, the sum is multiplied by $|d|$ and $c_kr^k$ is added. For $u=1$ all $c_j$ vanish."""
    proof = r"""$D^kh_u$ is symmetric, so its norm is the supremum of $|D^kh_u[\eta^k]|$ over unit $\eta$ \textup{(}Banach\textup{)}. Along the line let $s$ be the length of $(dA_u,db_u)$ and $r$ that of the earlier part of the direction. By Leibniz' rule $z_u^{(j)}=A_uh_{u-1}^{(j)}+j\,dA_uh_{u-1}^{(j-1)}$ for $j\ge2$, so that $|z_u^{(j)}|\le p_j$, as $|h_{u-1}^{(j)}|\le c_jr^j$; and $|z_u'|\le p_1$. The formula of Fa\`a di Bruno holds entry by entry, the norm of a product of entries is at most the product of the norms, and $B_{k,i}$ has nonnegative coefficients. The sum is a form of degree $k$ in $(r,s)$ with nonnegative coefficients: on the circle a trigonometric polynomial of degree $k$, whose maximum is at most its maximum on $4M$ equidistant points divided by $\cos(k\pi/4M)$ \textup{(}Ehlich and Zeller, Math. Z. 86, 1964\textup{)}; that is how it is evaluated."""
    obligations = (NORMS,)

    def conclude(self, given: Given, *, layer: int, activation: Activation, order: int, step: sympy.Expr | None = None, **_: Any) -> Bound:
        outer = [highest_constant(given, layer, activation, k) for k in range(1, order + 1)]
        size = sympy.sqrt(1 + given.bound("value", layer - 1) ** 2)
        kind = Quantity(derivative_kind(order), layer)
        name = nonnegative(f"Hk{order}_{layer}")
        if not given.has("first", layer - 1):
            total = outer[-1] * size**order
            return Bound(kind, name, total if step is None else step * total)
        below = [given.bound(derivative_kind(k), layer - 1) for k in range(1, order + 1)]
        norm = given.bound("weight", layer)
        inner = [norm * below[0] * r + size * s] + [norm * below[k - 1] * r**k + k * below[k - 2] * r ** (k - 1) * s for k in range(2, order + 1)]
        total = bell_sum(order, outer, inner)
        if step is not None:
            total = step * total + below[-1] * r**order
        return Bound(kind, name, CircleMaximum(total, r, s, sympy.Integer(order)))

    def obligations_of(self, *, order: int, **_: Any) -> tuple[Any, ...]:
        return (_composition(order), _product(order))


class ThirdCostConstants(Rule):
    name = "third derivatives of costs"
    title = "Third derivatives of the costs"
    statement = r"""$|D_o^3g|\le g_3$ with $g_3=\sqrt6/9$ for the softmax cross-entropy, $g_3=1/(6\sqrt3)$ for the logistic cost and $g_3=0$ for the half squared error."""
    proof = r"""The half squared error is quadratic. Logistic: $D_o^3g[v^3]=\sum_j\pm\psi'''(-y_jo_j)v_j^3$ with $\psi'''=\pi(1-\pi)(1-2\pi)$, at most $1/(6\sqrt3)$ in modulus, and $\sum|v_j|^3\le|v|^3$. Softmax: $D_o^3g[v^3]$ is the third central moment of the entries of $v$ under the probabilities. For a variable with mean $0$ in $[\alpha,\beta]$, $\beta-\alpha=\delta$, it is at most $\delta^3/(6\sqrt3)$: if $\alpha\le-\beta/2$ use $x^3\le\frac34\beta^2x+\frac14\beta^3$, so that it is at most $\beta^3/4$ with $\beta\le\frac23\delta$; else
$x^3\le(\alpha^2+\alpha\beta+\beta^2)x-\alpha\beta(\alpha+\beta)$ on $[\alpha,\beta]$, so that it is at most $\beta(\delta-\beta)(2\beta-\delta)$. From below likewise. And $\delta\le\sqrt2|v|$, $2\sqrt2/(6\sqrt3)=\sqrt6/9$."""
    obligations = (
        Inequality("cubic below its tangent", (x <= b, b >= 0), 4 * x**3 <= 3 * b**2 * x + b**3),
        Inequality("cubic below its chord", (a <= x, x <= b, 2 * a >= -b, a <= 0, b >= 0), (x - a) * (x - b) * (x + a + b) <= 0),
        Identity("the chord", sympy.expand((x - a) * (x - b) * (x + a + b)), x**3 - (a**2 + a * b + b**2) * x + a * b * (a + b)),
        Inequality("the largest moment", (108 * c**2 >= 1, c > 0, b >= 0, b <= d, d >= 0), b * (d - b) * (2 * b - d) <= c * d**3),
        Inequality("the first case", (3 * b <= 2 * d, b >= 0, 108 * c**2 >= 1, c > 0), b**3 <= 4 * c * d**3),
        Identity("the constant", (2 * sympy.sqrt(2) / (6 * sympy.sqrt(3))) ** 2, (sympy.sqrt(6) / 9) ** 2),
    )

    def conclude(self, given: Given, *, cost: Cost, **_: Any) -> Bound:
        value = {SoftmaxCrossEntropy: sympy.sqrt(6) / 9, Logistic: 1 / (6 * sympy.sqrt(3)), HalfSquaredError: sympy.Integer(0)}[type(cost)]
        return Bound(Quantity("cost_third"), nonnegative("g3"), value)


class CostHigher(Rule):
    name = "cost, derivative of any order"
    title = "The cost on top, derivatives of any order"
    statement = r"""Let $\varphi=g(N,y)$ with $|D_o^ig|\le g_i$ on the outputs that are reached and $|D^iN|\le c_i$ for $i\le k$. Then $|D^k\varphi|\le\sum_{i=1}^kg_i\,B_{k,i}(c_1,c_2,\dots)$; $g_i=0$ for $i\ge3$ where $g$ is quadratic."""
    proof = r"""Fa\`a di Bruno's formula along a line, for the form $D_o^ig$ with $i$ arguments, and $|\eta|=1$."""
    obligations = ()

    def conclude(self, given: Given, *, layer: Index, order: int, **_: Any) -> Bound:
        quadratic = given.definition(given.bound("cost_third")) == 0
        third = sympy.Integer(0) if quadratic else given.bound("cost_third")
        outer = [given.bound("cost_slope"), given.bound("cost_curvature"), third] + [sympy.Integer(0)] * (order - 3)
        inner = [given.bound(derivative_kind(k), layer) for k in range(1, order + 1)]
        return Bound(Quantity(f"cost_derivative_{order}"), nonnegative(f"Ck{order}"), bell_sum(order, outer, inner))

    def obligations_of(self, *, order: int, **_: Any) -> tuple[Any, ...]:
        return (_composition(order),)


class RiskHigher(Rule):
    name = "risk, derivative of any order"
    title = "The average over the data, derivatives of any order"
    statement = r"""$|D^k\Phi|\le\mathbb{E}\,\Lambda$ for $\Phi=\mathbb{E}\,\varphi$ and bounds $\Lambda$ of $|D^k\varphi|$ that may depend on the sample."""
    proof = r"""$D^k\Phi=\mathbb{E}\,D^k\varphi$ and the triangle inequality."""
    obligations = (Inequality("triangle inequality", (x**2 <= a**2, y**2 <= b**2, a >= 0, b >= 0), (x + y) ** 2 <= (a + b) ** 2),)

    def conclude(self, given: Given, *, order: int, **_: Any) -> Bound:
        return Bound(Quantity(f"risk_derivative_{order}"), nonnegative(f"Rk{order}"), Mean(given.bound(f"cost_derivative_{order}")))


def cost_third(cost: Cost, order: int) -> Rule:
    """The lemma of g_3; raises SymlipError for a cost without the derivatives that the order needs."""
    if isinstance(cost, Huber):
        raise SymlipError("Huber's cost has no third derivative: ask for order=2, or use another cost")
    if order > 3 and not isinstance(cost, HalfSquaredError):
        raise SymlipError(f"order={order} with a cost on top is derived for the half squared error; {cost.name} has orders up to 3")
    return ThirdCostConstants()
