"""The disk cache: what is compiled once is not compiled again, and nothing stale or broken is ever used."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import adcompile
from adcompile import CacheWarning, cache_info, clear_cache, grad
from adcompile.dispatch import cache, digest, programs

ROOT = Path(__file__).parent.parent

MODEL = """
import numpy as np
FACTOR = 2.0
COUNT = 3
TABLE = np.array([1.0, 2.0])

def helper(x):
    return x * x

def f(x):
    s = 0.0
    for i in range(COUNT):
        s = s + helper(x) * FACTOR
    return s + np.sum(TABLE * x)
"""

SCRIPT = """
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, {folder!r})
from adcompile import grad, cache_info
import model
print(float(grad(model.f)(1.5)), int("adcompile.driver" in sys.modules), cache_info().hits, cache_info().writes)
"""

Run = Callable[..., tuple[float, bool]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, which is the folder "cache" in this one."""
    monkeypatch.setenv("ADCOMPILE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("ADCOMPILE_CACHE", raising=False)
    monkeypatch.setattr(programs, "_programs", type(programs._programs)())
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    """Differentiate `f` of a model in a process of its own; tell the result and whether the compiler ran."""

    def once(model: str = MODEL, **environment: str) -> tuple[float, bool]:
        (folder / "model.py").write_text(model)
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT.format(folder=str(folder))],
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        result, compiled, *_ = done.stdout.split()
        return float(result), compiled == "1"

    return once


def entries(folder: Path) -> list[Path]:
    return sorted((folder / "cache").rglob("*.bin"))


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """List what is compiled in this process."""
    from adcompile.dispatch import assembly

    made: list[object] = []
    original = assembly.assemble
    monkeypatch.setattr(assembly, "assemble", lambda *args: made.append(args) or original(*args))
    yield made


def forget() -> None:
    programs._programs.clear()


# -- between processes


def test_the_second_process_does_not_compile(folder: Path, run: Run) -> None:
    assert run() == (21.0, True)
    assert len(entries(folder)) == 1
    assert run() == (21.0, False)
    assert len(entries(folder)) == 1


def test_sources_can_be_read(folder: Path, run: Run) -> None:
    run()
    (text,) = (folder / "cache").rglob("*.py")
    assert "def f_vjp(x" in text.read_text()
    assert text.name.startswith("f-")


@pytest.mark.parametrize(
    ("old", "new", "result"),
    [
        ("x * x", "x * x * x", 3 * 3 * 1.5**2 * 2.0 + 3.0),
        ("COUNT = 3", "COUNT = 4", 27.0),
        ("s + helper(x) * FACTOR", "s + helper(x) * FACTOR + x", 24.0),
        ("def helper(x):", "def helper(x, y=2.0):", 21.0),
        ("import numpy as np", "import numpy as np\nfrom math import hypot as range", None),
    ],
)
def test_changes_are_compiled_anew(run: Run, old: str, new: str, result: float | None) -> None:
    run()
    changed = MODEL.replace(old, new)
    if result is None:
        with pytest.raises(AssertionError):
            run(changed)
    else:
        assert run(changed) == (pytest.approx(result), True)
        assert run(changed) == (pytest.approx(result), False)
    assert run() == (21.0, False)


@pytest.mark.parametrize(
    ("old", "new", "result"),
    [
        ("FACTOR = 2.0", "FACTOR = 4.0", 39.0),
        ("[1.0, 2.0]", "[10.0, 20.0, 30.0]", 78.0),
        ("\ndef helper", "\n\n\n# moved\ndef helper", 21.0),
    ],
)
def test_captured_numbers_and_places_do_not_matter(run: Run, old: str, new: str, result: float) -> None:
    run()
    assert run(MODEL.replace(old, new)) == (pytest.approx(result), False)


def test_hash_seeds_do_not_matter(run: Run) -> None:
    assert run(PYTHONHASHSEED="1") == (21.0, True)
    assert run(PYTHONHASHSEED="2") == (21.0, False)


def test_turned_off(folder: Path, run: Run) -> None:
    for _ in range(2):
        assert run(ADCOMPILE_CACHE="0") == (21.0, True)
    assert not (folder / "cache").exists()


@pytest.mark.parametrize("damage", ["empty", "truncated", "flipped", "foreign", "pickle"])
def test_broken_files_are_ignored_and_rewritten(folder: Path, run: Run, damage: str) -> None:
    run()
    (path,) = entries(folder)
    good = path.read_bytes()
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    path.write_bytes(
        {
            "empty": b"",
            "truncated": good[: len(good) // 2],
            "flipped": bytes(flipped),
            "foreign": b"\x00" * 100,
            "pickle": b"cos\nsystem\n(S'exit 1'\ntR.",
        }[damage]
    )
    assert run() == (21.0, True)
    assert run() == (21.0, False)
    assert path.read_bytes() == good


def test_many_writers(folder: Path) -> None:
    (folder / "model.py").write_text(MODEL)
    command = [sys.executable, "-c", SCRIPT.format(folder=str(folder))]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(6)]
    for process in started:
        out, _ = process.communicate()
        assert process.returncode == 0
        assert out.split()[0] == b"21.0"
    names = [p.name for p in (folder / "cache").rglob("*") if p.is_file()]
    assert all(name.endswith((".py", ".bin")) for name in names)


def test_loading_takes_little(folder: Path) -> None:
    """A program that is read from disk needs none of the compiler."""
    (folder / "model.py").write_text("import numpy as np\n\ndef f(w, x):\n    return np.sum(np.tanh(x @ w))\n")
    script = textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(folder)!r})
        import numpy as np
        from adcompile import grad
        import model
        grad(model.f)(np.ones(3), np.ones((2, 3)))
        heavy = ("adcompile.driver", "adcompile.rules", "adcompile.frontend.lower", "adcompile.emit.source", "astor")
        print(*(name for name in heavy if name in sys.modules))
    """)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    loaded = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        loaded.append(done.stdout.split())
    assert len(loaded[0]) == 5
    assert loaded[1] == []


# -- in one process


def test_directories_belong_to_the_user(folder: Path) -> None:
    grad(lambda x: x * 2.25)(1.0)
    for path in (folder / "cache", *(folder / "cache").iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_a_directory_that_cannot_be_written_warns_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "file").write_text("not a directory")
    monkeypatch.setenv("ADCOMPILE_CACHE_DIR", str(folder / "file" / "cache"))
    with pytest.warns(CacheWarning, match="derivatives are not kept on disk") as caught:
        assert grad(lambda x: x * 3.25)(1.0) == 3.25
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert grad(lambda x: x * 4.25)(1.0) == 4.25


def test_default_directories(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ADCOMPILE_CACHE_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    if sys.platform == "linux":
        assert cache.directory() == str(tmp_path / "xdg" / "adcompile")
        monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
        assert cache.directory() == str(tmp_path / ".cache" / "adcompile")
    monkeypatch.setenv("ADCOMPILE_CACHE", "off")
    assert cache.directory() is None
    assert cache_info().directory is None


def test_info_and_clearing(folder: Path) -> None:
    before = cache_info()
    assert (before.directory, before.programs, before.bytes) == (str(folder / "cache"), 0, 0)
    grad(lambda x: x * 5.25)(1.0)
    after = cache_info()
    assert (after.programs, after.writes) == (1, before.writes + 1)
    assert after.bytes > 0
    foreign = folder / "cache" / "notes.txt"
    foreign.write_text("mine")
    clear_cache()
    assert cache_info().programs == 0
    assert foreign.exists()
    assert adcompile.clear_cache is clear_cache


def test_uses_are_counted(folder: Path) -> None:
    def f(x):
        return x * 6.25

    before = cache_info()
    for _ in range(3):
        grad(f)(1.0)
    forget()
    grad(f)(1.0)
    after = cache_info()
    assert (after.misses - before.misses, after.writes - before.writes, after.hits - before.hits) == (1, 1, 1)


def test_lengths_that_matter_are_separate_entries(folder: Path, counted: list[object]) -> None:
    def f(x, y):
        return np.sum(x * y)

    shapes = [((3,), (3,)), ((1,), (3,)), ((3,), (1,)), ((5,), (5,))]
    for _ in range(2):
        for a, b in shapes:
            got = grad(f)(np.ones(a), np.full(b, 2.0))
            np.testing.assert_allclose(got, 2.0 * max(a[0], b[0]) / a[0])
        forget()
    assert len(counted) == 3
    assert len(entries(folder)) == 3


def test_more_entries_than_there_are_numbers(folder: Path, counted: list[object]) -> None:
    def f(x, n):
        return x * (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0)[n]

    for n in range(10):
        assert grad(f)(1.0, n) == n + 1.0
    assert len(entries(folder)) <= cache.VARIANTS
    forget()
    for n in range(10):
        assert grad(f)(1.0, n) == n + 1.0


def test_static_functions_are_known_by_their_text(counted: list[object], folder: Path) -> None:
    def apply(x, g):
        return g(x)

    for k in (2.0, 3.0):
        assert grad(apply)(1.0, lambda t: t * k) == k  # noqa: B023
    assert len(counted) == 1
    assert grad(apply)(1.0, lambda t: t + t * k) == 1.0 + k
    assert len(counted) == 2


def test_what_has_no_digest_is_not_stored(folder: Path) -> None:
    class Scaler:
        def __call__(self, x):
            return x * 2.0

    scaler = Scaler()
    assert grad(lambda x: scaler(x))(1.0) == 2.0
    assert entries(folder) == []


# -- digests


def test_digests_tell_types_apart() -> None:
    values: list[Any] = [1, 1.0, True, "1", b"1", None, (1,), [1], {1: 1}, {1}, frozenset({1}), 0.0, -0.0, 1j, range(1)]
    values += [
        np.float32(1),
        np.float64(1),
        np.array(1.0),
        np.array([1.0]),
        np.dtype("f4"),
        np.float32,
        float,
        np,
        np.sin,
    ]
    values += [len, slice(1), ..., np.sum, np.add.reduce, (1, (2,)), ((1, 2),), "a", np.linalg.norm]
    found = [digest.of_value(v) for v in values]
    known = [d for d in found if d is not None]
    assert len(set(known)) == len(known)
    assert found.count(None) == 1  # a bound method of a ufunc


def test_digests_of_functions() -> None:
    def make(text: str) -> Any:
        namespace: dict[str, Any] = {}
        exec(text, namespace)
        return namespace["f"]

    base = make("def f(x, k=1):\n    return x + k")
    same = [make("\n\n\ndef f(x, k=1):\n    return x + k"), make("# note\ndef f(x, k=1):\n    return x + k")]
    others = ["x + 1", "x - k", "x + k + k", "k + x", "x.k", "(x, k)"]
    assert {digest.of_value(f) for f in same} == {digest.of_value(base)}
    different = {digest.of_value(make(f"def f(x, k=1):\n    return {other}")) for other in others}
    different |= {digest.of_value(make("def f(x, k=2):\n    return x + k"))}
    different |= {digest.of_value(make("def f(x, *, k=1):\n    return x + k"))}
    assert len(different | {digest.of_value(base)}) == len(others) + 3


def test_digests_do_not_depend_on_the_order_of_sets() -> None:
    script = "from adcompile.dispatch import digest; print(digest.of_code((lambda x: x in {'a', 'b', 'c'}).__code__))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    outputs = {
        subprocess.check_output([sys.executable, "-c", script], env={**environment, "PYTHONHASHSEED": seed})
        for seed in "1234"
    }
    assert len(outputs) == 1


def test_digests_of_what_is_more_than_data() -> None:
    class Own:
        pass

    recursive: list[object] = []
    recursive.append(recursive)
    for value in (object(), Own, Own(), recursive, np.array([None]), iter([]), [1, [Own()]]):
        assert digest.of_value(value) is None


def test_every_file_of_the_compiler_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that an older state of any module compiled is not used."""
    before = cache.stamp.__wrapped__()
    known, real = Path(adcompile.__file__).parent / "transforms" / "reverse.py", os.stat

    def newer(path: object) -> object:
        status = real(str(path))
        return SimpleNamespace(st_size=status.st_size + 1, st_mtime_ns=0) if Path(str(path)) == known else status

    monkeypatch.setattr(cache.os, "stat", newer)
    assert cache.stamp.__wrapped__() != before
