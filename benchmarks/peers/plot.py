"""P@1 against CPU seconds of training, a panel for each data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from common import Row
from report import log_axis, new_figure, save_figure, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OURS_COLOR = "#c0392b"
PEER_COLOR = "#34495e"
LINE_HEIGHT = 0.042
"""Of a label, as a share of the panel's height."""


def plot(rows: Mapping[str, Mapping[str, Row]], name: str) -> None:
    """Draw the rows by data set and variant."""
    n_columns = min(2, len(rows))
    n_rows = -(-len(rows) // n_columns)
    figure, all_axes = new_figure(n_rows, n_columns, figsize=(7.5 * n_columns, 5.5 * n_rows), squeeze=False)
    for axes, data_set in zip(all_axes.flat, rows, strict=False):
        _panel(axes, data_set, rows[data_set])
    for axes in list(all_axes.flat)[len(rows) :]:
        axes.set_visible(False)
    save_figure(figure, name)


def _panel(axes: Axes, data_set: str, rows: Mapping[str, Row]) -> None:
    points = [
        (row.result["cpu_seconds"], 100 * row.result["p@1"], name, row)
        for name, row in rows.items()
        if "p@1" in row.result
    ]
    axes.set_title(data_set)
    axes.set_xscale("log")
    style(axes, "CPU seconds of training", "P@1 (%)")
    log_axis(axes.xaxis)
    if not points:
        return
    for cpu, precision, _, row in points:
        axes.plot(cpu, precision, "D" if _is_ours(row) else "o", color=_color(row), ms=9 if _is_ours(row) else 6)
    cpus = [point[0] for point in points]
    axes.set_xlim(min(cpus) / 1.5, max(cpus) * 6)  # room for the labels
    axes.margins(y=0.08)
    _label(axes, points)


def _label(axes: Axes, points: list[tuple[float, float, str, Any]]) -> None:
    """Names beside the points, each at least a line above the one below that it would lie on."""
    low, high = axes.get_ylim()
    left, right = np.log(axes.get_xlim())
    placed: list[tuple[float, float]] = []
    for cpu, precision, name, row in sorted(points, key=lambda point: point[1]):
        x, y = (np.log(cpu) - left) / (right - left), (precision - low) / (high - low)
        text_y = y
        while any(abs(text_y - other_y) < LINE_HEIGHT and abs(x - other_x) < 0.4 for other_x, other_y in placed):
            text_y += LINE_HEIGHT / 4
        placed.append((x, text_y))
        axes.annotate(
            name,
            (cpu, precision),
            (x + 0.025, text_y),
            textcoords="axes fraction",
            va="center",
            fontsize=8.5,
            color=_color(row),
            fontweight="bold" if _is_ours(row) else "normal",
            arrowprops={"arrowstyle": "-", "color": "0.7", "lw": 0.6, "shrinkA": 0, "shrinkB": 3},
        )


def _is_ours(row: Row) -> bool:
    return bool(row.job["module"] == "ours")


def _color(row: Row) -> str:
    return OURS_COLOR if _is_ours(row) else PEER_COLOR
