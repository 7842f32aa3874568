"""Neighbours: the training samples nearest to a query, and how many of them have a label.

What a network and linear classifiers have to generalise from many samples, the nearest samples tell as it is: rare
combinations above all (k nearest neighbours as a third voice in XMC: Bhatia et al., SLEEC, NeurIPS 2015). An inverted
index over each sample's strongest features finds them in microseconds, for these features are rare.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from slidelearn import kernels
from slidelearn.batches import is_sound, to_csr
from slidelearn.kernels import NO_DATA, Csr, Float, Ids, NeighbourIndex

N_STRONGEST = 6
"""Features of each sample, and of a query, by which they find each other."""
LONGEST = 8192
"""Samples that a feature finds at most, those in which it is strongest: where all have it, a query would take as long
as there are samples."""


class Neighbours:
    """Training samples, ready to be asked.

    Parameters
    ----------
    features, labels
        (n_samples, n_features) and (n_samples, n_labels).
    n_features, n_labels
        Columns of these.
    n_asked, power
        How many of them vote on a query; each weighs as much as this power of its inner product with it.
    """

    def __init__(self, features: Csr, labels: Csr, n_features: int, n_labels: int, n_asked: int, power: float) -> None:
        self._features, self._labels = features, labels
        self._n_features, self._n_labels = n_features, n_labels
        self._n_asked, self._power = n_asked, power
        self._index: NeighbourIndex | None = None

    @classmethod
    def of(cls, X: sparse.csr_array, Y: sparse.csr_array, n_asked: int, power: float) -> Neighbours:
        """The samples of two SciPy matrices."""
        return cls(to_csr(X), to_csr(Y, pattern_only=True), X.shape[1], Y.shape[1], n_asked, power)

    def with_more(self, X: sparse.csr_array, Y: sparse.csr_array) -> Neighbours:
        """These samples and others; the index is made anew, which takes some 10 ms for each 100,000 samples."""
        features, labels = _below(self._features, to_csr(X)), _below(self._labels, to_csr(Y, pattern_only=True))
        return Neighbours(features, labels, self._n_features, self._n_labels, self._n_asked, self._power)

    def renumbered(self, places: Ids, n_features: int, numbers: Ids, n_labels: int) -> Neighbours:
        """The same samples among so many features and labels: feature i is ``places[i]``, label i ``numbers[i]`` now.

        -1: without the label.
        """
        now = numbers[self._labels.indices]
        there = now >= 0
        indptr = np.concatenate([[0], np.cumsum(there)])[self._labels.indptr]
        labels = Csr(indptr, now[there], NO_DATA)
        features = self._features._replace(indices=places[self._features.indices])
        return Neighbours(features, labels, n_features, n_labels, self._n_asked, self._power)

    def votes(self, x: Csr, ids: Ids, n_others: int, *, n_threads: int) -> tuple[Float, Ids]:
        """How much of the weight of each sample's nearest neighbours is in favour of the labels `ids`, and of others.

        Parameters
        ----------
        x
            The samples' features.
        ids
            (n_samples, m): labels; -1 for none.
        n_others
            Labels to name beside these.

        Returns
        -------
        votes
            (n_samples, m + n_others), from 0 to 1: those for `ids`, then those for the others.
        others
            (n_samples, n_others): the labels with most votes that are not among `ids`, best first; -1 for none.
        """
        self._index = self._index or self._make_index()
        strong = Csr(*kernels.strongest(x, self._n_features, N_STRONGEST))
        n_asked = max(min(self._n_asked, self.n_samples), 1)
        return kernels.neighbour_votes(x, strong, self._index, n_asked, self._power, ids, n_others, n_threads=n_threads)

    @property
    def n_samples(self) -> int:
        """How many there are."""
        return self._features.n_rows

    def samples(self) -> tuple[sparse.csr_array, sparse.csr_array]:
        """Their features and labels, as SciPy has matrices."""
        (indptr, indices, data), labels = self._features, self._labels
        X = sparse.csr_array((data, indices, indptr), (self.n_samples, self._n_features))
        ones = np.ones(len(labels.indices), np.float32)
        return X, sparse.csr_array((ones, labels.indices, labels.indptr), (self.n_samples, self._n_labels))

    @classmethod
    def empty(
        cls, lengths: Mapping[str, int], n_features: int, n_labels: int, n_asked: int, power: float
    ) -> Neighbours:
        """Room for samples that are to be read from a file, whose arrays have these lengths, by name."""

        def room(name: str, dtype: Any) -> Any:
            return np.zeros(lengths.get(name, 0), dtype)

        features = Csr(
            room("indptr", np.int64),
            room("features", np.int32),
            room("weights", np.float32),
        )
        labels = Csr(room("labels.indptr", np.int64), room("labels", np.int32), NO_DATA)
        return cls(features, labels, n_features, n_labels, n_asked, power)

    def is_sound(self) -> bool:
        """Whether the arrays fit each other, as in `Ranker.is_sound`, and somebody is to be asked."""
        alike = len(self._features.indptr) == len(self._labels.indptr) and self._n_asked > 0
        return alike and is_sound(self._features, self._n_features) and is_sound(self._labels, self._n_labels)

    def named_arrays(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """What is saved."""
        yield from zip(("indptr", "features", "weights"), self._features, strict=True)
        yield from zip(("labels.indptr", "labels"), self._labels[:2], strict=True)

    def _make_index(self) -> NeighbourIndex:
        indptr, indices, data = kernels.strongest(self._features, self._n_features, N_STRONGEST)
        by_feature = sparse.csr_array((data, indices, indptr), (self.n_samples, self._n_features)).T.tocsr()
        return NeighbourIndex(shortened(to_csr(by_feature), LONGEST), self._features, self._labels, self._n_labels)


def shortened(lists: Csr, longest: int) -> Csr:
    """The same lists of what a feature is strong in, the longer ones without those in which it is weakest."""
    lengths = np.diff(lists.indptr)
    kept = np.ones(len(lists.indices), bool)
    for row in np.flatnonzero(lengths > longest):
        begin, end = lists.indptr[row : row + 2]
        strongest_first = np.argsort(-np.abs(lists.data[begin:end]), kind="stable")
        kept[begin + strongest_first[longest:]] = False
    indptr = np.concatenate([[0], np.cumsum(np.minimum(lengths, longest))])
    return Csr(indptr, lists.indices[kept], lists.data[kept])


def _below(first: Csr, second: Csr) -> Csr:
    indptr = np.concatenate([first.indptr, first.indptr[-1] + second.indptr[1:]])
    return Csr(indptr, np.concatenate([first.indices, second.indices]), np.concatenate([first.data, second.data]))
