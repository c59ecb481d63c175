"""The exact second-order constant of residual layers of width one, from above, and a network that comes near it.

P_u(k, h) = 1 / G_u(k, h), where G_u(k, h) |h_u'|^2 + k h_u'' <= |eta_{<=u}|^2 for the networks with h_u = h, k of both signs. G_u is concave
in k, so that P_u is convex: it is kept at nodes (k, h), from above, and lies below the surface that is linear in either between them.
That such a surface is above the next P_u is one inequality on cells of (h, t): the determinant of a form is nonnegative and one of its
corners positive. On a cell it is bounded by its value in the middle and its derivatives on the cell; cells that fail are halved.

An activation is a tuple (least t, largest t, S1, s, s', s'', their derivatives in t, bounds on their second derivatives, t of a value,
least s, largest s): t is a parameter of its states, the value itself for tanh-like ones. A line is (weight, step, activation, rest), rest = the sum of the
squares of the other neurons' outputs before it. Intervals are pairs (middle, radius), their ends within FLOATS of the true ones.
"""

import numpy
from numpy import maximum, minimum, sqrt

from .runtime import each

FLOATS = 1e-12


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


# --- intervals ------------------------------------------------------------------------------------------------------------------


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


# --- functions of (k, h) ----------------------------------------------------------------------------------------------------------


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


# --- the search: estimates, and networks --------------------------------------------------------------------------------------------


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


# --- bounds -----------------------------------------------------------------------------------------------------------------------


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
