"""Draw `wide_output.svg`: of a wide output only the active set is computed."""

from __future__ import annotations

import numpy as np
from style import FAINT, INK, OTHER, OWN, SOFT, drawing, note, plate, save

N_FEATURES, N_HIDDEN, N_ROWS, N_COLUMNS, N_OTHERS = 17, 7, 17, 23, 14
GIVEN = (2, 5, 6, 11, 15)


def main() -> None:
    figure = plate(4.0)
    axes = drawing(figure)
    rng = np.random.default_rng(5)

    features = [(1.25, y) for y in np.linspace(0.75, 3.2, N_FEATURES)]
    hidden = [(3.55, y) for y in np.linspace(1.25, 2.7, N_HIDDEN)]
    outputs = np.array([(x, y) for x in np.linspace(5.75, 9.0, N_COLUMNS) for y in np.linspace(0.75, 3.2, N_ROWS)])
    near_left = rng.permutation(len(outputs))[: N_OTHERS + 2]
    own, others = near_left[:2], near_left[2:]

    for place in GIVEN:
        for neuron in hidden:
            _line(axes, features[place], neuron, SOFT, 0.35)
    for label in others:
        for neuron in hidden:
            _line(axes, neuron, outputs[label], OTHER, 0.22)
    for label in own:
        for neuron in hidden:
            _line(axes, neuron, outputs[label], OWN, 0.4)

    given = np.isin(np.arange(N_FEATURES), GIVEN)
    axes.scatter(*np.array(features)[~given].T, s=26, color=FAINT, zorder=3)
    axes.scatter(*np.array(features)[given].T, s=34, color=INK, zorder=3)
    axes.scatter(*np.array(hidden).T, s=60, color=INK, zorder=3)
    axes.scatter(*outputs.T, s=13, color=FAINT, zorder=2)
    axes.scatter(*outputs[others].T, s=38, color=OTHER, zorder=4)
    axes.scatter(*outputs[own].T, s=46, color=OWN, zorder=5)

    for x, words in ((1.25, "features"), (3.55, "hidden layer"), (7.375, "output: a neuron for each label")):
        axes.text(x, 3.55, words, ha="center", fontsize=10.5, fontweight="bold")
    note(axes, 1.25, 0.38, "45,000, of which a sample\nhas a dozen")
    note(axes, 3.55, 0.38, "256 neurons,\nall computed")
    axes.scatter([5.86], [0.38], s=46, color=OWN)
    note(axes, 5.98, 0.38, "the sample's own", ha="left")
    axes.scatter([7.2], [0.38], s=38, color=OTHER)
    note(axes, 7.3, 0.38, "negatives", ha="left")
    axes.scatter([8.1], [0.38], s=13, color=FAINT)
    note(axes, 8.18, 0.38, "not touched", ha="left")
    save(figure, "wide_output")


def _line(axes, begin, end, colour, strength):  # type: ignore[no-untyped-def]
    axes.plot(*zip(begin, end, strict=True), color=colour, alpha=strength, linewidth=0.7, zorder=1)


if __name__ == "__main__":
    main()
