"""The command line: what the commands print, exit statuses, and one clear message for everything that goes wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from adcompile.cli import main

ROOT = Path(__file__).parent.parent

MODULE = """\
import numpy as np
from adcompile import grad

RATE = 0.5

def loss(w, x):
    return RATE * np.sum((x @ w) ** 2)

def typed(w: float, n: int = 3):
    for _ in range(n):
        w = np.sin(w) * w
    return w

def vector(x):
    return np.sin(x), x * 2.0

def singular(x):
    return np.frompyfunc(abs, 1, 1)(x)[0]

def loud(x):
    print("loud")
    return x * x

def divides(x):
    return x / 0.0

def jumps(x):
    return np.floor(x) + x

def params(p):
    return np.sum(p["w"] * 2.0) + p["b"][0]

@grad(argnums=1)
def decorated(a, b):
    return a * b

class Model:
    @staticmethod
    def energy(x):
        return x * x

number = 3
unreadable = eval("lambda x: x * x")
print("imported")
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "target", raising=False)
    path = tmp_path / "target.py"
    path.write_text(MODULE)
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    try:
        status = main(arguments)
    except SystemExit as error:  # of argparse
        status = int(str(error.code))
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return status, out, err


def files(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.name != "__pycache__")


# -- what works


def test_show(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "show", "target:loss", "--types", "f8[:], f8[4, 3]", "--wrt", "0")
    assert status == 0
    assert "def loss_vjp(w, x, y_bar=1.0, *, RATE=RATE):" in out and "RATE = 0.5" in out
    assert "imported" not in out
    status, out, _ = run(
        capsys, "show", "target.py:loss", "--types", "f8[:], f8[4, 3]", "--wrt", "w", "--mode", "forward"
    )
    assert status == 0 and "def loss_jvp(w, x, w_dot" in out
    assert "def loss_value_and_vjp" in run(capsys, "show", "target:loss", "--types", "f8[:], f8[:,:]", "--value")[1]
    assert "def vector_fwd" in run(capsys, "show", "target:vector", "--args", "np.ones(3)")[1]
    assert "loss(w, x, RATE, y_bar):" in run(capsys, "show", "target:loss", "--types", "f8[:], f8[:,:]", "--ssa")[1]


def test_show_guesses_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "show", "target:typed")
    assert status == 0 and "def typed_vjp(w, n=3, y_bar=1.0):" in out
    assert "guessed" not in err
    assert run(capsys, "show", "target:Model.energy")[0] == 0
    assert "b_bar = y_bar * a" in run(capsys, "show", "target:decorated")[1]


def test_trace(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "trace", "target:typed", "--args", "0.5, 9", "--trips", "2", "--digits", "5")
    assert status == 0 and "... 7 more trips ..." in out and "0.47943" in out
    assert "<table" in run(capsys, "trace", "target:typed", "--args", "0.5, 2", "--html")[1]
    status, _, err = run(capsys, "trace", "target:typed")
    assert status == 0 and "arguments are guessed: 0.5, 3;" in err
    status, out, err = run(capsys, "trace", "target:loud", "--args", "2.0")
    assert status == 0 and out.startswith("reverse mode") and "loud\n" in err


def test_files_are_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    given = ("target:typed", "--args", "0.5, 2")
    for command, name, start in (
        ("show", "d.py", "import numpy"),
        ("trace", "t.txt", "reverse mode"),
        ("trace", "t.html", "<style>"),
        ("graph", "g.svg", "<svg"),
        ("graph", "g.dot", "digraph"),
        ("report", "r.html", "<!doctype html>"),
        ("export", "e.py", '"""'),
    ):
        status, out, err = run(capsys, command, *given, "-o", name)
        assert (status, out) == (0, f"wrote {name}\n"), err
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start), name
    assert run(capsys, "graph", *given, "--partials")[1].startswith('digraph "typed" {')
    assert run(capsys, "report", *given)[1] == "wrote typed.html\n"


def test_types(capsys: pytest.CaptureFixture[str]) -> None:
    types = '{"w": f8[:], "b": (float, f4)}'
    status, out, _ = run(capsys, "trace", "target:params", "--types", types)
    assert status == 0 and "p['w']" in out and "p['b'][0]" in out


def test_check_explain_coverage_and_cache(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ("target:loss", "--types", "f8[:], f8[4, 3]")
    status, out, _ = run(capsys, "check", *given, "--order", "2")
    assert status == 0 and out.startswith("ok: the derivatives of loss up to order 2 in forward and reverse mode agree")
    status, _, err = run(capsys, "check", "target:jumps", "--args", "2.0")
    assert status == 1 and "is there a jump?" in err
    assert "gradient of loss with respect to w" in run(capsys, "explain", *given, "--wrt", "w")[1]
    out = run(capsys, "coverage", "numpy.sin*")[1]
    assert "has a derivative: " in out and "numpy.sin " in out
    assert "numpy.sin " not in run(capsys, "coverage", "--missing")[1]
    monkeypatch.setenv("ADCOMPILE_CACHE_DIR", str(tmp_path / "cache"))
    assert run(capsys, "check", "target:Model.energy", "--args", "2.0")[0] == 0
    assert "cache: " in run(capsys, "cache", "info")[1]
    assert run(capsys, "cache", "clear")[1].startswith("removed ")
    assert ": 0 programs" in run(capsys, "cache", "info")[1]


# -- what goes wrong


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["show", "target"], 2, "does not name a function"),
        (["show", "nowhere:f"], 2, "cannot import nowhere: No module named 'nowhere'"),
        (["show", "nowhere.py:f"], 2, "there is no file nowhere.py"),
        (["show", "target:missing"], 2, "target has no missing; it has loss, typed, vector"),
        (["show", "target:number"], 2, "number of target is int, not a function"),
        (["show", "target:loss", "--types", "f8[:], banana"], 2, "'banana' is no type"),
        (["show", "target:loss", "--types", "f8["], 2, "not a list of types"),
        (["show", "target:loss", "--types", "f8[-1]"], 2, "is no length of an axis"),
        (["show", "target:loss", "--types", "U4[:], f8"], 2, "have no derivatives"),
        (["show", "target:loss", "--args", "np.onez(3)"], 2, "has no attribute 'onez'"),
        (["show", "target:loss", "--wrt", "q"], 2, "'q' is no number and no parameter of w, x"),
        (["show", "target:loss", "--args", "np.ones(2)"], 1, "missing a required argument: 'x'"),
        (["show", "target:unreadable", "--types", "float"], 1, "the source of <lambda> is missing"),
        (["show", "target:loss", "--args", "'a', 'b'"], 1, "nothing to differentiate"),
        (
            ["trace", "target:divides", "--args", "1.0"],
            1,
            "ZeroDivisionError: float division by zero (target.py, line 25)",
        ),
        (["trace", "target:loss", "--trips", "0"], 2, "'0' is no whole number from 1 on"),
        (["show", "target:loss", "-o", "missing/d.py"], 2, "cannot write missing/d.py: there is no folder"),
        (["report", "target:typed", "-o", "."], 2, "cannot write .: it is a folder"),
        (["graph", "target:typed", "-o", "g.png"], 1, "a graph is saved as .svg, .dot or .gv, not as g.png"),
        (["export", "target:typed"], 2, "required: -o/--output"),
        (["fly"], 2, "invalid choice"),
        ([], 2, "required: command"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_errors(
    arguments: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found, out, err = run(capsys, *arguments)
    assert found == status, err
    assert message in err
    assert out == ""
    assert files(tmp_path) == ["target.py"]


def test_refusals_point_at_the_place(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "show", "target:singular", "--types", "f8[3]")
    assert status == 1
    assert "target.py:18:12" in err and "^^^^" in err and "= help:" in err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_there", "No module named 'nothing_there' (broken.py, line 1)"),
        ("def f(:", "invalid syntax (broken.py, line 1)"),
        ("\n1 / 0", "ZeroDivisionError: division by zero (broken.py, line 2)"),
        ("import sys; sys.exit(3)", "ends the program (exit status 3)"),
    ],
)
def test_modules_that_do_not_import(
    text: str, message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text(text)
    for name in ("broken:f", "broken.py:f"):
        sys.modules.pop("broken", None)
        status, out, err = run(capsys, "show", name)
        assert (status, out) == (2, "") and message in err
        assert err.count("\n") == 1


def test_a_file_is_replaced_only_when_the_new_one_is_complete(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "d.py").write_text("precious")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    for command in ("show", "export"):
        status, _, err = run(capsys, command, "target:typed", "--args", "0.5, 2", "-o", "d.py")
        assert status == 2 and "cannot write d.py: No space left on device" in err
    assert (tmp_path / "d.py").read_text() == "precious"
    assert files(tmp_path) == ["d.py", "target.py"]


def test_as_a_program(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def program(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "adcompile", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    done = program("trace", "target:typed", "--args", "0.5, 2")
    assert (done.returncode, done.stderr) == (0, "imported\n")
    done = program("show", "target:missing")
    assert done.returncode == 2 and done.stderr.count("\n") == 2
    done = program("--help")
    assert done.returncode == 0 and "examples:" in done.stdout and "coverage" in done.stdout
