"""Neural ODEs: slope, curvature and size of the state bounded together, by cells in time."""

from __future__ import annotations

from typing import Any, ClassVar

import sympy

from ...activations import Activation
from ...fields import END
from ...networks import Size
from ...tradeoff import tradeoff
from ..arrays import FlowJoint, FlowPath
from ..claims import Bound, nonnegative
from ..obligations import Identity, Inequality, Obligation
from ..quantities import Quantity
from ..rule import Given, Rule
from .flow import Gronwall
from .joint_lines import TANGENTS, EliminationOfBlocks, OneNumber, SharedBudgetOfValues, equations_decided, numbers_of
from .neural import FlowBlocks, FlowBlocksSecond

t, x, y, m, w = sympy.symbols("t x y m w", real=True)
rate = sympy.Symbol("z", positive=True)

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


class _EquationDecided:
    """What the rules here rest on besides: the equation of the activation."""

    obligations: ClassVar[tuple[Obligation, ...]]

    def obligations_of(self, **detail: Any) -> tuple[Obligation, ...]:
        return (*self.obligations, *equations_decided([detail["activation"]]))


class JointFlowFirst(_EquationDecided, Rule):
    name = "joint bound of a neural ODE, first derivative"
    title = "The joint bound of a neural ODE, first derivative"
    statement = r"""Let $dX=s(AX+b)\,du$ with $|A|_2\le a$, $\theta=(A,b)$ the same at all times and $u$ of total variation at most $U$. Then $|DX_T|\le\sup_R|\boldsymbol{\ell}(U)|$ over measurable $R:[0,U]\to[0,S_1]$, the joint bound, where $\boldsymbol{\ell}'=R\,\boldsymbol{q}$, $\boldsymbol{q}=a\boldsymbol{\ell}+(V,1)$ and $V$ is the size of @[values with a neuron that is not saturated] with $D(y)=S_0y$, $T(y)=\int_0^y\tau(R)$. It is at most the block bound. Its numbers are computed from above, with cells in time and state; where the cells are too coarse they are those of the block bound."""
    proof = (
        r"""As in @[joint bound of lines, first derivative], with the adjoint $dr=-A^{\top}S'r\,du$ backwards and @[one number for a line] at $(z,r/|r|)$ at every time; a jump of modulus $\Delta$ is a residual line, and is at most a continuous piece of length $\Delta$ with the same $R$ and $\tau$, since all increments grow along it. """
        + CELL
        + r"""On a cell let $V_+$ be the size at its end, $s=\alpha V_++\beta$, $y=\langle\boldsymbol{\ell},p\rangle$ at its start, $p=(\alpha,\beta)\ge0$, and $z(t)=\int aR$ from there, $z=z(\Delta)\le aR(\bar t)\Delta$. As $e^{z(t)}y+s(e^{z(t)}-1)/a$ solves $y'=R(ay+s)$, $\langle\boldsymbol{\ell},p\rangle$ is at its end at most $cy+\rho s$, $c=e^z$, $\rho=(e^z-1)/a$ \textup{(}the limit where $a=0$\textup{)}, and these do not decrease in $z$, so let $z=aR(\bar t)\Delta$. \emph{Corners.} Divide the $\bar t\in[0,1]$ into cells, too, and let $V_+$ be the size for the largest $\bar t$ in the cell. $R(\bar t)$ lies under its tangent, and $c$ and $\rho$, being convex in $R$, under their chords between the corners, the ends of the tangent, while $\tau$ is affine. At the end of the cell in time $\langle\boldsymbol{\ell},p\rangle$ and $T=\int\tau$ are affine in these, and what follows is convex in them, as in @[corners of a line]: it is largest at a corner. Where two cells of $\bar t$ meet, the larger numbers of both are taken, $V_+$ included; the corners are such that the sums $T$ lie on a grid, for each point of which the largest $\langle\boldsymbol{\ell},p\rangle$ is taken from cell to cell. For unit vectors $p$ at the multiples of $\pi/(2N)$ in the quadrant, $|\boldsymbol{\ell}|$ is at most the largest $\langle\boldsymbol{\ell},p\rangle$ over $\cos(\pi/(4N))$, as one of them is within $\pi/(4N)$ of $\boldsymbol{\ell}\ge0$."""
    )
    obligations = (*FlowBlocks.obligations, *OneNumber.obligations, *SharedBudgetOfValues.obligations, *AVERAGES)

    def conclude(self, given: Given, *, width: Size, activation: Activation, **_: Any) -> Bound:
        value = FlowJoint(*_arguments(given, given.bound("first", END), 1, width, activation))
        return Bound(Quantity("first", END), nonnegative("L"), value)


class JointFlowSecond(_EquationDecided, Rule):
    name = "joint bound of a neural ODE, second derivative"
    title = "The joint bound of a neural ODE, second derivative"
    statement = r"""In the situation of @[joint bound of a neural ODE, first derivative], $|D^2X_T|\le\sup_R\lambda_{\max}(G(U))$ with $G'=\sigma(R)\,\boldsymbol{q}\boldsymbol{q}^{\top}+R\,(aG+e_\alpha\boldsymbol{\ell}^{\top}+\boldsymbol{\ell}e_\alpha^{\top})$. With a cost on top, $|Dg|\le g_1$, $|D^2g|\le g_2$, $|D^2\varphi|\le\sup_R\lambda_{\max}\bigl(g_2\boldsymbol{\ell}(U)\boldsymbol{\ell}(U)^{\top}+g_1G(U)\bigr)$. These are at most the block bounds. Their numbers are computed from above, with cells in time; where the cells are too coarse they are those of the block bounds."""
    proof = r"""As in @[joint bound of lines, second derivative], with the adjoint, the cells and the numbers $c,\rho$ of @[joint bound of a neural ODE, first derivative]. As $ay(t)+s\le e^{z(t)}(ay+s)$ there, $p^{\top}Gp$ is at the end of a cell at most
\begin{gather*}e^zp^{\top}Gp+e^z(ay+s)^2\!\int\!\sigma e^{z(t)}dt+2\alpha e^z\!\int\!R\Bigl(y+s\frac{1-e^{-z(t)}}a\Bigr)dt\\\le c\,p^{\top}Gp+b\,(ay+s)^2+2\alpha(ny+fs),\qquad b=\Delta\sigma e^{2z},\quad n=\frac zae^z,\quad f=\Bigl(\frac za\Bigr)^2\Bigl(\frac16+\frac{e^z}3\Bigr),\end{gather*}
with $\sigma=\sigma(\bar t)$: $e^z\int aR(1-e^{-z(t)})dt=e^z(z-1)+1=z^2\int_0^1ve^{zv}dv$ and $e^{zv}\le1+v(e^z-1)$. None of these decreases in $z$, so let $z=aR(\bar t)\Delta$. That is the recursion of @[elimination of the block norms], $b_3=b$, $b_2=ab$, $b_1=a^2b$, $H=V_+$. Between two corners $n,f,e^{2z}$, too, lie under their chords, and $\sigma e^{2z}$ is at most a product of two affine functions, which is under its chord plus $\frac14\max(0,-[\sigma][e^{2z}])$, $[\cdot]$ the difference of the two corners. $p^{\top}Gp$ is affine in these, and what follows convex in it: it is largest at a corner. The shares are those of some residual lines, interpolated."""
    obligations = (
        *FlowBlocksSecond.obligations,
        *OneNumber.obligations,
        *SharedBudgetOfValues.obligations,
        *AVERAGES,
        *EliminationOfBlocks.obligations,
        Identity("the mean of the products", sympy.integrate(x * sympy.exp(rate * x), (x, 0, 1)), (sympy.exp(rate) * (rate - 1) + 1) / rate**2),
        Identity("the chord of the exponential, integrated", sympy.integrate(x * (1 + x * (y - 1)), (x, 0, 1)), sympy.Rational(1, 6) + y / 3),
        Identity(
            "a product of affine functions and its chord",
            (m + w * (x - m)) * (y + w * (t - y)),
            (1 - w) * m * y + w * x * t - w * (1 - w) * (x - m) * (t - y),
        ),
    )

    def conclude(self, given: Given, *, width: Size, activation: Activation, cost: bool = False, **_: Any) -> Bound:
        return _second(FlowJoint, given, width, activation, cost)


class JointFlowDepthDependent(_EquationDecided, Rule):
    name = "joint bound of a neural ODE, depth-dependent parameters"
    title = "The joint bound of a neural ODE, depth-dependent parameters"
    statement = r"""Let $dX=s(A_tX+b_t)\,du$ with $|A_t|_2\le a$, $u$ of total variation at most $U$ and the norm of $L^2$ for the parameters. Then $|DX_T|^2\le\sup_Rf(U)$ over measurable $R:[0,U]\to[0,S_1]$, where $f'=2aRf+R^2(1+V^2)$, $f(0)=0$, and $V$ is as in @[joint bound of a neural ODE, first derivative]. For odd $s$, $du=dt$ and known entries of $x$ this is the Lipschitz constant, at every width. It is at most the bound of @[first derivative of a neural ODE, depth-dependent parameters]. Its numbers are computed from above, with cells in time and state."""
    proof = (
        r"""Along a direction $\eta=(\eta_t)$ and with the adjoint $r$ as there, $|X'_T|\le\int e^{\int_s^UaR}R\,(|dA_s||X_s|+|db_s|)\,d\mu_s$, which by Cauchy and Schwarz is at most $\bigl(\int_0^Ue^{2\int_s^UaR}R^2(1+V^2)\,ds\bigr)^{1/2}$, the root of $f(U)$. \emph{Reached:} $A_t=\pm a\,e_je_j^{\top}$, neuron $j$ at slope $R(t)$ and value $\tau(R(t))$ pushing away from $0$, the others saturated, pushing away from $0$, as in @[joint bound of residual layers is reached]. """
        + CELL
        + r"""On a cell $f$ grows at most to $e^{2z}\bigl(f+\Delta\,\overline{R^2}\,(1+V_+^2)\bigr)$, $z=aR(\bar t)\Delta$. Its corners, the sums $T$ and $V_+$ are those of @[joint bound of a neural ODE, first derivative], with the largest $f$ for every sum: $R$ and $\overline{R^2}$ lie under tangents and $e^{2z}$, being convex in $R$, under its chord; the product $e^{2z}\overline{R^2}$ is then at most one of affine functions, which is under its chord plus $\frac14\max(0,-[e^{2z}][\overline{R^2}])$, $[\cdot]$ the difference of the two corners, and what follows is convex in $(f,T)$."""
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


class JointFlowDepthDependentSecond(_EquationDecided, Rule):
    name = "joint bound of a neural ODE, depth-dependent parameters, second derivative"
    title = "The joint bound of a neural ODE, depth-dependent parameters, second derivative"
    statement = r"""In the situation of @[joint bound of a neural ODE, depth-dependent parameters], along every line with $|\eta|=1$, $|X_T''|\le\sup P(U)$ over measurable $R:[0,U]\to[0,S_1]$ and $\alpha,\beta\ge0$ with $\int_0^U(\alpha^2+\beta^2)=1$, where $y'=R(ay+s)$, $s=\alpha V+\beta$, $P'=aRP+\sigma(R)(ay+s)^2+2R\alpha y$, $y(0)=P(0)=0$. It bounds the Lipschitz constant of $DX_T$, and is at most the bound of @[second derivative, depth-dependent parameters]. With a cost on top, $|Dg|\le g_1$, $|D^2g|\le g_2$, $|\varphi''|\le\sup\bigl(g_2y(U)^2+g_1P(U)\bigr)$. The numbers are computed from above, with cells in time; where the cells are too coarse they are those of the general bounds."""
    proof = r"""With the adjoint as in @[joint bound of a neural ODE, first derivative] and @[one number for a line] at $(z,r/|r|,\zeta)$, $\zeta=dA\,X+db+AX'$, at every time, $\alpha=|dA_t|$, $\beta=|db_t|$, $y\ge|X'|$ and $ay+s\ge|\zeta|$, the term of $X_T''$ at that time is at most $e^{\int aR}(\sigma|\zeta|^2+2R\alpha|X'|)$; atoms and the Lipschitz constant are as in @[second derivative, depth-dependent parameters]. \emph{Cells in time.} Divide $[0,1]\ni t$ into cells, with corners, the ends of tangents, as in @[corners of a line], and let $\hat R\ge S_1$, $\hat\sigma$ be the largest $R,\sigma$ of the corners. On a cell in time of length $\Delta$ let $y,P,T$ be the values at its start, $V_+$ the size at its end with $S_0$ for the $\tau$ of the cell, $E=e^{a\hat R\Delta}$, $z(t)=\int aR$ and $q(t)=\int Rs$ from its start, with $V_+$ in $s$. As $y(t)\le e^{z(t)}(y+q(t))$ and $z(t)\le z=z(\Delta)\le a\hat R\Delta$, with all integrals over the cell,
\begin{gather*}y(\Delta)\le e^zy+E\!\int\!Rs,\\P(\Delta)\le e^zP+\int\!\bigl(E^2\sigma a^2(y+q)^2+2E\sigma a(y+q)s+E\sigma s^2+2ER\alpha(y+q)\bigr)dt,\end{gather*}
and by the inequality of Cauchy and Schwarz $\int q\le\Delta\int Rs$, $\int q^2\le\frac12(\hat R\Delta)^2\int s^2$, $\int qs\le\frac12\hat R\bigl(\int s\bigr)^2\le\frac12\hat R\Delta\int s^2$, $\int\alpha q\le\frac12\hat R\Delta\int\bigl(V_+\alpha^2+(\alpha^2+\beta^2)/\sqrt2\bigr)$, the last because $\int\alpha\int_0^t\alpha=\frac12\bigl(\int\alpha\bigr)^2$ and $\int_0^t\beta\le\bigl(t\int\beta^2\bigr)^{1/2}$; $e^z$ is at most the mean of $e^{aR\Delta}$ over the times of the cell, by convexity. So $y,P$ and $T=\int\tau$ at its end are at most, and $N=\int(\alpha^2+\beta^2)$ is, the mean over the times $t$ of the cell of
\begin{gather*}y_t=e^{aR\Delta}y+E\Delta R\,s,\qquad N_t=N+\Delta(\alpha^2+\beta^2),\qquad T_t=T+\Delta\tau,\\P_t=e^{aR\Delta}P+E^2\Delta\sigma a^2y^2+2\bigl(E\Delta\sigma a+E^2\Delta^2a^2\hat\sigma R\bigr)ys+E\Delta\bigl(\sigma+a\hat R\hat\sigma\Delta(1+\tfrac12aE\hat R\Delta)\bigr)s^2\\+2E\Delta R\,\alpha y+E(\hat R\Delta)^2\bigl(V_+\alpha^2+(\alpha^2+\beta^2)/\sqrt2\bigr)\end{gather*}
with the $R,\sigma,\tau,\alpha,\beta$ of the time $t$. These do not decrease in $(R,\sigma,\tau)$ and are convex in them, so that they are at most a mean of their values at two corners. For given functions after the cell, $P(U)$ does not decrease in $y,P,T$ and is convex in $(y,P,T)$: $\lambda N(U)-P(U)$, for a cost $\lambda N-g_1P-g_2y^2$ at $U$, is at least the mean of what it is with $y_t,P_t,T_t,N_t$ at corners, and at least the smallest of these. Cell by cell, the functions may be taken constant, with values at corners, and this recursion: that of @[elimination of the block norms] with $w=w'=\Delta$, the weights of $N$ \textup{(}that $\lambda N\ge P$ is all that is used\textup{)}, $H=V_+$,
\begin{gather*}c=e^{aR\Delta},\quad\rho=n=E\Delta R,\quad f=0,\quad b_1=E^2\Delta\sigma a^2,\quad b_2=E\Delta\sigma a+E^2\Delta^2a^2\hat\sigma R,\\b_3=E\Delta\bigl(\sigma+a\hat R\hat\sigma\Delta(1+\tfrac12aE\hat R\Delta)\bigr),\quad e=E(\hat R\Delta)^2\bigl(V_++1/\sqrt2\bigr),\quad e'=E(\hat R\Delta)^2/\sqrt2,\end{gather*}
by which $P(U)\le\lambda$ where $\Gamma(1/\lambda,T)>0$ for all $T$, and $g_1P+g_2y^2\le\lambda$ where $\lambda\Gamma(g_1/\lambda,T)>g_2$."""
    obligations = (
        *JointFlowDepthDependent.obligations,
        *EliminationOfBlocks.obligations,
        Inequality("a product under the squares", (), 2 * x * y <= x**2 + y**2),
    )

    def conclude(self, given: Given, *, width: Size, activation: Activation, cost: bool = False, **_: Any) -> Bound:
        return _second(FlowPath, given, width, activation, cost)


def _second(search: type[FlowJoint] | type[FlowPath], given: Given, width: Size, activation: Activation, cost: bool) -> Bound:
    if cost:
        high, outer = given.bound("cost_second"), (given.bound("cost_slope"), given.bound("cost_curvature"))
        return Bound(Quantity("cost_second"), nonnegative("Jcost"), search(*_arguments(given, high, 2, width, activation, outer)))
    return Bound(Quantity("second", END), nonnegative("Jsecond"), search(*_arguments(given, given.bound("second", END), 2, width, activation)))


def _arguments(
    given: Given, high: sympy.Expr, order: int, width: Size, activation: Activation, outer: tuple[sympy.Expr, sympy.Expr] = (sympy.Integer(1), sympy.Integer(0))
) -> tuple[sympy.Expr, ...]:
    kind = sympy.Integer(int(tradeoff(activation).kind == "tanh"))
    numbers = (given.bound("input"), given.bound("input_least"), given.bound("input_rest"), given.bound("weight", 1), given.bound("total_variation"))
    return (high, *numbers, sympy.Integer(order), *outer, sympy.Integer(width), kind, numbers_of(activation))
