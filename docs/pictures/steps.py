"""Draw `steps.svg` from benchmarks/results/scaling.json: what a step of training takes, by the number of labels."""

from __future__ import annotations

import json
from typing import Any

from matplotlib.ticker import FuncFormatter, NullFormatter
from style import HERE, OTHER, OWN, SOFT, drawing, plain, plate, save, title

RESULTS = HERE.parents[1] / "benchmarks" / "results" / "scaling.json"


def main() -> None:
    rows = json.loads(RESULTS.read_text())
    figure = plate(3.3)
    title(
        drawing(figure),
        0.45,
        2.87,
        "A step of training",
        "Microseconds per sample, about 1,000 active labels, one thread.",
    )
    axes = figure.add_axes((0.075, 0.13, 0.66, 0.6))
    for wanted, colour, words in (
        (_is_full, SOFT, "full softmax of the paper's network"),
        (_is_by_tables, OTHER, "one active set for each sample,\nby hash tables, rebuilds included"),
        (_is_shared, OWN, "one active set for the batch"),
    ):
        chosen = sorted((row for row in rows if wanted(row["job"])), key=lambda row: row["job"]["n_labels"])
        labels = [row["job"]["n_labels"] for row in chosen]
        values = [row["result"]["with_rebuilds_us"] for row in chosen]
        axes.plot(labels, values, color=colour, marker="o", markersize=5, linewidth=1.8)
        axes.text(1.15 * labels[-1], values[-1], words, va="center", color=colour, fontsize=9, linespacing=1.35)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_yticks([10, 100, 1000, 10000])
    axes.set_xticks([10_000, 100_000, 1_000_000])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("labels", fontsize=8.5)
    plain(axes)
    save(figure, "steps")


def _is_full(job: dict[str, Any]) -> bool:
    return bool(job["options"].get("sampler") == "full")


def _is_by_tables(job: dict[str, Any]) -> bool:
    return bool(job["preset"] == "paper" and job["options"].get("lsh_selection") == "topk")


def _is_shared(job: dict[str, Any]) -> bool:
    return bool(job["preset"] == "recipe")


if __name__ == "__main__":
    main()
