"""Speed and memory, as ratios within one run: python tests/benchmarks/run.py

Each row names what was measured, the figure to reach and the figure of this run. Nothing here runs in the test suite.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable

import mpmath
import numpy as np
from rich.console import Console
from rich.table import Table

import symlip as sl
from symlip.certify import majorant_certificates
from symlip.models import Model
from symlip.objective import Objective

rows: list[tuple[str, str, str]] = []


def seconds(work: Callable[[], object], repeat: int = 1) -> float:
    found = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def paired_work(depth: int) -> Callable[..., object]:
    derivation = sl.derive(sl.Network.uniform(depth, "tanh", 4, 3), sl.LayerBalls(), method="paired")
    derivation.check()
    return derivation.compile()


def depth_rows() -> None:
    paired_work(20)
    half, full = seconds(lambda: paired_work(500)), seconds(lambda: paired_work(1000))
    rows.append(("depth 1000, paired: derive + check + compile", "under 10 s, at most 2.2 x depth 500", f"{full:.2f} s, {full / half:.2f} x"))
    peaks = []
    for depth in (500, 1000):
        tracemalloc.start()
        paired_work(depth)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    rows.append(("its memory", "linear", f"{peaks[1] / 2**20:.0f} MiB, {peaks[1] / peaks[0]:.2f} x depth 500"))

    def block() -> None:
        sl.derive(sl.Network.uniform(100, "tanh", 4, 3), sl.LayerBalls()).compile()

    rows.append(("block, depth 100: derive + compile", "under 10 s", f"{seconds(block):.2f} s"))

    def budget() -> None:
        sl.derive(sl.Network.uniform(100, "tanh", 4, 3), sl.ParameterBall()).compile()(radius=20.0, input_norm=1.0)

    rows.append(("budget bound, depth 100: derive, compile, evaluate", "under 5 s", f"{seconds(budget):.2f} s"))


def by_hand(norms: list[object], x: object, widths: list[int]) -> tuple[object, object]:
    """The paired recursion of a tanh network, as one would write it in NumPy."""
    S2 = 4 * np.sqrt(3) / 9
    first, second, below = None, None, x
    for a, width in zip(norms, widths):
        if first is None:
            first = np.sqrt(1 + below**2)
            second = S2 * (1 + below**2)
        else:
            p = S2 * (1 + below**2)
            r = S2 * np.sqrt(1 + below**2) * a * first + first
            q = S2 * a**2 * first**2 + a * second
            second = (p + q) / 2 + np.hypot((p - q) / 2, r)
            first = np.sqrt(1 + below**2 + a**2 * first**2)
        below = np.sqrt(width)
    return first, second


def compiled_rows() -> None:
    widths = [4] * 10
    bounds = sl.derive(sl.Network.uniform(10, "tanh", 4, 3), sl.LayerBalls(), method="paired").compile()
    rng = np.random.default_rng(0)
    for label, target, size, repeat in (("batches of 1e5", "at most 1.1", 100_000, 15), ("one scalar call", "at most 2", None, 3000)):
        norms = [float(rng.uniform(0.5, 2)) if size is None else rng.uniform(0.5, 2, size) for _ in widths]
        x = 1.0 if size is None else rng.uniform(0.5, 2, size)
        assert np.allclose(bounds(norms, x).gradient_lipschitz, by_hand(norms, x, widths)[1], rtol=1e-13)
        ratios = []
        for _ in range(5):
            ratios.append(seconds(lambda norms=norms, x=x: bounds(norms, x), repeat) / seconds(lambda norms=norms, x=x: by_hand(norms, x, widths), repeat))
        rows.append((f"compiled (paired, depth 10) / by hand in NumPy, {label}", target, f"{statistics.median(ratios):.2f}"))


def import_row() -> None:
    def python(code: str) -> float:
        return min(seconds(lambda: subprocess.run([sys.executable, "-c", code], check=True)) for _ in range(7))

    rows.append(("import symlip beyond import sympy", "at most 0.35 s", f"{python('import sympy, symlip') - python('import sympy'):.2f} s"))


def verify_row() -> None:
    derivation = sl.derive(sl.Network(3, [sl.Dense(4, "tanh"), sl.Dense(4, "tanh"), sl.Dense(1, "tanh")]), sl.LayerBalls())
    derivation.verify(networks=2)
    taken = seconds(lambda: derivation.verify(digits=50, networks=40))
    rows.append(("50-digit verification of 3-4-4-1, all steps", "reported", f"{40 / taken:.0f} networks/s (mpmath on {mpmath.libmp.BACKEND})"))


def gradient_rows() -> None:
    for depth, target in ((3, 0.5), (10, 2.0), (20, 5.0)):
        bounds = sl.exact_lipschitz(sl.Network.uniform(depth, "tanh", 4, 3)).compile()
        taken = seconds(lambda bounds=bounds, depth=depth: bounds([1.0] * depth, 1.0), 3)
        rows.append((f"exact constant of the gradient, width 4, depth {depth}", f"under {target} s", f"{taken:.2f} s"))
    bounds, rng = sl.exact_lipschitz(sl.Network.uniform(3, "tanh", 3, 3)).compile(), np.random.default_rng(0)
    a, x = rng.uniform(0.3, 5, 1000), rng.uniform(0, 3, 1000)
    batch = seconds(lambda: bounds([a] * 3, x))
    calls = 20 * seconds(lambda: [bounds([a[index]] * 3, x[index]) for index in range(50)])
    rows.append(("1000 (a, |x|) pairs, depth 3: 1000 calls / one batch", "20", f"{calls / batch:.1f}"))


def certificate_rows() -> None:
    rng = np.random.default_rng(0)
    network = sl.Network(784, [sl.Dense(256, "tanh"), sl.Dense(128, "tanh"), sl.Dense(10, "identity")])
    parameters = [(rng.normal(size=(b, a)) / np.sqrt(a), np.zeros(b)) for a, b in ((784, 256), (256, 128), (128, 10))]
    X, y = rng.random((1000, 784)) * (rng.random((1000, 784)) < 0.2), rng.integers(0, 10, 1000)
    cost = sl.SoftmaxCrossEntropy()
    objective = Objective(network, cost, X, y)
    model = Model(network, parameters)
    direction = [(-A, -b) for A, b in objective.gradient(parameters)[1]]
    unit = seconds(lambda: objective.gradient(parameters), 25)
    for what, target, work in (
        ("norm", "5", lambda: sl.certify(model, (X, y), cost, 0.01)),
        ("line, one piece", "15", lambda: sl.certify(model, (X, y), cost, method="line", direction=direction, length=0.01)),
        ("certified step by line", "15 a piece", lambda: sl.certified_step(model, (X, y), cost)),
        ("majorant of a step, 40 Lanczos steps", "120", lambda: majorant_certificates(parameters, objective, step_only=True)(0.01)),
    ):
        work()
        rows.append((f"784-256-128-10, 1000 samples, {what}, in full gradients", target, f"{seconds(work, 3) / unit:.1f}"))


def main() -> None:
    for group in (depth_rows, compiled_rows, import_row, verify_row, gradient_rows, certificate_rows):
        group()
    table = Table("what", "reach", "this run", box=None)
    for row in rows:
        table.add_row(*row)
    console = Console(width=140)
    console.print(table)
    console.print(f"peak memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
