"""Clusters of labels: an index for shortlists, where scanning every label for every sample would take long.

Spherical k-means over the label rows in two levels makes about 4 sqrt(n_labels) clusters, so the time to find some and
look into them grows with the square root of the number of labels.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from slidelearn import kernels
from slidelearn.kernels import NO_DATA, Csr, Float, Ids
from slidelearn.layers import NeuronLayer

N_ITERATIONS = 4
_BLOCK = 8192
"""Rows compared with the centres at a time."""


class LabelClusters:
    """Clusters of the neurons of a layer by the directions of their rows.

    Parameters
    ----------
    layer
        Read once; the clusters do not follow later changes.
    rng
        Draws the first centres.
    """

    def __init__(self, layer: NeuronLayer, rng: np.random.Generator, n_threads: int) -> None:
        self._layer = layer
        n_clusters = max(1, round(4 * layer.n_neurons**0.5))
        centres, members = [], []
        for number, ids in enumerate(_coarse_parts(layer.neurons.weights, round(n_clusters**0.5), rng, n_threads)):
            n_parts = max(1, round(n_clusters * len(ids) / layer.n_neurons))
            unit, _ = kernels.unit_rows(layer.neurons.weights[ids], n_threads=n_threads)
            found = _k_means(unit, n_parts, np.random.default_rng((int(rng.integers(2**63)), number)), n_threads)
            nearest = _nearest(found, unit, n_threads)
            order = np.argsort(nearest, kind="stable")
            members += np.split(ids[order], np.cumsum(np.bincount(nearest, minlength=len(found)))[:-1])
            centres.append(found)
        self._centres = _as_layer(np.concatenate(centres))
        indptr = np.cumsum([0, *map(len, members)], dtype=np.int64)
        self._members = Csr(indptr, np.concatenate(members).astype(np.int32), NO_DATA)

    @property
    def n_clusters(self) -> int:
        """How many there are."""
        return self._centres.n_neurons

    def top_k(self, x: Float, k: int, n_opened: int, n_threads: int) -> tuple[Ids, Float]:
        """The k best of the neurons in the `n_opened` nearest clusters, and their logits, (n_samples, k) each.

        Best first; -1 and -inf where the clusters have fewer.
        """
        opened, _ = self._centres.top_k(x, min(n_opened, self.n_clusters), n_threads)
        ids, logits = self._layer.cluster_top_k(x, self._members, opened, k, n_threads)
        ids, logits = ids.reshape(len(x), -1), logits.reshape(len(x), -1)
        best = np.argsort(-logits, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(ids, best, axis=1), np.take_along_axis(logits, best, axis=1)


def _coarse_parts(rows: Float, n_parts: int, rng: np.random.Generator, n_threads: int) -> Iterator[Ids]:
    """The ids of the rows of each part of the upper level; the centres are found on some of the rows."""
    some = np.sort(rng.choice(len(rows), min(len(rows), 200 * n_parts), replace=False))
    unit, _ = kernels.unit_rows(rows[some], n_threads=n_threads)
    nearest = _nearest(_k_means(unit, n_parts, rng, n_threads), rows, n_threads)
    order = np.argsort(nearest, kind="stable").astype(np.int32)
    for ids in np.split(order, np.cumsum(np.bincount(nearest))[:-1]):
        if len(ids):
            yield ids


def _k_means(unit: Float, n_clusters: int, rng: np.random.Generator, n_threads: int) -> Float:
    """The centres of spherical k-means, (n_clusters, width), not of unit length; fewer where there are fewer rows."""
    n_clusters = min(n_clusters, len(unit))
    centres = unit[rng.choice(len(unit), n_clusters, replace=False)]
    for _ in range(N_ITERATIONS):
        nearest = _nearest(centres, unit, n_threads)
        chosen = sparse.csr_array(
            (np.ones(len(unit), np.float32), nearest, np.arange(len(unit) + 1)), (len(unit), n_clusters)
        )
        sums = chosen.T @ unit
        lost = np.bincount(nearest, minlength=n_clusters) == 0
        sums[lost] = unit[rng.choice(len(unit), int(lost.sum()))]
        centres = sums.astype(np.float32)
    return centres


def _nearest(centres: Float, rows: Float, n_threads: int) -> Ids:
    """The number of the centre whose direction is nearest to that of each row."""
    layer = _as_layer(centres)
    blocks = (np.ascontiguousarray(rows[begin : begin + _BLOCK]) for begin in range(0, len(rows), _BLOCK))
    return np.concatenate([layer.top_k(block, 1, n_threads)[0][:, 0] for block in blocks])


def _as_layer(centres: Float) -> NeuronLayer:
    """A layer whose logits are the cosines to the centres."""
    layer = NeuronLayer(centres.shape[1], len(centres), "sgd", scale=1.0)
    layer.neurons.weights[...] = centres
    return layer
