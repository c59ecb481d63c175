"""From block bounds to numbers: Euclidean norm and largest eigenvalue."""

from __future__ import annotations

from typing import Any

import sympy

from ..arrays import EuclideanNorm, LargestEigenvalue
from ..claims import Bound, nonnegative
from ..obligations import Inequality
from ..quantities import Index, Quantity
from ..rule import Given, Rule

l1, l2, p1, p2, g11, g12, g22, lam = sympy.symbols("l1 l2 p1 p2 g11 g12 g22 lambda", real=True)


class BlockFirstNorm(Rule):
    name = "block norm"
    title = "From blocks to the whole, first derivative"
    statement = r"""If $|h'|\le\langle\boldsymbol{\ell},p\rangle$ along every line, $p$ the block norms of its direction, then $|Dh|\le|\boldsymbol{\ell}|$."""
    proof = r"""$\langle\boldsymbol{\ell},p\rangle\le|\boldsymbol{\ell}||p|$, and $|p|=|\eta|$."""
    obligations = (Inequality("Cauchy-Schwarz", (), (l1 * p1 + l2 * p2) ** 2 <= (l1**2 + l2**2) * (p1**2 + p2**2)),)

    def conclude(self, given: Given, *, layer: Index, **_: Any) -> Bound:
        return Bound(Quantity("first", layer), nonnegative(f"L_{layer}"), EuclideanNorm(given.bound("blocks", layer)))


class BlockSecondNorm(Rule):
    name = "block eigenvalue"
    title = "From blocks to the whole, second derivative"
    statement = r"""If $|h''|\le p^{\top}Gp$ along every line, $G$ symmetric with nonnegative entries, then $|D^2h|\le\lambda_{\max}(G)$."""
    proof = r"""$p^{\top}Gp\le\lambda_{\max}(G)|p|^2=\lambda_{\max}(G)|\eta|^2$, and the norm of the symmetric bilinear map $D^2h$ is its supremum on the diagonal."""
    obligations = (
        Inequality(
            "a form is at most its largest eigenvalue",
            (lam >= g11, lam >= g22, (lam - g11) * (lam - g22) >= g12**2),
            g11 * p1**2 + 2 * g12 * p1 * p2 + g22 * p2**2 <= lam * (p1**2 + p2**2),
        ),
    )

    def conclude(self, given: Given, *, layer: Index, name: str = "Lambda", **_: Any) -> Bound:
        return Bound(Quantity("second", layer), nonnegative(name), LargestEigenvalue(given.bound("second_blocks", layer)))
