"""What every example does on the command line: take ``--plot DIR``, show a progress bar, save its pictures."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from matplotlib.figure import Figure

T = TypeVar("T")


def plot_folder(name: str, description: str | None) -> Path | None:
    """Parse the command line of ``python -m examples.name``; return the folder for pictures, if they are asked for."""
    parser = argparse.ArgumentParser(prog=f"python -m examples.{name}", description=description)
    parser.add_argument("--plot", metavar="DIR", type=Path, help="save pictures in this folder (needs matplotlib)")
    folder: Path | None = parser.parse_args().plot
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            import matplotlib.figure  # noqa: F401  # better to fail before the work than after it
        except (OSError, ImportError) as error:
            parser.error(f"cannot save pictures in {folder}: {error}")
    return folder


def progress(steps: Iterable[T], label: str = "") -> Iterator[T]:
    """Iterate with a progress bar, if tqdm is installed and somebody watches."""
    try:
        from tqdm import tqdm
    except ImportError:
        return iter(steps)
    return iter(tqdm(steps, desc=label, disable=None, leave=False))


def new_figure(width: float = 6.0, height: float = 4.0) -> Figure:
    """Return an empty figure, without the global state of pyplot."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def save(figures: dict[str, Figure], folder: Path) -> list[Path]:
    """Save figures under their names; return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.png" for name in figures]
    for figure, path in zip(figures.values(), paths, strict=True):
        figure.savefig(path, dpi=120)
    return paths
