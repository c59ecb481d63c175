"""Neural ODEs: slope, curvature and size of the state bounded together, by cells in time."""

from __future__ import annotations

from typing import Any

import sympy

from ...activations import Activation
from ...fields import END
from ...networks import Size
from ...tradeoff import tradeoff
from ..arrays import FlowBranch, FlowPath
from ..claims import Bound, nonnegative
from ..obligations import Identity, Inequality, Obligation
from ..quantities import Quantity
from ..rule import Given, Rule
from .flow import Gronwall
from .joint_lines import TANGENTS, EliminationOfBlocks, OneNumber, SharedBudgetOfValues, equations_decided, numbers_of
from .neural import FlowBlocks, FlowBlocksSecond

t, x, y, m, w = sympy.symbols("t x y m w", real=True)

CELLS = 6
"""Cells in time where the parameters are shared: the search is over one number for each."""
PATH_CELLS = 40
"""Cells in time where the parameters depend on the depth."""

AVERAGES = (
    *TANGENTS,
    Inequality(
        "(1 - t^2)^2 under its tangent, at most 1/3", (t >= 0, t <= 1, m >= 0, 3 * m <= 1), (1 - t**2) ** 2 <= (1 - m**2) ** 2 - 4 * m * (1 - m**2) * (t - m)
    ),
    Inequality("(1 - t^2)^2 under the line from 1/3 to 1", (t >= 0, t <= 1), (1 - t**2) ** 2 <= sympy.Rational(32, 27) * (1 - t)),
)
"""Bounds on averages over a cell by the value at the average t: a concave majorant lies under each of its tangents."""

CELL = r"""\emph{The cells.} Divide $[0,U]$ into cells of length $\Delta$, and on each let $\bar t$ be the average of the $t$ of @[one number for a line] along $\tau$, which is affine in $t$. $R$ and $\sigma$ are concave functions of $t$ on $[0,1]$, so their averages over the cell are at most $R(\bar t)$ and $\sigma(\bar t)$ \textup{(}Jensen\textup{)}; the average of $R^2$ is at most that of its concave majorant, for $\tanh$ the function
$(1-\bar t^2)^2$ up to $\bar t=\tfrac13$ and $\tfrac{32}{27}(1-\bar t)$ beyond. """


class JointFlowFirst(Rule):
    name = "joint bound of a neural ODE, first derivative"
    title = "The joint bound of a neural ODE, first derivative"
    statement = r"""Let $dX=s(AX+b)\,du$ with $|A|_2\le a$, $\theta=(A,b)$ the same at all times and $u$ of total variation at most $U$. Then $|DX_T|\le\sup_R|\boldsymbol{\ell}(U)|$ over measurable $R:[0,U]\to[0,S_1]$, the joint bound, where $\boldsymbol{\ell}'=R\,\boldsymbol{q}$, $\boldsymbol{q}=a\boldsymbol{\ell}+(V,1)$ and $V$ is the size of @[values with a neuron that is not saturated] with $D(y)=S_0y$, $T(y)=\int_0^y\tau(R)$. It is at most the block bound. Its numbers are computed from above by branch and bound over cells in time; where the cells are too coarse they are those of the block bound."""
    proof = (
        r"""As in @[joint bound of lines, first derivative], with the adjoint $dr=-A^{\top}S'r\,du$ backwards and @[one number for a line] at $(z,r/|r|)$ at every time; a jump of modulus $\Delta$ is a residual line, and is at most a continuous piece of length $\Delta$ with the same $R$ and $\tau$, since all increments grow along it. """
        + CELL
        + r"""On a cell $V$ is at most its value at the end, $V_+$, so in the time $\int R$, $\boldsymbol{\ell}$ grows at most to $e^{z}\boldsymbol{\ell}+R\Delta\varphi_1(z)(V_+,1)$, $z=aR\Delta$ with the average $R\le R(\bar t)$. Boxes of $(\bar t_1,\bar t_2,\dots)$ are halved, those with the largest bounds first."""
    )
    obligations = (*FlowBlocks.obligations, *OneNumber.obligations, *SharedBudgetOfValues.obligations, *AVERAGES)

    def conclude(self, given: Given, *, width: Size, activation: Activation, **_: Any) -> Bound:
        value = FlowBranch(*_arguments(given, given.bound("first", END), 1, width, activation))
        return Bound(Quantity("first", END), nonnegative("L"), value)

    def obligations_of(self, *, activation: Activation, **_: Any) -> tuple[Obligation, ...]:
        return (*self.obligations, *equations_decided([activation]))


class JointFlowSecond(Rule):
    name = "joint bound of a neural ODE, second derivative"
    title = "The joint bound of a neural ODE, second derivative"
    statement = r"""In the situation of @[joint bound of a neural ODE, first derivative], $|D^2X_T|\le\sup_R\lambda_{\max}(G(U))$ with $G'=\sigma(R)\,\boldsymbol{q}\boldsymbol{q}^{\top}+R\,(aG+e_\alpha\boldsymbol{\ell}^{\top}+\boldsymbol{\ell}e_\alpha^{\top})$. It is at most the block bound. Its numbers are computed from above, with cells in time; where the cells are too coarse they are those of the block bound."""
    proof = (
        r"""As in @[joint bound of lines, second derivative], with the same adjoint. """
        + CELL
        + r"""On a cell let $E=e^{aS_1\Delta}$, $y=\langle\boldsymbol{\ell},p\rangle$ at its start and $s=\alpha V_++\beta$, $V_+$ the size at its end with $S_0$ for the cell's own $\tau$. With $z(t)=\int aR$ from its start, $z=z(\Delta)$, $y(t)\le e^{z(t)}Y$, $Y=y+S_1\Delta s$, so that $e^{z-z(t)}(ay(t)+s)^2\le E(\sqrt EaY+s)^2$ and $e^{z-z(t)}y(t)\le EY$. As $e^z\le1+R(E-1)/S_1=c$ with the average $R\le R(\bar t)$, $y$ grows at most to $cy+\rho s$, $\rho=R\Delta\varphi_1(aS_1\Delta)$, and $p^{\top}Gp$ at most to $c\,p^{\top}Gp+E\Delta\bigl(\sigma(\sqrt EaY+s)^2+2R\alpha\sqrt EY\bigr)$. That is the recursion of a residual line with other numbers, of which none but $R,\sigma,\tau$ depends on the cell's own $\bar t$, so that @[corners of a line] and @[elimination of the block norms] hold for cells with $c$, $\rho$ and, for $\vartheta=\sqrt E$, $\eta=\sqrt ES_1\Delta$, $\kappa=kE\Delta$, $H=V_+$,
\[\begin{aligned}A&=\Gamma(ck,T')-\frac{\kappa^2R^2\vartheta^2}{ww'\nu}-\kappa\sigma a^2\vartheta^2,\qquad B=\kappa\sigma a\vartheta(1+a\eta)+\frac{\kappa RH\vartheta}{w\nu}+\frac{\kappa^2R^2\vartheta\eta}{ww'\nu},\\C&=\frac1\nu-\kappa\sigma(1+a\eta)^2-\frac{2\kappa RH\eta}{w\nu}-\frac{\kappa^2R^2\eta^2}{ww'\nu}.\end{aligned}\]"""
    )
    obligations = (*FlowBlocksSecond.obligations, *OneNumber.obligations, *SharedBudgetOfValues.obligations, *AVERAGES, *EliminationOfBlocks.obligations)

    def conclude(self, given: Given, *, width: Size, activation: Activation, **_: Any) -> Bound:
        value = FlowBranch(*_arguments(given, given.bound("second", END), 2, width, activation))
        return Bound(Quantity("second", END), nonnegative("Jsecond"), value)

    def obligations_of(self, *, activation: Activation, **_: Any) -> tuple[Obligation, ...]:
        return (*self.obligations, *equations_decided([activation]))


class JointFlowDepthDependent(Rule):
    name = "joint bound of a neural ODE, depth-dependent parameters"
    title = "The joint bound of a neural ODE, depth-dependent parameters"
    statement = r"""Let $dX=s(A_tX+b_t)\,du$ with $|A_t|_2\le a$, $u$ of total variation at most $U$ and the norm of $L^2$ for the parameters. Then $|DX_T|^2\le\sup_Rf(U)$ over measurable $R:[0,U]\to[0,S_1]$, where $f'=2aRf+R^2(1+V^2)$, $f(0)=0$, and $V$ is as in @[joint bound of a neural ODE, first derivative]. For odd $s$, $du=dt$ and known entries of $x$ this is the Lipschitz constant, at every width. It is at most the bound of @[first derivative of a neural ODE, depth-dependent parameters]. Its numbers are computed from above by a certified search over cells in time and state."""
    proof = (
        r"""Along a direction $\eta=(\eta_t)$ and with the adjoint $r$ as there, $|X'_T|\le\int e^{\int_s^UaR}R\,(|dA_s||X_s|+|db_s|)\,d\mu_s$, which by Cauchy and Schwarz is at most $\bigl(\int_0^Ue^{2\int_s^UaR}R^2(1+V^2)\,ds\bigr)^{1/2}$, the root of $f(U)$. \emph{Reached:} $A_t=\pm a\,e_je_j^{\top}$, neuron $j$ at slope $R(t)$ and value $\tau(R(t))$ pushing away from $0$, the others saturated, pushing away from $0$, as in @[joint bound of residual layers is reached]. """
        + CELL
        + r"""On a cell $f$ grows at most to $e^{2aR(\bar t)\Delta}\bigl(f+\Delta\,\overline{R^2}\,(1+V_+^2)\bigr)$. The state is $T$: cells of states that no path to the target can pass are dropped, the others halved."""
    )
    obligations = (
        *Gronwall.obligations,
        *OneNumber.obligations,
        *SharedBudgetOfValues.obligations,
        *AVERAGES,
        Identity("the two pieces of the majorant meet", (1 - sympy.Rational(1, 9)) ** 2, sympy.Rational(32, 27) * (1 - sympy.Rational(1, 3))),
    )

    def conclude(self, given: Given, *, width: Size, activation: Activation, **_: Any) -> Bound:
        value = FlowPath(*_arguments(given, given.bound("first", END), 1, width, activation))
        return Bound(Quantity("first", END), nonnegative("L"), value)

    def obligations_of(self, *, activation: Activation, **_: Any) -> tuple[Obligation, ...]:
        return (*self.obligations, *equations_decided([activation]))


def _arguments(given: Given, high: sympy.Expr, order: int, width: Size, activation: Activation) -> tuple[sympy.Expr, ...]:
    kind = sympy.Integer(int(tradeoff(activation).kind == "tanh"))
    numbers = (given.bound("input"), given.bound("input_least"), given.bound("input_rest"), given.bound("weight", 1), given.bound("total_variation"))
    return (high, *numbers, sympy.Integer(order), sympy.Integer(width), kind, numbers_of(activation))
