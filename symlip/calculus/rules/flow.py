"""Continuous depth, general fields: dX = V(theta, X) du, bounds by the constants of V and the variation of u."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy

from ...errors import SymlipError
from ...fields import END, Flow, variation
from ..arrays import Apply, Chi, FieldFirst, FieldSecond, FieldValue, Phi1, Phi2, Phi3, Psi
from ..claims import Bound, nonnegative
from ..obligations import Identity, Inequality
from ..quantities import Index, Quantity
from ..rule import Given, Rule

t, y, k, v1, v2, w, c, L0, H0, a, d = sympy.symbols("t y k v1 v2 w c L0 H0 a d", positive=True)
f0, f1, g0, g1, x, z = sympy.symbols("f0 f1 g0 g1 x z", real=True)
p, e, X = sympy.Symbol("p"), sympy.Symbol("e"), sympy.Function("X")(t)
a0, a1, a2, b1, b2, b3 = sympy.symbols("a0 a1 a2 b1 b2 b3")

PLAIN: dict[Any, Callable[[sympy.Expr], sympy.Expr]] = {Phi1: lambda z: (sympy.exp(z) - 1) / z, Phi2: lambda z: (z * sympy.exp(z) - sympy.exp(z) + 1) / z**2}
PLAIN |= {Phi3: lambda z: (sympy.exp(2 * z) - 2 * z * sympy.exp(z) - 1) / z**3, Psi: lambda z: (sympy.exp(z) - 1 - z) / z**2}
PLAIN |= {Chi: lambda z: (z * sympy.exp(z) - 2 * sympy.exp(z) + 2 + z) / z**3}


def written(expression: sympy.Expr) -> sympy.Expr:
    """With phi_1, .. by their formulas, for differentiation."""
    return expression.replace(lambda node: type(node) in PLAIN, lambda node: PLAIN[type(node)](node.args[0]))


# --- formulas, each once ----------------------------------------------------------------------------------------------------


def first_after(start: sympy.Expr, rate: sympy.Expr, source: sympy.Expr, length: sympy.Expr) -> sympy.Expr:
    """The solution of f' = rate f + source after `length`, from `start`."""
    grown = start * sympy.exp(rate * length) if start != 0 else sympy.Integer(0)
    return grown + source * length * Phi1(rate * length)


def second_after(start: sympy.Expr, first: sympy.Expr, constants: Sequence[sympy.Expr], length: sympy.Expr) -> sympy.Expr:
    """The solution of H' = k H + v2 + 2 w L + c L^2 after `length`, from H = start and L = first, with L' = k L + v1; constants = k, v1, v2, w, c."""
    k, v1, v2, w, c = constants
    z = k * length
    total = v2 * length * Phi1(z) + 2 * w * v1 * length**2 * Phi2(z) + c * v1**2 * length**3 * Phi3(z)
    if first != 0:
        growth = sympy.exp(z)
        total += start * growth + 2 * w * first * length * growth + c * (first**2 * length * growth * Phi1(z) + 2 * first * v1 * length**2 * growth * Psi(z))
    return total


_L = first_after(L0, k, v1, y)
_H = second_after(H0, L0, (k, v1, v2, w, c), y)
LINEAR = (
    Identity("L solves its equation", sympy.diff(written(_L), y), k * written(_L) + v1),
    Identity("L starts at L_0", sympy.Limit(written(_L), y, 0), L0),
    Identity("H solves its equation", sympy.diff(written(_H), y), k * written(_H) + v2 + 2 * w * written(_L) + c * written(_L) ** 2),
    Identity("H starts at H_0", sympy.Limit(written(_H), y, 0), H0),
)

_two_jet = a0 + a1 * (p + t * e) + a2 * X + b1 * (p + t * e) ** 2 / 2 + b2 * (p + t * e) * X + b3 * X**2 / 2
_in_x = a2 + b2 * (p + t * e) + b3 * X
DERIVATIVES = (
    Identity("first derivative of V(theta, X) along a line", sympy.diff(_two_jet, t), (a1 + b1 * (p + t * e) + b2 * X) * e + _in_x * sympy.diff(X, t)),
    Identity(
        "second derivative of V(theta, X) along a line",
        sympy.diff(_two_jet, t, 2),
        b1 * e**2 + 2 * b2 * e * sympy.diff(X, t) + b3 * sympy.diff(X, t) ** 2 + _in_x * sympy.diff(X, t, 2),
    ),
)
"""For fields that are quadratic, as every field is to second order at a point."""


class Gronwall(Rule):
    name = "Gronwall"
    title = "Gronwall's inequality with jumps"
    statement = r"""Let $\mu$ be a finite measure on $(0,T]$, $\mu^c$ its part without atoms, $k\ge0$ bounded and measurable, $g\ge0$ integrable with respect to $\mu$, $f_0\ge0$, and
\[\mathcal{E}(s,t)=\exp\Bigl(\int_{(s,t]}k\,d\mu^c\Bigr)\prod_{s<r\le t}(1+k_r\Delta\mu_r)\le\exp\Bigl(\int_{(s,t]}k\,d\mu\Bigr)\]
the stochastic exponential. If $f\ge0$ is bounded and measurable with left limits and $f(t)\le f_0+\int_{(0,t]}(k_sf(s-)+g_s)\,d\mu_s$ for all $t$, then $f(t)\le F(t)=f_0\,\mathcal{E}(0,t)+\int_{(0,t]}\mathcal{E}(s,t)\,g_s\,d\mu_s$."""
    proof = r"""For fixed $s$ the function $E=\mathcal{E}(s,\cdot)$ solves $E(t)=1+\int_{(s,t]}E(r-)k_r\,d\mu_r$: between jumps $dE=Ek\,d\mu^c$, and at a jump $E(r)=E(r-)(1+k_r\Delta\mu_r)$. By Fubini $F$ solves $F(t)=f_0+\int_{(0,t]}(k_sF(s-)+g_s)\,d\mu_s$. So $\delta=\max\{f-F,0\}$ satisfies
$\delta(t)\le\int_{(0,t]}K\delta(s-)\,d\mu_s$ with $K=\sup k$, $\delta\le M$; iterated $n$ times, $\delta(t)\le M K^n\mu((0,t])^n/n!$, since the iterated integral over $s_1<\dots<s_n$ is at most that. Let $n\to\infty$. Last, $1+k\Delta\le e^{k\Delta}$."""
    obligations = (
        Identity("two jumps", (1 + k * d) * ((1 + k * a) * L0 + a * v1) + d * v1, (1 + k * d) * (1 + k * a) * L0 + (1 + k * d) * a * v1 + d * v1),
        Inequality("one factor against the exponential's first terms", (z >= 0,), 1 + z <= 1 + z + z**2 / 2),
    )

    def conclude(self, given: Given, **_: Any) -> Bound:
        raise SymlipError("Gronwall's inequality is a lemma for others")


class WorstControl(Rule):
    name = "the continuous control is the worst"
    title = "Among all controls of the same variation the continuous one is the worst"
    statement = r"""Let $y(t)=\mu((0,t])$, and let $\Gamma(y,F)\in[0,\infty)^n$ be continuous, not decrease in $y\ge0$ nor in any entry of $F\in[0,\infty)^n$, and be Lipschitz in $F$ on bounded sets, uniformly for $y\le\mu((0,T])$. Let $F'=\Gamma(y,F)$, $F(0)=f_0$ have a solution up to $\mu((0,T])$. If $f\ge0$ is bounded with left limits and $f(t)\le f_0+\int_{(0,t]}\Gamma(y(s-),f(s-))\,d\mu_s$, then $f(t)\le F(y(t))$. There is equality for $\mu$ without atoms and equality in the hypothesis."""
    proof = r"""$F$ does not decrease, so neither does $y\mapsto\Gamma(y,F(y))$, and at a jump from $y$ to $y+\Delta$, $F(y+\Delta)-F(y)=\int_y^{y+\Delta}\Gamma(r,F(r))\,dr\ge\Delta\,\Gamma(y,F(y))$; between jumps there is equality. Hence $F(y(t))\ge f_0+\int_{(0,t]}\Gamma(y(s-),F(y(s-)))\,d\mu_s$, and
$\delta=\max\{f-F\circ y,0\}$, taken entry by entry, satisfies $|\delta(t)|\le\int_{(0,t]}K|\delta(s-)|\,d\mu_s$ with a Lipschitz constant $K$ of $\Gamma$ on the bounded set of the values of $F\circ y$ and $\max\{f,F\circ y\}$, as $\Gamma$ does not decrease in $F$. By @[Gronwall] $\delta=0$. In particular a discrete bound, $F\leftarrow F+\Delta\,\Gamma$, is at most the continuous one of the same variation."""
    obligations = (
        Inequality("a left value under the increment", (x >= 0, g0 <= g1), x * g0 <= x * g1),
        Inequality("monotone: only positive parts count", (f0 <= f1, g0 >= 0), g0 * f0 <= g0 * f1),
    )

    def conclude(self, given: Given, **_: Any) -> Bound:
        raise SymlipError("the comparison of controls is a lemma for others")


class FieldConstant(Rule):
    name = "constants of the field"
    title = "Constants of the field"
    statement = r"""The constants of the field: uniformly in the controls, in time and in the reachable states, $|D_xV|\le k$, $|D_\theta V|\le v_1$, $|D_\theta^2V|\le v_2$, $|D_xD_\theta V|\le w$, $|D_x^2V|\le c$ and $|V|\le v_0+k_0|x|$, each a number or a nondecreasing function of the elapsed variation $y$."""
    proof = r"""By hypothesis."""

    def conclude(self, given: Given, *, letter: str, value: sympy.Expr, name: str, **_: Any) -> Bound:
        """name: the symbol's, which differs from the letter where an argument has that name."""
        body = sympy.Lambda(variation, value) if variation in value.free_symbols else value
        return Bound(Quantity(f"field_{letter}"), nonnegative(name), body)


def constant_of(given: Given, letter: str, at: sympy.Expr | None) -> sympy.Expr:
    """A constant of the field; where it is a function of the elapsed variation, its value at `at` (None: the function itself)."""
    symbol = given.bound(f"field_{letter}")
    if not is_function(given, letter):
        return symbol
    return symbol if at is None else Apply(symbol, at)


def is_function(given: Given, letter: str) -> bool:
    """Whether a constant is a function of the elapsed variation."""
    symbol = given.bound(f"field_{letter}")
    return any(isinstance(premise, Bound) and premise.symbol == symbol and isinstance(premise.expression, sympy.Lambda) for premise in given.premises)


def elapsed_before(control: tuple[Any, ...], piece: int) -> sympy.Expr:
    """The variation before that piece, counted from 1."""
    return sympy.Add(*(part.length if isinstance(part, Flow) else part.step for part in control[: piece - 1]))


def length_of(given: Given, control: tuple[Any, ...] | None, piece: Index) -> sympy.Expr:
    """The variation of one piece of the control, or of all of it."""
    if control is None:
        return given.bound("total_variation")
    part = control[int(piece) - 1]
    return part.length if isinstance(part, Flow) else part.step


class FlowValue(Rule):
    name = "size of the state"
    title = "Size of the state"
    statement = r"""Let $dX=\sum_iV_i(\theta,t,X)\,du^i$, $X_0=x$, $|V_i|\le v_0+k_0|X|$ where $v_0,k_0$ are numbers, or continuous functions of the elapsed variation that do not decrease, and let $u$ have total variation at most $U$. Then $|X_T|$ is at most the solution of $B'=k_0B+v_0$ at $y=U$ with $B(0)=|x|$, which is $e^{k_0U}|x|+v_0U\varphi_1(k_0U)$, $\varphi_1(z)=(e^z-1)/z$, for constant $v_0,k_0$; over a jump of modulus $\Delta$, $|X|$ grows to at most $|X|+\Delta(v_0+k_0|X|)$."""
    proof = r"""$|X_t|\le|x|+\int_{(0,t]}(v_0+k_0|X_{s-}|)\,d\mu_s$, $\mu=\sum_i|du^i|$; @[the continuous control is the worst]."""
    obligations = LINEAR[:2]

    def conclude(self, given: Given, *, control: tuple[Any, ...] | None = None, piece: Index = END, **_: Any) -> Bound:
        length = length_of(given, control, piece)
        before = given.bound("input") if control is None or piece == 1 else given.bound("value", int(piece) - 1)
        quantity, symbol = Quantity("value", piece), nonnegative(f"B_{piece}")
        if control is not None and not isinstance(control[int(piece) - 1], Flow):
            at = elapsed_before(control, int(piece))
            return Bound(quantity, symbol, before + length * (constant_of(given, "v0", at) + constant_of(given, "k0", at) * before))
        if control is None and (is_function(given, "v0") or is_function(given, "k0")):
            return Bound(quantity, symbol, FieldValue(before, length, constant_of(given, "k0", None), constant_of(given, "v0", None)))
        at = None if control is None else elapsed_before(control, int(piece) + 1)
        return Bound(quantity, symbol, first_after(before, constant_of(given, "k0", at), constant_of(given, "v0", at), length))


class FlowFirst(Rule):
    name = "first derivative of a controlled ODE"
    title = "The first derivative of a controlled ODE"
    statement = r"""Let $dX=\sum_iV_i(\theta,t,X)\,du^i$, $X_0=x$, with the constants $k,v_1$, numbers or continuous functions of the elapsed variation that do not decrease \textup{(}at time $s$ they hold with their values at $y(s-)$\textup{)}, and let $u$ have finite variation, $\mu=\sum_i|du^i|$. Then $|DX_T|\le\int_{(0,T]}\mathcal{E}(s,T)\,v_1\,d\mu_s$, and if $\mu((0,T])\le U$,
\[|DX_T|\le L=\int_0^Ue^{\int_y^Uk}\,v_1(y)\,dy,\qquad L=v_1U\,\varphi_1(kU)\ \textup{for constants},\quad\varphi_1(z)=(e^z-1)/z.\]
Over a continuous piece of variation $U_j$, $L_j=e^{kU_j}L_{j-1}+v_1U_j\varphi_1(kU_j)$; over a jump of modulus $\Delta_j$, $L_j=L_{j-1}+\Delta_j(v_1+kL_{j-1})$."""
    proof = r"""Along a line $\theta+t\eta$, $|\eta|=1$, the derivative $X'$ solves the linear equation $dX'=\sum_i(D_\theta V_i\,\eta+D_xV_i\,X'_{s-})\,du^i$, so that $|X'_t|\le\int_{(0,t]}(v_1+k|X'_{s-}|)\,d\mu_s$; @[Gronwall] gives the first bound, @[the continuous control is the worst] with $\Gamma(y,L)=v_1(y)+k(y)L$ the second. On one piece the same with its starting value."""
    obligations = (*DERIVATIVES, *LINEAR[:2], *Gronwall.obligations, *WorstControl.obligations)

    def conclude(self, given: Given, *, control: tuple[Any, ...] | None = None, piece: Index = END, **_: Any) -> Bound:
        length = length_of(given, control, piece)
        quantity, symbol = Quantity("first", piece), nonnegative(f"L_{piece}")
        if control is None:
            if is_function(given, "k") or is_function(given, "v1"):
                return Bound(quantity, symbol, FieldFirst(length, constant_of(given, "k", None), constant_of(given, "v1", None)))
            return Bound(quantity, symbol, first_after(sympy.Integer(0), constant_of(given, "k", None), constant_of(given, "v1", None), length))
        number = int(piece)
        start = given.bound("first", number - 1) if number > 1 else sympy.Integer(0)
        if isinstance(control[number - 1], Flow):
            at = elapsed_before(control, number + 1)
            return Bound(quantity, symbol, first_after(start, constant_of(given, "k", at), constant_of(given, "v1", at), length))
        at = elapsed_before(control, number)
        return Bound(quantity, symbol, start + length * (constant_of(given, "v1", at) + constant_of(given, "k", at) * start))


class FlowSecond(Rule):
    name = "second derivative of a controlled ODE"
    title = "The second derivative of a controlled ODE"
    statement = r"""In the situation of @[first derivative of a controlled ODE], with the constants $v_2,w,c$ of the same kind, too, $|D^2X_T|\le\int_{(0,T]}\mathcal{E}(s,T)\bigl(v_2+2wL_{s-}+cL_{s-}^2\bigr)\,d\mu_s$, $L_s$ the bound of $|DX_s|$, and if $\mu((0,T])\le U$,
\[|D^2X_T|\le H=\int_0^Ue^{\int_y^Uk}\bigl(v_2+2wL+cL^2\bigr)(y)\,dy,\]
and $H=v_2U\varphi_1(kU)+2wv_1U^2\varphi_2(kU)+cv_1^2U^3\varphi_3(kU)$ for constants, with $\varphi_2(z)=(ze^z-e^z+1)/z^2$ and $\varphi_3(z)=(e^{2z}-2ze^z-1)/z^3$. Over a jump, $H_j=H_{j-1}+\Delta_j(v_2+2wL_{j-1}+cL_{j-1}^2+kH_{j-1})$; over a continuous piece $H'=kH+v_2+2wL+cL^2$ from $H_{j-1}$, $L_{j-1}$."""
    proof = r"""$X''$ solves $dX''=\sum_i\bigl(D_\theta^2V_i[\eta,\eta]+2D_xD_\theta V_i[\eta,X']+D_x^2V_i[X',X']+D_xV_i\,X''\bigr)du^i$, hence $|X''_t|\le\int_{(0,t]}(v_2+2wL_{s-}+cL_{s-}^2+k|X''_{s-}|)\,d\mu_s$. @[Gronwall], and @[the continuous control is the worst] for the pair $F=(L,H)$ with $\Gamma=(v_1+kL,\ v_2+2wL+cL^2+kH)$."""
    obligations = (*DERIVATIVES, *LINEAR, *WorstControl.obligations)

    def conclude(self, given: Given, *, control: tuple[Any, ...] | None = None, piece: Index = END, **_: Any) -> Bound:
        length = length_of(given, control, piece)
        quantity, symbol = Quantity("second", piece), nonnegative(f"H_{piece}")
        letters = ("k", "v1", "v2", "w", "c")
        if control is None:
            constants = [constant_of(given, letter, None) for letter in letters]
            if any(is_function(given, letter) for letter in letters):
                return Bound(quantity, symbol, FieldSecond(length, *constants))
            return Bound(quantity, symbol, second_after(sympy.Integer(0), sympy.Integer(0), constants, length))
        number = int(piece)
        first, start = (given.bound("first", number - 1), given.bound("second", number - 1)) if number > 1 else (sympy.Integer(0),) * 2
        if isinstance(control[number - 1], Flow):
            at = elapsed_before(control, number + 1)
            return Bound(quantity, symbol, second_after(start, first, [constant_of(given, letter, at) for letter in letters], length))
        at = elapsed_before(control, number)
        k, _, v2, w, c = (constant_of(given, letter, at) for letter in letters)
        return Bound(quantity, symbol, start + length * (v2 + 2 * w * first + c * first**2 + k * start))


# --- parameters that depend on the depth --------------------------------------------------------------------------------------


class DepthDependentFirst(Rule):
    name = "first derivative, depth-dependent parameters"
    title = "The first derivative, depth-dependent parameters"
    statement = r"""Let $\theta=(\theta_t)$ with the norm $|\theta|^2=\int|\theta_t|^2\,d\mu_t$, $\mu((0,T])\le U$. Then $|DX_T|\le v_1\bigl(\int\mathcal{E}(s,T)^2\,d\mu_s\bigr)^{1/2}\le L=v_1\sqrt{U\varphi_1(2kU)}$; constants that are functions of $y$, which do not decrease, are taken at $y=U$."""
    proof = r"""Along a direction $\eta=(\eta_t)$, $|X'_t|\le\int_{(0,t]}(v_1|\eta_s|+k|X'_{s-}|)\,d\mu_s$, so by @[Gronwall] $|X'_T|\le v_1\int\mathcal{E}(s,T)|\eta_s|\,d\mu_s$; Cauchy and Schwarz. With $\mathcal{E}(s,T)\le e^{k(U-y(s))}$ the integral of the square is at most $\int_0^Ue^{2k(U-y)}dy=U\varphi_1(2kU)$: $e^{2k(U-y)}$ falls in $y$, and $\Delta\,e^{2k(U-y(s))}$ with $y(s)$ the variation after the jump is at most its integral over the jump."""
    obligations = (
        *DERIVATIVES,
        *Gronwall.obligations,
        Identity("the integral of the square", sympy.Integral(sympy.exp(2 * k * (a - t)), (t, 0, a)), a * PLAIN[Phi1](2 * k * a)),
    )

    def conclude(self, given: Given, **_: Any) -> Bound:
        U = given.bound("total_variation")
        k, v1 = (constant_of(given, letter, U) for letter in ("k", "v1"))
        return Bound(Quantity("first", END), nonnegative("L_T"), v1 * sympy.sqrt(U * Phi1(2 * k * U)))


class DepthDependentSecond(Rule):
    name = "second derivative, depth-dependent parameters"
    title = "The second derivative, depth-dependent parameters"
    statement = r"""In the situation of @[first derivative, depth-dependent parameters], along every line with $|\eta|=1$, $|X_T''|\le H=v_2e^{kU}+wv_1U\sqrt{2\varphi_2(2kU)}+\tfrac12cv_1^2U^2\varphi_1(kU)^2$. It bounds the Lipschitz constant of $DX_T$. \textup{(}$X_T$ need not be twice differentiable on $L^2$.\textup{)}"""
    proof = r"""Let $\mu$ have no atoms first, and time be the elapsed variation. With $\ell(y)=v_1\int_0^ye^{k(y-s)}|\eta_s|\,ds\ge|X'|$, $|X''|\le\int_0^Ue^{k(U-y)}\bigl(v_2|\eta|^2+2w|\eta|\ell+c\ell^2\bigr)dy$. The first term is at most $v_2e^{kU}$. The second is the quadratic form of the symmetric kernel $wv_1e^{k(U-\min(s,y))}$, at most its Hilbert--Schmidt norm
$wv_1\bigl(2\int_0^U(U-s)e^{2k(U-s)}ds\bigr)^{1/2}=wv_1U\sqrt{2\varphi_2(2kU)}$. In the third, $\ell(y)^2\le v_1^2(e^{2ky}-1)/(2k)$, and $\int_0^Ue^{k(U-y)}(e^{2ky}-1)/(2k)\,dy=\tfrac12U^2\varphi_1(kU)^2$. Atoms: spread each over an interval of its length $\Delta$, on which $\eta$ is constant; the solution of $\ell'=v_1|\eta|+k\ell$, $h'=v_2|\eta|^2+2w|\eta|\ell+c\ell^2+kh$ does not decrease there, so it grows by at least $\Delta$ times the right-hand side at the left end, which bounds the jumps of $|X'|$, $|X''|$; the rest is the proof of @[the continuous control is the worst], which uses that $\Gamma$ does not decrease in $y$ along jumps only, and the norm of $\eta$ does not change. $H$ does not decrease in $U$.
Last, for $\eta,\zeta\in L^2(\mu)$ the derivative of $DX_T(\theta+t\eta)[\zeta]$ in $t$ exists and is a symmetric bilinear form in $(\eta,\zeta)$, by the linear equation that it solves; on a Hilbert space its norm is its supremum on the diagonal, so $|DX_T(\theta+\eta)[\zeta]-DX_T(\theta)[\zeta]|\le H|\eta||\zeta|$."""
    obligations = (
        *DERIVATIVES,
        *WorstControl.obligations,
        Identity("the kernel's norm", sympy.Integral((a - t) * sympy.exp(2 * k * (a - t)), (t, 0, a)), a**2 * PLAIN[Phi2](2 * k * a)),
        Identity(
            "the third term",
            sympy.Integral(sympy.exp(k * (a - t)) * (sympy.exp(2 * k * t) - 1) / (2 * k), (t, 0, a)),
            a**2 * PLAIN[Phi1](k * a) ** 2 / 2,
        ),
    )

    def conclude(self, given: Given, **_: Any) -> Bound:
        U = given.bound("total_variation")
        k, v1, v2, w, c = (constant_of(given, letter, U) for letter in ("k", "v1", "v2", "w", "c"))
        total = v2 * sympy.exp(k * U) + w * v1 * U * sympy.sqrt(2 * Phi2(2 * k * U)) + c * v1**2 * U**2 * Phi1(k * U) ** 2 / 2
        return Bound(Quantity("second", END), nonnegative("H_T"), total)
