"""The active set: the neurons that are computed for a batch, or for each of its samples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from slidelearn import kernels
from slidelearn.kernels import NO_DATA, Columns, Csr, Float, Ids, Labels, Offsets


@dataclass(frozen=True)
class ActiveSet:
    """The neurons computed for a batch.

    Shared by the batch, `ids` are ascending and logits form a matrix (n_samples, n_ids). One set per sample, sample i
    has ``ids[indptr[i]:indptr[i+1]]``, its own labels first, and logits lie beside the ids.
    """

    ids: Ids
    indptr: Offsets | None
    """None: one set, shared by all samples."""
    labels: Labels
    """Where the samples' own labels stand among their active neurons."""
    log_q: Float | None = None
    """What the loss subtracts from logits of labels that are not a sample's own, one per id: beta * log q."""

    @classmethod
    def unlabelled(cls, ids: Ids, indptr: Offsets) -> ActiveSet:
        """A set for each sample, none of which has labels of its own: those of queries, and of hidden layers."""
        return cls(ids, indptr, Labels(np.zeros_like(indptr), np.empty(0, np.int32)))

    @property
    def shared(self) -> bool:
        """Whether all samples of the batch have the same active neurons."""
        return self.indptr is None

    @property
    def n_samples(self) -> int:
        """Samples in the batch."""
        return len(self.labels.indptr) - 1

    @property
    def mean_size(self) -> float:
        """Active neurons per sample."""
        return float(len(self.ids)) if self.indptr is None else len(self.ids) / max(self.n_samples, 1)

    @cached_property
    def csr(self) -> Csr:
        """The ids of each sample as rows; a shared set is written out for every sample."""
        if self.indptr is not None:
            return Csr(self.indptr, self.ids, NO_DATA)
        indptr = np.arange(self.n_samples + 1, dtype=np.int64) * len(self.ids)
        return Csr(indptr, np.tile(self.ids, self.n_samples), NO_DATA)

    @cached_property
    def columns(self) -> Columns:
        """The same by neuron: the samples that have it active."""
        return Columns(*kernels.transpose(self.csr))


def shared_set(labels: Csr, candidates: list[Ids], log_q: Float | None = None) -> ActiveSet:
    """The union of the samples' labels and all candidates."""
    ids, columns = kernels.distinct(np.concatenate([labels.indices, *candidates]))
    return ActiveSet(ids, None, Labels(labels.indptr, columns[: len(labels.indices)]), log_q)


def all_neurons(n_neurons: int, labels: Csr) -> ActiveSet:
    """Every neuron, for every sample."""
    return ActiveSet(np.arange(n_neurons, dtype=np.int32), None, Labels(labels.indptr, labels.indices))


def no_labels(n_samples: int) -> Csr:
    """The labels of samples that have none, such as queries and inputs of hidden layers."""
    return Csr(np.zeros(n_samples + 1, np.int64), np.empty(0, np.int32), NO_DATA)
