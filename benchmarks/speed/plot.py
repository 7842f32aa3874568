"""Milliseconds of a step by the number of labels, a panel for each precision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from common import Row
from report import log_axis, new_figure, save_figure, style, threads_text

from speed.contestants import BY_HAND, FULL, OURS, OURS_FULL, SAMPLED
from speed.shapes import MIDDLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINES = {
    OURS: "#d62728",
    SAMPLED: "#1f77b4",
    BY_HAND: "#2ca02c",
    OURS_FULL: "#ff9896",
    FULL: "#e08214",
}


def plot(rows: Sequence[Row], name: str, threads: int) -> bool:
    """Draw the rows that differ from the middle in the number of labels alone; whether there are at least two."""
    along = [row for row in rows if row.job["threads"] == threads and _differs_in_labels(row)]
    if len(along) < 2:
        return False
    along.sort(key=lambda row: row.job["shape"]["n_labels"])
    figure, panels = new_figure(1, 2, figsize=(13, 6), sharey=True)
    for axes, precision in zip(panels, ("fp32", "bf16"), strict=True):
        _panel(axes, along, precision)
    figure.suptitle(
        f"A training step: width {MIDDLE.width}, batches of {MIDDLE.batch_size}, {MIDDLE.n_negatives:,} labels drawn, "
        f"{threads_text(threads)}"
    )
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
    save_figure(figure, name)
    return True


def _differs_in_labels(row: Row) -> bool:
    shape = row.job["shape"]
    return {**shape, "n_labels": MIDDLE.n_labels} == MIDDLE.as_job()


def _panel(axes: Axes, rows: Sequence[Row], precision: str) -> None:
    for what, color in LINES.items():
        for key, line in (("seconds", "o-"), ("roofline_seconds", ":")):
            if key == "roofline_seconds" and what != OURS:
                continue
            points = [
                (row.job["shape"]["n_labels"], 1e3 * result[key])
                for row in rows
                if key in (result := row.result["contestants"].get(f"{what}, {precision}", {}))
            ]
            if points:
                label = what if key == "seconds" else "ceiling of the sampled step's output layer"
                axes.plot(*zip(*points, strict=True), line, color=color, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    log_axis(axes.xaxis)
    log_axis(axes.yaxis)
    axes.set_title(precision)
    style(axes, "labels", "ms of a step")
