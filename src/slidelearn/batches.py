"""Training samples as the verbs take them, and the batches of an epoch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from slidelearn import kernels
from slidelearn.kernels import NO_DATA, Csr, Float, Ids

MOST_REPEATED = 2
"""How often a sample is there on average, at most, where repetition stands for weights."""
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Batch:
    """Some samples: their features, their labels, and their numbers in the training set."""

    features: Csr
    labels: Csr
    sample_ids: NDArray[np.int64]
    weights: Float | None = None
    """(n_samples,): what each sample's loss is multiplied by; None: 1."""


@dataclass(frozen=True)
class Seen:
    """What a model has learnt from so far: how many samples, and how many of each label."""

    label_counts: NDArray[np.int64]
    """(n_labels,)."""
    n_samples: NDArray[np.int64]
    """(1,): those that had a label."""

    @classmethod
    def nothing(cls, n_labels: int) -> Self:
        """No samples, of so many labels."""
        return cls(np.zeros(n_labels, np.int64), np.zeros(1, np.int64))

    def resized(self, kept: Ids, n_labels: int) -> Seen:
        """The counts of the labels `kept`, and of new ones behind them."""
        return Seen(np.pad(self.label_counts[kept], (0, n_labels - len(kept))), self.n_samples)

    def is_sound(self) -> bool:
        """Whether there are samples, and no counts that cannot be."""
        return bool(self.n_samples[0] > 0 and (self.label_counts >= 0).all())

    def named_arrays(self) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """What is saved."""
        yield from (("label_counts", self.label_counts), ("n_samples", self.n_samples))


class Block(NamedTuple):
    """Samples that follow one another, in memory."""

    first: int
    """The number of the first of them in the training set."""
    features: Csr
    labels: Csr
    weights: Float | None = None
    """What each of them counts; None: 1."""

    def take(self, sample_ids: NDArray[np.int64]) -> Batch:
        """The batch of the given samples, by their numbers in the training set."""
        rows = sample_ids - self.first
        features, labels = kernels.take_rows(self.features, rows), kernels.take_rows(self.labels, rows)
        weights = None if self.weights is None else self.weights[rows]
        return Batch(Csr(*features), Csr(*labels), sample_ids, weights)


class SampleSource(ABC):
    """The samples to train on, block by block: a block is in memory, and its samples are shuffled.

    Parameters
    ----------
    n_samples, n_labels
        All samples, with and without labels; columns of Y.
    block_size
        Samples of a block; the last may have fewer.
    labelled
        Numbers of the samples that have a label, ascending.
    before
        The samples that the network has learnt from already, if any.
    """

    hard_negatives: Ids | None = None
    """(n_samples, n): wrong labels that each sample is most likely to be taken for, worst first; -1: none. None: not
    known yet."""

    def __init__(
        self,
        n_samples: int,
        n_labels: int,
        block_size: int,
        labelled: NDArray[np.int64],
        before: Seen | None = None,
    ) -> None:
        self._before, self.goes_on = before or Seen.nothing(n_labels), before is not None
        self.n_samples, self.n_labels, self._block_size = n_samples, n_labels, max(block_size, 1)
        self.labelled = labelled
        """The samples to train on."""
        self.n_without_labels = n_samples - len(labelled)

    @abstractmethod
    def blocks(self) -> Iterator[Block]:
        """All samples, in order."""

    @abstractmethod
    def label_counts(self) -> NDArray[np.int64]:
        """Samples of each label, (n_labels,)."""

    @abstractmethod
    def room(self, n: int) -> Ids:
        """Room for n labels of each sample, (n_samples, n), -1 everywhere."""

    def seen(self) -> Seen:
        """The samples before, and these."""
        before = self._before
        return Seen(before.label_counts + self.label_counts(), before.n_samples + len(self.labelled))

    def leave_out(self, sample_ids: NDArray[np.int64]) -> None:
        """Take samples out of those to train on."""
        self.labelled = np.setdiff1d(self.labelled, sample_ids, assume_unique=True)

    def n_batches(self, batch_size: int) -> int:
        """Batches in an epoch."""
        in_block = np.bincount(self.labelled // self._block_size)
        return int((-(-in_block // batch_size)).sum())

    def in_order(self, batch_size: int) -> Iterator[Batch]:
        """Every labelled sample once; the last batch of a block may be smaller."""
        for block, sample_ids in self._labelled_blocks():
            yield from _batches(block, sample_ids, batch_size)

    def shuffled(self, batch_size: int, rng: np.random.Generator) -> Iterator[Batch]:
        """One epoch: every labelled sample once, those of a block in random order; its last batch may be smaller.

        All that is drawn from `rng` is drawn before the first batch.
        """
        n_more = -(-self.n_samples // self._block_size) - 1
        generators = chain([rng], map(np.random.default_rng, rng.integers(2**63, size=max(n_more, 0))))
        for (block, sample_ids), generator in zip(self._labelled_blocks(), generators, strict=False):
            yield from _batches(block, generator.permutation(sample_ids), batch_size)

    def _labelled_blocks(self) -> Iterator[tuple[Block, NDArray[np.int64]]]:
        """Each block, with the numbers of its samples to train on."""
        for block in self.blocks():
            begin, end = np.searchsorted(self.labelled, (block.first, block.first + block.features.n_rows))
            yield block, self.labelled[begin:end]


def _batches(block: Block, sample_ids: NDArray[np.int64], batch_size: int) -> Iterator[Batch]:
    for begin in range(0, len(sample_ids), batch_size):
        yield block.take(sample_ids[begin : begin + batch_size])


class Samples(SampleSource):
    """Samples in memory.

    Parameters
    ----------
    X
        (n_samples, n_features) float32 CSR, canonical.
    Y
        (n_samples, n_labels) CSR, canonical; its pattern is read.
    weights
        (n_samples,): what each sample counts; None: all the same.
    block_size
        Samples that are shuffled among each other; None: all.
    before, hard_negatives
        As in `SampleSource`.
    """

    def __init__(
        self,
        X: sparse.csr_array,
        Y: sparse.csr_array,
        weights: Float | None = None,
        *,
        block_size: int | None = None,
        before: Seen | None = None,
        hard_negatives: Ids | None = None,
    ) -> None:
        self.features = to_csr(X)
        self.labels = to_csr(Y, pattern_only=True)
        super().__init__(*Y.shape, block_size or Y.shape[0], np.flatnonzero(np.diff(self.labels.indptr)), before)
        self.hard_negatives = hard_negatives
        self.weights = None if weights is None else _of_mean_one(weights, self.labelled)

    def blocks(self) -> Iterator[Block]:
        """Views of the samples."""
        for first in range(0, self.n_samples, self._block_size):
            rows = (first, first + self._block_size)
            weights = None if self.weights is None else self.weights[slice(*rows)]
            yield Block(first, self.features.between(*rows), self.labels.between(*rows), weights)

    def take(self, sample_ids: NDArray[np.int64]) -> Batch:
        """The batch of the given samples."""
        return Block(0, self.features, self.labels, self.weights).take(sample_ids)

    def label_counts(self) -> NDArray[np.int64]:
        """Samples of each label, (n_labels,)."""
        return np.bincount(self.labels.indices, minlength=self.n_labels)

    def repeated(self) -> NDArray[np.int64]:
        """The labelled samples for what cannot take weights: each as often as its weight says."""
        return repeated(self.labelled, self.weights)

    def room(self, n: int) -> Ids:
        """Memory."""
        return np.full((self.n_samples, n), -1, np.int32)


def _of_mean_one(weights: Float, labelled: NDArray[np.int64]) -> Float:
    """What samples count where those with labels count 1 on average; 32 bits cannot hold the sum of the largest."""
    of_mean_one: Float = (weights / weights[labelled].mean(dtype=np.float64)).astype(np.float32)
    return of_mean_one


def repeated(rows: NDArray[np.int64], weights: Float | None) -> NDArray[np.int64]:
    """Some samples, each as often as its weight says; `weights` are those of all samples.

    The lightest is there once. If that made more than `MOST_REPEATED` times the samples, all are there less often, and
    of the lightest only some.
    """
    if weights is None or not len(rows):
        return rows
    each = weights[rows].astype(np.float64)
    ends = np.cumsum(each * min(1 / each.min(), MOST_REPEATED))
    return np.repeat(rows, np.diff(np.floor(ends + _ROUNDING), prepend=0).astype(np.int64))


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
