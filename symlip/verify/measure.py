"""How each quantity is measured on a concrete network: pairs (measured, bound) whose ratio must not exceed 1."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
import sympy
from mpmath import mpf

from ..activations import Activation
from ..calculus.claims import Bound, Claim, Comparison, Hypothesis, Limit, Reached, plain_symbol
from ..calculus.derivation import Derivation
from ..calculus.quantities import ActivationCells, ActivationDerivative, ActivationPeak, Quantity
from ..calculus.witness import BentWitness, HeldWitness, PushedWitness, StatesWitness
from ..charts import chart
from .bending import Chain, bent
from .costs import cost_curvature, cost_jet, cost_slope
from .evaluate import Program
from .jets import Jet, Parameters, derivative_at, network_jets, norm, operator_norms, spectral_norm
from .points import best_point
from .pushed import build_held, build_pushed, states_witness
from .sampling import Sample, curvatures, gradient_direction
from .witness import TooNarrow, build_witness, jump, number_of


class Measurement:
    """All jets of a sample, and the values that its hypotheses' symbols take on it."""

    def __init__(self, derivation: Derivation, sample: Sample, program: Program, digits: int) -> None:
        self.derivation, self.sample, self.program = derivation, sample, program
        self.witness_digits = digits + 15  # the same at both precisions, so that a sequence gives the same network
        self.depth = len(sample.theta)
        self.averaged, self.cost = derivation.problem.averaged, derivation.problem.sample_cost
        self.variables = derivation.problem.variables
        self.block_norms = [self._norms(d, dx) for d, dx in zip(sample.directions, sample.moves)]
        order = max(2, derivation.problem.order)
        self.jets = [[network_jets(sample.lines, sample.theta, d, x, order, dx) for x in sample.inputs] for d, dx in zip(sample.directions, sample.moves)]
        self._pairs = self._bilinear()
        self._bent: tuple[Parameters, Parameters] | None = None

    def _norms(self, direction: Parameters, dx: Any) -> Any:
        """The norms of a direction's blocks, in the order of the block vectors."""
        parts = [norm(part) for pair in direction for part in pair] if self.variables != "inputs" else []
        return np.array(([norm(dx)] if dx is not None else []) + parts, dtype=object)

    def _upto(self, layer: int) -> int:
        """How many blocks a layer's output depends on."""
        network = self.derivation.problem.network
        used = layer if network.symbolic_depth else sum(group <= layer for group in network.groups)
        return {"parameters": 2 * used, "inputs": 1, "both": 2 * used + 1}[self.variables]

    def _bilinear(self) -> list[tuple[Any, Any, list[list[tuple[Jet, Jet]]], list[list[tuple[Jet, Jet]]]]]:
        """For some pairs of directions, each scaled to length 1: the jets along their sum and difference."""
        found = []
        order = [0, len(self.sample.directions) - 1], [1, len(self.sample.directions) - 1], [0, 1]
        for first, second in order:
            units = []
            for index in (first, second):
                length = norm(self.block_norms[index])
                if not length:
                    break
                move = self.sample.moves[index]
                direction = [(A / length, b / length) for A, b in self.sample.directions[index]]
                units.append((direction, self.block_norms[index] / length, None if move is None else move / length))
            if len(units) < 2:
                continue
            (eta, p, dx), (zeta, pi, dy) = units
            both = []
            for sign in (1, -1):
                line: Parameters = [(A + sign * C, b + sign * d) for (A, b), (C, d) in zip(eta, zeta)]
                move = None if dx is None or dy is None else dx + sign * dy
                both.append([network_jets(self.sample.lines, self.sample.theta, line, x, dx=move) for x in self.sample.inputs])
            found.append((p, pi, both[0], both[1]))
        return found

    # -- hypotheses --------------------------------------------------------------------------------------------------

    def values(self) -> dict[str, Any]:
        """The hypotheses' symbols, each the smallest number for which the hypothesis holds on the sample."""
        found: dict[str, Any] = dict(self.sample.sizes)
        for hypothesis in self.derivation.hypotheses.values():
            quantity, symbol = hypothesis.quantity, hypothesis.symbol
            if hypothesis.count is not None:
                entries = [mpf(1)] + [self._parameter_norm(quantity.kind, layer) for layer in range(1, self.depth + 1)]
                found[str(symbol.base.label)] = np.array(entries, dtype=object)
            elif quantity.kind in ("weight", "bias") and isinstance(quantity.layer, sympy.Expr) and not isinstance(quantity.layer, sympy.Integer):
                found[str(symbol)] = max(self._parameter_norm(quantity.kind, layer) for layer in range(1, self.depth + 1))
                if self.derivation.problem.method == "sharpness":  # where S1 a > 1
                    found[str(symbol)] += mpf(9) / 8 / number_of(self.derivation.problem.network.activations[0].constant(1), {})
            else:
                found[str(symbol)] = self._smallest(hypothesis)
        if self.averaged:
            for name, value in found.items():
                if name not in ("x_norm", "y_norm") and not isinstance(value, int):
                    found[name] = value[..., None] if isinstance(value, np.ndarray) else np.array([value], dtype=object)
        return found

    def _parameter_norm(self, kind: str, layer: int) -> Any:
        groups = self.derivation.problem.network.groups
        A, b = self.sample.theta[layer - 1 if self.derivation.problem.network.symbolic_depth else groups.index(layer)]
        return spectral_norm(A) if kind == "weight" else norm(b)

    def _smallest(self, hypothesis: Hypothesis) -> Any:
        kind, layer = hypothesis.quantity.kind, hypothesis.quantity.layer
        if kind in ("weight", "bias"):
            return self._parameter_norm(kind, int(layer))  # type: ignore[arg-type]
        if kind == "radius":
            length = mpmath.sqrt(mpmath.fsum(norm(part) ** 2 for pair in self.sample.theta for part in pair))
            # a witness may need a bias of exactly the sample's length: keep off that edge, which rounding would decide
            return length * mpf(65) / 64 if self.derivation.problem.method == "lower" else length
        if kind == "step":
            return self.sample.sizes[str(hypothesis.symbol)]
        if kind == "scale":  # any number will do
            return 1 + spectral_norm(self.sample.theta[-1][0])
        if kind in ("input_least", "input_rest"):
            moduli = [abs(entry) for entry in self.sample.inputs[0]]
            return min(moduli) if kind == "input_least" else mpmath.fsum(moduli) - min(moduli)
        vectors = self.sample.inputs if kind == "input" else self.sample.targets
        norms = [norm(vector) for vector in vectors]
        return np.array(norms, dtype=object) if self.averaged else norms[0]

    # -- claims ------------------------------------------------------------------------------------------------------

    def pairs(self, claim: Claim, values: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
        """(measured, bound) in every way in which this claim can be measured on the sample."""
        if isinstance(claim, Reached):
            yield from self._reached(claim, values)
            return
        if isinstance(claim, Limit):
            yield from self._limit(claim)
            return
        if isinstance(claim, Comparison):
            yield number_of(claim.smaller, values), number_of(claim.larger, values)
            return
        if claim.quantity is None or str(plain_symbol(claim.symbol)) not in values:  # an abbreviation, or an infinite constant
            return
        bound = values[str(plain_symbol(claim.symbol))]
        if isinstance(claim.quantity, ActivationDerivative):
            yield from self._activation(claim.quantity, bound)
            return
        if isinstance(claim.quantity, ActivationPeak):
            yield from self._peak(claim.quantity.activation, bound)
            return
        if isinstance(claim.quantity, ActivationCells):
            yield from self._cells(claim.quantity.activation)
            return
        quantity = claim.quantity
        samples = len(self.sample.inputs)
        for index in range(samples):
            if quantity.kind.startswith("risk") or (quantity.kind in ("weight", "bias") and index):
                continue
            for layer, symbol_value in self._layers(quantity, claim, bound):
                yield from self._one(quantity.kind, layer, self._of_sample(symbol_value, index), index)
        if quantity.kind.startswith("risk"):
            yield from self._risk(quantity.kind, bound)

    def _of_sample(self, value: Any, index: int) -> Any:
        """A bound may depend on the sample: the last axis, in a derivation about a risk."""
        if self.averaged and isinstance(value, tuple):
            return tuple(self._of_sample(entry, index) for entry in value)
        if not self.averaged or not isinstance(value, np.ndarray):
            return value
        return value[..., index if value.shape[-1] > 1 else 0]

    def _layers(self, quantity: Quantity, claim: Bound | Reached, bound: Any) -> Iterator[tuple[int, Any]]:
        layer = quantity.layer
        if layer is None:
            yield self.depth, bound
        elif isinstance(layer, int | sympy.Integer):
            yield int(layer), bound
        elif layer == self.derivation.problem.network.depth:
            yield self.depth, bound
        else:  # a bound for all layers
            family = isinstance(claim.symbol, sympy.IndexedBase)
            for position in range(1, self.depth + 1):
                yield position, bound[position] if family else bound

    def _jet(self, direction: int, sample: int, layer: int) -> tuple[Jet, Jet]:
        """(z_u, h_u) along that direction; for u = 0 the input itself."""
        if layer:
            return self.jets[direction][sample][layer - 1]
        x, dx = self.sample.inputs[sample], self.sample.moves[direction]
        still = x * mpf(0)
        return [still] * 3, [x, still if dx is None else dx, still]

    def _one(self, kind: str, layer: int, bound: Any, sample: int) -> Iterator[tuple[Any, Any]]:
        if kind in ("weight", "bias"):
            yield self._parameter_norm(kind, layer), bound
        elif kind == "value":
            h = self.sample.inputs[sample] if layer == 0 else self.jets[0][sample][layer - 1][1][0]
            yield norm(h), bound
        elif kind in ("pre_first", "first", "second"):
            for index, p in enumerate(self.block_norms):
                length = norm(p[: self._upto(layer)])
                if length:
                    pre, h = self._jet(index, sample, layer)
                    if kind == "second":
                        yield 2 * norm(h[2]), bound * length**2
                    else:
                        yield norm((pre if kind == "pre_first" else h)[1]), bound * length
        elif kind.startswith("derivative_"):
            order = int(kind.rpartition("_")[2])
            for index, p in enumerate(self.block_norms):
                length = norm(p[: self._upto(layer)])
                if length:
                    yield mpmath.factorial(order) * norm(self._jet(index, sample, layer)[1][order]), bound * length**order
        elif kind == "cost_third":
            output = self.jets[0][sample][-1][1][0]
            units = [np.array([mpf(int(i == j)) for j in range(len(output))], dtype=object) for i in range(len(output))]
            for direction in [*units, *(units[i] - units[j] for i in range(len(units)) for j in range(i))]:
                zero = output * mpf(0)
                third = cost_jet(self.cost, [output, direction, zero, zero], self.sample.targets[sample])[3]  # type: ignore[arg-type]
                yield abs(6 * third), bound * norm(direction) ** 3
        elif kind.startswith("cost_derivative_"):
            order = int(kind.rpartition("_")[2])
            for p, jets in zip(self.block_norms, self.jets):
                cost = cost_jet(self.cost, jets[sample][-1][1], self.sample.targets[sample])  # type: ignore[arg-type]
                yield mpmath.factorial(order) * abs(cost[order]), bound * norm(p) ** order
        elif kind == "joint":
            x = self.sample.inputs[sample]
            h = x if layer == 0 else self.jets[0][sample][layer - 1][1][0]
            slope = operator_norms(self.sample.lines[:layer], self.sample.theta, x)[-1][1]
            yield 1 + norm(h) ** 2 + self._parameter_norm("weight", layer + 1) ** 2 * slope**2, bound
        elif kind == "bending":
            yield from self._bending(layer, Chain(self.derivation.problem.network, bound), sample)
        elif kind in ("pre_blocks", "blocks"):
            for index, p in enumerate(self.block_norms):
                pre, h = self._jet(index, sample, layer)
                yield norm((pre if kind == "pre_blocks" else h)[1]), bound[: self._upto(layer)].dot(p[: self._upto(layer)])
        elif kind == "second_blocks":
            for index, p in enumerate(self.block_norms):
                part = p[: self._upto(layer)]
                yield 2 * norm(self._jet(index, sample, layer)[1][2]), part.dot(bound[: self._upto(layer), : self._upto(layer)].dot(part))
            for p, pi, plus, minus in self._pairs if layer else ():
                first, second = plus[sample][layer - 1][1][2], minus[sample][layer - 1][1][2]
                yield norm(first - second) / 2, p[: self._upto(layer)].dot(bound[: self._upto(layer), : self._upto(layer)].dot(pi[: self._upto(layer)]))
        elif kind == "cost_slope":
            output = self.jets[0][sample][-1][1][0]
            yield cost_slope(self.cost, output, self.sample.targets[sample]), bound  # type: ignore[arg-type]
        elif kind == "cost_curvature":
            # along fixed directions: one taken from a jet could be rounding noise where the network is saturated
            output = self.jets[0][sample][-1][1][0]
            units = [np.array([mpf(int(i == j)) for j in range(len(output))], dtype=object) for i in range(len(output))]
            for direction in [*units, *(units[i] - units[j] for i in range(len(units)) for j in range(i))]:
                yield cost_curvature(self.cost, output, self.sample.targets[sample], direction), bound  # type: ignore[arg-type]
        elif kind in ("cost_first", "cost_second"):
            for p, jets in zip(self.block_norms, self.jets):
                cost = cost_jet(self.cost, jets[sample][-1][1], self.sample.targets[sample])  # type: ignore[arg-type]
                yield (abs(cost[1]), bound * norm(p)) if kind == "cost_first" else (2 * abs(cost[2]), bound * norm(p) ** 2)
        else:
            raise ValueError(f"no measurement for {kind}")

    def _bending(self, layer: int, chain: Chain, sample: int) -> Iterator[tuple[Any, Any]]:
        """Both sides of the inequality at a few k."""
        scale = mpmath.sqrt(chain.gamma(mpf(0), chain.places(mpf(0), layer - 1)))
        for share in (mpf(1) / 8,) if any(chain.alike) else (mpf(0), mpf(1) / 16, mpf(1) / 3):
            gamma = chain.lowest(share * scale, layer - 1)
            for index, p in enumerate(self.block_norms if mpmath.isfinite(gamma) else []):
                length = norm(p[: self._upto(layer)])
                pre = self._jet(index, sample, layer)[0]
                yield gamma * norm(pre[1]) ** 2 + share * scale * 2 * norm(pre[2]), length**2

    def _risk(self, kind: str, bound: Any) -> Iterator[tuple[Any, Any]]:
        bound = bound[()] if isinstance(bound, np.ndarray) and bound.ndim == 0 else bound
        for p, jets in zip(self.block_norms, self.jets):
            costs = [cost_jet(self.cost, jet[-1][1], y) for jet, y in zip(jets, self.sample.targets)]  # type: ignore[arg-type]
            average = [mpmath.fsum(cost[k] for cost in costs) / len(costs) for k in range(len(costs[0]))]
            if kind.startswith("risk_derivative_"):
                order = int(kind.rpartition("_")[2])
                yield mpmath.factorial(order) * abs(average[order]), bound * norm(p) ** order
                continue
            yield (abs(average[1]), bound * norm(p)) if kind == "risk_first" else (2 * abs(average[2]), bound * norm(p) ** 2)

    def _pre_activations(self, activation: Activation) -> list[Any]:
        """All the numbers that the activation is applied to on the first input."""
        return [z for line, jets in zip(self.sample.lines, self.jets[0][0]) if line.activation == activation for z in jets[0][0]]

    def _peak(self, activation: Activation, function: Any) -> Iterator[tuple[Any, Any]]:
        points = self._pre_activations(activation)
        for weight in (mpf(1) / 16, mpf(1), mpf(3), mpf(200)):
            for point in points:
                yield derivative_at(activation, 0, point) ** 2 + weight * derivative_at(activation, 1, point) ** 2, function(weight)

    def _cells(self, activation: Activation) -> Iterator[tuple[Any, Any]]:
        """The second to fourth derivatives at the sample's points, against the numbers of their cells or tails."""
        found = chart(activation)
        for point in self._pre_activations(activation):
            index = bisect.bisect_left(found.edges, float(point)) - 1
            if 0 <= index < len(found.bends[0]):
                for order, row in enumerate(found.bends, 2):
                    yield abs(derivative_at(activation, order, point)), mpf(row[index])

    def _limit(self, claim: Limit) -> Iterator[tuple[Any, Any]]:
        """Far out, and farther: the distance to the limit at least halves, or the number that has none doubles."""
        found = []
        for exponent in (6, 12):
            far, values = mpf(10) ** exponent, self.values()
            for hypothesis in self.derivation.hypotheses.values():
                if hypothesis.quantity.kind in ("weight", "radius", "scale"):
                    values[str(hypothesis.symbol)] = far
            found.append(number_of(claim.of, {**self.program(values), str(claim.variable): far}))
        near, farther = found
        if claim.value == sympy.oo:
            if self.depth > 1 or not self.derivation.problem.network.symbolic_depth:
                yield near, farther / 2
        else:
            goal = number_of(claim.value, {})
            noise = mpf(10) ** (15 - mpmath.mp.dps)
            yield tuple(mpf(0) if distance < noise else distance for distance in (abs(farther - goal), abs(near - goal) / 2))

    # -- lower bounds: the witness is built for the sample's norms, input and widths -----------------------------------

    def _reached(self, claim: Reached, values: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
        """(bound, measured): here the measured number is the larger one."""
        digits = self.witness_digits
        quantity = claim.quantity
        if isinstance(quantity, ActivationDerivative):
            yield values[str(claim.symbol)], abs(derivative_at(quantity.activation, quantity.order, best_point(quantity.activation, quantity.order, digits)))
            return
        bound = values[str(plain_symbol(claim.symbol))]
        if self.averaged or not bound:
            return  # sample by sample it is the claim without an average; or nothing is claimed, and the witness need not exist
        (layer, _), *_ = self._layers(quantity, claim, bound)
        x, lines = self.sample.inputs[0], self.sample.lines[:layer]
        if isinstance(claim.witness, HeldWitness):
            theta, tried = build_held(self.derivation.problem.network, lines, values, x, self.sample.widths, claim.witness, digits)
            yield from self._membership(theta, values, True)
            if quantity.kind == "first":
                yield bound, operator_norms(lines, theta, x)[-1][1]
            else:
                yield bound, max(2 * norm(network_jets(lines, theta, eta, x)[-1][1][2]) for eta in tried)
            return
        if isinstance(claim.witness, BentWitness):
            if any(values[f"a_{u}"] == 0 for u in range(2, self.depth + 1)):
                return  # the theorem is about sets with an interior
            if self._bent is None:
                self._bent = bent(self.derivation, lines, values, x, self.sample.widths, digits)
            theta, eta = self._bent
            yield from self._membership(theta, values, True)
            yield bound, 2 * norm(network_jets(lines, theta, eta, x)[-1][1][2])
            return
        if isinstance(claim.witness, PushedWitness):
            theta = build_pushed(self.derivation.problem.network, lines, values, x, digits)
            yield from self._membership(theta, values, True)
            yield bound, operator_norms(lines, theta, x)[-1][1]
            return
        if isinstance(claim.witness, StatesWitness):
            theta, eta = states_witness(self.derivation, lines, values, x, digits)
            yield from self._membership(theta, values, True)
            yield bound, 2 * norm(network_jets(lines, theta, eta, x)[-1][1][2])
            return
        try:
            theta = build_witness(claim.witness, values, lines, self.sample.widths[: layer + 1], x, digits)
        except TooNarrow:
            return
        yield from self._membership(theta, values, layer == self.depth)
        if quantity.kind == "jump":
            yield bound, jump(lines, theta, claim.witness)
            return
        if quantity.kind == "derivative_3":
            eta = gradient_direction(lines, theta, x, 1, pre=True)
            length = mpmath.sqrt(mpmath.fsum(norm(part) ** 2 for pair in eta for part in pair))
            yield bound, 6 * norm(network_jets(lines, theta, eta, x, 3)[-1][1][3]) / length**3
            return
        if quantity.kind == "second":
            yield bound, max(curvatures(lines, theta, x))
            return
        h, slope = operator_norms(lines, theta, x)[-1]
        if quantity.kind == "first":
            yield bound, slope
        else:
            yield bound, 1 + norm(h) ** 2 + values.get(f"a_{layer + 1}", mpf(0)) ** 2 * slope**2

    def _membership(self, theta: Parameters, values: dict[str, Any], whole: bool) -> Iterator[tuple[Any, Any]]:
        """That the witness lies in the set."""
        for hypothesis in self.derivation.hypotheses.values():
            kind, layer = hypothesis.quantity.kind, hypothesis.quantity.layer
            if kind == "radius" and whole:
                yield mpmath.sqrt(mpmath.fsum(norm(part) ** 2 for pair in theta for part in pair)), values[str(hypothesis.symbol)]
            elif kind == "weight":
                for number, (A, _) in enumerate(theta, 1):
                    if hypothesis.count is not None:
                        yield spectral_norm(A), values[str(hypothesis.symbol.base.label)][number]
                    elif not isinstance(layer, int) or self.derivation.problem.network.groups.index(layer) == number - 1:
                        yield spectral_norm(A), values[str(hypothesis.symbol)]

    def _activation(self, quantity: ActivationDerivative, bound: Any) -> Iterator[tuple[Any, Any]]:
        activation, order = quantity.activation, quantity.order
        if quantity.at_zero:
            yield abs(derivative_at(activation, 0, mpf(0))), bound
            return
        points = self._pre_activations(activation)
        kinks = activation.supremum(order).approached_at
        for point in points:
            if kinks is not None and kinks.is_finite and point == mpf(kinks.p) / mpf(kinks.q):
                continue
            yield abs(derivative_at(activation, order, point)), bound
