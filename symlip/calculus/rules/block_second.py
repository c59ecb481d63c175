"""The second derivatives of a layer's output, one bound for every pair of parameter blocks."""

from __future__ import annotations

from typing import Any

import sympy

from ...activations import Activation
from ..arrays import Border, BorderInside, Outer, Pad, ZeroMatrix
from ..claims import Bound, nonnegative
from ..obligations import Identity, Inequality
from ..quantities import Quantity
from ..rule import Given, Rule
from .separate import SECOND_ALONG_A_LINE
from .slope import curvature_of

q1, q2, q3, l1, G11, p1, p2, p3, r1, r2, r3, S1, S2, a = sympy.symbols("q1 q2 q3 l1 G11 p1 p2 p3 r1 r2 r3 S1 S2 a", real=True)
c1, c2, x1, x2, y1, y2, S = sympy.symbols("c1 c2 x1 x2 y1 y2 S", real=True)

_q, _p, _r = sympy.Matrix([q1, q2, q3]), sympy.Matrix([p1, p2, p3]), sympy.Matrix([r1, r2, r3])
_G = S2 * _q * _q.T + S1 * (a * sympy.Matrix([[G11, 0, 0], [0, 0, 0], [0, 0, 0]]) + sympy.Matrix([[0, l1, 0], [l1, 0, 0], [0, 0, 0]]))


class BlockSecond(Rule):
    name = "block second derivative"
    title = "Second derivative, block by block"
    statement = r"""Let $s$ be twice continuously differentiable, $h_u=s(z_u)$, $z_u=A_uh_{u-1}+b_u$, $|A_u|_2\le a_u$. Suppose that for all directions $\eta,\zeta$ with block norms $p,\pi$
\[|Dz_u[\eta]|\le\langle\boldsymbol{q}_u,p\rangle,\qquad|Dh_{u-1}[\eta]|\le\langle\boldsymbol{\ell}_{u-1},p\rangle,\qquad|D^2h_{u-1}[\eta,\zeta]|\le p^{\top}G_{u-1}\pi.\]
Then $|D^2h_u[\eta,\zeta]|\le p^{\top}G_u\,\pi$ with
\[G_u=S_2\,\boldsymbol{q}_u\boldsymbol{q}_u^{\top}+S_1\bigl(a_u[G_{u-1}]+e[\boldsymbol{\ell}_{u-1}]^{\top}+[\boldsymbol{\ell}_{u-1}]e^{\top}\bigr),\]
where $[\cdot]$ pads with zeros for the blocks that are new and $e$ is the unit vector of the block of $A_u$ \textup{(}for $u=1$ and a fixed input only the first term is present\textup{)}. In particular the entry of $G_u$ at a pair of blocks bounds the mixed second derivative in them."""
    proof = r"""We have $D^2z_u[\eta,\zeta]=dA_u^{\eta}\,Dh_{u-1}[\zeta]+dA_u^{\zeta}\,Dh_{u-1}[\eta]+A_u\,D^2h_{u-1}[\eta,\zeta]$, hence
\[|D^2z_u[\eta,\zeta]|\le p_{\alpha_u}\langle\boldsymbol{\ell}_{u-1},\pi\rangle+\pi_{\alpha_u}\langle\boldsymbol{\ell}_{u-1},p\rangle+a_u\,p^{\top}[G_{u-1}]\pi.\]
Further
$D^2h_u[\eta,\zeta]=s''(z_u)\,Dz_u[\eta]\,Dz_u[\zeta]+s'(z_u)\,D^2z_u[\eta,\zeta]$ componentwise, and the norm of a componentwise product is at most the product of
the norms. Only $dA_u$, not $db_u$, multiplies $Dh_{u-1}$."""
    obligations = (
        *SECOND_ALONG_A_LINE,
        Inequality(
            "componentwise product: two components",
            (c1**2 <= S**2, c2**2 <= S**2),
            (c1 * x1 * y1) ** 2 + (c2 * x2 * y2) ** 2 <= S**2 * (x1**2 + x2**2) * (y1**2 + y2**2),
        ),
        Identity(
            "the bilinear form of the matrix, with one earlier block",
            (_p.T * _G * _r)[0],
            S2 * (_q.T * _p)[0] * (_q.T * _r)[0] + S1 * (a * p1 * G11 * r1 + p2 * l1 * r1 + r2 * l1 * p1),
        ),
    )

    def conclude(self, given: Given, *, layer: int, activation: Activation, **_: Any) -> Bound:
        return Bound(Quantity("second_blocks", layer), nonnegative(f"G_{layer}"), branch_second(given, layer, activation, **_))


def branch_second(given: Given, layer: int, activation: Activation, group: int | None = None, position: int | None = None, **_: Any) -> sympy.Expr:
    """The matrix of s(A h + b); group, position as in the rule for pre-activations."""
    slope, curvature = given.constant(activation, 1), curvature_of(given, layer, activation)
    vector = given.bound("pre_blocks", layer)
    total = curvature * Outer(vector)
    if given.has("second_blocks", layer - 1):
        a, earlier, below = given.bound("weight", group or layer), given.bound("second_blocks", layer - 1), given.bound("blocks", layer - 1)
        if position is None:
            total += slope * (a * Pad(earlier) + Border(below))
        else:
            total += slope * (a * earlier + BorderInside(below, sympy.Integer(position)))
    elif curvature == 0:
        total = ZeroMatrix(vector)
    return total
