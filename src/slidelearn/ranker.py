"""The ranker: puts the labels on the network's shortlist in order, by all the evidence there is.

The network finds the few labels that are likely; which of these are right, features tell that a few hundred hidden
units cannot hold. So each label's sparse linear classifier learns to tell its own samples from those that had it on
their shortlist and should not have (the matcher and ranker of label trees: Prabhu et al., Parabel, WWW 2018; Yu et al.,
PECOS, JMLR 2022), here with the network as the matcher. And the nearest training samples vote. A logistic regression on
held-out samples blends the three (Wolpert, Stacked generalization, 1992), so a score is a label's log-odds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from slidelearn import kernels
from slidelearn.batches import is_sound, to_csr
from slidelearn.config import Config
from slidelearn.kernels import Classifiers, Csr, Float, Ids
from slidelearn.metrics import precision_at_k
from slidelearn.neighbours import Neighbours

TOLERANCE = 0.1
"""On the projected gradient: more passes than that takes gain nothing on held-out samples."""
MAX_PASSES = 20
UPDATE_SHARE = 0.05
"""What C is multiplied by when former classifiers are brought up to date: the few new samples must not outvote the many
that those were trained on."""
EVIDENCE = ("network", "classifiers", "neighbours", "frequency")
FREQUENCY = EVIDENCE.index("frequency")
USUAL_BLEND, USUAL_C = (0.7, 1.5, 2.0, 0.0), 0.5
"""Weights of the evidence, and C, where there are too few samples to hold some out: about what comes out elsewhere."""

TOLERATED_LOSS, USUAL_GAIN = 0.01, np.float32(0.3)
"""Under the objective `tail`."""
NEIGHBOURS = "neighbours."
"""How the names of the neighbours' arrays begin."""


def ranker_bytes(config: Config, X: sparse.csr_array, Y: sparse.csr_array, n_with_list: int) -> int:
    """Memory that training a ranker with so many shortlists takes at its peak, beside the network and the samples.

    16 bytes for each label on a shortlist while these are sorted by label, 12 afterwards, and then 28 for each weight,
    of which there are at most as many as the labels' samples have features. All that time the label rows are there in
    eight bits too, for making the shortlists.
    """
    n_listed = n_with_list * min(config.shortlist_length, Y.shape[1])
    n_weights = Y.nnz * X.nnz // max(X.shape[0], 1)
    return Y.shape[1] * config.hidden_sizes[-1] + max(16 * n_listed, 12 * n_listed + 28 * n_weights)


@dataclass(frozen=True)
class Ranker:
    """Classifiers, neighbours and how they are blended with the network; see `Ranker.trained`."""

    classifiers: Classifiers | None
    neighbours: Neighbours | None
    n_features: int
    n_neighbours: int
    shortlist_length: int
    """How many of the network's best labels it orders; those after them keep the network's order."""
    blend: Float
    """(5,): the weights of `EVIDENCE`, and a constant."""
    counts: Float
    """(n_labels,): training samples of each label."""
    c: Float
    """(1,): the C that the classifiers were trained with."""
    gains: Float | None = None
    """(n_labels,): logarithm of what a right label counts, where not all count alike."""

    @classmethod
    def trained(
        cls,
        X: sparse.csr_array,
        Y: sparse.csr_array,
        shortlists: sparse.csr_array | None,
        config: Config,
        *,
        c: float,
        n_threads: int,
    ) -> Ranker:
        """Train the classifiers of all labels; the samples become the neighbours, the blend is the usual one.

        Parameters
        ----------
        X
            (n_samples, n_features) float32 CSR.
        Y
            (n_samples, n_labels) CSR.
        shortlists
            (n_samples, n_labels) int8 CSR: 1 for the labels on a sample's shortlist. None: no classifiers.
        c
            Weight of a sample's loss against the regulariser.
        """
        classifiers = None
        if shortlists is not None:
            classifiers = _train_classifiers(X, Y, shortlists, config, c, None, n_threads)
        neighbours = Neighbours.of(X, Y) if config.n_neighbours else None
        blend = np.array([*(config.ranker_blend or USUAL_BLEND), 0.0], np.float32)
        lengths = X.shape[1], config.n_neighbours, config.shortlist_length
        return cls(classifiers, neighbours, *lengths, blend, _label_counts(Y), np.array([c], np.float32))

    def updated(
        self,
        X: sparse.csr_array,
        Y: sparse.csr_array,
        shortlists: sparse.csr_array | None,
        config: Config,
        *,
        n_threads: int,
    ) -> Ranker:
        """The same ranker after new samples, which join the neighbours.

        Each classifier stays as close to its former weights as the new samples allow, so the time follows the new
        samples and their labels.
        """
        classifiers = None
        if shortlists is not None:
            c = float(self.c[0]) * UPDATE_SHARE
            classifiers = _train_classifiers(X, Y, shortlists, config, c, self.classifiers, n_threads)
        return replace(self, classifiers=classifiers).with_more_samples(X, Y)

    def with_more_samples(self, X: sparse.csr_array, Y: sparse.csr_array) -> Ranker:
        """The same ranker, with more samples to ask, and to count labels on."""
        neighbours = self.neighbours.with_more(X, Y) if self.neighbours else None
        return replace(self, neighbours=neighbours, counts=self.counts + _label_counts(Y))

    def order(self, x: Csr, ids: Ids, logits: Float, *, n_threads: int) -> tuple[Ids, Float]:
        """Put the first `shortlist_length` labels of each sample in the order of their scores.

        A score is the log-odds of the label by the blended evidence; under the objective ``tail`` the logarithm of
        its probability times its gain. The labels after the shortlist come after all on it, as far as the network has
        them.

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
        evidence = self.evidence(x, listed, logits[:, : listed.shape[1]], n_threads=n_threads)
        scores = evidence @ self.blend[:-1] + self.blend[-1]
        if self.gains is not None:
            scores = self.gains[listed] - np.logaddexp(0, -scores)
        scores = np.where(listed < 0, -np.inf, scores)
        best = np.argsort(-scores, axis=1, kind="stable")
        listed, scores = np.take_along_axis(listed, best, axis=1), np.take_along_axis(scores, best, axis=1)
        if rest.shape[1]:
            last = np.maximum(logits[:, self.shortlist_length - 1, None], np.finfo(np.float32).min)
            with np.errstate(invalid="ignore"):  # -inf - -inf beside -1
                below = self.blend[0] * (logits[:, self.shortlist_length :] - last)
            scores = np.hstack([scores, np.where(rest < 0, -np.inf, scores[:, -1:] + below)])
        return np.hstack([listed, rest]), scores.astype(np.float32)

    def evidence(self, x: Csr, listed: Ids, logits: Float, *, n_threads: int) -> Float:
        """What speaks for each label on the shortlists: (n_samples, m, 4) in the order of `EVIDENCE`; 0 beside -1.

        The logarithm of the network's softmax over the shortlist; the margin of the label's classifier; the square root
        of the neighbours' votes; the logarithm of one more than the label's training samples.
        """
        found = np.zeros((*listed.shape, len(EVIDENCE)), np.float32)
        listed, there = np.ascontiguousarray(listed), listed >= 0
        with np.errstate(divide="ignore", invalid="ignore"):  # samples that have no label at all on their list
            above = np.where(there, logits - logits[:, :1], -np.inf)
            found[..., 0] = above - np.log(np.exp(above).sum(axis=1, keepdims=True))
        if self.classifiers:
            margins = kernels.classifier_margins(x, self.n_features, listed, self.classifiers, n_threads=n_threads)
            found[..., 1] = margins
        if self.neighbours:
            found[..., 2] = np.sqrt(self.neighbours.votes(x, listed, self.n_neighbours, n_threads=n_threads))
        found[..., 3] = np.log1p(self.counts)[listed]
        found[~there] = 0
        return found

    def fit_blend(self, x: Csr, Y: sparse.csr_array, ids: Ids, logits: Float, *, n_threads: int) -> Ranker:
        """The same ranker, with the blend that tells best which labels on their shortlists held-out samples have.

        Parameters
        ----------
        x, Y
            Features and labels of the samples.
        ids, logits
            The network's shortlists for them, as in `order`.
        """
        evidence, there = self.evidence(x, ids, logits, n_threads=n_threads), ids >= 0
        row, column = np.nonzero(there)
        is_own = np.asarray(Y[row, ids[row, column]]).reshape(-1) != 0
        if is_own.all() or not is_own.any():
            return self
        blend = np.zeros(len(EVIDENCE) + 1, np.float32)
        spread = evidence[there].std(axis=0)
        known = [number for number in range(len(EVIDENCE)) if spread[number]]
        while known:  # what speaks against labels, beside what speaks for them, has only been fitted to noise
            model = LogisticRegression().fit(evidence[there][:, known] / spread[known], is_own)
            weights = model.coef_[0] / spread[known]
            against = [n for n, weight in zip(known, weights, strict=True) if weight < 0 and n != FREQUENCY]
            if not against:
                blend[known], blend[-1] = weights, model.intercept_[0]
                break
            known.remove(against[0])
        return replace(self, blend=blend)

    def with_gains(
        self, x: Csr, Y: sparse.csr_array, ids: Ids, logits: Float, log_gains: Float, *, n_threads: int
    ) -> Ranker:
        """The same ranker, where right labels count as much as the given gains say, (n_labels,), or less.

        The gains are taken to the highest power, up to 1, that costs at most `TOLERATED_LOSS` of P@1 on held-out
        samples, which are given as in `fit_blend`; without any, to the power `USUAL_GAIN`.
        """
        if not x.n_rows:
            return replace(self, gains=USUAL_GAIN * log_gains)
        found = []
        for power in np.arange(11, dtype=np.float32) / 10:
            ranker = replace(self, gains=power * log_gains)
            found.append((precision_at_k(ranker.order(x, ids, logits, n_threads=n_threads)[0], Y, 1), ranker))
        return [ranker for precision, ranker in found if precision >= found[0][0] - TOLERATED_LOSS][-1]

    @classmethod
    def empty(cls, config: Config, n_features: int, n_labels: int, lengths: Mapping[str, int]) -> Ranker:
        """Room for a ranker that is to be read from a file, whose arrays have these lengths, by name."""
        classifiers = None
        if "weights" in lengths:
            n = lengths["weights"]
            weights = Csr(np.zeros(n_labels + 1, np.int64), np.zeros(n, np.int32), np.zeros(n, np.float32))
            classifiers = Classifiers(weights, np.zeros(n_labels, np.float32))
        of_neighbours = {name.removeprefix(NEIGHBOURS): n for name, n in lengths.items() if name.startswith(NEIGHBOURS)}
        return cls(
            classifiers,
            Neighbours.empty(of_neighbours, n_features, n_labels) if of_neighbours else None,
            n_features,
            config.n_neighbours,
            config.shortlist_length,
            np.zeros(len(EVIDENCE) + 1, np.float32),
            np.zeros(n_labels, np.float32),
            np.zeros(1, np.float32),
            np.zeros(n_labels, np.float32) if config.objective == "tail" else None,
        )

    def blend_by_name(self) -> dict[str, float]:
        """The blend, for reports."""
        return dict(zip((*EVIDENCE, "constant"), map(float, self.blend), strict=True))

    def is_sound(self) -> bool:
        """Whether the arrays fit each other: whoever damages them must not make a verb read beyond their ends."""
        classifiers_are = self.classifiers is None or is_sound(self.classifiers.weights, self.n_features)
        return classifiers_are and (self.neighbours is None or self.neighbours.is_sound())

    def named_arrays(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """What is saved."""
        if self.classifiers:
            yield from zip(("indptr", "features", "weights"), self.classifiers.weights, strict=True)
            yield "biases", self.classifiers.biases
        yield from (("blend", self.blend), ("counts", self.counts), ("c", self.c))
        if self.gains is not None:
            yield "gains", self.gains
        if self.neighbours:
            yield from ((NEIGHBOURS + name, array) for name, array in self.neighbours.named_arrays())


def _label_counts(Y: sparse.csr_array) -> Float:
    return np.bincount(Y.indices, minlength=Y.shape[1]).astype(np.float32)


def _train_classifiers(
    X: sparse.csr_array,
    Y: sparse.csr_array,
    shortlists: sparse.csr_array,
    config: Config,
    c: float,
    former: Classifiers | None,
    n_threads: int,
) -> Classifiers:
    weights, biases = kernels.train_classifiers(
        to_csr(X),
        X.shape[1],
        _by_label(Y),
        _by_label(_wrong_ones(shortlists, Y)),
        former=former,
        c=c,
        tolerance=TOLERANCE,
        max_passes=MAX_PASSES,
        threshold=config.ranker_threshold,
        seed=config.random_state,
        n_threads=n_threads,
    )
    return Classifiers(Csr(*weights), biases)


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
