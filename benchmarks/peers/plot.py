"""P@1 against CPU seconds of training, a panel for each data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common import Row
from report import log_axis, new_figure, save_figure, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = {
    "ours": "#d62728",
    "omikuji": "#2ca02c",
    "pecos": "#1f77b4",
    "napkinxc": "#9467bd",
    "fasttext": "#8c564b",
    "centroid": "#7f7f7f",
    "neighbours": "#7f7f7f",
    "softmax": "#e08214",
}
"""By module of the peer."""
LOWEST = 0.75
"""Of the best P@1: what is below lies on the bottom edge, so that the others can be told apart."""
LINE_HEIGHT = 0.055
"""Of a label, as a share of the panel's height."""


@dataclass(frozen=True)
class Point:
    """One row in the picture."""

    name: str
    module: str
    cpu: float
    precision: float


def plot(rows: Mapping[str, Mapping[str, Row]], name: str) -> None:
    """Draw the rows by data set and variant; rows without P@1 are left out."""
    panels = {data_set: points for data_set, of_set in rows.items() if (points := _points(of_set))}
    if not panels:
        return
    n_columns = min(2, len(panels))
    n_rows = -(-len(panels) // n_columns)
    figure, grid = new_figure(n_rows, n_columns, figsize=(8 * n_columns, 4.2 * n_rows), squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (data_set, points) in zip(grid.flat, panels.items(), strict=False):
        _panel(axes, data_set, points)
    save_figure(figure, name)


def _points(rows: Mapping[str, Row]) -> list[Point]:
    """From the best P@1 down."""
    points = [
        Point(name, row.job["module"], row.result["cpu_seconds"], 100 * row.result["p@1"])
        for name, row in rows.items()
        if "p@1" in row.result
    ]
    return sorted(points, key=lambda point: -point.precision)


def _panel(axes: Axes, data_set: str, points: list[Point]) -> None:
    best, worst = points[0].precision, points[-1].precision
    span = best - max(worst, LOWEST * best) or 1.0
    bottom = best - 1.06 * span
    axes.set_title(data_set)
    axes.set_xscale("log")
    axes.set_ylim(bottom, best + 0.06 * span)
    style(axes, "CPU seconds of training", "P@1 (%)")
    left = min(point.cpu for point in points) / 1.5
    right = max(point.cpu for point in points) * 1.5
    axes.set_xlim(left, right)
    if right < 100 * left:
        log_axis(axes.xaxis)
    axes.xaxis.set_major_formatter("{x:g}")
    label_y = 1.0 + LINE_HEIGHT
    for rank, point in enumerate(points):
        y = max(point.precision, bottom)
        room_below = LINE_HEIGHT * (len(points) - 1 - rank)
        label_y = max(min(label_y - LINE_HEIGHT, (y - bottom) / (1.12 * span)), room_below)
        _draw(axes, point, y, label_y, is_below=y > point.precision)


def _draw(axes: Axes, point: Point, y: float, label_y: float, *, is_below: bool) -> None:
    """A point, and its name in the column beside the panel."""
    is_ours = point.module == "ours"
    color = COLORS[point.module]
    marker = "v" if is_below else "D" if is_ours else "o"
    axes.plot(point.cpu, y, marker, color=color, ms=9 if is_ours else 6, zorder=4 if is_ours else 3, clip_on=False)
    axes.annotate(
        f"{point.name} ({point.precision:.1f})",
        (point.cpu, y),
        (1.03, label_y),
        textcoords="axes fraction",
        va="center",
        fontsize=9,
        color=color,
        fontweight="bold" if is_ours else "normal",
        arrowprops={"arrowstyle": "-", "color": color, "lw": 0.6, "alpha": 0.6, "shrinkB": 4, "relpos": (0, 0.5)},
    )
