"""Certificates of a concrete network near its weights, and steps that are proved to descend.

A certificate is a local derivation with numbers: the theorem holds for all weights and data, and `outward` ball arithmetic
evaluates it at these, never below the exact bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from .calculus.derivation import Derivation
from .costs import Cost, Huber, Risk
from .derive import derive
from .errors import SymlipError
from .models import Model
from .networks import Network
from .objective import Form, Objective, Parameters, flat
from .operators import check_size, largest_eigenvalue, largest_of_products
from .parameter_sets import Cone, LocalSet, Neighbourhood, Segment, positive_number
from .rounding import Ball
from .suprema import pieces_of

METHODS = ("norm", "majorant", "cone", "line")


@dataclass(frozen=True)
class Certificate:
    """What is proved of the average cost Phi near the weights.

    method: "norm" or "majorant" (the ball of that radius), "cone" (about a direction, up to that radius), or "line" (theta + t U, 0 <= t <= length, U the direction).
    cost_lipschitz, cost_gradient_lipschitz: of Phi and of its gradient on the ball. step_constant: what a step along the gradient
    inside the ball needs. layer_lipschitz: bounds of the mixed second derivatives of Phi, blocks A_1, b_1, A_2, b_2, ..
    curvature: the largest second derivative of Phi along the segment; taylor: Phi, its first three derivatives at t = 0, and the
    bound of the fourth on the segment, each rounded up; fourth: (r, the bound of the fourth derivative on [0, r]) for nested segments, up
    to the whole; cost_at_least: Phi at t = 0, rounded down. probability: the certificate holds with probability 1 minus this one over the
    random start of Lanczos' iteration; None if it holds without one. ritz: the largest Ritz values of H + E/3, H + E and G - H + E that
    it is made of. What a method does not give is None.
    derivation: the theorem, with its proof, function and check.
    """

    method: str
    derivation: Derivation
    radius: float | None = None
    length: float | None = None
    cost_lipschitz: float | None = None
    cost_gradient_lipschitz: float | None = None
    layer_lipschitz: np.ndarray | None = None
    curvature: float | None = None
    taylor: tuple[float, ...] | None = None
    fourth: tuple[tuple[float, float], ...] = ()
    cost_at_least: float | None = None
    own_step_constant: float | None = None
    probability: float | None = None
    ritz: tuple[float, ...] | None = None

    @property
    def step_constant(self) -> float | None:
        """What a step inside the ball, or along the segment, needs; at most the constant of the gradient."""
        return {"norm": self.cost_gradient_lipschitz, "majorant": self.own_step_constant, "cone": self.own_step_constant, "line": self.curvature}[self.method]

    @property
    def layer_steps(self) -> np.ndarray | None:
        """Step sizes eta_1, eta_2, .., one a layer, with which steps along minus the gradient's layers descend, while they stay in the ball.

        With G the layers' matrix and eta_u = 1 / (row u's sum of G), diag(1/eta) - G is positive semidefinite (diagonally
        dominant), so Phi falls by at least half the sum of eta_u |grad_u|^2.
        """
        if self.layer_lipschitz is None:
            return None
        blocks = self.layer_lipschitz
        count = len(blocks) // 2
        layers = np.array([[math.hypot(*blocks[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].ravel()) for j in range(count)] for i in range(count)])
        return np.asarray(1 / (layers.sum(axis=1) * (1 + 1e-14)))

    def latex(self, fragment: bool = True) -> str:
        """The theorem with its proof and the numbers of this network, as LaTeX."""
        from .report import render

        return render(self.derivation, fragment=fragment, certificate=self)


@dataclass(frozen=True)
class Step:
    """A step along minus the gradient that is proved to descend.

    size: eta, the new weights are theta - eta * gradient (of the first piece; `parameters` are those after all pieces).
    guaranteed_decrease: of Phi, for the step in exact arithmetic. radius: how far the certificate reaches, in the norm of the
    parameters. certificate: of the last piece; pieces: (length, decrease) of each, guaranteed for the last one and, where the next
    certificate has proved the value that it starts from, known for those before it.
    """

    size: float
    guaranteed_decrease: float
    radius: float
    certificate: Certificate
    parameters: Parameters
    cost: float
    gradient_norm: float
    pieces: tuple[tuple[float, float], ...] = ()


def certify(
    model: Model,
    data: tuple[Any, Any],
    cost: Cost,
    radius: float | Neighbourhood | None = None,
    method: str = "norm",
    direction: Parameters | None = None,
    length: float | Segment | None = None,
    angle: float | None = None,
    probability: float = 1e-6,
    steps: int = 40,
) -> Certificate:
    """Bound the Lipschitz constant of the average cost's gradient near the model's weights, over the data (inputs, targets).

    method "norm": on the ball of that radius, in one pass over the data. "majorant": there, too, sharper and dearer: the Hessian at the
    weights plus a positive operator that bounds its change, whose largest eigenvalue is certified from `steps` Lanczos steps,
    except with the given probability; probability=0 forms the whole matrix in ball arithmetic and encloses its eigenvalues, without chance
    and with every rounding, for at most 3000 parameters (seconds to minutes). "cone": the same on the points theta + t (U + w), 0 <= t <= radius, |w| <= angle, U the direction
    normalised: far sharper where only steps nearly along U matter. "line": along the direction [(dA_1, db_1), ..], on the
    segment of that length, in units of the direction's norm 1 (the direction is normalised). Never below the exact bound: all rounding errors
    are included. Raises SymlipError for data, radius or direction that do not fit.
    Source: this package; the step sizes by the descent lemma (Nesterov, Introductory Lectures on Convex Optimization, 1.2.3).
    """
    if method not in METHODS:
        raise SymlipError(f"unknown method {method!r}: it is one of {', '.join(METHODS)}")
    objective = _objective(model, data, cost)
    if method == "cone":
        if length is not None or direction is None or angle is None:
            raise SymlipError("method='cone' needs a direction, a radius (how far along it) and an angle, no length")
        if isinstance(radius, Cone):
            radius = radius.length
        opening = positive_number("the angle", angle)
        return cone_certificates(model.parameters, objective, direction, probability, steps)(_size("radius", radius, Neighbourhood), opening)
    if angle is not None:
        raise SymlipError(f"an angle is a matter of method='cone', not of {method!r}")
    if method != "line":
        if direction is not None or length is not None:
            raise SymlipError(f"method={method!r} is about a ball: give a radius, no direction or length; along a direction use method='line'")
        size = _size("radius", radius, Neighbourhood)
        if method == "norm":
            return norm_certificates(model, objective)(size)
        return majorant_certificates(model.parameters, objective, probability, steps)(size)
    if radius is not None:
        raise SymlipError("method='line' is about a segment: give its length, not a radius")
    if direction is None:
        raise SymlipError("method='line' needs a direction [(dA_1, db_1), ..] with the shapes of the parameters, such as minus the gradient")
    return line_certificates(model.parameters, objective, direction)(_size("length", length, Segment))


def _size(name: str, value: Any, kind: type) -> float:
    if isinstance(value, kind):
        value = getattr(value, name)
    if value is None:
        raise SymlipError(f"give a {name}: how far from the weights the certificate must reach")
    return positive_number(f"the {name}", value)


def _objective(model: Model, data: Any, cost: Cost) -> Objective:
    if not isinstance(model, Model):
        raise SymlipError(f"the model is what symlip.load returns, or Model(network, parameters), not {type(model).__name__}")
    if not isinstance(model.network, Network):
        raise SymlipError("certificates near given weights are about networks, not about neural ODEs")
    if not isinstance(cost, Cost):
        raise SymlipError(f"{cost!r} is not a cost; use HalfSquaredError(), SoftmaxCrossEntropy(), Logistic() or Huber(delta)")
    if not (isinstance(data, tuple | list) and len(data) == 2):
        raise SymlipError("the data are a pair (inputs, targets)")
    check_parameters("the model", model.network, model.parameters)
    return Objective(model.network, cost, *data)


def check_parameters(what: str, network: Network, parameters: Any) -> Parameters:
    """The parameters as float64 arrays of the network's shapes. Raises SymlipError, with the layer, if they are not."""
    try:
        pairs = [(np.asarray(A, dtype=float), np.asarray(b, dtype=float)) for A, b in parameters]
    except (TypeError, ValueError):
        raise SymlipError(f"{what}: parameters are [(A_1, b_1), ..], arrays of numbers") from None
    expected = [((network.widths[group], network.widths[group - 1]), (network.widths[group],)) for group in network.groups]
    if len(pairs) != len(expected):
        raise SymlipError(f"{what} has {len(pairs)} layers; the network has {len(expected)}")
    for number, ((A, b), (matrix, bias)) in enumerate(zip(pairs, expected), 1):
        if A.shape != matrix or b.shape != bias:
            raise SymlipError(f"{what}, layer {number}: shapes {A.shape} and {b.shape}; the network has {matrix} and {bias}")
        if not (np.isfinite(A).all() and np.isfinite(b).all()):
            raise SymlipError(f"{what}, layer {number}: NaN or infinite numbers")
    return pairs


_SETS: dict[str, LocalSet] = {"norm": Neighbourhood(), "majorant": Neighbourhood(), "cone": Cone(), "line": Segment()}


@lru_cache(maxsize=64)
def _compiled(network: Network, cost: Cost, method: str) -> tuple[Derivation, Callable[..., Any]]:
    """The derivation for an architecture and its function, made once."""
    derivation = derive(network, _SETS[method], method=method, cost=Risk(cost))
    return derivation, derivation.compile(outward=True)


def norm_certificates(model: Model, objective: Objective) -> Callable[..., Certificate]:
    """The norm certificate as a function of the radius; one pass over the data is done once for all radii.

    With outward=False the function is for searches: plain floats, which prove nothing.
    """
    derivation, function = _compiled(objective.network, objective.cost, "norm")
    weights, biases = zip(*model.parameters)
    at = function.prepared(weights, biases, objective.inputs, objective.targets)  # type: ignore[attr-defined]

    def certificate(radius: float, outward: bool = True) -> Certificate:
        found = (at if outward else at.in_floats)(radius)
        return Certificate(
            "norm", derivation, radius=radius, cost_lipschitz=found.cost_lipschitz, cost_gradient_lipschitz=found.cost_gradient_lipschitz,
            layer_lipschitz=found.layer_lipschitz,
        )  # fmt: skip

    return certificate


def majorant_certificates(
    parameters: Parameters, objective: Objective, probability: float = 1e-6, steps: int = 40, seed: int = 0, step_only: bool = False
) -> Callable[..., Certificate]:
    """The majorant certificate as a function of the radius.

    The coefficients of the majorant are evaluated in ball arithmetic; the largest eigenvalues are bounded from a Lanczos iteration by the theorem
    of `eigenvalues`, every rounding error of its products included (`operators`), except with the given probability over its random start.
    probability=0: the whole matrix in ball arithmetic instead. step_only: only what a step needs, a third of the work.
    The function with outward=False, and perhaps fewer steps, is for searches and proves nothing.
    """
    weights, biases = zip(*parameters)
    return _operator_certificates(parameters, objective, "majorant", (weights, biases), probability, steps, seed, step_only)


def cone_certificates(
    parameters: Parameters,
    objective: Objective,
    direction: Parameters,
    probability: float = 1e-6,
    steps: int = 40,
    seed: int = 0,
    step_only: bool = False,
) -> Callable[..., Certificate]:
    """The cone certificate about a direction as a function of the length of its axis and of the angle; otherwise as majorant_certificates."""
    weights, biases = zip(*parameters)
    return _operator_certificates(
        parameters, objective, "cone", (weights, biases, *zip(*normalised(objective.network, direction))), probability, steps, seed, step_only
    )


def normalised(network: Network, direction: Parameters) -> Parameters:
    """The direction with length 1. Raises SymlipError where it does not fit, or is zero."""
    pairs = check_parameters("the direction", network, direction)
    size = float(np.linalg.norm(flat(pairs)))
    if not size > 0 or not math.isfinite(size):
        raise SymlipError("the direction is zero, or too large for its norm to be a number")
    return [(A / size, b / size) for A, b in pairs]


def _operator_certificates(
    parameters: Parameters, objective: Objective, method: str, given: tuple[Any, ...], probability: float, steps: int, seed: int, step_only: bool
) -> Callable[..., Certificate]:
    """Certificates from the Hessian plus a majorant of its change, as a function of the sizes of the set."""
    if isinstance(probability, bool) or not isinstance(probability, int | float) or not 0 <= probability < 1:
        raise SymlipError(f"the probability must lie between 0 and 1, such as 1e-6, or be 0 for an enclosure of the whole matrix, not {probability!r}")
    if probability == 0:
        check_size(parameters)
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 2:
        raise SymlipError(f"steps must be an integer from 2 on, not {steps!r}")
    derivation, function = _compiled(objective.network, objective.cost, method)
    reference = objective.lanczos(parameters, min(steps, 12), seed=seed + 1)[2]
    at = function.prepared(*given, *zip(*reference), objective.inputs, objective.targets)  # type: ignore[attr-defined]
    depth = len(parameters)

    def certificate(radius: float, *angle: float, outward: bool = True, steps: int = steps) -> Certificate:
        found = list((at if outward else at.in_floats)(radius, *angle))
        shifts, neurons, outputs = tuple(found[:depth]), tuple(found[depth : 2 * depth - 1]), found[-1]
        if not all(np.less_equal(part, 1e140).all() for part in found):  # so that no square in the Lanczos steps overflows
            return Certificate(method, derivation, radius=radius, cost_gradient_lipschitz=math.inf, own_step_constant=math.inf, probability=probability)
        wrap: Callable[[Any], Any] = Ball if outward else np.asarray
        shifts, neurons, outputs = tuple(map(wrap, shifts)), tuple(map(wrap, neurons)), wrap(outputs)
        forms = [_form(wrap(1.0) / 3, shifts, neurons, outputs, 1.0)]
        if not step_only:
            forms += [_form(1.0, shifts, neurons, outputs, 1.0), Form(outputs, -1.0, neurons, shifts)]
        ritz: tuple[float, ...] | None = None
        if not outward:
            ritz = ends = tuple(objective.lanczos(parameters, steps, form, seed + 2)[1] for form in forms)  # what is chosen must not depend on the other start
        elif probability == 0:
            ends = tuple(largest_eigenvalue(objective, parameters, form) for form in forms)
        else:
            ritz, ends = zip(*(largest_of_products(objective, parameters, form, steps, probability / len(forms), seed) for form in forms))
        return Certificate(
            method, derivation, radius=radius, cost_gradient_lipschitz=None if step_only else max(ends[1:]),
            own_step_constant=min(ends[:2]),  # H + E/3 is at most H + E
            probability=probability, ritz=ritz,
        )  # fmt: skip

    return certificate


def _form(share: Any, shifts: tuple[Any, ...], neurons: tuple[Any, ...], outputs: Any, rest: float) -> Form:
    """The Hessian plus a share of the majorant."""
    return Form(1.0 + share * outputs, rest, tuple(share * part for part in neurons), tuple(share * part for part in shifts))


NESTED = (0.3, 0.6)
"""The shares of the segment at which the fourth derivative is bounded besides the whole: most of Taylor's remainder comes from its beginning."""


def line_certificates(parameters: Parameters, objective: Objective, direction: Parameters) -> Callable[..., Certificate]:
    """The line certificate as a function of the length; with outward=False it is for searches, on the whole segment alone, and proves nothing."""
    derivation, function = _compiled(objective.network, objective.cost, "line")
    weights, biases = zip(*parameters)
    moved_weights, moved_biases = zip(*normalised(objective.network, direction))
    at = function.prepared(weights, biases, moved_weights, moved_biases, objective.inputs, objective.targets)  # type: ignore[attr-defined]

    def certificate(length: float, outward: bool = True) -> Certificate:
        found = (at if outward else at.in_floats)(length)
        nested = [(share * length, at(share * length).fourth_derivative) for share in (NESTED if outward and length > 0 else ())]
        return Certificate(
            "line", derivation, length=length, curvature=found.curvature, taylor=tuple(found[:5]), fourth=(*nested, (length, found.fourth_derivative)),
            cost_at_least=float(at.start["cost"]) if outward else None,
        )  # fmt: skip

    return certificate


# --- steps --------------------------------------------------------------------------------------------------------------


def _roots(*coefficients: float) -> Any:
    """Of a polynomial, from its leading coefficient on, without those in front that are nothing beside the others."""
    most = max(map(abs, coefficients))
    kept = list(coefficients)
    while kept and not abs(kept[0]) > 1e-100 * most:
        kept.pop(0)
    return np.roots([value / most for value in kept]) if len(kept) > 1 and math.isfinite(most) else np.array([])


def best_on(taylor: tuple[float, ...], fourth: tuple[tuple[float, float], ...]) -> tuple[float, float]:
    """Where the bound of Phi along the segment is least, and how far it is below Phi(0) there.

    With F_k a bound of the fourth derivative on [0, r_k], r_1 < .. < r_K, Taylor's formula with its remainder as an integral gives Phi(t) <= f_0 + f_1 t +
    f_2 t^2/2 + f_3 t^3/6 + (F_1 t^4 + the sum of (F_(k+1) - F_k) (t - r_k)_+^4)/24.
    """
    f1, f2, f3 = taylor[1:4]
    radii = np.array([r for r, _ in fourth])
    bounds = np.maximum.accumulate([bound for _, bound in fourth])  # a bound of a longer segment is one of a shorter one, so this proves as much
    if not (np.isfinite([f1, f2, f3]).all() and f1 < 0 and np.isfinite(bounds[0])):
        return 0.0, 0.0
    radii, bounds = radii[np.isfinite(bounds)], bounds[np.isfinite(bounds)]
    steps, starts = np.diff(bounds, prepend=0.0), np.concatenate([[0.0], radii[:-1]])

    def rise(t: Any, moduli: bool = False) -> Any:
        size = abs if moduli else float
        remainder = np.sum(steps * np.maximum(np.asarray(t)[..., None] - starts, 0.0) ** 4, axis=-1) / 24
        return t * (size(f1) + t * (size(f2) / 2 + t * (size(f3) / 6))) + remainder

    low, high = 0.0, float(radii[-1])
    if not math.isfinite(high):  # one bound for the whole half-line
        real = [float(root.real) for root in _roots(bounds[0] / 6, f3 / 2, f2, f1) if abs(root.imag) < 1e-9 * (1 + abs(root)) and root.real > 0]
        return max(((t, -float(rise(t))) for t in real), key=lambda pair: pair[1], default=(0.0, 0.0))
    best = 0.0
    for _ in range(4):  # finer and finer: any t will do
        grid = np.linspace(low, high, 65)
        place = int(np.argmin(rise(grid)))
        best, low, high = float(grid[place]), float(grid[max(0, place - 1)]), float(grid[min(64, place + 1)])
    # the sum's own rounding: its terms, each at most these moduli
    return best, max(0.0, -float(rise(best)) - 4e-15 * float(rise(best, True)))


def line_step(parameters: Parameters, objective: Objective, direction: Parameters, tries: int = 3) -> tuple[float, float, Certificate]:
    """The best step along a direction that a line certificate gives: its length, the guaranteed decrease, the certificate."""
    at = line_certificates(parameters, objective, direction)
    taylor = at(0.0, outward=False).taylor or ()
    longest = best_on(taylor, ((math.inf, taylor[4]),))[0]
    # the bound of the fourth derivative grows with the segment: a model of it from a few lengths, in plain floats, says which length is best
    known = {0.0: taylor[4]}
    length = longest / 2
    for _ in range(tries if longest > 0 else 0):
        known[length] = (at(length, outward=False).taylor or ())[4]
        better = _best_length(taylor, known, longest)
        if abs(better - length) < 0.03 * length:
            break
        length = better
    certificate = at(length or 1e-12)
    return *best_on(certificate.taylor or (), certificate.fourth), certificate


def _best_length(taylor: tuple[float, ...], known: dict[float, float], longest: float) -> float:
    """The length of the segment on which the guaranteed decrease is largest, the logarithms of the bounds of the fourth derivative interpolated."""
    at = [r for r in sorted(known) if math.isfinite(known[r])]
    overflow = min([r for r in known if not math.isfinite(known[r])], default=math.inf)
    logarithms = np.log([max(known[r], 1e-300) for r in at])
    slope = (logarithms[-1] - logarithms[-2]) / (at[-1] - at[-2]) if len(at) > 1 else 0.0

    lengths = np.geomspace(1e-3, 1.0, 40) * min(longest, overflow / 4)
    radii = lengths[:, None] * np.array([*NESTED, 1.0])
    values = np.exp(np.interp(radii, at, logarithms) + slope * np.maximum(0.0, radii - at[-1]))
    t = lengths[:, None] * np.linspace(0.0, 1.0, 97)
    f1, f2, f3 = taylor[1:4]
    remainder = sum(
        (values[:, n] - (values[:, n - 1] if n else 0.0))[:, None] * np.maximum(t - (radii[:, n - 1, None] if n else 0.0), 0.0) ** 4 / 24
        for n in range(radii.shape[1])
    )
    lowest = np.min(t * (f1 + t * (f2 / 2 + t * (f3 / 6))) + remainder, axis=1)
    return float(lengths[np.argmin(np.where(np.isnan(lowest), np.inf, lowest))])


def certified_step(model: Model, data: tuple[Any, Any], cost: Cost, method: str = "line", pieces: int = 1, direction: Parameters | None = None) -> Step:
    """The step along minus the gradient (or along the direction given) with the largest decrease that is proved.

    method "line": the certificate of the direction itself, in several pieces if asked, each about the point where the one before
    it ended, along the same direction. "norm", "majorant": the certificate of a ball, whose radius is chosen. Raises SymlipError where the
    gradient is zero, or where no decrease can be proved.
    Source: this package; the descent lemma, and Taylor's formula of order four along the line.
    """
    if method not in METHODS or method == "cone":
        raise SymlipError(
            f"unknown method {method!r}: a step has line, majorant or norm; its line is a cone of angle 0"
            if method == "cone"
            else f"unknown method {method!r}: it is one of line, majorant, norm"
        )
    if isinstance(pieces, bool) or not isinstance(pieces, int) or pieces < 1:
        raise SymlipError(f"pieces must be a positive integer, not {pieces!r}")
    if method != "line" and pieces > 1:
        raise SymlipError("several pieces are a matter of method='line'")
    return step_of(model.parameters, _objective(model, data, cost), method, pieces, direction)


def step_of(parameters: Parameters, objective: Objective, method: str = "line", pieces: int = 1, direction: Parameters | None = None) -> Step:
    """`certified_step` for an objective that is already made, as a training loop needs."""
    value, gradient = objective.gradient(parameters)
    chosen = [(-A, -b) for A, b in gradient] if direction is None else check_parameters("the direction", objective.network, direction)
    norm = float(np.linalg.norm(flat(chosen)))
    if norm == 0:
        raise SymlipError("the gradient is zero: there is no direction to step along" if direction is None else "the direction is zero")
    unit = [(A / norm, b / norm) for A, b in chosen]
    done: list[tuple[float, float]] = []
    here, certificate = parameters, None
    for _ in range(pieces):
        length, fall, found = line_step(here, objective, unit) if method == "line" else _ball_step(here, objective, unit, method)
        if not fall > 0:
            break
        if certificate is not None and certificate.cost_at_least is not None and found.taylor:  # how far the last piece went down is known by now
            done[-1] = done[-1][0], max(done[-1][1], certificate.cost_at_least - found.taylor[0])
        certificate = found
        here = [(A + length * U, b + length * w) for (A, b), (U, w) in zip(here, unit)]
        done.append((length, fall))
    if certificate is None:
        raise SymlipError(_why_not(found, method))
    total = sum(length for length, _ in done)
    reach = certificate.length if method == "line" else certificate.radius
    return Step(total / norm, sum(fall for _, fall in done) * (1 - 1e-15), float(reach or 0.0), certificate, here, value, norm, tuple(done))


def _why_not(certificate: Certificate, method: str) -> str:
    """Why no decrease was proved."""
    bound = certificate.taylor[4] if certificate.taylor else certificate.step_constant
    if bound is None or not math.isfinite(bound):
        kinked = [a.name for a in certificate.derivation.problem.network.activations if len(pieces_of(a.name, a.expression)) > 1]
        if kinked:
            return f"no decrease can be proved by method={method!r}: a kink of {kinked[0]} is too near the weights; use a smooth activation such as softplus, or another method"
        return f"no decrease can be proved by method={method!r}: the bound overflows; scale the data or the weights"
    return "no decrease can be proved along this direction: its slope is not below zero by more than rounding"


def _slope(parameters: Parameters, objective: Objective, unit: Parameters) -> float:
    """At least the derivative of Phi along a direction: from the line certificate, or, for a cost without one, from the gradient and its rounding."""
    if not isinstance(objective.cost, Huber):
        return float(line_certificates(parameters, objective, unit)(1e-12).taylor[1])  # type: ignore[index]
    gradient, along = flat(objective.gradient(parameters)[1]), flat(unit)
    return float(gradient @ along + 1e-10 * np.abs(gradient) @ np.abs(along))


def _ball_step(parameters: Parameters, objective: Objective, unit: Parameters, method: str) -> tuple[float, float, Certificate]:
    """The best step that a ball's certificate gives, over the radius: a search in plain floats, then one certificate."""
    slope = _slope(parameters, objective, unit)
    if method == "norm":
        model = Model(objective.network, parameters)
        proved = norm_certificates(model, objective)
        quick = partial(proved, outward=False)
    else:
        proved = majorant_certificates(parameters, objective, step_only=True)
        quick = partial(proved, outward=False, steps=10)

    def value(at: Callable[..., Certificate], radius: float) -> tuple[float, float, Certificate]:
        found = at(radius)
        constant = (found.ritz[0] if found.ritz and at is quick else found.step_constant) or math.inf
        length = min(radius, -slope / constant) if slope < 0 and math.isfinite(constant) else 0.0
        fall = length * (-slope - constant * length / 2) * (1 - 4e-15)
        return length, fall, found

    start = value(quick, 1e-9)[2]
    scale = -slope / ((start.ritz[0] if start.ritz else start.step_constant) or math.inf)
    if not scale > 0:
        return 0.0, 0.0, proved(1e-9)
    if method == "norm":
        best = max((scale * 2.0**power for power in range(-6, 2)), key=lambda radius: value(quick, radius)[1])
        best = max((best * factor for factor in (0.7, 0.85, 1.0, 1.2, 1.4)), key=lambda radius: value(quick, radius)[1])
    else:  # each radius costs some Lanczos steps: go to the fixed point at which the step just fills the ball
        best = scale / 2
        for _ in range(5):
            best = best / 2 + value(quick, best)[0] / 2
        best *= 1.02
    return value(proved, best)


def with_parameters(model: Model, parameters: Parameters) -> Model:
    """The model at other weights."""
    return replace(model, parameters=parameters)
