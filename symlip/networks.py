"""Networks as plain data: h_0 = x, z_u = A_u h_{u-1} + b_u, h_u = s_u(z_u), N_theta(x) = h_m; skips and shared parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import sympy

from .activations import Activation, activation_named
from .errors import SymlipError

Size: TypeAlias = int | sympy.Symbol


def _size(value: object, what: str) -> Size:
    """A positive integer, or the symbol of one (a string names a symbol)."""
    if isinstance(value, str):
        if not value.isidentifier():
            raise SymlipError(f"{what} {value!r} is neither a positive integer nor a symbol's name such as l_1")
        return sympy.Symbol(value, integer=True, positive=True)
    if isinstance(value, sympy.Symbol):
        if value.is_integer and value.is_positive:
            return value
        return sympy.Symbol(value.name, integer=True, positive=True)
    if isinstance(value, bool) or not isinstance(value, (int, sympy.Integer)) or value < 1:
        raise SymlipError(f"{what} must be a positive integer or a symbol, not {value!r}")
    return int(value)


@dataclass(frozen=True)
class Dense:
    """A dense layer h -> s(A h + b) with `width` outputs. The same object listed twice is two layers, each with its own parameters."""

    width: Size
    activation: Activation

    def __init__(self, width: Size | str, activation: Activation | str) -> None:
        object.__setattr__(self, "width", _size(width, "a layer's width"))
        object.__setattr__(self, "activation", activation_named(activation))


def step_of(value: object, what: str) -> sympy.Expr:
    """A step |d| > 0: a number, or a symbol (its sign does not matter, and does not enter)."""
    if isinstance(value, str):
        if not value.isidentifier():
            raise SymlipError(f"{what} {value!r} is neither a number nor a symbol's name such as d")
        return sympy.Symbol(value, nonnegative=True)
    if isinstance(value, sympy.Symbol):
        return sympy.Symbol(value.name, nonnegative=True)
    try:
        number = sympy.nsimplify(value, rational=True) if isinstance(value, float) else sympy.sympify(value)
    except (TypeError, ValueError, sympy.SympifyError):
        number = None
    if isinstance(value, bool) or not isinstance(number, sympy.Expr) or number.free_symbols or not number.is_real or not number.is_finite or number == 0:
        raise SymlipError(f"{what} must be a finite number other than 0, or a symbol, not {value!r}")
    return sympy.Abs(number)


def _negative(step: object) -> bool:
    """Whether a step is a negative number; of a symbol the sign is not known."""
    return isinstance(step, int | float | sympy.Expr) and not isinstance(step, sympy.Symbol) and bool(sympy.sympify(step).is_negative)


class _Stepped:
    """What has a step, kept as its modulus, and whether it is negative: the bounds need the one, a concrete network both."""

    step: Any
    negative: bool

    @property
    def signed_step(self) -> sympy.Expr:
        """The step with its sign; a symbol stands for either."""
        return -self.step if self.negative else self.step


@dataclass(frozen=True)
class Residual(_Stepped):
    """A residual layer h -> h + step s(A h + b) with as many outputs as inputs. step: a number or a symbol; its sign does not matter."""

    width: Size
    activation: Activation
    step: sympy.Expr
    negative: bool = field(repr=False)

    def __init__(self, width: Size | str, activation: Activation | str, step: object = 1) -> None:
        object.__setattr__(self, "width", _size(width, "a layer's width"))
        object.__setattr__(self, "activation", activation_named(activation))
        object.__setattr__(self, "step", step_of(step, "a residual layer's step"))
        object.__setattr__(self, "negative", _negative(step))


@dataclass(frozen=True)
class Skip(_Stepped):
    """A skip around several dense layers: h -> h + step f(h), f the layers one after the other."""

    layers: tuple[Dense, ...]
    step: sympy.Expr
    negative: bool = field(repr=False)

    def __init__(self, layers: Sequence[Dense], step: object = 1) -> None:
        layers = tuple(layers)
        if not layers or not all(isinstance(layer, Dense) for layer in layers):
            raise SymlipError(f"a Skip goes around dense layers, such as Skip([Dense(8, 'tanh'), Dense(4, 'identity')]), not {list(layers)!r}")
        object.__setattr__(self, "layers", layers)
        object.__setattr__(self, "step", step_of(step, "a skip's step"))
        object.__setattr__(self, "negative", _negative(step))

    @property
    def width(self) -> Size:
        """The number of outputs."""
        return self.layers[-1].width


@dataclass(frozen=True)
class Tied:
    """One layer applied `steps` times with the same parameters: a recurrent network without further inputs."""

    layer: Dense | Residual | Skip
    steps: int

    def __init__(self, layer: Dense | Residual | Skip, steps: int) -> None:
        if not isinstance(layer, Dense | Residual | Skip):
            raise SymlipError(f"Tied repeats a layer such as Dense(4, 'tanh'), not {layer!r}")
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise SymlipError(f"Tied(.., steps={steps!r}): the number of steps must be a positive integer")
        object.__setattr__(self, "layer", layer)
        object.__setattr__(self, "steps", steps)

    @property
    def width(self) -> Size:
        """The number of outputs."""
        return self.layer.width


Layer: TypeAlias = Dense | Residual | Skip | Tied


@dataclass(frozen=True)
class Unit(_Stepped):
    """One line of a network written out: h_u = [h_start +] [step] s(A_g h_{u-1} + b_g), or h_u = h_start + step h_{u-1}.

    activation: None where a skip ends. group: g, the number of the first unit with these parameters; None without any.
    step, start: None for a plain dense line. negative: whether the step, which stands here in modulus, is.
    """

    width: Size
    activation: Activation | None
    group: int | None
    step: sympy.Expr | None = None
    start: int | None = None
    negative: bool = False

    @property
    def factor(self) -> sympy.Expr:
        """What multiplies the line's activation, in modulus: the step, 1 for a dense line."""
        return sympy.Integer(1) if self.step is None else self.step

    @property
    def kind(self) -> str:
        """dense, residual or skip (the end of one)."""
        return "skip" if self.activation is None else "dense" if self.step is None else "residual"


@dataclass(frozen=True)
class Network:
    """A network of layers, each a Dense, Residual, Skip or Tied.

    inputs: the input dimension l_0. layers: the layers in order. depth: the number of lines h_1, .., h_m of the network written
    out, which for dense layers is their number; a symbol only through `uniform`, and then `layers` holds the one layer that is
    repeated. units: these lines.
    """

    inputs: Size
    layers: tuple[Layer, ...]
    depth: Size
    units: tuple[Unit, ...] = field(compare=False, repr=False)

    def __init__(self, inputs: Size | str, layers: Sequence[Layer], depth: Size | None = None) -> None:
        layers = tuple(layers)
        if not layers:
            raise SymlipError("a network needs at least one layer")
        for position, layer in enumerate(layers, 1):
            if not isinstance(layer, Layer):
                raise SymlipError(f"layer {position} is {layer!r}, not a layer such as Dense(4, 'tanh')")
        object.__setattr__(self, "inputs", _size(inputs, "the number of inputs"))
        object.__setattr__(self, "layers", layers)
        object.__setattr__(self, "units", _written_out(self.inputs, layers))
        object.__setattr__(self, "depth", len(self.units) if depth is None else depth)

    @classmethod
    def uniform(cls, depth: Size | str, activation: Activation | str, width: Size | str = "l", inputs: Size | str = "l_0") -> Network:
        """`depth` equal layers, depth a number or a symbol. Widths are symbols unless given."""
        count = _size(depth, "the depth")
        layer = Dense(width, activation)
        if isinstance(count, int):
            return cls(inputs, [layer] * count)
        return cls(inputs, [layer], count)

    @property
    def symbolic_depth(self) -> bool:
        """Whether the depth is a symbol."""
        return not isinstance(self.depth, int)

    @property
    def widths(self) -> tuple[Size, ...]:
        """l_0, l_1, .., l_m (for symbolic depth: l_0 and the common width)."""
        return (self.inputs, *(unit.width for unit in self.units))

    @property
    def activations(self) -> tuple[Activation, ...]:
        """The distinct activations in order of appearance."""
        return tuple(dict.fromkeys(unit.activation for unit in self.units if unit.activation is not None))

    @property
    def groups(self) -> tuple[int, ...]:
        """The numbers g of the parameters A_g, b_g, in order."""
        return tuple(dict.fromkeys(unit.group for unit in self.units if unit.group is not None))

    def lines_with(self, group: int | None, before: int | None = None) -> list[int]:
        """The numbers of the lines with the parameters of a group, in order; only those before that line, if one is named."""
        return [line for line, unit in enumerate(self.units[: None if before is None else before - 1], 1) if unit.group == group]

    @property
    def plain(self) -> bool:
        """Whether all layers are dense, each with its own parameters."""
        return all(isinstance(layer, Dense) for layer in self.layers)

    @property
    def long_skips(self) -> bool:
        """Whether a skip goes around several layers, so that there are lines without an activation, where it ends."""
        return any(unit.activation is None for unit in self.units)

    @property
    def dense(self) -> tuple[Dense, ...]:
        """The layers of a plain network."""
        return tuple(layer for layer in self.layers if isinstance(layer, Dense))

    @property
    def tied(self) -> bool:
        """Whether parameters are used more than once."""
        used = [unit.group for unit in self.units if unit.group is not None]
        return len(set(used)) < len(used)

    @property
    def steps(self) -> tuple[sympy.Symbol, ...]:
        """The symbols among the steps."""
        return tuple(dict.fromkeys(unit.step for unit in self.units if isinstance(unit.step, sympy.Symbol)))


def _written_out(inputs: Size, layers: Sequence[Layer]) -> tuple[Unit, ...]:
    """The layers as lines. Raises SymlipError for widths that a skip cannot add or a tied layer cannot feed to itself."""
    units: list[Unit] = []
    width = inputs
    for position, layer in enumerate(layers, 1):
        where = f"layer {position}"
        repeated = layer.layer if isinstance(layer, Tied) else layer
        count = layer.steps if isinstance(layer, Tied) else 1
        first = len(units)
        if isinstance(repeated, Residual | Skip) and repeated.width != width:
            raise SymlipError(f"{where}: a skip adds its {width} inputs to {repeated.width} outputs; they must be as many, so put a Dense layer before it")
        if count > 1 and repeated.width != width:
            raise SymlipError(
                f"{where}: a tied layer is fed its own {repeated.width} outputs and must have as many inputs, not {width}; put a Dense layer before it"
            )
        for _ in range(count):
            begin = len(units)
            if isinstance(repeated, Skip) and len(repeated.layers) > 1:
                for number, dense in enumerate(repeated.layers, 1):
                    units.append(Unit(dense.width, dense.activation, first + number))
                units.append(Unit(repeated.width, None, None, repeated.step, begin, repeated.negative))
            elif isinstance(repeated, Skip):
                units.append(Unit(repeated.width, repeated.layers[0].activation, first + 1, repeated.step, begin, repeated.negative))
            elif isinstance(repeated, Residual):
                units.append(Unit(repeated.width, repeated.activation, first + 1, repeated.step, begin, repeated.negative))
            else:
                units.append(Unit(repeated.width, repeated.activation, first + 1))
        width = repeated.width
    return tuple(units)
