"""Certificates along one direction: the cost as a polynomial of degree three, with a proved bound on what is beyond it."""

from __future__ import annotations

from typing import Any

import sympy
from sympy.core.symbol import Str

from ...activations import Activation
from ...costs import Cost, HalfSquaredError, Logistic, SoftmaxCrossEntropy
from ...errors import SymlipError
from ..arrays import Mean
from ..claims import Bound, nonnegative
from ..obligations import Identity, Inequality
from ..quantities import Quantity
from ..rule import Given, Rule
from ..samples import Affine, At, Largest, Moduli, RangeWithin, SampleCost, Softmax, SpreadWithin, Sum, SupremumNear, Through
from .near import CentrePre, centre_output, is_identity, label, real

t, T, x, y, a, b, c, d, e, p, q, v, w, A, B, M, U, V = sympy.symbols("t T x y a b c d e p q v w A B M U V", real=True)
f, h, s, z = (sympy.Function(name) for name in "fhsz")

FAA_DI_BRUNO = (
    Identity("first derivative of s(z)", sympy.diff(s(z(t)), t), s(x).diff(x).subs(x, z(t)) * z(t).diff(t)),
    Identity(
        "third derivative of s(z)",
        sympy.diff(sympy.exp(a * z(t)), t, 3),
        sympy.exp(a * z(t)) * (a**3 * z(t).diff(t) ** 3 + 3 * a**2 * z(t).diff(t) * z(t).diff(t, 2) + a * z(t).diff(t, 3)),
    ),
    Identity(
        "fourth derivative of s(z)",
        sympy.diff(sympy.exp(a * z(t)), t, 4),
        sympy.exp(a * z(t))
        * (
            a**4 * z(t).diff(t) ** 4
            + 6 * a**3 * z(t).diff(t) ** 2 * z(t).diff(t, 2)
            + a**2 * (3 * z(t).diff(t, 2) ** 2 + 4 * z(t).diff(t) * z(t).diff(t, 3))
            + a * z(t).diff(t, 4)
        ),
    ),
)
"""Faa di Bruno's formula by the generating function s = exp(a z): powers of a stand for the derivatives of s."""

LEIBNIZ = tuple(
    Identity(f"derivative {k} of (A + t U) h", sympy.diff((A + t * U) * h(t), t, k), (A + t * U) * sympy.diff(h(t), t, k) + k * U * sympy.diff(h(t), t, k - 1))
    for k in (1, 2, 3, 4)
)

TAYLOR = tuple(
    Identity(f"integral of a constant, {k} times", sympy.Integral(M * (T - t) ** (k - 1) / sympy.factorial(k - 1), (t, 0, T)), M * T**k / sympy.factorial(k))
    for k in (1, 2, 3, 4)
)


def taylor(values: list[sympy.Expr], length: sympy.Expr, skip: int = 0) -> sympy.Expr:
    """values[0] + values[1] T + values[2] T^2/2 + ..; without the first `skip` terms."""
    return sympy.Add(*[value * length**k / sympy.factorial(k) for k, value in enumerate(values) if k >= skip])


def faa_di_bruno(order: int, outer: list[sympy.Expr], inner: list[sympy.Expr]) -> sympy.Expr:
    """The derivative of s(z(t)) from s^(k) and z^(k), k = 1, 2, ..; order 1 to 4."""
    return sympy.Add(*[outer[k - 1] * sympy.bell(order, k, tuple(inner[: order - k + 1])) for k in range(1, order + 1)])


def jet(given: Given, kind: str, order: int, layer: int) -> sympy.Expr:
    """z^(order) or h^(order) of a line at t = 0; the input does not move."""
    if layer == 0:
        return given.bound("inputs") if order == 0 else sympy.Integer(0)
    return given.symbol(f"{kind}c_{layer}" if order == 0 else f"{kind}j{order}_{layer}")


class LinePre(CentrePre):
    name = "derivatives of a pre-activation along the line"
    title = "Derivatives of the pre-activations along the line"
    statement = r"""Along $\bar\theta+tU$, $U=(U_1,w_1,\dots,U_m,w_m)$, at $t=0$: $\bar z_u'=U_u\bar h_{u-1}+w_u+\bar A_u\bar h_{u-1}'$ and $\bar z_u^{(k)}=\bar A_u\bar h_{u-1}^{(k)}+k\,U_u\bar h_{u-1}^{(k-1)}$ for $k\ge2$; $\bar h_0^{(k)}=0$."""
    proof = r"""$z_u=(\bar A_u+tU_u)h_{u-1}+\bar b_u+tw_u$, by Leibniz' rule."""
    obligations = LEIBNIZ

    def conclude(self, given: Given, *, layer: int, order: int, group: int | None = None, **_: Any) -> Bound:
        moved, weights = given.bound("direction_weight", group or layer), given.bound("centre_weight", group or layer)
        if order == 1:
            total: sympy.Expr = Affine(moved, centre_output(given, layer - 1), given.bound("direction_bias", group or layer))
            if layer > 1:
                total += Through(weights, jet(given, "h", 1, layer - 1))
        else:
            total = Through(weights, jet(given, "h", order, layer - 1))
            total += order * Through(moved, jet(given, "h", order - 1, layer - 1))
        return Bound(None, real(f"zj{order}_{layer}"), total)


class LineOutput(Rule):
    name = "derivatives of an output along the line"
    title = "Derivatives of the outputs along the line"
    statement = r"""$\bar h_u^{(k)}$ is $s_u(z_u)$'s derivative by Fa\`a di Bruno's formula: $h'=s'z'$, $h''=s''z'^2+s'z''$, $h'''=s'''z'^3+3s''z'z''+s'z'''$, entry by entry; for a residual layer $\bar h_u^{(k)}=\bar h_{u-1}^{(k)}+d\,(s_u(z_u))^{(k)}$, and at the end of a skip from line $k'$ the same with $h_{k'}$ and $h_{u-1}$."""
    proof = r"""The chain rule, one to three times."""
    obligations = FAA_DI_BRUNO[:2]

    def conclude(
        self, given: Given, *, layer: int, activation: Activation | None, order: int, signed: sympy.Expr | None = None, start: int | None = None, **_: Any
    ) -> Bound:
        branch = jet(given, "h", order, layer - 1) if activation is None else self._branch(given, layer, activation, order)
        total = branch if start is None else jet(given, "h", order, start) + signed * branch
        return Bound(None, real(f"hj{order}_{layer}"), total)

    def _branch(self, given: Given, layer: int, activation: Activation, order: int) -> sympy.Expr:
        inner = [jet(given, "z", k, layer) if layer > 1 or k == 1 else sympy.Integer(0) for k in range(1, order + 1)]
        if is_identity(activation) and layer > 1:
            return inner[-1]
        outer = [At(label(activation), sympy.Integer(layer), sympy.Integer(k), given.symbol(f"zc_{layer}")) for k in range(1, order + 1)]
        return faa_di_bruno(order, outer, inner)


class LineFourthPre(Rule):
    name = "fourth derivative of a pre-activation"
    title = "Fourth derivative of a pre-activation on the segment"
    statement = r"""For $0\le t\le T$ let $|h_{u-1}^{(k)}|\le\hat h_{u-1}^{(k)}$ entry by entry, $k=3,4$. Then $|z_u^{(4)}|\le\hat z_u^{(4)}=(|\bar A_u|+T|U_u|)\hat h_{u-1}^{(4)}+4|U_u|\hat h_{u-1}'''$, with the moduli of the matrices' entries."""
    proof = r"""$z_u^{(4)}=(\bar A_u+tU_u)h_{u-1}^{(4)}+4U_uh_{u-1}'''$."""
    obligations = (LEIBNIZ[3], Inequality("triangle inequality", (x**2 <= a**2, y**2 <= b**2, a >= 0, b >= 0), (x + y) ** 2 <= (a + b) ** 2))

    def conclude(self, given: Given, *, layer: int, group: int | None = None, **_: Any) -> Bound:
        moved, length = Moduli(given.bound("direction_weight", group or layer)), given.bound("length")
        matrix = Moduli(given.bound("centre_weight", group or layer)) + length * moved
        total = Through(matrix, given.bound("line_output_4", layer - 1)) + 4 * Through(moved, given.bound("line_output_3", layer - 1))
        return Bound(Quantity("line_pre_4", layer), nonnegative(f"zb4_{layer}"), total)


class LineDerivative(Rule):
    name = "derivatives on the segment"
    title = "Lower derivatives on the segment"
    statement = r"""For $0\le t\le T$, entry by entry, $|z_u^{(k)}(t)|\le\hat z_u^{(k)}=\sum_{i=k}^{3}\frac{T^{i-k}}{(i-k)!}|\bar z_u^{(i)}|+\frac{T^{4-k}}{(4-k)!}\hat z_u^{(4)}$, $k=1,2,3$, and $|z_u(t)-\bar z_u|\le\rho_u$, the same sum for $k=0$ without its first term. \textup{(}$z_1$ is affine in $t$: $\bar z_1''=\bar z_1'''=0$.\textup{)}"""
    proof = r"""Taylor's formula at $0$ with the remainder $\int_0^t\frac{(t-\tau)^{3-k}}{(3-k)!}z_u^{(4)}(\tau)\,d\tau$."""
    obligations = TAYLOR

    def conclude(self, given: Given, *, layer: int, order: int, axis: bool = False, **_: Any) -> Bound:
        length = given.bound("length")
        if layer == 1:
            values = [sympy.Integer(0), Moduli(jet(given, "z", 1, 1))]
        else:
            values = [sympy.Integer(0), *(Moduli(jet(given, "z", k, layer)) for k in (1, 2, 3)), given.bound("line_pre_4", layer)]
        total = taylor(values[order:], length)
        if order == 0 and axis:
            return Bound(Quantity("line_moved", layer), nonnegative(f"ms_{layer}"), total)
        if order == 0:
            return Bound(Quantity("moved_pre", layer), nonnegative(f"mv_{layer}"), total)
        return Bound(Quantity(f"line_pre_{order}", layer), nonnegative(f"zb{order}_{layer}"), total)


class LineFourthOutput(Rule):
    name = "fourth derivative of an output"
    title = "Fourth derivative of an output on the segment"
    statement = r"""Let $\sigma,\kappa,\chi,\xi$ bound $|s_u'|,|s_u''|,|s_u'''|,|s_u^{(4)}|$ within $\rho_u$ of $\bar z_u$. For $0\le t\le T$, entry by entry,
\[|h_u^{(4)}|\le\hat h_u^{(4)}=\xi\hat z'^4+6\chi\hat z'^2\hat z''+3\kappa\hat z''^2+4\kappa\hat z'\hat z'''+\sigma\hat z^{(4)}.\]
For a residual layer this is multiplied by $|d|$ and $\hat h_{u-1}^{(4)}$ is added; at the end of a skip from line $k$ $\hat h_u^{(4)}=\hat h_k^{(4)}+|d|\hat h_{u-1}^{(4)}$, and $\hat h_0^{(4)}=0$."""
    proof = r"""Fa\`a di Bruno's formula of order four and the triangle inequality."""
    obligations = (FAA_DI_BRUNO[2],)

    def conclude(self, given: Given, *, layer: int, activation: Activation | None, step: sympy.Expr | None = None, start: int | None = None, **_: Any) -> Bound:
        branch = self._size(given, layer - 1) if activation is None else self._branch(given, layer, activation)
        total = branch if start is None else self._size(given, start) + step * branch
        return Bound(Quantity("line_output_4", layer), nonnegative(f"hb4_{layer}"), total)

    def _size(self, given: Given, layer: int) -> sympy.Expr:
        return given.bound("line_output_4", layer) if layer else sympy.Integer(0)

    def _branch(self, given: Given, layer: int, activation: Activation) -> sympy.Expr:
        zero = sympy.Integer(0)
        if is_identity(activation):
            return given.bound("line_pre_4", layer) if layer > 1 else zero
        inner = [given.bound(f"line_pre_{k}", layer) if layer > 1 or k == 1 else zero for k in (1, 2, 3, 4)]
        outer = [given.bound(kind, layer) for kind in ("near_slope", "near_curvature", "near_third", "near_fourth")]
        return faa_di_bruno(4, outer, inner)


class LineThirdOutput(Rule):
    name = "third derivative of an output"
    title = "Lower derivatives of an output on the segment"
    statement = r"""For $0\le t\le T$, entry by entry, $|h_u'''|\le\hat h_u'''=|\bar h_u'''|+T\hat h_u^{(4)}$, and for the last layer $|h_m^{(k)}-\bar h_m^{(k)}|\le\varrho^{(k)}=\sum_{i=k+1}^3\frac{T^{i-k}}{(i-k)!}|\bar h_m^{(i)}|+\frac{T^{4-k}}{(4-k)!}\hat h_m^{(4)}$, $k=0,\dots,3$."""
    proof = r"""Taylor's formula."""
    obligations = TAYLOR

    def conclude(self, given: Given, *, layer: int, order: int, last: bool = False, **_: Any) -> Bound:
        length, fourth = given.bound("length"), given.bound("line_output_4", layer)
        if not last:
            return Bound(Quantity("line_output_3", layer), nonnegative(f"hb3_{layer}"), Moduli(jet(given, "h", 3, layer)) + length * fourth)
        values = [*(Moduli(jet(given, "h", k, layer)) for k in range(order + 1, 4)), fourth]
        return Bound(
            Quantity(f"line_out_moved_{order}", layer),
            nonnegative(f"dout{order}"),
            length * taylor([value / (k + 1) for k, value in enumerate(values)], length),
        )


# --- the cost ---------------------------------------------------------------------------------------------------------


class LineCost(Rule):
    """The derivatives of the cost of a sample at t = 0, exactly, and its fourth derivative on the segment, from above."""

    def conclude(self, given: Given, *, layer: int, order: int, cost: Cost, **_: Any) -> Bound:
        outputs = [jet(given, "h", k, layer) for k in range(4)]
        if order == 0:
            name = {SoftmaxCrossEntropy: "softmax", HalfSquaredError: "squared_error", Logistic: "logistic"}[type(cost)]
            value = SampleCost(Str(name), outputs[0], given.bound("targets"), sympy.Integer(0))
            return Bound(Quantity("cost_jet_0"), real("gj0"), value)
        if order < 4:
            return Bound(Quantity(f"cost_jet_{order}"), real(f"gj{order}"), self.derivative(given, order, outputs))
        return Bound(Quantity("cost_fourth"), nonnegative("gb4"), self.fourth(given, layer, outputs))

    def derivative(self, given: Given, order: int, outputs: list[sympy.Expr]) -> sympy.Expr:
        raise NotImplementedError

    def fourth(self, given: Given, layer: int, outputs: list[sympy.Expr]) -> sympy.Expr:
        raise NotImplementedError


def moved(given: Given, layer: int, order: int) -> sympy.Expr:
    return given.bound(f"line_out_moved_{order}", layer)


class LineSquaredError(LineCost):
    name = "half squared error along the line"
    title = "The half squared error along the line"
    statement = r"""For $g=\frac12|o-y|^2$ along the line, $o=h_m(t)$: $g'=\langle o-y,o'\rangle$, $g''=|o'|^2+\langle o-y,o''\rangle$, $g'''=3\langle o',o''\rangle+\langle o-y,o'''\rangle$, and for $0\le t\le T$
\[g^{(4)}\le\sum_j3\hat o_j''^2+4\hat o_j'\hat o_j'''+(|\bar o-y|_j+\varrho_j)\hat o_j^{(4)},\qquad\hat o^{(k)}=|\bar o^{(k)}|+\varrho^{(k)},\ \hat o^{(4)}=\hat h_m^{(4)}.\]"""
    proof = r"""Leibniz' rule, and the triangle inequality."""
    obligations = (
        Identity("third derivative", sympy.diff((h(t) - y) ** 2 / 2, t, 3), 3 * h(t).diff(t) * h(t).diff(t, 2) + (h(t) - y) * h(t).diff(t, 3)),
        Identity(
            "fourth derivative",
            sympy.diff((h(t) - y) ** 2 / 2, t, 4),
            3 * h(t).diff(t, 2) ** 2 + 4 * h(t).diff(t) * h(t).diff(t, 3) + (h(t) - y) * h(t).diff(t, 4),
        ),
    )

    def derivative(self, given: Given, order: int, outputs: list[sympy.Expr]) -> sympy.Expr:
        error = outputs[0] - given.bound("targets")
        o1, o2, o3 = outputs[1:]
        return Sum([error * o1, o1**2 + error * o2, 3 * o1 * o2 + error * o3][order - 1])

    def fourth(self, given: Given, layer: int, outputs: list[sympy.Expr]) -> sympy.Expr:
        error = Moduli(outputs[0] - given.bound("targets")) + moved(given, layer, 0)
        o1, o2, o3 = (Moduli(outputs[k]) + moved(given, layer, k) for k in (1, 2, 3))
        return Sum(3 * o2**2 + 4 * o1 * o3 + error * given.bound("line_output_4", layer))


class LineLogistic(LineCost):
    name = "logistic cost along the line"
    title = "The logistic cost along the line"
    statement = r"""For $g=\sum_j\psi(m_j)$, $\psi(v)=\log(1+e^v)$, $m=-y\,o$ entry by entry, $y_j=\pm1$, along the line: $g',g'',g'''$ by Fa\`a di Bruno's formula, and for $0\le t\le T$
\[g^{(4)}\le\sum_j\psi_4\hat o'^4+6\psi_3\hat o'^2\hat o''+3\psi_2\hat o''^2+4\psi_2\hat o'\hat o'''+\psi_1\hat o^{(4)},\]
$\psi_k$ the supremum of $|\psi^{(k)}|$ within $\varrho^{(0)}$ of $\bar m$, $\hat o^{(k)}=|\bar o^{(k)}|+\varrho^{(k)}$."""
    proof = r"""$|m^{(k)}|=|o^{(k)}|$ entry by entry; Fa\`a di Bruno's formula and the triangle inequality."""
    obligations = FAA_DI_BRUNO

    def _outer(self, given: Given, outputs: list[sympy.Expr]) -> sympy.Expr:
        return -given.bound("targets") * outputs[0]

    def derivative(self, given: Given, order: int, outputs: list[sympy.Expr]) -> sympy.Expr:
        margin, signs = self._outer(given, outputs), -given.bound("targets")
        outer = [At(Str("softplus"), sympy.Integer(0), sympy.Integer(k), margin) for k in (1, 2, 3)]
        return Sum(faa_di_bruno(order, outer[:order], [signs * outputs[k] for k in range(1, order + 1)]))

    def fourth(self, given: Given, layer: int, outputs: list[sympy.Expr]) -> sympy.Expr:
        margin = self._outer(given, outputs)
        outer = [SupremumNear(Str("softplus"), sympy.Integer(0), sympy.Integer(k), margin, moved(given, layer, 0)) for k in (1, 2, 3, 4)]
        inner = [*(Moduli(outputs[k]) + moved(given, layer, k) for k in (1, 2, 3)), given.bound("line_output_4", layer)]
        return Sum(faa_di_bruno(4, outer, inner))


class LineProbabilities(Rule):
    name = "probabilities along the line"
    title = "Probabilities along the line"
    statement = r"""$\pi=\operatorname{softmax}(\bar h_m)$; for $0\le t\le T$ the probabilities $q$ of $h_m(t)$ satisfy $q_j\le\hat\pi_j=\min\bigl(1,\pi_je^{\varrho_j+\max\varrho}\bigr)$ and $|q_j-\pi_j|\le\pi_j(e^{\varrho_j+\max\varrho}-1)$, $\varrho=\varrho^{(0)}$."""
    proof = r"""$q_j/\pi_j=e^{w_j}/\mathbb{E}_\pi e^w$ with $|w_j|\le\varrho_j$ lies between $e^{-\varrho_j-\max\varrho}$ and $e^{\varrho_j+\max\varrho}$, and $1-e^{-a}\le e^a-1$ for $a\ge0$."""
    obligations = (Inequality("below as near as above", (x > 0, x * y == 1), 1 - y <= x - 1),)

    def conclude(self, given: Given, *, layer: int, moving: bool, **_: Any) -> Bound:
        if not moving:
            return Bound(None, nonnegative("pc"), Softmax(given.symbol(f"hc_{layer}")))
        size = moved(given, layer, 0)
        return Bound(None, nonnegative("odds"), sympy.exp(size + Largest(size)))


class LineMoments(Rule):
    name = "ranges and variances along the line"
    title = "Ranges and variances of the outputs' derivatives"
    statement = r"""For $0\le t\le T$ the range $\max_jo_j^{(k)}-\min_jo_j^{(k)}$ is at most $R_k=\max_j(\bar o^{(k)}+\varrho^{(k)})_j-\min_j(\bar o^{(k)}-\varrho^{(k)})_j$, and the variance of $o^{(k)}$ under the probabilities $q$ of $o=h_m(t)$ at most
$V_k=\sum_j\hat\pi_j\bigl(|\bar o_j^{(k)}-\mathbb{E}_\pi\bar o^{(k)}|+\varrho_j^{(k)}\bigr)^2$, with $\hat\pi$ of @[probabilities along the line] and $\varrho^{(k)}$ of @[third derivative of an output]."""
    proof = r"""$|o_j^{(k)}-\bar o_j^{(k)}|\le\varrho_j^{(k)}$; and $\operatorname{Var}_q(v)\le\mathbb{E}_q(v-c)^2\le\sum_j\hat\pi_j(v_j-c)^2$ for the constant $c=\mathbb{E}_\pi\bar o^{(k)}$."""
    obligations = (
        Inequality(
            "variance below any second moment: two points",
            (p >= 0, q >= 0, p + q == 1),
            p * v**2 + q * w**2 - (p * v + q * w) ** 2 <= p * (v - c) ** 2 + q * (w - c) ** 2,
        ),
    )

    def conclude(self, given: Given, *, layer: int, order: int, variance: bool, **_: Any) -> Bound:
        output, reach = jet(given, "h", order, layer), moved(given, layer, order)
        if not variance:
            return Bound(None, nonnegative(f"range_{order}"), RangeWithin(output, reach))
        weights = sympy.Min(1, given.symbol("pc") * given.symbol("odds"))
        return Bound(None, nonnegative(f"var_{order}"), SpreadWithin(weights, given.symbol("pc"), output, reach))


class LineSoftmax(LineCost):
    name = "softmax along the line"
    title = "The softmax cross-entropy along the line"
    statement = r"""For $g=\log\sum_je^{o_j}-\langle y,o\rangle$ along the line, with $\pi$ the probabilities at $t=0$ and central moments under $\pi$:
\[g'=\langle\pi-y,o'\rangle,\quad g''=\operatorname{Var}(o')+\langle\pi-y,o''\rangle,\quad g'''=\mathbb{E}(o'-\mathbb{E}o')^3+3\operatorname{Cov}(o',o'')+\langle\pi-y,o'''\rangle.\]
For $0\le t\le T$, with $R_k$ and $V_k$ of @[ranges and variances along the line] and $\varrho=\varrho^{(0)}$,
\[g^{(4)}\le R_1^2V_1+6R_2V_1+3V_2+4\sqrt{V_1V_3}+\sum_j\bigl(|\pi_j-y_j|+\pi_j(e^{\varrho_j+\max\varrho}-1)\bigr)(\hat h_m^{(4)})_j.\]"""
    proof = r"""The derivatives of $\log\sum_je^{o_j}$ in $o$ are the joint cumulants of the coordinates under the probabilities $q$. So $g^{(4)}=\kappa(o',o',o',o')+6\kappa(o',o',o'')+3\kappa(o'',o'')+4\kappa(o',o''')+\langle q-y,o^{(4)}\rangle$. With $\tilde v=v-\mathbb{E}_qv$: $\kappa(v,v,v,v)=\mathbb{E}_q\tilde v^4-3(\mathbb{E}_q\tilde v^2)^2\le R^2\operatorname{Var}_q(v)$, $\kappa(v,v,a)=\mathbb{E}_q\tilde v^2\tilde a\le R(a)\operatorname{Var}_q(v)$,
$\kappa(a,a)=\operatorname{Var}_q(a)$ and $\kappa(v,b)\le(\operatorname{Var}_q(v)\operatorname{Var}_q(b))^{1/2}$, as $|\tilde v|\le R(v)$."""
    obligations = (
        *(
            Identity(
                f"cumulants of two points, order {k}",
                sympy.diff(sympy.log(p * sympy.exp(v * t) + (1 - p) * sympy.exp(w * t)), t, k).subs(t, 0),
                expected,
            )
            for k, expected in (
                (2, p * (1 - p) * (v - w) ** 2),
                (3, p * (1 - p) * (1 - 2 * p) * (v - w) ** 3),
                (4, p * (1 - p) * (1 - 6 * p * (1 - p)) * (v - w) ** 4),
            )
        ),
        Inequality("a deviation is at most the range", (a <= v, v <= b, a <= w, w <= b), (v - w) ** 2 <= (b - a) ** 2),
        *FAA_DI_BRUNO[2:],
    )

    def derivative(self, given: Given, order: int, outputs: list[sympy.Expr]) -> sympy.Expr:
        pi = given.symbol("pc")
        error = pi - given.bound("targets")
        o1, o2, o3 = outputs[1:]
        centred = o1 - Sum(pi * o1)
        return Sum([error * o1, pi * centred**2 + error * o2, pi * centred**3 + 3 * pi * centred * o2 + error * o3][order - 1])

    def fourth(self, given: Given, layer: int, outputs: list[sympy.Expr]) -> sympy.Expr:
        pi, odds = given.symbol("pc"), given.symbol("odds")
        spread = [given.symbol(f"var_{k}") for k in (1, 2, 3)]
        first, second = (given.symbol(f"range_{k}") for k in (1, 2))
        slope = Moduli(pi - given.bound("targets")) + pi * (odds - 1)
        return (
            first**2 * spread[0]
            + 6 * second * spread[0]
            + 3 * spread[1]
            + 4 * sympy.sqrt(spread[0] * spread[2])
            + Sum(slope * given.bound("line_output_4", layer))
        )


def line_cost(cost: Cost | None) -> LineCost:
    """The lemma of a cost along a line."""
    rules: dict[type, LineCost] = {SoftmaxCrossEntropy: LineSoftmax(), HalfSquaredError: LineSquaredError(), Logistic: LineLogistic()}
    if type(cost) not in rules:
        raise SymlipError("method='line' needs a cost with four derivatives: SoftmaxCrossEntropy(), HalfSquaredError() or Logistic(); Huber has method='norm'")
    return rules[type(cost)]


class LineRisk(Rule):
    name = "the average along the line"
    title = "The average over the data along the line"
    statement = r"""$\Phi^{(k)}(0)=f_k=\mathbb{E}\,g^{(k)}(0)$ for $k\le3$, and $\Phi^{(4)}(t)\le F_4=\mathbb{E}\,\hat g_4$ for $0\le t\le T$, $\hat g_4$ the bound of each sample. So
\[\Phi(t)\le f_0+f_1t+\tfrac12f_2t^2+\tfrac16f_3t^3+\tfrac1{24}F_4t^4,\qquad\Phi''(t)\le f_2+\max\bigl(0,\ f_3T+\tfrac12F_4T^2\bigr)\qquad(0\le t\le T).\]"""
    proof = r"""Averages of the samples. The first inequality is Taylor's formula. For the second, $\Phi''(t)\le f_2+f_3t+\frac12F_4t^2$, a convex function of $t$ as $F_4\ge0$, so that it is largest at an end."""
    obligations = (
        TAYLOR[1],
        TAYLOR[3],
        Inequality("a convex function is largest at an end", (t >= 0, t <= T, M >= 0, A >= 0, a * T + M * T**2 <= A), a * t + M * t**2 <= A),
    )

    def conclude(self, given: Given, *, order: int, **_: Any) -> Bound:
        if order < 4:
            return Bound(Quantity(f"risk_jet_{order}"), real(f"f_{order}"), Mean(given.bound(f"cost_jet_{order}")))
        if order == 4:
            return Bound(Quantity("risk_fourth"), nonnegative("F4"), Mean(given.bound("cost_fourth")))
        length = given.bound("length")
        rise = given.bound("risk_jet_3") * length + given.bound("risk_fourth") * length**2 / 2
        return Bound(Quantity("risk_bend"), real("curvature"), given.bound("risk_jet_2") + sympy.Max(0, rise))
