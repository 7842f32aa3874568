"""Training samples as the verbs take them, and the batches of an epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from slidelearn import kernels
from slidelearn.kernels import NO_DATA, Csr, Float

MOST_REPEATED = 2
"""Copies of samples, on average, that stand for their weights."""
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Batch:
    """Some samples: their features, their labels, and their numbers in the training set."""

    features: Csr
    labels: Csr
    sample_ids: NDArray[np.int64]
    weights: Float | None = None
    """What each sample's loss counts, (n_samples,); None: 1."""


class Samples:
    """The samples to train on: those that have a label.

    Parameters
    ----------
    X
        (n_samples, n_features) float32 CSR, canonical.
    Y
        (n_samples, n_labels) CSR, canonical; its pattern is read.
    weights
        (n_samples,): what each sample counts; None: all the same.
    """

    def __init__(self, X: sparse.csr_array, Y: sparse.csr_array, weights: Float | None = None) -> None:
        self.features = to_csr(X)
        self.labels = to_csr(Y, pattern_only=True)
        self.n_labels: int = Y.shape[1]
        self.labelled = np.flatnonzero(np.diff(self.labels.indptr))
        """The samples to train on."""
        self.n_without_labels = self.features.n_rows - len(self.labelled)
        self.weights = None if weights is None else weights / weights[self.labelled].mean()

    @property
    def n_samples(self) -> int:
        """All samples, with and without labels."""
        return self.features.n_rows

    def leave_out(self, sample_ids: NDArray[np.int64]) -> None:
        """Take samples out of those to train on."""
        self.labelled = np.setdiff1d(self.labelled, sample_ids, assume_unique=True)

    def label_counts(self) -> NDArray[np.int64]:
        """Samples of each label, (n_labels,)."""
        return np.bincount(self.labels.indices, minlength=self.n_labels)

    def take(self, sample_ids: NDArray[np.int64]) -> Batch:
        """The batch of the given samples."""
        features = Csr(*kernels.take_rows(self.features, sample_ids))
        weights = None if self.weights is None else self.weights[sample_ids]
        return Batch(features, Csr(*kernels.take_rows(self.labels, sample_ids)), sample_ids, weights)

    def repeated(self) -> NDArray[np.int64]:
        """The labelled samples for those who know no weights: each as often as its weight says.

        The lightest is there once, unless there would be more than `MOST_REPEATED` times the samples: then the light
        ones are there or not, so that each has its share.
        """
        if self.weights is None:
            return self.labelled
        weights = self.weights[self.labelled].astype(np.float64)
        ends = np.cumsum(weights * min(1 / weights.min(), MOST_REPEATED))
        return np.repeat(self.labelled, np.diff(np.floor(ends + _ROUNDING), prepend=0).astype(np.int64))

    def n_batches(self, batch_size: int) -> int:
        """Batches in an epoch."""
        return -(-len(self.labelled) // batch_size)

    def shuffled(self, batch_size: int, rng: np.random.Generator) -> Iterator[Batch]:
        """One epoch: every labelled sample once, in random order; the last batch may be smaller."""
        order = rng.permutation(self.labelled)
        for begin in range(0, len(order), batch_size):
            yield self.take(order[begin : begin + batch_size])


def to_csr(matrix: sparse.csr_array, *, pattern_only: bool = False) -> Csr:
    """A SciPy matrix as the verbs take it; arrays of the right type are shared, not copied."""
    data: Any = NO_DATA if pattern_only else matrix.data.astype(np.float32, copy=False)
    return Csr(matrix.indptr.astype(np.int64, copy=False), matrix.indices.astype(np.int32, copy=False), data)


def is_sound(csr: Csr, n_columns: int) -> bool:
    """Whether the arrays of a matrix fit each other, and its indices lie in [0, n_columns)."""
    indptr, indices, data = csr
    inside = bool(((indices >= 0) & (indices < n_columns)).all())
    ends = len(indptr) > 0 and indptr[0] == 0 and indptr[-1] == len(indices) and len(data) in (0, len(indices))
    return inside and bool(ends) and bool((np.diff(indptr) >= 0).all())
