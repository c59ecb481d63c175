"""Truncated Taylor arithmetic along a line theta(t) = theta + t eta, exact up to rounding, at mpmath's working precision.

A jet is the list [f(0), f'(0), f''(0)/2, ..] of Taylor coefficients; each is an mpf or a NumPy array of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import mpmath
import numpy as np
import sympy
from mpmath import mpf

from ..activations import Activation, z
from ..networks import Network

Jet = list[Any]
Parameters = list[tuple[Any, Any]]


@cache
def _derivative_function(activation: Activation, order: int) -> Any:
    return sympy.lambdify(z, activation.derivative(order), modules="mpmath")


def derivative_at(activation: Activation, order: int, point: Any) -> Any:
    """s^(order) at a point, at the working precision."""
    return mpf(_derivative_function(activation, order)(mpf(point)))


def multiply(first: Jet, second: Jet, product: Any = lambda a, b: a * b) -> Jet:
    """The Cauchy product under a bilinear map."""
    return [sum((product(first[i], second[k - i]) for i in range(1, k + 1)), product(first[0], second[k])) for k in range(len(first))]


def compose(activation: Activation, jet: Jet) -> Jet:
    """The jet of s(z(t)), componentwise: the Taylor series of s at z(0), put into that of z(t) - z(0)."""
    order = len(jet) - 1
    apply = np.frompyfunc(lambda point, k: derivative_at(activation, k, point), 2, 1)
    zero = jet[0] * mpf(0)
    total = [apply(jet[0], 0)] + [zero] * order
    power = [zero + mpf(1)] + [zero] * order
    increment = [zero, *jet[1:]]
    for k in range(1, order + 1):
        power = multiply(power, increment)
        coefficient = apply(jet[0], k) / mpmath.factorial(k)
        total = [a + coefficient * b for a, b in zip(total, power)]
    return total


@dataclass(frozen=True)
class Line:
    """One line of a concrete network: h = [h_start +] [step] s(A h_before + b); index: of (A, b) in the list of parameters.

    A line without an activation is the end of a skip: h = h_start + step h_before.
    """

    activation: Activation | None
    index: int | None
    step: Any = None
    start: int | None = None


def lines_of(network: Network, sizes: dict[str, Any]) -> list[Line]:
    """A network's lines, with numbers for a symbolic depth and for the steps that are symbols (a sign included)."""
    if network.symbolic_depth:
        return [Line(network.units[0].activation, index) for index in range(sizes[str(network.depth)])]
    found = []
    for unit in network.units:
        step = None if unit.step is None else sizes[unit.step.name] if unit.step.is_Symbol else exact_number(unit.signed_step)
        found.append(Line(unit.activation, None if unit.group is None else network.groups.index(unit.group), step, unit.start))
    return found


def exact_number(expression: sympy.Expr) -> Any:
    """A SymPy number at the working precision."""
    return mpf(int(expression.p)) / int(expression.q) if expression.is_Rational else mpf(sympy.N(expression, mpmath.mp.dps + 10)._mpf_)


def network_jets(lines: Sequence[Line], theta: Parameters, direction: Parameters, x: Any, order: int = 2, dx: Any = None) -> list[tuple[Jet, Jet]]:
    """[(z_1, h_1), .., (z_m, h_m)] as jets along theta + t direction, and x + t dx. At the end of a skip z is the branch itself."""
    h: Jet = [x] + [x * mpf(0)] * order
    if dx is not None and order:
        h[1] = dx
    outputs, found = [h], []
    for line in lines:
        if line.activation is None:
            pre, branch = h, h
        else:
            (A, b), (dA, db) = theta[line.index], direction[line.index]  # type: ignore[index]
            padding = [A.dot(part) for part in h]
            moved = [dA.dot(part) for part in h]
            pre = [padding[k] + (moved[k - 1] if k else 0) for k in range(order + 1)]
            pre[0] = pre[0] + b
            if order >= 1:
                pre[1] = pre[1] + db
            branch = compose(line.activation, pre)
        h = branch if line.start is None else [old + line.step * new for old, new in zip(outputs[line.start], branch)]
        outputs.append(h)
        found.append((pre, h))
    return found


def values_and_slopes(lines: Sequence[Line], theta: Parameters, x: Any) -> tuple[list[Any], list[Any]]:
    """[h_0, .., h_m] and, for each line, s'(z) (None at the end of a skip)."""
    outputs: list[Any] = [x]
    slopes: list[Any] = []
    for line in lines:
        if line.activation is None:
            branch = outputs[-1]
            slopes.append(None)
        else:
            A, b = theta[line.index]  # type: ignore[index]
            z = A.dot(outputs[-1]) + b
            branch = np.array([derivative_at(line.activation, 0, value) for value in z], dtype=object)
            slopes.append(np.array([derivative_at(line.activation, 1, value) for value in z], dtype=object))
        outputs.append(branch if line.start is None else outputs[line.start] + line.step * branch)
    return outputs, slopes


def pulled_back(lines: Sequence[Line], theta: Parameters, x: Any, adjoint: Any, pre: bool = False) -> tuple[Parameters, Any]:
    """The gradient of <adjoint, h_m> (`pre`: of <adjoint, z_m>) in the parameters and in x, by back-propagation."""
    outputs, slopes = values_and_slopes(lines, theta, x)
    adjoints: list[Any] = [output * mpf(0) for output in outputs]
    adjoints[len(lines)] = adjoint
    found = [(A * mpf(0), b * mpf(0)) for A, b in theta]
    for number in range(len(lines), 0, -1):
        line, incoming = lines[number - 1], adjoints[number]
        through = pre and number == len(lines)
        if line.start is not None and not through:
            adjoints[line.start] = adjoints[line.start] + incoming
            incoming = incoming * line.step
        if line.activation is None:
            adjoints[number - 1] = adjoints[number - 1] + incoming
            continue
        local = incoming if through else incoming * slopes[number - 1]
        A, b = found[line.index]  # type: ignore[index]
        found[line.index] = (A + np.outer(local, outputs[number - 1]), b + local)  # type: ignore[index]
        adjoints[number - 1] = adjoints[number - 1] + theta[line.index][0].T.dot(local)  # type: ignore[index]
    return found, adjoints[0]


def gradient(cost: Any, lines: Sequence[Line], theta: Parameters, inputs: Sequence[Any], targets: Sequence[Any]) -> Parameters:
    """The gradient of the average cost, by back-propagation; the cost's own from its jets along the outputs' axes."""
    from .costs import cost_jet

    total = [(A * mpf(0), b * mpf(0)) for A, b in theta]
    for x, y in zip(inputs, targets):
        output = values_and_slopes(lines, theta, x)[0][-1]
        units = [np.array([mpf(int(i == j)) for j in range(len(output))], dtype=object) for i in range(len(output))]
        adjoint = np.array([cost_jet(cost, [output, unit], y)[1] for unit in units], dtype=object)
        part = pulled_back(lines, theta, x, adjoint)[0]
        total = [(A + C / len(inputs), b + d / len(inputs)) for (A, b), (C, d) in zip(total, part)]
    return total


def exponential(jet: Jet) -> Jet:
    """exp of a jet of mpf's, by f' = g' f."""
    out = [mpmath.exp(jet[0])]
    for k in range(1, len(jet)):
        out.append(sum(i * jet[i] * out[k - i] for i in range(1, k + 1)) / k)
    return out


def logarithm(jet: Jet) -> Jet:
    """log of a jet of mpf's, by g f' = g'."""
    out = [mpmath.log(jet[0])]
    for k in range(1, len(jet)):
        out.append((jet[k] - sum(i * out[i] * jet[k - i] for i in range(1, k)) / k) / jet[0])
    return out


def square_root(jet: Jet) -> Jet:
    """sqrt of a jet of mpf's with positive value."""
    out = [mpmath.sqrt(jet[0])]
    for k in range(1, len(jet)):
        out.append((jet[k] - sum(out[i] * out[k - i] for i in range(1, k))) / (2 * out[0]))
    return out


def norm(vector: Any) -> Any:
    """Euclidean norm of an array of mpf's."""
    return mpmath.sqrt(mpmath.fsum(entry * entry for entry in np.ravel(vector)))


def spectral_norm(matrix: Any) -> Any:
    """The largest singular value of an array of mpf's; inf if an entry is not finite."""
    rows, columns = matrix.shape
    if rows == 1 or columns == 1:
        return norm(matrix)
    if not all(map(mpmath.isfinite, matrix.flat)):
        return mpmath.inf
    gram = matrix.dot(matrix.T) if rows <= columns else matrix.T.dot(matrix)
    eigenvalues = mpmath.mp.eigsy(mpmath.matrix(gram.tolist()), eigvals_only=True)
    return mpmath.sqrt(max(max(eigenvalues), mpf(0)))


def operator_norms(lines: Sequence[Line], theta: Parameters, x: Any) -> list[tuple[Any, Any]]:
    """[(h_0, |Dh_0|), .., (h_m, |Dh_m|)], the operator norms of the derivatives in the parameters, not along a line.

    Of dense layers with their own parameters by the Gram matrices: Dz Dz^T = A (Dh Dh^T) A^T + (1 + |h|^2) I and
    Dh Dh^T = S' (Dz Dz^T) S', S' = diag s'(z); else by back-propagation, output by output.
    """
    outputs, slopes = values_and_slopes(lines, theta, x)
    plain = all(line.start is None for line in lines) and len({line.index for line in lines}) == len(lines)
    gram = np.full((len(x), len(x)), mpf(0), dtype=object)
    found = [(x, mpf(0))]
    for number, line in enumerate(lines, 1):
        if plain:
            A, _ = theta[line.index]  # type: ignore[index]
            gram = A.dot(gram).dot(A.T)
            for i in range(len(A)):
                gram[i, i] += 1 + outputs[number - 1].dot(outputs[number - 1])
            gram = slopes[number - 1][:, None] * gram * slopes[number - 1][None, :]
        else:
            size = len(outputs[number])
            units = [np.array([mpf(int(i == j)) for j in range(size)], dtype=object) for i in range(size)]
            rows = [np.concatenate([np.ravel(part) for pair in pulled_back(lines[:number], theta, x, unit)[0] for part in pair]) for unit in units]
            gram = np.array([[row.dot(other) for other in rows] for row in rows], dtype=object)
        top = gram[0, 0] if len(gram) == 1 else max(mpmath.mp.eigsy(mpmath.matrix(gram.tolist()), eigvals_only=True))
        found.append((outputs[number], mpmath.sqrt(max(top, mpf(0)))))
    return found
