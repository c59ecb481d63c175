"""The budget bound of residual and tied layers on the parameter ball: every product of norms at its largest."""

from __future__ import annotations

from typing import Any

import sympy

from ...errors import DerivationError
from ...networks import Network
from ..arrays import SharedBlocks, SharedMatrix, SharedValues
from ..claims import Bound, indexed, nonnegative
from ..obligations import Identity, Inequality, Obligation
from ..quantities import Quantity
from ..rule import Given, Rule
from .any_depth import u
from .block_second import BlockSecond
from .pre_activation import PreActivation
from .residual import SUM_ALONG_A_LINE
from .slope import curvature_of, slope_of
from .value import Value

x, y, p, q, w, R = sympy.symbols("x y p q w R", real=True)
t, c, kappa, n, power = sympy.symbols("t c kappa n k", positive=True)
e = sympy.Symbol("e", nonnegative=True)

PLACE = power * n / (kappa * (e / c + sympy.sqrt((e / c) ** 2 + 2 * power * n / kappa)))

PRODUCTS_WITHIN_THE_BALL: tuple[Obligation, ...] = (
    Inequality("a product of two factors", (x >= 0, y >= 0, x <= p, y <= q), x * y <= p * q),
    Inequality("weights and bias together", (), (x * w + y) ** 2 <= (x**2 + y**2) * (w**2 + 1)),
    Identity(
        "where a factor's supremum is",
        (e + c * PLACE) * sympy.diff(power * sympy.log(e + c * t) - kappa * t**2 / n, t).subs(t, PLACE),
        0,
    ),
)


class Lines:
    """The numbers of a network's lines, as the operations take them."""

    def __init__(self, given: Given, network: Network) -> None:
        self.given, units = given, [unit for unit in network.units if unit.activation is not None]
        self.activations = [unit.activation for unit in units if unit.activation is not None]
        ends = [(unit, number) for number, unit in enumerate(network.units) if unit.activation is None]
        before = [sum(other.activation is None for other in network.units[:number]) for _, number in ends]
        spans = ((unit.start - passed, number - passed - 1) for (unit, number), passed in zip(ends, before) if unit.start is not None)
        self.skips = sympy.Tuple(*(sympy.Integer(line) for span in spans for line in span))
        self.scales = sympy.Tuple(*(unit.factor for unit, _ in ends))
        self.steps = [unit.factor for unit in units]
        self.sizes = [step * sympy.sqrt(unit.width) for step, unit in zip(self.steps, units)]
        self.keeps = sympy.Tuple(*(sympy.Integer(unit.step is not None) for unit in units))
        self.groups = sympy.Tuple(*(sympy.Integer(network.groups.index(unit.group)) for unit in units if unit.group is not None))

    def slopes(self) -> sympy.Tuple:
        """c_u = |d_u| S_1."""
        return sympy.Tuple(*(step * slope_of(self.given, number, s) for number, (step, s) in enumerate(zip(self.steps, self.activations), 1)))

    def bends(self) -> sympy.Tuple:
        """|d_u| S_2."""
        return sympy.Tuple(*(step * curvature_of(self.given, number, s) for number, (step, s) in enumerate(zip(self.steps, self.activations), 1)))


class ProductsOnTheBall(Rule):
    name = "products of norms on the parameter ball"
    title = "Products of norms on the parameter ball"
    statement = r"""Let $n_u$ be the number of lines that have the parameters $A_u,b_u$ of line $u$, let $\varphi_1,\dots,\varphi_m\ge0$ be functions on $[0,R]$, and
\[\mathcal M_R\bigl(\textstyle\prod_u\varphi_u\bigr)=\inf_{\kappa\ge0}\,e^{\kappa R^2}\prod_u\sup_{0\le t\le R}\varphi_u(t)\,e^{-\kappa t^2/n_u}.\]
If $|\theta|\le R$, then $\prod_u\varphi_u(t_u)\le\mathcal M_R(\prod_u\varphi_u)$ for $t_u=|A_u|$, and likewise with $|b_u|$ in place of one further factor $t_u$. For lines with parameters of their own and $\varphi_u$ whose logarithms are concave functions of $t^2$, such as $(\varepsilon+ct)^kt^l$ with $\varepsilon,c,k,l\ge0$, it is the largest value of the product on $\sum_ut_u^2\le R^2$. For a function $1+c\,t_{i_1}\cdots t_{i_k}$ of the norms of $k$ lines that no others share, or each as many as $n$, $\varphi(t)=1+c\,k^{-k/2}t^k$ and $n$ take the place of a line's."""
    proof = r"""Each $|A_u|$ is at most $R$, and $\sum_u|A_u|^2/n_u$ over the lines is $\sum_g|A_g|^2\le|\theta|^2\le R^2$ over the groups of lines with the same parameters \textup{(}with a bias as one more line of such a group, its square in the same sum\textup{)}. So for every $\kappa\ge0$ the product is at most $\prod_u\varphi_u(|A_u|)\,e^{\kappa(R^2-\sum_u|A_u|^2/n_u)}$, and each factor is at most its supremum.
If the logarithms are concave functions of $\sigma_u=t_u^2$, the largest value of their sum under $\sum_u\sigma_u\le R^2$ is the least value of its dual, as $\sigma=0$ satisfies the constraint strictly; $\log(\varepsilon+c\sqrt\sigma)$ and $\log\sqrt\sigma$ are concave. The numbers below use one $\kappa$ for each product, found by bisection: any $\kappa$ gives an upper bound. As $k\log(\varepsilon+ct)-\kappa t^2/n$ is concave in $t$, its supremum over $[0,R]$ is where its derivative vanishes, $t=kn/\bigl(\kappa(b+\sqrt{b^2+2kn/\kappa})\bigr)$ with $b=\varepsilon/c$, or at $R$ if that is less. With $t^2=t_{i_1}^2+\dots+t_{i_k}^2\le R^2$, $t_{i_1}\cdots t_{i_k}\le(t^2/k)^{k/2}$ by the inequality of the means, and these lines have spent $t^2/n$; the logarithm of $1+ct^k$ is concave in $t^2$ for $k\le2$, and for $k>2$ convex at first, then concave: its supremum less $\kappa t^2/n$ is at $0$, at $R$, or where the derivative vanishes in the concave part."""
    obligations = PRODUCTS_WITHIN_THE_BALL

    def conclude(self, given: Given, **_: Any) -> Bound:
        raise DerivationError("products of norms are a lemma for others")


class SharedBudgetValues(Rule):
    name = "values on the parameter ball, lines"
    title = "Sizes of the outputs on the parameter ball, residual and tied layers"
    statement = r"""Let the lines of the network be $h_u=s_u(z_u)$ \textup{(}$\varepsilon_u=0$, $d_u=1$\textup{)} or $h_u=h_{u-1}+d_us_u(z_u)$ \textup{(}$\varepsilon_u=1$\textup{)}, $c_u=|d_u|S_1^{(u)}$, $f_u(t)=\varepsilon_u+c_ut$, and let $|\theta|\le R$, $|h_0|\le V_0=|x|$, $|h_{u-1}|\le V_{u-1}$. Then $|h_u|-\varepsilon_uV_{u-1}$ is at most each of
\[|d_u|\sqrt{l_u}\,S_0^{(u)},\qquad|d_u|\sqrt{l_u}\,|s_u(0)|+c_uR\sqrt{1+V_{u-1}^2},\]
and $|h_u|$ is at most, with $\mathcal M_R$ of @[products of norms on the parameter ball],
\[W_u=|x|\,\mathcal M_R\bigl(\textstyle\prod_{i\le u}f_i\bigr)+\sum_{j\le u}\Bigl(|d_j|\sqrt{l_j}\,|s_j(0)|\,\mathcal M_R\bigl(\prod_{j<i\le u}f_i\bigr)+c_j\,\mathcal M_R\bigl(|b_j|\prod_{j<i\le u}f_i\bigr)\Bigr).\]
$V_u$ is the minimum of those that are used. Where a skip around several layers ends, $h_u=h_k+d_uh_{u-1}$, $V_u=V_k+|d_u|V_{u-1}$, and no $W_u$ is used."""
    proof = r"""The first two are @[value], with $|z_u|\le|A_u||h_{u-1}|+|b_u|\le R\sqrt{1+V_{u-1}^2}$ by Cauchy and Schwarz. For the third unroll $|h_u|\le f_u(|A_u|)|h_{u-1}|+|d_u|\sqrt{l_u}|s_u(0)|+c_u|b_u|$, and bound each product."""
    obligations = (*Value.obligations, *PRODUCTS_WITHIN_THE_BALL, SUM_ALONG_A_LINE[2])

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Bound:
        lines = Lines(given, network)
        starts = sympy.Tuple(*(size * given.constant(activation, 0, True) for size, activation in zip(lines.sizes, lines.activations)))
        heights = [given.constant(activation, 0) for activation in lines.activations]
        tops = sympy.Tuple(*(sympy.Integer(-1) if height == sympy.oo else size * height for size, height in zip(lines.sizes, heights)))
        paths = sympy.Integer(sympy.oo in heights)
        values = SharedValues(
            given.bound("radius"), given.bound("input"), lines.keeps, lines.slopes(), starts, tops, lines.groups, paths, lines.skips, lines.scales
        )
        return Bound(Quantity("value", u), indexed("V"), values)


class SharedBudgetBlocks(Rule):
    name = "budget of lines, first derivative"
    title = "The first derivative on the parameter ball, residual and tied layers"
    statement = r"""In the situation of @[values on the parameter ball, lines], $|N'|\le\langle\boldsymbol\ell,p\rangle$, where for a group $g$ of lines with the same parameters $\boldsymbol\ell_{\beta_g}=\sum_{j\in g}c_j\,\mathcal M_R(\prod_{i>j}f_i)$ and $\boldsymbol\ell_{\alpha_g}=\sum_{j\in g}V_{j-1}\,c_j\,\mathcal M_R(\prod_{i>j}f_i)$. With skips around several layers $T_{jp}$ takes the place of $\prod_{j<i\le p}f_i$: the product of $c_it_i$ over the later lines inside the skip of line $j$ and of its $|d|$, if it ends by $p$; of $f_i$ over the lines after it and outside skips; of $1+|d|\prod_ic_it_i$ for each skip between as a whole; and of $c_it_i$ over the lines up to $p$ inside the skip of line $p$."""
    proof = r"""Take @[block pre-activation], @[block slope] and, on a residual line, $h_u'=h_{u-1}'+d_us'(z_u)z_u'$ at a fixed $\theta$ of the ball, with $a_u=|A_u|$: the coefficient of $|db_j|$ is multiplied by $f_i(|A_i|)$ in each later line $i$, that of $|dA_j|$ has the factor $|h_{j-1}|\le V_{j-1}$ besides, and those of lines with the same parameters are added. At the end of a skip from $h_k$ the coefficients of $h_k'$ stay, and those of $h_{u-1}'$ are multiplied by $|d_u|$: what came in before the skip has both ways. Then @[products of norms on the parameter ball]."""
    obligations = (*PreActivation.obligations, *SUM_ALONG_A_LINE, *PRODUCTS_WITHIN_THE_BALL)

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Bound:
        lines = Lines(given, network)
        vector = SharedBlocks(given.bound("value", u), given.bound("radius"), lines.keeps, lines.slopes(), lines.groups, lines.skips, lines.scales)
        return Bound(Quantity("blocks", network.depth), nonnegative("lvec"), vector)


class SharedBudgetSecond(Rule):
    name = "budget of lines, second derivative"
    title = "The second derivative on the parameter ball, residual and tied layers"
    statement = r"""In the situation of @[values on the parameter ball, lines], $|D^2N_\theta[\eta,\zeta]|\le p^{\top}G\,\pi$, where the entry of $G$ for two groups is the sum of $E_{jk}$ over lines $j$ of the one and $k$ of the other, $E$ is symmetric, and for $j\le k$ the entry of $E$ at a block of line $j$ and one of line $k$ is
\[vv'\sum_{u\ge k}|d_u|S_2^{(u)}\,\mathcal M_R\Bigl(\varrho_{ju}\varrho_{ku}\prod_{i>u}f_i\Bigr)+[j<k]\,v\,c_jc_k\,\mathcal M_R\Bigl(\prod_{j<i<k}f_i\prod_{i>k}f_i\Bigr),\]
$\varrho_{uu}=1$ and $\varrho_{ju}=c_j\,t_u\prod_{j<i<u}f_i$ for $j<u$, $t_u=|A_u|$, the second term for the weights of line $k$ only \textup{(}with skips around several layers $T_{um}$, $T_{j,u-1}$, $T_{j,k-1}$, $T_{km}$ for the products of $f_i$; a product in which $1+|d|\prod_ic_it_i$ meets norms of those lines is written out as its two terms\textup{)}; $v=V_{j-1}$ for the weights of line $j$ and $1$ for its bias, $v'$ likewise for $k$."""
    proof = r"""With $q_u$ and $\ell_u$ the coefficients of $|z_u'|$ and $|h_u'|$, line by line, $D^2h_u=\varepsilon_uD^2h_{u-1}+d_uD^2s_u(z_u)$ and @[block second derivative] give
\[E=\sum_u\bigl({\textstyle\prod_{i>u}}f_i\bigr)|d_u|\bigl(S_2^{(u)}\boldsymbol q_u\boldsymbol q_u^{\top}+S_1^{(u)}(e_{\alpha_u}\boldsymbol\ell_{u-1}^{\top}+\boldsymbol\ell_{u-1}e_{\alpha_u}^{\top})\bigr)\]
for directions that move the lines one by one; those that move the lines of a group together have the sums of entries. The entry of $\boldsymbol q_u$ at line $j$ is $v\,\varrho_{ju}$, that of $\boldsymbol\ell_{k-1}$ is $v\,c_j\prod_{j<i<k}f_i$. Each product is at most its $\mathcal M_R$ by @[products of norms on the parameter ball], and the largest eigenvalue is monotone in nonnegative entries."""
    obligations = (*BlockSecond.obligations, *SUM_ALONG_A_LINE, *PRODUCTS_WITHIN_THE_BALL)

    def conclude(self, given: Given, *, network: Network, **_: Any) -> Bound:
        lines = Lines(given, network)
        matrix = SharedMatrix(
            given.bound("value", u), given.bound("radius"), lines.keeps, lines.slopes(), lines.bends(), lines.groups, lines.skips, lines.scales
        )
        return Bound(Quantity("second_blocks", network.depth), nonnegative("G"), matrix)
