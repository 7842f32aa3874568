"""What all pictures have in common: their plate, colours and words.

Each picture is an SVG with a light plate of its own, so that it reads the same on white and on dark pages; the
documentation's dark mode turns plates dark as well (`docs/_static/style.css`).
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

HERE = Path(__file__).parent

PLATE, INK, SOFT, FAINT = "#fbfcfd", "#2b3440", "#7b8794", "#dde2e7"
OWN, OTHER = "#e07a3f", "#2a6f97"
"""Orange: what is right, such as a sample's own labels. Blue: what else is computed."""

_WIDTH = 9.6

mpl.rcParams.update(
    {
        "font.family": "DejaVu Sans",
        "font.size": 9.5,
        "text.color": INK,
        "axes.edgecolor": FAINT,
        "axes.labelcolor": SOFT,
        "xtick.color": SOFT,
        "ytick.color": SOFT,
        "svg.fonttype": "path",
        "svg.hashsalt": "slidelearn",  # the same picture is the same file
    }
)


def plate(height: float, width: float = _WIDTH) -> Figure:
    """An empty picture of so many inches, with rounded corners."""
    figure = Figure(figsize=(width, height))
    figure.patch.set_alpha(0)
    corner = FancyBboxPatch(
        (0, 0),
        width,
        height,
        boxstyle="round,pad=0,rounding_size=0.12",
        transform=figure.dpi_scale_trans,
        facecolor=PLATE,
        edgecolor="none",
        zorder=-10,
    )
    figure.add_artist(corner)
    return figure


def drawing(figure: Figure) -> Axes:
    """Axes over the whole plate that count in inches, without any frame."""
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, figure.get_figwidth()), ylim=(0, figure.get_figheight()))
    axes.axis("off")
    return axes


def plain(axes: Axes) -> None:
    """Axes of a diagram: a faint grid, no ticks, no frame above and on the right."""
    axes.grid(color=FAINT, linewidth=0.6, alpha=0.7)
    axes.set_axisbelow(True)
    axes.set_facecolor(PLATE)
    axes.tick_params(which="both", length=0, labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def title(axes: Axes, x: float, y: float, words: str, below: str = "") -> None:
    """A heading, and what it means in a softer voice."""
    axes.text(x, y, words, fontsize=10.5, fontweight="bold", ha="left", va="bottom")
    if below:
        axes.text(x, y - 0.08, below, fontsize=8.5, color=SOFT, ha="left", va="top", linespacing=1.4)


def note(axes: Axes, x: float, y: float, words: str, **style: object) -> None:
    """Small words."""
    axes.text(
        x, y, words, **{"fontsize": 8.5, "color": SOFT, "ha": "center", "va": "center", "linespacing": 1.4} | style
    )


def arrow(
    axes: Axes, begin: tuple[float, float], end: tuple[float, float], colour: str = SOFT, bend: float = 0.0
) -> None:
    """From one thing to another."""
    axes.add_patch(
        FancyArrowPatch(
            begin,
            end,
            arrowstyle="-|>,head_length=5,head_width=2.6",
            connectionstyle=f"arc3,rad={bend}",
            shrinkA=0,
            shrinkB=0,
            linewidth=1.2,
            color=colour,
        )
    )


def box(
    axes: Axes, x: float, y: float, width: float, height: float, colour: str = FAINT, *, filled: bool = False
) -> None:
    """A rounded box, by its lower left corner."""
    axes.add_patch(
        FancyBboxPatch(
            (x, y),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.07",
            facecolor=colour if filled else "white",
            edgecolor=colour,
            linewidth=1.1,
        )
    )


def save(figure: Figure, name: str) -> None:
    """Write the picture beside its script; no date in it, so that the same picture is the same file."""
    figure.savefig(HERE / f"{name}.svg", metadata={"Date": None, "Creator": None})
