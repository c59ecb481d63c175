"""Certificates near given weights, sharper: the Hessian at the centre plus a matrix-free majorant of its change."""

from __future__ import annotations

from typing import Any

import sympy
from sympy.core.symbol import Str

from ...activations import Activation
from ...costs import Cost, HalfSquaredError, Logistic, SoftmaxCrossEntropy
from ...errors import SymlipError
from ..arrays import Mean, Outer
from ..claims import Bound, nonnegative
from ..obligations import Identity, Inequality
from ..quantities import Quantity
from ..rule import Given, Rule
from ..samples import (
    AddGram,
    Affine,
    At,
    Atom,
    Back,
    CoefficientOf,
    ColumnNorms,
    ColumnSpread,
    CovarianceBound,
    Diagonal,
    Largest,
    Length,
    Moduli,
    OutputSpread,
    PairNorm,
    ReferenceAtoms,
    RowLengths,
    RowNorms,
    ScaledNorm,
    Smaller,
    SpectralNorm,
    SpreadNorm,
    SpreadOdds,
    Sum,
    SumSymmetric,
    Through,
    Transposed,
    UnitVectors,
)
from .near import label, real

a, b, c, d, e, g, h, p, q, r, s, t, u, v, w, x, y, A, B, C, D, M, W, Z = sympy.symbols("a b c d e g h p q r s t u v w x y A B C D M W Z", real=True)
lam, mu, rho = sympy.symbols("lambda mu rho", real=True)

TRIANGLE = Inequality("triangle inequality", (x**2 <= a**2, y**2 <= b**2, a >= 0, b >= 0), (x + y) ** 2 <= (a + b) ** 2)
PRODUCTS = Identity("difference of two products", (A + a) * (B + b) - A * B, a * (B + b) + A * b)
CAUCHY = Inequality("Cauchy-Schwarz", (), (a * x + b * y) ** 2 <= (a**2 + b**2) * (x**2 + y**2))


def weight_moved(given: Given, layer: int) -> sympy.Expr:
    """At least |A_u - bar A_u|_2 on the set: of each layer in a cone, the radius in a ball."""
    return given.bound("weight_moved", layer) if given.has("weight_moved", layer) else given.bound("distance")


def atom_names(depth: int) -> list[str]:
    """The norms of which the form consists: q, then alpha_u and, below the last layer, n_u, k_u, b_u, c_u."""
    found = ["q"]
    for layer in range(1, depth + 1):
        found.append(f"alpha_{layer}")
        if layer < depth:
            found += [f"{name}_{layer}" for name in "nkbc"]
    return found


def atom(name: str, depth: int) -> sympy.Expr:
    names = atom_names(depth)
    return Atom(sympy.Integer(names.index(name)), sympy.Integer(len(names)))


class Adjoint(Rule):
    name = "adjoints at the centre"
    title = "Adjoints at the centre"
    statement = r"""$e_m=D_og(\bar h_m)$, $\lambda_u=\bar A_{u+1}^{\top}e_{u+1}$, $e_u=s_u'(\bar z_u)\lambda_u$ for $u<m$, and $\mu_u=s_u''(\bar z_u)\lambda_u$, entry by entry; the last layer is affine. Along a direction $\eta$, with $C=D_o^2g$ and $o=h_m$,
\[\varphi''=\langle o',Co'\rangle+\sum_{u<m}\sum_j(\mu_u)_j(z_u')_j^2+2\sum_{u\ge2}\bigl\langle e_u,dA_u\,s'(z_{u-1})z_{u-1}'\bigr\rangle.\]"""
    proof = r"""$\varphi''=\langle o',Co'\rangle+\langle e_m,z_m''\rangle$, $z_u''=2\,dA_uh_{u-1}'+A_uh_{u-1}''$ and $h_{u-1}''=s''z_{u-1}'^2+s'z_{u-1}''$, so that $\langle e_u,z_u''\rangle=2\langle e_u,dA_uh_{u-1}'\rangle+\langle\lambda_{u-1},s''z_{u-1}'^2\rangle+\langle e_{u-1},z_{u-1}''\rangle$; $z_1''=0$."""
    obligations = (
        Identity("transposition", (A * x) * e, x * (A * e)),
        Identity(
            "second derivative of s(z)",
            sympy.diff(sympy.Function("s")(sympy.Function("z")(t)), t, 2),
            sympy.Function("s")(x).diff(x, 2).subs(x, sympy.Function("z")(t)) * sympy.Function("z")(t).diff(t) ** 2
            + sympy.Function("s")(x).diff(x).subs(x, sympy.Function("z")(t)) * sympy.Function("z")(t).diff(t, 2),
        ),
    )

    def conclude(self, given: Given, *, layer: int, depth: int, kind: str, activation: Activation | None = None, cost: Cost | None = None, **_: Any) -> Bound:
        if kind == "end":
            output, target = given.symbol(f"hc_{depth}"), given.bound("targets")
            if isinstance(cost, SoftmaxCrossEntropy):
                value = given.symbol("pc") - target
            elif isinstance(cost, Logistic):
                value = -target * At(Str("softplus"), sympy.Integer(0), sympy.Integer(1), -target * output)
            else:
                value = output - target
            return Bound(None, real(f"ad_{depth}"), value)
        if kind == "back":
            return Bound(None, real(f"la_{layer}"), Transposed(given.bound("centre_weight", layer + 1), given.symbol(f"ad_{layer + 1}")))
        assert activation is not None
        order, name = (1, "ad") if kind == "adjoint" else (2, "mu")
        slope = At(label(activation), sympy.Integer(layer), sympy.Integer(order), given.symbol(f"zc_{layer}"))
        return Bound(None, real(f"{name}_{layer}"), slope * given.symbol(f"la_{layer}"))


class OutputGram(Rule):
    name = "Gram matrix of the outputs"
    title = "The outputs' Jacobian at the centre"
    statement = r"""Let $J$ be the derivative of the outputs in all parameters at the centre. $JJ^{\top}=\sum_u(1+|\bar h_{u-1}|^2)B_u^{\top}B_u$ with $B_m=I$, $B_u=\operatorname{diag}s'(\bar z_u)\bar A_{u+1}^{\top}B_{u+1}$."""
    proof = r"""The derivative of $o_j$ in $(A_u,b_u)$ is $(B_ue_j)(\bar h_{u-1},1)^{\top}$, by the chain rule, and $\langle vw^{\top},v'w^{\top}\rangle=\langle v,v'\rangle|w|^2$."""
    obligations = (Identity("inner product of rank one", (a * h) * (b * h) + a * b, a * b * (1 + h**2)),)

    def conclude(self, given: Given, *, layer: int, depth: int, kind: str, activation: Activation | None = None, **_: Any) -> Bound:
        if kind == "back":
            if layer == depth:
                return Bound(None, real(f"bk_{depth}"), UnitVectors(given.symbol(f"hc_{depth}")))
            assert activation is not None
            slope = At(label(activation), sympy.Integer(layer), sympy.Integer(1), given.symbol(f"zc_{layer}"))
            return Bound(None, real(f"bk_{layer}"), Back(given.bound("centre_weight", layer + 1), slope, given.symbol(f"bk_{layer + 1}")))
        below = given.bound("inputs") if layer == 1 else given.symbol(f"hc_{layer - 1}")
        part = AddGram(given.symbol(f"bk_{layer}"), 1 + Length(below) ** 2)
        return Bound(None, real(f"gr_{layer}"), part if layer == depth else part + given.symbol(f"gr_{layer + 1}"))


class ChangedDerivative(Rule):
    name = "change of the first derivatives"
    title = "Change of the first derivatives"
    statement = r"""On the set, $|A_u-\bar A_u|_2\le r$ \textup{(}in a cone $r=R_u$\textup{)}, put $\zeta_u=z_u'(\theta)-z_u'(\bar\theta)$ along a direction $\eta$, $\alpha_u=|(dA_u,db_u)|$ and, at the centre, $n_u=|z_u'|$, $k_u=|\sigma_uz_u'|$, $b_u=|\bar\sigma_uz_u'|$ with $\bar\sigma_u=\kappa_u\rho_u$. Then $\zeta_1=0$ and
\[|\zeta_u|\le\alpha_u\Delta_{u-1}+\beta+r\,k_{u-1}+\bigl(K+r\max_j\sigma_j\bigr)|\zeta_{u-1}|,\]
where $\beta$ is either $|\bar A_u\operatorname{diag}\bar\sigma_{u-1}|_2\,n_{u-1}$ or $\bar a_u\,b_{u-1}$ \textup{(}for each sample that which is smaller along the reference direction\textup{)} and $K\ge|\bar A_u\operatorname{diag}\sigma_{u-1}|_2$. So $|\zeta_u|\le\langle\boldsymbol{\zeta}_u,a\rangle$, $a$ the vector of these norms."""
    proof = r"""$z_u'=dA_uh_{u-1}+db_u+A_uh_{u-1}'$, hence $\zeta_u=dA_u(h_{u-1}-\bar h_{u-1})+\Delta A_u\,h_{u-1}'(\theta)+\bar A_u\bigl(h_{u-1}'(\theta)-h_{u-1}'(\bar\theta)\bigr)$. Here $h_{u-1}'(\theta)=s'(z)(z'+\zeta_{u-1})$, at most $k_{u-1}+\max\sigma\,|\zeta_{u-1}|$ long, and $h_{u-1}'(\theta)-h_{u-1}'(\bar\theta)=(s'(z)-s'(\bar z))z'+s'(z)\zeta_{u-1}$ with $|s'(z)-s'(\bar z)|\le\kappa\rho$ by the mean value theorem."""
    obligations = (PRODUCTS, TRIANGLE)

    def conclude(self, given: Given, *, layer: int, depth: int, **_: Any) -> Bound:
        if layer == 1:
            return Bound(Quantity("changed_first", 1), nonnegative("ze_1"), sympy.Integer(0))
        straight, whole, first = given.symbol(f"kb_{layer}"), given.symbol(f"an_{layer}"), given.symbol(f"ind_{layer}")
        radius = weight_moved(given, layer)
        total = (
            given.bound("moved", layer - 1) * atom(f"alpha_{layer}", depth)
            + straight * first * atom(f"n_{layer - 1}", depth)
            + whole * (1 - first) * atom(f"b_{layer - 1}", depth)
            + radius * atom(f"k_{layer - 1}", depth)
        )
        if layer > 2:
            total += (given.symbol(f"kk_{layer}") + radius * Largest(given.bound("near_slope", layer - 1))) * given.bound("changed_first", layer - 1)
        return Bound(Quantity("changed_first", layer), nonnegative(f"ze_{layer}"), total)


class ChangedNorms(Rule):
    name = "norms for the change"
    title = "Norms for the change of the derivatives"
    statement = r"""$K_u\ge|\bar A_u\operatorname{diag}\sigma_{u-1}|_2$ and $\bar K_u\ge|\bar A_u\operatorname{diag}\bar\sigma_{u-1}|_2$, each the smaller of the product of norms and the Frobenius norm; $I_u=1$ where $\bar K_u|\tilde z_{u-1}|\le\bar a_u|\bar\sigma_{u-1}\tilde z_{u-1}|$, else $0$, with the derivative $\tilde z$ along the reference direction \textup{(}either choice gives a bound; one part in $10^9$ more counts as $\le$\textup{)}."""
    proof = r"""See @[movement of the pre-activations]; $I_u$ by definition."""

    def conclude(self, given: Given, *, layer: int, kind: str, **_: Any) -> Bound:
        if kind == "indicator":
            z, reach = given.symbol(f"zr_{layer - 1}"), given.symbol(f"sr_{layer - 1}")
            chosen = Smaller(given.symbol(f"kb_{layer}") * Length(z), given.symbol(f"an_{layer}") * Length(reach * z))
            return Bound(None, nonnegative(f"ind_{layer}"), chosen)
        diagonal, name = (given.bound("near_slope", layer - 1), "kk") if kind == "slopes" else (given.symbol(f"sr_{layer - 1}"), "kb")
        return Bound(None, nonnegative(f"{name}_{layer}"), ScaledNorm(given.bound("centre_weight", layer), given.symbol(f"an_{layer}"), diagonal))


class ChangedOutput(Rule):
    name = "change of the outputs' derivatives"
    title = "Change of the outputs' derivatives, in the norm of the cost's Hessian"
    statement = r"""On the set $|C(\theta)^{1/2}\zeta_m|\le\langle\boldsymbol{z},a\rangle$ with $\boldsymbol{z}=\sqrt c\,\boldsymbol{\zeta}_m$; and for the softmax cross-entropy, sharper, with the recursion of @[change of the first derivatives] for $u=m$ in which $\alpha_m\Delta_{m-1}$, $r\,k_{m-1}$ and $r\max\sigma|\zeta_{m-1}|$ are multiplied by $\sqrt c$, and $|\bar A_m\operatorname{diag}d|_2$ becomes $e^{\mathsf M/2}S(d)$ of @[norms of the last weights]."""
    proof = (
        r"""$|C(\theta)^{1/2}v|\le\sqrt c|v|$ and $|C(\theta)^{1/2}\bar A_mv|\le e^{\mathsf M/2}|C(\bar\theta)^{1/2}\bar A_mv|$ by @[stability of the cost]."""
    )
    obligations = (TRIANGLE, CAUCHY)

    def conclude(self, given: Given, *, depth: int, cost: Cost, **_: Any) -> Bound:
        curvature = given.bound("cost_curvature")
        if depth == 1 or not isinstance(cost, SoftmaxCrossEntropy):
            return Bound(Quantity("changed_output"), nonnegative("zo"), sympy.sqrt(curvature) * given.bound("changed_first", depth))
        below, radius = depth - 1, weight_moved(given, depth)
        slopes = given.bound("near_slope", below)
        names = ("cnr", "cnw", "cns", "cni")
        straight, whole, slope_norm, first = (given.symbol(name) for name in names)
        growth = sympy.exp(given.bound("cost_factor") / 2)
        total = (
            sympy.sqrt(curvature) * (given.bound("moved", below) * atom(f"alpha_{depth}", depth) + radius * atom(f"k_{below}", depth))
            + growth * straight * first * atom(f"n_{below}", depth)
            + growth * whole * (1 - first) * atom(f"b_{below}", depth)
        )
        if depth > 2:
            total += (growth * slope_norm + sympy.sqrt(curvature) * radius * Largest(slopes)) * given.bound("changed_first", below)
        return Bound(Quantity("changed_output"), nonnegative("zo"), total)


class OutputSpreads(Rule):
    name = "norms of the last weights"
    title = "Norms of the last weights in the cost's Hessian"
    statement = r"""$v_j$ is the variance of the $j$-th column of $\bar A_m$ under $\pi$, $c_0$ a bound of the largest eigenvalue of $C(\bar o)$, and $S(d)=\min\bigl(\sqrt{c_0}\,\bar a_m\max d,\ (\sum_jv_jd_j^2)^{1/2}\bigr)\ge|C(\bar o)^{1/2}\bar A_m\operatorname{diag}d|_2$; $S_{\bar\sigma}$, $S_1$ and $S_\sigma$ are its values at $\bar\sigma_{m-1}$, $(1,\dots,1)$ and $\sigma_{m-1}$, and $I_S=1$ where $S_{\bar\sigma}|\tilde z_{m-1}|\le S_1|\bar\sigma_{m-1}\tilde z_{m-1}|$, else $0$."""
    proof = r"""$|C^{1/2}\bar A_m\operatorname{diag}d|_F^2=\sum_jd_j^2\,e_j^{\top}\bar A_m^{\top}C\bar A_me_j$, a sum of variances, and $|C^{1/2}|_2\le\sqrt{c_0}$."""

    def conclude(self, given: Given, *, depth: int, kind: str, **_: Any) -> Bound:
        p, below = given.symbol("pc"), depth - 1
        if kind == "cs":
            return Bound(None, nonnegative("cs"), ColumnSpread(given.bound("centre_weight", depth), p))
        if kind == "c0":
            return Bound(None, nonnegative("cz"), CovarianceBound(p))
        reach = given.symbol(f"sr_{below}")
        if kind == "cni":
            z = given.symbol(f"zr_{below}")
            return Bound(None, nonnegative("cni"), Smaller(given.symbol("cnr") * Length(z), given.symbol("cnw") * Length(reach * z)))
        diagonal = {"cnr": reach, "cnw": 0 * reach + 1, "cns": given.bound("near_slope", below)}[kind]
        norm = sympy.sqrt(given.symbol("cz")) * given.symbol(f"an_{depth}")
        return Bound(None, nonnegative(kind), SpreadNorm(given.symbol("cs"), norm, diagonal))


class SlopeChange(Rule):
    name = "change of the slopes"
    title = "Change of the slopes"
    statement = r"""$|s_u'(z_u)-s_u'(\bar z_u)|\le\bar\sigma_u=\kappa_u\rho_u$, entry by entry."""
    proof = r"""The mean value theorem."""

    def conclude(self, given: Given, *, layer: int, **_: Any) -> Bound:
        return Bound(None, nonnegative(f"sr_{layer}"), given.bound("near_curvature", layer) * given.bound("moved_pre", layer))


class CostStability(Rule):
    name = "stability of the cost"
    title = "The cost's Hessian and gradient near the centre"
    statement = r"""On the ball $C(o)\le e^{\mathsf{M}}C(\bar o)$ as forms, $|C(o)|\le c$ and $|D_og(o)-D_og(\bar o)|\le\epsilon_m$. With $w=o-\bar o$, $|w|\le\Delta_m$, $|w_j|\le\varrho_j$ and $\mathcal K=JJ^{\top}$, of @[Gram matrix of the outputs]:
softmax cross-entropy: $\mathsf{M}=\min\bigl(\sqrt2\Delta_m,\ r\max_j|(e_j-\pi)^{\top}J|+\sqrt2\,\omega\bigr)$, $c=\min(\frac12,e^{\mathsf{M}}c_0)$, $c_0$ at least the largest eigenvalue of $C(\bar o)$, and $\epsilon_m=\min\bigl(c\Delta_m,\ e^{\mathsf{M}/2}\sqrt c\,(r\,(\operatorname{tr}(C\mathcal KC\mathcal K))^{1/4}+\sqrt{c_0}\,\omega)\bigr)$;
half squared error: $\mathsf{M}=0$, $c=1$, $\epsilon_m=\Delta_m$; logistic: $\mathsf{M}=\max_j\varrho_j$, $c=\min(\frac14,e^{\mathsf{M}}\max_j\psi''(\bar m_j))$, $\epsilon_m=c\Delta_m$. Here $\omega=\frac r2\langle\boldsymbol{\zeta}_m,\bar{\boldsymbol a}\rangle$ bounds $|w-J(\theta-\bar\theta)|$, with bounds $\bar{\boldsymbol a}$ of the norms $a$ for unit directions."""
    proof = r"""Softmax: with $q=\operatorname{softmax}(o)$, $q_j/\pi_j\le e^{w_j-\mathbb{E}_\pi w}$ (Jensen) and $\operatorname{Var}_q(v)\le\mathbb{E}_q(v-\mathbb{E}_\pi v)^2$ give $C(o)\le e^{\mathsf M}C(\bar o)$ with any $\mathsf M\ge\max_j(w_j-\mathbb{E}_\pi w)=\max_j\langle e_j-\pi,w\rangle$. Now $w=\int_0^1J(\bar\theta+s\delta)\delta\,ds$, $\delta=\theta-\bar\theta$, and $|(J(\bar\theta+s\delta)-J)\delta|\le|\delta|\sup|\zeta_m|$ at the radius $s|\delta|$, where the bounds of $\zeta_m$ \textup{(}with the same choices $I$\textup{)} are at most $s$ times those at $r$: each of their terms has a factor of that kind, $\bar\sigma$ in the atoms $b_u$ included; so $|w-J\delta|\le\frac r2\sup|\zeta_m|$, and $|e_j-\pi|\le\sqrt2$.
The gradient changes by $\int_0^1C(\bar o+sw)w\,ds$, at most $c|w|$ long, and $|C(o)w|\le\sqrt c\,|C(o)^{1/2}w|\le\sqrt c\,e^{\mathsf M/2}|C(\bar o)^{1/2}w|$, where $|C^{1/2}J\delta|^2\le r^2\lambda_{\max}(C^{1/2}\mathcal KC^{1/2})$ and $\lambda_{\max}^2\le\operatorname{tr}(C\mathcal KC\mathcal K)$. Logistic: $|\psi'''|=\psi''|1-2\psi'|\le\psi''$, so that $\psi''$ changes by at most the factor $e^{|w_j|}$."""
    obligations = (
        Inequality(
            "variance below any second moment: two points",
            (p >= 0, q >= 0, p + q == 1),
            p * v**2 + q * w**2 - (p * v + q * w) ** 2 <= p * (v - c) ** 2 + q * (w - c) ** 2,
        ),
        Inequality("range and norm", (), (a - b) ** 2 <= 2 * (a**2 + b**2)),
        Inequality("largest eigenvalue and trace of the square", (a >= 0, b >= 0, a >= b), a**2 <= a**2 + b**2),
        Identity("third derivative of the logistic cost", sympy.diff(p * (1 - p), p) * p * (1 - p), p * (1 - p) * (1 - 2 * p)),
    )

    def conclude(self, given: Given, *, depth: int, kind: str, cost: Cost, alike: bool = False, **_: Any) -> Bound:
        """alike: all pre-activations of the last layer have the same movement, one number a sample."""
        moved = given.bound("moved", depth)
        if kind == "factor":
            return Bound(Quantity("cost_factor"), nonnegative("odds_M"), self._factor(given, depth, cost, moved, alike))
        factor = given.bound("cost_factor")
        if kind == "curvature":
            if isinstance(cost, HalfSquaredError):
                return Bound(Quantity("cost_curvature"), nonnegative("g2"), sympy.Integer(1))
            if isinstance(cost, Logistic):
                margin = -given.bound("targets") * given.symbol(f"hc_{depth}")
                bend = Largest(At(Str("softplus"), sympy.Integer(0), sympy.Integer(2), margin))
                return Bound(Quantity("cost_curvature"), nonnegative("g2"), sympy.Min(sympy.Rational(1, 4), sympy.exp(factor) * bend))
            return Bound(Quantity("cost_curvature"), nonnegative("g2"), sympy.Min(sympy.Rational(1, 2), sympy.exp(factor) * given.symbol("cz")))
        curvature = given.bound("cost_curvature")
        value = curvature * moved
        if isinstance(cost, SoftmaxCrossEntropy):
            start = given.bound("distance") * OutputSpread(given.symbol("pc"), given.symbol("gr_1")) + sympy.sqrt(given.symbol("cz")) * given.symbol("rest")
            value = sympy.Min(value, sympy.exp(factor / 2) * sympy.sqrt(curvature) * start)
        return Bound(Quantity("changed_adjoint", depth), nonnegative(f"ea_{depth}"), value)

    def _factor(self, given: Given, depth: int, cost: Cost, moved: sympy.Expr, alike: bool) -> sympy.Expr:
        if isinstance(cost, SoftmaxCrossEntropy):
            sharp = given.bound("distance") * SpreadOdds(given.symbol("pc"), given.symbol("gr_1")) + sympy.sqrt(2) * given.symbol("rest")
            return sympy.Min(sympy.sqrt(2) * moved, sharp)
        if isinstance(cost, Logistic):
            farthest = given.bound("moved_pre", depth)
            return farthest if alike else Largest(farthest)
        if isinstance(cost, HalfSquaredError):
            return 0 * moved
        raise SymlipError("method='majorant' needs SoftmaxCrossEntropy(), HalfSquaredError() or Logistic(); Huber has method='norm'")


class OutputRest(Rule):
    name = "second-order movement of the outputs"
    title = "Movement of the outputs beyond first order"
    statement = r"""For unit directions $n_u\le\nu_u$, $k_u\le\max(\sigma_u)_j\,\nu_u$, $b_u\le\max(\bar\sigma_u)_j\,\nu_u$ and $\alpha_u\le1$; and $|h_m-\bar h_m-J(\theta-\bar\theta)|\le\omega=\frac r2\langle\boldsymbol{\zeta}_m,\bar{\boldsymbol{a}}\rangle$ with these numbers for $a$."""
    proof = r"""$|z_u'|\le\nu_u$ at the centre for $|\eta|=1$, as $\nu_u$ of @[movement of the pre-activations] bounds it even with slopes $\sigma$; products entry by entry. The rest is in the proof of @[stability of the cost]."""
    obligations = (CAUCHY,)

    def conclude(self, given: Given, *, depth: int, kind: str, **_: Any) -> Bound:
        if kind == "rest":
            return Bound(None, nonnegative("rest"), given.bound("distance") / 2 * CoefficientOf(given.bound("changed_first", depth), given.symbol("unit")))
        total = sympy.Integer(0)
        for name in atom_names(depth):
            letter, number = (name + "_").split("_")[:2]
            if letter == "alpha":
                total += atom(name, depth)
            elif letter in "nkb":
                size = given.bound("moved_norm", int(number))
                factors = {"n": sympy.Integer(1), "k": Largest(given.bound("near_slope", int(number))), "b": Largest(given.symbol(f"sr_{number}"))}
                total += factors[letter] * size * atom(name, depth)
        return Bound(None, nonnegative("unit"), total)


class ChangedAdjoint(Rule):
    name = "change of the adjoints"
    title = "Change of the adjoints"
    statement = r"""On the set, $|A_{u+1}-\bar A_{u+1}|_2\le r$ \textup{(}in a cone $r=R_{u+1}$\textup{)}, with $|e_{u+1}(\theta)-e_{u+1}|\le\epsilon_{u+1}$: $|\lambda_u(\theta)-\lambda_u|_j\le\ell_{u,j}=r(|e_{u+1}|+\epsilon_{u+1})+|\bar A_{u+1}e_j|\epsilon_{u+1}$, $|e_u(\theta)-e_u|\le\epsilon_u=\bigl|\bar\sigma_u|\lambda_u|+\sigma_u\ell_u\bigr|$, $|\mu_u(\theta)-\mu_u|_j\le W_{u,j}=|\lambda_u|_j\chi_u\rho_u+\ell_u\kappa_u$ and $|\mu_u(\theta)|_j\le\mu_u^+=|\mu_u|+W_u$, $\chi_u$ the supremum of $|s'''|$ within $\rho_u$ of $\bar z_u$."""
    proof = r"""$\lambda_u(\theta)-\lambda_u=\Delta A_{u+1}^{\top}e_{u+1}(\theta)+\bar A_{u+1}^{\top}(e_{u+1}(\theta)-e_{u+1})$, whose $j$-th entry is at most $|\Delta A_{u+1}e_j||e_{u+1}(\theta)|+|\bar A_{u+1}e_j|\epsilon_{u+1}$; $e_u=s'\lambda_u$ and $\mu_u=s''\lambda_u$: differences of products and the mean value theorem for $s'$ and $s''$."""
    obligations = (PRODUCTS, TRIANGLE)

    def conclude(self, given: Given, *, layer: int, kind: str, **_: Any) -> Bound:
        if kind == "multiplier":
            change, radius = given.bound("changed_adjoint", layer + 1), weight_moved(given, layer + 1)
            value = radius * (Length(given.symbol(f"ad_{layer + 1}")) + change) + ColumnNorms(given.bound("centre_weight", layer + 1)) * change
            return Bound(Quantity("changed_multiplier", layer), nonnegative(f"lc_{layer}"), value)
        multiplier, size = given.bound("changed_multiplier", layer), Moduli(given.symbol(f"la_{layer}"))
        if kind == "adjoint":
            value = Length(given.symbol(f"sr_{layer}") * size + given.bound("near_slope", layer) * multiplier)
            return Bound(Quantity("changed_adjoint", layer), nonnegative(f"ea_{layer}"), value)
        if kind == "curving":
            value = size * given.bound("near_third", layer) * given.bound("moved_pre", layer) + multiplier * given.bound("near_curvature", layer)
            return Bound(Quantity("changed_curving", layer), nonnegative(f"wc_{layer}"), value)
        return Bound(Quantity("curving_size", layer), nonnegative(f"mp_{layer}"), Moduli(given.symbol(f"mu_{layer}")) + given.bound("changed_curving", layer))


class ChangeForm(Rule):
    name = "change of the Hessian"
    title = "Change of the Hessian, sample by sample"
    statement = r"""On the set, for every direction $\eta$ with norms $a=(q,\alpha_1,n_1,k_1,b_1,c_1,\alpha_2,\dots)$, $q=|C^{1/2}o'|$ and $c_u=|\mu_u^+z_u'|$ at the centre,
\[\varphi''(\theta)-\varphi''(\bar\theta)\le\sum_{u<m}\sum_j(W_u)_j(z_u')_j^2+a^{\top}Qa,\]
\begin{multline*}a^{\top}Qa=\bigl(e^{\mathsf M/2}q+\langle\boldsymbol{z},a\rangle\bigr)^2-q^2+\sum_{u<m}\bigl(2c_u|\zeta_u|+\max\mu_u^+|\zeta_u|^2\bigr)\\+2\sum_{u\ge2}\alpha_u\bigl(\epsilon_uk_{u-1}+|e_u|b_{u-1}+\max\sigma_{u-1}(\epsilon_u+|e_u|)|\zeta_{u-1}|\bigr),\end{multline*}
with $\langle\boldsymbol{\zeta}_u,a\rangle$ for $|\zeta_u|$ and $\boldsymbol{z}$ of @[change of the outputs' derivatives]. The same bounds $|\varphi''(\theta)-\varphi''(\bar\theta)|$ without the terms of $\langle o',Co'\rangle$."""
    proof = r"""Subtract the formula of @[adjoints at the centre] at $\bar\theta$ from that at $\theta$. First term: $|C(\theta)^{1/2}(o'+\zeta_m)|\le e^{\mathsf M/2}q+\langle\boldsymbol{z},a\rangle$. Second: $\sum\mu(\theta)(z'+\zeta)^2-\sum\mu z'^2\le\sum W z'^2+2\sum\mu^+|z'||\zeta|+\sum\mu^+\zeta^2$. Third: $2\langle e_u(\theta),dA_uh'(\theta)\rangle-2\langle e_u,dA_uh'\rangle=2\langle e_u(\theta)-e_u,dA_uh'(\theta)\rangle+2\langle e_u,dA_u(h'(\theta)-h')\rangle$, with $|h'(\theta)|\le k+\max\sigma|\zeta|$ and $|h'(\theta)-h'|\le b+\max\sigma|\zeta|$."""
    obligations = (
        PRODUCTS,
        TRIANGLE,
        CAUCHY,
        Inequality(
            "a weight of either sign",
            (-mu <= a, a <= mu, b >= -W, b <= W, x >= 0, y >= 0),
            (a + b) * (x + y) ** 2 - a * x**2 <= W * x**2 + (mu + W) * (2 * x * y + y**2),
        ),
    )

    def conclude(self, given: Given, *, layer: int, depth: int, kind: str, **_: Any) -> Bound:
        if kind == "whole":
            return Bound(Quantity("changed_form"), nonnegative("Qf"), sympy.Add(*[given.symbol(f"Qu_{u}") for u in (0, *range(2, depth + 1))]))
        if kind == "outputs":
            return Bound(None, nonnegative("zf"), sympy.exp(given.bound("cost_factor") / 2) * atom("q", depth) + given.bound("changed_output"))
        if layer == 0:
            return Bound(None, nonnegative("Qu_0"), Outer(given.symbol("zf")) - Outer(atom("q", depth)))
        moved, size = given.bound("changed_adjoint", layer), Length(given.symbol(f"ad_{layer}"))
        inner = moved * atom(f"k_{layer - 1}", depth) + size * atom(f"b_{layer - 1}", depth)
        if layer > 2:
            inner += Largest(given.bound("near_slope", layer - 1)) * (moved + size) * given.bound("changed_first", layer - 1)
        total = SumSymmetric(atom(f"alpha_{layer}", depth), inner)
        if layer < depth:
            change = given.bound("changed_first", layer)
            total += SumSymmetric(atom(f"c_{layer}", depth), change) + Largest(given.bound("curving_size", layer)) * Outer(change)
        return Bound(None, nonnegative(f"Qu_{layer}"), total)


class DiagonalForm(Rule):
    name = "diagonal majorant"
    title = "A diagonal majorant"
    statement = r"""For a symmetric $Q\ge0$ \textup{(}entries\textup{)} and any $g>0$, $a^{\top}Qa\le\sum_id_ia_i^2$ with $d_i=(Qg)_i/g_i$. Here $g$ are the norms $a$ along a reference direction, an approximate top eigenvector, none of them less than a small multiple of the largest."""
    proof = r"""$2a_ia_j\le\frac{g_j}{g_i}a_i^2+\frac{g_i}{g_j}a_j^2$."""
    obligations = (Inequality("weighted arithmetic and geometric mean", (g > 0, h > 0), 2 * a * b * g * h <= h**2 * a**2 + g**2 * b**2),)

    def conclude(self, given: Given, *, depth: int, **_: Any) -> Bound:
        return Bound(Quantity("diagonal_form"), nonnegative("df"), Diagonal(given.bound("changed_form"), given.symbol("ref")))


class Reference(Rule):
    name = "reference direction"
    title = "The reference direction"
    statement = r"""$\tilde z_u$ is $z_u'$ at the centre along a reference direction $v$, any one, and $g$ the vector of the norms $a$ along it."""
    proof = r"""By definition."""

    def conclude(self, given: Given, *, layer: int, depth: int, kind: str, activation: Activation | None = None, cost: Cost | None = None, **_: Any) -> Bound:
        if kind == "pre":
            below = given.bound("inputs") if layer == 1 else given.symbol(f"hc_{layer - 1}")
            total: sympy.Expr = Affine(given.bound("reference_weight", layer), below, given.bound("reference_bias", layer))
            if layer > 1:
                total += Through(given.bound("centre_weight", layer), given.symbol(f"hr_{layer - 1}"))
            return Bound(None, real(f"zr_{layer}"), total)
        if kind == "post":
            assert activation is not None
            return Bound(
                None,
                real(f"hr_{layer}"),
                At(label(activation), sympy.Integer(layer), sympy.Integer(1), given.symbol(f"zc_{layer}")) * given.symbol(f"zr_{layer}"),
            )
        parts = [self._output(given, depth, cost)]
        for number in range(1, depth + 1):
            parts.append(PairNorm(given.bound("reference_weight", number), given.bound("reference_bias", number)))
            if number < depth:
                z = given.symbol(f"zr_{number}")
                parts += [
                    Length(z),
                    Length(given.bound("near_slope", number) * z),
                    Length(given.symbol(f"sr_{number}") * z),
                    Length(given.bound("curving_size", number) * z),
                ]
        return Bound(None, nonnegative("ref"), ReferenceAtoms(*parts))

    def _output(self, given: Given, depth: int, cost: Cost | None) -> sympy.Expr:
        z = given.symbol(f"zr_{depth}")
        if isinstance(cost, SoftmaxCrossEntropy):
            p = given.symbol("pc")
            return sympy.sqrt(Sum(p * (z - Sum(p * z)) ** 2))
        if isinstance(cost, Logistic):
            margin = -given.bound("targets") * given.symbol(f"hc_{depth}")
            return Length(z * sympy.sqrt(At(Str("softplus"), sympy.Integer(0), sympy.Integer(2), margin)))
        return Length(z)


class Majorant(Rule):
    name = "majorant of the Hessian's change"
    title = "The majorant, a positive operator"
    statement = r"""On the set $D^2\Phi(\theta)\le D^2\Phi(\bar\theta)+E$ as forms, with the positive form
\[\eta^{\top}E\eta=\sum_u\gamma_u|\eta_u|^2+\mathbb{E}\Bigl[\sum_{u<m}\sum_j(\omega_u)_j(z_u')_j^2+\kappa\,\langle o',Co'\rangle\Bigr],\]
derivatives at the centre, $\gamma_u=\mathbb{E}\,d_{\alpha_u}$, $\kappa=d_q$ and $\omega_u=W_u+d_{c_u}(\mu_u^+)^2+d_{n_u}+d_{k_u}\sigma_u^2+d_{b_u}\bar\sigma_u^2$. It is star-shaped: on the set of radius \textup{(}or length\textup{)} $sr$, $0<s\le1$, $D^2\Phi(\theta)\le D^2\Phi(\bar\theta)+sE$."""
    proof = r"""Put $a_i^2$ into @[diagonal majorant]: $\alpha_u^2=|\eta_u|^2$, $q^2=\langle o',Co'\rangle$, $n_u^2=\sum z'^2$, $k_u^2=\sum\sigma^2z'^2$, $b_u^2=\sum\bar\sigma^2z'^2$, $c_u^2=\sum(\mu^+)^2z'^2$, and average. On the set of radius $sr$ keep the choices $I$, all of which give bounds, and take in @[diagonal majorant] the same $g$ and the same atoms, but $b_u/s$ for $b_u$. Before the diagonal is taken, the form is $\sum m_{ij}a_ia_j$. Every $m_{ij}$ is a sum of products of nondecreasing functions of $r$; where neither atom is a $b_u$, each product has a factor $f$ such that $f(r)/r$ does not decrease \textup{(}$\rho$, $\Delta$, $\bar\sigma$, $\epsilon$, $\ell$, $W$, $r$ itself, $e^{\mathsf M}-1$; minima and maxima of such functions are of that kind\textup{)}, and $m_{ij}$ is at most $s$ times what it is at $r$. Where a $b_u$ enters, $m_{ij}$ does not decrease in $r$ and the new atom adds a factor $s$. So $d(sr)\le s\,d(r)$; and the atoms are at most those at $r$, since $\sigma$ and $\mu^+$ do not decrease and $\bar\sigma(sr)/s\le\bar\sigma(r)$."""
    obligations = (Inequality("star-shaped functions", (s >= 0, s <= 1, a >= 0, a <= s * b, c >= 0, c <= d), a * c <= s * (b * d)),)

    def conclude(self, given: Given, *, layer: int, depth: int, kind: str, **_: Any) -> Bound:
        form = given.bound("diagonal_form")
        if kind == "shift":
            return Bound(Quantity("majorant_shift", layer), nonnegative(f"ga_{layer}"), Mean(CoefficientOf(form, atom(f"alpha_{layer}", depth))))
        if kind == "outputs":
            return Bound(Quantity("majorant_outputs"), nonnegative("ka"), CoefficientOf(form, atom("q", depth)))
        d_n, d_k, d_b, d_c = (CoefficientOf(form, atom(f"{letter}_{layer}", depth)) for letter in "nkbc")
        total = (
            given.bound("changed_curving", layer)
            + d_c * given.bound("curving_size", layer) ** 2
            + d_n
            + d_k * given.bound("near_slope", layer) ** 2
            + d_b * given.symbol(f"sr_{layer}") ** 2
        )
        return Bound(Quantity("majorant_neurons", layer), nonnegative(f"om_{layer}"), total)


# --- a cone ---------------------------------------------------------------------------------------------------------------


class ConeWeights(Rule):
    name = "movement of the weights in a cone"
    title = "Movement of the weights in a cone"
    statement = (
        r"""For $\theta=\bar\theta+t(U+\omega)$, $0\le t\le T$, $|\omega|\le\varepsilon$: $|A_u-\bar A_u|_2\le R_u=T(u_u+\varepsilon)$, $u_u=|U_u|_2$."""
    )
    proof = r"""$A_u-\bar A_u=t(U_u+\omega_u)$ and $|\omega_u|_2\le|\omega|$."""
    obligations = (TRIANGLE,)

    def conclude(self, given: Given, *, layer: int, kind: str, **_: Any) -> Bound:
        if kind == "norm":
            return Bound(None, nonnegative(f"un_{layer}"), SpectralNorm(given.bound("direction_weight", layer)))
        total = given.bound("length") * (given.symbol(f"un_{layer}") + given.bound("angle"))
        return Bound(Quantity("weight_moved", layer), nonnegative(f"Rw_{layer}"), total)


class ConeNorm(Rule):
    name = "movement away from the axis"
    title = "Movement away from the axis of a cone"
    statement = r"""Let $\theta_t=\bar\theta+tU$. On the cone $|z_u-z_u(\theta_t)|\le\nu_u|\theta-\theta_t|$ with $\nu_u=\bigl(1+V_{u-1}^2+(K+Tu_u\max_j(\sigma_{u-1})_j)^2\nu_{u-1}^2\bigr)^{1/2}$, $K$ as in @[movement of the pre-activations], and $|\theta-\theta_t|\le\varepsilon T$. So
$|z_u-\bar z_u|_j\le(\rho_u)_j=(\rho_u^{\mathrm{seg}})_j+\varepsilon T\bigl(1+V_{u-1}^2+(|e_j^{\top}\bar A_u\operatorname{diag}\sigma_{u-1}|+T|e_j^{\top}U_u|\max_j(\sigma_{u-1})_j)^2\nu_{u-1}^2\bigr)^{1/2}$, $\rho^{\mathrm{seg}}$ the movement along the axis of @[derivatives on the segment]; $\sigma$ holds on the whole cone."""
    proof = (
        r"""The proof of @[movement of the pre-activations] with $\theta_t$ for the centre, whose weights are $\bar A_u+tU_u$; and the triangle inequality."""
    )
    obligations = (PRODUCTS, CAUCHY, TRIANGLE)

    def conclude(self, given: Given, *, layer: int, kind: str, **_: Any) -> Bound:
        length, reach = given.bound("length"), given.bound("length") * given.bound("angle")
        total = 1 + given.bound("value", layer - 1) ** 2
        if kind == "norm":
            if layer > 1:
                slopes = given.bound("near_slope", layer - 1)
                matrix = ScaledNorm(given.bound("centre_weight", layer), given.symbol(f"an_{layer}"), slopes) + length * given.symbol(f"un_{layer}") * Largest(
                    slopes
                )
                total += matrix**2 * given.bound("cone_norm", layer - 1) ** 2
            return Bound(Quantity("cone_norm", layer), nonnegative(f"cn_{layer}"), sympy.sqrt(total))
        if layer > 1:
            slopes, moved = given.bound("near_slope", layer - 1), given.bound("direction_weight", layer)
            rows = RowNorms(given.bound("centre_weight", layer), slopes) + length * RowLengths(moved) * Largest(slopes)
            total += rows**2 * given.bound("cone_norm", layer - 1) ** 2
        return Bound(Quantity("moved_pre", layer), nonnegative(f"mv_{layer}"), given.bound("line_moved", layer) + reach * sympy.sqrt(total))


class ConeMoved(Rule):
    name = "movement of the outputs in a cone"
    title = "Movement of the outputs in a cone"
    statement = r"""$|h_u-\bar h_u|\le\Delta_u=|\sigma_u\rho_u|$, the product entry by entry."""
    proof = r"""The mean value theorem."""

    def conclude(self, given: Given, *, layer: int, **_: Any) -> Bound:
        return Bound(Quantity("moved", layer), nonnegative(f"dh_{layer}"), Length(given.bound("near_slope", layer) * given.bound("moved_pre", layer)))


class ConeStability(Rule):
    name = "stability of the cost in a cone"
    title = "The cost's Hessian and gradient in a cone"
    statement = r"""In a cone the lemma @[stability of the cost] holds for the softmax cross-entropy with
$\mathsf M=\min\bigl(\sqrt2\Delta_m,\ T\max_j(\bar o_j'-\langle\pi,\bar o'\rangle)+\max_jq_j+\langle\pi,q\rangle+\sqrt2\,\varepsilon T\nu_m\bigr)$ and
$\epsilon_m=\min\bigl(c\Delta_m,\ e^{\mathsf M/2}\sqrt c\,(T\operatorname{Var}_\pi(\bar o')^{1/2}+\sqrt{c_0}(|q|+\varepsilon T\nu_m))\bigr)$, where $\bar o'$ is the derivative of the outputs along $U$ at the centre and $q=\rho_m^{\mathrm{seg}}-T|\bar o'|$ bounds what is beyond first order; $c$ as there. For the other costs as there."""
    proof = r"""The outputs are affine in the last layer: $w=o-\bar o=t\bar o'+w_2+w_3$ with $|w_2|_j\le q_j$ on the axis \textup{(}Taylor\textup{)} and $|w_3|\le\varepsilon T\nu_m$ away from it, by @[movement away from the axis]. Put this into $\max_j(w_j-\langle\pi,w\rangle)$, where the first term is at most $T$ times a number that is not negative, and into $|C(\bar o)^{1/2}w|$ with $\langle v,Cv\rangle=\operatorname{Var}_\pi(v)$."""
    obligations = (Inequality("a mean is at most the maximum", (p >= 0, q >= 0, p + q == 1, a <= b), p * a + q * b <= b), TRIANGLE)

    def conclude(self, given: Given, *, depth: int, kind: str, **_: Any) -> Bound:
        pi, moved, length = given.symbol("pc"), given.bound("moved", depth), given.bound("length")
        slope, away = given.symbol(f"zj1_{depth}"), length * given.bound("angle") * given.bound("cone_norm", depth)
        beyond = given.symbol("rest")
        centred = slope - Sum(pi * slope)
        if kind == "factor":
            sharp = length * Largest(centred) + Largest(beyond) + Sum(pi * beyond) + sympy.sqrt(2) * away
            return Bound(Quantity("cost_factor"), nonnegative("odds_M"), sympy.Min(sympy.sqrt(2) * moved, sharp))
        curvature, factor = given.bound("cost_curvature"), given.bound("cost_factor")
        start = length * sympy.sqrt(Sum(pi * centred**2)) + sympy.sqrt(given.symbol("cz")) * (Length(beyond) + away)
        value = sympy.Min(curvature * moved, sympy.exp(factor / 2) * sympy.sqrt(curvature) * start)
        return Bound(Quantity("changed_adjoint", depth), nonnegative(f"ea_{depth}"), value)


class ConeRest(Rule):
    name = "beyond first order along the axis"
    title = "Beyond first order along the axis"
    statement = r"""$q=\frac{T^2}2|\bar z_m''|+\frac{T^3}6|\bar z_m^{(3)}|+\frac{T^4}{24}\hat z_m^{(4)}$, entry by entry \textup{(}$0$ for one layer\textup{)}, bounds $|z_m(\bar\theta+tU)-\bar z_m-t\bar z_m'|$ for $0\le t\le T$."""
    proof = r"""Taylor's formula."""

    def conclude(self, given: Given, *, depth: int, **_: Any) -> Bound:
        length = given.bound("length")
        if depth == 1:
            return Bound(None, nonnegative("rest"), 0 * Moduli(given.symbol("zj1_1")))
        terms = [Moduli(given.symbol(f"zj2_{depth}")) * length**2 / 2, Moduli(given.symbol(f"zj3_{depth}")) * length**3 / 6]
        return Bound(None, nonnegative("rest"), sympy.Add(*terms, given.bound("line_pre_4", depth) * length**4 / 24))
