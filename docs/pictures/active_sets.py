"""Draw `active_sets.svg`: one active set for each sample, or one that the batch shares."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from style import FAINT, OTHER, OWN, arrow, drawing, note, plate, save, title

N_SAMPLES, N_LABELS, N_OWN, N_FOUND = 8, 46, 2, 5
CELL = 0.081
HEIGHT = 0.17


def main() -> None:
    rng = np.random.default_rng(3)
    own = np.zeros((N_SAMPLES, N_LABELS), bool)
    for row in own:
        row[rng.choice(N_LABELS, N_OWN, replace=False)] = True
    found = own.copy()
    for row in found:
        row[rng.choice(N_LABELS, N_FOUND, replace=False)] = True
    shared = np.broadcast_to(own.any(0), own.shape)

    figure = plate(3.75)
    axes = drawing(figure)
    title(
        axes,
        0.45,
        3.27,
        "One active set for each sample",
        "The paper's way: hash tables find each sample's own candidates.",
    )
    _cells(axes, 0.45, 1.05, own, found)
    note(axes, 0.45, 0.72, "rows of memory visited one by one", ha="left", va="top")

    title(axes, 5.2, 3.27, "One active set for the batch", "The recipe: every sample meets the labels of all others.")
    _cells(axes, 5.2, 1.05, own, shared)
    chosen = np.flatnonzero(shared[0])
    width = len(chosen) * CELL
    _cells(axes, 5.2, 0.24, own[:, chosen], shared[:, chosen], height=0.055)
    arrow(axes, (5.2 + width / 2, 0.99), (5.2 + width / 2, 0.74))
    note(
        axes,
        5.35 + width,
        0.46,
        "gathered side by side: one dense product,\nas quick as the processor can be",
        ha="left",
    )

    note(axes, 0.3, 1.73, "samples", rotation=90)
    for x in (2.3, 7.05):
        note(axes, x, 2.62, "labels")
    for x, colour, words in ((0.45, OWN, "own labels"), (1.55, OTHER, "negatives"), (2.6, FAINT, "not computed")):
        axes.add_patch(Rectangle((x, 0.3), 0.1, 0.1, color=colour, linewidth=0))
        note(axes, x + 0.17, 0.35, words, ha="left")
    save(figure, "active_sets")


def _cells(
    axes: Axes, x: float, y: float, own: NDArray[np.bool_], active: NDArray[np.bool_], height: float = HEIGHT
) -> None:
    """A row for each sample, a cell for each label."""
    n_samples, n_labels = active.shape
    for sample in range(n_samples):
        for label in range(n_labels):
            colour = OWN if own[sample, label] else OTHER if active[sample, label] else FAINT
            alpha = 1 if colour != FAINT else 0.6
            axes.add_patch(
                Rectangle(
                    (x + label * CELL, y + (n_samples - 1 - sample) * height),
                    0.8 * CELL,
                    0.8 * height,
                    color=colour,
                    alpha=alpha,
                    linewidth=0,
                )
            )


if __name__ == "__main__":
    main()
