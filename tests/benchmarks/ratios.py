"""How sharp the bounds of residual, tied and continuous depth are: bound over the best that an optimiser finds.

    python tests/benchmarks/ratios.py residual    # tanh, m = 5, d in .1, .5, 1, a in .5, 1, 2, x = 0 or (1, 1) / sqrt 2
    python tests/benchmarks/ratios.py gradient    # the exact constant of the gradient against 30 random tanh networks, every unknown free
    python tests/benchmarks/ratios.py wide        # logistic, arctan, sin, erf and Gaussian networks, depth 3
    python tests/benchmarks/ratios.py third       # order three of tanh networks of widths (1,1,1) and (3,4,1), a = 1, 2, 4
    python tests/benchmarks/ratios.py ode         # tanh, widths 1 to 4, total variation .1, .5, 1, 2, a = 1, |x| = 1
    python tests/benchmarks/ratios.py scalar      # tanh, width 1, total variation and a in .5, 1, 2, |x| in 0, 1, shared parameters and L2

The finds are estimates from below (L-BFGS over weights, biases and directions, exact gradients), the bounds are proved.
"""

import itertools
import statistics
import sys

import numpy as np
from scipy.optimize import minimize

import symlip as sl
from symlip.sharpness_map import best_found as optimise


def best_found(width, count, d, a, x, tied, order, starts, seed=0):
    """The largest |h'| or |h''| along unit lines of h <- h + d tanh(A h + b), `count` times."""
    rng, groups = np.random.default_rng(seed), 1 if tied else count
    size = groups * width * (width + 1)

    def split(vector):
        parts = vector.reshape(groups, width * (width + 1))
        return [(part[: width * width].reshape(width, width), part[width * width :]) for part in parts]

    def objective(vector):
        raw, eta = split(vector[:size]), split(vector[size:])
        theta, svd = [], []
        for M, b in raw:
            u, s, vt = np.linalg.svd(M)
            theta.append((a * M / s[0], b))
            svd.append((u[:, 0], s[0], vt[0]))
        h, h1, h2, tape = x, np.zeros(width), np.zeros(width), []
        for step in range(count):
            g = 0 if tied else step
            (A, b), (dA, db) = theta[g], eta[g]
            z1, z2, t = dA @ h + db + A @ h1, 2 * dA @ h1 + A @ h2, np.tanh(A @ h + b)
            s1 = 1 - t * t
            s2, s3 = -2 * t * s1, (6 * t * t - 2) * s1
            tape.append((g, h, h1, h2, z1, z2, s1, s2, s3))
            h, h1, h2 = h + d * t, h1 + d * s1 * z1, h2 + d * (s2 * z1**2 + s1 * z2)
        bent = h1 if order == 1 else h2
        length, total = np.linalg.norm(bent), vector[size:] @ vector[size:]
        if not length > 1e-250:
            return 0.0, np.zeros_like(vector)
        y, none = bent / length, np.zeros(width)
        p, p1, p2 = none, (y if order == 1 else none), (none if order == 1 else y)
        in_theta = [[np.zeros((width, width)), np.zeros(width)] for _ in range(groups)]
        in_eta = [[np.zeros((width, width)), np.zeros(width)] for _ in range(groups)]
        for g, h, h1, h2, z1, z2, s1, s2, s3 in reversed(tape):
            A, dA = theta[g][0], eta[g][0]
            zb = d * (p * s1 + p1 * s2 * z1 + p2 * (s3 * z1**2 + s2 * z2))
            z1b, z2b = d * (p1 * s1 + 2 * p2 * s2 * z1), d * p2 * s1
            in_theta[g][0] += np.outer(zb, h) + np.outer(z1b, h1) + np.outer(z2b, h2)
            in_theta[g][1] += zb
            in_eta[g][0] += np.outer(z1b, h) + 2 * np.outer(z2b, h1)
            in_eta[g][1] += z1b
            p, p1, p2 = p + A.T @ zb + dA.T @ z1b, p1 + A.T @ z1b + 2 * dA.T @ z2b, p2 + A.T @ z2b
        flat = [np.concatenate([(a / s * (gA - np.sum(gA * M) / s * np.outer(u, v))).ravel(), gb]) for (gA, gb), (M, _), (u, s, v) in zip(in_theta, raw, svd)]
        along = [np.concatenate([gA.ravel(), gb]) for gA, gb in in_eta]
        gradient = np.concatenate([*flat, *along]) / length
        gradient[size:] -= order * vector[size:] / total
        return -(np.log(length) - order * np.log(total) / 2), -gradient

    best = 0.0
    for number in range(starts):
        start = rng.normal(size=2 * size) * np.concatenate([np.full(size, 10 ** rng.uniform(-0.5, 0.7)), np.ones(size)])
        if number % 2:
            for M, b in split(start[:size]):  # views: a chain along one neuron, the others far out
                M *= 0.05
                M[0, 0] = rng.choice([-1.0, 1.0])
                b[1:] = rng.choice([-1, 1], size=width - 1) * rng.uniform(1, 6)
        found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 1500, "maxcor": 20})
        best = max(best, float(np.exp(-found.fun)) if found.fun else 0.0)
    return best


def residual(starts=60):
    rows = {}
    for d, a, size in itertools.product((0.1, 0.5, 1.0), (0.5, 1.0, 2.0), (0.0, 1.0)):
        x = size * np.sqrt([0.5, 0.5])
        for tied in (False, True):
            layer = sl.Residual(2, "tanh", step="d")
            network = sl.Network(2, [sl.Tied(layer, 5)] if tied else [layer] * 5)
            norms = [a] if tied else [a] * 5
            block = sl.derive(network, sl.LayerBalls()).compile()(weight_norms=norms, input_norm=size, d=d)
            joint = sl.derive(network, sl.LayerBalls(), method="joint").compile()(weight_norms=norms, x=x, d=d)
            for order, name in ((1, "lipschitz"), (2, "gradient_lipschitz")):
                found = max(best_found(2, 5, d, a, x, tied, order, starts), getattr(joint, f"lower_{name}", 0.0))  # or a witness
                rows.setdefault((tied, order), []).append((getattr(block, name) / found, getattr(joint, name) / found))
                print(
                    f"d={d} a={a} |x|={size} {'tied' if tied else 'untied'} order {order}: block {rows[tied, order][-1][0]:.4f}, joint {rows[tied, order][-1][1]:.4f}",
                    flush=True,
                )
    for (tied, order), values in rows.items():
        text = [f"{statistics.median(column):.4f} / {max(column):.4f} (least {min(column):.4f})" for column in zip(*values)]
        print(f"{'tied' if tied else 'untied'}, order {order}, median / max: block {text[0]}, joint {text[1]}")


def ode(starts=6, count=48):
    """The finds are residual networks of `count` layers, jumps of the control."""
    for width, U in itertools.product((1, 2, 3, 4), (0.1, 0.5, 1.0, 2.0)):
        x = np.zeros(width)
        x[0] = 1.0
        rows = []
        for method in ("separate", "block", "joint"):
            given = {"x": x} if method == "joint" else {"input_norm": 1.0}
            rows.append(sl.derive(sl.NeuralODE(width, "tanh"), method=method).compile()(weight_norm=1.0, total_variation=U, **given))
        for order, name in ((1, "lipschitz"), (2, "gradient_lipschitz")):
            found = best_found(width, count, U / count, 1.0, x, True, order, starts)
            ratios = ", ".join(f"{method} {getattr(row, name) / found:.4f}" for method, row in zip(("separate", "block", "joint"), rows))
            print(f"width {width} U={U} order {order}: bound / best found {ratios}", flush=True)


def scalar_forms(A, b, x, U, pieces, short):
    """|D X_U|, |D^2 X_U| of X' = tanh(A X + b), by pieces of A and b (shared: one), arrays (rows, pieces): jets by Runge and Kutta, the norms those of L2."""
    rows, groups = A.shape
    state = [np.full(rows, x), np.zeros((rows, 2 * groups)), np.zeros((rows, 2 * groups, 2 * groups))]

    def field(state, group):
        h, first, second = state
        value = np.tanh(A[:, group] * h + b[:, group])
        slope = 1 - value**2
        moved, inner = A[:, group, None] * first, A[:, group, None, None] * second
        moved[:, 2 * group] += h
        moved[:, 2 * group + 1] += 1
        inner[:, 2 * group] += first
        inner[:, :, 2 * group] += first
        return [
            value,
            slope[:, None] * moved,
            (-2 * value * slope)[:, None, None] * moved[:, :, None] * moved[:, None, :] + slope[:, None, None] * inner,
        ]

    def along(state, slopes, step):
        return [part + step * slope for part, slope in zip(state, slopes)]

    for piece in range(pieces):
        group, step = piece * groups // pieces, U / pieces / short
        for _ in range(short):
            one = field(state, group)
            two = field(along(state, one, step / 2), group)
            three = field(along(state, two, step / 2), group)
            four = field(along(state, three, step), group)
            state = along(state, [(p + 2 * q + 2 * r + s) / 6 for p, q, r, s in zip(one, two, three, four)], step)
    weight = groups / (U if groups > 1 else 1)
    return np.linalg.norm(state[1], axis=1) * np.sqrt(weight), abs(np.linalg.eigvalsh(state[2])).max(axis=1) * weight


def chosen_values(values, a, x, U, short=4):
    """|D X_U| in L2 for A = a and b_t such that X' is piecewise `values` in [0, 1), arrays (rows, pieces): D X by Runge and Kutta."""
    square, X, step = np.zeros(len(values)), np.full(len(values), float(x)), U / values.shape[1] / short
    for value in values.T:
        slope = 1 - value**2
        for _ in range(short):
            ends = [2 * a * slope, slope**2 * (1 + X**2), slope**2 * (1 + (X + step / 2 * value) ** 2), slope**2 * (1 + (X + step * value) ** 2)]
            one = ends[0] * square + ends[1]
            two = ends[0] * (square + step / 2 * one) + ends[2]
            three = ends[0] * (square + step / 2 * two) + ends[2]
            four = ends[0] * (square + step * three) + ends[3]
            square, X = square + step / 6 * (one + 2 * two + 2 * three + four), X + step * value
    return np.sqrt(square)


def climbed(norms, start, bounds):
    """The largest norm that L-BFGS finds from `start`, by differences; norms: of rows of vectors."""

    def objective(vector):
        tried = np.concatenate([vector[None], vector + 1e-6 * np.eye(len(vector))])
        values = np.log(norms(tried) + 1e-300)
        return -values[0], -(values[1:] - values[0]) / 1e-6

    return float(np.exp(-minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds).fun))


def scalar(pieces=16):
    """Bound over best found; the solutions are accurate, the parameters in L2 have `pieces` pieces, or first order a value of X' on each of 128."""
    worst = {}
    for U, a, x in itertools.product((0.5, 1.0, 2.0), (0.5, 1.0, 2.0), (0.0, 1.0)):
        for parameters, groups in (("shared", 1), ("depth-dependent", pieces)):
            field = sl.NeuralODE(1, "tanh", parameters=parameters)
            rows = [sl.derive(field).compile()(weight_norm=a, input_norm=x, total_variation=U)]
            rows += [sl.derive(field, method="joint").compile(fine=fine)(weight_norm=a, x=[x], total_variation=U) for fine in (False, True)]
            for order, name in enumerate(("lipschitz", "gradient_lipschitz")):
                best = 0.0
                for start, sign in itertools.product((0.5, 0.0, -1.0), (0, 1)):
                    first = np.concatenate([np.full(groups, a), np.full(groups, start - sign * a * x)])
                    bounds = [(-a, a)] * groups + [(None, None)] * groups
                    best = max(
                        best, climbed(lambda rows, g=groups, o=order, x=x, U=U: scalar_forms(rows[:, :g], rows[:, g:], x, U, pieces, 3)[o], first, bounds)
                    )
                if groups > 1 and order == 0:
                    best = max(best, climbed(lambda rows, a=a, x=x, U=U: chosen_values(rows, a, x, U), np.full(128, 0.1), [(0, 0.99)] * 128))
                ratios = [getattr(row, name) / best for row in rows]
                worst[parameters, order] = np.maximum(worst.get((parameters, order), 0), ratios)
                print(
                    f"U={U} a={a} |x|={x} {parameters} order {order + 1}: closed form {ratios[0]:.4f}, joint {ratios[1]:.4f}, fine {ratios[2]:.4f}", flush=True
                )
    for (parameters, order), ratios in worst.items():
        print(f"{parameters}, order {order + 1}, largest: closed form {ratios[0]:.4f}, joint {ratios[1]:.4f}, fine {ratios[2]:.4f}")


def gradient(networks=30, starts=40):
    """Best found / exact on random networks: depth 2-4, widths 1-5, outputs 1-3, a in .3-5, |x| in 0-10."""
    rng, ratios = np.random.default_rng(0), []
    for number in range(networks):
        depth = int(rng.integers(2, 5))
        widths = [int(w) for w in rng.integers(1, 6, depth)] + [int(rng.integers(1, 4))]
        last = "identity" if rng.random() < 0.25 else "tanh"
        a, x = list(10 ** rng.uniform(np.log10(0.3), np.log10(5), depth)), rng.normal(size=widths[0])
        x *= rng.choice([0.0, 0.3, 1.0, 10.0]) / np.linalg.norm(x)
        network = sl.Network(widths[0], [*(sl.Dense(w, "tanh") for w in widths[1:-1]), sl.Dense(widths[-1], last)])
        exact = sl.exact_lipschitz(network)
        given = {"weight_norms": a, "input_norm": float(np.linalg.norm(x))}
        bound = exact.compile()(**given)
        witness = exact.witness(x=x, weight_norms=a, order=2)
        seeds = [[(A, b + 0.2 * rng.normal(size=b.shape)) for A, b in witness]]  # one start from the witness' surroundings, the others anywhere
        found = optimise(network, a, x, 2, starts, number, seeds)
        ratios.append(found / bound.gradient_lipschitz)
        print(
            f"{'-'.join(map(str, widths))} {last}, |x| = {np.linalg.norm(x):.1f}: exact {bound.gradient_lipschitz:.6g}, best found / exact {ratios[-1]:.6f}",
            flush=True,
        )
    print(f"best found / exact: least {min(ratios):.6f}, median {statistics.median(ratios):.6f}, largest {max(ratios):.9f}")


def third_found(widths, inputs, a, x, starts, seed=0):
    """The largest |N'''| along unit lines of a tanh network with weights of norm a: an optimiser with differences for gradients."""
    rng = np.random.default_rng(seed)
    sizes = [(rows, columns) for rows, columns in zip(widths, (inputs, *widths))]
    count = sum(rows * (columns + 1) for rows, columns in sizes)

    def split(vector):
        found, at = [], 0
        for rows, columns in sizes:
            found.append((vector[at : at + rows * columns].reshape(rows, columns), vector[at + rows * columns : at + rows * (columns + 1)]))
            at += rows * (columns + 1)
        return found

    def value(vector):
        eta = vector[count:] / np.linalg.norm(vector[count:])
        jets = [x, 0 * x, 0 * x, 0 * x]
        for _number, ((M, b), (dA, db)) in enumerate(zip(split(vector[:count]), split(eta))):
            A = a * M / max(np.linalg.norm(M, 2), 1e-300)
            h, h1, h2, h3 = jets
            z, z1, z2, z3 = A @ h + b, dA @ h + db + A @ h1, 2 * dA @ h1 + A @ h2, 3 * dA @ h2 + A @ h3
            t = np.tanh(z)
            s1 = 1 - t * t
            s2, s3 = -2 * t * s1, (6 * t * t - 2) * s1
            jets = [t, s1 * z1, s2 * z1**2 + s1 * z2, s3 * z1**3 + 3 * s2 * z1 * z2 + s1 * z3]
        return float(np.linalg.norm(jets[3]))

    best = 0.0
    for number in range(starts):
        start = rng.normal(size=2 * count) * np.concatenate([np.full(count, 10 ** rng.uniform(-1, 0.5)), np.ones(count)])
        if number % 3 == 0:  # near a chain along the first neurons, the direction in the first layer
            for M, b in split(start[:count]):
                M *= 0.02
                M[0, 0], b[:] = rng.choice([-1.0, 1.0]), 0.3 * b
            for position, (M, b) in enumerate(split(start[count:])):
                M *= 1.0 if position == 0 else 0.1
                b *= 1.0 if position == 0 else 0.1
        found = minimize(lambda v: -np.log(max(value(v), 1e-300)), start, method="L-BFGS-B", options={"maxiter": 400})
        best = max(best, float(np.exp(-found.fun)))
    return best


def third(starts=40):
    """Bound, lower bound and best find of the third derivative; inputs (1) and (3), |x| = 1."""
    print("order three, tanh: widths, a, bound, best found, lower bound, bound / best found")
    for widths, inputs in (((1, 1, 1), 1), ((3, 4, 1), 3)):
        network = sl.Network(inputs, [sl.Dense(width, "tanh") for width in widths])
        bounds, lower = sl.derive(network, order=3).compile(), sl.lower_bound(network, order=3).compile()
        x = np.eye(inputs)[0]
        for a in (1.0, 2.0, 4.0):
            given = {"weight_norms": [a] * len(widths), "input_norm": 1.0}
            top, below, best = bounds(**given).hessian_lipschitz, lower(**given).hessian_lipschitz, third_found(widths, inputs, a, x, starts)
            print(f"{widths}  {a:g}  {top:.4g}  {best:.4g}  {below:.4g}  {top / best:.2f}", flush=True)


def wide(starts=60):
    """Certified / best found, depth 3, a >= 1 and below."""
    for name, a in itertools.product(("tanh", "arctan", "sin", "logistic", "erf", "gaussian"), (0.5, 1.0, 2.0, 4.0)):
        network = sl.Network(2, [sl.Dense(2, name), sl.Dense(2, name), sl.Dense(1, name)])
        derivation = sl.exact_lipschitz(network)
        bound = derivation.compile()(weight_norms=[a] * 3, input_norm=1.0).gradient_lipschitz
        found = optimise(network, [a] * 3, np.array([1.0, 0.0]), 2, starts, 0)
        label = "exact" if derivation.exact["gradient_lipschitz"] else "upper bound"
        print(f"{name}, a = {a}: {label} {bound:.6g}, over best found {bound / found:.5f}", flush=True)


if __name__ == "__main__":
    {"residual": residual, "ode": ode, "gradient": gradient, "scalar": scalar, "wide": wide, "third": third}[sys.argv[1] if len(sys.argv) > 1 else "residual"]()
