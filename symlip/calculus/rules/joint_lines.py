"""Residual and tied layers: slope, curvature and value of a line bounded together, by one number a line."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import sympy

from ...activations import Activation, z
from ...errors import DerivationError
from ...networks import Network, Unit
from ...tradeoff import holds, t, tradeoff
from ..arrays import JointBranch, JointPath, JointStates
from ..claims import Bound, Reached, nonnegative
from ..obligations import Decided, Identity, Inequality, Obligation
from ..quantities import Quantity
from ..rule import Given, Rule
from ..witness import PushedWitness
from .block_norms import BlockFirstNorm, BlockSecondNorm
from .block_second import BlockSecond
from .held_lines import HeldLinesFirst
from .residual import ResidualBlockSecond, ResidualBlockSlope

R, D, d, q, c1, c2, e1, e2, E, p = sympy.symbols("R D d q c1 c2 e1 e2 E p", real=True)
A, B, C, H, U, V, c, k, m, s, w, x, y, rho = sympy.symbols("A B C H U V c k m s w x y rho", real=True)
_NU = H**2 / U + 1 / V
_ORDERED = (d >= 0, d <= R, R <= D, D <= 1)


class OneNumber(Rule):
    name = "one number for a line"
    title = "One number for slope, curvature and value"
    statement = r"""Let $\tau(R)=\sup\{|s|:|s'|\ge R\}$ and $\sigma$ be a concave function of $R^2$ on $[0,S_1^2]$ with $\sqrt q\,|s''|\le\sigma\bigl(\sqrt{D^2-(D^2-d^2)q}\bigr)$ for all $d=|s'|\le D\le S_1$, $0\le q\le1$. For all $z,\zeta$ and unit vectors $p$ there is one $R\in[0,S_1]$ with
\[|S'p|\le R,\qquad|S'\zeta|\le R|\zeta|,\qquad\Bigl|\sum_ip_is''(z_i)\zeta_i^2\Bigr|\le\sigma(R)|\zeta|^2,\qquad\min_i|s(z_i)|\le\tau(R),\]
$S'=\operatorname{diag}s'(z)$. For $s=c_0+c_1\tanh(c_2z+c_3)$: $\tau=|c_0|+|c_1|\sqrt{1-R/S_1}$, $\sigma=2|c_2|R\sqrt{1-R/S_1}$; for $\sin$ both are $\sqrt{1-R^2}$; for an affine $s$ take $R=S_1$, $\sigma=0$, $\tau=\infty$. Along $t\in[0,1]$, $t=\sqrt{1-R/S_1}$, or $t=\sqrt{1-R^2}$ for $\sin$, $\tau$ is affine in $t$."""
    proof = r"""Let $d_i=|s'(z_i)|$, $D=\max_id_i$ and $R_i^2=D^2-(D^2-d_i^2)p_i^2$, so that $d_i\le R_i\le D$. As $\sum_jp_j^2d_j^2\le D^2(1-p_i^2)+d_i^2p_i^2$, $|S'p|\le R_i$ for every $i$; and $|p_is''(z_i)|\le\sigma(R_i)$ with $q=p_i^2$. Put $R^2=\sum_iw_iR_i^2$, $w_i=\zeta_i^2/|\zeta|^2$ \textup{(}equal weights if $\zeta=0$\textup{)}: then $|S'p|\le R$, $|S'\zeta|^2=\sum d_i^2\zeta_i^2\le R^2|\zeta|^2$, and by concavity
$\sum_iw_i\sigma(R_i)\le\sigma(R)$. Since $R\le D$, the neuron with $d_k=D$ has $|s(z_k)|\le\tau(D)\le\tau(R)$. For $\tanh$, $|s''|^2=4d^2(1-d)$, and $q\,d^2(1-d)\le R^2(1-R)$ with $q=(D^2-R^2)/(D^2-d^2)$, $d<D$ \textup{(}for $d=D$, $R=D$ and the claim is $q\le1$\textup{)}, says that $R^2(1-R)/(D^2-R^2)$ does not decrease in $R$; $\sigma^2=4(R^2-(R^2)^{3/2})$ is concave in $R^2$, and so is its root. Scaling and shifting $s$ gives the others. For
$\sin$, $|s''|^2=1-d^2$, and $q(1-d^2)\le1-R^2$ with the same $q$."""
    obligations = (
        Inequality("tanh: the curvature under sigma", _ORDERED, d**2 * (1 - d) * (D**2 - R**2) <= R**2 * (1 - R) * (D**2 - d**2)),
        Inequality("sin: the curvature under sigma", _ORDERED, (1 - d**2) * (D**2 - R**2) <= (1 - R**2) * (D**2 - d**2)),
        Inequality("the slope seen by p", (q >= 0, q <= 1, d >= 0, d <= D, p >= 0, p <= D**2), (1 - q) * p + q * d**2 <= D**2 - (D**2 - d**2) * q),
    )

    def conclude(self, given: Given, **_: Any) -> Bound:
        raise DerivationError("one number for a line is a lemma for others")

    def obligations_of(self, **detail: Any) -> tuple[Obligation, ...]:
        return self.obligations


class SharedBudgetOfValues(Rule):
    name = "values with a neuron that is not saturated"
    title = "Sizes where one neuron of each line is not saturated"
    statement = r"""Let $h_u=x+\sum_{k\le u}d_ks_k(z_k)\in\mathbb{R}^l$ where $|s_k|\le S_0^{(k)}<\infty$ and each $s_k(z_k)$ has an entry of modulus at most $\tau_k\le S_0^{(k)}$. With $D_u=\sum_{k\le u}|d_k|S_0^{(k)}$, $T_u=\sum_{k\le u}|d_k|\tau_k$ and $|x_j|=\min_i|x_i|$, $|h_u|^2\le\sum_{i\ne j}(|x_i|+D_u)^2+(|x_j|+T_u)^2$; if only $|x|$ is known, $|h_u|\le|x|+\sqrt{(l-1)D_u^2+T_u^2}$. A dense line starts this again with $x=0$, $d=1$."""
    proof = r"""Let $c_i=|x_i|+D_u$ and $E_i=\sum_k|d_k|(S_0^{(k)}-|s_k(z_{k,i})|)\ge0$: $|h_{u,i}|\le c_i-E_i$, and $\sum_iE_i\ge E=D_u-T_u$, with $E\le D_u\le c_i$. The sum $\sum(c_i-E_i)^2$ falls in every $E_i\le c_i$, so it is largest where $\sum E_i=E$; as a convex function it is largest at a vertex of that simplex, all of $E$ in one entry, the one with the smallest $c_i$. The second bound is the triangle inequality and the first for $x=0$."""
    obligations = (
        Inequality(
            "two neurons",
            (c1 >= c2, c2 >= E, E >= 0, e1 >= 0, e2 >= 0, e1 <= c1, e2 <= c2, e1 + e2 >= E),
            (c1 - e1) ** 2 + (c2 - e2) ** 2 <= c1**2 + (c2 - E) ** 2,
        ),
    )

    def conclude(self, given: Given, **_: Any) -> Bound:
        raise DerivationError("sizes with a neuron that is not saturated are a lemma for others")


class InputsOfSharedWeights(Rule):
    name = "inputs of shared weights"
    title = "The inputs of shared weights, neuron by neuron"
    statement = r"""In the situation of @[values with a neuron that is not saturated] let the lines of a set $g$ have $dA_u=dA$ and $|g_u|\le\rho_u$. Then $|\sum_{u\in g}\langle g_u,dA\,h_{u-1}\rangle|\le|dA|\,Q$ with
\[Q^2=\sum_{i\ne j}\Bigl(\sum_{u\in g}\rho_u(|x_i|+D_{u-1})\Bigr)^2+\Bigl(\sum_{u\in g}\rho_u(|x_j|+T_{u-1})\Bigr)^2;\]
if only $|x|$ is known, $Q=\sum\rho_u|x|+\sqrt{(l-1)(\sum\rho_uD_{u-1})^2+(\sum\rho_uT_{u-1})^2}$. Lines after a dense line have $0$ for $x$ there."""
    proof = r"""The sum is $\langle dA,\sum_ug_uh_{u-1}^{\top}\rangle$, at most $|dA|$ times the root of $\sum_i|\sum_ug_uh_{u-1,i}|^2\le\sum_i(\sum_u\rho_u|h_{u-1,i}|)^2$. With $c_i=\sum_u\rho_u(|x_i|+D_{u-1})$ and the $E_{u,i}$ of the proof of @[values with a neuron that is not saturated] for the depth $u$, $\sum_u\rho_u|h_{u-1,i}|\le c_i-E_i$, $E_i=\sum_u\rho_uE_{u-1,i}$, and $\sum_iE_i\ge E=\sum_u\rho_u(D_{u-1}-T_{u-1})$, $E\le c_i$. The smallest $c_i$ is $c_j$, and the rest is as there."""
    obligations = SharedBudgetOfValues.obligations

    def conclude(self, given: Given, **_: Any) -> Bound:
        raise DerivationError("the inputs of shared weights are a lemma for others")


TANGENTS = (
    Inequality("1 - t^2 is concave", (x >= 0, x <= 1, m >= 0, m <= 1), 1 - x**2 <= 1 - m**2 - 2 * m * (x - m)),
    Inequality("t - t^3 is concave", (x >= 0, x <= 1, m >= 0, m <= 1), x - x**3 <= m - m**3 + (1 - 3 * m**2) * (x - m)),
)
"""A concave function lies under each of its tangents."""


class CornersOfLines(Rule):
    name = "corners of a line"
    title = "The joint bound on a box, by corners"
    statement = r"""Let $\boldsymbol{\ell}$ and $G$ obey the recursions of the block bounds \textup{(}dense lines, residual lines, ends of skips\textup{)} with a number $R_u\ge0$ for $S_1$ and $\sigma_u\ge0$ for $S_2$ in line $u$, and with the sizes $H$ of @[values with a neuron that is not saturated] for numbers $\tau_u\ge0$. For $g_1,g_2\ge0$, shared parameters or not, $|\boldsymbol{\ell}|$ and $\lambda_{\max}(g_2\boldsymbol{\ell}\boldsymbol{\ell}^{\top}+g_1G)$ do not decrease in any of these numbers and are convex in the three of each line. If $R_u,\sigma_u,\tau_u$ are those of $t_u\in[t_u^-,t_u^+]\subset[0,1]$ in @[one number for a line], they are at most the largest of their values at the $2^m$ choices of one corner for each line, $\bigl(R(c)+R'(c)(t_u^{\pm}-c),\ \sigma(c)+\sigma'(c)(t_u^{\pm}-c),\ \tau(t_u^{\pm})\bigr)$, $0\le c<1$."""
    proof = r"""Let $p\ge0$ be the block norms, equal for shared parameters, and $y_u=\langle\boldsymbol{\ell}_u,p\rangle$, $z_u=a_uy_{u-1}+\alpha_uH_{u-1}+\beta_u$. The recursions add up to $\langle\boldsymbol{\ell},p\rangle=\sum_uc_uR_u(\alpha_uH_{u-1}+\beta_u)$ and $p^{\top}Gp=\sum_uc_u(\sigma_uz_u^2+2R_u\alpha_uy_{u-1})$, where $c_u\ge0$ is made of the $R$ of later lines, affine in each, and $y_{u-1},H_{u-1}$ of the numbers of earlier lines. Let the three of line $v$ vary. For $u<v$, $c_u$ is affine in $R_v$ and the rest constant. For $u=v$ the term is affine in $R_v,\sigma_v$. For $u>v$, $y_{u-1}$ and $z_u$ are affine in $R_v$, with nonnegative coefficients, plus multiples of sizes, which are norms of nonnegative affine functions of $\tau_v$, so convex and nondecreasing; and the square of a nonnegative convex function is convex. So are
$\langle\boldsymbol{\ell},p\rangle$, its square and $p^{\top}Gp$, and their suprema over unit vectors $p\ge0$, which are the numbers of the lemma, as the entries are nonnegative. \textup{(}With $Q$ of @[inputs of shared weights] for weights in $|\boldsymbol{\ell}|$: it is the norm of such functions. Where a size known otherwise, a constant, is smaller on the whole box, it is taken.\textup{)} $R$ and $\sigma$ are concave in $t$, thus under their tangents, and $\tau$ is affine: the three at $t$ are at most a mean of the two corners, and a convex function is at most its larger value there, line by line."""
    obligations = (
        *TANGENTS,
        Inequality("sin: the slope is concave", (x >= 0, x <= 1, m >= 0, m < 1), (1 - x**2) * (1 - m**2) <= (1 - m * x) ** 2),
    )

    def conclude(self, given: Given, **_: Any) -> Bound:
        raise DerivationError("corners of a line are a lemma for others")


class EliminationOfBlocks(Rule):
    name = "elimination of the block norms"
    title = "The joint bound by elimination"
    statement = r"""In the situation of @[corners of a line] without skips around several lines, let $w_u,w_u'>0$ be shares for $A_u,b_u$: $\sum w_u\le1$, $\sum w_u'\le1$ over the lines of each group that shares its parameters. Divide $[0,1]$ into cells for every line and let $\Gamma_u(k,T)$ be the infimum of $\bigl(\sum_{i\le u}(w_i\alpha_i^2+w_i'\beta_i^2)-k\,p^{\top}G_up\bigr)/\langle\boldsymbol{\ell}_u,p\rangle^2$ over all blocks $p=(\alpha_1,\beta_1,\dots)\ge0$, with parameters of their own, and all corners of lines up to $u$ whose $|d_i|\tau_i$ add up to $T$ since the last dense line. With $y=\langle\boldsymbol{\ell}_{u-1},p\rangle$, $s=\alpha_uH_{u-1}+\beta_u$, $\langle\boldsymbol{\ell}_u,p\rangle=cy+\rho s$ and $p^{\top}G_up=c\,p^{\top}G_{u-1}p+b_1y^2+2b_2ys+b_3s^2+2\alpha_u(ny+fs)+e\alpha_u^2+e'\beta_u^2$, where $\rho=n=|d_u|R$, $c=[1+]\,\rho a_u$ \textup{(}the $1$ on residual lines\textup{)}, $b_3=|d_u|\sigma$, $b_2=a_ub_3$, $b_1=a_ub_2$ and $f=e=e'=0$. Then $\Gamma_u$ is concave and does not increase in $k$, $\Gamma_0=\infty$, and with $\omega=w_u-ke$, $\omega'=w_u'-ke'$, $\nu=H_{u-1}^2/\omega+1/\omega'$,
\begin{gather*}\frac1{\Gamma_u(k,T)}=\max\frac{c^2C+2c\rho B+\rho^2A}{AC-B^2},\qquad A=\Gamma_{u-1}(ck,T')-kb_1-\frac{k^2n^2}{\omega\omega'\nu},\\B=kb_2+\frac{knH_{u-1}}{\omega\nu}+\frac{k^2nf}{\omega\omega'\nu},\qquad C=\frac1\nu-kb_3-\frac{2kfH_{u-1}}{\omega\nu}-\frac{k^2f^2}{\omega\omega'\nu},\end{gather*}
over the corners $(R,\sigma,\tau)$ of line $u$ and $T'+|d_u|\tau=T$ \textup{(}over all $T'$ with $\tau=T$ on a dense line\textup{)}, while $\omega,\omega',A,C,AC-B^2>0$ at all of them; else $\Gamma_u\le0$. If $\lambda\Gamma_m(g_1/\lambda,T)>g_2$ for all $T$, then $\max_R\lambda_{\max}(g_2\boldsymbol{\ell}\boldsymbol{\ell}^{\top}+g_1G)\le\lambda$."""
    proof = r"""If the lines of a group have the same $\alpha$ and $\beta$, $\sum(w_u\alpha^2+w_u'\beta^2)\le\alpha^2+\beta^2$, so that $g_2y_m^2+g_1p^{\top}G_mp\le\lambda\sum(w_u\alpha_u^2+w_u'\beta_u^2)$ for all $p\ge0$ is enough; by @[corners of a line], at corners. That is $\lambda\Gamma_m(g_1/\lambda,T)\ge g_2$. With $m=ny+fs$ and $\alpha_u=sH/(\omega\nu)+x$, $\beta_u=s/(\omega'\nu)-xH$, \[\omega\alpha_u^2+\omega'\beta_u^2-2km\alpha_u=\frac{s^2}\nu-\frac{2kmHs}{\omega\nu}-\frac{k^2m^2}{\omega\omega'\nu}+\omega\omega'\nu\Bigl(x-\frac{km}{\omega\omega'\nu}\Bigr)^2,\]
and the best $x$ makes the last square $0$. \textup{(}$\beta_u$ may have either sign in this, which does not change the infimum: at given corners the form $\sum-k\,p^{\top}Gp$ has no positive entries off its diagonal, so that, if it is positive, its inverse has nonnegative entries and the best $p$ is nonnegative, and if it is not, a vector with nonnegative entries shows that.\textup{)} Since $p^{\top}G_{u-1}p$ enters through $\Gamma_{u-1}(ck,T')y^2$ at best, what is left is $Ay^2-2Bys+Cs^2$, and by
\[(Ay^2-2Bys+Cs^2)(c^2C+2c\rho B+\rho^2A)=(AC-B^2)(cy+\rho s)^2+\bigl(\rho(Ay-Bs)+c(By-Cs)\bigr)^2\]
its infimum for $cy+\rho s=1$ is $(AC-B^2)/(c^2C+2c\rho B+\rho^2A)$ if the form is positive; if it is not, it is at most $0$ at some $y,s\ge0$, as $B\ge0$. For $\Gamma_0=\infty$ the limit is $C/\rho^2$. An infimum of affine functions that fall in $k$, as $p^{\top}Gp\ge0$ for $p\ge0$, is concave and does not increase, so that it lies above its chords: for every $T$, $\Gamma_u$ is known from below by its values at some $k$, between them by the chords and below them by the first. Where two cells meet, the larger numbers of both corners are taken; the cells are such that the sums $T$ lie on a grid, and a sum that does not is increased. For shared parameters the shares are those with which, at the best $t$ that a search finds, the largest eigenvalue stays what it is with the parameters shared, or, where the bound is larger than that, shares moved to make it smaller; any would do."""
    obligations = (
        *CornersOfLines.obligations,
        Identity(
            "best block of a line",
            (U * (s * H / (U * _NU) + x) ** 2 + V * (s / (V * _NU) - x * H) ** 2 - 2 * k * m * (s * H / (U * _NU) + x)),
            s**2 / _NU - 2 * k * m * H * s / (U * _NU) - (k * m) ** 2 / (U * V * _NU) + U * V * _NU * (x - k * m / (U * V * _NU)) ** 2,
        ),
        Identity(
            "least of a quadratic form on a line",
            (A * y**2 - 2 * B * y * s + C * s**2) * (c**2 * C + 2 * c * rho * B + rho**2 * A),
            (A * C - B**2) * (c * y + rho * s) ** 2 + (rho * (A * y - B * s) + c * (B * y - C * s)) ** 2,
        ),
    )

    def conclude(self, given: Given, **_: Any) -> Bound:
        raise DerivationError("the elimination of the block norms is a lemma for others")


SEARCH = r""" \emph{The search.} For $t_u\in[t_u^-,t_u^+]$ the slope is at most its value at $t_u^-$, $\tau$ at most its value at $t_u^+$, and $\sigma$ at most its value at the point of the cell nearest to its peak, as it rises up to that and falls after it; the bound does not decrease in these, nor in the sizes. """


def arguments_of(given: Given, network: Network, high: sympy.Expr, *more: sympy.Expr) -> tuple[sympy.Expr, ...]:
    """What the search needs: numbers (`high`, the input, `more`), then norms, steps, sizes, the layout and the trade-offs."""
    units = network.units
    kinds = list(network.activations)
    layout = sympy.Tuple(*(sympy.Tuple(*_row(network, unit, kinds)) for unit in units))
    weights = sympy.Tuple(*(given.bound("weight", group) for group in network.groups))
    steps = sympy.Tuple(*(unit.factor for unit in units))
    sizes = sympy.Tuple(*(given.bound("value", number) for number in range(len(units))))
    return (
        high,
        given.bound("input"),
        given.bound("input_least"),
        given.bound("input_rest"),
        *more,
        weights,
        steps,
        sizes,
        layout,
        sympy.Tuple(*(numbers_of(activation) for activation in kinds)),
    )


def _row(network: Network, unit: Unit, kinds: list[Activation]) -> tuple[Any, ...]:
    """Dense (0), residual (1) or the end of a skip (2); the width, the group, the activation, and where a skip begins."""
    if unit.activation is None or unit.group is None:
        return 2, unit.width, 0, 0, unit.start or 0
    return int(unit.step is not None), unit.width, network.groups.index(unit.group), kinds.index(unit.activation), 0


def numbers_of(activation: Activation) -> sympy.Tuple:
    """The trade-off of an activation, as the search takes it."""
    found = tradeoff(activation)
    parts, turns = (found.slope, found.value, found.curvature), (sympy.diff(found.slope, t), sympy.diff(found.curvature, t))
    return sympy.Tuple(found.top.evalf(17), found.peak.evalf(17), *(sympy.Lambda(z, part.xreplace({t: z})) for part in (*parts, *turns)))


class JointLinesFirst(Rule):
    name = "joint bound of lines, first derivative"
    title = "The joint bound of residual and tied layers, first derivative"
    statement = r"""Let the lines of the network be $h_u=s(z_u)$, $h_u=h_{u-1}+d_us(z_u)$ or, where a skip around several dense lines ends, $h_u=h_k+d_uh_{u-1}$, and $|A_u|_2\le a_u$, with activations as in @[one number for a line] and parameters shared in any way. Then $|DN|\le\max_{R_1,\dots,R_m}|\boldsymbol{\ell}(R)|$, the joint bound, where $\boldsymbol{\ell}(R)$ is the block vector of @[block slope], @[block slope, residual layer] and @[end of a skip] with $R_u$ for $S_1$ in line $u$ and the sizes of @[values with a neuron that is not saturated], $\tau_u=\tau(R_u)$, where these are smaller \textup{(}the end of a skip counts as a residual line after $h_k$ with the activation of line $u-1$\textup{)}; the weights of a group of lines that share them count with the number of @[inputs of shared weights] where that is smaller. It is at most the block bound. Its numbers are computed from above by a certified search; with shared parameters or skips around several lines, where the depth makes the search too dear, they may be those of the block bound."""
    proof = (
        r"""For a unit vector $y$ let $r_m=y$ and go back: $\langle r_u,h_u'\rangle$ is $\langle r_u,d_uS'(dA\,h_{u-1}+db+A_uh_{u-1}')\rangle$, plus $\langle r_u,h_{u-1}'\rangle$ on a residual line, so that $r_{u-1}=[r_u+]\,d_uA_u^{\top}S'r_u$; the end of a skip has $r_{u-1}=d_ur_u$, and adds $r_u$ to what comes to $h_k$ through the skip's lines. With the $R_u$ of @[one number for a line] at $r_u/|r_u|$ \textup{(}any unit vector if $r_u=0$\textup{)}, $|S'r_u|\le R_u|r_u|$: the contribution of $dA,db$ is at most $|d_u|R_u|r_u|(\alpha|h_{u-1}|+\beta)$ and $|r_{u-1}|$ is at most $[1+]\,|d_u|R_ua_u$ times $|r_u|$. These are the coefficients of $\boldsymbol{\ell}(R)$, added up for shared parameters; or, before the triangle inequality, @[inputs of shared weights] bounds what a group's $dA$ contributes.
Every line has a neuron with $|s|\le\tau(R_u)$. """
        + SEARCH
        + r"""Without shared parameters and such skips $|\boldsymbol{\ell}|^2$ obeys a recursion in one number, $|\boldsymbol{\ell}_u|^2=(1+|d_u|a_uR_u)^2|\boldsymbol{\ell}_{u-1}|^2+d_u^2R_u^2(1+|h_{u-1}|^2)$ \textup{(}without the first $1$ on a dense line\textup{)}, of which only the largest value for each $T_u$ matters: by @[corners of a line] at corners, on a grid on which the sums $T_u$ fall, it is known line by line. Otherwise boxes of $t$ are halved, those with the largest bounds first; with up to eight lines these are the bounds of @[corners of a line]."""
    )
    obligations = (
        *BlockFirstNorm.obligations,
        *ResidualBlockSlope.obligations,
        *OneNumber.obligations,
        *InputsOfSharedWeights.obligations,
        *CornersOfLines.obligations,
    )

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Bound:
        high, depth = given.bound("first", network.depth), network.depth
        one, zero = sympy.Integer(1), sympy.Integer(0)
        branching = network.tied or network.long_skips
        value = JointBranch(*arguments_of(given, network, high, one, one, zero)) if branching else JointPath(*arguments_of(given, network, high))
        return Bound(Quantity("first", depth), nonnegative("L"), value)

    def obligations_of(self, *, network: Network, **_: Any) -> tuple[Obligation, ...]:
        return (*self.obligations, *equations_decided(network.activations))


def equations_decided(activations: Iterable[Activation]) -> tuple[Obligation, ...]:
    """That each activation has the equation from which its slope, value and curvature are known."""
    equation = r"s'=\gamma(\overline s-s)(s-\underline s)\ \textup{or}\ s=\sin"
    return tuple(Decided(f"{activation.name}: its equation", partial(holds, activation), equation) for activation in activations)


class JointLinesSecond(Rule):
    name = "joint bound of lines, second derivative"
    title = "The joint bound of residual and tied layers, second derivative"
    statement = r"""In the situation of @[joint bound of lines, first derivative], $|D^2N|\le\max_R\lambda_{\max}(G(R))$, where $G(R)$ is the block matrix of @[block second derivative], @[block second derivative, residual layer] and @[end of a skip] with $R_u$ for $S_1$, $\sigma(R_u)$ for $S_2$ in line $u$, and the same sizes. With a cost on top, $|Dg|\le g_1$, $|D^2g|\le g_2$, $|D^2\varphi|\le\max_R\lambda_{\max}(g_2\boldsymbol{\ell}(R)\boldsymbol{\ell}(R)^{\top}+g_1G(R))$. These are at most the block bounds. Their numbers are computed from above; where the depth makes that too dear they may be those of the block bounds."""
    proof = r"""With the $r_u$ of @[joint bound of lines, first derivative] and $z_u'$ along a line, $\langle y,N''\rangle=\sum_ud_u\bigl(\sum_ir_{u,i}s''(z_{u,i})z_{u,i}'^2+2(S'r_u)^{\top}dA_u\,h_{u-1}'\bigr)$, the sum over the lines. @[one number for a line] at $(z_u,z_u',r_u/|r_u|)$ gives one $R_u$ with $|S'r_u|\le R_u|r_u|$, $|S'z_u'|\le R_u|z_u'|$ and $|\sum_ir_{u,i}s''z_{u,i}'^2|\le\sigma(R_u)|r_u||z_u'|^2$. So $|h_u'|$, $|z_u'|$ and $|r_u|$ obey the recursions of $\boldsymbol{\ell}(R)$, and the sum is at most $p^{\top}G(R)\,p$. For the cost, $\varphi''=D^2g[N',N']+Dg[N'']$ with $y$ along $Dg$ \textup{(}any unit vector if that is $0$\textup{)}. The numbers come from @[elimination of the block norms], with skips around several lines from branch and bound over boxes of $t$ \textup{(}@[corners of a line]; beyond eight lines with the largest $R$, $\sigma$ and $\tau$ of each box\textup{)}, and for up to six lines that share parameters from the smaller of both."""
    obligations = (
        *BlockSecond.obligations,
        *ResidualBlockSecond.obligations,
        *BlockSecondNorm.obligations,
        *OneNumber.obligations,
        *SharedBudgetOfValues.obligations,
        *EliminationOfBlocks.obligations,
    )

    def conclude(self, given: Given, *, network: Network, cost: bool = False, **_: Any) -> Bound:
        zero, one, two = map(sympy.Integer, (0, 1, 2))
        search = JointBranch if network.long_skips else JointStates
        if cost:
            value = search(*arguments_of(given, network, given.bound("cost_second"), two, given.bound("cost_slope"), given.bound("cost_curvature")))
            return Bound(Quantity("cost_second"), nonnegative("Jcost"), value)
        value = search(*arguments_of(given, network, given.bound("second", network.depth), two, one, zero))
        return Bound(Quantity("second", network.depth), nonnegative("Jsecond"), value)

    def obligations_of(self, *, network: Network, **_: Any) -> tuple[Obligation, ...]:
        return (*self.obligations, *equations_decided(network.activations))


class JointLinesReached(Rule):
    name = "joint bound of residual layers is reached"
    title = "The joint bound of residual layers is reached"
    statement = r"""Let $\Omega=\{|A_u|_2\le a_u\}$ with free biases, all lines residual, each with its own parameters, the activations odd with $S_0<\infty$, all $a_u>0$, $d_u\ne0$, and let the entries of $x$ be known. Then $\max_R|\boldsymbol{\ell}(R)|$ is the Lipschitz constant of the network: it is reached, or approached, at $A_u=\pm a_u\,e_je_j^{\top}$, $|x_j|=\min_i|x_i|$, with biases that hold neuron $j$ of line $u$ at slope $R_u$ and value $\tau(R_u)$ pushing away from $0$, and all others saturated, pushing away from $0$."""
    proof = r"""There $|h_{u-1}|$ is the size of @[values with a neuron that is not saturated], by the signs, with equality \textup{(}in the limit\textup{)}. \textup{(}A neuron at value $\tau(R_u)$ has a slope of at least $R_u$; take it for $R_u$.\textup{)} The best direction has $dA_u=\alpha_u\,e_jh_{u-1}^{\top}/|h_{u-1}|$ \textup{(}$\alpha_u=0$ if $h_{u-1}=0$\textup{)}, $db_u=\beta_ue_j$, and all its contributions to $h_{u,j}'$ have one sign for the signs of $A_u$ with $\pm d_us'(z_{u,j})>0$: $|h_{u,j}'|=(1+|d_u|a_uR_u)|h_{u-1,j}'|+|d_u|R_u(\alpha_u|h_{u-1}|+\beta_u)$, which adds up to $\langle\boldsymbol{\ell}(R),p\rangle$, $p$ the block norms, and $\sup_{|p|=1}\langle\boldsymbol{\ell},p\rangle=|\boldsymbol{\ell}|$. The set is the closure of its interior."""
    obligations = ()

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Reached:
        if network.tied or any(unit.step is None or unit.activation is None or not tradeoff(unit.activation).odd for unit in network.units):
            raise DerivationError("the joint bound is reached for residual lines with odd activations and parameters of their own")
        return Reached(Quantity("first", network.depth), given.bound("first", network.depth), None, PushedWitness())


class JointTiedReached(HeldLinesFirst):
    name = "joint bound of tied layers is reached"
    title = "The joint bound of tied layers is reached"
    statement = r"""Let $\Omega=\{|A_u|_2\le a_u\}$ with free biases, all lines residual, parameters shared in any way among lines with the same step, activations with $s_u(0)=0$. The $D$ of @[a held neuron, first derivative] is at most the Lipschitz constant, and is the constant where the joint bound of @[joint bound of lines, first derivative], with $Q$ for the weights of each group and the entries of $x$ known, is largest at $R_u=S_1=|s_u'(0)|$ for all $u$, $\tau(S_1)=0$ \textup{(}as it is for $x_j=0$ and large $a_u$\textup{)}. The theorem gives both numbers: where they agree, they are the constant."""
    proof = r"""At $R_u=S_1$, $\tau(R_u)=0$ and $T_u=0$, so that the joint bound has the $\rho_u$ of @[a held neuron, first derivative] and $Q^2=|\sum_{u\in g}\rho_uh_{u-1}|^2$ for the network of that lemma: its square is $D^2$."""
