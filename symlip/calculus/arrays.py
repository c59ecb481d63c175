"""Operations on block vectors and matrices as SymPy functions.

A block symbol stands for a whole vector or matrix and is never unrolled into scalars; sums and scalar multiples of such
symbols are ordinary SymPy sums and products. Each function below prints itself as LaTeX and names the function of
`runtime` that computes it; the NumPy and mpmath readers differ in number type only.
"""

from __future__ import annotations

import functools
from typing import Any

import sympy


class Operation(sympy.Function):  # type: ignore[misc]
    """A function of block arguments. `runtime` is the name of what computes it, `template` its LaTeX, `plain` its text."""

    runtime = ""
    template = ""
    plain = ""

    def _source(self, printer: Any) -> str:
        return f"{self.runtime}({', '.join(printer._print(argument) for argument in self.args)})"

    _numpycode = _source
    _mpmathcode = _source

    def _sympystr(self, printer: Any) -> str:
        arguments = [printer._print(argument) for argument in self.args]
        return self.plain.format(*arguments) if self.plain else f"{type(self).__name__}({', '.join(arguments)})"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = self.template.format(*(printer._print(argument) for argument in self.args))
        return rf"\left({text}\right)^{{{exp}}}" if exp else text


class Blocks(Operation):
    """The block vector of two scalars."""

    nargs = 2
    plain = "({0}, {1})"
    runtime = "blocks"
    template = r"\bigl({0},\,{1}\bigr)"


class AppendBlocks(Operation):
    """A block vector with two more scalar entries, those of the next layer's weights and biases."""

    nargs = 3
    plain = "({0}, {1}, {2})"
    runtime = "append_blocks"
    template = r"\bigl({0},\,{1},\,{2}\bigr)"


class AddAt(Operation):
    """A block vector with two scalars added at the blocks of parameters that it has already: AddAt(v, B, 1, position)."""

    nargs = 4
    plain = "{0} + {1} e_A + {2} e_b"
    runtime = "add_at"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        vector, value, _, position = self.args
        unit = printer._print((position + 2) / 2)
        return rf"{printer._print(vector)}+{printer._print(value)}\,e_{{\alpha_{{({unit})}}}}+e_{{\beta_{{({unit})}}}}"


class ExtendVector(Operation):
    """A block vector, with zeros for the blocks that the second one has besides."""

    nargs = 2
    plain = "[{0}]"
    runtime = "extend_vector"
    template = r"[{0}]"


class ExtendMatrix(Operation):
    """A block matrix, with zeros for the blocks that the vector or matrix has besides."""

    nargs = 2
    plain = "[{0}]"
    runtime = "extend_matrix"
    template = r"[{0}]"


class BorderInside(Operation):
    """e v^T + v e^T, e the unit vector of a weight block that v has already: BorderInside(v, position)."""

    nargs = 2
    plain = "(e_A {0}^T + {0} e_A^T)"
    runtime = "border_inside"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        vector, position = self.args
        unit = rf"e_{{\alpha_{{({printer._print((position + 2) / 2)})}}}}"
        return rf"\bigl({unit}{printer._print(vector)}^{{\top}}+{printer._print(vector)}{unit}^{{\top}}\bigr)"


class TwoBlocks(Operation):
    """The symmetric block matrix of two blocks: TwoBlocks(ww, wb, bb)."""

    nargs = 3
    plain = "(({0}, {1}), ({1}, {2}))"
    runtime = "two_blocks"
    template = r"\begin{{pmatrix}}{0}&{1}\\{1}&{2}\end{{pmatrix}}"


class WeightUnit(Operation):
    """The unit vector of the weight block, the first one, in the shape of a block vector."""

    nargs = 1
    plain = "e_A"
    runtime = "weight_unit"
    template = r"e_{{\alpha_{{(1)}}}}"


class OneBlock(Operation):
    """The block vector with the single entry 1, in the batch shape of its argument."""

    nargs = 1
    plain = "(1)"
    runtime = "one_block"
    template = r"(1)"


class Outer(Operation):
    """v v^T."""

    nargs = 1
    plain = "{0} {0}^T"
    runtime = "outer"
    template = r"{0}{0}^{{\top}}"


class ZeroMatrix(Operation):
    """The zero matrix of v v^T's size."""

    nargs = 1
    plain = "0"
    runtime = "zero_matrix"
    template = r"0"


class Pad(Operation):
    """A matrix with two zero rows and columns more."""

    nargs = 1
    plain = "[{0}]"
    runtime = "pad"
    template = r"[{0}]"


class Border(Operation):
    """e [v]^T + [v] e^T, e the unit vector of the new layer's weight block."""

    nargs = 1
    plain = "(e [{0}]^T + [{0}] e^T)"
    runtime = "border"
    template = r"\bigl(e[{0}]^{{\top}}+[{0}]e^{{\top}}\bigr)"


class EuclideanNorm(Operation):
    nargs = 1
    plain = "|{0}|"
    runtime = "euclidean_norm"
    template = r"\bigl|{0}\bigr|"


class LargestEigenvalue(Operation):
    nargs = 1
    plain = "lambda_max({0})"
    runtime = "largest_eigenvalue"
    template = r"\lambda_{{\max}}\bigl({0}\bigr)"


class PairedEigenvalue(Operation):
    """The largest eigenvalue of ((p, r), (r, q))."""

    nargs = 3
    plain = "lambda_max(({0}, {1}), ({1}, {2}))"
    runtime = "paired_eigenvalue"
    template = r"\lambda_{{\max}}\begin{{pmatrix}}{0}&{1}\\{1}&{2}\end{{pmatrix}}"


class Mean(Operation):
    """The average over the samples."""

    nargs = 1
    plain = "E[{0}]"
    runtime = "mean"
    template = r"\mathbb{{E}}\bigl[{0}\bigr]"


class IndexedOperation(Operation):
    """An operation whose terms depend on bound indices: arguments are term(s), then the index symbols, then the rest."""

    index_positions: tuple[int, ...] = (1,)

    @property
    def indices(self) -> tuple[sympy.Expr, ...]:
        """The bound index symbols."""
        return tuple(self.args[position] for position in self.index_positions)

    def _lambda(self, printer: Any, term: sympy.Expr, *names: sympy.Expr) -> str:
        return f"lambda {', '.join(printer._print(name) for name in names)}: {printer._print(term)}"


class CircleMaximum(IndexedOperation):
    """The maximum over r^2 + s^2 = 1, r, s >= 0, of a form in r and s: CircleMaximum(form, r, s, degree), its coefficients nonnegative."""

    nargs = 4
    plain = "max({0}; {1}^2 + {2}^2 = 1)"
    index_positions = (1, 2)

    def _source(self, printer: Any) -> str:
        form, r, s, degree = self.args
        return f"circle_maximum({self._lambda(printer, form, r, s)}, {printer._print(degree)})"

    _numpycode = _source
    _mpmathcode = _source

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        form, r, s, _ = (printer._print(argument) for argument in self.args)
        return rf"\max_{{{r}^2+{s}^2=1}}\Bigl\{{{form}\Bigr\}}"


class Recursion(IndexedOperation):
    """A sequence: Recursion(term, u, previous, start, length) has values start, term(u=1, previous=start), .."""

    nargs = 5
    plain = "(value 0 is {3}; value {1} = 1..{4} is {0})"
    index_positions = (1, 2)

    def _source(self, printer: Any) -> str:
        term, index, previous, start, length = self.args
        return f"sequence({self._lambda(printer, term, index, previous)}, {printer._print(start)}, {printer._print(length)})"

    _numpycode = _source
    _mpmathcode = _source


class ProductTable(IndexedOperation):
    """P[j, u] = prod_{i=j+1}^u factor(i): ProductTable(factor, i, length)."""

    nargs = 3
    plain = "(prod of {0} over {1} = j+1..u)"

    def _source(self, printer: Any) -> str:
        factor, index, length = self.args
        return f"product_table({self._lambda(printer, factor, index)}, {printer._print(length)})"

    _numpycode = _source
    _mpmathcode = _source

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        factor, index, _ = (printer._print(argument) for argument in self.args)
        return rf"\prod_{{{index}=j+1}}^{{u}}{factor}\quad(j\le u),\qquad 0\quad(j>u)"


class BlockEntries(IndexedOperation):
    """The block vector with entries weight(j), bias(j): BlockEntries(weight, bias, j, length)."""

    nargs = 4
    plain = "({0} at A_{2}, {1} at b_{2}; {2} = 1..{3})"
    index_positions = (2,)

    def _source(self, printer: Any) -> str:
        weight, bias, index, length = self.args
        size = printer._print(length)
        parts = [f"entries({self._lambda(printer, part, index)}, {size})" for part in (weight, bias)]
        return f"interleave({', '.join(parts)})"

    _numpycode = _source
    _mpmathcode = _source

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        weight, bias, index, length = (printer._print(argument) for argument in self.args)
        return rf"\Bigl({weight}\Bigr)_{{\alpha_{{{index}}}}},\ \Bigl({bias}\Bigr)_{{\beta_{{{index}}}}}\qquad({index}=1,\dots,{length})"


class SymmetricEntries(IndexedOperation):
    """The symmetric block matrix whose 2 x 2 blocks are, for j <= k, ((ww, wb), (bw, bb)) and its mirror for j > k.

    SymmetricEntries(ww, wb, bw, bb, j, k, length): wb couples the weights of j with the biases of k, bw the biases of j with
    the weights of k.
    """

    nargs = 7
    plain = "({0} at A_{4} A_{5}, {1} at A_{4} b_{5}, {2} at b_{4} A_{5}, {3} at b_{4} b_{5}; {4} <= {5} <= {6})"
    index_positions = (4, 5)

    def _source(self, printer: Any) -> str:
        *parts, j, k, length = self.args
        lambdas = [self._lambda(printer, part, j, k) for part in parts]
        return f"symmetric_entries({', '.join(lambdas)}, {printer._print(length)})"

    _numpycode = _source
    _mpmathcode = _source


class BorderAt(IndexedOperation):
    """e v^T + v e^T, e the unit vector of the weight block of layer u: BorderAt(v, u)."""

    nargs = 2
    plain = "(e_{1} ({0})^T + {0} e_{1}^T)"
    index_positions = ()
    runtime = "border_at"
    _numpycode = _mpmathcode = Operation._source

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        vector, index = (printer._print(argument) for argument in self.args)
        unit = rf"e_{{\alpha_{{{index}}}}}"
        return rf"\bigl({unit}{vector}^{{\top}}+{vector}{unit}^{{\top}}\bigr)"


class Table(Operation):
    """The constants c_1, .., c_m as a sequence; index 0 is not used."""

    runtime = "table"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        values = r",\,".join(printer._print(argument) for argument in self.args)
        return rf"\bigl({values}\bigr)"


class BallMonomial(Operation):
    """BallMonomial(c, R, n1, n2): c times the largest value on the sphere of radius R of a product of n1 coordinates
    and of n2 squares of further coordinates (weighted AM-GM)."""

    nargs = 4
    plain = "{0}*mu_{1}({2}, {3})"
    runtime = "ball_monomial"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        c, radius, ones, twos = self.args
        factor = "" if c == 1 else printer.parenthesize(c, 40)
        return rf"{factor}\,\mu_{{{printer._print(radius)}}}({printer._print(ones)},{printer._print(twos)})"


class VectorTable(IndexedOperation):
    """A sequence of block vectors: VectorTable(weight, bias, j, u, length), entry j of the u-th vector; u = 0 .. length."""

    nargs = 5
    plain = "({0} at A_{2}, {1} at b_{2})"
    index_positions = (2, 3)

    def _source(self, printer: Any) -> str:
        weight, bias, j, u, length = self.args
        size = printer._print(length)
        rows = f"interleave(entries({self._lambda(printer, weight, j)}, {size}), entries({self._lambda(printer, bias, j)}, {size}))"
        return f"vector_table(lambda {printer._print(u)}: {rows}, {size})"

    _numpycode = _source
    _mpmathcode = _source


class Below(Operation):
    """1 if j < k, else 0 (Iverson's bracket)."""

    nargs = 2
    plain = "[{0} < {1}]"
    runtime = "below"
    template = r"[{0}<{1}]"

    @classmethod
    def eval(cls, first: sympy.Expr, second: sympy.Expr) -> sympy.Expr | None:
        if first.is_Integer and second.is_Integer:
            return sympy.Integer(1 if first < second else 0)
        return None


class Geometric(Operation):
    """1 + r + .. + r^(n-1): Geometric(r, n)."""

    nargs = 2
    plain = "gamma_{{{1}}}({0})"
    runtime = "geometric"
    template = r"\gamma_{{{1}}}\bigl({0}\bigr)"


class SumRange(IndexedOperation):
    """sum_{i=first}^{last} term: SumRange(term, i, first, last)."""

    nargs = 4
    plain = "sum({0}, {1} = {2}..{3})"

    def _source(self, printer: Any) -> str:
        term, index, first, last = self.args
        return f"sum_range({self._lambda(printer, term, index)}, {printer._print(first)}, {printer._print(last)})"

    _numpycode = _source
    _mpmathcode = _source

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        term, index, first, last = (printer._print(argument) for argument in self.args)
        body = rf"\Bigl({term}\Bigr)" if self.args[0].is_Add else term
        text = rf"\sum_{{{index}={first}}}^{{{last}}}{body}"
        return rf"\left({text}\right)^{{{exp}}}" if exp else text


class BudgetSum(SumRange):
    """The same, for terms that are ball monomials: evaluated for all indices at once."""

    def _source(self, printer: Any) -> str:
        return "budget_" + super()._source(printer)

    _numpycode = _source
    _mpmathcode = _source


class Apply(Operation):
    """A function of one variable that a step defines, at an argument: Apply(J, c)."""

    nargs = 2
    plain = "{0}({1})"
    template = r"{0}\bigl({1}\bigr)"

    def _source(self, printer: Any) -> str:
        return f"{printer._print(self.args[0])}({printer._print(self.args[1])})"

    _numpycode = _source

    def _mpmathcode(self, printer: Any) -> str:  # mpmath raises where NumPy's 1 / 0 is inf
        return f"{printer._print(self.args[0])}(not_zero({printer._print(self.args[1])}))"


class Entire(Operation):
    """An entire function of z >= 0 with nonnegative Taylor coefficients, for integrals of exponentials without division by 0.

    A second argument, if given, is e^z, which then is not computed again.
    """

    nargs = (1, 2)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        power = f"^{{{exp}}}" if exp else ""
        return rf"{self.template}{power}({printer._print(self.args[0])})"


class Phi1(Entire):
    """(e^z - 1) / z."""

    runtime, plain, template = "phi1", "phi1({0})", r"\varphi_1"


class Phi2(Entire):
    """(z e^z - e^z + 1) / z^2."""

    runtime, plain, template = "phi2", "phi2({0})", r"\varphi_2"


class Phi3(Entire):
    """(e^{2z} - 2 z e^z - 1) / z^3."""

    runtime, plain, template = "phi3", "phi3({0})", r"\varphi_3"


class Psi(Entire):
    """(e^z - 1 - z) / z^2."""

    runtime, plain, template = "psi", "psi({0})", r"\psi"


class Psi3(Entire):
    """(e^z - 1 - z - z^2/2) / z^3."""

    runtime, plain, template = "psi3", "psi3({0})", r"\psi_3"


class Chi(Entire):
    """(z e^z - 2 e^z + 2 + z) / z^3."""

    runtime, plain, template = "chi", "chi({0})", r"\chi"


class Stepped(Operation):
    """The solution of a monotone linear equation along the elapsed variation whose constants are functions of it, from above."""

    def _source(self, printer: Any) -> str:
        return f"{self.runtime}({', '.join(self._argument(printer, argument) for argument in self.args)})"

    _numpycode = _source
    _mpmathcode = _source

    def _argument(self, printer: Any, argument: sympy.Expr) -> str:
        return str(printer._print(argument))


class FieldValue(Stepped):
    """FieldValue(|x|, U, k0, v0): B(U) with B' = k0 B + v0, B(0) = |x|."""

    nargs = 4
    plain = "B({1}), B' = {2} B + {3}, B(0) = {0}"
    runtime = "field_value"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        start, U, k, v = (printer._print(argument) for argument in self.args)
        return rf"e^{{\int_0^{{{U}}}{k}}}{start}+\int_0^{{{U}}}e^{{\int_y^{{{U}}}{k}}}\,{v}(y)\,dy"


class FieldFirst(Stepped):
    """FieldFirst(U, k, v1): L(U) with L' = k L + v1, L(0) = 0."""

    nargs = 3
    plain = "L({0}), L' = {1} L + {2}, L(0) = 0"
    runtime = "field_first"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        U, k, v1 = (printer._print(argument) for argument in self.args)
        return rf"\int_0^{{{U}}}e^{{\int_y^{{{U}}}{k}}}\,{v1}(y)\,dy"


class FieldSecond(Stepped):
    """FieldSecond(U, k, v1, v2, w, c): H(U) with H' = k H + v2 + 2 w L + c L^2, L' = k L + v1, both 0 at 0."""

    nargs = 6
    plain = "H({0}), H' = {1} H + {3} + 2 {4} L + {5} L^2, H(0) = 0"
    runtime = "field_second"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        U, k, v1, v2, w, c = (printer._print(argument) for argument in self.args)
        return rf"\int_0^{{{U}}}e^{{\int_y^{{{U}}}{k}}}\bigl({v2}+2{w}L+{c}L^2\bigr)(y)\,dy,\qquad L(y)=\int_0^ye^{{\int_s^y{k}}}\,{v1}(s)\,ds"


class CellBlocks(Stepped):
    """CellBlocks(U, a, S1, R): the block vector of a neural ODE whose state has the size R(y), by cells, from above."""

    nargs = 4
    plain = "l({0}), l' = {2} (a l + ({3}, 1))"
    runtime = "cell_blocks"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        U, a, slope, size = (printer._print(argument) for argument in self.args)
        factor = "" if self.args[2] == 1 else slope
        return rf"\int_0^{{{U}}}e^{{{factor}{a}({U}-y)}}\,{factor}\,\bigl({size}(y),\,1\bigr)\,dy"


class CellMatrix(Stepped):
    """CellMatrix(U, a, S1, S2, R): its block matrix, likewise."""

    nargs = 5
    plain = "G({0}), G' = {3} q q^T + {2} (a G + e l^T + l e^T), q = a l + ({4}, 1)"
    runtime = "cell_matrix"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        U, a, slope, curvature, size = (printer._print(argument) for argument in self.args)
        factor = "" if self.args[2] == 1 else slope
        source = rf"{curvature}\,\boldsymbol{{q}}\boldsymbol{{q}}^{{\top}}+{factor}(e_{{\alpha_{{(1)}}}}\boldsymbol{{\ell}}^{{\top}}+\boldsymbol{{\ell}}e_{{\alpha_{{(1)}}}}^{{\top}})"
        return rf"\int_0^{{{U}}}e^{{{factor}{a}({U}-y)}}\bigl({source}\bigr)(y)\,dy,\quad\boldsymbol{{q}}={a}\boldsymbol{{\ell}}+({size},1)"


class Euler(Stepped):
    """The bound of m equal jumps of total variation U."""

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return rf"\text{{the bound of }}{printer._print(self.args[-1])}\text{{ equal jumps of total variation }}{printer._print(self.args[0])}"


class EulerFirst(Euler):
    """EulerFirst(U, k, v1, m)."""

    nargs = 4
    plain = "L of {3} equal jumps of variation {0}"
    runtime = "euler_first"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        U, k, v1, m = (printer._print(argument) for argument in self.args)
        bare = m if self.args[3].is_Symbol else f"({m})"
        return rf"\frac{{{v1}{U}}}{{{m}}}\,\gamma_{{{m}}}\bigl(1+{k}{U}/{bare}\bigr)"


class EulerSecond(Euler):
    """EulerSecond(U, k, v1, v2, w, c, m)."""

    nargs = 7
    plain = "H of {6} equal jumps of variation {0}"
    runtime = "euler_second"


class EulerBlocks(Euler):
    """EulerBlocks(U, a, |x|, S1, sigma, m): the norm of the block vector."""

    nargs = 6
    plain = "|l| of {5} equal jumps of variation {0}"
    runtime = "euler_blocks"


class EulerBlocksSecond(Euler):
    """EulerBlocksSecond(U, a, |x|, S1, sigma, S2, m): the largest eigenvalue of the block matrix."""

    nargs = 7
    plain = "lambda_max(G) of {6} equal jumps of variation {0}"
    runtime = "euler_blocks_second"


class Chords(Operation):
    """The largest of the lines p + q c, as a function of c: Chords(p_1, q_1, p_2, q_2, ..)."""

    plain = "(the largest of {0} + {1} c, ..)"
    runtime = "chords"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return rf"\max_{{1\le i\le {len(self.args) // 2}}}\,(p_i+q_ic)"


class Indicator(Operation):
    """1 where the argument is nonnegative, else 0."""

    nargs = 1
    plain = "[{0} >= 0]"
    runtime = "indicator"
    template = r"\bigl[{0}\ge0\bigr]"


class IfKnown(Operation):
    """A number of the input, or 0 where only the input's norm is known (the number is then -1)."""

    nargs = 1
    plain = "({0} where known)"
    runtime = "if_known"
    template = "{0}"


class Certified(Operation):
    """A number that a certified search finds: arguments are numbers, then tuples of them and of activations.

    An activation is Tuple(|s(0)|, S0, S1, S2, S3, Lambda(z, s), Lambda(z, s')). Both readers run the same float code, rounded up.
    """

    def _source(self, printer: Any) -> str:
        return f"{self.runtime}({', '.join(self._argument(printer, argument) for argument in self.args)})"

    _numpycode = _source
    _mpmathcode = _source

    def _argument(self, printer: Any, argument: sympy.Expr) -> str:
        if isinstance(argument, sympy.Lambda):
            return _float_lambda(argument)
        if isinstance(argument, sympy.Tuple):
            if any(isinstance(entry, sympy.Lambda) for entry in argument):
                *constants, function, derivative = (self._argument(printer, entry) for entry in argument)
                return f"(({', '.join(constants)}), {function}, {derivative})"
            return f"({''.join(self._argument(printer, entry) + ', ' for entry in argument)})"
        return str(printer._print(argument))


def _float_lambda(function: sympy.Lambda) -> str:
    """A function of an array of floats as source, whatever the reader's numbers."""
    from sympy.codegen.numpy_nodes import logaddexp
    from sympy.printing.numpy import NumPyPrinter

    class Floats(NumPyPrinter):  # type: ignore[misc]
        def _print_erf(self, expression: sympy.Expr) -> str:
            return f"erf({self._print(expression.args[0])})"

        def _print_Float(self, expression: sympy.Expr) -> str:
            return repr(float(expression))

        def _print_Max(self, expression: sympy.Expr) -> str:
            return str(functools.reduce(lambda a, b: f"numpy.maximum({a}, {b})", map(self._print, expression.args)))

        def _print_Min(self, expression: sympy.Expr) -> str:
            return str(functools.reduce(lambda a, b: f"numpy.minimum({a}, {b})", map(self._print, expression.args)))

    (given,) = function.variables
    variable = sympy.Symbol("z", real=True)
    body = function.expr.xreplace({given: variable})
    if body.is_number:
        body = body + sympy.Mul(0.0, variable, evaluate=False)
    body = body.replace(lambda e: isinstance(e, sympy.log) and e.args[0].is_Add and 1 in e.args[0].args, lambda e: _log_of_sum(e, logaddexp))
    printer = Floats({"fully_qualified_modules": True, "inline": True, "allow_unknown_functions": True})
    return f"(lambda {variable}: {printer.doprint(body)})"


class ChartOf(Certified):
    """An activation in cells: (S0, S1, odd, steep, edges, bends, tails, noise, s, s', s'')."""

    nargs = 11
    is_commutative = is_finite = True
    plain = "cells of an activation"
    runtime = "activation_chart"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return r"\text{cells}"


class BendingInput(Operation):
    """Gamma_1 as a function."""

    nargs = 1
    plain = "(k: 1/(1 + {0}**2))"
    runtime = "bending_input"
    template = r"\frac{{1}}{{1+{0}^2}}"


class BendingStep(Operation):
    """BendingStep(Gamma_u, a_{u+1}, l_u, cells, more): the next layer's function, counting l_u + more neurons."""

    nargs = 5
    runtime = "bending_step"

    def _sympystr(self, printer: Any) -> str:
        below, weight, width, _, more = self.args
        if more == -1:
            return f"(k: cost of bending {printer._print(width)} neurons alike, norm {printer._print(weight)}, after {printer._print(below)})"
        name, a, others = (printer._print(part) for part in (below, weight, width + more - 1))
        return (
            f"(k: 1/(1 + {others}*S0**2 + sup over z and w = +-{a} of s**2 + s'**2*(w + k*s)**2/({name}({a}*k*|s'|) - k*w*s'' - k**2*s'**2)), "
            "-oo where a denominator is not positive)"
        )

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        below, weight, width, _, more = self.args
        if more == -1:
            name, a, l = (printer._print(part) for part in (below, weight, width))
            bracket = r"\Bigl[\frac{s'^2(y+ksc)^2}{\Delta}-(\sigma-s^2)\Bigr]_+"
            return rf"\Bigl(1+\min_\sigma\Bigl({l}\sigma+\sup_{{z,c,y}}\frac{{{a}^2}}{{y^2}}{bracket}\Bigr)\Bigr)^{{-1}},\quad g={name}({a}kS_1)"
        width = width + more
        name, a = printer._print(below), printer._print(weight)
        rest = "" if width == 1 else "S_0^2+" if width == 2 else rf"{printer._print(width - 1)}S_0^2+"
        return rf"\Bigl(1+{rest}\sup_z\,\max_{{w=\pm {a}}}\Bigl(s^2+\frac{{s'^2\,(w+ks)^2}}{{{name}({a}k|s'|)-kw\,s''-k^2s'^2}}\Bigr)\Bigr)^{{-1}}"


class BendingEnd(Operation):
    """BendingEnd(high, Gamma_m, cells, g1, g2, which): the smallest lam from above (which = 0), or what a network reaches (1)."""

    nargs = 6
    runtime = "bending_end"

    def _sympystr(self, printer: Any) -> str:
        _, function, _, slope, curvature, which = self.args
        if which == 1:
            return "the largest |D^2 N[eta, eta]| of a chain of single neurons that a search finds"
        g1, g2 = ("" if slope == 1 else f"{printer._print(slope)}*"), ("" if curvature == 0 else f" + {printer._print(curvature)}*s'**2")
        return f"the smallest lam with lam*{printer._print(function)}({g1}|s'|/lam) >= {g1}|s''|{g2} everywhere"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        _, function, _, slope, curvature, which = self.args
        if which == 1:
            return r"\sup_{z_1,\dots,z_m}|h_m''|"
        g1 = "" if slope == 1 else printer._print(slope)
        more = "" if curvature == 0 else rf"+{printer._print(curvature)}\,s'^2"
        return rf"\inf\bigl\{{\lambda>0:\lambda\,{printer._print(function)}\bigl({g1}|s'|/\lambda\bigr)\ge {g1}|s''|{more}\ \text{{everywhere}}\bigr\}}"


def float_function(function: sympy.Lambda) -> Any:
    """The same as a callable."""
    import numpy

    from .. import runtime

    return eval(_float_lambda(function), {**vars(runtime), "numpy": numpy})  # the source is our own, of a SymPy expression


def _log_of_sum(expression: sympy.Expr, logaddexp: Any) -> sympy.Expr:
    rest = expression.args[0] - 1
    return logaddexp(0, rest.args[0]) if isinstance(rest, sympy.exp) else expression


class JointBounded(Certified):
    """JointBounded(high, |x|, weights, biases, widths, activations)."""

    nargs = 6
    plain = "joint bound on |A_u| <= a_u, |b_u| <= b_u (certified, at most {0})"
    runtime = "joint_bounded"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return rf"\text{{a certified number between the joint bound and }}{printer._print(self.args[0])}"


class JointBall(Certified):
    """JointBall(high, |x|, radius, widths, activations)."""

    nargs = 5
    plain = "joint bound on |theta| <= {2} (certified, at most {0})"
    runtime = "joint_ball"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return rf"\text{{a certified number between the joint bound and }}{printer._print(self.args[0])}"


class SimplexBending(Certified):
    """SimplexBending(high, |x|, radius, widths, neurons counted besides, cells, cells of the last layer)."""

    nargs = 7
    plain = "max over a_2^2 + .. + a_m^2 <= {2}^2 of the constant of layer balls (certified, at most {0})"
    runtime = "simplex_bending"

    def _argument(self, printer: Any, argument: sympy.Expr) -> str:
        return str(printer._print(argument)) if isinstance(argument, sympy.Symbol) else super()._argument(printer, argument)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return rf"\text{{a certified number between }}\max_{{a_2^2+\dots+a_m^2\le R^2}}\Lambda^{{\Gamma}}(a_2,\dots,a_m)\text{{ and }}{printer._print(self.args[0])}"


class TwoLayersBending(SimplexBending):
    """TwoLayersBending(high, |x|, radius or a_2, width, 1 on the parameter ball, cells, cells of the last layer)."""

    plain = "the bound of two layers whose neurons share {2}^2 (certified, at most {0})"
    runtime = "bending_two_layers"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return rf"\text{{a certified number between the least such }}\lambda\text{{ and }}{printer._print(self.args[0])}"


class JointLines(Certified):
    """What the joint bounds of residual and tied layers share: arguments (high, |x|, least, rest, weights, steps, sizes, layout, trade-offs, ..)."""

    nargs: Any = None
    plain = "joint bound (certified, at most {0})"

    def _argument(self, printer: Any, argument: sympy.Expr) -> str:
        if isinstance(argument, sympy.Tuple) and any(isinstance(entry, sympy.Lambda) for entry in argument):
            parts = [_float_lambda(entry) if isinstance(entry, sympy.Lambda) else str(printer._print(entry)) for entry in argument]
            return f"({', '.join(parts)})"
        return super()._argument(printer, argument)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return self.template


class JointPath(JointLines):
    """The first derivative of untied layers, by state along the depth."""

    runtime = "joint_path"
    template = r"\max_{R}\,|\boldsymbol{\ell}(R)|"


class JointBranch(JointLines):
    """Any sharing, either order, by branch and bound: (.., order, g1, g2)."""

    runtime = "joint_branch"
    best, end, first = r"\max_{R}", "R", 4
    """What the bound is the best of, where its numbers are taken, and the place of the order among the arguments."""

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        order, g1, g2 = self.args[self.first : self.first + 3]
        vector, matrix = rf"\boldsymbol{{\ell}}({self.end})", rf"G({self.end})"
        if order == 1:
            return rf"{self.best}\,|{vector}|"
        if g2 == 0:
            return rf"{self.best}\,\lambda_{{\max}}\bigl({matrix}\bigr)"
        return rf"{self.best}\,\lambda_{{\max}}\bigl({printer._print(g2)}\,{vector}{vector}^{{\top}}+{printer._print(g1)}\,{matrix}\bigr)"


class JointStates(JointBranch):
    """The second derivative, or a cost's, without skips around several lines, by elimination along the depth: the same arguments."""

    runtime = "joint_states"


class StateBending(JointLines):
    """Residual lines: (high, |x|, least, rest, which, g1, g2, weights, steps, widths, states of the activations), see `bending_states`."""

    runtime = "state_bending"
    plain = "the constant of residual lines by the cost of bending a state (certified, at most {0})"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        which, g1, g2 = self.args[4:7]
        if which == 1:
            return r"\sup_{z,w}|h_{m,j}''|"
        first, second = ("" if g1 == 1 else printer._print(g1)), (0 if g2 == 0 else printer._print(g2))
        return rf"\inf\bigl\{{\lambda>0:\lambda\,\Gamma_m(\pm {first or 1}/\lambda,h)>{second}\ \text{{for all }}h\bigr\}}"


class FlowJoint(JointBranch):
    """A neural ODE with shared parameters: (high, |x|, least, rest, a, U, order, g1, g2, width, kind, trade-off)."""

    runtime = "flow_joint"
    best, end, first = r"\sup_{R}", "U", 6


class FlowPath(JointLines):
    """A neural ODE with depth-dependent parameters: the same arguments."""

    runtime = "flow_path"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        order, g1, g2 = self.args[6:9]
        if order == 1:
            return r"\sup_{R}\,\sqrt{f(U)}"
        if g2 == 0:
            return r"\sup_{R,\alpha,\beta}P(U)"
        return rf"\sup_{{R,\alpha,\beta}}\bigl({printer._print(g2)}\,y(U)^2+{printer._print(g1)}\,P(U)\bigr)"


class ChainShares(Operation):
    """ChainShares(radius, |x|, S1 of layer 1, .., S1 of layer m): shares of the squared radius, by layer."""

    plain = "shares of the budget, by layer"
    runtime = "chain_shares"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return r"\text{nonnegative, }\textstyle\sum_u\omega_u\le1\text{, any; best where }y_m\text{ is largest}"


class SharedValues(Certified):
    """V_0 .. V_m on the parameter ball: (R, |x|, e, c, |d| sqrt(l) |s(0)|, |d| sqrt(l) S_0 or -1, groups, 1 with the sum over paths, skips, their |d|), see `shares`."""

    nargs = 10
    runtime = "shared_values"
    plain = "(V_0 = {1}, V_u, ..; every norm and bias within {0})"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        tops, _, paths, skips, _ = self.args[5:]  # the end of a skip is the report's
        branches = [r"|d_u|\sqrt{l_u}\,|s_u(0)|+c_uR\sqrt{1+V_{u-1}^2}"]
        if any(top != -1 for top in tops):
            branches.insert(0, r"|d_u|\sqrt{l_u}\,S_0^{(u)}")
        step = rf"\varepsilon_uV_{{u-1}}+\min\bigl\{{{', '.join(branches)}\bigr\}}" if len(branches) > 1 else rf"\varepsilon_uV_{{u-1}}+{branches[0]}"
        if skips:
            return step
        return rf"\min\Bigl\{{{step},\ W_u\Bigr\}}" if paths == 1 else step


class SharedBlocks(Certified):
    """The block vector on the parameter ball: (V, R, e, c, groups, skips, their |d|), see `shares`."""

    nargs = 7
    runtime = "shared_blocks"
    plain = "(block vector of products of norms within |theta| <= {1}, sizes {0})"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        product = r"c_j\,\mathcal M_R(T_{jm})" if self.args[5] else r"c_j\,\mathcal M_R\Bigl(\prod_{i>j}f_i\Bigr)"
        return rf"\sum_{{j\in g}}V_{{j-1}}\,{product},\ \sum_{{j\in g}}{product}"


class SharedMatrix(Certified):
    """The block matrix on the parameter ball: (V, R, e, c, |d| S_2, groups, skips, their |d|), see `shares`."""

    nargs = 8
    runtime = "shared_matrix"
    plain = "(block matrix of products of norms within |theta| <= {1}, sizes {0})"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return r"\sum_{j\in g,\,k\in g'}E_{jk}"
