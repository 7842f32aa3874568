"""Draw `peers.svg` from benchmarks/results/compare_peers.json: P@1 against CPU seconds of training."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter
from style import HERE, INK, OTHER, OWN, SOFT, drawing, note, plain, plate, save, title

RESULTS = HERE.parents[1] / "benchmarks" / "results" / "compare_peers.json"
SETS = {
    "WordNet-Hyper": "20,000 labels",
    "Debian-Deps": "23,000",
    "YSO-Finna-en": "23,000",
    "Diginetica": "43,000",
    "YSO-Related-3lang": "512,000",
}
TREES = ("omikuji", "pecos", "napkinxc")
OURS = ({"preset": "quick"}, {})
LOWEST = 0.78
"""Of the best P@1: what is below is not shown."""
LEAST = 2.0
"""Seconds: what takes less, such as nearest neighbours, stands on the left edge."""


class Point(NamedTuple):
    """A training of one method on one data set."""

    module: str
    options: dict[str, Any]
    seconds: float
    precision: float


def main() -> None:
    rows = json.loads(RESULTS.read_text())
    figure = plate(3.3)
    over_all = drawing(figure)
    title(over_all, 0.45, 2.87, "P@1 by CPU seconds of training")
    for x, colour, words in (
        (5.35, OWN, "slidelearn, quick and default"),
        (7.6, OTHER, "label trees"),
        (8.6, SOFT, "others"),
    ):
        over_all.scatter([x], [2.94], s=34, color=colour)
        note(over_all, x + 0.12, 2.94, words, ha="left", color=INK)
    for place, (data_set, n_labels) in enumerate(SETS.items()):
        axes = figure.add_axes((0.07 + 0.187 * place, 0.155, 0.145, 0.52))
        _panel(axes, list(_points(rows, data_set)))
        axes.set_title(data_set, fontsize=9, color=INK, pad=15, loc="left", fontweight="bold")
        axes.text(0, 1.03, n_labels, transform=axes.transAxes, fontsize=8, color=SOFT)
    save(figure, "peers")


def _points(rows: list[dict[str, Any]], data_set: str) -> Iterator[Point]:
    """What was measured last of each method, on one thread, with the first seed."""
    wanted = {"data_set": data_set, "threads": 1, "seed": 0}
    of_set = [row for row in rows if wanted.items() <= row["job"].items()]
    last = {(row["job"]["module"], json.dumps(row["job"]["options"])): row for row in of_set}
    for row in last.values():
        job, result = row["job"], row["result"]
        if result.get("p@1") is not None:
            yield Point(job["module"], job["options"], result["cpu_seconds"], 100 * result["p@1"])


def _panel(axes: Axes, points: list[Point]) -> None:
    ours = [point for options in OURS for point in points if point.module == "ours" and point.options == options]
    lowest = LOWEST * max(point.precision for point in points)
    others = [point for point in points if point.module != "ours" and point.precision > lowest]
    at_once = [point for point in others if point.seconds < LEAST]
    axes.scatter(
        [1.15 * LEAST] * len(at_once), [p.precision for p in at_once], s=26, color=SOFT, marker="<", linewidth=0
    )
    for wanted, colour in ((True, OTHER), (False, SOFT)):
        of_kind = [point for point in others if (point.module in TREES) == wanted and point.seconds > LEAST]
        axes.scatter([p.seconds for p in of_kind], [p.precision for p in of_kind], s=26, color=colour, linewidth=0)
    seconds, precisions = [p.seconds for p in ours], [p.precision for p in ours]
    axes.plot(seconds, precisions, color=OWN, linewidth=1.3, alpha=0.5)
    axes.scatter(seconds, precisions, s=46, color=OWN, zorder=4, linewidth=0)
    axes.set_xscale("log")
    axes.set_xlim(LEAST, 1000)
    axes.set_xticks([3, 30, 300])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} s"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.locator_params(axis="y", nbins=5)
    axes.margins(y=0.14)
    plain(axes)


if __name__ == "__main__":
    main()
