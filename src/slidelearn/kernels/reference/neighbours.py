"""The verbs over nearest neighbours: an inverted index over each sample's strongest features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from slidelearn.kernels.reference.csr import written_out
from slidelearn.kernels.types import Csr, Float, Ids, NeighbourIndex, Offsets

_CANDIDATES_PER_NEIGHBOUR = 4


def strongest(x: Csr, n_features: int, n: int) -> tuple[Offsets, Ids, Float]:
    """The n entries of greatest magnitude of each row, in their order; of equal ones the first."""
    kept = [np.empty(0, np.int64)]
    for begin, end in zip(x.indptr, x.indptr[1:], strict=False):
        kept.append(np.sort(begin + np.argsort(-np.abs(x.data[begin:end]), kind="stable")[:n]))
    entries = np.concatenate(kept)
    return np.cumsum([0, *map(len, kept[1:])], dtype=np.int64), x.indices[entries], x.data[entries]


def neighbour_votes(
    x: Csr,
    strong: Csr,
    index: NeighbourIndex,
    n_neighbours: int,
    power: float,
    ids: Ids,
    n_others: int,
    *,
    n_threads: int,
) -> tuple[Float, Ids]:
    """What the nearest training samples say of the labels `ids` (n_samples, m) of each sample, and of others.

    A neighbour weighs as much as this power of its similarity; a label's votes are the share of the weight of all
    neighbours that those who have it hold, 0 beside -1. Candidates are found by the products over the `strong` features
    of the samples, the best four for each neighbour wanted are looked at in full; those of no positive similarity are
    none. Of equally similar ones the first samples are taken.

    Returns
    -------
    votes
        (n_samples, m + n_others): those of the labels `ids`, then those of `others`.
    others
        (n_samples, n_others): the labels with most votes beside `ids`, best first, of equal ones the first; -1 for
        none.
    """
    n_samples, n_features = index.features.n_rows, index.postings.n_rows
    rough = written_out(strong, n_features) @ written_out(index.postings, n_samples)
    full = written_out(x, n_features) @ written_out(index.features, n_features).T
    n_ids = ids.shape[1]
    votes = np.zeros((x.n_rows, n_ids + n_others), np.float32)
    others = np.full((x.n_rows, n_others), -1, np.int32)
    for i in range(x.n_rows):
        candidates = _best(rough[i], np.arange(n_samples), _CANDIDATES_PER_NEIGHBOUR * n_neighbours)
        nearest = _best(full[i], candidates, n_neighbours)
        weights = full[i, nearest] ** power
        by_label = np.zeros(index.n_labels)
        for sample, weight in zip(nearest, weights, strict=True):
            by_label[index.labels.indices[slice(*index.labels.indptr[sample : sample + 2])]] += weight
        by_label /= max(weights.sum(), np.finfo(np.float64).tiny)
        asked = ids[i][ids[i] >= 0]
        votes[i, :n_ids][ids[i] >= 0] = by_label[asked]
        by_label[asked] = 0
        best = np.argsort(-by_label, kind="stable")[: min(n_others, np.count_nonzero(by_label))]
        others[i, : len(best)] = best
        votes[i, n_ids : n_ids + len(best)] = by_label[best]
    return votes, others


def _best(similarities: NDArray[np.float64], samples: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """The n most similar of some samples, by ascending number; those of no positive similarity are left out."""
    samples = samples[similarities[samples] > 0]
    return np.sort(samples[np.argsort(-similarities[samples], kind="stable")[:n]])
