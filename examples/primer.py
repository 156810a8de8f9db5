"""A graph made of expressions: what depends on what, the partial derivatives at each node, learning, a picture.

After the computational-graph primer: names that begin with x are variables, the others parameters that are learned. Run
it with ``python -m examples.primer``; ``--plot DIR`` also saves the graph (as SVG, drawn without any other package) and
the loss.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from adcompile import graph_from_expressions
from examples.console import new_figure, plot_folder, progress, save

EXPRESSIONS = ["xx=xa^2", "xy=ab*xx+ac*xa", "xz=bc*xx+xy", "xw=cd*xx+xz^3"]
TRUTH = {"ab": 1.0, "bc": 2.0, "cd": 3.0, "ac": 4.0}
START = {"ab": 0.7, "bc": 1.6, "cd": 2.5, "ac": 4.3}
XA = 0.8933787891895923


def train(count: int = 20_000, learning_rate: float = 1e-5, seed: int = 0) -> tuple[dict[str, float], list[float]]:
    """Learn the parameters from one sample at a time; return them and the loss of each sample."""
    graph = graph_from_expressions(EXPRESSIONS)
    samples = graph.samples(TRUTH, count, np.random.default_rng(seed))
    return graph.train(progress(samples, "training"), START, learning_rate)


def plot(folder: Path, losses: list[float]) -> list[Path]:
    """Save the loss, and beside it the graph with its values and partial derivatives."""
    figure = new_figure()
    axes = figure.subplots()
    axes.semilogy(np.convolve(losses, np.full(100, 0.01), mode="valid"))
    axes.set(xlabel="sample", ylabel="squared error, averaged over 100 samples")
    graph_from_expressions(EXPRESSIONS).graph({"xa": XA}, TRUTH).save(folder / "primer_graph.svg")
    return save({"primer_loss": figure}, folder)


def main() -> None:
    folder = plot_folder("primer", __doc__)
    graph = graph_from_expressions(EXPRESSIONS)
    print("\n".join(f"{name} = {expression}" for name, expression in graph.expressions.items()))
    print(f"inputs {graph.inputs}, outputs {graph.outputs}, parameters {graph.parameters}")
    print(f"depends_on {graph.depends_on}\nleads_to   {graph.leads_to}\n\nat xa = {XA} and the true parameters:")
    values, partials = graph.evaluate({"xa": XA}, TRUTH), graph.partials({"xa": XA}, TRUTH)
    for name, slopes in partials.items():
        written = ", ".join(f"d{name}/d{other} = {slope:.12g}" for other, slope in slopes.items())
        print(f"  {name} = {values[name]:.12g}: {written}")
    h = 1e-4
    ahead, behind = (graph.evaluate({"xa": XA + d}, TRUTH)["xx"] for d in (h, 0.0))
    print(f"dxx/dxa by a difference of {h}: {(ahead - behind) / h}, exactly: {partials['xx']['xa']}")
    whole = graph.gradient({"xa": XA}, TRUTH)
    print(
        "\n".join(
            f"through the whole graph: d{v}/d{k} = {g:.6f}" for v, slopes in whole.items() for k, g in slopes.items()
        )
    )
    learned, losses = train()
    print(f"\nlearned from {len(losses)} samples: " + ", ".join(f"{k} = {v:.4f}" for k, v in learned.items()))
    print(f"squared error at first {np.mean(losses[:100]):.4f}, in the end {np.mean(losses[-100:]):.2e}")
    if folder:
        print("saved", *plot(folder, losses), folder / "primer_graph.svg")


if __name__ == "__main__":
    main()
