"""Continuous depth: what is reached, what has no bound, and the limit of ever more, ever smaller jumps."""

from __future__ import annotations

from typing import Any

import sympy

from ...activations import Activation, z
from ...errors import DerivationError, SymlipError
from ...fields import END
from ...networks import Size
from ..arrays import EulerBlocks, EulerBlocksSecond, EulerFirst, EulerSecond, Phi1, Phi2
from ..claims import Bound, Comparison, Limit, Reached, nonnegative
from ..obligations import Identity, Inequality
from ..quantities import Quantity
from ..rule import Given, Rule
from ..witness import FieldWitness
from .flow import DERIVATIVES, LINEAR, WorstControl, constant_of, is_function
from .neural import speed
from .slope import curvature_of, slope_of

i, m, g, k, d, L, al, be, x, s1, a = sympy.symbols("i m g k d L alpha beta x s1 a", real=True)
JUMPS = sympy.Symbol("m", integer=True, positive=True)


# --- reached ----------------------------------------------------------------------------------------------------------------


class FieldFirstReached(Rule):
    name = "the first derivative is reached"
    title = "The bound of the first derivative is reached"
    statement = r"""For constants $k,v_1$ the scalar field $V(\theta,x)=kx+v_1\theta$ with a control that only increases has $|DX_T|=L$, for every $x$ and $\theta$, where $L$ is the number of that control's pieces: with a continuous control of variation $U$ no smaller bound holds for all fields with these constants, and likewise for given pieces."""
    proof = r"""$dX'=(v_1+kX'_{s-})\,du$, $X'_0=0$: the equation that defines $L$. All second derivatives of $V$ vanish."""
    obligations = LINEAR[:2]

    def conclude(self, given: Given, *, piece: Any = END, **_: Any) -> Reached:
        if is_function(given, "k") or is_function(given, "v1"):
            raise DerivationError("the bound is reached for constants that do not depend on the elapsed variation")
        return Reached(Quantity("first", piece), given.bound("first", piece), None, FieldWitness("linear"))


class FieldSecondReached(Rule):
    name = "the second derivative is approached"
    title = "The bound of the second derivative is approached"
    statement = r"""For constants with $k,v_1>0$ let $V(\theta,x)=kx+v_1\theta+\tfrac12(v_2\theta^2+2w\theta x+cx^2)$, $x_0=0$, and let the control increase only. Then $|D^2X_T|=H$ at $\theta=0$, and with $k-C\varepsilon$, $v_1-C\varepsilon$ for $k,v_1$ the field has constants at most $k,v_1,v_2,w,c$ on $\Omega_\varepsilon=\{|\theta|\le\varepsilon\}$, for a $C$ and all small $\varepsilon$: no smaller bound holds for all fields with these constants."""
    proof = r"""At $\theta=0$, $X=0$ at all times, $dX'=(v_1+kX')\,du$ and $dX''=(v_2+2wX'+cX'^2+kX'')\,du$: the equations that define $L$ and $H$. For $|\theta|\le\varepsilon$ the solution is $O(\varepsilon)$, and so are $D_xV-k=w\theta+cx$ and $D_\theta V-v_1=v_2\theta+wx$; $H$ is continuous in the constants."""
    obligations = (*DERIVATIVES, *LINEAR)

    def conclude(self, given: Given, *, piece: Any = END, **_: Any) -> Reached:
        if any(is_function(given, letter) for letter in ("k", "v1", "v2", "w", "c")):
            raise DerivationError("the bound is reached for constants that do not depend on the elapsed variation")
        return Reached(Quantity("second", piece), given.bound("second", piece), None, FieldWitness("quadratic"))


def held_slope(activation: Activation) -> sympy.Expr:
    """|s'(0)| for an activation with s(0) = 0. Raises SymlipError for others."""
    if activation.expression.subs(z, 0) != 0:
        raise SymlipError(f"the lower bound holds the state still at s(0) = 0, and {activation.name} is not 0 there; tanh, arctan, erf and sin are")
    return sympy.Abs(activation.derivative(1).subs(z, 0))


class HeldFirst(Rule):
    name = "a held state, first derivative"
    title = "The first derivative at a state that is held"
    statement = r"""Let $s$ be continuously differentiable, $s(0)=0$, $\varsigma=|s'(0)|$, the bias free, $A=\pm a\,e_1e_1^{\top}$, $b=-AX_0$, $T=U$ and $du=dt$ on $[0,U]$. Then $X$ stays at $x$ and $|DX_T|\ge D=\varsigma\sqrt{1+|x|^2}\,U\varphi_1(\varsigma aU)$."""
    proof = r"""$s(Ax+b)=s(0)=0$. Along $dA=\alpha\,e_1x^{\top}/|x|$ \textup{(}for $x=0$, $\alpha=0$\textup{)}, $db=\beta e_1$ with $\alpha^2+\beta^2=1$, $X'=X'_1e_1$ with $\dot X'_1=s'(0)(\alpha|x|+\beta\pm aX'_1)$; with the sign for which $\pm s'(0)=\varsigma$ and the best $\alpha,\beta$, $|X'_1(U)|=\varsigma\sqrt{1+|x|^2}\,(e^{\varsigma aU}-1)/(\varsigma a)$."""
    obligations = (*LINEAR[:2], Inequality("the best direction", (al**2 + be**2 <= 1,), (al * x + be) ** 2 <= 1 + x**2))

    def conclude(self, given: Given, *, activation: Activation, **_: Any) -> Reached:
        slope, norm, U = held_slope(activation), _norm(given), given.bound("total_variation")
        total = slope * sympy.sqrt(1 + given.bound("input") ** 2) * U * Phi1(slope * norm * U)
        return Reached(Quantity("first", END), nonnegative("D_T"), total, FieldWitness("held", norm))


class HeldSecond(Rule):
    name = "a held state, second derivative"
    title = "The second derivative at a state that is held"
    statement = r"""In the situation of @[a held state, first derivative] let $s$ be twice continuously differentiable with $s''(0)=0$, too. Then $|D^2X_T|\ge C=\varsigma^2U^2\varphi_2(\varsigma aU)$."""
    proof = r"""Let $A=\epsilon a\,e_1e_1^{\top}$ with $\epsilon s'(0)=\varsigma$. Along $dA=\epsilon'\tfrac1{\sqrt2}e_1e_1^{\top}$ with $\epsilon'x_1\ge0$, $db=\tfrac1{\sqrt2}e_1$, $|X'_1(t)|\ge\tfrac1{\sqrt2}\varsigma t\varphi_1(\varsigma at)$, and $X''=X''_1e_1$ with $\dot X''_1=s'(0)(2\,dA_{11}X'_1+\epsilon aX''_1)$, as $s''(0)=0$. All terms have one sign, and $|X''_1(U)|\ge\int_0^Ue^{\varsigma a(U-t)}\varsigma\sqrt2\,|X'_1(t)|\,dt\ge\varsigma^2U^2\varphi_2(\varsigma aU)$."""
    obligations = (*LINEAR,)

    def conclude(self, given: Given, *, activation: Activation, **_: Any) -> Reached:
        slope, norm, U = held_slope(activation), _norm(given), given.bound("total_variation")
        if activation.derivative(2).subs(z, 0) != 0:
            raise SymlipError(f"the lower bound of the gradient needs s''(0) = 0, and {activation.name} bends there; ask for order=1")
        return Reached(Quantity("second", END), nonnegative("C_T"), slope**2 * U**2 * Phi2(slope * norm * U), FieldWitness("held", norm))


def _norm(given: Given) -> sympy.Expr:
    return given.bound("weight", 1) if given.has("weight", 1) else given.bound("scale")


class NoGlobalFlowBound(Rule):
    name = "no global bound, continuous depth"
    title = "No global bound in continuous depth"
    statement = r"""In the situation of @[a held state, first derivative] with $a=t$ and fixed $U>0$, the lower bounds tend to infinity with $t$: a neural ODE has no Lipschitz constant in its parameters on the space of all parameters, and neither has its gradient. \textup{(}Nor has $V=\theta x$, whose $DX_T=xUe^{\theta U}$ is unbounded.\textup{)}"""
    proof = r"""$U\varphi_1(\varsigma tU)=(e^{\varsigma tU}-1)/(\varsigma t)\to\infty$, and $U^2\varphi_2(\varsigma tU)\ge\tfrac12U^2e^{\varsigma tU}/(1+\varsigma tU)\to\infty$, since all Taylor coefficients of $\varphi_1,\varphi_2$ are positive."""
    obligations = (Identity("derivative of x e^(theta U) in theta", sympy.diff(x * sympy.exp(a * L), a), x * L * sympy.exp(a * L)),)

    def conclude(self, given: Given, *, symbol: str, **_: Any) -> Limit:
        return Limit(given.named(symbol), given.bound("scale"), sympy.oo)


# --- the limit of many small jumps -------------------------------------------------------------------------------------------


class EulerSums(Rule):
    name = "sums along equal jumps"
    title = "Sums along equal jumps"
    statement = r"""If $g:\{0,1,\dots\}\to[0,\infty)$ does not decrease and $n\ge1$, then $m^{-n}\sum_{i=0}^{m-1}i^{\,n-1}g(i)$ does not decrease in $m\ge1$ \textup{(}$0^0=1$\textup{)}."""
    proof = r"""Let $A_n(m)=m^{-n}\sum_{i<m}i^{n-1}$, the left sum of $f(t)=t^{n-1}$ over $m$ equal parts of $[0,1]$; $A_1=1$. For $n\ge2$, $f$ is convex with $f(0)=0$, and $\tfrac im=(1-\tfrac im)\tfrac i{m+1}+\tfrac im\,\tfrac{i+1}{m+1}$, so $\sum_{i<m}f(\tfrac im)\le\tfrac{m-1}m\sum_{j\le m}f(\tfrac j{m+1})$, hence $A_n(m)\le\tfrac{(m-1)(m+1)}{m^2}A_n(m+1)\le A_n(m+1)$. A function $g$ that
does not decrease is a sum of nonnegative multiples of the indicators $[i\ge r]$, and for one of these with $r\ge1$ the sum is $A_n(m)-A_n(r)(r/m)^n$ for $m\ge r$, else $0$, and for $r=0$ it is $A_n(m)$: none of these decreases in $m$."""
    obligations = (
        Identity("i / m between neighbours", (1 - i / m) * i / (m + 1) + i / m * (i + 1) / (m + 1), i / m),
        Inequality("the factor", (m >= 1,), (m - 1) * (m + 1) <= m**2),
    )

    def conclude(self, given: Given, **_: Any) -> Bound:
        raise SymlipError("sums along equal jumps are a lemma for others")


class EulerFirstBound(Rule):
    name = "equal jumps, first derivative"
    title = "Equal jumps, the first derivative"
    statement = r"""For a control of $m$ jumps of modulus $U/m$ and constants $k,v_1$, @[first derivative of a controlled ODE] gives $L_m=v_1\frac Um\,\gamma_m(1+kU/m)$ with $\gamma_m(r)=1+r+\dots+r^{m-1}$: the bound of a residual network of $m$ layers with shared parameters and steps $U/m$."""
    proof = r"""$L_j=(1+\tfrac{kU}m)L_{j-1}+v_1\tfrac Um$, $L_0=0$."""
    obligations = (Identity("one more jump", (1 + k * d) * (g * d * L) + d * L, d * L * (1 + (1 + k * d) * g)),)

    def conclude(self, given: Given, *, more: int = 0, **_: Any) -> Bound:
        U, k, v1 = given.bound("total_variation"), constant_of(given, "k", None), constant_of(given, "v1", None)
        return Bound(None, nonnegative("Lm" if not more else "Lnext"), EulerFirst(U, k, v1, JUMPS + more))


class EulerSecondBound(Rule):
    name = "equal jumps, second derivative"
    title = "Equal jumps, the second derivative"
    statement = r"""For a control of $m$ jumps of modulus $d=U/m$ and constants, @[second derivative of a controlled ODE] gives $H_m=\Lambda_m$ by $H_j=(1+kd)H_{j-1}+d(v_2+2wL_{j-1}+cL_{j-1}^2)$, $H_0=0$, with the $L_j$ of @[equal jumps, first derivative]."""
    proof = r"""This is the recursion over jumps."""

    def conclude(self, given: Given, *, more: int = 0, **_: Any) -> Bound:
        constants = [constant_of(given, letter, None) for letter in ("k", "v1", "v2", "w", "c")]
        return Bound(None, nonnegative("Hm" if not more else "Hnext"), EulerSecond(given.bound("total_variation"), *constants, JUMPS + more))


class EulerBlocksBound(Rule):
    name = "equal jumps, block by block"
    title = "Equal jumps, block by block"
    statement = r"""For a neural ODE with shared parameters and a control of $m$ jumps of modulus $d=U/m$ the block bounds of the tied residual network are $\boldsymbol{\ell}_j=\boldsymbol{\ell}_{j-1}+dS_1\boldsymbol{q}_j$, $\boldsymbol{q}_j=a\boldsymbol{\ell}_{j-1}+(|x|+(j-1)d\sigma,\,1)$, $\sigma=\sqrt l\,S_0$, and $G_j=G_{j-1}+d(S_2\boldsymbol{q}_j\boldsymbol{q}_j^{\top}+S_1(aG_{j-1}+e_\alpha\boldsymbol{\ell}_{j-1}^{\top}+\boldsymbol{\ell}_{j-1}e_\alpha^{\top}))$; $L_m=|\boldsymbol{\ell}_m|$, $\Lambda_m=\lambda_{\max}(G_m)$."""
    proof = r"""@[block slope, residual layer] and @[block second derivative, residual layer] with the parameters of all layers the same."""

    def conclude(self, given: Given, *, width: Size, activation: Activation, order: int, more: int = 0, **_: Any) -> Bound:
        U, a, start = given.bound("total_variation"), given.bound("weight", 1), given.bound("input")
        common = (U, a, start, slope_of(given, 1, activation), speed(given, width, activation))
        if order == 1:
            return Bound(None, nonnegative("Lm" if not more else "Lnext"), EulerBlocks(*common, JUMPS + more))
        return Bound(None, nonnegative("Hm" if not more else "Hnext"), EulerBlocksSecond(*common, curvature_of(given, 1, activation), JUMPS + more))


class EulerBelow(Rule):
    name = "more jumps, larger bounds"
    title = "The discrete bounds grow with the number of jumps, below the continuous one"
    statement = r"""For constants $k,v_1,v_2,w,c$, and for the block bounds of a neural ODE, the bounds of $m$ equal jumps of total variation $U$ do not decrease in $m$, and are at most the continuous bounds of the same variation."""
    proof = r"""At most: @[the continuous control is the worst]. Growing: the recursions have the form $F_j=F_{j-1}+d\,\Gamma(F_{j-1})$ with $F_0\ge0$ fixed \textup{(}for a neural ODE the size $|x|+jd\sigma$ is one entry of $F$\textup{)} and a polynomial $\Gamma$ with nonnegative coefficients. Expand $F_j=\sum_nd^n\lambda_n(j)$. By induction on $n$, $\lambda_n(j)/j^n$ does not decrease in $j\ge1$: $\lambda_0$ is constant, $\lambda_{n+1}(j)=\sum_{i<j}[\Gamma(F)]_n(i)$, and the coefficient $[\Gamma(F)]_n(i)$ of $d^n$ is a sum of products of
$\lambda$'s whose indices add up to $n$, so it is $i^n$ times a function that does not decrease \textup{(}for $n\ge1$ it is $0$ at $i=0$; for $n=0$ it is the constant $\Gamma(F_0)$\textup{)}; apply @[sums along equal jumps]. With $d=U/m$, $F_m=\sum_nU^n\lambda_n(m)/m^n$. The largest eigenvalue and the norm do not decrease in nonnegative entries."""
    obligations = (*EulerSums.obligations, *WorstControl.obligations)

    def conclude(self, given: Given, *, smaller: str, larger: str, **_: Any) -> Comparison:
        return Comparison(given.named(smaller), given.named(larger))


class EulerLimit(Rule):
    name = "the limit of many small jumps"
    title = "The limit of many small jumps"
    statement = r"""As $m\to\infty$ the bounds of $m$ equal jumps of total variation $U$ tend to the continuous bounds, in ratio where these are not $0$: the bound of a residual network with shared parameters and steps $U/m$ tends to that of continuous depth."""
    proof = r"""They are the values of Euler's method with step $U/m$ for $F'=\Gamma(F)$, whose solution exists up to $U$ and whose right-hand side is smooth, so that it converges on $[0,U]$."""

    def conclude(self, given: Given, *, discrete: str, continuous: str, **_: Any) -> Limit:
        return Limit(given.named(discrete) / given.named(continuous), JUMPS, sympy.Integer(1))
