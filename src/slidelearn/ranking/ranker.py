"""The ranker: puts the labels on the network's shortlist in order, by all the evidence there is.

The network finds the few labels that are likely; which of these are right, features tell that a few hundred hidden
units cannot hold. So each label's classifier speaks for or against it. And the nearest training samples vote; where
labels are so many that the network often misses the right ones, they name some themselves. A logistic regression on
held-out samples blends the three (Wolpert, Stacked generalization, 1992), so a score is a label's log-odds; where that
is better on samples that it has not seen, a refinement takes a second look.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from slidelearn import kernels
from slidelearn.config import Config
from slidelearn.kernels import Csr, Float, Ids
from slidelearn.ranking.classifiers import Classifiers
from slidelearn.ranking.judges import JUDGES, Judges
from slidelearn.ranking.refinement import Refinement
from slidelearn.ranking.shortlist import Shortlist, best_first

EVIDENCE = ("network", "classifiers", "neighbours", "frequency")
FREQUENCY = EVIDENCE.index("frequency")
USUAL_BLEND, USUAL_C = (0.7, 1.5, 2.0, 0.0), 0.5
"""Weights of the evidence, and C, where there are too few samples to hold some out: about what comes out elsewhere."""
USUAL_SUGGESTED = 5
"""Labels that the neighbours may add to a shortlist, unless that harms on held-out samples: more gain little."""
REFINEMENT = "refinement."
"""How the names of its arrays begin."""


@dataclass(frozen=True)
class Ranker:
    """Classifiers, and how they and the neighbours are blended with the network; see `Ranker.trained`."""

    classifiers: Classifiers | None
    shortlist_length: int
    """How many of the network's best labels it orders; those after them keep the network's order."""
    blend: Float
    """(5,): the weights of `EVIDENCE`, and a constant."""
    counts: Float
    """(n_labels,): training samples of each label."""
    c: Float
    """(1,): the C that the classifiers were trained with."""
    n_suggested: Ids
    """(1,): how many labels the neighbours may add to those; (0,) in models that do not know of it."""
    gains: Float | None = None
    """(n_labels,): logarithm of what a right label counts, where not all count alike."""
    first_share: Float | None = None
    """(1,): how much of the gains counts in the choice of the first answer; None: all."""
    refinement: Refinement | None = None
    """What takes a second look, if that helps."""
    judges: Judges | None = None
    """Who told the blend last, and will tell the next one."""

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
        """Train the classifiers of all labels; the blend is the usual one.

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
            every_c = np.full(Y.shape[1], c, np.float32)
            classifiers = Classifiers.trained(X, Y, shortlists, config, c=every_c, former=None, n_threads=n_threads)
        return cls(
            classifiers,
            config.shortlist_length,
            np.array([*(config.ranker_blend or USUAL_BLEND), 0.0], np.float32),
            _label_counts(Y),
            np.array([c], np.float32),
            np.array([n_suggested(config)], np.int32),
        )

    def updated(
        self,
        X: sparse.csr_array,
        Y: sparse.csr_array,
        shortlists: sparse.csr_array | None,
        config: Config,
        *,
        n_threads: int,
    ) -> Ranker:
        """The same ranker after new samples.

        Each classifier moves from its former weights, the less the more samples have told them, so the time follows the
        new samples and their labels.
        """
        classifiers = None
        if shortlists is not None:
            c, former = np.full(Y.shape[1], self.c[0]), self.classifiers
            classifiers = Classifiers.trained(X, Y, shortlists, config, c=c, former=former, n_threads=n_threads)
        return replace(self, classifiers=classifiers).with_more_samples(Y)

    def with_more_samples(self, Y: sparse.csr_array) -> Ranker:
        """The same ranker, with more samples to count labels on."""
        return replace(self, counts=self.counts + _label_counts(Y))

    def resized(self, places: Ids, n_features: int, kept: Ids, n_labels: int) -> Ranker:
        """The same ranker for so many features, the known ones at other places, and for other labels.

        These are those of `kept`, then new ones, unknown to it.
        """
        numbers = np.full(len(self.counts), -1, np.int32)
        numbers[kept] = np.arange(len(kept), dtype=np.int32)
        new = (0, n_labels - len(kept))
        return replace(
            self,
            classifiers=self.classifiers and self.classifiers.resized(places, n_features, kept, n_labels),
            counts=np.pad(self.counts[kept], new),
            gains=None if self.gains is None else np.pad(self.gains[kept], new, constant_values=self.gains.max()),
            refinement=self.refinement and self.refinement.resized(numbers, n_labels),
            judges=self.judges and self.judges.resized(numbers),
        )

    @property
    def lengths(self) -> tuple[int, int]:
        """How many labels the network, and how many the neighbours put on a shortlist."""
        return self.shortlist_length, int(self.n_suggested.sum())

    def order(self, x: Csr, shortlist: Shortlist, *, n_threads: int) -> tuple[Ids, Float]:
        """Put the labels of each sample in the order of their scores.

        A score is the log-odds of the label by the blended evidence; under the objective ``tail`` the logarithm of
        its probability times its gain, and at least so much for the first answer, in whose choice gains count for less.
        The labels that nobody voted on come after all others, in the network's order.

        Returns
        -------
        ids, scores
            (n_samples, n): the labels of the shortlist, best first, and their scores; -inf beside -1.
        """
        margins = self.margins(x, shortlist.first(shortlist.votes.shape[1]).ids, n_threads=n_threads)
        return best_first(shortlist.ids, self.scores(shortlist, margins, n_threads=n_threads), n_threads=n_threads)

    def scores(self, shortlist: Shortlist, margins: Float | None, *, n_threads: int) -> Float:
        """The scores by which `order` puts the labels of a shortlist in order."""
        n = shortlist.votes.shape[1]
        voted = shortlist.first(n)
        scores = self.log_odds(self.evidence(voted, margins, n_threads=n_threads), voted.ids, n_threads)
        if self.gains is not None:
            scores = self._with_gains(scores, self.gains[voted.ids], voted.ids)
        if shortlist.ids.shape[1] > n:
            scores = np.hstack([scores, self._scores_below(scores, shortlist)])
        return scores

    def answers_of(self, judges: Judges, *, n_threads: int) -> tuple[Ids, Float]:
        """What `order` gives for the samples of judges."""
        part = judges.listed(self.lengths[1])
        scores = self.scores(part.shortlist, part.margins, n_threads=n_threads)
        return best_first(part.shortlist.ids, scores, n_threads=n_threads)

    def log_odds(self, evidence: Float, ids: Ids, n_threads: int) -> Float:
        """Of these labels, (n_samples, m), by what `evidence` says of them."""
        blended: Float = evidence @ self.blend[:-1] + self.blend[-1]
        if self.refinement is None:
            return blended
        return self.refinement.log_odds(evidence, blended, ids, n_threads=n_threads)

    def _with_gains(self, log_odds: Float, gains: Float, ids: Ids) -> Float:
        log_p = -np.logaddexp(0, -log_odds)
        scores: Float = log_p + gains
        if self.first_share is not None and ids.shape[1]:
            of_first = np.where(ids < 0, -np.inf, log_p + self.first_share * gains)
            best = np.max(scores, axis=1, where=ids >= 0, initial=-np.inf)
            scores[np.arange(len(ids)), of_first.argmax(axis=1)] = np.nextafter(best, np.float32(np.inf))
        return scores

    def _scores_below(self, scores: Float, shortlist: Shortlist) -> Float:
        """Scores of the labels that nobody voted on, below those of all others: by their distance in logits."""
        n = scores.shape[1]
        there = shortlist.ids[:, :n] >= 0
        least = np.min(scores, axis=1, where=there, initial=np.inf, keepdims=True)
        last = np.min(shortlist.logits[:, :n], axis=1, where=there, initial=np.inf, keepdims=True)
        rest = shortlist.logits[:, n:]
        with np.errstate(invalid="ignore"):  # infinities where there are none
            below: Float = least + self.blend[0] * (rest - np.maximum(last, rest.max(axis=1, keepdims=True)))
        return below

    def margins(self, x: Csr, ids: Ids, *, n_threads: int) -> Float | None:
        """What the labels' classifiers, if there are any, say of these samples, (n_samples, m); -inf beside -1."""
        return self.classifiers.margins(x, ids, n_threads=n_threads) if self.classifiers else None

    def evidence(self, voted: Shortlist, margins: Float | None, *, n_threads: int) -> Float:
        """What speaks for each label of a list that was voted on: (n_samples, m, 4) by `EVIDENCE`; 0 beside -1.

        The logarithm of the network's softmax over these; the margin of the label's classifier; the square root of the
        neighbours' votes; the logarithm of one more than the label's training samples.
        """
        ids, logits, votes = voted
        return kernels.label_evidence(ids, logits, margins, votes, self.counts, n_threads=n_threads)

    @classmethod
    def empty(cls, config: Config, n_features: int, n_labels: int, lengths: Mapping[str, int]) -> Ranker:
        """Room for a ranker that is to be read from a file, whose arrays have these lengths, by name."""
        of_refinement = {name.removeprefix(REFINEMENT): n for name, n in lengths.items() if name.startswith(REFINEMENT)}
        return cls(
            Classifiers.empty(lengths, n_features, n_labels) if "weights" in lengths else None,
            config.shortlist_length,
            np.zeros(len(EVIDENCE) + 1, np.float32),
            np.zeros(n_labels, np.float32),
            np.zeros(1, np.float32),
            np.zeros(lengths.get("n_suggested", 0), np.int32),
            np.zeros(n_labels, np.float32) if config.objective == "tail" else None,
            np.zeros(1, np.float32) if "first_share" in lengths else None,
            Refinement.empty(of_refinement, len(EVIDENCE), n_labels) if of_refinement else None,
            Judges.empty(lengths) if JUDGES + "groups" in lengths else None,
        )

    def blend_by_name(self) -> dict[str, float]:
        """The blend, for reports."""
        return dict(zip((*EVIDENCE, "constant"), map(float, self.blend), strict=True))

    def is_sound(self) -> bool:
        """Whether the arrays fit each other: whoever damages them must not make a verb read beyond their ends."""
        if self.lengths[1] < 0 or len(self.n_suggested) > 1:
            return False
        if self.judges and not self.judges.is_sound(len(self.counts)):
            return False
        return all(part is None or part.is_sound() for part in (self.classifiers, self.refinement))

    def named_arrays(self, *, with_state: bool = True) -> Iterator[tuple[str, NDArray[Any]]]:
        """What is saved; without what only training needs, if so wanted."""
        if self.classifiers:
            yield from self.classifiers.named_arrays(with_state=with_state)
        yield from (("blend", self.blend), ("counts", self.counts), ("c", self.c))
        if len(self.n_suggested):
            yield "n_suggested", self.n_suggested
        if self.gains is not None:
            yield "gains", self.gains
        if self.first_share is not None:
            yield "first_share", self.first_share
        if self.refinement:
            yield from ((REFINEMENT + name, array) for name, array in self.refinement.named_arrays())
        if self.judges and with_state:
            yield from self.judges.named_arrays()


def n_suggested(config: Config) -> int:
    """How many labels the neighbours may add to a shortlist, as far as the options say."""
    if config.n_suggested is not None:
        return config.n_suggested
    return USUAL_SUGGESTED if config.n_neighbours else 0


def _label_counts(Y: sparse.csr_array) -> Float:
    return np.bincount(Y.indices, minlength=Y.shape[1]).astype(np.float32)
