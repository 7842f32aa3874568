"""Shortlists: the few labels that a ranker puts in order, and what is known of them before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from slidelearn import kernels
from slidelearn.kernels import Float, Ids

LOG_ODDS = -700.0, 30.0
"""What probabilities can be told from 0 and from 1: log-odds beyond these count as these."""


class Shortlist(NamedTuple):
    """Labels that answers are chosen from, and what is known of them already."""

    ids: Ids
    """(n_samples, n); -1 for none."""
    logits: Float
    """(n_samples, n): the network's; -inf beside -1."""
    votes: Float
    """(n_samples, m): the neighbours' for the first m, which the ranker puts in order; those after them have the
    network's order."""

    def first(self, n: int) -> Shortlist:
        """The first n labels of each sample, in arrays that verbs take."""
        ids, logits, votes = self
        together = np.ascontiguousarray
        return Shortlist(together(ids[:, :n]), together(logits[:, :n]), together(votes[:, :n]))

    def of_rows(self, rows: NDArray[np.int64]) -> Shortlist:
        """Some of the samples."""
        return Shortlist(self.ids[rows], self.logits[rows], self.votes[rows])

    def followed_by(self, other: Shortlist) -> Shortlist:
        """These samples, and others whose lists are as long."""
        ids, logits, votes = other
        return Shortlist(np.vstack([self.ids, ids]), np.vstack([self.logits, logits]), np.vstack([self.votes, votes]))


def best_first(ids: Ids, scores: Float, *, n_threads: int) -> tuple[Ids, Float]:
    """The labels of each list, (n_samples, m), by their scores, and these; last the places of -1, with -inf."""
    places = kernels.best_places(ids, scores, ids.shape[1], n_threads=n_threads)
    rows = np.arange(len(ids))[:, None]
    ordered = ids[rows, places]
    return ordered, np.where(ordered < 0, np.float32(-np.inf), scores[rows, places])


def mean_answers(answers: Sequence[tuple[Ids, Float]], *, n_threads: int) -> tuple[Ids, Float]:
    """The labels of several answers to the same samples, best first by the mean of their probabilities.

    Parameters
    ----------
    answers
        Of each, (n_samples, m) labels, -1 for none, and their log-odds, or what stands for them under the objective
        ``tail``. What is not in an answer is impossible there.

    Returns
    -------
    ids, scores
        (n_samples, sum of all m): labels and their log-odds; last the places of -1, with -inf.
    """
    if len(answers) == 1:
        return answers[0]
    ids = np.hstack([ids for ids, _ in answers])
    probabilities = expit(np.hstack([scores for _, scores in answers]).clip(*LOG_ODDS).astype(np.float64))
    order = np.argsort(ids, axis=1, kind="stable")
    ids, probabilities = np.take_along_axis(ids, order, axis=1), np.take_along_axis(probabilities, order, axis=1)
    is_first = np.ones(ids.shape, bool)
    is_first[:, 1:] = ids[:, 1:] != ids[:, :-1]
    sums = np.zeros(ids.shape)
    sums[is_first] = np.add.reduceat(probabilities.ravel(), np.flatnonzero(is_first))
    scores = logit(sums / len(answers)).astype(np.float32)
    return best_first(np.where(is_first, ids, np.int32(-1)), scores, n_threads=n_threads)
