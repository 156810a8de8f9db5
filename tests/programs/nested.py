"""Lists in lists, as many as is known only at run time: matrices, tables, triangles, graphs, levels."""

import math
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from tests.programs.registry import program

X = np.array([0.31, 0.47, 0.63, 0.772, 0.9141])
WEIGHTS = np.array([0.3, 0.8, 0.45, 0.61, 0.27, 0.95, 0.4])
SOURCES = np.array([0, 1, 2, 3, 0, 2, 1])
TARGETS = np.array([1, 2, 3, 0, 2, 1, 1])


@program(X, 3)
@program(X, 9, second=False)
def stencil_of_lists(x, n):
    m = len(x)
    grid = [[0.0] * m for _ in range(n)]
    for i in range(n):
        for j in range(m):
            grid[i][j] += x[j] * (i + 1)
            if i > 0:
                grid[i][j] += grid[i - 1][j] * x[(j + i) % m]
                grid[i][j] = math.tanh(grid[i][j])
    s = 0.0
    for row in grid:
        for v in row:
            s += v * v
    return s


@program(X, 4)
def edit_distance(x, n):
    m = len(x)
    d = [[0.0] * (m + 1) for _ in range(n + 1)]
    for i in range(1, n + 1):
        d[i][0] = d[i - 1][0] + 0.1
    for j in range(1, m + 1):
        d[0][j] = d[0][j - 1] + x[j - 1]
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            cost = (x[j - 1] - 0.13 * i) ** 2
            d[i][j] = cost + min(d[i - 1][j], d[i][j - 1], d[i - 1][j - 1])
    return d[n][m]


@program(0.7, 6)
def triangle_of_lists(x, n):
    rows = []
    for i in range(n):
        row = [x]
        for j in range(1, i):
            row.append(0.5 * (rows[i - 1][j - 1] + rows[i - 1][j]))
        if i > 0:
            row.append(x * x)
        rows.append(row)
    return sum(rows[-1]) / n + rows[2][1]


@program(WEIGHTS, SOURCES, TARGETS, 4, wrt=(0,))
def ranks_by_adjacency(w, sources, targets, n):
    adjacent = [[] for _ in range(n)]
    for k in range(len(w)):
        adjacent[sources[k]].append((targets[k], w[k]))
    rank = [1.0] * n
    for _ in range(3):
        new = [0.1] * n
        for u in range(n):
            for v, weight in adjacent[u]:
                new[v] += 0.5 * rank[u] * weight
        rank = new
    s = 0.0
    for r in rank:
        s += r * r
    return s


@program(WEIGHTS, 3)
def buckets_by_remainder(x, k):
    buckets = [[] for _ in range(k)]
    for i in range(len(x)):
        buckets[i % k].append(x[i])
    s = 0.0
    for part in buckets:
        s += sum(part) ** 2 / len(part)
    return s + max(buckets[0])


@program(X, 7)
def pairs_that_change(x, n):
    h = []
    for i in range(n):
        h.append([x[i % len(x)], 1.0])
    for k in range(n):
        h[k][0] = h[k][0] * h[k][1] + k
        h[k][1] = math.sin(h[k][0])
    s = 0.0
    for first, second in h:
        s += first * second
    return s


@program(X, 5)
def swapped_and_renamed_rows(x, n):
    m = len(x)
    a = [[x[j] * (i + j + 1) for j in range(m)] for i in range(n)]
    for i in range(0, n - 1, 2):
        a[i], a[i + 1] = a[i + 1], a[i]
    a[0][0] = 2.0 * a[1][1]
    row = a[1]
    row[0] = x[0] * x[1]
    same = a[1]
    s = same[0] ** 2
    for i in range(n):
        for j in range(m):
            s += a[i][j] * math.cos(i + j)
    return s


@program(X, 4)
def matrix_product_of_lists(x, n):
    a = [[x[(i + j) % len(x)] for j in range(n)] for i in range(n)]
    b = [[x[(i * j) % len(x)] for j in range(n)] for i in range(n)]
    c = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(n):
            for k in range(n):
                c[i][j] += a[i][k] * b[k][j]
    return sum(c[i][i] for i in range(n)) + np.sum(np.array(c) ** 2)


@program(X)
def tree_of_levels(x):
    levels = [list(x)]
    while len(levels[-1]) > 1:
        last = levels[-1]
        above = []
        for i in range(0, len(last) - 1, 2):
            above.append(last[i] * last[i + 1] + last[i])
        if len(last) % 2 == 1:
            above.append(last[-1])
        levels.append(above)
    return levels[-1][0] * len(levels)


@program(X, 6)
def viterbi_with_lists(x, n):
    k = 3
    v = [[0.0] * k for _ in range(n)]
    back = [[0] * k for _ in range(n)]
    for j in range(k):
        v[0][j] = x[j]
    for t in range(1, n):
        for j in range(k):
            best, arg = v[t - 1][0] + x[j] * 0.99, 0
            for i in range(1, k):
                c = v[t - 1][i] + x[(i * j + t) % len(x)] * (1.0 + 0.01 * i)
                if c > best:
                    best, arg = c, i
            v[t][j] = best
            back[t][j] = arg
    path = [0]
    for t in range(n - 1, 0, -1):
        path.append(back[t][path[-1]])
    s = 0.0
    for t in range(n):
        s += v[t][path[n - 1 - t]] * (t + 1)
    return s


@program(X, 4)
def one_row_many_times(x, n):
    grid = [[0.0] * len(x)] * n
    for i in range(n):
        for j in range(len(x)):
            grid[i][j] += x[j] * (i + 1)
    return grid[0][0] * grid[n - 1][1]


@program(X, 5)
def rows_deleted_and_inserted(x, n):
    rows = []
    for i in range(n):
        rows.append([x[0] * i, x[1]])
    del rows[1]
    rows.insert(0, [x[2], x[3]])
    rows.reverse()
    last = rows.pop()
    last[0] *= x[4]
    rows.append(last)
    rows[0].reverse()
    rows[0].extend([x[3], x[2]])
    rows[0][1:3] = [x[0], x[1] * x[0], 2.0]
    rows[1].clear()
    s = 0.0
    for k, row in enumerate(rows):
        for j, v in enumerate(row):
            s += v * v * (k + 2 * j + 1)
    return s


@program(X, 6)
def carried_row(x, n):
    rows = []
    row = [x[0], x[1]]
    for i in range(n):
        rows.append(row)
        if i % 2 == 0:
            row = [row[0] * x[2], row[1] + i]
        row[1] += x[3]
    other = rows[0] if x[0] > 0.1 else rows[1]
    other[0] += 1.0
    s = 0.0
    for r in rows:
        s += r[0] * r[1]
    return s


@program(X, 4)
def longest_row(x, n):
    rows = []
    for i in range(n):
        row = []
        for j in range((i * 3) % 5):
            row.append(x[j] * (i + 1))
        rows.append(row)
    longest = None
    for row in rows:
        if longest is None or len(row) > len(longest):
            longest = row
    longest[0] = longest[0] ** 2
    return sum(longest) + sum(v * v for row in rows for v in row)


def filled(x, n, scale):
    row = [0.0] * n
    for k in range(n):
        row[k] = x[k] * scale
    return row


def shift(rows, i, by):
    rows[i][0] += by
    return rows[i]


@program(X, 4)
def rows_of_helpers(x, n):
    rows = [filled(x, i + 1, x[i]) for i in range(n)]
    back = shift(rows, 2, x[3])
    back[1] *= 3.0
    copy = rows[2][:]
    copy[0] = 100.0
    return rows[2][0] * rows[2][1] + rows[3][3] + copy[2]


@program(X, 3)
def three_deep(x, n):
    cube = [[[x[k] * (i + j + 1) for k in range(n)] for j in range(n)] for i in range(n)]
    for i in range(n):
        cube[i][i][0] = cube[i][0][i] * x[3]
    plane = cube[1]
    plane[0], plane[1] = plane[1], plane[0]
    s = 0.0
    for plane in cube:
        for row in plane:
            for k, v in enumerate(row):
                s += v * v * (k + 1)
    return s


@program(X, 5)
def lists_with_labels(x, n):
    groups = []
    for i in range(n):
        if i % 2 == 0:
            groups.append((i, [x[i % len(x)]], 0.5 * x[0]))
        label, members, weight = groups[-1]
        members.append(weight * x[1] * i)
    s = 0.0
    for label, members, weight in groups:
        s += label * sum(members) * weight
    return s


@program(WEIGHTS, SOURCES, wrt=(0,))
def dict_of_lists(x, keys):
    buckets = {}
    for k in range(len(x)):
        buckets.setdefault(int(keys[k]), []).append(x[k])
    s = 0.0
    for key, part in buckets.items():
        s += (key + 1) * sum(part) ** 2
    return s


@program(X, 4)
def growing_other_row_while_iterating(x, n):
    rows = [[x[i], x[i + 1]] for i in range(n)]
    for i in range(n - 1):
        for v in rows[i]:
            rows[i + 1].append(v * x[0])
    return sum(rows[n - 1]) * len(rows[n - 1])


@program(X, 4)
def selected_rows(x, n):
    rows = [[x[i] * (j + 1) for j in range(i + 1)] for i in range(n)]
    some = [row for row in rows if len(row) > 1]
    copies = [row[:] for row in rows]
    some[0][0] += x[4]
    copies[1][0] *= 5.0
    last = rows[1:]
    last[1][2] = x[0]
    return rows[1][0] * copies[1][0] + rows[2][2] + sum(map(sum, some))


# -- objects and dicts


@dataclass
class Particle:
    x: float
    v: float

    def step(self, dt):
        self.x += dt * self.v
        self.v -= dt * math.sin(self.x)

    @property
    def energy(self):
        return 0.5 * self.v**2 - math.cos(self.x)


class Site:
    def __init__(self, height, mass):
        self.height = height
        self.mass = mass
        self.near = []

    def link(self, other):
        self.near.append(other)
        other.near.append(self)


@program(X, 4)
def particles_in_a_list(x, n):
    particles = [Particle(x[i % 5], 0.1 * i) for i in range(n)]
    for _ in range(3):
        for p in particles:
            p.step(0.1)
        particles[0].v += 0.1 * particles[n - 1].x
    return sum(p.energy for p in particles)


@program(X, 4)
def pairs_of_particles(x, n):
    particles = []
    for i in range(n):
        particles.append(Particle(x[i % 5] * (i + 1), 0.0))
    for i in range(n):
        for j in range(i + 1, n):
            a, b = particles[i], particles[j]
            d = a.x - b.x
            force = d / (0.1 + d * d)
            a.v += force
            b.v -= force
    return sum(p.v**2 for p in particles)


@program(X, 4)
def records_in_a_list(x, n):
    records = []
    for i in range(n):
        records.append({"x": x[i % 5], "v": 0.1 * i})
    for r in records:
        r["x"] += 0.1 * r["v"]
        r["v"] = r["x"] ** 2
    return sum(r["x"] * r["v"] for r in records) + records[1]["x"]


@program(X, 4)
def network_of_objects(x, n):
    sites = [Site(x[i % 5], i + 1.0) for i in range(n)]
    for i in range(n - 1):
        sites[i].link(sites[i + 1])
    for _ in range(2):
        for site in sites:
            s = 0.0
            for other in site.near:
                s += other.height
            site.mass += 0.3 * s
    return sum(site.mass * site.height for site in sites)


@program(X, 4)
def the_best_particle(x, n):
    particles = [Particle(x[i % 5], 0.1 * i) for i in range(n)]
    particles[0], particles[1] = particles[1], particles[0]
    best = None
    for p in particles:
        if best is None or p.x > best.x:
            best = p
    best.v = 5.0 * x[0]
    other = particles[2] if x[0] > 0.0 else particles[1]
    other.x *= 2.0
    s = 0.0
    for p in particles:
        s += p.x * p.v
        if p is best:
            s += 3.0 * p.x
    return s


@program(X, 4)
def layers_as_records(x, n):
    layers = []
    for i in range(n):
        layers.append({"w": [[x[i % 5] * (j + k) for k in range(2)] for j in range(2)], "b": x[0] * i})
    h = [1.0, 0.5]
    for layer in layers:
        w = layer["w"]
        h = [math.tanh(w[j][0] * h[0] + w[j][1] * h[1] + layer["b"]) for j in range(2)]
    return h[0] * h[1]


@program(X, 3)
def arrays_in_objects(x, n):
    bodies = [Particle(x * (i + 1), np.zeros(5)) for i in range(n)]
    for _ in range(2):
        for body in bodies:
            body.v = body.v - 0.1 * np.sin(body.x)
            body.x = body.x + 0.1 * body.v
    return sum(np.sum(body.x * body.v) for body in bodies)


@program(X, 5)
def objects_in_a_dict(x, n):
    found = {}
    for i in range(n):
        key = i % 3
        if key not in found:
            found[key] = Particle(x[i], 0.0)
        found[key].v += x[i] * found[key].x
    return sum(p.v * p.x for p in found.values())


@program(X, 5)
def objects_on_a_stack(x, n):
    stack = []
    for i in range(n):
        if i % 2 == 0:
            stack.append(Particle(x[i], 1.0))
        else:
            p = Particle(x[i] * 2.0, 2.0)
            p.v = p.x
            stack.append(p)
    while len(stack) > 1:
        a = stack.pop()
        b = stack.pop()
        stack.append(Particle(a.x * b.x, a.v + b.v))
    return stack[0].x + stack[0].v


@dataclass
class Tagged:
    x: float
    v: float = 0.0
    tags: list = field(default_factory=list)


@program(X, 4)
def fields_by_default(x, n):
    tagged = [Tagged(x[i]) for i in range(n)]
    for i, p in enumerate(tagged):
        p.tags.append(x[i] * 2.0)
        p.tags.append(1.0)
        p.v += sum(p.tags)
    return sum(p.v * p.x for p in tagged) + len(tagged[1].tags)


@program(X, 4)
def lists_joined_and_chosen(x, n):
    a = [[x[i]] for i in range(n)]
    b = [[x[i] * 2.0] for i in range(n)]
    c = a + b
    c[1][0] += 1.0
    c[n][0] *= 3.0
    d = a if x[0] > 0.0 else b
    d[2][0] = 5.0 * x[1]
    return sum(r[0] for r in a) + 2.0 * sum(r[0] for r in b) + (3.0 if a[1] == c[1] else 0.0)


@program(X, 6)
def pairs_of_lists(x, n):
    pairs = []
    for i in range(n):
        a = [x[i % 5]]
        b = [x[0] * i]
        pairs.append((a, b))
        pairs.append((b, a))
    for a, b in pairs:
        a[0] += 2.0 * b[0]
    return sum(a[0] * b[0] for a, b in pairs)


@program(WEIGHTS, SOURCES, wrt=(0,))
def defaultdict_of_lists(x, keys):
    groups = defaultdict(list)
    for k in range(len(x)):
        groups[int(keys[k])].append((k, x[k]))
    s = 0.0
    for key, pairs in groups.items():
        for k, v in pairs:
            s += (key + 1) * v * v * k
    return s


@program(X, 4)
def extended_by_run_time_lists(x, n):
    rows = []
    for i in range(n):
        rows.append([])
        rows[-1].extend([x[i]] * i)
        rows[i] += [1.0, x[0]]
    flat = [v for r in rows for v in r]
    return sum(v * j for j, v in enumerate(flat))


@program(X, 4)
def sorted_records_and_lists(x, n):
    records = [{"a": x[i] * (1.0 - i * 0.3), "b": 1.0} for i in range(n)]
    records.sort(key=lambda r: r["a"])
    records[0]["b"] = 5.0
    records.sort(key=lambda r: r["b"], reverse=True)
    worst = min(records, key=lambda r: r["a"] * r["b"])
    worst["a"] *= x[0]
    lists = sorted([[r["a"], r["b"]] for r in records], key=lambda r: -r[0])
    lists[0][1] = 3.0 * x[2]
    return records[0]["a"] * 3.0 + records[1]["a"] * records[0]["b"] + lists[1][0] * lists[0][1]


@program(X, 4)
def largest_of_tuples(x, n):
    pairs = []
    for i in range(n):
        pairs.append((x[i] * (1.0 - i * 0.3), x[0] * i * 7.0))
    a, b = max(pairs)
    c, d = min(pairs, key=lambda pair: pair[1])
    return a * 3.0 + b + c * d


# -- algorithms


@program(X, 4)
def gaussian_elimination(x, n):
    a = [[x[(i * j) % 5] + (3.0 if i == j else 0.0) for j in range(n)] for i in range(n)]
    b = [x[i] for i in range(n)]
    for k in range(n):
        p = k
        for i in range(k, n):
            if abs(a[i][k]) > abs(a[p][k]):
                p = i
        a[k], a[p] = a[p], a[k]
        b[k], b[p] = b[p], b[k]
        for i in range(k + 1, n):
            f = a[i][k] / a[k][k]
            for j in range(k, n):
                a[i][j] -= f * a[k][j]
            b[i] -= f * b[k]
    y = [0.0] * n
    for i in range(n - 1, -1, -1):
        s = b[i]
        for j in range(i + 1, n):
            s -= a[i][j] * y[j]
        y[i] = s / a[i][i]
    return y[0] * y[n - 1]


@program(X, 5)
def two_grids_in_turn(x, n):
    grid = [[x[(i + 2 * j) % 5] for j in range(n)] for i in range(n)]
    new = [row[:] for row in grid]
    for _ in range(3):
        for i in range(n):
            for j in range(n):
                new[i][j] = 0.5 * (grid[(i + 1) % n][j] * grid[i - 1][j])
        grid, new = new, grid
    return sum(map(sum, grid)) + grid[1][2] * grid[0][0]


@program(X, 5)
def shortest_paths(x, n):
    d = [[math.inf] * n for _ in range(n)]
    for i in range(n):
        d[i][i] = 0.0
        d[i][(i + 1) % n] = x[i]
        d[i][(i + 2) % n] = x[i] * 1.7
    for k in range(n):
        for i in range(n):
            for j in range(n):
                if d[i][k] + d[k][j] < d[i][j]:
                    d[i][j] = d[i][k] + d[k][j]
    return d[0][4] * d[3][2]


@program(X, 6)
def history_with_copies(x, n):
    history = []
    state = [x[0], x[1]]
    for _ in range(n):
        state[0] += 0.1 * state[1]
        history.append(list(state))
        state[1] -= 0.1 * math.sin(state[0])
        history.append(state)
    return sum(s[0] ** 2 + s[1] for s in history)


@program(X, 6)
def stack_of_lists(x, n):
    stack = [[0, x[0]]]
    s = 0.0
    while stack:
        top = stack.pop()
        s += top[1]
        if top[0] < n:
            stack.append([top[0] + 2, top[1] * x[1]])
            stack.append([top[0] + 3, top[1] * x[2]])
    return s
