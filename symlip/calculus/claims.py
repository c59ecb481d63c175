"""Hypotheses and claims: the lines of a derivation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import sympy

from .quantities import ActivationCells, ActivationDerivative, ActivationPeak, Quantity


@dataclass(frozen=True)
class Hypothesis:
    """An assumption: quantity <= symbol, the symbol being an argument of the bound. count: its length if it is a sequence."""

    quantity: Quantity
    symbol: sympy.Expr
    count: sympy.Expr | None = None


@dataclass(frozen=True)
class Bound:
    """quantity <= symbol, symbol := expression in earlier symbols. Without a quantity it is an abbreviation only."""

    quantity: Quantity | ActivationDerivative | ActivationPeak | ActivationCells | None
    symbol: sympy.Expr
    expression: sympy.Expr

    @property
    def name(self) -> str:
        return str(self.symbol)


@dataclass(frozen=True)
class Comparison:
    """smaller <= larger, between two symbols already defined."""

    smaller: sympy.Expr
    larger: sympy.Expr

    @property
    def name(self) -> str:
        return f"{self.smaller} <= {self.larger}"


@dataclass(frozen=True)
class Reached:
    """The witness has quantity >= symbol (in the limit, where it is a sequence), and so has the supremum over the set.

    expression: what defines the symbol; None where an earlier step, such as the upper bound that is reached, defines it.
    """

    quantity: Quantity | ActivationDerivative
    symbol: sympy.Expr
    expression: sympy.Expr | None
    witness: Any  # a Witness, or a FieldWitness of continuous depth

    @property
    def name(self) -> str:
        return f"{self.symbol} reached" if self.expression is None else str(self.symbol)


@dataclass(frozen=True)
class Limit:
    """`of` tends to `value` as `variable` tends to infinity: the norm of all weights, the radius, or a family's scale."""

    of: sympy.Expr
    variable: sympy.Symbol
    value: sympy.Expr

    @property
    def name(self) -> str:
        return f"limit of {self.of}"


Claim = Bound | Comparison | Reached | Limit


def is_constant(claim: Claim) -> bool:
    """Whether a claim is about an activation's constant, or its cells, which only the number needs."""
    return isinstance(claim, Bound | Reached) and isinstance(claim.quantity, ActivationDerivative | ActivationCells)


def nonnegative(name: str) -> sympy.Symbol:
    return sympy.Symbol(name, nonnegative=True)


def indexed(name: str) -> sympy.IndexedBase:
    return sympy.IndexedBase(sympy.Symbol(name, nonnegative=True), real=True)


def plain_symbol(symbol: sympy.Expr) -> sympy.Symbol:
    """The symbol itself, or that of an indexed family."""
    return symbol.label if isinstance(symbol, sympy.IndexedBase) else symbol


PREFIX = {
    "a": "a", "b": r"\bar b", "B": "B", "Q": "Q", "L": "L", "H": "H", "V": "V", "P": "P", "T": "T",
    "lvec": r"\boldsymbol{\ell}", "qvec": r"\boldsymbol{q}", "q": r"\boldsymbol{q}", "G": "G", "g1": r"g_1", "g2": r"g_2",
    "Gaa": r"G_{\alpha\alpha}", "Gab": r"G_{\alpha\beta}", "Gbb": r"G_{\beta\beta}", "z": "z", "e": r"\epsilon",
    "Lm": "L_m", "Lnext": "L_{m+1}", "Hm": r"\Lambda_m", "Hnext": r"\Lambda_{m+1}",
    "Hs": r"H^{\mathrm{sep}}", "Hp": r"H^{\mathrm{pair}}", "E": r"\Lambda^{\mathrm{block}}", "Lambda": r"\Lambda",
    "k": "k", "v1": "v_1", "v2": "v_2", "w": "w", "c": "c", "v0": "v_0", "k0": "k_0", "R": "R", "U": "U",
    "Aw": r"\bar A", "bw": r"\bar b", "Ud": "U", "wd": "w", "zc": r"\bar z", "hc": r"\bar h", "an": r"\bar a", "nu": r"\nu", "mv": r"\rho", "dh": r"\Delta",
    **{f"{kind}j{k}": rf"\bar {kind}" + "'" * k for kind in "zh" for k in (1, 2, 3)}, **{f"zb{k}": r"\hat z" + "'" * k for k in (1, 2, 3)},
    "zb4": r"\hat z^{(4)}", "hb3": r"\hat h" + "'" * 3, "hb4": r"\hat h^{(4)}", "th": r"\chi", "fo": r"\xi", "f": "f",
    "sl": r"\sigma", "cu": r"\kappa", "ta": r"\tau", "mat": "M", "Gz": r"\Gamma^z", "dout": r"\varrho",
    **{f"Hk{k}": rf"H^{{({k})}}" for k in range(3, 13)}, **{f"Ck{k}": rf"\Lambda_{k}^{{\varphi}}" for k in range(3, 13)}, **{f"Rk{k}": rf"\Lambda_{k}^{{\Phi}}" for k in range(3, 13)}, "g3": "g_3", "Tk": "T", "mo": r"\mu", "Wr": "v", "wr": "v", "Rw": "R", "cn": r"\nu", "ms": r"\rho^{\mathrm{seg}}", "un": "u",
    "var": "V", "range": "R", "ad": "e", "la": r"\lambda", "mu": r"\mu", "bk": "B", "gr": r"\mathcal K", "ze": r"\boldsymbol{\zeta}", "sr": r"\bar\sigma",
    "kk": "K", "kb": r"\bar K", "ind": "I", "Qu": "Q", "zr": r"\tilde z", "hr": r"\tilde h", "ea": r"\epsilon", "lc": r"\ell", "wc": "W", "mp": r"\mu^{+}", "ga": r"\gamma", "om": r"\omega",
    "M": "M", "D": "D", "C": "C", "y": "y", "omega": r"\omega", "J": "J", "S": "S", "K": "K", "Lcost": r"L^{\varphi}", "Hcost": r"\Lambda^{\varphi}", "Lrisk": r"L^{\Phi}", "Gamma": r"\Gamma", "Hrisk": r"\Lambda^{\Phi}",
}  # fmt: skip

WHOLE = {
    **{f"dout{k}": rf"\varrho^{{({k})}}" for k in range(4)}, **{f"gj{k}": f"g_{k}" for k in range(4)}, "gb4": r"\hat g_4", "F4": "F_4",
    "odds": r"\epsilon", "odds_M": r"\mathsf M", "Qf": "Q", "cz": "c_0", "cnr": r"S_{\bar\sigma}", "cnw": "S_1", "cns": r"S_\sigma", "cni": "I_S", "zo": r"\boldsymbol{z}", "zf": r"\boldsymbol{q}", "cs": "v", "df": "d", "ref": "g", "rest": r"\omega", "unit": r"\bar{\boldsymbol a}", "ka": r"\kappa", "curvature": r"\Lambda",
    "ang": r"\varepsilon", "xs": "x", "ys": "y", "rad": "r", "len": "T", "pc": r"\pi", "e_out": r"e_{\mathrm{out}}", "rfirst": r"\boldsymbol{\ell}^{\Phi}", "rsecond": r"G^{\Phi}",
    "x_norm": "|x|", "Lexact": r"\Lambda^{\Gamma}", "Lsimplex": r"\Lambda^{\mathrm{simplex}}", "Ltwo": r"\Lambda^{(2)}", "Lexactcost": r"\Lambda^{\varphi,\Gamma}", "Lexactrisk": r"\Lambda^{\Phi,\Gamma}", "Clow": r"\underline{\Lambda}", "Lstates": r"\Lambda^{\Gamma}", "Lstatescost": r"\Lambda^{\varphi,\Gamma}", "Cstates": r"\underline{\Lambda}", "x_least": "|x_j|", "x_rest": r"\textstyle\sum_{i\ne j}|x_i|", "Jsecond": r"\Lambda^{\mathrm{joint}}", "Jcost": r"\Lambda^{\varphi,\mathrm{joint}}", "y_norm": "|y|", "radius": "R", "width": "l", "rho": r"\rho", "Bm": r"B_{\mathrm{out}}", "B_previous": "B_{u-1}",
    "V_previous": "V_{u-1}", "Lambda_0": r"\Lambda^{\mathrm{budget}}", "S0": "S_0", "S1": "S_1", "S2": "S_2", "s0": "s_0",
}  # fmt: skip


def symbol_latex(name: str) -> str:
    """The LaTeX of a symbol that the calculus made, from its name: `H_3` is H_{3}, `S2_tanh` is S_2^{tanh}."""
    if name in WHOLE:
        return WHOLE[name]
    activation = re.fullmatch(r"(S\d+|S\d+low|s0|J)_(\w+)", name)
    if activation:
        kind, of = activation.groups()
        label = rf"\mathrm{{{of.replace('_', '-')}}}"
        if kind.endswith("low"):
            return rf"\underline{{S}}_{{{kind[1:-3]}}}^{{{label}}}"
        return rf"s_{{0}}^{{{label}}}" if kind == "s0" else rf"J^{{{label}}}" if kind == "J" else rf"S_{{{kind[1:]}}}^{{{label}}}"
    prefix, _, index = name.partition("_")
    base = PREFIX.get(prefix)
    if base is None or (index and not index.isdigit() and index != "T"):
        return str(sympy.latex(sympy.Symbol(name)))
    if not index:
        return base
    if base.startswith("g_"):
        return base
    if "^" in base:
        stem, superscript = base.split("^", 1)
        return rf"{stem}_{{{index}}}^{superscript}"
    return rf"{base}_{{{index}}}"
