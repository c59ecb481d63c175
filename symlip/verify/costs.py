"""The costs as jets of the network's output, for measuring."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

from ..costs import Cost, HalfSquaredError, Huber, Logistic, SoftmaxCrossEntropy
from .jets import Jet, exponential, logarithm, multiply, norm, square_root


def cost_jet(cost: Cost, output: Jet, target: Any) -> Jet:
    """The jet of g(o(t), y) from that of o(t)."""
    order = len(output) - 1
    components = [[part[index] for part in output] for index in range(len(output[0]))]
    if isinstance(cost, HalfSquaredError | Huber):
        difference = [[c[0] - y, *c[1:]] for c, y in zip(components, target)]
        squares = [multiply(d, d) for d in difference]
        half = [sum((s[k] for s in squares), mpf(0)) / 2 for k in range(order + 1)]
        if isinstance(cost, HalfSquaredError):
            return half
        delta = mpf(cost.delta.p) / mpf(cost.delta.q)
        if 2 * half[0] <= delta**2:
            return half
        radius = square_root([2 * part for part in half])
        return [delta * (radius[0] - delta / 2), *(delta * part for part in radius[1:])]
    if isinstance(cost, SoftmaxCrossEntropy):
        top = max(c[0] for c in components)
        exponentials = [exponential([c[0] - top, *c[1:]]) for c in components]
        total = logarithm([sum((e[k] for e in exponentials), mpf(0)) for k in range(order + 1)])
        total[0] += top
        return [total[k] - sum((y * c[k] for c, y in zip(components, target)), mpf(0)) for k in range(order + 1)]
    if isinstance(cost, Logistic):
        terms = []
        for component, y in zip(components, target):
            e = exponential([-y * part for part in component])
            terms.append(logarithm([1 + e[0], *e[1:]]))
        return [sum((term[k] for term in terms), mpf(0)) for k in range(order + 1)]
    raise TypeError(f"no measurement for {cost!r}")


def cost_slope(cost: Cost, output: Any, target: Any) -> Any:
    """|D g| at an output."""
    if isinstance(cost, HalfSquaredError):
        return norm(output - target)
    if isinstance(cost, Huber):
        return min(norm(output - target), mpf(cost.delta.p) / mpf(cost.delta.q))
    if isinstance(cost, SoftmaxCrossEntropy):
        return norm(_softmax(output) - target)
    return mpmath.sqrt(mpmath.fsum((1 / (1 + mpmath.exp(y * o))) ** 2 for o, y in zip(output, target)))


def cost_curvature(cost: Cost, output: Any, target: Any, direction: Any) -> Any:
    """D^2 g [v, v] / |v|^2 at an output in a direction v, in modulus."""
    length = norm(direction)
    if length == 0:
        return mpf(0)
    line = [output, direction / length, output * mpf(0)]
    return abs(2 * cost_jet(cost, line, target)[2])


def _softmax(output: Any) -> Any:
    top = max(output)
    weights = [mpmath.exp(o - top) for o in output]
    total = mpmath.fsum(weights)
    return np.array([w / total for w in weights], dtype=object)
