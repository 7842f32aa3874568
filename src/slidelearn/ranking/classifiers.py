"""Classifiers: one sparse linear one for each label, which tells its own samples from others that might have had it.

A label's classifier learns from its own samples and those that had it on their shortlist and should not have: the
matcher and ranker of label trees (Prabhu et al., Parabel, WWW 2018; Yu et al., PECOS, JMLR 2022), here with the network
as the matcher.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from slidelearn import kernels
from slidelearn.batches import is_sound, to_csr
from slidelearn.config import Config
from slidelearn.kernels import ClassifierRows, Csr, Float, Ids, LearntClassifiers
from slidelearn.matrices import Extents

TOLERANCE = 0.3
"""On the projected gradient: what a tighter one gains on test samples is within what two seeds differ by."""
MAX_PASSES = 20
THRESHOLD_SHARE = 0.5
"""Of the threshold, which classifiers are held to when they go on learning: what a few samples say of a feature is
little each time, and if it were dropped each time it would never be heard."""
USUAL_CURVATURE = 20.0
"""Of weights and biases in models that do not know theirs."""


def classifiers_bytes(config: Config, X: Extents, Y: Extents, n_with_list: int) -> int:
    """Memory that training them with so many shortlists takes at its peak, beside the network and the samples.

    16 bytes for each label on a shortlist while these are sorted by label, 12 afterwards, and then 28 for each weight,
    of which there are at most as many as the labels' samples have features. All that time the label rows are there in
    eight bits too, for making the shortlists.
    """
    n_listed = n_with_list * min(config.shortlist_length, Y.shape[1])
    n_weights = Y.nnz * X.nnz // max(X.shape[0], 1)
    return Y.shape[1] * config.hidden_sizes[-1] + max(16 * n_listed, 12 * n_listed + 28 * n_weights)


class Classifiers:
    """The classifiers of all labels, ready to be asked.

    Parameters
    ----------
    rows
        Their weights and biases.
    n_features
        Columns of the weights.
    curvatures
        Of the weights and of the biases; None in models that do not know them.
    """

    def __init__(self, rows: ClassifierRows, n_features: int, curvatures: tuple[Float, Float] | None) -> None:
        self._rows, self._n_features, self._curvatures = rows, n_features, curvatures

    @classmethod
    def trained(
        cls,
        X: sparse.csr_array,
        Y: sparse.csr_array,
        shortlists: sparse.csr_array,
        config: Config,
        *,
        c: Float,
        former: Classifiers | None,
        n_threads: int,
    ) -> Classifiers:
        """Train those of all labels by dual coordinate descent.

        Parameters
        ----------
        X
            (n_samples, n_features) float32 CSR.
        Y
            (n_samples, n_labels) CSR.
        shortlists
            (n_samples, n_labels) int8 CSR: 1 for the labels on a sample's shortlist.
        c
            (n_labels,): weight of a sample's loss against the regulariser.
        former
            Classifiers to go on from: the more samples have told a weight, the closer it stays to what it was.
        """
        share = THRESHOLD_SHARE if former else 1.0
        (weights, biases), *curvatures = kernels.train_classifiers(
            to_csr(X),
            X.shape[1],
            _by_label(Y),
            _by_label(_wrong_ones(shortlists, Y)),
            former=former._learnt if former else None,
            c=c,
            tolerance=TOLERANCE,
            max_passes=MAX_PASSES,
            threshold=config.ranker_threshold * share,
            seed=config.random_state,
            n_threads=n_threads,
        )
        return cls(ClassifierRows(Csr(*weights), biases), X.shape[1], (curvatures[0], curvatures[1]))

    @property
    def _learnt(self) -> LearntClassifiers:
        unknown = (np.full(len(array), USUAL_CURVATURE, np.float32) for array in (self.weights.data, self._rows.biases))
        return LearntClassifiers(self._rows, *(self._curvatures or unknown))

    def resized(self, places: Ids, n_features: int, kept: Ids, n_labels: int) -> Classifiers:
        """Those of the labels `kept`, and for labels after them such as say nothing; feature i is ``places[i]`` now."""
        ((indptr, features, weights), biases), curvatures, bias_curvatures = self._learnt
        new = (0, n_labels - len(kept))

        def of_all(values: Float) -> Csr:
            matrix = sparse.csr_array((values, places[features], indptr), (len(biases), n_features))
            rows = to_csr(matrix if len(kept) == len(biases) else matrix[kept])
            return rows._replace(indptr=np.pad(rows.indptr, new, mode="edge"))

        now = of_all(curvatures).data, np.pad(bias_curvatures[kept], new, constant_values=1)
        return Classifiers(ClassifierRows(of_all(weights), np.pad(biases[kept], new)), n_features, now)

    def margins(self, x: Csr, ids: Ids, *, n_threads: int) -> Float:
        """The margins of some samples under the classifiers of the labels `ids`, (n_samples, m); -inf beside -1."""
        return kernels.classifier_margins(x, self._n_features, ids, self._rows, n_threads=n_threads)

    @property
    def weights(self) -> Csr:
        """(n_labels, n_features)."""
        return self._rows.weights

    @classmethod
    def empty(cls, lengths: Mapping[str, int], n_features: int, n_labels: int) -> Classifiers:
        """Room for some that are to be read from a file, whose arrays have these lengths, by name."""
        n_weights = lengths["weights"]
        values, biases, curvatures, bias_curvatures = (
            np.zeros(n, np.float32) for n in (n_weights, n_labels, n_weights, n_labels)
        )
        rows = ClassifierRows(Csr(np.zeros(n_labels + 1, np.int64), np.zeros(n_weights, np.int32), values), biases)
        return cls(rows, n_features, (curvatures, bias_curvatures) if "curvatures" in lengths else None)

    def is_sound(self) -> bool:
        """Whether the arrays fit each other, as in `Ranker.is_sound`."""
        are_positive = all(bool((array > 0).all()) for array in self._curvatures or ())
        return are_positive and is_sound(self.weights, self._n_features)

    def named_arrays(self, *, with_state: bool) -> Iterator[tuple[str, NDArray[Any]]]:
        """What is saved; without what only training needs, if so wanted."""
        yield from zip(("indptr", "features", "weights"), self.weights, strict=True)
        yield "biases", self._rows.biases
        if self._curvatures and with_state:
            yield from zip(("curvatures", "bias_curvatures"), self._curvatures, strict=True)


def _wrong_ones(shortlists: sparse.csr_array, Y: sparse.csr_array) -> sparse.csr_array:
    """The pairs of a sample and a label on its shortlist that is not its own, (n_samples, n_labels)."""
    own = sparse.csr_array((np.full(len(Y.indices), -1, np.int8), Y.indices, Y.indptr), Y.shape)
    wrong = shortlists + own  # 0 where both have one, -1 for own labels that are not listed
    wrong.data = np.maximum(wrong.data, 0)
    wrong.eliminate_zeros()
    return wrong


def _by_label(pairs: sparse.csr_array) -> Csr:
    """The samples of each label."""
    return to_csr(sparse.csr_array(pairs.T), pattern_only=True)
