"""Draw `roofline.svg` from benchmarks/results/step_phases.json: operations per second by operations per byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter
from style import HERE, INK, OTHER, OWN, SOFT, drawing, plain, plate, save, title

RESULTS = HERE.parents[1] / "benchmarks" / "results" / "step_phases.json"
OUTPUT = ("output layer", "loss", "output layer, backward")
WORDS = {
    ("recipe", "adagrad"): "recipe, 500,000 labels",
    ("recipe", "adam"): "Adam, fp32,\n10,000 drawn",
    ("paper", "adam"): "paper: a set\nfor each sample",
}


class Point(NamedTuple):
    """An output layer with its loss, on one thread."""

    per_byte: float
    """Operations for each byte of rows read or written."""
    gigaflops: float
    words: str
    precision: str


def main() -> None:
    rows = json.loads(RESULTS.read_text())
    limits = next(row["result"] for row in rows if row["job"].get("limits") and row["job"]["threads"] == 1)
    figure = plate(3.6)
    title(
        drawing(figure),
        0.45,
        3.17,
        "Output layers below the roof of the machine",
        "Billions of operations per second, one thread; lines: what was measured as the most, in the same run.",
    )
    axes = figure.add_axes((0.075, 0.15, 0.87, 0.6))
    _roofs(axes, limits)
    for point in _points(rows):
        colour = OWN if point.precision == "bf16" else OTHER
        axes.scatter([point.per_byte], [point.gigaflops], s=60, color=colour, zorder=4, linewidth=0)
        beside = {"x": point.per_byte * 1.12, "y": point.gigaflops / 1.1, "va": "top"}
        if point.precision == "bf16":  # or the roof of fp32 would be in its way
            beside = {"x": point.per_byte / 1.12, "y": point.gigaflops, "va": "bottom", "ha": "right"}
        axes.text(s=point.words, fontsize=8.5, color=INK, **beside)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("operations per byte of rows", fontsize=8.5, color=SOFT)
    plain(axes)
    save(figure, "roofline")


def _roofs(axes: Axes, limits: dict[str, Any]) -> None:
    x = np.geomspace(0.1, 1000, 200)
    slope = limits["row_bytes"] / 1e9 * x
    for name, words, colour in (("fp32_flops", "fp32", OTHER), ("bf16_flops", "bf16", OWN)):
        if limits[name]:
            axes.plot(x, np.minimum(slope, limits[name] / 1e9), color=colour, linewidth=1.6, alpha=0.8)
            axes.text(950, 1.06 * limits[name] / 1e9, words, ha="right", va="bottom", fontsize=8.5, color=colour)
    axes.text(0.75, 0.55 * limits["row_bytes"] / 1e9, "rows from anywhere in memory", fontsize=8.5, color=SOFT)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(0.1, 1000)


def _points(rows: list[dict[str, Any]]) -> Iterator[Point]:
    for row in rows:
        job, result = row["job"], row["result"]
        step = job.get("step")
        if not step or job["threads"] != 1 or "min_active" in step["options"]:
            continue
        kind = step["preset"], step["options"].get("optimizer", "adam" if step["preset"] == "paper" else "adagrad")
        if kind not in WORDS or (kind == ("recipe", "adagrad") and step["n_labels"] != 500_000):
            continue
        flops = 3 * 2 * result["active"] * result["width"]
        n_bytes = 2 * result["active"] * result["row_bytes"] / (256 if result["shared"] else 1)
        seconds = 1e-6 * sum(us for name, us in result["phases_us"].items() if name in OUTPUT)
        yield Point(flops / n_bytes, flops / seconds / 1e9, WORDS[kind], result["precision"])


if __name__ == "__main__":
    main()
