"""Continuous depth as plain data: dX = V(theta, X) du for controls u of finite variation, with continuous parts and jumps.

A pure jump control gives a residual network with shared parameters, du = dt a neural ODE.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import sympy

from .activations import Activation, activation_named
from .errors import SymlipError
from .networks import Size, Unit, _size, step_of

variation = sympy.Symbol("y", nonnegative=True)
"""The elapsed variation y of the control: constants of a field may be functions of it."""

END = sympy.Symbol("T", positive=True)
"""The end of the control: X_T is the output."""


@dataclass(frozen=True)
class Flow:
    """A piece of the control that is continuous, of total variation `length` (a number or a symbol)."""

    length: sympy.Expr

    def __init__(self, length: object) -> None:
        object.__setattr__(self, "length", _positive(length, "a Flow's variation"))


@dataclass(frozen=True)
class Jump:
    """A jump of the control, of modulus `step` (a number or a symbol; its sign does not matter)."""

    step: sympy.Expr

    def __init__(self, step: object) -> None:
        object.__setattr__(self, "step", step_of(step, "a Jump"))


def _positive(value: object, what: str) -> sympy.Expr:
    number = step_of(value, what)
    if not isinstance(value, str | sympy.Symbol) and sympy.sympify(value).is_negative:
        raise SymlipError(f"{what} must be positive and finite, not {value!r}")
    return number


def _control(control: Sequence[Flow | Jump] | None) -> tuple[Flow | Jump, ...] | None:
    if control is None:
        return None
    pieces = tuple(control)
    if not pieces or not all(isinstance(piece, Flow | Jump) for piece in pieces):
        raise SymlipError(f"a control is a list of Flow(variation) and Jump(step), not {list(pieces)!r}")
    return pieces


class _Continuous:
    """What networks of continuous depth share with the others, for the readers."""

    symbolic_depth: ClassVar[bool] = False
    plain: ClassVar[bool] = False
    tied: ClassVar[bool] = True
    layers: ClassVar[tuple[()]] = ()
    units: ClassVar[tuple[Unit, ...]] = ()
    control: tuple[Flow | Jump, ...] | None

    @property
    def depth(self) -> Size:
        """The number of pieces of the control; the end T where the control is any of its total variation."""
        return END if self.control is None else len(self.control)

    @property
    def steps(self) -> tuple[sympy.Symbol, ...]:
        """The symbols among the sizes of the control's pieces."""
        sizes = [piece.length if isinstance(piece, Flow) else piece.step for piece in self.control or ()]
        return tuple(dict.fromkeys(size for size in sizes if isinstance(size, sympy.Symbol)))


@dataclass(frozen=True)
class NeuralODE(_Continuous):
    """dX = s(A X + b) du, X_0 = x, in R^width, with theta = (A, b).

    activation: the field's. parameters: "shared" (one theta at all times) or "depth-dependent" (theta_t, with the norm of
    L^2 of the variation). control: None for any control of total variation at most U, or a list of Flow and Jump.
    """

    width: Size
    activation: Activation
    parameters: str
    control: tuple[Flow | Jump, ...] | None

    def __init__(self, width: Size | str, activation: Activation | str, parameters: str = "shared", control: Sequence[Flow | Jump] | None = None) -> None:
        object.__setattr__(self, "width", _size(width, "the width"))
        object.__setattr__(self, "activation", activation_named(activation))
        object.__setattr__(self, "parameters", _parameters(parameters, control))
        object.__setattr__(self, "control", _control(control))

    @property
    def widths(self) -> tuple[Size, ...]:
        """The dimension of the state, as input and as output."""
        return (self.width, self.width)

    @property
    def activations(self) -> tuple[Activation, ...]:
        """The field's activation."""
        return (self.activation,)

    @property
    def groups(self) -> tuple[int, ...]:
        """There is one pair of parameters, A and b."""
        return (1,)


def _parameters(parameters: str, control: object) -> str:
    if parameters not in ("shared", "depth-dependent"):
        raise SymlipError(f"parameters={parameters!r}: they are 'shared' or 'depth-dependent'")
    if parameters == "depth-dependent" and control is not None:
        raise SymlipError(
            "depth-dependent parameters have the norm of L^2 of the variation: the control is any one of its total variation, so leave control=None"
        )
    return parameters


CONSTANTS = ("state_lipschitz", "parameter_lipschitz", "parameter_curvature", "mixed_curvature", "state_curvature")
LETTERS = {"state_lipschitz": "k", "parameter_lipschitz": "v1", "parameter_curvature": "v2", "mixed_curvature": "w", "state_curvature": "c"}


@dataclass(frozen=True)
class ControlledODE(_Continuous):
    """dX = sum_i V_i(theta, t, X) du^i, X_0 = x, by the constants of its fields.

    state_lipschitz k >= |D_x V|, parameter_lipschitz v1 >= |D_theta V|, parameter_curvature v2 >= |D_theta^2 V|,
    mixed_curvature w >= |D_x D_theta V|, state_curvature c >= |D_x^2 V|, for all i, t and reachable states: each a number, a
    symbol or an expression in symbols and in `variation`, the elapsed variation, in which it must not decrease.
    growth: (v0, k0) with |V| <= v0 + k0 |x|, if the size of the output is wanted. parameters, control: as for NeuralODE.
    Without curvatures (None) only the first derivative is bounded: derive(field, order=1).
    """

    state_lipschitz: sympy.Expr
    parameter_lipschitz: sympy.Expr
    parameter_curvature: sympy.Expr | None = None
    mixed_curvature: sympy.Expr | None = None
    state_curvature: sympy.Expr | None = None
    growth: tuple[sympy.Expr, sympy.Expr] | None = None
    parameters: str = "shared"
    control: tuple[Flow | Jump, ...] | None = None
    activations: tuple[Activation, ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        for name in CONSTANTS:
            value = getattr(self, name)
            if value is None:
                if name in ("state_lipschitz", "parameter_lipschitz"):
                    raise SymlipError(f"{name} must be a number, a symbol or an expression, not None")
                continue
            object.__setattr__(self, name, _constant(value, name))
        if self.growth is not None:
            try:
                v0, k0 = self.growth
            except (TypeError, ValueError):
                raise SymlipError(f"growth={self.growth!r}: it is (v0, k0) with |V| <= v0 + k0 |x|") from None
            object.__setattr__(self, "growth", (_constant(v0, "growth v0"), _constant(k0, "growth k0")))
        object.__setattr__(self, "parameters", _parameters(self.parameters, self.control))
        object.__setattr__(self, "control", _control(self.control))

    @property
    def widths(self) -> tuple[Size, ...]:
        """None are known: the theorem is the same for every dimension."""
        return ()

    @property
    def groups(self) -> tuple[int, ...]:
        """The parameters are one vector theta."""
        return ()

    @property
    def constants(self) -> dict[str, sympy.Expr]:
        """The constants that are given, by the letters k, v1, v2, w, c, v0, k0."""
        found = {LETTERS[name]: getattr(self, name) for name in CONSTANTS if getattr(self, name) is not None}
        return found | (dict(zip(("v0", "k0"), self.growth)) if self.growth is not None else {})


def _constant(value: object, name: str) -> sympy.Expr:
    """A nonnegative finite expression; a function of the elapsed variation must be shown not to decrease."""
    try:
        expression = sympy.nsimplify(value, rational=True) if isinstance(value, float) else sympy.sympify(value)
    except (TypeError, ValueError, AttributeError, sympy.SympifyError):
        expression = None
    if isinstance(value, bool | str) or not isinstance(expression, sympy.Expr):
        raise SymlipError(f"{name} must be a number, a symbol or an expression in symbols and sl.variation, not {value!r}")
    named = {s: sympy.Symbol(s.name, nonnegative=True) for s in expression.free_symbols if s != variation}
    expression = expression.xreplace(named)
    if not expression.free_symbols:
        if not (expression.is_real and expression.is_finite) or expression.is_negative:
            raise SymlipError(f"{name} must be finite and nonnegative, not {value}")
        return expression
    if expression.has(sympy.oo, sympy.zoo, sympy.nan):
        raise SymlipError(f"{name} must be finite, not {value}")
    if variation in expression.free_symbols:
        if not _nondecreasing(expression):
            raise SymlipError(
                f"{name} = {value} is not shown to be nonnegative and nondecreasing in the elapsed variation, which the theorem needs (a jump may come "
                "first): give a constant above it, or a nondecreasing function"
            )
    elif expression.is_nonnegative is None or expression.is_nonnegative is False:
        raise SymlipError(f"{name} = {value} is not shown to be nonnegative")
    return expression


def _nondecreasing(expression: sympy.Expr) -> bool:
    """Whether SymPy shows f(0) >= 0 and f' >= 0 on y >= 0 (the other symbols nonnegative)."""
    start, slope = sympy.simplify(expression.subs(variation, 0)), sympy.simplify(sympy.diff(expression, variation))
    if not start.is_nonnegative:
        return False
    if slope.is_nonnegative:
        return True
    if slope.free_symbols == {variation}:
        try:
            return bool(sympy.ask(sympy.Q.nonnegative(slope))) or sympy.solveset(slope < 0, variation, sympy.Interval(0, sympy.oo)) == sympy.S.EmptySet
        except (NotImplementedError, TypeError, ValueError):
            return False
    return False


Field = NeuralODE | ControlledODE
