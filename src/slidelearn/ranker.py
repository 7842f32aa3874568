"""The ranker: a sparse linear classifier for each label, which orders the labels that the network puts on a shortlist.

The network finds the few labels that are likely; which of these are right, features tell that a few hundred hidden
units cannot hold. So each label's classifier learns to tell its own samples from those that had it on their shortlist
and should not have (the matcher and ranker of label trees: Prabhu et al., Parabel, WWW 2018; Yu et al., PECOS, JMLR
2022), here with the network as the matcher.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from slidelearn import kernels
from slidelearn.batches import to_csr
from slidelearn.config import Config
from slidelearn.kernels import Classifiers, Csr, Float, Ids
from slidelearn.metrics import precision_at_k

TOLERANCE = 0.1
"""On the projected gradient: more passes than that takes gain nothing on held-out samples."""
MAX_PASSES = 20
UPDATE_SHARE = 0.05
"""What C is multiplied by when former classifiers are brought up to date: the few new samples must not outvote the many
that those were trained on."""
BLENDS = (0.5, 0.7, 1.0, 1.4, 2.0, 4.0, 8.0)


def ranker_bytes(config: Config, X: sparse.csr_array, Y: sparse.csr_array) -> int:
    """Memory that training a ranker takes at its peak, beside the network and the samples.

    Measured on five data sets: 28 bytes for each label on a shortlist while these are sorted by label, 14 afterwards,
    and then 28 for each weight, of which there are at most as many as the labels' samples have features. All that time
    the label rows are there in eight bits too, for making the shortlists.
    """
    n_listed = X.shape[0] * min(config.shortlist_length, Y.shape[1])
    n_weights = Y.nnz * X.nnz // max(X.shape[0], 1)
    return Y.shape[1] * config.hidden_sizes[-1] + max(28 * n_listed, 14 * n_listed + 28 * n_weights)


@dataclass(frozen=True)
class Ranker:
    """One classifier per label; see `Ranker.trained`."""

    classifiers: Classifiers
    n_features: int
    shortlist_length: int
    """How many of the network's best labels it orders; those after them keep the network's order."""
    blend: Float
    """Weight of the network's log-probability against the classifier's loss: one number, (1,)."""

    @classmethod
    def trained(
        cls,
        X: sparse.csr_array,
        Y: sparse.csr_array,
        shortlists: Ids,
        config: Config,
        *,
        former: Ranker | None = None,
        n_threads: int,
    ) -> Ranker:
        """Train the classifiers of all labels, or bring `former` ones up to date with new samples.

        Parameters
        ----------
        X
            (n_samples, n_features) float32 CSR.
        Y
            (n_samples, n_labels) CSR.
        shortlists
            (n_samples, m) int32: the network's best labels for each sample; -1 for none.
        former
            Classifiers to go on from: each stays as close to its former weights as the new samples allow, so the time
            follows the new samples and their labels.
        """
        wrong = _wrong_ones(shortlists, Y)
        weights, biases = kernels.train_classifiers(
            to_csr(X),
            X.shape[1],
            _by_label(Y),
            _by_label(wrong),
            former=former.classifiers if former else None,
            c=config.ranker_c * (UPDATE_SHARE if former else 1.0),
            tolerance=TOLERANCE,
            max_passes=MAX_PASSES,
            threshold=config.ranker_threshold,
            seed=config.random_state,
            n_threads=n_threads,
        )
        blend = former.blend if former else np.array([1.0 if config.ranker_blend is None else config.ranker_blend])
        classifiers = Classifiers(Csr(*weights), biases)
        return cls(classifiers, X.shape[1], config.shortlist_length, blend.astype(np.float32))

    def order(self, x: Csr, ids: Ids, logits: Float, *, n_threads: int) -> tuple[Ids, Float]:
        """Put the first `shortlist_length` labels of each sample in the order of their scores.

        A score is ``blend * log p - (1 - margin)_+^2``: p is the network's softmax over the shortlist, margin what the
        label's classifier says. The labels after the shortlist come after all on it, as far as the network has them.

        Parameters
        ----------
        x
            The samples' features.
        ids, logits
            (n_samples, n): the network's best labels, best first, -1 for none; and their logits.

        Returns
        -------
        ids, scores
            (n_samples, n): the same labels, best first, and their scores; -inf beside -1.
        """
        listed, rest = np.split(ids, [self.shortlist_length], axis=1)
        missing = listed < 0
        margins = kernels.classifier_margins(
            x, self.n_features, np.ascontiguousarray(listed), self.classifiers, n_threads=n_threads
        )
        with np.errstate(divide="ignore", invalid="ignore"):  # samples that have no label at all on their list
            above = np.where(missing, -np.inf, logits[:, : listed.shape[1]] - logits[:, :1])
            log_p = above - np.log(np.exp(above).sum(axis=1, keepdims=True))
            scores = np.where(missing, -np.inf, self.blend * log_p - np.square(np.maximum(1 - margins, 0)))
        best = np.argsort(-scores, axis=1, kind="stable")
        listed, scores = np.take_along_axis(listed, best, axis=1), np.take_along_axis(scores, best, axis=1)
        if rest.shape[1]:
            last = np.maximum(logits[:, self.shortlist_length - 1, None], np.finfo(np.float32).min)
            below = logits[:, self.shortlist_length :] - last
            scores = np.hstack([scores, np.where(rest < 0, -np.inf, scores[:, -1:] + self.blend * below)])
        return np.hstack([listed, rest]), scores.astype(np.float32)

    def choose_blend(
        self, x: Csr, Y: sparse.csr_array, ids: Ids, logits: Float, *, n_threads: int
    ) -> dict[float, float]:
        """Take the blend that serves held-out samples best: their P@1 + P@3 + P@5, given for each of `BLENDS`.

        Parameters
        ----------
        x, Y
            Features and labels of the samples.
        ids, logits
            The network's shortlists for them, as in `order`.
        """
        ks = [k for k in (1, 3, 5) if k <= ids.shape[1]]
        tried = {}
        for blend in BLENDS:
            self.blend[0] = blend
            ordered, _ = self.order(x, ids, logits, n_threads=n_threads)
            tried[blend] = sum(precision_at_k(ordered, Y, k) for k in ks)
        self.blend[0] = max(tried, key=lambda blend: tried[blend])
        return tried

    @classmethod
    def empty(cls, config: Config, n_features: int, n_labels: int, n_weights: int) -> Ranker:
        """Room for a ranker that is to be read from a file."""
        weights = Csr(np.zeros(n_labels + 1, np.int64), np.zeros(n_weights, np.int32), np.zeros(n_weights, np.float32))
        classifiers = Classifiers(weights, np.zeros(n_labels, np.float32))
        return cls(classifiers, n_features, config.shortlist_length, np.zeros(1, np.float32))

    def is_sound(self) -> bool:
        """Whether the arrays fit each other: whoever damages them must not make a verb read beyond their ends."""
        indptr, features, weights = self.classifiers.weights
        steps = np.diff(indptr)
        inside = bool(((features >= 0) & (features < self.n_features)).all())
        return bool(indptr[0] == 0 and indptr[-1] == len(features) == len(weights) and (steps >= 0).all() and inside)

    def named_arrays(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """What is saved."""
        (indptr, features, weights), biases = self.classifiers
        yield from (("indptr", indptr), ("features", features), ("weights", weights), ("biases", biases))
        yield "blend", self.blend


def _wrong_ones(shortlists: Ids, Y: sparse.csr_array) -> sparse.csr_array:
    """The pairs of a sample and a label on its shortlist that is not its own, (n_samples, n_labels)."""
    n, m = shortlists.shape
    listed = shortlists.reshape(-1) >= 0
    indptr = np.concatenate([[0], np.cumsum(listed.reshape(n, m).sum(axis=1))])
    ids = shortlists.reshape(-1)[listed]
    pairs = sparse.csr_array((np.ones(len(ids), np.int8), ids, indptr), (n, Y.shape[1]))
    own = sparse.csr_array((np.full(len(Y.indices), -1, np.int8), Y.indices, Y.indptr), Y.shape)
    wrong = pairs + own  # 0 where both have one, -1 for own labels that are not listed
    wrong.data = np.maximum(wrong.data, 0)
    wrong.eliminate_zeros()
    return wrong


def _by_label(pairs: sparse.csr_array) -> Csr:
    """The samples of each label."""
    return to_csr(sparse.csr_array(pairs.T), pattern_only=True)
