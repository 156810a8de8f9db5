"""Computational graphs: their structure and numbers, the drawing, and graphs made of expressions."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from adcompile import ArgumentError, graph, graph_from_expressions
from adcompile.inspect.layered import assign_layers, crossings, place, reduce_crossings
from tests import oracle
from tests.programs import PROGRAMS

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def f(x1, x2):
    return np.log(x1) + x1 * x2 - np.sin(x2)


def mlp(params, x):
    h = np.tanh(x @ params["w"] + params["b"])
    return np.mean((h - 0.5) ** 2)


def scan(x):
    s, c = 0.3, 1.0
    for i in range(len(x)):
        s, c = s * x[i] + np.sin(c), c * np.cos(s)
    return s * c


MLP = ({"w": np.ones((3, 2)), "b": np.zeros(2)}, np.ones((4, 3)))


def test_graph_of_the_survey() -> None:
    found = graph(f, 2.0, 5.0)
    kinds = [(n.name, n.kind, n.label) for n in found.nodes]
    assert kinds == [
        ("v-1", "input", "x1"), ("v0", "input", "x2"), ("v1", "operation", "ln v-1"), ("v2", "operation", "v-1 * v0"),
        ("v3", "operation", "sin v0"), ("v4", "operation", "v1 + v2"), ("v5", "operation", "v4 - v3"),
        ("y", "output", "y"),
    ]  # fmt: skip
    partials = {(e.source, e.target): e.partial for e in found.edges}
    assert partials == {
        ("v-1", "v1"): 0.5, ("v-1", "v2"): 5.0, ("v0", "v2"): 2.0, ("v0", "v3"): np.cos(5.0), ("v1", "v4"): 1.0,
        ("v2", "v4"): 1.0, ("v4", "v5"): 1.0, ("v3", "v5"): -1.0, ("v5", "y"): 1.0,
    }  # fmt: skip


def test_partials_along_all_paths_sum_to_the_gradient() -> None:
    found = graph(scan, np.linspace(0.2, 0.9, 4), argnums=0)
    bars = {n.name: 0.0 for n in found.nodes} | {"y": 1.0}
    for name in [n.name for n in reversed(found.nodes)]:
        for e in found.edges:
            if e.target == name and e.partial is not None:
                bars[e.source] += e.partial * bars[name]
    reads = [n.name for n in found.nodes if re.fullmatch(r"v0\[\d\]", n.label)]
    want = oracle.jacobian(scan, (np.linspace(0.2, 0.9, 4),), (0,))[0]
    np.testing.assert_allclose([bars[r] for r in reads], want, rtol=1e-7)


def test_parameters_are_told_from_inputs() -> None:
    kinds = {n.label: n.kind for n in graph(mlp, *MLP).nodes}
    assert kinds["params['w']"] == kinds["params['b']"] == "parameter"
    assert kinds["x"] == "input"
    assert {n.label: n.kind for n in graph(f, 2.0, 5.0, parameters=["x2"]).nodes}["x2"] == "parameter"


def test_large_graphs_are_folded_by_line() -> None:
    found = graph(scan, np.ones(100))
    assert [n.label for n in found.nodes] == ["x", "s, c = s * x[i] + np.sin(c), c * np.cos(s)", "return s * c", "y"]
    assert found.nodes[1].count == 600
    assert len(graph(scan, np.ones(100), max_nodes=1000).nodes) == 603

    def squares(numbers):
        total = 0.0
        for number in numbers:
            total = total + number * number
        return total

    found = graph(squares, [1.0] * 150)
    assert [(n.label, n.kind, n.count) for n in found.nodes] == [
        ("numbers", "parameter", 150), ("total = total + number * number", "operation", 300), ("y", "output", 1)
    ]  # fmt: skip
    assert "150 values" in found.svg()


def boxes(svg: str) -> dict[str, tuple[float, float, float, float]]:
    """Return the borders of every node in a picture."""
    space = "{http://www.w3.org/2000/svg}"
    found = {}
    for group in ElementTree.fromstring(svg).iter(f"{space}g"):
        if "node" in group.get("class", "").split():
            x, y, w, h = (float(group.find(f"{space}rect").get(k)) for k in ("x", "y", "width", "height"))
            found[group.get("data-name")] = (x, y, x + w, y + h)
    return found


@pytest.mark.parametrize(
    "found",
    [graph(f, 2.0, 5.0, partials=True), graph(mlp, *MLP, partials=True), graph(scan, np.ones(30))],
    ids=["few", "arrays", "many"],
)
def test_picture(found) -> None:
    svg = found.svg()
    places = boxes(svg)
    assert set(places) == {n.name for n in found.nodes}
    for a, b in itertools.combinations(places.values(), 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], "two nodes overlap"
    left, top, width, height = map(float, re.search(r'viewBox="([^"]*)"', svg)[1].split())
    for x0, y0, x1, y1 in places.values():
        assert left <= x0 and top <= y0 and x1 <= left + width and y1 <= top + height
    assert svg.count("marker-end") == len(found.edges)
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
    assert svg == found.svg() == found._repr_svg_()


def test_values_and_partials_when_asked() -> None:
    assert "= 10.693" in graph(f, 2.0, 5.0).svg()
    bare = graph(f, 2.0, 5.0, values=False).svg()
    assert ">v₄ = v₁ + v₂<" in bare
    assert 'class="partial"' not in bare
    assert '<text class="partial"' in graph(f, 2.0, 5.0, partials=True).svg()


def test_dot() -> None:
    text = graph(f, 2.0, 5.0, partials=True).dot()
    assert text.startswith('digraph "f" {')
    assert '"v0" -> "v3" [label="0.284"];' in text
    assert text.count("->") == 9


def test_every_program_has_a_graph() -> None:
    for program in PROGRAMS[::9]:
        if not program.refusable:
            found = graph(program.function, *oracle.copied(program.args), argnums=program.wrt)
            names = [n.name for n in found.nodes]
            assert len(set(names)) == len(names)
            assert {e.source for e in found.edges} | {e.target for e in found.edges} <= set(names)
            ElementTree.fromstring(found.svg())


def test_save(tmp_path: Path) -> None:
    found = graph(f, 2.0, 5.0)
    assert found.save(tmp_path / "g.svg").read_text(encoding="utf-8") == found.svg()
    assert found.save(tmp_path / "g.gv").read_text(encoding="utf-8") == found.dot()
    with pytest.raises(ArgumentError, match=r"\.svg, \.dot or \.gv, not as g\.png"):
        found.save(tmp_path / "g.png")
    with pytest.raises(OSError):
        found.save(tmp_path / "missing" / "g.svg")
    (tmp_path / "taken.svg").mkdir()
    with pytest.raises(OSError):
        found.save(tmp_path / "taken.svg")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["g.gv", "g.svg", "taken.svg"]


# -- layout


def test_layers() -> None:
    order = {v: k for k, v in enumerate("abcde")}
    assert assign_layers(order, [("a", "c"), ("c", "d"), ("b", "d"), ("d", "e")]) == {
        "a": 0,
        "b": 1,
        "c": 1,
        "d": 2,
        "e": 3,
    }


def test_crossings_are_removed_where_they_can_be() -> None:
    rows = [["a", "b", "c"], ["x", "y", "z"]]
    links = [("a", "z"), ("b", "y"), ("c", "x")]
    down = {"a": ["z"], "b": ["y"], "c": ["x"], "x": [], "y": [], "z": []}
    assert crossings(rows, down) == 3
    better = reduce_crossings([list(r) for r in rows], links)
    assert crossings(better, down) == 0


def test_cycles_are_drawn() -> None:
    placed = place({"a": (10.0, 10.0), "b": (10.0, 10.0)}, [("a", "b"), ("b", "a"), ("a", "a")], 20.0)
    assert set(placed.routes) == {("a", "b"), ("b", "a")}
    assert placed.routes["b", "a"][0] == placed.centres["b"]


# -- graphs made of expressions

PRIMER = ["xx=xa^2", "xy=ab*xx+ac*xa", "xz=bc*xx+xy", "xw=cd*xx+xz^3"]
TRUTH = {"ab": 1.0, "bc": 2.0, "cd": 3.0, "ac": 4.0}


def test_primer_dictionaries() -> None:
    g = graph_from_expressions(PRIMER)
    assert g.depends_on == {"xx": ["xa"], "xy": ["xa", "xx"], "xz": ["xx", "xy"], "xw": ["xx", "xz"]}
    assert g.leads_to == {"xa": ["xx", "xy"], "xx": ["xy", "xz", "xw"], "xy": ["xz"], "xz": ["xw"]}
    assert (g.inputs, g.outputs, g.parameters) == (["xa"], ["xw"], ["ab", "ac", "bc", "cd"])
    assert graph_from_expressions(PRIMER[::-1]).depends_on == g.depends_on


def test_primer_partials() -> None:
    g = graph_from_expressions(PRIMER)
    xa = 0.8933787891895923
    found = g.partials({"xa": xa}, TRUTH)
    assert found["xx"] == {"xa": 1.7867575783791846}
    xx = xa**2
    xz = 2.0 * xx + xx + 4.0 * xa
    assert found["xy"] == {"xa": 4.0, "xx": 1.0, "ab": xx, "ac": xa}
    assert found["xz"] == {"xx": 2.0, "xy": 1.0, "bc": xx}
    assert found["xw"] == pytest.approx({"xx": 3.0, "xz": 3.0 * xz**2, "cd": xx}, rel=1e-15)
    whole = g.gradient({"xa": xa}, TRUTH)["xw"]
    assert whole["xa"] == pytest.approx(3.0 * 2.0 * xa + 3.0 * xz**2 * (3.0 * 2.0 * xa + 4.0), rel=1e-14)
    assert whole["cd"] == xx


def test_primer_learns_one_sample_at_a_time() -> None:
    g = graph_from_expressions(PRIMER)
    generator = np.random.default_rng(0)
    samples = g.samples(TRUTH, 3000, generator)
    start = {p: float(generator.random()) for p in g.parameters}
    trained = g.train(samples, start, 1e-5)
    assert np.mean(trained.losses[-300:]) < 0.02 * np.mean(trained.losses[:300])
    # by hand: the first step
    first = samples[0]
    values = g.evaluate(first, start)
    slope = 2.0 * (values["xw"] - first["xw"]) * values["xx"]
    assert g.train(samples[:1], start, 1e-5).parameters["cd"] == pytest.approx(start["cd"] - 1e-5 * slope, rel=1e-14)
    with pytest.raises(ArgumentError, match="take a smaller learning_rate"):
        g.train(samples, start, 1.0)


def test_primer_picture() -> None:
    g = graph_from_expressions(PRIMER)
    assert ">xw = cd*xx+xz^3<" in g._repr_svg_()
    kinds = {n.name: n.kind for n in g.graph({"xa": 0.5}, TRUTH).nodes}
    assert (kinds["xa"], kinds["ab"], kinds["xx"], kinds["xw"]) == ("input", "parameter", "operation", "output")


@pytest.mark.parametrize(
    ("expressions", "message"),
    [
        (["xy"], "not of the form"),
        (["ab=xa"], "not of the form"),
        (["xy=xa*"], "is not an expression"),
        (["xy=xa if xa else 1"], "only"),
        (["xy=open(xa)"], "only"),
        (["xy=xz", "xz=xy"], "depend on themselves"),
        (["xy=xa", "xy=xa"], "two expressions"),
    ],
)
def test_expressions_that_are_refused(expressions: list[str], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        graph_from_expressions(expressions)


def test_missing_values_are_named() -> None:
    with pytest.raises(ArgumentError, match="no value is given for ac, bc"):
        graph_from_expressions(PRIMER).evaluate({"xa": 1.0}, {"ab": 1.0, "cd": 2.0})
