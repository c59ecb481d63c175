"""SymPy expressions of the calculus as LaTeX."""

from __future__ import annotations

import re
from typing import Any

import sympy
from sympy.printing.latex import LatexPrinter

from ..calculus.arrays import (
    Below,
    BendingInput,
    BendingStep,
    BlockEntries,
    BorderAt,
    CellMatrix,
    ChainShares,
    Chords,
    CircleMaximum,
    FieldSecond,
    Outer,
    Pad,
    ProductTable,
    Recursion,
    SharedBlocks,
    SharedMatrix,
    SharedValues,
    SumRange,
    SymmetricEntries,
    VectorTable,
)
from ..calculus.claims import symbol_latex

WIDE = 74
"""Characters (commands counted as one) beyond which a display is broken into lines."""


class Printer(LatexPrinter):  # type: ignore[misc]
    """LaTeX with the calculus' own names of symbols."""

    def _print_Symbol(self, expression: sympy.Symbol, style: str = "plain") -> str:
        return symbol_latex(expression.name)

    def _print_IndexedBase(self, expression: Any) -> str:
        return symbol_latex(str(expression.label))

    def _print_Indexed(self, expression: Any) -> str:
        base = self._print(expression.base)
        indices = ",".join(self._print(index) for index in expression.indices)
        if str(expression.base.label) in ("S0", "S1", "S2", "s0", "width"):
            return rf"{base}^{{({indices})}}"
        return rf"{base}_{{{indices}}}"

    def _print_Add(self, expression: Any, order: Any = None) -> str:
        return "".join(self.terms(expression))

    def terms(self, expression: sympy.Expr) -> list[str]:
        """The terms of a sum, each but the first with its sign: 1 + .. where all are positive, else m - 1, u + 1 - i."""
        arguments = list(sympy.Add.make_args(expression))
        negative = any(term.could_extract_minus_sign() for term in arguments)

        def place(term: sympy.Expr) -> tuple[Any, ...]:
            return (
                not term.has(Outer), not term.has(Pad), term.has(SumRange), term.could_extract_minus_sign(), bool(term.is_number) == negative, str(term),
            )  # fmt: skip

        found = [str(self._print(term)) for term in sorted(arguments, key=place)]
        return [found[0], *(term if term.startswith("-") else f"+{term}" for term in found[1:])]

    def _print_Mul(self, expression: Any) -> str:
        """Factors in the order constants, norms, bounds, blocks: S_2 a_2 L_1, g_1 G_2."""
        factors = expression.args
        if any(factor.is_number or (factor.is_Pow and factor.exp.is_negative) for factor in factors):
            return str(super()._print_Mul(expression))

        def rank(factor: sympy.Expr) -> tuple[int, str]:
            base = factor.base if factor.is_Pow else factor
            if factor.is_Add or factor.has(Outer, Pad, BorderAt):
                return 20, str(factor)
            name = str(base.base.label if isinstance(base, sympy.Indexed) else base)
            order = ("S0", "S1", "S2", "g", "s0", "sqrt", "x_norm", "R", "radius", "rho", "a", "B", "V", "c", "T", "P", "Q", "L", "H", "G", "lvec", "qvec")
            found = [
                number
                for number, prefix in enumerate(order)
                if name == prefix or name.startswith((prefix + "_", prefix + "(")) or (prefix == "g" and name in ("g1", "g2"))
            ]
            return (found[0] if found else 19 if isinstance(base, sympy.Function) else 15), name

        printed = [self.parenthesize(factor, 50) if factor.is_Add else str(self._print(factor)) for factor in sorted(factors, key=rank)]
        return " ".join(printed)

    def _print_Pow(self, expression: Any) -> str:
        base, exponent = expression.as_base_exp()
        if isinstance(base, sympy.Indexed) and exponent.is_Integer and exponent > 0:
            text = self._print(base)
            return rf"\left({text}\right)^{{{exponent}}}" if "^" in text else rf"{text}^{{{exponent}}}"
        text = self._print(base) if base.is_Symbol else ""
        if "^" in text and exponent.is_Integer and exponent > 0:
            return rf"\bigl({text}\bigr)^{{{exponent}}}"
        if "'" in text and exponent.is_Integer and exponent > 0:
            return rf"({text})^{{{exponent}}}"
        return str(super()._print_Pow(expression))

    def _print_Max(self, expression: sympy.Expr) -> str:
        branches = r",\,".join(self._print(argument) for argument in sorted(expression.args, key=lambda e: (len(str(e)), str(e))))
        return rf"\max\{{{branches}\}}"

    def _print_Min(self, expression: sympy.Expr) -> str:
        branches = r",\; ".join(self._print(argument) for argument in sorted(expression.args, key=str))
        return rf"\min\Bigl\{{{branches}\Bigr\}}"


_PRINTER = Printer({"mul_symbol": None, "fold_short_frac": False, "order": "none"})


def tex(expression: sympy.Expr) -> str:
    """LaTeX of an expression or symbol of the calculus."""
    return str(_PRINTER.doprint(expression))


def polynomial(expression: sympy.Expr) -> str:
    """LaTeX of a polynomial in t, in its customary order."""
    content, factors = sympy.factor_list(expression)
    flipped = []
    for factor, power in factors:  # turn one odd factor's sign instead of a minus in front
        if content < 0 and power % 2:
            factor, content = -factor, -content
        flipped.append(factor**power)
    return str(sympy.latex(sympy.Mul(content, *flipped, evaluate=False) if content != 1 else sympy.Mul(*flipped, evaluate=False)))


def definition(symbol: sympy.Expr, expression: sympy.Expr) -> str:
    """LaTeX of `symbol := expression` for a display, broken into lines where it is wide."""
    left = tex(symbol)
    if isinstance(expression, CellMatrix):
        first, second = tex(expression).split(r",\quad")
        return rf"\begin{{split}}{left}&={first},\\{second.replace('=', '&=', 1)}\end{{split}}"
    if isinstance(expression, FieldSecond):
        first, second = tex(expression).split(r",\qquad ")
        return rf"\begin{{split}}{left}&={first},\\{second.replace('=', '&=', 1)}\end{{split}}"
    if isinstance(expression, SharedValues):
        begin, step = rf"{left}_0={tex(expression.args[1])},\qquad {left}_u", tex(expression)
        if expression.args[8]:
            end = rf"\qquad\text{{but }}{left}_u={left}_k+|d_u|{left}_{{u-1}}\text{{ where a skip from }}h_k\text{{ ends}}"
            return rf"\begin{{split}}{begin}&={step},\\&{end}\end{{split}}"
        return rf"{begin}={step}"
    if isinstance(expression, SharedBlocks):
        weights, biases = tex(expression).split(r",\ ")
        return rf"{left}_{{\alpha_g}}={weights},\qquad {left}_{{\beta_g}}={biases}"
    if isinstance(expression, SharedMatrix):
        return rf"{left}_{{gg'}}={tex(expression)}"
    if isinstance(expression, BendingInput | BendingStep):
        return rf"{left}(k)={tex(expression)}"
    if isinstance(expression, sympy.Lambda):
        return rf"{left}({tex(expression.variables[0])})={tex(expression.expr)}"
    if isinstance(expression, ChainShares):
        return rf"{left}_2,\dots,{left}_{{{len(expression.args) - 2}}}\ge0,\qquad\textstyle\sum_u{left}_u\le1"
    if isinstance(expression, Chords):
        return rf"{left}(c)={tex(expression)}"
    if isinstance(expression, Recursion):
        term, index, _, start, length = expression.args
        where = rf"({tex(index)}=1,\dots,{tex(length)})"
        if start == 1 and term.has(Below):  # index 0 is not used, and index 1 stands apart
            rest = term.replace(Below, lambda *_: sympy.Integer(0))
            return rf"{left}_1={tex(term.subs(index, 1))},\qquad {left}_{{{tex(index)}}}={tex(rest)}\qquad({tex(index)}=2,\dots,{tex(length)})"
        if start == 1:
            return rf"{left}_{{{tex(index)}}}={tex(term)}\qquad{where}"
        line = rf"{left}_0={tex(start)},\qquad {left}_{{{tex(index)}}}={tex(term)}\qquad{where}"
        if length_of(line) <= WIDE or not isinstance(term, sympy.Min):
            return line
        branches = [tex(branch) for branch in sorted(term.args, key=str)]
        rows = [rf"{left}_0&={tex(start)},\qquad {left}_{{{tex(index)}}}=\min\Bigl\{{{branches[0]},"]
        rows += [rf"&\qquad {branch}," for branch in branches[1:-1]]
        rows.append(rf"&\qquad {branches[-1]}\Bigr\}}\qquad{where}")
        return rf"\begin{{split}}{_join(rows)}\end{{split}}"
    if isinstance(expression, ProductTable):
        factor, index, _ = expression.args
        return rf"{left}_{{j,u}}=\prod_{{{tex(index)}=j+1}}^{{u}}{tex(factor)}\quad(j\le u),\qquad {left}_{{j,u}}=0\quad(j>u)"
    if isinstance(expression, VectorTable):
        weight, bias, j, u, _ = expression.args
        return rf"({left}_{{{tex(u)}}})_{{\alpha_{{{tex(j)}}}}}={tex(weight)},\qquad({left}_{{{tex(u)}}})_{{\beta_{{{tex(j)}}}}}={tex(bias)}"
    if isinstance(expression, BlockEntries):
        weight, bias, j, length = expression.args
        return rf"{left}_{{\alpha_{{{tex(j)}}}}}={tex(weight)},\qquad {left}_{{\beta_{{{tex(j)}}}}}={tex(bias)}\qquad({tex(j)}=1,\dots,{tex(length)})"
    if isinstance(expression, SymmetricEntries):
        *parts, j, k, _ = expression.args
        names = ((r"\alpha", r"\alpha"), (r"\alpha", r"\beta"), (r"\beta", r"\alpha"), (r"\beta", r"\beta"))
        pair, cross = sympy.Symbol("pair"), sympy.Symbol("cross")
        parts = [part.subs(parts[-1], pair) for part in parts]
        extra = parts[2].subs(pair, 0)
        bracket = Below(j, k)
        shown = [part.subs(extra, cross) for part in parts]
        index = f"{tex(j)}{tex(k)}"
        letters = {"pair": rf"\sigma_{{{index}}}", "cross": rf"\kappa_{{{index}}}"}
        rows = [rf"{left}_{{{first}_{{{tex(j)}}}{second}_{{{tex(k)}}}}}&={_replaced(part, letters)}" for (first, second), part in zip(names, shown)]
        rows = [
            r",\qquad ".join([rows[0], rows[1].replace("&", "")]),
            r",\qquad ".join([rows[2], rows[3].replace("&", "")]) + rf"\qquad({tex(j)}\le {tex(k)};\ {left}\text{{ symmetric}})",
        ]
        rows.append(rf"{letters['pair']}&={tex(expression.args[3])}")
        extra = extra.subs(bracket, 1).replace(sympy.Max, lambda *arguments: next(a for a in arguments if a != 0))  # [j < k] makes it positive
        rows.append(rf"{letters['cross']}&={tex(extra)}\quad\text{{if }}{tex(j)}<{tex(k)},\qquad 0\quad\text{{if }}{tex(j)}={tex(k)}")
        return rf"\begin{{split}}{_join(rows)}\end{{split}}"
    if isinstance(expression, CircleMaximum):
        form, first, second, _ = expression.args
        pieces = _PRINTER.terms(form)
        pieces[0] = rf"\max_{{{tex(first)}^2+{tex(second)}^2=1}}\Bigl\{{{pieces[0]}"
        pieces[-1] += r"\Bigr\}"
    else:
        pieces = _PRINTER.terms(expression)
    if length_of(left + "=" + "".join(pieces)) <= WIDE or len(pieces) == 1:
        return f"{left}={''.join(pieces)}"
    return rf"\begin{{split}}{_lines(f'{left}={pieces[0]}', pieces[1:])}\end{{split}}"


def _replaced(expression: sympy.Expr, letters: dict[str, str]) -> str:
    text = tex(expression)
    for name, letter in letters.items():
        text = re.sub(rf"(?<![A-Za-z\\]){name}", lambda _, letter=letter: letter, text)  # type: ignore[misc]
    return text


def _join(rows: list[str]) -> str:
    return "\\\\\n".join(rows)


def _lines(head: str, rest: list[str]) -> str:
    """An aligned head `left = first`, with the further terms on the same line while they fit."""
    left, _, first = head.partition("=")
    lines = [f"{left}&={first}"]
    for piece in rest:
        if length_of(lines[-1]) + length_of(piece) <= WIDE:
            lines[-1] += piece
        else:
            lines.append(rf"&\quad{piece}")
    return _join(lines)


def length_of(text: str) -> int:
    """About how many characters a formula is wide."""
    text = re.sub(r"\\(left|right|bigl|bigr|Bigl|Bigr|boldsymbol|mathrm|quad|text|operatorname|displaystyle)", "", text)
    text = re.sub(r"\\frac\{([^{}]*)\}\{[^{}]*\}", r"\1", text)
    text = re.sub(r"\\[a-zA-Z]+", "x", text)
    text = re.sub(r"[{}^_\\&]", "", text)
    return len(text.replace(" ", ""))
