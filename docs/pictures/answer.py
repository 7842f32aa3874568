"""Draw `answer.svg`: how a query is answered.

Names and probabilities of the answer are those of `slidelearn demo` for this definition; the ranker's shades are made
up.
"""

from __future__ import annotations

import numpy as np
from matplotlib.patches import Polygon, Rectangle
from style import FAINT, INK, OTHER, OWN, SOFT, arrow, box, drawing, note, plate, save

DEFINITION = "“a small boat\nmoved by oars”"
ANSWERS = (("vessel", 0.89), ("boat", 0.81), ("craft", 0.78), ("vehicle", 0.51), ("small boat", 0.50))
EVIDENCE = ("network", "classifier", "neighbours", "frequency")
N_LISTED = 14


def main() -> None:
    figure = plate(3.5)
    axes = drawing(figure)
    rng = np.random.default_rng(4)

    box(axes, 0.4, 1.45, 1.6, 0.7)
    axes.text(1.2, 1.8, DEFINITION, ha="center", va="center", fontsize=9, linespacing=1.4)
    arrow(axes, (2.06, 1.8), (2.4, 1.8))

    heights = np.linspace(0.68, 2.9, 27)
    for x in np.linspace(2.55, 3.55, 12):
        axes.scatter(np.full(len(heights), x), heights, s=5, color=FAINT)
    chosen = rng.choice(27 * 12, N_LISTED, replace=False)
    axes.scatter(np.linspace(2.55, 3.55, 12)[chosen % 12], heights[chosen // 12], s=13, color=OTHER, zorder=3)
    axes.add_patch(
        Polygon([(3.68, 2.94), (4.35, 2.42), (4.35, 0.86), (3.68, 0.64)], color=FAINT, alpha=0.35, linewidth=0)
    )

    evidence = np.sort(rng.uniform(0.12, 1, (N_LISTED, 4)), 0)[::-1]
    evidence = np.clip(evidence + rng.normal(0, 0.13, evidence.shape), 0.05, 1)
    step = 1.53 / N_LISTED
    for row, of_label in enumerate(evidence):
        y = 2.4 - step * (row + 1)
        axes.scatter(4.52, y + step / 2, s=13, color=OTHER)
        for column, value in enumerate(of_label):
            axes.add_patch(
                Rectangle((4.75 + 0.35 * column, y), 0.32, 0.8 * step, color=OTHER, alpha=value, linewidth=0)
            )
    for column, name in enumerate(EVIDENCE):
        axes.text(4.86 + 0.35 * column, 2.47, name, rotation=38, rotation_mode="anchor", fontsize=8, color=SOFT)
    arrow(axes, (6.25, 1.8), (6.6, 1.8))

    for row, (name, probability) in enumerate(ANSWERS):
        y = 2.3 - 0.3 * row
        axes.add_patch(Rectangle((6.8, y - 0.09), 0.95 * probability, 0.18, color=OWN, linewidth=0, alpha=0.9))
        axes.text(7.85, y, name, va="center", fontsize=9.5, color=INK)
        axes.text(9.2, y, f"{probability:.2f}", va="center", ha="right", fontsize=9, color=SOFT)

    for x, words, below in (
        (1.2, "a query", "its words are features"),
        (3.05, "the network", "19,584 labels, scanned by\n8-bit integers"),
        (5.1, "the ranker", "a shortlist of 40: what\nspeaks for each label"),
        (8.0, "the answer", "the best five, each with its\nprobability"),
    ):
        axes.text(x, 3.1, words, ha="center", fontsize=10.5, fontweight="bold")
        note(axes, x, 0.42, below, va="center")
    save(figure, "answer")


if __name__ == "__main__":
    main()
