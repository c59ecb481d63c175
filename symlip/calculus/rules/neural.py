"""Neural ODEs dX = s(A X + b) du: their constants as a field, and the sharper bounds block by block."""

from __future__ import annotations

from typing import Any

import sympy

from ...activations import Activation
from ...errors import SymlipError
from ...fields import END, variation
from ...networks import Size
from ..arrays import Apply, Blocks, BorderInside, CellBlocks, CellMatrix, Chi, Outer, Phi1, Phi2, Phi3, Psi, Psi3, TwoBlocks, WeightUnit
from ..claims import Bound, nonnegative
from ..obligations import Identity
from ..quantities import Index, Quantity
from ..rule import Given, Rule
from .block_pre_activation import BlockPreActivation
from .block_second import BlockSecond
from .flow import DERIVATIVES, PLAIN, DepthDependentFirst, WorstControl, length_of
from .residual import ResidualBlockSecond
from .slope import Slope, curvature_of, slope_of
from .value import Value, unbounded_value

y, U, kappa, rho, sigma, S1, S2, la, lb, gaa, gab, gbb, a = sympy.symbols("y U kappa rho sigma S1 S2 la lb gaa gab gbb a", positive=True)


def speed(given: Given, width: Size, activation: Activation) -> sympy.Expr:
    """sqrt(l) S_0, by which the state grows at most."""
    top = given.constant(activation, 0)
    if top == sympy.oo:
        raise SymlipError(unbounded_value(activation, "the field"))
    return sympy.sqrt(width) * top


class StateSize(Rule):
    name = "size of a neural ODE's state"
    title = "Size of a neural ODE's state"
    statement = r"""Let $dX=s(AX+b)\,du$, $X_0=x$, in $\mathbb{R}^l$. After the variation $y$, $|X|\le|x|+\sqrt l\,S_0\,y$; and if $|A|_2\le a$, $|b|\le\bar b$, $|X|\le e^{\kappa y}|x|+(\sqrt l|s(0)|+S_1\bar b)\,y\,\varphi_1(\kappa y)$ with $\kappa=S_1a$."""
    proof = r"""$|s(AX+b)|\le\sqrt l\,S_0$, and $|s(AX+b)|\le\sqrt l|s(0)|+S_1(a|X|+\bar b)$ as in @[value]; then @[the continuous control is the worst] with $\Gamma=\sqrt lS_0$, or $\Gamma(y,F)=\kappa F+\sqrt l|s(0)|+S_1\bar b$."""
    obligations = (*Value.obligations, *WorstControl.obligations)

    def conclude(
        self, given: Given, *, width: Size, activation: Activation, control: tuple[Any, ...] | None = None, piece: Index = END, whole: bool = False, **_: Any
    ) -> Bound:
        """whole: the bound as a function of the elapsed variation, R; else after a piece of the control."""
        before = given.bound("input") if control is None or piece == 1 else given.bound("value", int(piece) - 1)
        length = variation if whole else length_of(given, control, piece)
        branches = []
        if given.constant(activation, 0) != sympy.oo:
            branches.append(before + speed(given, width, activation) * length)
        if given.has("bias", 1):
            rate = slope_of(given, 1, activation) * given.bound("weight", 1)
            source = sympy.sqrt(width) * given.constant(activation, 0, at_zero=True) + given.constant(activation, 1) * given.bound("bias", 1)
            branches.append(before * sympy.exp(rate * length) + source * length * Phi1(rate * length))
        if not branches:
            raise SymlipError(unbounded_value(activation, "the field"))
        size = sympy.Min(*branches, evaluate=len(branches) == 1)
        if whole:
            return Bound(Quantity("value_at"), nonnegative("R"), sympy.Lambda(variation, size))
        return Bound(Quantity("value", piece), nonnegative(f"B_{piece}"), size)


class NeuralConstants(Rule):
    name = "constants of a neural ODE's field"
    title = "Constants of a neural ODE's field"
    statement = r"""Let $V(\theta,X)=s(AX+b)$, $s$ twice continuously differentiable, $|A|_2\le a$ and $|X|\le R$. Then $|D_XV|\le k=S_1a$, $|D_\theta V|\le v_1=S_1\sqrt{1+R^2}$, $|D_\theta^2V|\le v_2=S_2(1+R^2)$, $|D_XD_\theta V|\le w=S_2a\sqrt{1+R^2}+S_1$ and $|D_X^2V|\le c=S_2a^2$. With $R=R(y)$, which does not decrease, these do not decrease in the elapsed variation."""
    proof = r"""$V'=s'(z)z'$ and $V''=s''(z)z'^2+s'(z)z''$ componentwise with $z=AX+b$: in $\theta$, $z'=dA\,X+db$, $|z'|\le\sqrt{1+R^2}$, $z''=0$; in $X$, $z'=A\,dX$, $z''=0$; mixed, $D_XD_\theta V[dX,(dA,db)]=s''(z)(A\,dX)(dA\,X+db)+s'(z)\,dA\,dX$, of norm at most $S_2a\sqrt{1+R^2}+S_1$ for unit $dX$ and $(dA,db)$."""
    obligations = (*Slope.obligations, *DERIVATIVES)

    def conclude(self, given: Given, *, letter: str, activation: Activation, **_: Any) -> Bound:
        slope, a = slope_of(given, 1, activation), given.bound("weight", 1)
        quantity, symbol = Quantity(f"field_{letter}"), nonnegative(letter)
        if letter == "k":
            return Bound(quantity, symbol, slope * a)
        if letter == "c":
            return Bound(quantity, symbol, curvature_of(given, 1, activation) * a**2)
        square = 1 + Apply(given.bound("value_at"), variation) ** 2
        values = {"v1": lambda: slope * sympy.sqrt(square), "v2": lambda: curvature_of(given, 1, activation) * square}
        values["w"] = lambda: curvature_of(given, 1, activation) * a * sympy.sqrt(square) + slope
        return Bound(quantity, symbol, sympy.Lambda(variation, values[letter]()))


class NeuralDepthDependentFirst(Rule):
    name = "first derivative of a neural ODE, depth-dependent parameters"
    title = "The first derivative of a neural ODE, depth-dependent parameters"
    statement = r"""In the situation of @[first derivative, depth-dependent parameters] let $V=s(AX+b)$ with $|A_t|_2\le a$, $|X|\le\rho+\sigma y$ after the variation $y$, and $\kappa=S_1a$. Then
$|DX_T|\le L=S_1\sqrt{(1+\rho^2)U\varphi_1(2\kappa U)+2\rho\sigma U^2\psi(2\kappa U)+2\sigma^2U^3\psi_3(2\kappa U)}$, where $\psi(z)=(e^z-1-z)/z^2$, $\psi_3(z)=(e^z-1-z-z^2/2)/z^3$."""
    proof = r"""By the proof there, with $v_1$ under the integral: $L^2=\int_0^Ue^{2\kappa(U-y)}S_1^2(1+(\rho+\sigma y)^2)\,dy$, since $v_1$ at the left end of a jump is at most its values along it."""
    obligations = (
        *DepthDependentFirst.obligations,
        Identity("first moment", sympy.Integral(y * sympy.exp(2 * kappa * (U - y)), (y, 0, U)), U**2 * PLAIN[Psi](2 * kappa * U)),
        Identity(
            "second moment",
            sympy.Integral(y**2 * sympy.exp(2 * kappa * (U - y)), (y, 0, U)),
            2 * U**3 * ((sympy.exp(2 * kappa * U) - 1 - 2 * kappa * U - (2 * kappa * U) ** 2 / 2) / (2 * kappa * U) ** 3),
        ),
    )

    def conclude(self, given: Given, *, width: Size, activation: Activation, **_: Any) -> Bound:
        length, rho, slope = given.bound("total_variation"), given.bound("input"), slope_of(given, 1, activation)
        growth, z = speed(given, width, activation), 2 * slope * given.bound("weight", 1) * length
        square = (1 + rho**2) * length * Phi1(z) + 2 * rho * growth * length**2 * Psi(z) + 2 * growth**2 * length**3 * Psi3(z)
        return Bound(Quantity("first", END), nonnegative("L_T"), slope * sympy.sqrt(square))


# --- block by block, shared parameters ---------------------------------------------------------------------------------------

_z = kappa * y
_q = (rho * sympy.exp(_z) + sigma * y * PLAIN[Phi1](_z), sympy.exp(_z))
"""q = a l + (V, 1) from l = 0: its entries at the weights and at the bias."""
_l = (S1 * (rho * y * PLAIN[Phi1](_z) + sigma * y**2 * PLAIN[Psi](_z)), S1 * y * PLAIN[Phi1](_z))
_e, _one = sympy.exp(_z), PLAIN[Phi1](_z)
_G = (
    S2 * (rho**2 * y * _e * _one + 2 * rho * sigma * y**2 * _e * PLAIN[Psi](_z) + sigma**2 * y**3 * PLAIN[Phi3](_z))
    + 2 * S1**2 * (rho * y**2 * PLAIN[Phi2](_z) + sigma * y**3 * PLAIN[Chi](_z)),
    S2 * (rho * y * _e * _one + sigma * y**2 * _e * PLAIN[Psi](_z)) + S1**2 * y**2 * PLAIN[Phi2](_z),
    S2 * y * _e * _one,
)
FLOW_OF_BLOCKS = (
    *(
        Identity(f"l solves its equation, {name}", sympy.diff(l, y), kappa * l + S1 * v)
        for name, l, v in zip(("weights", "bias"), _l, (rho + sigma * y, sympy.Integer(1)))
    ),
    *(
        Identity(f"q = a l + (V, 1), {name}", S1 * q, kappa * l + S1 * v)
        for name, q, l, v in zip(("weights", "bias"), _q, _l, (rho + sigma * y, sympy.Integer(1)))
    ),
    Identity("G solves its equation, weights", sympy.diff(_G[0], y), kappa * _G[0] + S2 * _q[0] ** 2 + 2 * S1 * _l[0]),
    Identity("G solves its equation, weights and bias", sympy.diff(_G[1], y), kappa * _G[1] + S2 * _q[0] * _q[1] + S1 * _l[1]),
    Identity("G solves its equation, bias", sympy.diff(_G[2], y), kappa * _G[2] + S2 * _q[1] ** 2),
    *(Identity(f"zero at the start, {number}", sympy.Limit(f, y, 0), sympy.Integer(0)) for number, f in enumerate((*_l, *_G), 1)),
)


class FlowBlocks(Rule):
    name = "first derivative of a neural ODE, block by block"
    title = "The first derivative of a neural ODE, block by block"
    statement = r"""Let $dX=s(AX+b)\,du$, $X_0=x$, with $|A|_2\le a$, $\theta=(A,b)$ the same at all times, $\kappa=S_1a$ and $\sigma=\sqrt l\,S_0$. Along every line with block norms $p=(\alpha,\beta)$, and after any control of variation at most $U$, $|X'|\le\langle\boldsymbol{\ell},p\rangle$, where $\boldsymbol{\ell}$ solves $\boldsymbol{\ell}'=S_1\boldsymbol{q}$, $\boldsymbol{q}=a\boldsymbol{\ell}+(V,1)$, $V'=\sigma$. From
$\boldsymbol{\ell}_0$, $V_0=\rho\ge|X_0|$ and $\boldsymbol{q}_0=a\boldsymbol{\ell}_0+(\rho,1)$ this is, with $\varphi_1(z)=(e^z-1)/z$, $\psi(z)=(e^z-1-z)/z^2$ and $e_\alpha=(1,0)$,
\[\boldsymbol{\ell}=\boldsymbol{\ell}_0+S_1\bigl(U\varphi_1(\kappa U)\,\boldsymbol{q}_0+\sigma U^2\psi(\kappa U)\,e_{\alpha}\bigr).\]"""
    proof = r"""$dX'=s'(z_-)\,(dA\,X_-+db+AX'_-)\,du$ with $|X|\le V$, so $|X'_t|\le\int S_1(\alpha V+\beta+a|X'_{s-}|)\,d\mu_s$. The bound is linear in $p$: the equation for the coefficients of $\alpha$ and of $\beta$ has a right-hand side that does not decrease in $\boldsymbol{\ell}$ and $V$, and @[the continuous control is the worst] applies. $\boldsymbol{q}'=a\boldsymbol{\ell}'+(\sigma,0)=\kappa\boldsymbol{q}+\sigma e_\alpha$ gives $\boldsymbol{q}(y)=e^{\kappa y}\boldsymbol{q}_0+\sigma y\varphi_1(\kappa y)e_\alpha$, and its integral is the formula."""
    obligations = (*DERIVATIVES, *Slope.obligations, *BlockPreActivation.obligations, *WorstControl.obligations, *FLOW_OF_BLOCKS[:4])

    def conclude(self, given: Given, *, width: Size, activation: Activation, control: tuple[Any, ...] | None = None, piece: Index = END, **_: Any) -> Bound:
        length, slope, growth = length_of(given, control, piece), slope_of(given, 1, activation), speed(given, width, activation)
        quantity, symbol = Quantity("blocks", piece), nonnegative(f"lvec_{piece}")
        if control is None:
            rho, z, e = given.bound("input"), given.symbol("z"), given.symbol("e")
            weights = slope * rho * length * Phi1(z, e) + slope * growth * length**2 * Psi(z, e)
            return Bound(quantity, symbol, Blocks(weights, slope * length * Phi1(z, e)))
        q, z = given.bound("pre_blocks", piece), slope * given.bound("weight", 1) * length
        vector = slope * length * Phi1(z) * q + slope * growth * length**2 * Psi(z) * WeightUnit(q)
        return Bound(quantity, symbol, vector + given.bound("blocks", int(piece) - 1) if int(piece) > 1 else vector)


class CellFlowBlocks(Rule):
    name = "neural ODE with a bounded state, block by block"
    title = "Block by block, where the size of the state is known"
    statement = r"""In the situation of @[first derivative of a neural ODE, block by block] let $|X|\le R(y)$ after the variation $y$, $R$ not decreasing. Then $|X_T'|\le\langle\boldsymbol{\ell},p\rangle$ and $|D^2X_T[\eta,\zeta]|\le p^{\top}G\,\pi$ with the solutions of $\boldsymbol{\ell}'=S_1\boldsymbol{q}$, $\boldsymbol{q}=a\boldsymbol{\ell}+(R(y),1)$ and $G'=\kappa G+S_2\boldsymbol{q}\boldsymbol{q}^{\top}+S_1(e_\alpha\boldsymbol{\ell}^{\top}+\boldsymbol{\ell}e_\alpha^{\top})$ at $y=U$, from $0$. The compiled function bounds them from above, with $R$ and $\boldsymbol{q}$ at the right end of each of many cells."""
    proof = r"""As there, with $R(y)$ for $V$, which does not decrease, and @[second derivative of a neural ODE, block by block]."""
    obligations = (*DERIVATIVES, *Slope.obligations, *BlockSecond.obligations, *WorstControl.obligations)

    def conclude(self, given: Given, *, activation: Activation, order: int, **_: Any) -> Bound:
        U, a, size, slope = given.bound("total_variation"), given.bound("weight", 1), given.bound("value_at"), slope_of(given, 1, activation)
        if order == 1:
            return Bound(Quantity("blocks", END), nonnegative("lvec_T"), CellBlocks(U, a, slope, size))
        return Bound(Quantity("second_blocks", END), nonnegative("G_T"), CellMatrix(U, a, slope, curvature_of(given, 1, activation), size))


class Exponent(Rule):
    name = "the exponent"
    title = "The exponent"
    statement = r"""$z=\kappa U=S_1aU$."""
    proof = r"""A definition."""

    def conclude(self, given: Given, *, activation: Activation, **_: Any) -> Bound:
        return Bound(None, nonnegative("z"), slope_of(given, 1, activation) * given.bound("weight", 1) * given.bound("total_variation"))


class Growth(Rule):
    name = "the growth"
    title = "The growth"
    statement = r"""$\epsilon=e^z$."""
    proof = r"""A definition."""

    def conclude(self, given: Given, **_: Any) -> Bound:
        return Bound(None, nonnegative("e"), sympy.exp(given.symbol("z")))


class FlowEntry(Rule):
    name = "entries of a neural ODE's block matrix"
    title = "The entries of the block matrix"
    statement = r"""In the situation of @[second derivative of a neural ODE, block by block] from $\boldsymbol{\ell}_0=0$, $G_0=0$, with $z=\kappa U$, the entries of $G$ are
\begin{align*}G_{\alpha\alpha}&=S_2\bigl(\rho^2Ue^z\varphi_1+2\rho\sigma U^2e^z\psi+\sigma^2U^3\varphi_3\bigr)+2S_1^2\bigl(\rho U^2\varphi_2+\sigma U^3\chi\bigr),\\
G_{\alpha\beta}&=S_2\bigl(\rho Ue^z\varphi_1+\sigma U^2e^z\psi\bigr)+S_1^2U^2\varphi_2,\qquad G_{\beta\beta}=S_2Ue^z\varphi_1.\end{align*}"""
    proof = r"""The formula there with $\boldsymbol{q}_0=(\rho,1)$; it is checked directly that the entries solve the equation."""
    obligations = FLOW_OF_BLOCKS

    def conclude(self, given: Given, *, width: Size, activation: Activation, entry: str, **_: Any) -> Bound:
        U, z, rho, growth = given.bound("total_variation"), given.symbol("z"), given.bound("input"), speed(given, width, activation)
        slope, curvature = slope_of(given, 1, activation), curvature_of(given, 1, activation)
        e, square = given.symbol("e"), slope**2
        if entry == "Gaa":
            bent = curvature * rho**2 * U * e * Phi1(z, e) + 2 * curvature * rho * growth * U**2 * e * Psi(z, e) + curvature * growth**2 * U**3 * Phi3(z, e)
            total = bent + 2 * square * rho * U**2 * Phi2(z, e) + 2 * square * growth * U**3 * Chi(z, e)
        elif entry == "Gab":
            total = curvature * rho * U * e * Phi1(z, e) + curvature * growth * U**2 * e * Psi(z, e) + square * U**2 * Phi2(z, e)
        else:
            total = curvature * U * e * Phi1(z, e)
        return Bound(None, nonnegative(entry), total)


class FlowBlocksSecond(Rule):
    name = "second derivative of a neural ODE, block by block"
    title = "The second derivative of a neural ODE, block by block"
    statement = r"""In the situation of @[first derivative of a neural ODE, block by block], $|D^2X[\eta,\zeta]|\le p^{\top}G\,\pi$ for directions with block norms $p,\pi$, where $G'=\kappa G+S_2\boldsymbol{q}\boldsymbol{q}^{\top}+S_1(e_\alpha\boldsymbol{\ell}^{\top}+\boldsymbol{\ell}e_\alpha^{\top})$. With $z=\kappa U$, $\varphi_2(z)=(ze^z-e^z+1)/z^2$, $\varphi_3(z)=(e^{2z}-2ze^z-1)/z^3$ and $\chi(z)=(ze^z-2e^z+2+z)/z^3$, from $G_0$, $\boldsymbol{\ell}_0$, $\boldsymbol{q}_0$,
\begin{align*}G=e^zG_0&+S_2\bigl(Ue^z\varphi_1\,\boldsymbol{q}_0\boldsymbol{q}_0^{\top}+\sigma U^2e^z\psi\,(e_\alpha\boldsymbol{q}_0^{\top}+\boldsymbol{q}_0e_\alpha^{\top})+\sigma^2U^3\varphi_3\,e_\alpha e_\alpha^{\top}\bigr)\\&+S_1\bigl(U\varphi_1\,(e_\alpha\boldsymbol{\ell}_0^{\top}+\boldsymbol{\ell}_0e_\alpha^{\top})+S_1U^2\varphi_2\,(e_\alpha\boldsymbol{q}_0^{\top}+\boldsymbol{q}_0e_\alpha^{\top})+2S_1\sigma U^3\chi\,e_\alpha e_\alpha^{\top}\bigr).\end{align*}"""
    proof = r"""As in @[block second derivative], $D^2X[\eta,\zeta]$ solves an equation whose increment is at most $S_2\langle\boldsymbol{q},p\rangle\langle\boldsymbol{q},\pi\rangle+S_1(p_\alpha\langle\boldsymbol{\ell},\pi\rangle+\pi_\alpha\langle\boldsymbol{\ell},p\rangle+a|D^2X[\eta,\zeta]|)$ times $d\mu$. The right-hand side does not decrease in the entries of $V$, $\boldsymbol{\ell}$ and $G$: @[the continuous control is the worst]. The formula is $e^zG_0$ plus the integral of $e^{\kappa(U-y)}$ times the source at $y$, with $\boldsymbol{q}(y)$ and
$\boldsymbol{\ell}(y)$ of the lemma before: the integrals are, in this order, those of $e^{\kappa(U+y)}$, $e^{\kappa U}y\varphi_1(\kappa y)$, $e^{\kappa(U-y)}y^2\varphi_1(\kappa y)^2$, and of $e^{\kappa(U-y)}$, $e^{\kappa(U-y)}y\varphi_1(\kappa y)$, $e^{\kappa(U-y)}y^2\psi(\kappa y)$ over $[0,U]$."""
    obligations = (*BlockSecond.obligations, *WorstControl.obligations, *FLOW_OF_BLOCKS, *ResidualBlockSecond.obligations)

    def conclude(self, given: Given, *, width: Size, activation: Activation, control: tuple[Any, ...] | None = None, piece: Index = END, **_: Any) -> Bound:
        if control is None:
            return Bound(Quantity("second_blocks", piece), nonnegative(f"G_{piece}"), TwoBlocks(*(given.symbol(entry) for entry in ("Gaa", "Gab", "Gbb"))))
        length, slope, growth = length_of(given, control, piece), slope_of(given, 1, activation), speed(given, width, activation)
        curvature, q = curvature_of(given, 1, activation), given.bound("pre_blocks", piece)
        z = slope * given.bound("weight", 1) * length
        e, border = sympy.exp(z), BorderInside(q, sympy.Integer(0))
        square = BorderInside(WeightUnit(q), sympy.Integer(0)) / 2
        total = (
            curvature * length * e * Phi1(z) * Outer(q)
            + curvature * growth * length**2 * e * Psi(z) * border
            + curvature * growth**2 * length**3 * Phi3(z) * square
        )
        total += slope**2 * length**2 * Phi2(z) * border + 2 * slope**2 * growth * length**3 * Chi(z) * square
        if int(piece) > 1:
            start = given.bound("blocks", int(piece) - 1)
            total += e * given.bound("second_blocks", int(piece) - 1) + slope * length * Phi1(z) * BorderInside(start, sympy.Integer(0))
        return Bound(Quantity("second_blocks", piece), nonnegative(f"G_{piece}"), total)
