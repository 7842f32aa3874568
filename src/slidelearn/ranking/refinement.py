"""The refinement: a second look at the labels on a shortlist, after the blend's first one.

The blend is linear: each piece of evidence counts alike, whatever the others say. A small network over the same
evidence (a multilayer perceptron, as the second stage of stacking: Wolpert, Stacked generalization, 1992) learns where
to trust which. It also hears what the labels say for each other: those that often come together in training, such as a
word and its hypernym, support one another as much as the first look believes in them; and how many right labels the
first look expects. It looks at the first few labels only: taught by all, it would mostly learn to tell what is unlikely
from what is very unlikely.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from slidelearn import kernels
from slidelearn.batches import is_sound, to_csr
from slidelearn.kernels import Csr, Float, Ids
from slidelearn.ranking.perceptron import Perceptron

N_REFINED = 10
"""Labels of each list that a new one looks at."""
N_PARTNERS = 16
"""Labels that each label supports, at most: those that most of its samples have as well."""
MOST_PAIRS = 3e7
"""Pairs of labels of one sample that are counted, about: of samples with very many labels, or very many samples, some
tell which labels come together."""
PARTNERS = "partners."
"""How the names of their arrays begin."""


@dataclass(frozen=True)
class Refinement:
    """Log-odds of labels from their evidence, by a network with one hidden layer of rectified linear units."""

    partners: Csr
    """(n_labels, n_labels): for each label the share of its samples that have the other one too."""
    perceptron: Perceptron
    """From the evidence, the logarithm of the support, and that of how many right labels to expect, of which models of
    format versions up to 6 know nothing, to log-odds."""
    n_refined: Ids = field(default_factory=lambda: np.zeros(0, np.int32))
    """(1,): how many labels of each list it looks at; (0,): all of them, as models of format version 2 do."""

    @classmethod
    def fitted(
        cls, evidence: Float, log_odds: Float, ids: Ids, is_own: NDArray[np.bool_], partners: Csr, *, n_threads: int
    ) -> Refinement:
        """Learn from held-out samples which labels are right.

        Parameters
        ----------
        evidence
            (n_samples, m, n_evidence).
        log_odds
            (n_samples, m): of the first look.
        ids
            (n_samples, m): the labels; -1 for none.
        is_own
            (n_samples, m): whether the sample has the label; both must occur.
        partners
            What `partners_of` finds.
        """
        places = first_places(log_odds, ids, n_threads=n_threads)
        listed = np.take_along_axis(ids, places, axis=1) >= 0
        inputs = kernels.refinement_inputs(ids, evidence, log_odds, places, partners, n_threads=n_threads)[listed]
        is_own = np.take_along_axis(is_own, places, axis=1)[listed]
        spread = inputs.std(axis=0)
        scale = np.where(spread > 0, spread, np.inf)  # what is alike for all labels says nothing
        middle = inputs.mean(axis=0)
        perceptron = Perceptron.trained((inputs - middle) / scale, is_own, n_threads=n_threads)
        return cls(partners, perceptron.of_inputs(middle, scale), np.array([N_REFINED], np.int32))

    def log_odds(self, evidence: Float, log_odds: Float, ids: Ids, *, n_threads: int) -> Float:
        """(n_samples, m): of the second look at the first labels; others are lowered where they must stay below.

        The arguments are those of `fitted`.
        """
        n = int(self.n_refined[0]) if len(self.n_refined) else ids.shape[1]
        places = first_places(log_odds, ids, n, n_threads=n_threads)
        return kernels.refine(ids, evidence, log_odds, places, self.partners, self.perceptron, n_threads=n_threads)

    def resized(self, numbers: Ids, n_labels: int) -> Refinement:
        """The same for other labels: label i as ``numbers[i]``, -1: without it; new ones have no partners."""
        indptr, indices, data = self.partners
        pairs = sparse.csr_array((data, indices, indptr), (len(numbers), len(numbers))).tocoo()
        rows, columns = numbers[pairs.row], numbers[pairs.col]
        both = (rows >= 0) & (columns >= 0)
        kept = sparse.coo_array((pairs.data[both], (rows[both], columns[both])), (n_labels, n_labels))
        return replace(self, partners=to_csr(sparse.csr_array(kept)))

    def is_sound(self) -> bool:
        """Whether the arrays fit each other."""
        if len(self.n_refined) > 1 or (self.n_refined < 1).any():
            return False
        return is_sound(self.partners, self.partners.n_rows) and len(self.partners.data) == len(self.partners.indices)

    def named_arrays(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """What is saved."""
        names = (f"{PARTNERS}{name}" for name in ("indptr", "labels", "weights"))
        yield from zip(names, self.partners, strict=True)
        yield from self.perceptron._asdict().items()
        if len(self.n_refined):
            yield "n_refined", self.n_refined

    @classmethod
    def empty(cls, lengths: Mapping[str, int], n_evidence: int, n_labels: int) -> Refinement:
        """Room for one that is to be read from a file, whose arrays have these lengths, by name."""
        n, width = lengths.get(PARTNERS + "weights", 0), lengths.get("output", 0)
        n_inputs = n_evidence + (1 if lengths.get("hidden") == n_evidence + 1 else 2)
        partners = Csr(np.zeros(n_labels + 1, np.int64), np.zeros(n, np.int32), np.zeros(n, np.float32))
        n_refined = np.zeros(lengths.get("n_refined", 0), np.int32)
        return cls(partners, Perceptron.empty(n_inputs, width), n_refined)


def first_places(log_odds: Float, ids: Ids, n: int = N_REFINED, *, n_threads: int) -> NDArray[np.int64]:
    """Where the labels are that the first look puts first, (n_samples, at most n)."""
    return kernels.best_places(ids, log_odds, min(n, ids.shape[1]), n_threads=n_threads)


def partners_of(Y: sparse.csr_array, former: Csr | None = None, counts: Float | None = None) -> Csr:
    """For each label the share of its samples that have another one too, for its `N_PARTNERS` most frequent partners.

    Parameters
    ----------
    Y
        (n_samples, n_labels) CSR; its pattern is read.
    former, counts
        What other samples before told, and how many of these each label had.

    Returns
    -------
    partners
        (n_labels, n_labels), nothing on the diagonal.
    """
    n_pairs = np.square(np.diff(Y.indptr).astype(np.float64)).sum()
    some = Y[:: max(round(n_pairs / MOST_PAIRS), 1)]
    pattern = sparse.csr_array((np.ones(len(some.indices), np.float32), some.indices, some.indptr), some.shape)
    together = sparse.csr_array(pattern.T @ pattern)
    row = np.repeat(np.arange(Y.shape[1]), np.diff(together.indptr))
    n_some = np.bincount(some.indices, minlength=Y.shape[1])
    together.data = np.where(row == together.indices, 0, together.data / n_some[row]).astype(np.float32)
    together.eliminate_zeros()
    if former and counts is not None:
        new = np.bincount(Y.indices, minlength=Y.shape[1])
        share = new / np.maximum(counts + new, 1)
        before = sparse.csr_array((former.data, former.indices, former.indptr), together.shape)
        joined = sparse.diags_array(share) @ together + sparse.diags_array(1 - share) @ before
        together = sparse.csr_array(joined.astype(np.float32))
    return Csr(*kernels.strongest(to_csr(together), Y.shape[1], N_PARTNERS))
