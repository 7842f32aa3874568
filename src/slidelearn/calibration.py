"""Measures the costs of work on this machine by which slidelearn makes choices, in some ten seconds of one thread.

Other programs only slow work down, so the best of several runs counts. The results are rounded to ten steps for each
power of ten, so that the next calibration most likely tells the same.
"""

from __future__ import annotations

import math

import numpy as np

from slidelearn.label_index import LabelIndex
from slidelearn.machine.ceilings import best_seconds
from slidelearn.machine.costs import Costs
from slidelearn.network.layers import NeuronLayer

WIDTH, N_QUERIES, N_WANTED = 256, 256, 40
"""Of label rows; queries of a batch, and labels on a shortlist: the defaults of the options."""
N_LABELS = (1 << 15, 1 << 17)
"""Layers that are scanned and indexed."""
REPEATS = 15


def measure_costs() -> Costs:
    """The costs of this machine, measured on one thread."""
    few, many = (_seconds_of_answers(n_labels) for n_labels in N_LABELS)
    return Costs(
        scanned_per_second=_rounded(N_QUERIES * WIDTH * N_LABELS[1] / many[0]),
        index_from=max(round(_rounded(_crossing(N_LABELS, few, many))), 1),
    )


def _seconds_of_answers(n_labels: int) -> tuple[float, float]:
    """Of a batch, by a scan of so many labels and by an index of them."""
    rng = np.random.default_rng(0)
    layer = NeuronLayer(WIDTH, n_labels, "none", scale=1.0)
    layer.neurons.weights[...] = rng.standard_normal((n_labels, WIDTH), dtype=np.float32)
    queries = rng.standard_normal((N_QUERIES, WIDTH), dtype=np.float32)
    index = LabelIndex.of(layer, rng, n_threads=1)
    layer.top_k(queries, N_WANTED, 1)  # rounds the rows
    scan = best_seconds(lambda: layer.top_k(queries, N_WANTED, 1), REPEATS)
    return scan, best_seconds(lambda: index.top_k(layer, queries, N_WANTED, 1), REPEATS)


def _crossing(n_labels: tuple[int, int], few: tuple[float, float], many: tuple[float, float]) -> float:
    """Labels at which both take as long: a scan grows with their number, an index with the root of it."""
    per_label = (many[0] - few[0]) / (n_labels[1] - n_labels[0])
    roots = math.sqrt(n_labels[0]), math.sqrt(n_labels[1])
    per_root = (many[1] - few[1]) / (roots[1] - roots[0])
    # per_label * n + scan_alone = per_root * sqrt(n) + index_alone
    alone = few[1] - per_root * roots[0] - (few[0] - per_label * n_labels[0])
    within = per_root**2 + 4 * per_label * alone
    if per_label <= 0 or within <= 0:  # measured beside something else
        return float(Costs().index_from)
    return float(((per_root + math.sqrt(within)) / (2 * per_label)) ** 2)


def _rounded(value: float) -> float:
    """To ten steps for each power of ten, and three digits of these."""
    return float(f"{10 ** (round(10 * math.log10(value)) / 10):.3g}")
