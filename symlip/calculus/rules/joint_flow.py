"""Neural ODEs: slope, curvature and size of the state bounded together, by cells in time."""

from __future__ import annotations

from typing import Any, ClassVar

import sympy

from ...activations import Activation
from ...errors import DerivationError
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
rate, length = sympy.symbols("z Delta", positive=True)

AVERAGES = (
    *TANGENTS,
    Inequality(
        "(1 - t^2)^2 under its tangent, at most 1/3", (t >= 0, t <= 1, m >= 0, 3 * m <= 1), (1 - t**2) ** 2 <= (1 - m**2) ** 2 - 4 * m * (1 - m**2) * (t - m)
    ),
    Inequality("(1 - t^2)^2 under the line from 1/3 to 1", (t >= 0, t <= 1), (1 - t**2) ** 2 <= sympy.Rational(32, 27) * (1 - t)),
)
"""Bounds on averages over a cell by the value at the average t: a concave majorant lies under each of its tangents."""

PRODUCT = Identity(
    "a product of affine functions and its chord",
    (m + w * (x - m)) * (y + w * (t - y)),
    (1 - w) * m * y + w * x * t - w * (1 - w) * (x - m) * (t - y),
)

CELL = r"""\emph{The cells.} Divide $[0,U]$ into cells of length $\Delta$, and on each let $\bar t$ be the average of the $t$ of @[one number for a line] along $\tau$, which is affine in $t$. $R$ and $\sigma$ are concave functions of $t$ on $[0,1]$, so their averages over the cell are at most $R(\bar t)$ and $\sigma(\bar t)$ \textup{(}Jensen\textup{)}; the average of $R^2$ is at most that of its concave majorant, for $\tanh$ the function
$(1-\bar t^2)^2$ up to $\bar t=\tfrac13$ and $\tfrac{32}{27}(1-\bar t)$ beyond. """


class _EquationDecided:
    """What the rules here rest on besides: the equation of the activation."""

    obligations: ClassVar[tuple[Obligation, ...]]

    def obligations_of(self, **detail: Any) -> tuple[Obligation, ...]:
        return (*self.obligations, *equations_decided([detail["activation"]]))


class OrderWithinCell(Rule):
    name = "order within a cell"
    title = "What order within a cell costs"
    statement = r"""On a cell in time of length $\Delta$ let $t(\cdot)$ take values in $[0,1]$, with average $\bar t$ and $\nu^2$ the average of $(t-\bar t)^2$; $R,\sigma,\tau$ are as in @[one number for a line], $S=S_1$, $h=\tau(1)-\tau(0)$, $V_0$ is the size at the start, $V_+$ that at the end, $V_0\le V_+\le V_0+v\Delta$ with $v^2=(l-1)S_0^2+\tau(\bar t)^2$, and $M=\frac12(V_0+V_+)$. $R=R(\bar t)$, $\sigma=\sigma(\bar t)$, $z=aR\Delta$, $\rho=(e^z-1)/a$, $\varphi_1=(e^z-1)/z$. For activations with $R=S(1-t^2)$, $\sigma=C(t-t^3)$ let $\kappa=S$, $\kappa'=2S$; for $\sin$ let $\kappa=\frac12$, $\kappa'=2/R$.
\begin{enumerate}
\item $y'=R(t)(ay+\alpha V+\beta)$, $y,\alpha,\beta\ge0$, has at the end of the cell at most the value $e^zy+\rho(\alpha M+\beta)+\alpha^2e/(\alpha V_0+\beta)$, where $e=\Delta^3e^{2z}(hR+\kappa'v)^2/(16\kappa)$.
\item Let $R=S(1-t^2)$, $\sigma=C(t-t^3)$, $F(s)=e^{E(s)}W(s)$ and \textup{(}i\textup{)} $E=a\bigl(\int_0^\Delta R(t)+\int_0^sR(t)\bigr)$, $W=(X+\alpha V(s))^2$, $X,\alpha\ge0$, $b=2aS$, $\phi=\sigma$ or \textup{(}ii\textup{)} $E=2a\int_s^\Delta R(t)$, $W=1+V(s)^2$, $b=4aS$, $\phi=R^2$. Let $\hat E,\hat W$ be $E,W$ for $t=\bar t$, $q=X+\alpha V_+$, $W_+=1+V_+^2$, $Z=e^{2z+b\Delta/4}$, and $\phi,\phi'$ those at $\bar t$. Then $\int\phi(t)F\,ds-\phi\int e^{\hat E}\hat W\,ds$ is at most
\textup{(}i\textup{)} $\delta_1q^2+\delta_2\alpha^2$, where, with $c=2\cdot0.81\,\bar tC$, $m=10v\Delta$, if $\frac34c>\Delta B_1$,
\begin{gather*}A_1=\frac{Z}{\sqrt{12}}aCS(1-\bar t^2)^2,\quad A_2=Z\Bigl(\frac{2v|\sigma'|}{\sqrt{12}}+\frac{\pi}4h\sigma\Bigr),\quad B_1=Zb\Bigl(|\sigma'|\Bigl(\frac{\bar t}{\sqrt6}+\frac12\Bigr)+\sigma b\bar t^2\frac\Delta{12}\Bigr),\\B_2=\frac{2Zh|\sigma'|}{\sqrt6},\quad B_3=Zh^2\sigma\frac\Delta6,\quad\delta_1=\frac{\Delta^3A_1^2}{2(\frac34c-\Delta B_1)},\\\delta_2=\max\Bigl(\frac{\Delta^3A_2^2}{2(\frac34c-\Delta B_1)}+\frac{\Delta^3B_2^2}{4c}+\frac{\Delta^2B_3}4,\ \Delta^2\Bigl(\frac{A_1m^2+A_2m}2+\frac{B_1m^2+B_2m+B_3}4\Bigr)\Bigr);\end{gather*}
\textup{(}ii\textup{)} $\delta W_+$, where, if the denominator is positive, $\delta=\Delta^4A^2/\bigl(4(S^2(1-3\bar t)(1+\bar t)\Delta e^{-v\Delta}-\Delta^2B)\bigr)$ with
\[A=Z\Bigl(\frac{4aS^3\bar t(1-\bar t^2)^2+v|\phi'|}{\sqrt{12}}+\frac{\pi}8h\phi\Bigr),\qquad B=Z\Bigl(|\phi'|\Bigl(\frac{b\bar t+h}{\sqrt6}+\frac b2\Bigr)+\phi\Bigl(\frac{(b\bar t)^2}2+h^2\Bigr)\frac\Delta6\Bigr).\]
For $\sin$ and \textup{(}ii\textup{)} this holds with $A=e^{2z}\bigl(\frac{\pi}8S^2(2a\kappa'+h)+\max(2aR,v)\bigr)$, $\delta=\Delta^3A^2e^{v\Delta}/4$.
\end{enumerate}"""
    proof = r"""For $f$ with average $\bar f$ and $\nu_f^2$ the average of $(f-\bar f)^2$, Cauchy and Schwarz give $|\int_0^s(f-\bar f)|\le\nu_f\sqrt{s(\Delta-s)}\le\frac12\nu_f\Delta$, while $\int\!\sqrt{s(\Delta-s)}=\frac{\pi}8\Delta^2$ and $\int s(\Delta-s)=\frac16\Delta^3$. The average of $R$ is at most $R(\bar t)-\kappa\nu^2$ and $\nu_R\le\kappa'\nu$, as $R(t)=R(\bar t)+R'(\bar t)(t-\bar t)-S(t-\bar t)^2$ and $|R(t)-R(\bar t)|\le2S|t-\bar t|$; for $\sin$, as the average $\bar R$ of $R=\sqrt{1-t^2}$ has $(R(\bar t)-\bar R)(R(\bar t)+\bar R)=\nu^2+\nu_R^2$, and $|R(t)-R(\bar t)|=|t^2-\bar t^2|/(R(t)+R(\bar t))$. $\nu_\tau=h\nu$. $V$ is the norm of a vector whose entries are at most nonnegative affine functions of the time and of $r=\int\tau$: it changes by at most $|r-\hat r|$ where $r$ does, and along the straight line $\hat r$ to its end, on which it is $\hat V$, by at most $v$ for each unit of time and convexly.

1. Let $\varrho(s)=\int_0^sR(t)$, $w=\varrho(s)/\varrho(\Delta)$. $\hat V\le V_0+(V_+-V_0)s/\Delta$, $|V-\hat V|\le\frac12h\nu\Delta$ and $s/\Delta\le w+\frac12\kappa'\nu\Delta/\varrho(\Delta)$, so that $y(\Delta)=e^{a\varrho(\Delta)}y+\int e^{a(\varrho(\Delta)-\varrho(s))}R(t)(\alpha V+\beta)ds$ is at most \[e^{a\varrho}y+\varrho\int_0^1e^{a\varrho(1-w)}\bigl(\alpha V_0+\beta+\alpha(V_+-V_0)w\bigr)dw+\tfrac12\alpha e^z\Delta^2\nu(hR+\kappa'v),\qquad\varrho=\varrho(\Delta).\] The first two terms increase in $\varrho$ at least at the rate $\alpha V_0+\beta$, and $\varrho\le\Delta R(\bar t)-\Delta\kappa\nu^2$. At $\varrho=\Delta R(\bar t)$ they are at most $e^zy+\rho(\alpha M+\beta)$, as $e^{a\varrho(1-w)}$ falls in $w$. What is left, $\frac12\alpha e^z\Delta^2\nu(hR+\kappa'v)-\Delta\kappa\nu^2(\alpha V_0+\beta)$, is largest at one $\nu$, with the value claimed.

2. Let $u=t-\bar t$ and $U(s)=\int_0^su$, $|U|\le\nu\sqrt{s(\Delta-s)}\le\frac14\Delta$ \textup{(}$\nu\le\frac12$\textup{)}, $U(\Delta)=0$. $R(t)=R(\bar t)-S(2\bar tu+u^2)$ makes $E=\hat E\mp b\bar tU-\eta$ with $0\le\eta\le b\nu^2\Delta$, the upper sign in \textup{(}i\textup{)}. In \textup{(}i\textup{)} $W\le\hat W+2\alpha qh|U|+\alpha^2h^2U^2$ and $|W-\hat W|\le2\alpha qh|U|$; in \textup{(}ii\textup{)} $W\le\hat W+W_+(h|U|+h^2U^2)$ and $|W-\hat W|\le W_+h|U|$, since $2V_+\le1+V_+^2$. Write these as $W\le\hat W+p|U|+p'U^2$, $|W-\hat W|\le p|U|$, and let $W_+$ be $q^2$ in \textup{(}i\textup{)}. $\hat E$ and $E$ are at most $2z+\frac14b\Delta$. So, with $\xi=b\bar t|U|$,
\[F\le e^{\hat E}\hat W(1\mp b\bar tU)+Z\bigl(\tfrac12\xi^2W_++p|U|+p'U^2\bigr),\qquad|F-e^{\hat E}\hat W|\le Z\bigl((\xi+\eta)W_++p|U|\bigr).\]
For $\psi=\phi(\bar t)+\phi'(\bar t)u-\phi(t)$, $\int\phi(t)F=\phi\int F+\phi'\int uF-\int\psi F$. The integrals of $|U|$, $U^2$, $|uU|$ and $|u|\nu^2\Delta$ are at most $\frac{\pi}8\nu\Delta^2$, $\frac16\nu^2\Delta^3$, $\nu^2\Delta^2/\sqrt6$ and $\frac12\nu^2\Delta^2$. This leaves $\int uK$, $K=\phi'e^{\hat E}\hat W\pm b\bar t\phi\int_0^se^{\hat E}\hat W$, by parts; it is at most $\nu\Delta^2\sup|K'|/\sqrt{12}$, as $\int u=0$. As $aR\sigma'+2aS\bar t\sigma=aCS(1-\bar t^2)^2$, $-2aR\phi'-4aS\bar t\phi=4aS^3\bar t(1-\bar t^2)^2$, $\hat W'\le2\alpha vq$ in \textup{(}i\textup{)} and $\hat W'\le vW_+$ in \textup{(}ii\textup{)}, the difference claimed is at most \[\text{\textup{(}i\textup{)}}\ \Delta^2(A_1q^2+A_2\alpha q)\nu+\Delta^2(B_1q^2+B_2\alpha q+B_3\alpha^2)\nu^2-\!\int\!\psi F,\qquad\text{\textup{(}ii\textup{)}}\ \Delta^2(A\nu+B\nu^2)W_+-\!\int\!\psi F.\] \textup{(}i\textup{)} $\psi=Cu^2(t+2\bar t)\ge2C\bar tu^2$. If $q\ge m\alpha$, $F\ge(X+\alpha V_0)^2\ge(q-\alpha v\Delta)^2\ge0.81q^2$, so $\int\psi F\ge c\Delta\nu^2q^2$, of which a quarter and $\Delta^3B_2^2\alpha^2\nu^2/c$ are at least $\Delta^2B_2\alpha q\nu^2$; $\nu^2\le\frac14$; and $\Delta^2(A_1q+A_2\alpha)q\nu-\Delta(\frac34c-\Delta B_1)q^2\nu^2$ is at most $\Delta^3(A_1q+A_2\alpha)^2/\bigl(4(\frac34c-\Delta B_1)\bigr)$. If $q\le m\alpha$, take $\nu\le\frac12$ and $\int\psi F\ge0$. \textup{(}ii\textup{)} $\psi\ge S^2(1-3\bar t)(1+\bar t)u^2$, and $F\ge1+V_0^2\ge e^{-v\Delta}W_+$, as $2V\le1+V^2$; the largest value over $\nu$ is $\delta W_+$. For $\sin$, let $\hat E$ have the average $\bar R\le R$ for $R(t)$: then $|F-e^{\hat E}\hat W|\le e^{2z}W_+(2a\nu_R+h\nu)\sqrt{s(\Delta-s)}$, $e^{\hat E}\hat W$ varies by at most $e^{2z}W_+\Delta\max(2aR,v)$, thus by half of that on the mean, and $\phi(t)=1-t^2$ by $\nu_\phi\le2\nu$, with average $\phi(\bar t)-\nu^2$."""
    obligations = (
        Identity("a mean of squares", sympy.integrate(x * (length - x), (x, 0, length)), length**3 / 6),
        Identity("a mean of roots", sympy.pi * length**2 / 8, sympy.integrate(sympy.sqrt(1 - x**2), (x, -1, 1)) * length**2 / 4),
        Identity("the slope falls by its variance", 1 - t**2, 1 - m**2 - 2 * m * (t - m) - (t - m) ** 2),
        Identity("the curvature falls by more", t - t**3, m - m**3 + (1 - 3 * m**2) * (t - m) - (t - m) ** 2 * (t + 2 * m)),
        Inequality(
            "(1 - t^2)^2 falls by its variance, up to 1/3",
            (t >= 0, t <= 1, m >= 0, 3 * m <= 1),
            (1 - t**2) ** 2 <= (1 - m**2) ** 2 - 4 * m * (1 - m**2) * (t - m) - (1 - 3 * m) * (1 + m) * (t - m) ** 2,
        ),
        Identity("order against growth, curvature", (1 - t**2) * (1 - 3 * t**2) + 2 * t * (t - t**3), (1 - t**2) ** 2),
        Identity("order against growth, squared slope", 8 * t * (1 - t**2) ** 2 - 4 * t * (1 - t**2) ** 2, 4 * t * (1 - t**2) ** 2),
        Identity("what a linear gain can leave", x**2 / (4 * y) - (x * w - y * w**2), y * (w - x / (2 * y)) ** 2),
        Inequality("a square of a sum", (), (x + y) ** 2 <= 2 * x**2 + 2 * y**2),
    )

    def conclude(self, given: Given, **_: Any) -> Bound:
        raise DerivationError("order within a cell is a lemma for others")


class JointFlowFirst(_EquationDecided, Rule):
    name = "joint bound of a neural ODE, first derivative"
    title = "The joint bound of a neural ODE, first derivative"
    statement = r"""Let $dX=s(AX+b)\,du$ with $|A|_2\le a$, $\theta=(A,b)$ the same at all times and $u$ of total variation at most $U$. Then $|DX_T|\le\sup_R|\boldsymbol{\ell}(U)|$ over measurable $R:[0,U]\to[0,S_1]$, the joint bound, where $\boldsymbol{\ell}'=R\,\boldsymbol{q}$, $\boldsymbol{q}=a\boldsymbol{\ell}+(V,1)$ and $V$ is the size of @[values with a neuron that is not saturated] with $D(y)=S_0y$, $T(y)=\int_0^y\tau(R)$. It is at most the block bound. Its numbers are computed from above, with cells in time and state; where the cells are too coarse they are those of the block bound."""
    proof = (
        r"""As in @[joint bound of lines, first derivative], with the adjoint $dr=-A^{\top}S'r\,du$ backwards and @[one number for a line] at $(z,r/|r|)$ at every time; a jump of modulus $\Delta$ is a residual line, and is at most a continuous piece of length $\Delta$ with the same $R$ and $\tau$, since all increments grow along it. """
        + CELL
        + r"""On a cell let $V_0$ be the size at its start, $V_+$ that at its end, $s=\alpha V_++\beta$, $y=\langle\boldsymbol{\ell},p\rangle$ at its start, $p=(\alpha,\beta)\ge0$, and $z(t)=\int aR$ from there, $z=z(\Delta)\le aR(\bar t)\Delta$. As $e^{z(t)}y+s(e^{z(t)}-1)/a$ solves $y'=R(ay+s)$, $\langle\boldsymbol{\ell},p\rangle$ is at its end at most $cy+\rho s$, $c=e^z$, $\rho=(e^z-1)/a$ \textup{(}the limit where $a=0$\textup{)}, and these do not decrease in $z$, so let $z=aR(\bar t)\Delta$. By @[order within a cell] it is, too, at most $cy+\rho\bigl(\frac12\alpha(V_0+V_+)+\beta\bigr)+\alpha^2e/(\alpha V_0+\beta)$, with the least $V_0$ of all sums in the last term. \emph{Corners.} Divide the $\bar t\in[0,1]$ into cells, too, and let $V_+$ be the size for the largest $\bar t$ in the cell and $e$ its largest value there; of the two bounds the one that is smaller for all sums is taken. $R(\bar t)$ lies under its tangent, and $c$ and $\rho$, being convex in $R$, under their chords between the corners, the ends of the tangent, while $\tau$ is affine. At the end of the cell in time $\langle\boldsymbol{\ell},p\rangle$ and $T=\int\tau$ are affine in these, and what follows is convex in them, as in @[corners of a line]: it is largest at a corner. Where two cells of $\bar t$ meet, the larger numbers of both are taken, $V_+$ included; the corners are such that the sums $T$ lie on a grid, for each point of which the largest $\langle\boldsymbol{\ell},p\rangle$ is taken from cell to cell. For unit vectors $p,p'\ge0$ at an angle $2\vartheta\le\frac12\pi$ and $\boldsymbol{\ell}$ between them, $|\boldsymbol{\ell}|\cos\vartheta\le\max(\langle\boldsymbol{\ell},p\rangle,\langle\boldsymbol{\ell},p'\rangle)$; angles are halved where that is largest."""
    )
    obligations = (*FlowBlocks.obligations, *OneNumber.obligations, *SharedBudgetOfValues.obligations, *AVERAGES, *OrderWithinCell.obligations)

    def conclude(self, given: Given, *, width: Size, activation: Activation, **_: Any) -> Bound:
        value = FlowJoint(*_arguments(given, given.bound("first", END), 1, width, activation))
        return Bound(Quantity("first", END), nonnegative("L"), value)


class JointFlowSecond(_EquationDecided, Rule):
    name = "joint bound of a neural ODE, second derivative"
    title = "The joint bound of a neural ODE, second derivative"
    statement = r"""In the situation of @[joint bound of a neural ODE, first derivative], $|D^2X_T|\le\sup_R\lambda_{\max}(G(U))$ with $G'=\sigma(R)\,\boldsymbol{q}\boldsymbol{q}^{\top}+R\,(aG+e_\alpha\boldsymbol{\ell}^{\top}+\boldsymbol{\ell}e_\alpha^{\top})$. With a cost on top, $|Dg|\le g_1$, $|D^2g|\le g_2$, $|D^2\varphi|\le\sup_R\lambda_{\max}\bigl(g_2\boldsymbol{\ell}(U)\boldsymbol{\ell}(U)^{\top}+g_1G(U)\bigr)$. These are at most the block bounds. Their numbers are computed from above, with cells in time; where the cells are too coarse they are those of the block bounds."""
    proof = r"""As in @[joint bound of lines, second derivative], with the adjoint, the cells and the numbers $c,\rho$ of @[joint bound of a neural ODE, first derivative]. As $ay(t)+s\le e^{z(t)}(ay+s)$ there, $p^{\top}Gp$ is at the end of a cell at most
\begin{gather*}e^zp^{\top}Gp+e^z(ay+s)^2\!\int\!\sigma e^{z(t)}dt+2\alpha e^z\!\int\!R\Bigl(y+s\frac{1-e^{-z(t)}}a\Bigr)dt\\\le c\,p^{\top}Gp+b\,(ay+s)^2+2\alpha(ny+fs),\qquad b=\Delta\sigma e^{2z},\quad n=\frac zae^z,\quad f=\Bigl(\frac za\Bigr)^2\Bigl(\frac16+\frac{e^z}3\Bigr),\end{gather*}
with $\sigma=\sigma(\bar t)$: $e^z\int aR(1-e^{-z(t)})dt=e^z(z-1)+1=z^2\int_0^1ve^{zv}dv$ and $e^{zv}\le1+v(e^z-1)$. None of these decreases in $z$, so let $z=aR(\bar t)\Delta$. That is the recursion of @[elimination of the block norms], $b_3=b$, $b_2=ab$, $b_1=a^2b$, $H=V_+$. For activations like $\tanh$, @[order within a cell] gives another, with $H=\frac12(V_0+V_+)+g$, $g\ge\min(e/(\rho V_0),\frac12(V_+-V_0))$ for the $e$ there, a convex function of $T$: with the least $d=\frac12(V_+-V_0)$ and $\bar e\ge e/\rho$, $g=2\bar e/(V_0+\bar e/d)$ in width one, where $V_0$ is affine in $T$, otherwise $g=\bar e/V_0$ for the least $V_0$, or $H=V_+$. As $ay(t)+s(t)\le e^{z(t)}(ay+s(t))$ for $s(t)=\alpha V(t)+\beta$, the integral with $\sigma$ is that of \textup{(}i\textup{)} there, $X=ay+\beta$. For $t=\bar t$ it is at most $\Delta\sigma e^z\int_0^1e^{zw}\bigl(\bar q+q'(w-\frac12)\bigr)^2dw$, $\bar q=ay+\frac12\alpha(V_0+V_+)+\beta\le ay+s$ for $s=\alpha H+\beta$, $0\le q'\le\alpha v\Delta$. Since $\int e^{zw}(w-\frac12)=\frac z2\int w(1-w)e^{zw}\le\frac z{12}e^z$, $\int e^{zw}(w-\frac12)^2\le\frac1{12}e^z$, $2\bar qq'z\le z^2\bar q^2+q'^2$, $q^2=(\bar q+\frac12q')^2\le\frac43\bar q^2+q'^2$, and $\alpha V_++\beta\le s+\frac12\alpha v\Delta$ in the last term, it is the recursion with \textup{(}now $e$ of @[elimination of the block norms]\textup{)}
\[b=\Delta\sigma e^z\Bigl(\varphi_1+\frac{z^2e^z}{12}\Bigr)+\frac43\delta_1,\qquad e=e'=\delta_2+\Bigl(\delta_1+\frac{\Delta\sigma e^{2z}}6\Bigr)(v\Delta)^2+fv\Delta.\]
It is taken, for all sums, where its $b$ is smaller and $e$ is small against the share of $\alpha$. Between two corners $n,f,e^{2z},e^z\varphi_1$, too, lie under their chords, and $\sigma e^{2z}$ is at most a product of two affine functions, which is under its chord plus $\frac14\max(0,-[\sigma][e^{2z}])$ \textup{(}so for $\sigma e^z\varphi_1$; the other terms of $b$ and $e$ are constant, with their largest values\textup{)}, $[\cdot]$ the difference of the two corners. $p^{\top}Gp$ is affine in these, and what follows convex in it: it is largest at a corner. The shares are found for some cells, and interpolated."""
    obligations = (
        *FlowBlocksSecond.obligations,
        *OneNumber.obligations,
        *SharedBudgetOfValues.obligations,
        *AVERAGES,
        *OrderWithinCell.obligations,
        *EliminationOfBlocks.obligations,
        Identity(
            "a mean about the middle",
            sympy.integrate((x - sympy.Rational(1, 2)) * sympy.exp(rate * x), (x, 0, 1)),
            rate / 2 * sympy.integrate(x * (1 - x) * sympy.exp(rate * x), (x, 0, 1)),
        ),
        Identity("the mean of the products", sympy.integrate(x * sympy.exp(rate * x), (x, 0, 1)), (sympy.exp(rate) * (rate - 1) + 1) / rate**2),
        Identity("the chord of the exponential, integrated", sympy.integrate(x * (1 + x * (y - 1)), (x, 0, 1)), sympy.Rational(1, 6) + y / 3),
        PRODUCT,
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
        + r"""On a cell $f$ grows at most to $e^{2z}\bigl(f+\Delta\,\overline{R^2}\,(1+V_+^2)\bigr)$, $z=aR(\bar t)\Delta$, and by \textup{(}ii\textup{)} of @[order within a cell] to $e^{2z}f+\frac12\Delta\,\overline{R^2}\,\frac{e^{2z}-1}{2z}(2+V_0^2+V_+^2)+\delta(1+V_+^2)$, as $1+V^2$ is convex on a straight line and $e^{2a\int R}$ falls; the one is taken that is smaller for all sums. Its corners, the sums $T$ and $V_+$ are those of @[joint bound of a neural ODE, first derivative], with the largest $f$ for every sum: $R$ and $\overline{R^2}$ lie under tangents and $e^{2z}$, being convex in $R$, under its chord; the product $e^{2z}\overline{R^2}$ is then at most one of affine functions, which is under its chord plus $\frac14\max(0,-[e^{2z}][\overline{R^2}])$, $[\cdot]$ the difference of the two corners \textup{(}so for $(e^{2z}-1)/2z$\textup{)}, and what follows is convex in $(f,T)$."""
    )
    obligations = (
        *Gronwall.obligations,
        *OneNumber.obligations,
        *SharedBudgetOfValues.obligations,
        *AVERAGES,
        *OrderWithinCell.obligations,
        Identity("the two pieces of the majorant meet", (1 - sympy.Rational(1, 9)) ** 2, sympy.Rational(32, 27) * (1 - sympy.Rational(1, 3))),
    )

    def conclude(self, given: Given, *, width: Size, activation: Activation, **_: Any) -> Bound:
        value = FlowPath(*_arguments(given, given.bound("first", END), 1, width, activation))
        return Bound(Quantity("first", END), nonnegative("L"), value)


class JointFlowDepthDependentSecond(_EquationDecided, Rule):
    name = "joint bound of a neural ODE, depth-dependent parameters, second derivative"
    title = "The joint bound of a neural ODE, depth-dependent parameters, second derivative"
    statement = r"""In the situation of @[joint bound of a neural ODE, depth-dependent parameters], along every line with $|\eta|=1$, $|X_T''|\le\sup P(U)$ over measurable $R:[0,U]\to[0,S_1]$ and $\alpha,\beta\ge0$ with $\int_0^U(\alpha^2+\beta^2)=1$, where $y'=R(ay+s)$, $s=\alpha V+\beta$, $P'=aRP+\sigma(R)(ay+s)^2+2R\alpha y$, $y(0)=P(0)=0$. It bounds the Lipschitz constant of $DX_T$, and is at most the bound of @[second derivative, depth-dependent parameters]. With a cost on top, $|Dg|\le g_1$, $|D^2g|\le g_2$, $|\varphi''|\le\sup\bigl(g_2y(U)^2+g_1P(U)\bigr)$. The numbers are computed from above, with cells in time; where the cells are too coarse they are those of the general bounds."""
    proof = r"""With the adjoint as in @[joint bound of a neural ODE, first derivative] and @[one number for a line] at $(z,r/|r|,\zeta)$, $\zeta=dA\,X+db+AX'$, at every time, $\alpha=|dA_t|$, $\beta=|db_t|$, $y\ge|X'|$ and $ay+s\ge|\zeta|$, the term of $X_T''$ at that time is at most $e^{\int aR}(\sigma|\zeta|^2+2R\alpha|X'|)$; atoms and the Lipschitz constant are as in @[second derivative, depth-dependent parameters]. \emph{Cells in time.} Divide $[0,1]\ni t$ into cells, with corners, the ends of tangents, as in @[corners of a line], and let $\hat R\ge S_1$, $\hat\sigma$ be the largest $R,\sigma$ of the corners. On a cell in time of length $\Delta$, of which the part $w\in[0,1]$ has passed, let $y,P,N,T$ be the values at its start, $N=\int(\alpha^2+\beta^2)$, $T=\int\tau$, $V_0$ the size there and $V_+$ that at its end with $S_0$ for the $\tau$ of the cell, $v=V_+-V_0$, $V_w=V_0+wv$, $E=e^{a\hat R\Delta}$, $z(w)=\int aR$ and $q(w)=\int Rs$ from its start and $z=z(1)$. The size is at most what it is with $S_0$ for $\tau$, a convex function of time, so that $s\le\alpha V_w+\beta$. As $y(w)\le e^{z(w)}(y+q(w))$ and $z(w)\le wa\hat R\Delta$, $z-z(w)\le(1-w)a\hat R\Delta$, with all integrals over the cell,
\begin{gather*}y(\Delta)\le e^zy+\int\!E^{1-w}Rs,\\P(\Delta)\le e^zP+\int\!\bigl(\sigma\bigl(E^{1+w}a^2y^2+E^2a^2(2yq+q^2)+2Ea(y+q)s+E^{1-w}s^2\bigr)+2ER\alpha(y+q)\bigr)dt.\end{gather*}
Here $\int\sigma q\le\hat\sigma\Delta\int(1-w)Rs$ and $\int q^2\le\frac12(\hat R\Delta)^2\int s^2$. Taking $2xx'\le\kappa x^2+x'^2/\kappa$, $\kappa=\hat R/\hat\sigma$, for $\sigma s$ at a time and $Rs$ at an earlier one, $2\int\sigma qs\le\Delta\int(w\kappa\sigma^2+(1-w)R^2/\kappa)s^2$. In the same way, $\kappa=1$, $2\int R\alpha q\le\Delta\int R^2\bigl((V_w+w)\alpha^2+(1-w)\beta^2\bigr)$, as the $V_{w'}$ of the earlier times are summed to $\int_0^wV_{w'}dw'+(1-w)V_w\le V_w$. And $e^z$ is at most the mean of $e^{aR\Delta}$ over the times of the cell, by convexity. So $y,P,T$ at its end are at most, and $N$ is, the mean over its times of
\begin{gather*}y_w=e^{aR\Delta}y+E^{1-w}\Delta R\,s,\qquad N_w=N+\Delta(\alpha^2+\beta^2),\qquad T_w=T+\Delta\tau,\\P_w=e^{aR\Delta}P+E^{1+w}\Delta\sigma a^2y^2+2\bigl(E\Delta\sigma a+(1-w)(E\Delta a)^2\hat\sigma R\bigr)ys\\+2E\Delta R\,\alpha y+E(\Delta R)^2\bigl((V_w+w)\alpha^2+(1-w)\beta^2\bigr)\\+\bigl(E^{1-w}\Delta\sigma+aE\Delta^2(w\kappa\sigma^2+(1-w)R^2/\kappa)+\tfrac12\hat\sigma\Delta(aE\hat R\Delta)^2\bigr)s^2\end{gather*}
with $s=\alpha V_w+\beta$ and the $R,\sigma,\tau,\alpha,\beta$ of that time. As functions of $w$ alone they are at most their chords from $w=0$ to $1$ if $\frac12(E-1)v$ is added to $V_0$ and $V_+$, $(\frac12Ea\Delta)^2\hat\sigma vR\cdot2\alpha y$ to $P_w$, and $\theta(\alpha^2+s^2)$, $\theta=\frac12v\hat\sigma\Delta(E-1+aE\hat R\Delta)$: powers of $E$ and squares of $s$ are convex, $E^{1-w}\le1+(1-w)(E-1)$, $w$ times a function that rises is under its chord if that function is, and where a product of two functions, one affine and falling, the other at most its chord, exceeds its chord, it is by $w(1-w)$ times what both change: this is at most $\frac14(E-1)\alpha v$ for $E^{1-w}s$, $\frac14\alpha v$ for $(1-w)s$, and for $s^2$, with $s_0,s_+$ at the ends, $w(1-w)(s_+^2-s_0^2)\le\alpha v\bigl((1-w)s_0+ws_+\bigr)\le\frac12v(\alpha^2+s^2)$. So they are at most a mean of those at both ends of the cell; and they do not decrease in $(R,\sigma,\tau)$ and are convex in them, so that they are at most a mean of their values at two corners. For given functions after the cell, $P(U)$ does not decrease in $y,P,T$ and is convex in $(y,P,T)$: $\lambda N(U)-P(U)$, for a cost $\lambda N-g_1P-g_2y^2$ at $U$, is at least the mean of what it is with $y_w,P_w,T_w,N_w$ at corners and $w\in\{0,1\}$, and at least the smallest of these. Cell by cell, the functions may be taken constant, with values at corners, and this recursion with $w=0$ or $1$: that of @[elimination of the block norms] with $w_u=w_u'=\Delta$, the weights of $N$ \textup{(}that $\lambda N\ge P$ is all that is used\textup{)}, $H=V_w+\frac12(E-1)v$,
\begin{gather*}c=e^{aR\Delta},\quad\rho=E^{1-w}\Delta R,\quad n=E\Delta R\bigl(1+\tfrac14Ea^2\Delta\hat\sigma v\bigr),\quad f=0,\\b_1=E^{1+w}\Delta\sigma a^2,\quad b_2=E\Delta\sigma a+(1-w)(E\Delta a)^2\hat\sigma R,\\b_3=E^{1-w}\Delta\sigma+aE\Delta^2\bigl(w\kappa\sigma^2+(1-w)R^2/\kappa\bigr)+\tfrac12\hat\sigma\Delta(aE\hat R\Delta)^2+\theta,\\e=E(\Delta R)^2(H+w)+\theta,\quad e'=(1-w)E(\Delta R)^2+\theta,\end{gather*}
by which $P(U)\le\lambda$ where $\Gamma(1/\lambda,T)>0$ for all $T$, and $g_1P+g_2y^2\le\lambda$ where $\lambda\Gamma(g_1/\lambda,T)>g_2$."""
    obligations = (
        *JointFlowDepthDependent.obligations,
        *EliminationOfBlocks.obligations,
        PRODUCT,
        Inequality("a product under weighted squares", (m > 0,), 2 * x * y * m <= m**2 * x**2 + y**2),
        Inequality("what a square exceeds its chord by, with a factor", (w >= 0, w <= 1, x >= 0, y >= 0), w * (1 - w) * (x + y) <= (1 - w) * x + w * y),
        Inequality("sizes up to a time and after it", (w >= 0, w <= 1, x >= 0), w * (y + w * x / 2) + (1 - w) * (y + w * x) <= y + w * x),
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
