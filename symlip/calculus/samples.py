"""Operations on what a network has at given weights: one column a sample, one row a neuron.

As in `arrays`, a symbol stands for a whole array and each function names the function of `near` that computes it. The
symbol of an activation is its identifier; the readers supply its derivatives and their suprema near a point.
"""

from __future__ import annotations

from typing import Any

import sympy

from .arrays import Operation


class Affine(Operation):
    """A h + b, sample by sample."""

    nargs = 3
    plain = "{0} {1} + {2}"
    runtime = "affine"
    template = r"{0}{1}+{2}"


class Through(Operation):
    """A h, sample by sample."""

    nargs = 2
    plain = "{0} {1}"
    runtime = "through"
    template = r"{0}\,{1}"


class Moduli(Operation):
    """|v| entry by entry, of a vector or a matrix."""

    nargs = 1
    plain = "|{0}|"
    runtime = "moduli"
    template = r"\lvert {0}\rvert"


class Column(Operation):
    """A vector that is the same for all samples."""

    nargs = 1
    plain = "{0}"
    runtime = "column"
    template = r"{0}"


class At(Operation):
    """s^(k)(z), entry by entry: At(activation, layer, k, z)."""

    nargs = 4
    plain = "s_{1}^({2})({3})"

    def _source(self, printer: Any) -> str:
        activation, _, order, point = self.args
        return f"derivative_{activation}({printer._print(order)}, {printer._print(point)})"

    _numpycode = _mpmathcode = _source

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        _, layer, order, point = self.args
        return rf"{_primed(layer, order)}\bigl({printer._print(point)}\bigr)" + (f"^{{{exp}}}" if exp else "")


class SupremumNear(Operation):
    """sup |s^(k)| within the distance of the point, entry by entry: SupremumNear(activation, layer, k, point, distance)."""

    nargs = 5
    plain = "sup |s_{1}^({2})| on {3} +- {4}"

    def _source(self, printer: Any) -> str:
        activation, _, *rest = self.args
        return f"supremum_{activation}({', '.join(printer._print(argument) for argument in rest)})"

    _numpycode = _mpmathcode = _source

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        _, layer, order, point, distance = self.args
        return rf"\sup_{{|\zeta-{printer._print(point)}|\le{printer._print(distance)}}}\bigl|{_primed(layer, order)}(\zeta)\bigr|"


def _primed(layer: sympy.Expr, order: sympy.Expr) -> str:
    name = rf"s_{{{layer}}}" if layer != 0 else r"\psi"
    return name + ("'" * int(order) if order <= 3 else f"^{{({order})}}")


class SpectralNorm(Operation):
    """The largest singular value of a matrix."""

    nargs = 1
    plain = "|{0}|_2"
    runtime = "spectral_norm"
    template = r"|{0}|_2"


class ScaledNorm(Operation):
    """A bound on |A diag d|_2 for d >= 0: the smaller of |A|_2 max d and |A diag d|_F. ScaledNorm(A, |A|_2, d)."""

    nargs = 3
    plain = "min({1} max({2}), |{0} diag({2})|_F)"
    runtime = "scaled_norm"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        matrix, norm, diagonal = (printer._print(argument) for argument in self.args)
        return rf"\min\bigl({norm}\max_j({diagonal})_j,\ |{matrix}\operatorname{{diag}}{diagonal}|_F\bigr)"


class RowNorms(Operation):
    """The lengths of the rows of A diag d."""

    nargs = 2
    plain = "rows of |{0} diag({1})|"
    runtime = "row_norms"
    template = r"\bigl|e_j^{{\top}}{0}\operatorname{{diag}}{1}\bigr|_{{j}}"


class RowLengths(Operation):
    """The lengths of the rows of a matrix, as a vector."""

    nargs = 1
    plain = "rows of |{0}|"
    runtime = "row_lengths"
    template = r"\bigl|e_j^{{\top}}{0}\bigr|_{{j}}"


class ColumnNorms(Operation):
    """The lengths of the columns of a matrix, as a vector."""

    nargs = 1
    plain = "columns of |{0}|"
    runtime = "column_norms"
    template = r"\bigl|{0}e_j\bigr|_{{j}}"


class Largest(Operation):
    """The largest entry of a vector."""

    nargs = 1
    plain = "max({0})"
    runtime = "largest"
    template = r"\max_j({0})_j"


class Length(Operation):
    """The Euclidean norm of a vector."""

    nargs = 1
    plain = "|{0}|"
    runtime = "length"
    template = r"\bigl|{0}\bigr|"


class Sum(Operation):
    """The sum of a vector's entries."""

    nargs = 1
    plain = "sum({0})"
    runtime = "total"
    template = r"\textstyle\sum_j\bigl({0}\bigr)_j"


class Softmax(Operation):
    """The probabilities of logits."""

    nargs = 1
    plain = "softmax({0})"
    runtime = "softmax"
    template = r"\operatorname{{softmax}}({0})"


class CovarianceBound(Operation):
    """A bound on the largest eigenvalue of diag(p) - p p^T: the smaller of max p_j and max 2 p_j (1 - p_j)."""

    nargs = 1
    plain = "min(max({0}), max(2 {0} (1 - {0})))"
    runtime = "covariance_bound"
    template = r"\min\bigl(\max_j({0})_j,\ \max_j2({0})_j(1-({0})_j)\bigr)"


class SpreadWithin(Operation):
    """A bound on the variance of v + w under any q with q_j <= weights_j, |w_j| <= moved_j: SpreadWithin(weights, p, v, moved)."""

    nargs = 4
    plain = "sum {0} (|{2} - E_{1} {2}| + {3})^2"
    runtime = "spread_within"
    template = r"\textstyle\sum_j({0})_j\bigl(|({2})_j-\langle {1},{2}\rangle|+({3})_j\bigr)^2"


class RangeWithin(Operation):
    """max - min of v + w, |w_j| <= moved_j: RangeWithin(v, moved)."""

    nargs = 2
    plain = "range({0} +- {1})"
    runtime = "range_within"
    template = r"\max_j\bigl({0}+{1}\bigr)_j-\min_j\bigl({0}-{1}\bigr)_j"


class SampleCost(Operation):
    """g at the outputs, sample by sample. SampleCost(cost's name, o, y, delta)."""

    nargs = 4
    plain = "g({1}, {2})"

    def _source(self, printer: Any) -> str:
        name, output, target, delta = self.args
        return f"cost_{name}({printer._print(output)}, {printer._print(target)}, {printer._print(delta)})"

    _numpycode = _mpmathcode = _source
    template = r"g({1},{2})"


# --- the majorant: forms in a few norms of each sample ------------------------------------------------------------------


class Transposed(Operation):
    """A^T e, sample by sample."""

    nargs = 2
    plain = "{0}^T {1}"
    runtime = "transposed"
    template = r"{0}^{{\top}}{1}"


class ColumnSpread(Operation):
    """The variances under p of a matrix's columns: ColumnSpread(A, p)."""

    nargs = 2
    plain = "Var_{1}(columns of {0})"
    runtime = "column_spread"
    template = r"\bigl(\operatorname{{Var}}_{{{1}}}({0}e_j)\bigr)_j"


class SpreadNorm(Operation):
    """The smaller of c max d and (sum_j v_j d_j^2)^(1/2): SpreadNorm(v, c, d)."""

    nargs = 3
    plain = "min({1} max({2}), sqrt(sum {0} {2}^2))"
    runtime = "spread_norm"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        spread, norm, diagonal = (printer._print(argument) for argument in self.args)
        return rf"\min\bigl({norm}\max_j({diagonal})_j,\ (\textstyle\sum_j{spread}\,{diagonal}^2)^{{1/2}}\bigr)"


class UnitVectors(Operation):
    """All unit vectors of the space of a vector, side by side."""

    nargs = 1
    plain = "I"
    runtime = "unit_vectors"
    template = r"I"


class Back(Operation):
    """diag(s) A^T B for a matrix B of each sample: Back(A, s, B)."""

    nargs = 3
    plain = "diag({1}) {0}^T {2}"
    runtime = "back"
    template = r"\operatorname{{diag}}\bigl({1}\bigr)\,{0}^{{\top}}{2}"


class AddGram(Operation):
    """w B^T B for a matrix B and a number w of each sample: AddGram(B, w)."""

    nargs = 2
    plain = "({1}) {0}^T {0}"
    runtime = "add_gram"
    template = r"\bigl({1}\bigr)\,{0}^{{\top}}{0}"


class SpreadOdds(Operation):
    """max_j of the length of (e_j - p)^T J, from K = J J^T: SpreadOdds(p, K)."""

    nargs = 2
    plain = "max_j |(e_j - {0}) J|"
    runtime = "spread_odds"
    template = r"\max_j\bigl((e_j-{0})^{{\top}}{1}(e_j-{0})\bigr)^{{1/2}}"


class OutputSpread(Operation):
    """tr(C K C K)^(1/4), C = diag(p) - p p^T, at least the norm of C^(1/2) J: OutputSpread(p, K)."""

    nargs = 2
    plain = "tr(C {1} C {1})^(1/4)"
    runtime = "output_spread"
    template = r"\bigl(\operatorname{{tr}}(C_{{{0}}}{1}C_{{{0}}}{1})\bigr)^{{1/4}}"


class PairNorm(Operation):
    """The Euclidean norm of a matrix and a vector together."""

    nargs = 2
    plain = "|({0}, {1})|"
    runtime = "pair_norm"
    template = r"|({0},{1})|"


class Smaller(Operation):
    """1 where the first number is at most the second, else 0."""

    nargs = 2
    plain = "[{0} <= {1}]"
    runtime = "smaller"
    template = r"\mathbf{{1}}\bigl\{{{0}\le {1}\bigr\}}"


class Atom(Operation):
    """The unit vector of one of the norms that a form consists of: Atom(position, number of norms)."""

    nargs = 2
    plain = "e_{0}"
    runtime = "atom"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        position, count = int(self.args[0]), int(self.args[1])
        return rf"\mathsf e_{{{atom_labels(count)[position]}}}"


def atom_labels(count: int) -> list[str]:
    """The names of the norms, as LaTeX: q, then alpha_u and, below the last layer, n_u, k_u, b_u, c_u."""
    depth = (count + 3) // 5
    found = ["q"]
    for layer in range(1, depth + 1):
        found.append(rf"\alpha_{layer}")
        found += [f"{letter}_{layer}" for letter in "nkbc"] if layer < depth else []
    return found


class CoefficientOf(Operation):
    """The inner product of two vectors of coefficients, sample by sample."""

    nargs = 2
    plain = "<{0}, {1}>"
    runtime = "coefficient_of"
    template = r"\bigl\langle {0},\,{1}\bigr\rangle"


class SumSymmetric(Operation):
    """v w^T + w v^T."""

    nargs = 2
    plain = "({0} {1}^T + {1} {0}^T)"
    runtime = "sum_symmetric"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        first, second = (printer.parenthesize(argument, 50) for argument in self.args)
        return rf"2\,{first}\odot {second}"


class ReferenceAtoms(Operation):
    """The norms along the reference direction, none of them less than 1e-9 of the largest."""

    plain = "reference"
    runtime = "reference_atoms"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return r"\max\bigl\{a(v),\ 10^{-9}\max_ia(v)_i\bigr\}"


class Diagonal(Operation):
    """(Q g)_i / g_i: Diagonal(Q, g)."""

    nargs = 2
    plain = "({0} {1}) / {1}"
    runtime = "diagonal"
    template = r"\bigl(({0}\,{1})_i/{1}_i\bigr)_i"
