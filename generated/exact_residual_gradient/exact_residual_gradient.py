"""Bounds on Lipschitz constants in the parameters, compiled by symlip: joint method on layer balls, widths 1, 1, 1, depth 2, tanh.

Needs NumPy alone; call bounds(weight_norms, input_norm, input_least, input_rest, d).
"""

from typing import NamedTuple

import numpy
from numpy import exp, hypot, log, maximum, minimum, sqrt

FLOATS = 1e-12  # more than the rounding errors of the inequalities, relative to the moduli of their terms


class Bounds(NamedTuple):
    """Each a float, or an array of the arguments' broadcast shape."""

    value: object  # bound on |N|, the network's output
    lipschitz: object  # Lipschitz constant of the network in its parameters
    gradient_lipschitz: object  # Lipschitz constant of the network's gradient
    lower_gradient_lipschitz: object  # lower bound on the Lipschitz constant of the network's gradient
    cost_lipschitz: object  # Lipschitz constant of the cost
    cost_gradient_lipschitz: object  # Lipschitz constant of the cost's gradient


def blocks(*entries):
    """The block vector of the given scalars."""
    entries = [numpy.asarray(entry) for entry in entries]
    shape = numpy.broadcast_shapes(*(entry.shape for entry in entries))
    out = numpy.empty((len(entries), *shape), dtype=numpy.result_type(*entries))
    for index, entry in enumerate(entries):
        out[index] = entry[()]
    return out


def append_blocks(vector, *entries):
    """A block vector with further scalar entries behind it."""
    entries = [numpy.asarray(entry) for entry in entries]
    shape = numpy.broadcast_shapes(vector.shape[1:], *(entry.shape for entry in entries))
    out = numpy.empty((len(vector) + len(entries), *shape), dtype=numpy.result_type(vector, *entries))
    out[: len(vector)] = vector
    for index, entry in enumerate(entries, len(vector)):
        out[index] = entry[()]
    return out


def extend_vector(vector, like):
    """The vector with zeros behind it, as long as the other one."""
    out = numpy.zeros((len(like), *vector.shape[1:]), dtype=vector.dtype)
    out[: len(vector)] = vector
    return out


def extend_matrix(matrix, like):
    """The matrix with zero rows and columns behind it, as large as the other one."""
    out = numpy.zeros((len(like), len(like), *matrix.shape[2:]), dtype=matrix.dtype)
    out[: len(matrix), : len(matrix)] = matrix
    return out


def outer(vector):
    """v v^T."""
    return vector[:, None] * vector[None, :]


def pad(matrix):
    """The matrix with two zero rows and columns behind it."""
    out = numpy.zeros((len(matrix) + 2, len(matrix) + 2, *matrix.shape[2:]), dtype=matrix.dtype)
    out[:-2, :-2] = matrix
    return out


def border(vector):
    """e v^T + v e^T, v padded by two zeros, e the first of the two new blocks."""
    size = len(vector)
    out = numpy.zeros((size + 2, size + 2, *vector.shape[1:]), dtype=vector.dtype)
    out[size, :size] = vector
    out[:size, size] = vector
    return out


def euclidean_norm(vector):
    """|v|, without overflow of the squares."""
    scale = numpy.max(numpy.abs(vector), axis=0)
    safe = numpy.where((scale > 0) & numpy.isfinite(scale), scale, 1.0)
    return numpy.where(numpy.isfinite(scale), safe * sqrt(numpy.sum((vector / safe) ** 2, axis=0)), numpy.inf)


def largest_eigenvalue(matrix):
    """The largest eigenvalue of a symmetric matrix with nonnegative entries; inf where an entry is not finite."""
    if len(matrix) == 2:
        return (matrix[0, 0] + matrix[1, 1]) / 2 + hypot((matrix[0, 0] - matrix[1, 1]) / 2, matrix[0, 1])
    stacked = numpy.moveaxis(matrix, (0, 1), (-2, -1))
    scale = numpy.max(stacked, axis=(-2, -1))
    finite = numpy.isfinite(scale)
    safe = numpy.where(finite & (scale > 0), scale, 1.0)
    scaled = numpy.where(finite[..., None, None], stacked / safe[..., None, None], 0.0)
    return numpy.where(finite, safe * numpy.linalg.eigvalsh(scaled)[..., -1], numpy.inf)


def up(value):
    """A little more than a computed nonnegative number: the rounding of a few operations."""
    return value * (1 + 1e-13)


def each(function, arguments):
    """A function of numbers at every place of the arguments' broadcast shape, which comes last where its values are arrays."""
    arrays = numpy.broadcast_arrays(*(numpy.asarray(argument, dtype=float) for argument in arguments))
    values = [numpy.asarray(function(*(float(array[place]) for array in arrays)), dtype=float) for place in numpy.ndindex(arrays[0].shape)]
    return numpy.stack(values, axis=-1).reshape((*values[0].shape, *arrays[0].shape))[()]


def state_bending(high, x_norm, least, rest, which, slope, curvature, weights, steps, widths, activations, effort=1):
    """What bounds the second derivative of residual lines: from above (which = 0, width one), at most `high`; what a network has (1).

    slope, curvature: of a cost on top (1 and 0: none). least, rest: the smallest |x_i| and the sum of the others, -1 if unknown.
    effort: 0 for coarse cells, 1, or 2 for fine ones.
    """
    count = len(weights)

    def one(high, x_norm, least, rest, slope, curvature, *others):
        if least < 0:
            if widths[0] > 1:  # the witness needs the entries of the input
                return 0.0 if which else high
            least, rest = x_norm, 0.0
        sizes = numpy.array([high, x_norm, slope, *others])
        if not numpy.isfinite(sizes).all() or (slope <= 0) or x_norm > 1e6 or not numpy.all(others):
            return 0.0 if which else high
        found = []
        for x in (least,) if all(chart[13] == -chart[14] for chart in activations) else (least, -least):
            lines = state_lines(x_norm, least, rest, others[:count], others[count:], widths[0], activations)
            with numpy.errstate(all="ignore"):
                search = state_search(high, x, slope, curvature, lines, effort)
                found.append(search[0] * (1 - 1e-9) if which else state_bound(high, x, slope, curvature, lines, effort, *search[:2]))
        return max(0.0, min(found)) if which else min(high, max(found))  # the input's sign is not known

    return each(one, [high, x_norm, least, rest, slope, curvature, *weights, *steps])


def state_lines(x_norm, least, rest, weights, steps, width, activations):
    """The lines as the search takes them: the other neurons are saturated, pushing away from zero."""
    lines, spread = [], 0.0
    for weight, step, chart in zip(weights, steps, activations):
        lines.append((weight, step, chart, x_norm**2 - least**2 + 2 * rest * spread + (width - 1) * spread**2))
        spread = spread + abs(step) * max(-chart[13], chart[14])
    return lines


def of_intervals(*factors):
    """The product of intervals or numbers."""
    middle, radius = 1.0, 0.0
    for factor in factors:
        m, r = factor if isinstance(factor, tuple) else (factor, 0.0)
        middle, radius = middle * m, abs(middle) * r + radius * (abs(m) + r)
    return middle, radius


def sum_intervals(*terms):
    middles, radii = zip(*(term if isinstance(term, tuple) else (term, 0.0) for term in terms))
    return sum(middles), sum(radii)


def opposite(interval):
    return -interval[0], interval[1]


def largest_modulus(interval):
    return abs(interval[0]) + interval[1]


def window_minima(table):
    """The smallest entries of windows of 2^i rows and 2^j columns, by their first row and column."""
    rows = [table]
    while 2 ** len(rows) <= table.shape[0]:
        step = 2 ** (len(rows) - 1)
        rows.append(minimum(rows[-1], numpy.concatenate([rows[-1][step:], numpy.full((step, table.shape[1]), numpy.inf)])))
    found = []
    for row in rows:
        line = [row]
        while 2 ** len(line) <= table.shape[1]:
            step = 2 ** (len(line) - 1)
            line.append(minimum(line[-1], numpy.concatenate([line[-1][:, step:], numpy.full((len(row), step), numpy.inf)], axis=1)))
        found.append(numpy.stack(line))
    return numpy.stack(found)


def smallest_entry(minima, rows, columns):
    """The smallest entry with first <= row <= last and first <= column <= last."""
    (a, b), (c, d) = rows, columns
    i, j = numpy.log2(b - a + 1).astype(int), numpy.log2(d - c + 1).astype(int)
    b, d = b - 2**i + 1, d - 2**j + 1
    return minimum(minimum(minima[i, j, a, c], minima[i, j, b, c]), minimum(minima[i, j, a, d], minima[i, j, b, d]))


def state_function(ks, hs, values):
    """A function by its values at nodes, linear in k and in h between them, with what `state_slopes` needs."""
    slopes = numpy.diff(values, axis=0) / numpy.diff(ks)[:, None], numpy.diff(values, axis=1) / numpy.diff(hs)[None, :]
    return ks, hs, values, [(window_minima(slope), window_minima(-slope)) for slope in slopes]


def at_state(function, k, h):
    """Its value; constant beyond the ends of h, inf beyond those of k."""
    ks, hs, values = function[:3]
    i = numpy.clip(numpy.searchsorted(ks, k) - 1, 0, len(ks) - 2)
    j = numpy.clip(numpy.searchsorted(hs, h) - 1, 0, len(hs) - 2)
    u = (k - ks[i]) / (ks[i + 1] - ks[i])
    v = numpy.clip((h - hs[j]) / (hs[j + 1] - hs[j]), 0, 1)
    flat, at = values.ravel(), i * len(hs) + j
    found = (1 - u) * ((1 - v) * flat[at] + v * flat[at + 1]) + u * ((1 - v) * flat[at + len(hs)] + v * flat[at + len(hs) + 1])
    return numpy.where((u >= -1e-9) & (u <= 1 + 1e-9), found, numpy.inf)


def state_slopes(function, k, h):
    """Intervals for its derivatives in k and in h where k and h are in intervals."""
    ks, hs, _, tables = function

    def cells(nodes, interval):
        first = numpy.clip(numpy.searchsorted(nodes, interval[0] - interval[1]) - 1, 0, len(nodes) - 2)
        return first, numpy.clip(numpy.searchsorted(nodes, interval[0] + interval[1], side="right") - 1, first, len(nodes) - 2)

    rows, columns = cells(ks, k), cells(hs, h)
    found = []
    for number, (low, high) in enumerate(tables):
        i = rows if number == 0 else (rows[0], rows[1] + 1)
        j = columns if number == 1 else (columns[0], columns[1] + 1)
        found.append([smallest_entry(low, i, j), -smallest_entry(high, i, j)])
    outside = (h[0] - h[1] < hs[0]) | (h[0] + h[1] > hs[-1])  # constant there
    found[1] = [numpy.where(outside, minimum(found[1][0], 0.0), found[1][0]), numpy.where(outside, maximum(found[1][1], 0.0), found[1][1])]
    return [((low + high) / 2, (high - low) / 2 * (1 + FLOATS)) for low, high in found]


def states_of(chart, t, radius, step):
    """Intervals for step s, step s', step s'' and for their derivatives in t, on [t - radius, t + radius]."""
    rates = [(step * f(t), abs(step) * most * radius) for f, most in zip(chart[6:9], chart[9:12])]
    return [(step * f(t), largest_modulus(rate) * radius) for f, rate in zip(chart[3:6], rates)], rates


def state_ranges(x, lines):
    """The ends of h_0, .., h_m."""
    low, high = [x], [x]
    for _, step, chart, _ in lines:
        ends = step * chart[13], step * chart[14]
        low.append(low[-1] + min(ends))
        high.append(high[-1] + max(ends))
    return low, high


def first_state_values(ks, hs, x, line):
    """P_1 at nodes: the first line's state is given by h."""
    _, step, chart, rest = line
    t, square = chart[12](numpy.clip((hs - x) / step, *chart[13:])), 1 + rest + x**2
    left = 1 - square * ks[:, None] * step * chart[5](t)
    return numpy.where(left > 0, square * (step * chart[4](t)) ** 2 / left, numpy.inf)


def next_state_values(function, ks, hs, line, ends, grid, rounds=0):
    """(P of the next line, the best t, the best w) at nodes, by a search on a grid, and finer ones about its best point."""
    weight, step, chart, rest = line
    k, best = ks[:, None, None], None
    for w in dict.fromkeys((weight, -weight)):
        t, size = numpy.broadcast_to(grid, (len(ks), len(hs), len(grid))), numpy.diff(grid).max()
        for _ in range(rounds + 1):
            s, p, bend = (step * f(t) for f in chart[3:6])
            h = hs[None, :, None] - s
            P, square, turn, along = at_state(function, k * (1 + p * w), h), 1 + rest + h**2, k * bend, w + k * p * h
            left = 1 - k**2 * p**2 * P
            below = left * (1 - square * turn) - along**2 * turn * P
            value = ((1 + p * along) ** 2 * P + square * (p**2 * left - turn * P)) / below
            value = numpy.where((below > 0) & (square * turn < 1), value, numpy.inf)
            value = numpy.where((h >= ends[0] - FLOATS) & (h <= ends[1] + FLOATS), value, 0.0)
            index = value.argmax(axis=2)[:, :, None]
            new = [numpy.take_along_axis(part, index, axis=2)[:, :, 0] for part in (value, t)] + [numpy.full(index.shape[:2], w)]
            best = new if best is None else [numpy.where(new[0] > best[0], a, b) for a, b in zip(new, best)]
            t, size = numpy.clip(new[1][:, :, None] + size * numpy.linspace(-1, 1, 9), chart[0], chart[1]), size / 4
    return best


def state_grid(chart, count):
    """Parameters of an activation, with its ends."""
    return numpy.linspace(chart[0], chart[1], count)


def reach_of_states(slope, lines, lam):
    """The largest |k| of each line's function for that lam."""
    found = [slope / lam]
    for weight, step, chart, _ in lines[:0:-1]:
        found.insert(0, found[0] * (1 + abs(weight * step) * chart[2]))
    return found


def state_form(x, lines, ts, ws):
    """h_m' and h_m'' of a network as forms in beta_1, alpha_2, beta_2, .., over directions that keep to one neuron."""
    size = 2 * len(lines) - 1
    h, first, second = x, numpy.zeros(size), numpy.zeros((size, size))
    for number, ((_, step, chart, rest), t, w) in enumerate(zip(lines, ts, ws)):
        moved, bent = w * first, w * second
        if number == 0:
            moved[0] += sqrt(1 + rest + x**2)
        else:
            moved[2 * number - 1] += h
            moved[2 * number] += sqrt(1 + rest)
            bent[2 * number - 1] += first
            bent[:, 2 * number - 1] += first
        s, p, q = (float(f(t)) for f in chart[3:6])
        second = second + step * (q * numpy.outer(moved, moved) + p * bent)
        first, h = first + step * p * moved, h + step * s
    return first, second


def state_network(x, slope, curvature, lines, ts, ws):
    """(the largest eigenvalue, the sign of k) of slope k h_m'' + curvature h_m'^2 for a network."""
    first, second = state_form(x, lines, ts, ws)
    values = [numpy.linalg.eigvalsh(slope * sign * second + curvature * numpy.outer(first, first))[-1] for sign in (1, -1)]
    return max(values), 1 if values[0] >= values[1] else -1


def better_states(x, slope, curvature, lines, ts, ws):
    """(eigenvalue, sign, t) after steps along the axes, and along what they made of it."""

    def value(at):
        return state_network(x, slope, curvature, lines, at, ws)[0]

    low, high = (numpy.array([line[2][end] for line in lines]) for end in (0, 1))
    ts = numpy.clip(numpy.array(ts, dtype=float), low, high)
    best, size = value(ts), 0.02 * (high - low)
    for _ in range(min(200, max(12, 400 // len(ts)))):
        before, start = ts.copy(), best
        for number in range(len(ts)):
            for side in (1, -1):
                new = ts.copy()
                new[number] = min(high[number], max(low[number], new[number] + side * size[number]))
                found = value(new)
                if found > best:
                    best, ts, size[number] = found, new, size[number] * 1.6
                    break
            else:
                size[number] *= 0.4
        new = numpy.clip(ts + 2 * (ts - before), low, high)
        found = value(new)
        if found > best:
            best, ts = found, new
        if best <= start and (size < 1e-10 * (high - low)).all():
            break
    return best, state_network(x, slope, curvature, lines, ts, ws)[1], ts


def state_search(high, x, slope, curvature, lines, effort):
    """(the largest eigenvalue of a network, [(k, h) of its lines for each of the best networks], the network: (eigenvalue, sign of k, t, w))."""
    low_ends, high_ends = state_ranges(x, lines)
    grid = [state_grid(line[2], 61) for line in lines]
    hs = [numpy.linspace(low, high, 49) for low, high in zip(low_ends[1:], high_ends[1:])]
    bottom, top, last = high / 30, high, len(lines) - 1
    for turn in range(3):
        share = numpy.geomspace(1e-3, 1, 30) if turn == 0 else numpy.linspace(0.03, 1, 22)
        nodes = [numpy.concatenate([-share[::-1], [0.0], share]) * end for end in reach_of_states(slope, lines, bottom)]
        functions = [(nodes[0], hs[0], first_state_values(nodes[0], hs[0], x, lines[0]))]
        for u in range(1, last):
            ends = low_ends[u], high_ends[u]
            functions.append((nodes[u], hs[u], next_state_values(functions[-1], nodes[u], hs[u], lines[u], ends, grid[u])[0]))
        for _ in range(3):  # the smallest lam at which the last line's function is small enough for both signs of k
            lam = numpy.geomspace(bottom, top, 24)
            ks = slope * numpy.concatenate([1 / lam, -1 / lam])
            values, t, w = next_state_values(functions[-1], ks, hs[last], lines[last], (low_ends[last], high_ends[last]), grid[last], 2)
            fits = numpy.isfinite(values).all(axis=1) & (curvature * values.max(axis=1) <= numpy.concatenate([lam, lam]))
            fits = fits[:24] & fits[24:]
            first = max(1, int(fits.argmax())) if fits.any() else 23
            bottom, top = lam[first - 1], lam[first]
        bottom, top = lam[first] * (0.7 if turn == 0 else 0.95), min(high, lam[first] * 1.2)
    networks = []
    for row in (first, 24 + first):
        order = numpy.argsort(-values[row])[: 1 if effort == 0 else 3]
        for column in order:
            k, h, ts, ws = ks[row], hs[last][column], [t[row, column]], [w[row, column]]
            for u in range(last, 0, -1):
                _, step, chart, _ = lines[u]
                k, h = k * (1 + step * float(chart[4](ts[0])) * ws[0]), h - step * float(chart[3](ts[0]))
                if u == 1:
                    ts.insert(0, float(lines[0][2][12](numpy.clip((h - x) / lines[0][1], *lines[0][2][13:]))))
                    ws.insert(0, lines[0][0])
                else:
                    ends = low_ends[u - 1], high_ends[u - 1]
                    _, at, sign = next_state_values(functions[u - 2], numpy.array([k]), numpy.array([h]), lines[u - 1], ends, grid[u - 1], 6)
                    ts.insert(0, float(at[0, 0]))
                    ws.insert(0, float(sign[0, 0]))
            networks.append((*better_states(x, slope, curvature, lines, ts, ws), ws))
    networks.sort(key=lambda network: -network[0])
    best = networks[0][0]
    paths = []
    for value, sign, ts, ws in networks[: 1 if effort == 0 else 2]:
        k, h, path = sign * slope / value, x, []
        for (_, step, chart, _), t in zip(lines, ts):
            h = h + step * float(chart[3](t))
            path.append(h)
        along = []
        for (_, step, chart, _), t, w in list(zip(lines, ts, ws))[::-1]:
            along.insert(0, k)
            k = k * (1 + step * float(chart[4](t)) * w)
        paths.append(list(zip(along, path)))
    return best, paths, networks[0]


def state_margin(below, k, w, gap, state, place, above, line):
    """Whether the form of one more line is nonnegative on cells: what is left, from below, and what makes it so.

    With p = step s', kappa = k step s'', beta = w + k p h, n^2 = 1 + rest + h^2, L = 1 - k^2 p^2 P it has the determinant
    mu [ L (1 - n^2 kappa) - kappa beta^2 P ] - nu [ (1 + p beta)^2 P + n^2 (p^2 L - kappa P) ] and the corner mu (1 - n^2 kappa) - nu n^2 p^2.

    state, place: intervals for the state h' after the line and for t. above: (mu in the middle of `state`, its slope there, nu), or
    (1, None, nu) where `state` is one of h, before the line. gap: a quarter of the squared distance of two w between which this w stands.
    """
    _, step, chart, rest = line
    (mu, mu_slope, nu), radius = above, place[1]
    direct = mu_slope is None
    (s, p, bend), (s_t, p_t, bend_t) = states_of(chart, *place, step)
    h = state if direct else sum_intervals(state, opposite(s))
    here = sum_intervals(k, of_intervals(k, w, p))
    P_k, P_h = state_slopes(below, here, h)
    P = at_state(below, here[0], h[0]), largest_modulus(P_k) * here[1] + largest_modulus(P_h) * h[1]
    mu = mu, 0.0 if direct else abs(mu_slope) * state[1]
    square, turn = sum_intervals(1.0 + rest, of_intervals(h, h)), of_intervals(k, bend)
    L, along = sum_intervals(1.0, opposite(of_intervals(k * k, p, p, P))), sum_intervals(w, of_intervals(k, p, h))
    one, free = sum_intervals(1.0, of_intervals(p, along)), sum_intervals(1.0, opposite(of_intervals(square, turn)))
    corner = sum_intervals(of_intervals(mu, free), opposite(of_intervals(nu, square, p, p)))
    part = sum_intervals(of_intervals(L, free), opposite(of_intervals(turn, along, along, P)))  # the factor of mu
    spread = sum_intervals(of_intervals(p, p, L), opposite(of_intervals(turn, P)))
    # the derivatives in P, kappa, p and h, and from them those along the cell
    by_P = opposite(
        sum_intervals(
            of_intervals(k * k, p, p, corner),
            of_intervals(mu, turn, along, along),
            of_intervals(nu, sum_intervals(of_intervals(one, one), opposite(of_intervals(square, turn)))),
        )
    )
    by_turn = sum_intervals(opposite(of_intervals(mu, sum_intervals(of_intervals(square, L), of_intervals(along, along, P)))), of_intervals(nu, square, P))
    further = sum_intervals(along, of_intervals(k, p, h))
    by_p = opposite(
        sum_intervals(
            of_intervals(2 * k * k, p, P, corner),
            of_intervals(2 * k, mu, turn, P, along, h),
            of_intervals(2 * nu, sum_intervals(of_intervals(one, P, further), of_intervals(square, p, L))),
        )
    )
    by_h = opposite(
        sum_intervals(
            of_intervals(2.0, h, turn, mu, L),
            of_intervals(2 * k, mu, turn, P, along, p),
            of_intervals(2 * nu, sum_intervals(of_intervals(k, one, P, p, p), of_intervals(h, spread))),
        )
    )
    by_h = sum_intervals(of_intervals(by_P, P_h), by_h)
    in_state = by_h if direct else sum_intervals(by_h, of_intervals(part, mu_slope))
    in_place = sum_intervals(of_intervals(sum_intervals(of_intervals(by_P, P_k, k, w), by_p), p_t), of_intervals(by_turn, k, bend_t))
    if not direct:
        in_place = sum_intervals(in_place, opposite(of_intervals(by_h, s_t)))
    across, down = largest_modulus(in_state) * state[1], largest_modulus(in_place) * radius
    # the form is convex in w where this is positive, and between two w not below their smaller one by more than that times the gap
    bow = maximum(-(turn[0] - turn[1] + nu * maximum(abs(p[0]) - p[1], 0) ** 2 / (mu[0] + mu[1])), 0)
    value = mu[0] * (L[0] * free[0] - turn[0] * along[0] ** 2 * P[0]) - nu * (one[0] ** 2 * P[0] + square[0] * (p[0] ** 2 * L[0] - turn[0] * P[0]))
    sizes = w * w + (k * p[0] * h[0]) ** 2
    moduli = mu[0] * ((1 + (k * p[0]) ** 2 * P[0]) * (1 + square[0] * abs(turn[0])) + 2 * abs(turn[0]) * sizes * P[0])
    moduli = moduli + nu * (2 * (1 + 2 * p[0] ** 2 * sizes) * P[0] + square[0] * (p[0] ** 2 * (1 + (k * p[0]) ** 2 * P[0]) + abs(turn[0]) * P[0]))
    moduli = moduli + largest_modulus(by_P) * (largest_modulus(P_k) * abs(here[0]) + largest_modulus(P_h) * (abs(h[0]) + abs(step)))
    low = value - (across + down) * (1 + 1e-9) - bow * gap * largest_modulus(corner) * (P[0] + P[1]) - FLOATS * moduli
    cut = corner[0] - corner[1] - FLOATS * (mu[0] * (1 + square[0] * abs(turn[0])) + nu * square[0] * p[0] ** 2)
    outside = (h[0] + h[1] < below[1][0]) | (h[0] - h[1] > below[1][-1])  # no state of the line before
    return numpy.where(outside, 1.0, low), numpy.where(outside, 1.0, cut), across, down, part[0], free[0] - free[1], bow


def lacking_states(below, ks, hs, above, line, rows, levels):
    """By how much the values at the nodes must grow on each cell between them to be proved, 0 where they are: an array (k, cell of h).

    above: (values, nu), or (None, nu), where `hs` are states before the line.
    """
    values, nu = above
    weight, _, chart, _ = line
    ws = numpy.linspace(-weight, weight, 9) if weight else numpy.zeros(1)
    gap = (weight / 8) ** 2
    edges = state_grid(chart, 9)
    lack = numpy.zeros((len(ks), len(hs) - 1))
    i, j, cell, n = (part.ravel() for part in numpy.meshgrid(rows, numpy.arange(len(hs) - 1), numpy.arange(8), numpy.arange(len(ws)), indexing="ij"))
    h_low, h_high, t_low, t_high = hs[j], hs[j + 1], edges[cell], edges[cell + 1]
    for level in range(levels + 1):
        parts = [numpy.empty(len(i)) for _ in range(7)]
        for start in range(0, len(i), 40000):
            some = slice(start, start + 40000)
            row, column, middle = i[some], j[some], (h_low[some] + h_high[some]) / 2
            if values is None:
                given = 1.0 + 0 * middle, None, nu
            else:
                rate = (values[row, column + 1] - values[row, column]) / (hs[column + 1] - hs[column])
                given = values[row, column] + rate * (middle - hs[column]), rate, nu
            state = middle, (h_high[some] - h_low[some]) / 2 * (1 + FLOATS)
            place = (t_low[some] + t_high[some]) / 2, (t_high[some] - t_low[some]) / 2 * (1 + FLOATS)
            for part, new in zip(parts, state_margin(below, ks[row], ws[n[some]], gap, state, place, given, line)):
                part[some] = new
        low, cut, across, down, factor, free, bow = parts
        concave = (n > 0) & (n < len(ws) - 1) & (bow <= 0)  # in w: its ends are enough
        bad = ~((low >= 0) & (cut > 0)) & ~concave
        if level == levels:
            more = numpy.where((free > 0) & (factor > 0), maximum(-low / factor, -cut / free), numpy.inf)
            numpy.maximum.at(lack, (i[bad], j[bad]), numpy.where(numpy.isnan(more), numpy.inf, more)[bad])
            return lack
        if bad.sum() > 2_000_000:  # too dear
            lack[i[bad], j[bad]] = numpy.inf
            return lack
        if not bad.any():
            return lack
        i, j, n, h_low, h_high, t_low, t_high, across, down = (part[bad] for part in (i, j, n, h_low, h_high, t_low, t_high, across, down))
        i, j, n, wide = (numpy.concatenate([part, part]) for part in (i, j, n, across > down))
        h_middle, t_middle = (numpy.concatenate([(a + b) / 2] * 2) for a, b in ((h_low, h_high), (t_low, t_high)))
        left = numpy.arange(len(i)) < len(h_low)
        h_low, h_high, t_low, t_high = (numpy.concatenate([part, part]) for part in (h_low, h_high, t_low, t_high))
        h_low, h_high = numpy.where(wide & ~left, h_middle, h_low), numpy.where(wide & left, h_middle, h_high)
        t_low, t_high = numpy.where(~wide & ~left, t_middle, t_low), numpy.where(~wide & left, t_middle, t_high)


def lacking_first(ks, hs, values, x, line, levels):
    """The same for the first line, whose state is x + step s: mu (1 - n^2 kappa) >= n^2 p^2 on cells of t."""
    _, step, chart, rest = line
    square, edges = 1 + rest + x**2, state_grid(chart, 65)
    function = state_function(ks, hs, values)
    lack = numpy.zeros((len(ks), len(hs) - 1))
    i, cell = (part.ravel() for part in numpy.meshgrid(numpy.arange(len(ks)), numpy.arange(64), indexing="ij"))
    low_t, high_t = edges[cell], edges[cell + 1]
    for level in range(levels + 1):
        t, radius = (low_t + high_t) / 2, (high_t - low_t) / 2 * (1 + FLOATS)
        (s, p, bend), (s_t, p_t, bend_t) = states_of(chart, t, radius, step)
        h, k = sum_intervals(x, s), ks[i]
        _, P_h = state_slopes(function, (k, 0 * k), h)
        mu = at_state(function, k, h[0]), largest_modulus(P_h) * h[1]
        free = sum_intervals(1.0, of_intervals(-square * k, bend))
        rate = sum_intervals(of_intervals(-square * k, mu, bend_t), of_intervals(free, P_h, s_t), of_intervals(-2 * square, p, p_t))
        moduli = mu[0] * (1 + square * abs(k * bend[0])) + square * p[0] ** 2 + largest_modulus(P_h) * (abs(h[0]) + abs(step)) * (1 + abs(free[0]))
        low = mu[0] * free[0] - square * p[0] ** 2 - largest_modulus(rate) * radius * (1 + 1e-9) - FLOATS * moduli
        bad = ~((low >= 0) & (free[0] - free[1] > FLOATS))
        if level == levels or not bad.any():
            more = numpy.nan_to_num(numpy.where(free[0] - free[1] > 0, -low / (free[0] - free[1]), numpy.inf), nan=numpy.inf, posinf=numpy.inf)
            column = numpy.clip(numpy.searchsorted(hs, h[0]) - 1, 0, len(hs) - 2)
            numpy.maximum.at(lack, (i[bad], column[bad]), more[bad])
            return lack
        i, low_t, high_t = i[bad], low_t[bad], high_t[bad]
        middle = (low_t + high_t) / 2
        i, low_t, high_t = numpy.concatenate([i, i]), numpy.concatenate([low_t, middle]), numpy.concatenate([middle, high_t])


def grown(values, lack, factor):
    """Values at nodes, larger by what is lacking on the cells beside them."""
    more = numpy.zeros_like(values)
    more[:, :-1] = lack
    more[:, 1:] = maximum(more[:, 1:], lack)
    return values + factor * more


def spaced(points, least):
    """Sorted points, without those nearer than `least` to the one before; both ends stay."""
    points = numpy.unique(points)
    found = [points[0]]
    for point in points[1:-1]:
        if point - found[-1] > least and points[-1] - point > least:
            found.append(point)
    return numpy.array([*found, points[-1]])


def state_bound(high, x, slope, curvature, lines, effort, best, paths):
    """The smallest lam from above for which no network bends more; `high` where the cells are too coarse."""
    nearest, count, levels, loss = ((0.03, 17, 10, 3e-4), (0.01, 25, 12, 1e-4), (0.002, 49, 15, 5e-6))[effort]
    low_ends, high_ends = state_ranges(x, lines)
    last, least = len(lines) - 1, best * (1 + 0.03 * loss)
    away = nearest * 1.7 ** numpy.arange(40)
    below = None
    for u, end in enumerate(reach_of_states(slope, lines, least)[:-1]):
        size = high_ends[u + 1] - low_ends[u + 1]
        near, far = away[away < 0.15], away[away < 0.3]
        around_k = [path[u][0] * (1 + numpy.concatenate([-far, [0.0], far])) for path in paths]
        around_h = [path[u][1] + size * numpy.concatenate([-near, [0.0], near]) for path in paths]
        ks = numpy.concatenate([numpy.linspace(-1, 1, 2 * (count // 3) + 1) * end, end * (1 - far), end * (far - 1), *around_k])
        ks = spaced(numpy.clip(ks, -end, end), nearest * end / 2) * (1 + 1e-9)
        hs = numpy.concatenate([numpy.linspace(low_ends[u + 1], high_ends[u + 1], count), *around_h])
        hs = spaced(numpy.clip(hs, low_ends[u + 1], high_ends[u + 1]), nearest * size / 2)
        both = numpy.sort(numpy.concatenate([hs, (hs[1:] + hs[:-1]) / 2]))
        if u == 0:
            values = first_state_values(ks, both, x, lines[0])
        else:
            values = next_state_values(below, ks, both, lines[u], (low_ends[u], high_ends[u]), state_grid(lines[u][2], 41), 3)[0]
        bowed = values[:, 1::2] - (values[:, :-2:2] + values[:, 2::2]) / 2  # what lies above a chord in its middle
        values = grown(values[:, ::2], numpy.where(numpy.isfinite(bowed), maximum(bowed, 0), 0), 1.1)
        known = numpy.isfinite(values)
        values = numpy.where(known, values * (1 + loss) + 0.1 * loss * numpy.median(values[known]), 1e12)
        rows = numpy.arange(len(ks))
        for _ in range(8):
            if u == 0:
                lack = lacking_first(ks, hs, values, x, lines[0], levels + 2)
            else:
                lack = lacking_states(below, ks, hs, (values, 1.0), lines[u], rows, levels)
            rows = numpy.nonzero((lack > 0).any(axis=1))[0]
            if not len(rows):
                break
            values = grown(values, numpy.where(numpy.isfinite(lack), lack, 9 * abs(values[:, :-1])), 1.3)
        if len(rows):  # too coarse
            return high
        below = state_function(ks, hs, values)
    rows = numpy.arange(2)
    for more in 1.5 ** numpy.arange(20):
        lam = best * (1 + more * loss)
        if lam >= high:
            return high
        lack = lacking_states(below, slope * numpy.array([1 / lam, -1 / lam]), below[1], (None, curvature / lam), lines[last], rows, levels)
        if not lack.any():
            return lam * (1 + 1e-9 + 1e-14 * abs(x))  # the roundings of weights, steps and input
    return high


def tradeoff_cells(tradeoff, low, high):
    """Upper ends of slope, value and curvature for t in [low, high]; tradeoff = (S0, peak, slope(t), value(t), curvature(t))."""
    top, peak, slope, value, curvature, *_ = tradeoff
    with numpy.errstate(all="ignore"):
        steep = slope(maximum(low * (1 - 1e-15), 0.0))
        bend = numpy.fmax(curvature(numpy.clip(peak, low, high)), 0.0)
    none = 0.0 * low
    return up(numpy.nan_to_num(steep)) + none, minimum(up(value(high)), up(top)) + none, up(numpy.nan_to_num(bend)) + 1e-15 + none


def joint_size(x_norm, least, rest, spread, reach, width, started):
    """|h| at most (NaN if that is not bounded): spread = sum d S0, reach = sum d tau since the input (or, if not started there, since a dense layer)."""
    with numpy.errstate(all="ignore"):
        return _joint_size(x_norm, least, rest, spread, reach, width, started)


def _joint_size(x_norm, least, rest, spread, reach, width, started):
    if not started:
        return sqrt((width - 1) * spread**2 + reach**2)
    if least < 0:  # only |x| is known
        return x_norm + sqrt((width - 1) * spread**2 + reach**2)
    others = maximum(x_norm**2 - least**2, 0.0) * (1 + 1e-15) + 2 * spread * rest + (width - 1) * spread**2
    return sqrt(others + (least + reach) ** 2)


def joint_sum(x_norm, least, rest, share, far, near, width):
    """|sum of multiples of sizes| at most: of the input (sum: share), of saturated neurons (far) and of the one that is not (near)."""
    with numpy.errstate(all="ignore"):
        if least < 0:  # only |x| is known
            return share * x_norm + sqrt((width - 1) * far**2 + near**2)
        others = share**2 * maximum(x_norm**2 - least**2, 0.0) * (1 + 1e-15) + 2 * share * far * rest + (width - 1) * far**2
        return sqrt(others + (share * least + near) ** 2)


def tradeoff_corners(tradeoff, low, high):
    """Two corners for the cells [low, high] of t: slopes, values and curvatures of which a mean is above those of each t in the cell.

    They lie on the tangents in the middle, at the ends; `high` may be above 1. For an affine activation there is one state.
    """
    _, _, slope, value, curvature, slope_turn, curvature_turn = tradeoff
    low, high = numpy.asarray(low)[..., None], numpy.asarray(high)[..., None]
    middle = (low + minimum(high, 1.0)) / 2
    ends = numpy.concatenate([low, high], axis=-1)
    with numpy.errstate(all="ignore"):
        steep = slope(middle) + slope_turn(middle) * (ends - middle)
        bend = curvature(middle) + curvature_turn(middle) * (ends - middle)
        size = value(ends)
    return up(maximum(steep, 0.0)) + 1e-15 + 0 * ends, up(size) + 0 * ends, up(maximum(bend, 0.0)) + 1e-15 + 0 * ends


def joint_blocks(points, x_norm, least, rest, weights, steps, sizes, layout, tops, order):
    """The block vector, and its parts by input or from order 2 on the block matrix, for slopes, values and curvatures of each line.

    points: for each line with an activation those three, (count, corners) each; every combination of the corners is a row of the
    results, (count, rows, ..). layout: for each line 0 (dense), 1 (residual) or 2 (the end of a skip), its width, its group, its
    activation, and the line where a skip begins. tops: S_0 of each activation.
    """
    groups, count = 1 + max(line[2] for line in layout), len(points[0][0])
    vector, matrix = numpy.zeros((count, 1, 2 * groups)), numpy.zeros((count, 1, 2 * groups, 2 * groups)) if order >= 2 else None
    spread, reach, started = 0.0, numpy.zeros((count, 1)), True
    parts = numpy.zeros((3, count, 1, groups)) if order < 2 else None  # of a group's weight block: what multiplies |x|, the saturated neurons, the other one
    known, number_of = [], 0
    for number, (residual, _, group, kind, start) in enumerate(layout):
        known.append((vector, matrix, spread, reach, started, parts))
        step = steps[number]
        if residual == 2:  # the branch's last line is dense: its value is that of one more residual line after the skip's start
            below, under, outer_spread, outer_reach, started, lower = known[start]
            times = vector.shape[1] // below.shape[1]
            vector = below.repeat(times, axis=1) + step * vector
            if order >= 2:
                matrix = under.repeat(times, axis=1) + step * matrix
            else:
                parts = lower.repeat(times, axis=2) + step * parts
            spread, reach = outer_spread + step * spread, outer_reach.repeat(times, axis=1) + step * reach
            continue
        rows, corners = vector.shape[1], points[number_of][0].shape[1]
        steep, value, bend = (numpy.tile(part, (1, rows)) for part in points[number_of])
        number_of += 1
        most = reach.max(axis=1, keepdims=True)
        size = lines_size(x_norm, least, rest, spread, reach, most, layout[number - 1][1], started, sizes[number]) if number else x_norm + 0 * reach
        vector, reach, size = vector.repeat(corners, axis=1), reach.repeat(corners, axis=1), size.repeat(corners, axis=1)
        top, weight = tops[kind], weights[group]
        q = weight * vector
        q[..., 2 * group] += size
        q[..., 2 * group + 1] += 1
        if order >= 2:
            matrix = matrix.repeat(corners, axis=1)
            inner = weight * matrix
            inner[..., 2 * group, :] += vector
            inner[..., :, 2 * group] += vector
            core = bend[..., None, None] * q[..., :, None] * q[..., None, :] + steep[..., None, None] * inner
            matrix = matrix + step * core if residual else core
        else:
            parts = parts.repeat(corners, axis=2)
            grown = weight * parts
            grown[..., group] += numpy.stack([0 * reach + started, 0 * reach + spread, reach])
            parts = parts + step * steep[..., None] * grown if residual else steep[..., None] * grown
        vector = vector + step * steep[..., None] * q if residual else steep[..., None] * q
        spread = spread + step * top if residual else top
        reach = reach + step * value if residual else value
        started = started and residual
    return vector, parts, matrix


def lines_size(x_norm, least, rest, spread, reach, most, width, started, size):
    """|h| at most for sums `reach` up to `most`, where `size` is known: one of the two for all of a box, since their minimum is not convex."""
    found, largest = (joint_size(x_norm, least, rest, spread, part, width, started) for part in (reach, most))
    return numpy.where(largest <= size * (1 + 1e-9), found, size)


def joint_boxes(low, high, x_norm, least, rest, weights, steps, sizes, layout, tradeoffs, order, g1, g2):
    """Upper ends of the joint bound for t in the boxes [low, high], arrays (boxes, lines with an activation).

    Up to eight lines by the corners, of more lines by the largest slopes, values and curvatures; exact for low = high.
    """
    kinds, tops = [line[3] for line in layout if line[0] < 2], [tradeoff[0] for tradeoff in tradeoffs]
    if numpy.array_equal(low, high) or len(kinds) > 8:
        points = plain_points(low, high, kinds, tradeoffs)
    else:
        points = [tradeoff_corners(tradeoffs[kind], low[:, line], high[:, line]) for line, kind in enumerate(kinds)]
    vector, parts, matrix = joint_blocks(points, x_norm, least, rest, weights, steps, sizes, layout, tops, order)
    groups = 1 + max(line[2] for line in layout)
    if order < 2:
        for group in range(groups):
            lines = [number for number, line in enumerate(layout) if line[2] == group and line[0] < 2]
            if len(lines) > 1:  # the weights of one group see the sum of its lines' inputs, neuron by neuron
                summed = joint_sum(x_norm, least, rest, *parts[..., group], layout[lines[-1] - 1][1])
                smaller = summed.max(axis=1, keepdims=True) <= vector[..., 2 * group].max(axis=1, keepdims=True)
                vector[..., 2 * group] = numpy.where(smaller, summed, vector[..., 2 * group])
        return up(sqrt((vector**2).sum(axis=2))).max(axis=1)
    whole = g1 * matrix + g2 * vector[..., :, None] * vector[..., None, :]
    ends = largest_eigenvalue(numpy.moveaxis(whole, (-2, -1), (0, 1))) * (1 + 1e-12)
    return numpy.where(numpy.isnan(ends), numpy.inf, ends).max(axis=1)


def plain_points(low, high, kinds, tradeoffs):
    """For each line the largest slope, value and curvature of t in [low, high], (boxes, 1) each; exact for low = high."""
    return [[part[:, None] for part in tradeoff_cells(tradeoffs[kind], low[:, line], high[:, line])] for line, kind in enumerate(kinds)]


def each_lines(function, numbers, *groups):
    """`each` of a function of numbers and then of groups of numbers."""
    places = numpy.cumsum([len(group) for group in groups])[:-1]

    def one(*given):
        rest = given[len(numbers) :]
        return function(*given[: len(numbers)], *(rest[start:stop] for start, stop in zip([0, *places], [*places, len(rest)])))

    return each(one, [*numbers, *(entry for group in groups for entry in group)])


def _joint_branch(high, x_norm, least, rest, g1, g2, weights, steps, sizes, layout, tradeoffs, order, limit):
    if not (numpy.isfinite(high) and high > 0):
        return high
    count, groups = sum(line[0] < 2 for line in layout), 1 + max(line[2] for line in layout)
    rows = 2**count if count <= 8 else 2

    def bound(low, top):
        return joint_boxes(low, top, x_norm, least, rest, weights, steps, sizes, layout, tradeoffs, order, g1, g2)

    return branch(bound, count, high, limit // (rows * max(2 * groups, count) // 2), max(16, 16384 // rows))


def branch(bound, count, high, most, batch=512):
    """The maximum of bound(t, t) over [0, 1]^count from above, at most `high`; bound(low, top) is above it on the boxes [low, top].

    The boxes with the largest ends are halved along their longest sides; what is left when the work of `most` boxes is done counts with its end.
    """
    low, top = numpy.zeros((1, count)), numpy.ones((1, count))
    ends = bound(low, top)
    reached, done, work = 0.0, 0.0, 1
    while len(ends) and work < most:
        split = min(len(ends), max(batch, len(ends) // 8), max(1, (most - work) // 2 + 1))
        order_of = numpy.argpartition(-ends, split - 1) if split < len(ends) else numpy.arange(len(ends))
        chosen, kept = order_of[:split], order_of[split:]
        best = chosen[numpy.argsort(-ends[chosen])[:64]]
        for points in ((low[best] + top[best]) / 2, low[best]):
            reached = max(reached, float(bound(points, points).max()))
        new_low, new_top = numpy.concatenate([low[chosen]] * 2), numpy.concatenate([top[chosen]] * 2)
        axis, rows = numpy.argmax(top[chosen] - low[chosen], axis=1), numpy.arange(split)
        new_top[rows, axis] = new_low[rows + split, axis] = (low[chosen][rows, axis] + top[chosen][rows, axis]) / 2
        new_ends = numpy.concatenate([bound(new_low[start : start + batch], new_top[start : start + batch]) for start in range(0, 2 * split, batch)])
        new_ends = minimum(new_ends, numpy.tile(ends[chosen], 2))
        work += 2 * split
        low, top, ends = numpy.concatenate([low[kept], new_low]), numpy.concatenate([top[kept], new_top]), numpy.concatenate([ends[kept], new_ends])
        small = ends <= reached * (1 + 1e-6)
        done = max(done, float(ends[small].max(initial=0.0)))
        low, top, ends = low[~small], top[~small], ends[~small]
    return min(high, max(done, float(ends.max(initial=0.0))))


def joint_states(high, x_norm, least, rest, order, g1, g2, weights, steps, sizes, layout, tradeoffs, fine=0):
    """The joint bound of the second derivative (or of a cost's) without skips around several lines, by elimination: at most `high`."""
    del order
    return each_lines(lambda *given: _joint_states(*given, layout, tradeoffs, fine), [high, x_norm, least, rest, g1, g2], weights, steps, sizes)


def _joint_states(high, x_norm, least, rest, g1, g2, weights, steps, sizes, layout, tradeoffs, fine):
    depth = len(layout)
    if not (numpy.isfinite(high) and high > 0) or depth > 400:
        return high
    given = (x_norm, least, rest, weights, steps, sizes, layout, tradeoffs)
    shares, groups = numpy.ones((depth, 2)), numpy.array([line[2] for line in layout])

    def rough(shares, known):
        return eliminated(joint_lines(given, shares, 12), g1, g2, 16, min(high / 4, known / 1.5), min(high, known * 1.5))

    if depth > 1 + groups.max():  # shared parameters
        if depth <= 6:
            high = min(high, _joint_branch(high, x_norm, least, rest, g1, g2, weights, steps, sizes, layout, tradeoffs, 2, 8_000_000 << 2 * fine))
        shares, found = best_shares(joint_wholes(given, g1, g2), groups, rough, 6 if depth <= 20 else 0)
    else:
        found = rough(shares, numpy.inf)
    corners = int(numpy.clip(640 // depth, 8, 64)) << fine
    return min(high, eliminated(joint_lines(given, shares, corners), g1, g2, 24, 0.9 * found, high))


def joint_lines(given, shares, corners):
    """For each line whether it is residual, its shares of the two blocks and its corners.

    A state is a number of steps of reach = sum d tau beyond its least since the last dense line; a corner adds some of them.
    """
    x_norm, least, rest, weights, steps, sizes, layout, tradeoffs = given
    base, spread, started, states, unit = 0.0, 0.0, True, 1, 0.0
    lines = []
    for number, (residual, _, group, kind, _) in enumerate(layout):
        top, value = tradeoffs[kind][0], tradeoffs[kind][3]
        reach = (base + unit * numpy.arange(states)) * (1 + 2e-12)
        if number:
            size = lines_size(x_norm, least, rest, spread, reach, spread, layout[number - 1][1], started, sizes[number])
        else:
            size = numpy.array([float(x_norm)])
        if number == 0 or not residual:  # lines up to the next dense one share one unit of reach
            rises = []
            for later, (other, _, _, which, _) in enumerate(layout[number:]):
                if later and not other:
                    break
                rises.append(steps[number + later] * (tradeoffs[which][3](1.0) - tradeoffs[which][3](0.0)) if numpy.isfinite(tradeoffs[which][0]) else 0.0)
            unit = max(rises) / corners
        step, flat = steps[number], not numpy.isfinite(top)
        if flat or unit == 0:
            nodes, jumps = numpy.array([0.0, 1.0]), numpy.zeros(2, dtype=int)
        else:
            rise = step * (value(1.0) - value(0.0)) / unit
            count = max(8, int(numpy.ceil(rise * (1 - 1e-12))))
            nodes = numpy.arange(count + 1) / (rise if rise >= 8 else count)
            jumps = numpy.ceil(nodes * rise * (1 - 1e-12)).astype(int)
        ends = tradeoff_corners(tradeoffs[kind], nodes[:-1], nodes[1:])
        steep, bend = step * larger_ends(ends[0]), step * larger_ends(ends[2])
        if flat:
            steep, bend, jumps = steep[:1], bend[:1], jumps[:1]
        weight = weights[group]
        numbers = [up(part) for part in (residual + weight * steep, steep, weight**2 * bend, weight * bend, bend, steep)]
        lines.append((residual, *shares[number], [Corner(jump, size, *row) for jump, *row in zip(jumps, *numbers)]))
        low = 0.0 if flat else step * value(0.0)
        if residual:
            base, spread, states = base + low, spread + step * top, states + int(jumps[-1])
        else:
            base, spread, states = low, top, int(jumps[-1]) + 1
        started = started and residual
    return lines


def larger_ends(ends):
    """For each node between cells the larger of its two cells' numbers there; ends: (cells, 2)."""
    return maximum(numpy.append(ends[:, 0], 0.0), numpy.append(0.0, ends[:, 1]))


class Corner(NamedTuple):
    """A corner of a line: with y = l.p before the line and s = alpha |h| + beta, l.p is keep y + gain s after it, and p.G p becomes
    keep p.G p + yy y^2 + 2 ys y s + ss s^2 + 2 alpha (near y + far s) + (lost |h| + of_weight) alpha^2 + of_bias beta^2.

    jump: the steps of reach that it adds. size: |h| before the line, by state.
    """

    jump: int
    size: numpy.ndarray
    keep: float
    gain: float
    yy: float
    ys: float
    ss: float
    near: float
    far: float = 0.0
    lost: float = 0.0
    of_weight: float = 0.0
    of_bias: float = 0.0


def eliminated(lines, g1, g2, nodes, low, high):
    """An upper end, at most `high`, of the largest lambda with g1 p.G p + g2 (l.p)^2 = lambda |p|^2 for corners of the lines, |p| with the lines' shares.

    Gamma_u(k) = inf (|p|^2 - k p.G_u p) / (l_u.p)^2 over corners and p of the lines up to u, for each state: a concave function of k that does not
    increase, known from below by its chords between `nodes` values of k, and by its value at the least of them. lambda is above where
    lambda Gamma_m(g1 / lambda) > g2 for all states. low: a guess; the k are those that matter for lambda between it and `high`.
    """
    keeps = [max(corner.keep for corner in line[-1]) for line in lines[:0:-1]]
    most = numpy.cumprod([1.0] + [keep * (1 + 1e-12) for keep in keeps])[::-1]
    least = numpy.cumprod([1.0] + [(line[0] * 2 + keep) / 3 for line, keep in zip(lines[:0:-1], keeps)])[::-1]  # with a third of the largest slope
    parts = numpy.linspace(0.0, 1.0, nodes)[:, None]
    while True:
        table = None
        for line, bottom, top in zip(lines[:-1], least, most):
            top = numpy.array([[min(max(g1 / low * top, 1e-200), 1e200)]])
            bottom = minimum(g1 / high * bottom, top / 2)
            known = bent(line, table, top) > 0
            if not known.all():
                start, length = numpy.where(known, top, 0.0), numpy.where(known, 0.0, top)
                for _ in range(5):
                    known = bent(line, table, start + length * numpy.array([[0.25], [0.5], [0.75]])) > 0
                    start, length = start + length * known.cumprod(axis=0).sum(axis=0) / 4, length / 4
                top = maximum(start, 1e-200)
                bottom = minimum(bottom, top / 2)
            table = bottom, top, bent(line, table, bottom * (1 - parts) + top * parts)

        def holds(values, line=lines[-1], table=table):
            return (bent(line, table, g1 / values) > g2 / values).all(axis=1)

        if not holds(numpy.array([[low]])):
            break
        if low < 1e-300:
            return 0.0
        low = low / 2  # the tables were for numbers above `low`
    top = high
    if not holds(numpy.array([[top]])):
        return high
    while top > low * (1 + 1e-7):
        values = numpy.geomspace(low, top, 12)
        first = 1 + int(numpy.append(holds(values[1:-1, None]), True).argmax())
        low, top = values[first - 1], values[first]
    return float(up(top))


def bent(line, table, places):
    """Gamma after a line at the k of `places`, (k, states or 1), from below; -inf where that is not positive. table: see `interpolated`."""
    residual, share, other, corners = line
    rows = len(corners[0].size)
    found = numpy.full((len(places), (rows if residual else 1) + int(corners[-1].jump)), numpy.inf)
    more, before, last = 1 + 1e-13, None, None
    with numpy.errstate(all="ignore"):
        for jump, high, keep, gain, yy, ys, ss, near, far, lost, of_weight, of_bias in corners:
            k = places if places.shape[1] == 1 else places[:, jump : jump + rows] if residual else places[:, jump : jump + 1]
            if table is not None and last != (jump, keep):
                before, last = interpolated(table, k * keep), (jump, keep)
            one, two = k * (near * more), k * (far * more)
            of, for_bias = (share - k * (of_weight * more)) - k * (lost * more) * high, other - k * (of_bias * more)
            alone = 1 / (high * high * for_bias + of)
            mixed, best = for_bias * high * alone, for_bias * (1 - 1e-13) * of * alone  # best: the least of `of` alpha^2 + `for_bias` beta^2 for s = 1
            C = best - k * (ss * more)
            if far:
                C = C - 2 * two * mixed - two**2 * alone
            valid = (C > 0) & (of > 0) & (for_bias > 0)
            if table is None:
                new = C / gain**2
            else:
                A, B = before - k * (yy * more) - one**2 * alone, k * (ys * more) + one * mixed
                if far:
                    B = B + one * two * alone
                new = A * C - B * B
                valid &= (A > 0) & (new > 0)
                new = new / (keep**2 * C + (2 * keep * gain) * B + gain**2 * A)
            new = numpy.where(valid, new, -numpy.inf)
            if residual:
                here = found[:, jump : jump + rows]
                minimum(here, new, out=here)
            else:
                found[:, jump] = minimum(found[:, jump], new.min(axis=1))
    return minimum(found, 1e200) * (1 - 1e-11)  # no corners reach some states


def interpolated(table, places):
    """Gamma at the k of `places`, (k, states or 1), from a table: its chords, below the table its first value, beyond it -inf.

    table: the ends of k, (1, states or 1) each, and values between them at equal distances, (k, states).
    """
    bottom, top, values = table
    place = (places - bottom) * ((len(values) - 1) / (top - bottom))
    left = numpy.clip(place, 0, len(values) - 2).astype(int)
    part = numpy.clip(place - left + 1e-12 * len(values), 0.0, 1.0)  # Gamma does not increase
    if left.shape[1] == 1:
        nearest, following = values[left[:, 0]], values[left[:, 0] + 1]
    else:
        nearest, following = numpy.take_along_axis(values, left, axis=0), numpy.take_along_axis(values, left + 1, axis=0)
    return numpy.where(places <= top, nearest * (1 - part) + following * part, -numpy.inf)


def joint_wholes(given, g1, g2):
    """The function that has for t (count, lines) the matrices of the joint bound, with parameters of its own for every line."""
    x_norm, least, rest, weights, steps, sizes, layout, tradeoffs = given
    own, tops = [(*line[:2], number, *line[3:]) for number, line in enumerate(layout)], [tradeoff[0] for tradeoff in tradeoffs]

    def wholes(t):
        cells = plain_points(t, t, [line[3] for line in layout], tradeoffs)
        vectors, _, matrices = joint_blocks(cells, x_norm, least, rest, [weights[line[2]] for line in layout], steps, sizes, own, tops, 2)
        return g1 * matrices[:, 0] + g2 * vectors[:, 0, :, None] * vectors[:, 0, None, :]

    return wholes


def best_shares(wholes, groups, rough, rounds):
    """Shares of the blocks of lines that share their parameters, (lines, 2), with a small bound, and that bound.

    wholes: see `joint_wholes`; groups: of each line; rough: the bound with some shares, given one of others. With the shares that belong to a t, of p_g^2 = sum of
    shares p_u^2, the value there stays what it is with parameters of their own; the first are those of the best t. Where another t is better
    with them, for parameters of their own, they move towards those that belong to it, or to the parts of its blocks, while the bound falls.
    """
    depth = len(groups)
    sums = numpy.zeros((2 * depth, 2 * (1 + groups.max())))
    sums[numpy.arange(2 * depth), numpy.stack([2 * groups, 2 * groups + 1], axis=1).ravel()] = 1

    def portions(found):
        for floor in (1e-300, 1e-3 / depth):
            found = found / (numpy.stack([found[groups == group].sum(axis=0) for group in groups]) + 1e-300) + floor
        return found / numpy.stack([found[groups == group].sum(axis=0) for group in groups]) * (1 - 1e-14)

    def belonging(place):
        whole = wholes(place[None])[0]
        shared = abs(numpy.linalg.eigh(sums.T @ whole @ sums)[1][:, -1])
        shared = maximum(shared, 1e-9 * shared.max())
        return portions(maximum((whole @ sums @ shared) / (sums @ shared), 0.0).reshape(depth, 2))

    place, reached = climbed(lambda t: numpy.linalg.eigvalsh(sums.T @ wholes(t) @ sums)[:, -1], depth, 4)
    shares = belonging(place)
    value, places = rough(shares, numpy.inf), [place]
    for _ in range(rounds):
        scale = 1 / sqrt(shares.ravel())
        scale = scale[:, None] * scale
        place, alone = climbed(lambda t, scale=scale: numpy.linalg.eigvalsh(wholes(t) * scale)[:, -1], depth, 2, places[-4:])
        places.append(place)
        if alone <= 1.001 * reached:
            break
        blocks = numpy.linalg.eigh(wholes(place[None])[0] * scale)[1][:, -1]
        others = belonging(place), portions((blocks**2).reshape(depth, 2))
        mixed = [shares + part * (other - shares) for other in others for part in (0.03, 0.1, 0.25, 0.5)]
        ends = [rough(between, value) for between in mixed]
        if min(ends) > 0.9995 * value:
            break
        shares, value = mixed[int(numpy.argmin(ends))], min(ends)
    return shares, value


def climbed(value, count, starts, known=(), rounds=100):
    """A point of [0, 1]^count where a function is large, and its value there: by gradients (differences) from twice as many starts and the `known` points.

    A line may be best saturated, above all one of the first: there are starts for that.
    """
    saturated = numpy.where(numpy.arange(count) < numpy.arange(min(count, starts))[:, None], 1.0, 0.3)
    places = numpy.concatenate([saturated, numpy.random.default_rng(0).random((starts, count)), *(point[None] for point in known)])
    starts = len(places)
    best, scales = value(places), 0.5 ** numpy.arange(16)
    for _ in range(rounds):
        moves = numpy.where(places < 0.5, 1e-6, -1e-6)
        tried = places[:, None, :] + moves[:, None, :] * numpy.eye(count)
        slope = (value(tried.reshape(-1, count)).reshape(starts, count) - best[:, None]) / moves
        slope[((places <= 0) & (slope < 0)) | ((places >= 1) & (slope > 0))] = 0
        slope /= abs(slope).max(axis=1, keepdims=True) + 1e-300
        tried = numpy.clip(places[:, None, :] + scales[:, None] * slope[:, None, :], 0, 1)
        found = value(tried.reshape(-1, count)).reshape(starts, -1)
        chosen, rows = found.argmax(axis=1), numpy.arange(starts)
        better = found[rows, chosen] > best
        if not better.any():
            break
        places, best = numpy.where(better[:, None], tried[rows, chosen], places), maximum(best, found[rows, chosen])
    return places[best.argmax()], best.max()


def joint_path(high, x_norm, least, rest, weights, steps, sizes, layout, tradeoffs):
    """The joint bound of the first derivative of untied layers, by state along the depth: at most `high`."""
    return each_lines(lambda *given: _joint_path(*given, layout, tradeoffs), [high, x_norm, least, rest], weights, steps, sizes)


def _joint_path(high, x_norm, least, rest, weights, steps, sizes, layout, tradeoffs):
    depth = len(layout)
    if not (numpy.isfinite(high) and high > 0) or depth > 400:
        return high
    corners = int(numpy.clip(12000 // depth, 32, 3000))
    lines = joint_lines((x_norm, least, rest, weights, steps, sizes, layout, tradeoffs), numpy.ones((depth, 2)), corners)
    squares = [(line[0], [(corner.jump, corner.keep**2, corner.gain**2 * (1 + corner.size**2)) for corner in line[-1]]) for line in lines]
    return min(high, float(up(sqrt(largest_along(squares, numpy.zeros(1)).max()))))


def largest_along(lines, start):
    """The largest value of every state after lines: a corner, (steps of reach, factor, what it adds to every state before), makes factor value + added.

    lines: for each whether it is residual, and its corners. start: the value before, an array of one state (and more axes).
    """
    largest = start
    for residual, corners in lines:
        rows, before = len(largest), largest
        largest = numpy.zeros(((rows if residual else 1) + int(corners[-1][0]), *start.shape[1:]))
        for jump, factor, added in corners:
            grown = (factor * before + added) * (1 + 1e-15)
            if not residual:
                grown = grown.max(axis=0, keepdims=True)
            here = largest[jump : jump + len(grown)]
            maximum(here, grown, out=here)
    return largest


def _number(name, value):
    """One argument: a nonnegative number or an array of them."""
    if type(value) is float or type(value) is int:
        if value >= 0:
            return float(value)
        raise ValueError(f"{name} must be nonnegative, not {value}")
    try:
        array = numpy.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a number or an array of numbers, not {value!r}") from None
    if array.size == 0:
        raise ValueError(f"{name} is empty")
    if not (array >= 0).all():
        raise ValueError(f"{name} must be nonnegative and not NaN")
    return array


def _numbers(name, values, count):
    """A list of arguments, one for each layer."""
    try:
        values = list(values)
    except TypeError:
        raise ValueError(f"{name} must have {count} entries, one for each layer, not {values!r}") from None
    if len(values) != count:
        raise ValueError(f"{name} must have {count} entries, one for each layer (batch axes come inside each), not {len(values)}")
    return [_number(f"{name}[{index}]", value) for index, value in enumerate(values)]


def _aligned(values):
    """Arrays of the same number of axes, so that block axes can stand in front of them; numbers stay numbers."""
    axes = max((value.ndim for value in values if type(value) is not float), default=0)
    if axes == 0:
        return [numpy.float64(value) for value in values]
    return [
        value if type(value) is not float and value.ndim == axes else numpy.reshape(value, (1,) * (axes - numpy.ndim(value)) + numpy.shape(value))
        for value in values
    ]


def _shape(values):
    """The arguments' broadcast shape."""
    try:
        return numpy.broadcast_shapes(*(numpy.shape(value) for value in values))
    except ValueError:
        found = sorted({numpy.shape(value) for value in values if numpy.ndim(value)})
        raise ValueError(f"the arguments' shapes do not broadcast: {', '.join(map(str, found))}") from None


def _in_pieces(evaluate, values, shape, most=16384):
    """Evaluate large batches piece by piece along their first axis, so that the intermediate arrays stay in cache."""
    size = 1
    for length in shape:
        size *= length
    if size <= 2 * most or shape[0] == 1:
        return evaluate(values)
    step = max(1, most * shape[0] // size)
    pieces = [evaluate([value[start : start + step] if value.shape[0] > 1 else value for value in values]) for start in range(0, shape[0], step)]
    joined = []
    for parts in zip(*pieces):
        axis = numpy.ndim(parts[0]) - len(shape)  # block axes come before the batch axes
        constant = axis < 0 or (step > 1 and parts[0].shape[axis] == 1)
        joined.append(parts[0] if constant else numpy.concatenate(parts, axis=axis))
    return joined


def _result(value, shape):
    """The value in the arguments' broadcast shape, a float where that is a single number; NaN, which only an overflow makes, is inf."""
    if shape == () and numpy.ndim(value) == 0:
        value = float(value)
        return value if value == value else float("inf")
    total = numpy.sum(value)  # NaN if one of them is
    return numpy.broadcast_to(value if total == total else numpy.where(numpy.isnan(value), numpy.inf, value), shape + numpy.shape(value)[len(shape) :])


def _finite(name, value):
    """What the theorem takes as finite; norms may be inf, and so is their bound."""
    value = _number(name, value)
    if not numpy.isfinite(value).all():
        raise ValueError(f"{name} must be finite")
    return value


def _positive(name, values):
    """Norms at which the set has an interior, as a theorem about what is reached needs."""
    for index, value in enumerate(values):
        if not numpy.all(value > 0):
            where = f"{name}[{index}]" if len(values) > 1 else name
            raise ValueError(f"{where} is 0: the set has no interior and the theorem is not about it; take a positive norm, or the upper bound of method='block'")


def _input(norm, x, size):
    """The norm of the input and, if its entries are known, the smallest modulus and the sum of the others; -1 if they are not."""
    if (norm is None) == (x is None):
        raise ValueError("give input_norm, or the input itself as x, one of the two")
    if x is None:
        return _number("input_norm", norm), numpy.float64(-1.0), numpy.float64(-1.0)
    entries = abs(numpy.asarray(x, dtype=float))
    if entries.ndim != 1 or not numpy.isfinite(entries).all() or (isinstance(size, int) and len(entries) != size):
        raise ValueError(f"x must be a vector of {size} finite numbers, not {x!r}")
    return numpy.linalg.norm(entries), entries.min(), entries.sum() - entries.min()


def _kernel(layers_1, x_norm, x_least, x_rest, d):
    [a_1, a_2] = layers_1
    S2_tanh = 0.769800358919501
    B_0 = x_norm
    qvec_1 = blocks(B_0, 1)
    lvec_1 = d*qvec_1
    G_1 = S2_tanh*d*outer(qvec_1)
    del qvec_1
    B_1 = B_0 + d
    qvec_2 = append_blocks(a_2*lvec_1, B_1, 1)
    lvec_2 = extend_vector(lvec_1, qvec_2) + d*qvec_2
    G_2 = extend_matrix(G_1, qvec_2) + (border(lvec_1) + S2_tanh*outer(qvec_2) + pad(G_1)*a_2)*d
    del S2_tanh
    del lvec_1
    del G_1
    del qvec_2
    B_2 = B_1 + d
    L_2 = euclidean_norm(lvec_2)
    Lambda = largest_eigenvalue(G_2)
    L = joint_path(L_2, x_norm, x_least, x_rest, (a_1, a_2, ), (d, d, ), (B_0, B_1, ), ((1, 1, 0, 0, 0, ), (1, 1, 1, 0, 0, ), ), ((1.0, 0.5773502691896257, (lambda z: 1 - z**2), (lambda z: z), (lambda z: z*(2 - 2*z**2)), (lambda z: -2*z), (lambda z: 2 - 6*z**2)), ))
    del L_2
    Jsecond = joint_states(Lambda, x_norm, x_least, x_rest, 2, 1, 0, (a_1, a_2, ), (d, d, ), (B_0, B_1, ), ((1, 1, 0, 0, 0, ), (1, 1, 1, 0, 0, ), ), ((1.0, 0.5773502691896257, (lambda z: 1 - z**2), (lambda z: z), (lambda z: z*(2 - 2*z**2)), (lambda z: -2*z), (lambda z: 2 - 6*z**2)), ))
    del Lambda
    Lstates = state_bending(Jsecond, x_norm, x_least, x_rest, 0, 1, 0, (a_1, a_2, ), (d, d, ), (1, 1, ), ((-1.000000000002, 1.000000000002, 1.000000000000001, (lambda z: z), (lambda z: (1 - z)*(z + 1)), (lambda z: -2*z*(1 - z)*(z + 1)), (lambda z: 0.0*z + 1), (lambda z: -2*z), (lambda z: -2*z*(1 - z) + 2*z*(z + 1) - 2*(1 - z)*(z + 1)), 0, 2.000000002, 12.000000012000001, (lambda z: z), -1.000000000002, 1.000000000002), (-1.000000000002, 1.000000000002, 1.000000000000001, (lambda z: z), (lambda z: (1 - z)*(z + 1)), (lambda z: -2*z*(1 - z)*(z + 1)), (lambda z: 0.0*z + 1), (lambda z: -2*z), (lambda z: -2*z*(1 - z) + 2*z*(z + 1) - 2*(1 - z)*(z + 1)), 0, 2.000000002, 12.000000012000001, (lambda z: z), -1.000000000002, 1.000000000002), ))
    Cstates = state_bending(Jsecond, x_norm, x_least, x_rest, 1, 1, 0, (a_1, a_2, ), (d, d, ), (1, 1, ), ((-1.000000000002, 1.000000000002, 1.000000000000001, (lambda z: z), (lambda z: (1 - z)*(z + 1)), (lambda z: -2*z*(1 - z)*(z + 1)), (lambda z: 0.0*z + 1), (lambda z: -2*z), (lambda z: -2*z*(1 - z) + 2*z*(z + 1) - 2*(1 - z)*(z + 1)), 0, 2.000000002, 12.000000012000001, (lambda z: z), -1.000000000002, 1.000000000002), (-1.000000000002, 1.000000000002, 1.000000000000001, (lambda z: z), (lambda z: (1 - z)*(z + 1)), (lambda z: -2*z*(1 - z)*(z + 1)), (lambda z: 0.0*z + 1), (lambda z: -2*z), (lambda z: -2*z*(1 - z) + 2*z*(z + 1) - 2*(1 - z)*(z + 1)), 0, 2.000000002, 12.000000012000001, (lambda z: z), -1.000000000002, 1.000000000002), ))
    del Jsecond
    g1 = 1
    Lcost = g1*L
    g2 = 1/4
    Hcost = largest_eigenvalue(g1*G_2 + g2*outer(lvec_2))
    del lvec_2
    del G_2
    Jcost = joint_states(Hcost, x_norm, x_least, x_rest, 2, g1, g2, (a_1, a_2, ), (d, d, ), (B_0, B_1, ), ((1, 1, 0, 0, 0, ), (1, 1, 1, 0, 0, ), ), ((1.0, 0.5773502691896257, (lambda z: 1 - z**2), (lambda z: z), (lambda z: z*(2 - 2*z**2)), (lambda z: -2*z), (lambda z: 2 - 6*z**2)), ))
    del B_0
    del B_1
    del Hcost
    Lstatescost = state_bending(Jcost, x_norm, x_least, x_rest, 0, g1, g2, (a_1, a_2, ), (d, d, ), (1, 1, ), ((-1.000000000002, 1.000000000002, 1.000000000000001, (lambda z: z), (lambda z: (1 - z)*(z + 1)), (lambda z: -2*z*(1 - z)*(z + 1)), (lambda z: 0.0*z + 1), (lambda z: -2*z), (lambda z: -2*z*(1 - z) + 2*z*(z + 1) - 2*(1 - z)*(z + 1)), 0, 2.000000002, 12.000000012000001, (lambda z: z), -1.000000000002, 1.000000000002), (-1.000000000002, 1.000000000002, 1.000000000000001, (lambda z: z), (lambda z: (1 - z)*(z + 1)), (lambda z: -2*z*(1 - z)*(z + 1)), (lambda z: 0.0*z + 1), (lambda z: -2*z), (lambda z: -2*z*(1 - z) + 2*z*(z + 1) - 2*(1 - z)*(z + 1)), 0, 2.000000002, 12.000000012000001, (lambda z: z), -1.000000000002, 1.000000000002), ))
    del g1
    del g2
    del Jcost
    return [B_2, L, Lstates, Cstates, Lcost, Lstatescost]


def bounds(weight_norms, d, input_norm=None, x=None):
    """Return the bounds (value, lipschitz, gradient_lipschitz, lower_gradient_lipschitz, cost_lipschitz, cost_gradient_lipschitz).

    weight_norms: spectral norms |A_u|_2, 2 entries, each a number or an array.
    input_norm: |x|.
    d: the constant or step d.
    x: the input itself, a vector; sharper than its norm.
    All arguments broadcast; a list of norms has one entry a layer, with batch axes inside each entry. Raises ValueError for negative numbers, NaN or a wrong number of entries.
    """
    input_norm, input_least, input_rest = _input(input_norm, x, 1)
    weight_norms = _numbers("weight_norms", weight_norms, 2)
    d = _finite("d", d)
    _positive("weight_norms", weight_norms)
    values = _aligned(weight_norms + [input_norm, input_least, input_rest, d])
    shape = _shape(values)
    with numpy.errstate(over="ignore", invalid="ignore", divide="ignore"):
        results = _in_pieces(lambda values: _kernel(values[0:2], *values[2:]), values, shape)
    return Bounds(_result(results[0], shape), _result(results[1], shape), _result(results[2], shape), _result(results[3], shape), _result(results[4], shape), _result(results[5], shape))
