"""How a ranker's evidence is blended: what tells best which labels on their shortlists some held-out samples have.

First a logistic regression, whose few weights a few hundred samples settle; then a refinement, where half of the
samples say that it serves the other half better. Under the objective ``tail`` also how much rare labels may count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from slidelearn.kernels import Csr, Float
from slidelearn.ranking.judges import Judges
from slidelearn.ranking.ranker import EVIDENCE, FREQUENCY, Ranker
from slidelearn.ranking.refinement import Refinement, first_places

TOLERATED_LOSS = 0.005
"""Of P@1, that favouring rare labels may cost on held-out samples."""
OTHERS_GAIN, USUAL_FIRST_SHARE = np.float32(0.7), np.float32(0.3)
"""The power of a label's gain under the objective ``tail``, and how much of it counts for the first answer where no
samples tell: of the answers after the first, about a point of P@5 is given for two to four of PSP@5."""


LEAST_RIGHT, ENOUGH_RIGHT, CLEAR_GAIN = 500, 2500, 0.03
"""Right labels on the lists of held-out samples from which a refinement is tried, and from which on any gain is
believed; of fewer it takes chance for sense, unless it lowers the loss by at least this share."""


def blended(
    ranker: Ranker,
    judges: Judges,
    partners: Callable[[], Csr] | None,
    *,
    may_shorten: bool = True,
    n_threads: int,
) -> Ranker:
    """The same ranker, with the blend that tells best which labels on their shortlists held-out samples have.

    Parameters
    ----------
    ranker
        Its classifiers and neighbours had not seen the judges' samples. If it has a refinement, that stays where judges
        are too few for another one, and where they are many the next one need not prove again that it is of use.
    judges
        What was known of their labels.
    partners
        Tells which labels come together (`slidelearn.ranking.refinement.partners_of`); None: no refinement is wanted.
    may_shorten
        Whether the neighbours need not add labels any more if the answers are no better with these.
    """
    most = ranker.lengths[1]
    fitted = []
    for n in sorted({0 if may_shorten else most, most}):
        known = _Known(ranker, judges.listed(n), n_threads)
        fit = replace(ranker, blend=known.blend(ranker.blend), refinement=None, n_suggested=np.array([n], np.int32))
        fitted.append((known.precision(fit), -n, fit, known))
    _, _, fit, known = max(fitted, key=lambda one: one[:2])
    if partners is None or known.n_right < LEAST_RIGHT:
        return replace(fit, refinement=ranker.refinement)
    return known.refined(fit, partners(), ranker.refinement)


def with_gains(ranker: Ranker, judges: Judges | None, log_gains: Float, *, n_threads: int) -> Ranker:
    """The same ranker, for which right labels count as much as the given gains say, (n_labels,), to a power.

    In the choice of the first answer they count for less: for so much that it costs at most `TOLERATED_LOSS` of P@1 on
    held-out samples; without any, for what is usual.
    """
    ranker = replace(ranker, gains=OTHERS_GAIN * log_gains, first_share=np.array([USUAL_FIRST_SHARE]))
    if judges is None:
        return ranker
    found, part = [], judges.listed(ranker.lengths[1])
    for share in np.arange(11, dtype=np.float32) / 10:
        ranker = replace(ranker, first_share=np.array([share]))
        scores = ranker.scores(part.shortlist, part.margins, n_threads=n_threads)
        found.append((part.precision(scores, 1), ranker))
    return [ranker for precision, ranker in found if precision >= found[0][0] - TOLERATED_LOSS][-1]


class _Known:
    """Judges' labels, what speaks for these, and which are right."""

    def __init__(self, ranker: Ranker, judges: Judges, n_threads: int) -> None:
        self._judges, self._n_threads = judges, n_threads
        self._evidence = ranker.evidence(judges.shortlist, judges.margins, n_threads=n_threads)
        self._ids, self._is_own, self._listed = judges.shortlist.ids, judges.is_own, judges.shortlist.ids >= 0

    @property
    def n_right(self) -> int:
        """How many of the labels are right."""
        return int(self._is_own.sum())

    @property
    def tell(self) -> bool:
        """Whether some of the labels are right, and some are not."""
        return bool(0 < self.n_right < self._listed.sum())

    def blend(self, former: Float) -> Float:
        """Weights of the evidence and a constant, by a logistic regression; the former ones where that cannot be."""
        if not self.tell:
            return former
        evidence, is_own = self._evidence[self._listed], self._is_own[self._listed]
        blend = np.zeros(len(EVIDENCE) + 1, np.float32)
        spread = evidence.std(axis=0)
        known = [number for number in range(len(EVIDENCE)) if spread[number]]
        while known:  # what speaks against labels, beside what speaks for them, has only been fitted to noise
            model = LogisticRegression().fit(evidence[:, known] / spread[known], is_own)
            weights = model.coef_[0] / spread[known]
            against = [n for n, weight in zip(known, weights, strict=True) if weight < 0 and n != FREQUENCY]
            if not against:
                blend[known], blend[-1] = weights, model.intercept_[0]
                break
            known.remove(against[0])
        return blend

    def refined(self, ranker: Ranker, partners: Csr, former: Refinement | None) -> Ranker:
        """The ranker, which has none, with a new refinement if that is of use, else with the former one."""
        is_proven = former is not None and self.n_right >= ENOUGH_RIGHT
        if is_proven or self._gain_of_refinement(ranker, partners) > (CLEAR_GAIN if self.n_right < ENOUGH_RIGHT else 0):
            return self._with_refinement(ranker, partners)
        return replace(ranker, refinement=former)

    def _gain_of_refinement(self, ranker: Ranker, partners: Csr) -> float:
        """By what share of the loss one that half of the groups taught judges the other half better."""
        before = after = 0.0
        halves = [np.flatnonzero(self._judges.groups % 2 == half) for half in (0, 1)]
        for taught, asked in (halves, halves[::-1]):
            teacher, judge = (_Known(ranker, self._judges.of_rows(rows), self._n_threads) for rows in (taught, asked))
            if not teacher.tell or not judge.tell:
                return 0.0
            plain = replace(ranker, blend=teacher.blend(ranker.blend))
            # Where a refinement looks.
            first = first_places(judge.log_odds(plain), judge._ids, n_threads=self._n_threads)
            before += judge.loss(plain, first)
            after += judge.loss(teacher._with_refinement(plain, partners), first)
        return 1 - after / before if before else 0.0  # nothing is left to gain where the first look is never wrong

    def precision(self, ranker: Ranker) -> float:
        """P@1 + P@3 + P@5."""
        scores = self.log_odds(ranker)
        return sum(self._judges.precision(scores, k) for k in (1, 3, 5) if k <= scores.shape[1])

    def log_odds(self, ranker: Ranker) -> Float:
        """Of all labels on the lists."""
        return ranker.log_odds(self._evidence, self._ids, self._n_threads)

    def loss(self, ranker: Ranker, places: NDArray[np.int64]) -> float:
        """The mean logistic loss of the labels at these places of the lists."""
        log_odds = self.log_odds(ranker)
        losses = np.logaddexp(0, np.where(self._is_own, -log_odds, log_odds))
        losses, listed = (np.take_along_axis(array, places, axis=1) for array in (losses, self._listed))
        return float(losses[listed].mean())

    def _with_refinement(self, ranker: Ranker, partners: Csr) -> Ranker:
        refinement = Refinement.fitted(
            self._evidence, self.log_odds(ranker), self._ids, self._is_own, partners, n_threads=self._n_threads
        )
        return replace(ranker, refinement=refinement)
