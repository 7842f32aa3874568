"""Draw `hash_tables.svg`: how hash tables find the neurons near a hidden vector. Its counts are true to its planes."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, Wedge
from numpy.typing import NDArray
from style import FAINT, INK, OTHER, OWN, PLATE, SOFT, arrow, box, drawing, note, plate, save, title

N_NEURONS, N_TABLES, N_HASHES, RADIUS = 22, 4, 2, 1.12
SEED = 163
QUERY = 0.62
"""Angle of the hidden vector."""


def main() -> None:
    rng = np.random.default_rng(SEED)
    neurons = QUERY + np.sort(rng.uniform(-np.pi, np.pi, N_NEURONS))
    planes = (np.arange(N_HASHES) / N_HASHES + rng.uniform(0, 1, (N_TABLES, 1))) * np.pi
    found = np.array([_codes(neurons, each) == _codes(np.array([QUERY]), each) for each in planes])

    figure = plate(3.9)
    axes = drawing(figure)
    _circle(axes, 1.75, 1.55, neurons, planes[0], found[0])
    _tables(axes, 3.75, neurons, planes)
    _agreement(axes, 7.3, found.sum(0))
    save(figure, "hash_tables")


def _codes(angles: NDArray[np.float64], planes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Of each direction: on which side of each plane it is, as a number."""
    return sum(2**place * (np.sin(angles - plane) > 0) for place, plane in enumerate(planes))


def _circle(
    axes: Axes, x: float, y: float, neurons: NDArray[np.float64], planes: NDArray[np.float64], found: NDArray[np.bool_]
) -> None:
    title(axes, 0.45, 3.42, "One hash table", "Planes cut the space; a bucket\nholds the neurons of one sector.")
    edges = np.sort(np.concatenate([planes, planes + np.pi]) % (2 * np.pi))
    place = np.searchsorted(edges, QUERY)
    begin, end = edges[place - 1], edges[place % len(edges)]
    axes.add_patch(Wedge((x, y), RADIUS, np.degrees(begin), np.degrees(end), color=OTHER, alpha=0.14, linewidth=0))
    axes.add_patch(Circle((x, y), RADIUS, fill=False, color=FAINT, linewidth=1.2))
    for plane in planes:
        step = 1.22 * RADIUS * np.array([np.cos(plane), np.sin(plane)])
        line = np.array([x, y]) + np.outer([-1, 1], step)
        axes.plot(*line.T, color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
    places = np.array([x, y]) + RADIUS * np.stack([np.cos(neurons), np.sin(neurons)], 1)
    axes.scatter(*places[~found].T, s=44, color=FAINT, zorder=3)
    axes.scatter(*places[found].T, s=54, color=OTHER, zorder=4)
    tip = np.array([x, y]) + 0.86 * RADIUS * np.array([np.cos(QUERY), np.sin(QUERY)])
    arrow(axes, (x, y), tuple(tip), OWN)
    note(axes, x - 0.12, y - 0.22, "hidden\nvector", color=OWN, ha="right")


def _tables(axes: Axes, x: float, neurons: NDArray[np.float64], planes: NDArray[np.float64]) -> None:
    title(axes, x, 3.42, "Several tables", "Other planes, other buckets; the hidden\nvector opens one in each.")
    for table, each in enumerate(planes):
        left = x + 0.74 * table
        opened = _codes(np.array([QUERY]), each)[0]
        for code in range(2**N_HASHES):
            y = 2.2 - 0.52 * code
            is_open = code == opened
            box(axes, left, y, 0.62, 0.42, OTHER if is_open else FAINT, filled=is_open)
            inside = np.flatnonzero(_codes(neurons, each) == code)
            for place, _ in enumerate(inside[:12]):
                dot = (left + 0.1 + 0.105 * (place % 5), y + 0.32 - 0.11 * (place // 5))
                axes.scatter(*dot, s=9, color=PLATE if is_open else SOFT, zorder=3)
        note(axes, left + 0.31, 0.4, f"table {table + 1}")


def _agreement(axes: Axes, x: float, counts: NDArray[np.int64]) -> None:
    title(axes, x, 3.42, "Candidates", "How many tables agree on a\nneuron tells how near it is.")
    step = 1.85 / N_NEURONS
    for neuron, count in enumerate(counts):
        place = x + step * (neuron + 0.5)
        axes.scatter(place, 0.72, s=9, color=INK if count else FAINT)
        for height in range(count):
            colour = OTHER if count >= N_TABLES - 1 else FAINT
            y = np.array([0.84, 1.2]) + 0.42 * height
            axes.plot([place, place], y, color=colour, linewidth=4.2, solid_capstyle="butt")
    for height in range(N_TABLES):
        note(axes, x - 0.12, 1.02 + 0.42 * height, str(height + 1), ha="right")
    note(axes, x + 0.92, 0.4, "neurons, by angle")


if __name__ == "__main__":
    main()
