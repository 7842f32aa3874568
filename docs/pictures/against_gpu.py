"""Draw `against_gpu.svg` from benchmarks/results/against_gpu.json: P@1 against wall seconds, beside a GPU's."""

from __future__ import annotations

import json
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter
from style import HERE, INK, OTHER, OWN, drawing, note, plain, plate, save, title

RESULTS = HERE.parents[1] / "benchmarks" / "results" / "against_gpu.json"
SETS = {"YSO-Related-3lang": "512,000 labels", "YSO-Finna-en": "23,000 labels"}
ON_GPU = {"YSO-Related-3lang": (42.0, 9.5), "YSO-Finna-en": (4.4, 32.4)}
"""Wall seconds and P@1 of the paper's network with a full softmax on one H100; measured elsewhere."""


def main() -> None:
    rows = json.loads(RESULTS.read_text())
    figure = plate(3.5)
    over_all = drawing(figure)
    title(over_all, 0.45, 3.07, "P@1 by wall seconds of training")
    for x, colour, marker, words in (
        (4.1, OWN, "o", "two processor cores, max_seconds"),
        (6.45, OWN, "s", "preset quick"),
        (7.5, OTHER, "D", "H100, the paper's network"),
    ):
        over_all.scatter([x], [3.14], s=34, color=colour, marker=marker, linewidth=0)
        note(over_all, x + 0.12, 3.14, words, ha="left", color=INK)
    for place, (data_set, n_labels) in enumerate(SETS.items()):
        axes = figure.add_axes((0.07 + 0.48 * place, 0.15, 0.42, 0.57))
        _panel(axes, [row for row in rows if row["job"]["data_set"] == data_set], ON_GPU[data_set])
        axes.set_title(f"{data_set}, {n_labels}", fontsize=9, color=INK, loc="left", fontweight="bold")
    save(figure, "against_gpu")


def _panel(axes: Axes, rows: list[dict[str, Any]], gpu: tuple[float, float]) -> None:
    quick = [_point(row) for row in rows if row["job"]["preset"] == "quick"]
    in_time = sorted(_point(row) for row in rows if "max_seconds" in row["job"]["options"])
    axes.scatter(*zip(*in_time, strict=True), s=46, color=OWN, zorder=4, linewidth=0)
    axes.scatter(*zip(*quick, strict=True), s=46, color=OWN, marker="s", zorder=4, linewidth=0)
    axes.scatter(*gpu, s=54, color=OTHER, marker="D", zorder=4, linewidth=0)
    axes.axvline(gpu[0], color=OTHER, linewidth=1, linestyle=":")
    axes.axhline(gpu[1], color=OTHER, linewidth=1, linestyle=":")
    axes.set_xscale("log")
    seconds = [1, 2, 5, 10, 20, 50, 100]
    axes.set_xticks(seconds)
    every = [point[0] for point in (*in_time, *quick, gpu)]
    axes.set_xlim(min(every) / 1.5, max(every) * 1.5)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} s"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.locator_params(axis="y", nbins=5)
    axes.margins(y=0.16)
    plain(axes)


def _point(row: dict[str, Any]) -> tuple[float, float]:
    return row["result"]["train_seconds"], 100 * row["result"]["p@1"]


if __name__ == "__main__":
    main()
