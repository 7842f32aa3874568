"""An index of label rows: answers in a time that grows with the square root of the number of labels.

Clusters of rows, found by spherical k-means in two levels, and in them the rows as codes of product quantisation
(Jegou, Douze and Schmid, Product quantization for nearest neighbor search, TPAMI 2011). A query looks into some
clusters, scores their rows by codes, and compares the best of these exactly. About 4 sqrt(n_labels) clusters, a fixed
number of which is opened, make the time grow with the square root.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from slidelearn import kernels
from slidelearn.kernels import Float, Ids, PqRows
from slidelearn.network.layers import NeuronLayer

BLOCK, PART, CODEWORDS = 64, 4, 16
"""Of the codes: rows that lie together, coordinates that a codeword stands for, codewords for each part."""
N_OPENED = 256
"""Clusters looked into for each sample, if there are so many."""
LEAST_KEPT, KEPT_PER_WANTED = 256, 8
"""Rows compared exactly."""
N_ITERATIONS = 4
"""Of k-means among the rows."""
N_CODEWORD_ITERATIONS = 10
_N_SAMPLED = 4096
"""Rows that codewords are trained on."""
_ROWS_AT_A_TIME = 8192


class LabelIndex:
    """Rows of a layer, by which the best for a query are found without a look at all of them.

    Parameters
    ----------
    centres
        A layer with a neuron for each cluster, whose logits are the mean logits of the cluster's rows.
    rows
        The rows by clusters, as codes.
    """

    def __init__(self, centres: NeuronLayer, rows: PqRows) -> None:
        self._centres, self._rows = centres, rows

    @classmethod
    def of(cls, layer: NeuronLayer, rng: np.random.Generator, n_threads: int) -> LabelIndex:
        """Index the rows of a layer."""
        weights, scales = layer.neurons.weights, layer.scales
        n_clusters = max(1, round(4 * layer.n_neurons**0.5))
        clusters = list(_clusters(weights, n_clusters, rng, n_threads))
        sampled = np.sort(rng.permutation(layer.n_neurons)[:_N_SAMPLED])
        rows = weights[sampled] if scales is None else weights[sampled] * scales[sampled, None]
        return cls._of_clusters(layer, clusters, _codewords(rows, rng), n_threads)

    def refreshed(self, layer: NeuronLayer, n_threads: int, numbers: Ids | None = None) -> LabelIndex:
        """The same clusters and codewords, for the rows as they are now; those that are new join the nearest cluster.

        Parameters
        ----------
        layer
            Whose rows are indexed.
        n_threads
            Threads.
        numbers
            The number that each neuron has now, -1 where it has gone; None: as before.
        """
        if numbers is None:
            numbers = np.arange(layer.n_neurons, dtype=np.int32)
        cluster_of = np.full(layer.n_neurons, -1, np.int32)
        here = np.flatnonzero(self._rows.ids >= 0)
        ids = numbers[self._rows.ids[here]]
        cluster = np.searchsorted(self._rows.starts * BLOCK, here, side="right") - 1
        cluster_of[ids[ids >= 0]] = cluster[ids >= 0]
        new = np.flatnonzero(cluster_of < 0)
        if len(new):
            cluster_of[new] = _nearest(self._centres.neurons.weights, layer.neurons.weights[new], n_threads)
        clusters = list(_split(np.arange(layer.n_neurons, dtype=np.int32), cluster_of))
        return self._of_clusters(layer, clusters, self._rows.codewords, n_threads)

    @classmethod
    def _of_clusters(cls, layer: NeuronLayer, clusters: list[Ids], codewords: Float, n_threads: int) -> LabelIndex:
        weights, scales, bias = layer.neurons.weights, layer.scales, layer.neurons.bias
        centres = NeuronLayer(layer.n_inputs, len(clusters), "none")
        n_blocks = [-(-len(ids) // BLOCK) for ids in clusters]
        starts = np.cumsum([0, *n_blocks], dtype=np.int64)
        slots = np.full(BLOCK * int(starts[-1]), -1, np.int32)
        for number, ids in enumerate(clusters):
            slots[BLOCK * starts[number] : BLOCK * starts[number] + len(ids)] = ids
            rows = weights[ids] if scales is None else weights[ids] * scales[ids, None]
            centres.neurons.weights[number] = rows.mean(axis=0)
            centres.neurons.bias[number] = bias[ids].mean()
        codes, biases = kernels.pq_encode(layer.neurons.rows, scales, slots, codewords, n_threads=n_threads)
        return cls(centres, PqRows(starts, slots, biases, codes, codewords))

    def top_k(
        self, layer: NeuronLayer, x: Float, k: int, n_threads: int, n_opened: int = N_OPENED
    ) -> tuple[Ids, Float]:
        """The k best neurons that the index finds and their logits, (n_samples, k) each, best first; -1 for none.

        Parameters
        ----------
        layer
            The one that was indexed.
        x
            (n_samples, n_inputs) float32.
        n_opened
            Clusters looked into: more find more, and take longer.
        """
        x = layer.as_query(x, n_threads)
        if n_opened >= self.n_clusters:
            opened = np.tile(np.arange(self.n_clusters, dtype=np.int32), (len(x), 1))
        else:
            opened, _ = self._centres.top_k(x, n_opened, n_threads)
        n_kept = max(LEAST_KEPT, KEPT_PER_WANTED * k)
        return kernels.pq_top_k(layer.neurons.rows, layer.scales, self._rows, opened, x, k, n_kept, n_threads=n_threads)

    @property
    def n_clusters(self) -> int:
        """How many there are."""
        return self._centres.n_neurons

    @classmethod
    def empty(cls, lengths: Mapping[str, int], n_inputs: int) -> LabelIndex:
        """Room for an index that is to be read from a file, whose arrays have these lengths, by name."""
        centres = NeuronLayer(n_inputs, lengths.get("centre_biases", 0), "none")
        dtypes = (np.int64, np.int32, np.float32, np.uint8, np.float32)
        return cls(centres, PqRows(*map(np.zeros, (lengths.get(name, 0) for name in PqRows._fields), dtypes)))

    def is_sound(self, n_labels: int) -> bool:
        """Whether the arrays fit each other and so many labels."""
        starts, ids, biases, codes, codewords = self._rows
        n_parts = len(codewords) // (PART * CODEWORDS)
        return (
            len(starts) == self.n_clusters + 1
            and starts[0] == 0
            and bool((np.diff(starts) >= 0).all())
            and len(ids) == len(biases) == BLOCK * starts[-1]
            and len(codewords) == _n_parts(self._centres.n_inputs) * PART * CODEWORDS
            and len(codes) == len(ids) * n_parts // 2
            and bool(((ids >= -1) & (ids < n_labels)).all())
        )

    def named_arrays(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """What is saved."""
        yield "centres", self._centres.neurons.weights
        yield "centre_biases", self._centres.neurons.bias
        yield from zip(PqRows._fields, self._rows, strict=True)


def _clusters(weights: Float, n_clusters: int, rng: np.random.Generator, n_threads: int) -> Iterator[Ids]:
    """The ids of the rows of each cluster; none is empty."""
    for part in _coarse_parts(weights, round(n_clusters**0.5), rng, n_threads):
        unit, _ = kernels.unit_rows(weights[part], n_threads=n_threads)
        n_parts = max(1, round(n_clusters * len(part) / len(weights)))
        yield from _split(part, _nearest(_k_means(unit, n_parts, rng, n_threads), unit, n_threads))


def _coarse_parts(weights: Float, n_parts: int, rng: np.random.Generator, n_threads: int) -> Iterator[Ids]:
    """The ids of the rows of each part of the upper level, whose centres are found on some of the rows."""
    some = np.sort(rng.choice(len(weights), min(len(weights), 200 * n_parts), replace=False))
    unit, _ = kernels.unit_rows(weights[some], n_threads=n_threads)
    centres = _k_means(unit, n_parts, rng, n_threads)
    yield from _split(np.arange(len(weights), dtype=np.int32), _nearest(centres, weights, n_threads))


def _split(ids: Ids, number: Ids) -> Iterator[Ids]:
    order = np.argsort(number, kind="stable")
    for part in np.split(ids[order], np.cumsum(np.bincount(number))[:-1]):
        if len(part):
            yield part


def _k_means(unit: Float, n_clusters: int, rng: np.random.Generator, n_threads: int) -> Float:
    """The centres of spherical k-means, (n_clusters, width), not of unit length; fewer where there are fewer rows."""
    n_clusters = min(n_clusters, len(unit))
    centres = unit[rng.choice(len(unit), n_clusters, replace=False)]
    for _ in range(N_ITERATIONS):
        nearest = _nearest(centres, unit, n_threads)
        members = sparse.csr_array(
            (np.ones(len(unit), np.float32), nearest, np.arange(len(unit) + 1)), (len(unit), n_clusters)
        )
        centres = np.asarray(members.T @ unit, np.float32)
        lost = np.bincount(nearest, minlength=n_clusters) == 0
        centres[lost] = unit[rng.choice(len(unit), int(lost.sum()))]
    return centres


def _nearest(centres: Float, rows: Float, n_threads: int) -> Ids:
    """The number of the centre whose direction is nearest to that of each row."""
    layer = NeuronLayer(centres.shape[1], len(centres), "none", scale=1.0)
    layer.neurons.weights[...] = centres
    blocks = (np.ascontiguousarray(rows[b : b + _ROWS_AT_A_TIME]) for b in range(0, len(rows), _ROWS_AT_A_TIME))
    return np.concatenate([layer.top_k(block, 1, n_threads)[0][:, 0] for block in blocks])


def _codewords(rows: Float, rng: np.random.Generator) -> Float:
    """The codewords of each part of the rows by k-means, (n_parts * 4 * 16,)."""
    n_parts = _n_parts(rows.shape[1])
    padded = np.zeros((len(rows), n_parts * PART), np.float32)
    padded[:, : rows.shape[1]] = rows
    parts = padded.reshape(len(rows), n_parts, PART)
    words = parts[rng.choice(len(rows), CODEWORDS, replace=len(rows) < CODEWORDS)].copy()
    for part in range(n_parts):
        x = np.ascontiguousarray(parts[:, part])
        for _ in range(N_CODEWORD_ITERATIONS):
            nearest = (x @ words[:, part].T - np.square(words[:, part]).sum(axis=1) / 2).argmax(axis=1)
            counts = np.bincount(nearest, minlength=CODEWORDS)
            sums = np.stack([np.bincount(nearest, x[:, d], CODEWORDS) for d in range(PART)], axis=1)
            words[counts > 0, part] = (sums[counts > 0] / counts[counts > 0, None]).astype(np.float32)
    return np.ascontiguousarray(words.transpose(1, 2, 0)).reshape(-1)


def _n_parts(width: int) -> int:
    """Parts of a row; an even number, for a byte has the codes of two."""
    return -(-width // (2 * PART)) * 2
