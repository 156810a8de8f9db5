"""Reports: which lines belong together, what the page says, and that it works in a browser without a network."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from adcompile import CompileError, report
from adcompile.inspect.provenance import provenance
from adcompile.inspect.subject import subject
from tests import oracle
from tests.browser import probe
from tests.programs import PROGRAMS

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

RATE = 0.5


def scan(x):
    a = x.copy()
    for i in range(1, len(x)):
        a[i] = a[i - 1] * x[i] + np.sin(a[i - 1])
    return a[-1] * RATE


X = np.array([0.5, 1.2, -0.3])


def by_text(lines, text):
    (line,) = [line for line in lines if line.text.strip() == text]
    return line.name


# -- provenance


def test_lines_that_belong_together() -> None:
    found = provenance(subject(scan, (X,)), "reverse")
    texts = {line.name: line.text.strip() for line in (*found.source, *found.ssa, *found.emitted)}
    store = found.links[by_text(found.source, "a[i] = a[i - 1] * x[i] + np.sin(a[i - 1])")]
    emitted = [texts[name] for name in store if name.startswith("e")]
    assert any(text.startswith("a[i] = ") for text in emitted)
    assert any(text.startswith("x_bar[i] += ") for text in emitted)
    assert any(text.startswith("a_bar[i - 1] += ") for text in emitted)
    assert not any("copy" in text for text in emitted)
    ssa = [texts[name] for name in store if name.startswith("a")]
    assert any("= sin(" in text for text in ssa) and any("= cos(" in text for text in ssa)


def test_links_go_both_ways() -> None:
    found = provenance(subject(scan, (X,)), "reverse")
    for name, others in found.links.items():
        assert name not in others
        for other in others:
            assert name in found.links[other]


def test_constants_from_outside_are_stated_and_do_not_shift_lines() -> None:
    found = provenance(subject(scan, (X,)), "reverse")
    assert "RATE = 0.5" in [line.text for line in found.emitted]
    seed = by_text(found.source, "return a[-1] * RATE")
    texts = {line.name: line.text for line in found.emitted}
    assert any("a_bar[-1] = y_bar * RATE" in texts.get(name, "") for name in found.links[seed])


@pytest.mark.parametrize("program", PROGRAMS[::12], ids=repr)
def test_every_program_has_provenance_in_both_modes(program) -> None:
    try:
        seen = subject(program.function, oracle.copied(program.args), program.wrt)
        seen.check("reverse")
        seen.check("forward")
    except CompileError:
        return
    for mode in ("reverse", "forward"):
        found = provenance(seen, mode)
        names = [line.name for line in (*found.source, *found.ssa, *found.emitted)]
        assert len(set(names)) == len(names)
        assert set(found.links) <= set(names)
        start = max(line.number for line in found.emitted if line.text.startswith("def "))
        computing = [line for line in found.emitted if line.number > start and " = np." in line.text]
        assert all(line.name in found.links for line in computing)


# -- the page


def test_page_is_complete_and_deterministic(tmp_path: Path) -> None:
    made = report(scan, X, path=tmp_path / "scan.html")
    page = (tmp_path / "scan.html").read_text(encoding="utf-8")
    assert page == made.html == report(scan, X).html
    assert "agrees with finite differences" in page
    for title in ("Evaluation trace", "Computational graph", "What is active, and what is kept", "Check"):
        assert f"<h2>{title}</h2>" in page
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?:https?:|//)""", page)
    assert "<iframe srcdoc=" in made._repr_html_()


def test_page_of_several_results_and_of_forward_mode() -> None:
    page = report(lambda x: (np.sin(x), x * x), X).html
    assert "agrees with finite differences" in page
    page = report(scan, X, mode="forward").html
    assert "forward mode" in page and "agrees with finite differences" in page
    assert "scan_jvp" in page


def test_text_in_the_source_is_escaped() -> None:
    page = report(lambda x: {"</script><b>": x}["</script><b>"] * 2.0, 1.0).html
    assert "</script><b>" not in page
    assert page.count("<script") == page.count("</script>") == 2


def test_path_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        report(scan, X, path=tmp_path / "missing" / "scan.html")
    assert list(tmp_path.iterdir()) == []


# -- in a browser


@pytest.fixture(scope="module")
def page() -> str:
    return report(scan, X).html


def test_pointing_lights_up_lines_in_all_panes(page: str, tmp_path: Path) -> None:
    found = provenance(subject(scan, (X,)), "reverse")
    name = by_text(found.source, "a[i] = a[i - 1] * x[i] + np.sin(a[i - 1])")
    script = f"""
        point("{name}");
        const seen = {{on: lit("on"), linked: lit("linked"),
                       rows: document.querySelectorAll("tr.linked").length}};
        const colour = getComputedStyle(document.querySelector(".code-line.on")).backgroundColor;
        document.getElementById("source").dispatchEvent(new MouseEvent("mouseleave"));
        return {{...seen, colour, after: lit("on").length + lit("linked").length, errors,
                 fetched: performance.getEntriesByType("resource").length}};
    """
    got = probe(page, script, tmp_path)
    assert got["on"] == [name]
    assert sorted(got["linked"]) == sorted(found.links[name])
    assert {n[0] for n in got["linked"]} == {"a", "e"}
    assert got["rows"] > 0
    assert got["colour"] not in ("rgba(0, 0, 0, 0)", "transparent")
    assert got["after"] == 0
    assert got["errors"] == []
    assert got["fetched"] == 0


def test_keyboard(page: str, tmp_path: Path) -> None:
    script = """
        document.getElementById("source").focus();
        const first = lit("on")[0];
        press("ArrowDown");
        const second = lit("on")[0];
        press("ArrowRight");
        const other = lit("on")[0], pane = document.activeElement.id;
        press("Enter"); point("s3");
        const kept = lit("on")[0];
        press("Escape");
        return {first, second, other, pane, kept, none: lit("on"), errors};
    """
    got = probe(page, script, tmp_path)
    assert (got["first"], got["second"]) == ("s1", "s2")
    assert got["pane"] == "ssa" and got["other"].startswith("a")
    assert got["other"] in provenance(subject(scan, (X,)), "reverse").links["s2"]
    assert got["kept"] == got["other"]
    assert got["none"] == []
    assert got["errors"] == []


def test_light_and_dark(page: str, tmp_path: Path) -> None:
    script = """
        const rgb = (name) => getComputedStyle(document.body)[name].match(/\\d+/g).map(Number);
        const sum = (name) => rgb(name)[0] + rgb(name)[1] + rgb(name)[2];
        return {paper: sum("backgroundColor"), ink: sum("color"), errors};
    """
    for theme, number in (("dark", 0), ("light", 1)):
        got = probe(page, script, tmp_path, f"--blink-settings=preferredColorScheme={number}")
        assert (got["paper"] < got["ink"]) == (theme == "dark")
        assert abs(got["paper"] - got["ink"]) > 400
