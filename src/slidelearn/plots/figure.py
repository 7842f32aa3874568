"""The style of all figures, and how their axes are dressed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from slidelearn.extras import import_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#2a6f97", "#e07a3f", "#4c9f70", "#8e5ea2", "#c8a227", "#b5495b", "#5f6b76", "#88b7d5")
INK, FAINT = "#333a42", "#8a939c"
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#b8c0c8",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 9,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6eaee",
    "grid.linewidth": 0.8,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "figure.facecolor": "white",
    "svg.fonttype": "path",
}
_WIDTH = 9.6


@contextmanager
def new_figure(n_rows: int, n_columns: int, *, height: float, **grid: Any) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure in the style of all, with its axes in one list."""
    matplotlib = import_extra("matplotlib", "plot", "slidelearn.plots")
    with matplotlib.rc_context(_STYLE):
        figure = import_extra("matplotlib.figure", "plot", "slidelearn.plots").Figure(
            figsize=(_WIDTH, height), layout="constrained"
        )
        axes = figure.subplots(n_rows, n_columns, squeeze=False, gridspec_kw=grid)
        yield figure, list(axes.reshape(-1))


def titled(axes: Axes, title: str, x: str) -> None:
    """Give axes their title, and the name of what lies along x."""
    axes.set_title(title)
    axes.set_xlabel(x, color=FAINT)
    if x == "step":
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.locator_params(axis="x", integer=True, nbins=5)


def from_zero(axes: Axes) -> None:
    """Let y begin at 0, and end a little above what is shown."""
    highest = axes.dataLim.ymax
    axes.set_ylim(0, 1.1 * highest if 0 < highest < float("inf") else 1.0)


def in_percent(axes: Axes) -> None:
    """Write the numbers along y, which are fractions, in percent."""
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g} %")
