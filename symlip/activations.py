"""Activation functions: one SymPy expression each; its constants S_k = sup |s^(k)| are derived from it.

S_k is meant as a Lipschitz constant: S_k = Lip(s^(k-1)) for k >= 1, which is sup |s^(k)| where s^(k-1) is continuous
and infinite where it jumps. So softsign, whose s'' jumps at 0, has a finite S_2, and ReLU has not.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from functools import cache

import sympy

from .errors import SymlipError
from .suprema import Supremum, derivative_pieces, pieces_of, supremum

z = sympy.Symbol("z", real=True)


@dataclass(frozen=True)
class Activation:
    """A scalar function applied to every component of a layer's pre-activation.

    name: what reports call it. expression: a SymPy expression in one symbol, real on the whole line.
    tex: its LaTeX name; without one the name is set in upright type.
    Raises SymlipError if the expression has no or several symbols, is not real or jumps.
    """

    name: str
    expression: sympy.Expr
    tex: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise SymlipError(f"an activation is Activation(name, expression); the name must be text, not {self.name!r}")
        if isinstance(self.expression, str):
            raise SymlipError(f"activation {self.name!r}: give a SymPy expression, not text, which would be executed: {self.expression!r}")
        try:
            expression = sympy.sympify(self.expression)
        except (sympy.SympifyError, TypeError, SyntaxError) as error:
            raise SymlipError(f"activation {self.name!r}: {self.expression!r} is not a SymPy expression") from error
        if not isinstance(expression, sympy.Expr):
            raise SymlipError(f"activation {self.name!r}: {self.expression!r} is not a SymPy expression")
        symbols = sorted(expression.free_symbols, key=str)
        if len(symbols) != 1:
            named = ", ".join(map(str, symbols)) or "none"
            raise SymlipError(f"activation {self.name!r} must be an expression in exactly one symbol, it has: {named}; put numbers for the other parameters")
        # decimals are meant as they are written; hyperbolic functions by exponentials; one symbol, real
        expression = sympy.nsimplify(expression.xreplace({symbols[0]: z}), rational=True).replace(
            lambda e: isinstance(e, sympy.cosh | sympy.sinh | sympy.sech | sympy.csch | sympy.coth), lambda e: e.rewrite(sympy.exp)
        )
        object.__setattr__(self, "expression", expression)
        known = globals().get("BUILT_IN", {}).get(self.name)
        if known is not None and known.expression != expression:
            raise SymlipError(f"activation {self.name!r}: a built-in has this name; choose another")
        for point in (sympy.Rational(-7, 3), sympy.Rational(0), sympy.Rational(5, 2)):
            value = sympy.N(expression.subs(z, point))
            if not value.is_real or not value.is_finite:
                raise SymlipError(f"activation {self.name!r} is not a finite real number at z = {point}: {value}")
        pieces_of(self.name, expression)  # raises where it jumps

    def derivative(self, order: int) -> sympy.Expr:
        """The order-th derivative, a SymPy expression in z (a Piecewise where the function has kinks)."""
        return _derivative(self, order)

    def supremum(self, order: int) -> Supremum:
        """S_order with what proves it; see `suprema.Supremum`."""
        return _supremum(self, order)

    def constant(self, order: int) -> sympy.Expr:
        """S_order: exact where it has a closed form, else a rational number certified to be above it."""
        return self.supremum(order).value

    @property
    def latex(self) -> str:
        """The name as LaTeX, safe for any name."""
        escaped = self.name.replace("_", "-")
        return self.tex or (rf"\operatorname{{{escaped}}}" if escaped.isalnum() else rf"\text{{{latex_escape(self.name)}}}")

    def __str__(self) -> str:
        return self.name


def latex_escape(text: str) -> str:
    """Text that a user gave, safe to stand in a LaTeX document."""
    special = {
        "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%",
        "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    }  # fmt: skip
    return "".join(special.get(character, character if character.isprintable() else " ") for character in text)


@cache
def _derivative(activation: Activation, order: int) -> sympy.Expr:
    if order == 0:
        return activation.expression
    pieces = derivative_pieces(activation.name, activation.expression, order)
    if len(pieces) == 1:
        return pieces[0].expression
    return sympy.Piecewise(*[(piece.expression, z <= piece.upper) for piece in pieces])


@cache
def _supremum(activation: Activation, order: int) -> Supremum:
    return supremum(activation.name, activation.expression, order)


def _built_in(name: str, expression: sympy.Expr, tex: str) -> Activation:
    """An activation without the constructor's checks, which the tests make for all of these: importing stays quick."""
    activation = object.__new__(Activation)
    for attribute, value in (("name", name), ("expression", expression), ("tex", tex)):
        object.__setattr__(activation, attribute, value)
    return activation


identity = _built_in("identity", z, r"\mathrm{id}")
tanh = _built_in("tanh", sympy.tanh(z), r"\tanh")
logistic = _built_in("logistic", 1 / (1 + sympy.exp(-z)), r"\operatorname{logistic}")
softplus = _built_in("softplus", sympy.log(1 + sympy.exp(z)), r"\operatorname{softplus}")
arctan = _built_in("arctan", sympy.atan(z), r"\arctan")
sin = _built_in("sin", sympy.sin(z), r"\sin")
erf = _built_in("erf", sympy.erf(z), r"\operatorname{erf}")
gaussian = _built_in("gaussian", sympy.exp(-(z**2)), r"\operatorname{Gaussian}")
softsign = _built_in("softsign", z / (1 + sympy.Abs(z)), r"\operatorname{softsign}")
elu = _built_in("elu", sympy.Piecewise((sympy.exp(z) - 1, z < 0), (z, True)), r"\operatorname{ELU}")
gelu = _built_in("gelu", z * (1 + sympy.erf(z / sympy.sqrt(2))) / 2, r"\operatorname{GELU}")
gelu_tanh = _built_in(
    "gelu_tanh",
    z * (1 + sympy.tanh(sympy.sqrt(2 / sympy.pi) * (z + sympy.Rational(44715, 1000000) * z**3))) / 2,
    r"\operatorname{GELU}_{\tanh}",
)
silu = _built_in("silu", z / (1 + sympy.exp(-z)), r"\operatorname{SiLU}")
mish = _built_in("mish", z * ((1 + sympy.exp(z)) ** 2 - 1) / ((1 + sympy.exp(z)) ** 2 + 1), r"\operatorname{Mish}")
relu = _built_in("relu", sympy.Max(z, 0), r"\operatorname{ReLU}")
leaky_relu = _built_in("leaky_relu", sympy.Max(z, z / 100), r"\operatorname{LeakyReLU}")

BUILT_IN = {
    activation.name: activation
    for activation in (
        identity, tanh, logistic, softplus, arctan, sin, erf, gaussian, softsign, elu, gelu, gelu_tanh, silu, mish,
        relu, leaky_relu,
    )
}  # fmt: skip


def activation_named(activation: Activation | str) -> Activation:
    """The activation itself, or the built-in one of that name. Raises SymlipError, with the nearest names, if unknown."""
    if isinstance(activation, Activation):
        return activation
    if not isinstance(activation, str):
        raise SymlipError(f"an activation is an Activation or a name, not {activation!r}")
    key = activation.strip().lower().replace("-", "_")
    key = {"sigmoid": "logistic", "linear": "identity", "swish": "silu", "atan": "arctan", "leakyrelu": "leaky_relu"}.get(key, key)
    if key in BUILT_IN:
        return BUILT_IN[key]
    nearest = difflib.get_close_matches(key, BUILT_IN, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(nearest)}?" if nearest else f"known are: {', '.join(sorted(BUILT_IN))}"
    raise SymlipError(f"unknown activation {activation!r}: {hint}")
