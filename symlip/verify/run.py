"""The run: networks one by one, each at two precisions that must agree, and the result, step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import sympy
from mpmath import mpf

from ..calculus.derivation import Derivation
from ..errors import SymlipError
from ..fields import Field
from .evaluate import Program
from .flow import FlowMeasurement
from .flow import build as build_flow
from .measure import Measurement
from .near import NearMeasurement, build_near
from .sampling import build

GUARD = 25
"""Decimal digits carried beyond those asked for; the second run carries twice as many."""


@dataclass(frozen=True)
class StepReport:
    """One step over all networks.

    ratio: the largest measured / bound. verdict: "below" (clearly under 1), "equal to N digits", "violated" or "undecided".
    network: the index and family of the network where the ratio is largest. measured: how many measurements it is of
    (0 <= 0 is not counted; a step with nothing else is an equality).
    gap: 1 - ratio, which keeps its digits where the ratio rounds to 1.
    """

    name: str
    rule: str
    ratio: float
    verdict: str
    network: str
    measured: int
    gap: float


@dataclass(frozen=True)
class Verification:
    """The result of a verification; `derivation.verify` with the same arguments gives it again, to the last digit."""

    digits: int
    networks: int
    seed: int
    steps: dict[str, StepReport]

    @property
    def passed(self) -> bool:
        """Every measured step is below its bound or equal to it to the digits asked for, at both precisions."""
        return bool(self.steps) and all(step.verdict == "below" or step.verdict.startswith("equal") for step in self.steps.values())

    @property
    def worst_ratio(self) -> float:
        return max(step.ratio for step in self.steps.values())

    @property
    def worst(self) -> StepReport:
        """The step with the largest ratio; where there are failures, the first of them."""
        failed = self.failures
        return failed[0] if failed else max(self.steps.values(), key=lambda step: step.ratio)

    @property
    def failures(self) -> list[StepReport]:
        return [step for step in self.steps.values() if step.verdict in ("violated", "undecided")]

    def __str__(self) -> str:
        if self.passed:
            return f"passed: {len(self.steps)} steps on {self.networks} network{'s' * (self.networks > 1)} at {self.digits} digits, largest ratio {self.worst_ratio:.6g} in step {self.worst.name}"
        worst = self.worst
        return f"FAILED: step {worst.name} ({worst.rule}) is {worst.verdict}, measured / bound = {worst.ratio:.6g} on network {worst.network}"


def verify(
    derivation: Derivation,
    digits: int = 50,
    networks: int = 20,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    only: int | None = None,
) -> Verification:
    """Measure every step's quantity on concrete networks and compare it with its bound, at `digits` decimal digits.

    only: the index of one network of that run, to replay it. progress: called with (networks done, networks).
    A step passes if measured / bound < 1 at both precisions, or equals 1 to `digits` digits; NaN never passes.
    """
    if isinstance(digits, bool) or not isinstance(digits, int) or digits < 5:
        raise SymlipError(f"digits must be an integer from 5 on, not {digits!r}")
    if isinstance(networks, bool) or not isinstance(networks, int) or networks < 1:
        raise SymlipError(f"networks must be a positive integer, not {networks!r}")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise SymlipError(f"seed must be an integer, not {seed!r}")
    if only is not None and not 0 <= only < networks:
        raise SymlipError(f"network {only} is not one of this run's {networks}, 0 to {networks - 1}")
    program = Program(derivation)
    worst: dict[str, StepReport] = {}
    indices = range(networks) if only is None else [only]
    for done, index in enumerate(indices, 1):
        for name, report in _one_network(derivation, program, digits, seed, index).items():
            worst[name] = _worse(worst.get(name), report)
        if progress:
            progress(done, len(indices))
    return Verification(digits, len(indices), seed, {name: worst[name] for name in derivation.steps if name in worst})


def _one_network(derivation: Derivation, program: Program, digits: int, seed: int, index: int) -> dict[str, StepReport]:
    """The verdicts on one network; with more digits to spare where it loses so many that the two precisions do not agree."""
    found = _at_two_precisions(derivation, program, digits, seed, index, GUARD)
    if any(report.verdict == "undecided" for report in found.values()):
        found = _at_two_precisions(derivation, program, digits, seed, index, 6 * GUARD)
    return found


def _at_two_precisions(derivation: Derivation, program: Program, digits: int, seed: int, index: int, guard: int) -> dict[str, StepReport]:
    with mpmath.workdps(digits + guard):
        label, low = _ratios(derivation, program, seed, index, digits)
    with mpmath.workdps(digits + 2 * guard):
        _, high = _ratios(derivation, program, seed, index, digits)
        tolerance = mpf(10) ** -digits
        found = {}
        for name, ratios in high.items():
            if not ratios and not low[name]:  # only 0 <= 0, which says nothing of how sharp a step is
                found[name] = StepReport(name, derivation.steps[name].rule.name, 1.0, f"equal to {digits} digits", f"{index} ({label})", 0, 0.0)
                continue
            verdict, largest = "below", mpf(0)
            for first, second in zip(low[name], ratios):
                verdict = _worse_verdict(verdict, _verdict(first, second, tolerance, digits))
                if mpmath.isnan(second) or second > largest:
                    largest = second
            if len(low[name]) != len(ratios):
                verdict = "undecided"
            found[name] = StepReport(name, derivation.steps[name].rule.name, float(largest), verdict, f"{index} ({label})", len(ratios), float(1 - largest))
    return found


def _ratios(derivation: Derivation, program: Program, seed: int, index: int, digits: int) -> tuple[str, dict[str, list[Any]]]:
    sample, measurement = _measured(derivation, program, seed, index, digits)
    values = program(measurement.values())
    found: dict[str, list[Any]] = {}
    kinked = derivation.problem.local and any(a.constant(order) == sympy.oo for a in derivation.problem.network.activations for order in (2, 3, 4))
    for name, step in derivation.steps.items():
        for measured, bound in measurement.pairs(step.claim, values):
            bound = bound[()] if isinstance(bound, np.ndarray) and bound.ndim == 0 else bound
            if isinstance(bound, np.ndarray):
                bound = bound.reshape(-1)[0]
            # near a kink a bound is inf, and 0 times it NaN, which the compiled function gives as inf
            if bound == mpmath.inf or (kinked and mpmath.isnan(bound)):
                continue
            ratios = found.setdefault(name, [])
            if measured or bound:
                ratios.append(_ratio(mpf(measured), mpf(bound)))
    return sample.name, found


def _measured(derivation: Derivation, program: Program, seed: int, index: int, digits: int) -> tuple[Any, Any]:
    if derivation.problem.local:
        near = build_near(derivation, seed, index)
        return near, NearMeasurement(derivation, near, program, digits)
    if isinstance(derivation.problem.network, Field):
        flow = build_flow(derivation, seed, index)
        return flow, FlowMeasurement(derivation, flow, program, digits)
    sample = build(derivation, seed, index)
    return sample, Measurement(derivation, sample, program, digits)


def _ratio(measured: Any, bound: Any) -> Any:
    return measured / bound if bound else mpmath.inf


def _verdict(low: Any, high: Any, tolerance: Any, digits: int) -> str:
    """Compare with 1; the two precisions must agree to the digits asked for. NaN is undecided."""
    if not (mpmath.isfinite(low) and mpmath.isfinite(high)):
        return "violated" if low == mpmath.inf and high == mpmath.inf else "undecided"
    if not abs(low - high) <= tolerance * max(1, abs(high)):
        return "undecided"
    if high > 1 + tolerance and low > 1 + tolerance:
        return "violated"
    if high < 1 - tolerance and low < 1 - tolerance:
        return "below"
    return f"equal to {digits} digits"


ORDER = ("below", "equal", "undecided", "violated")


def _worse_verdict(first: str, second: str) -> str:
    return max(first, second, key=lambda verdict: ORDER.index(verdict.split()[0]))


def _worse(first: StepReport | None, second: StepReport) -> StepReport:
    if first is None or first.measured == 0:
        return second
    if second.measured == 0:
        return first
    verdict = _worse_verdict(first.verdict, second.verdict)
    leading = second if (verdict != first.verdict or (second.verdict == verdict and not second.ratio <= first.ratio)) else first
    return StepReport(
        first.name, first.rule, max(first.ratio, second.ratio), verdict, leading.network, first.measured + second.measured, min(first.gap, second.gap)
    )
