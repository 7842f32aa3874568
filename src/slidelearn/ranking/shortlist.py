"""Shortlists: the few labels that a ranker puts in order, and what is known of them before."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from slidelearn import kernels
from slidelearn.kernels import Float, Ids


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


def best_first(ids: Ids, scores: Float, *, n_threads: int) -> tuple[Ids, Float]:
    """The labels of each list, (n_samples, m), by their scores, and these; last the places of -1, with -inf."""
    places = kernels.best_places(ids, scores, ids.shape[1], n_threads=n_threads)
    rows = np.arange(len(ids))[:, None]
    ordered = ids[rows, places]
    return ordered, np.where(ordered < 0, np.float32(-np.inf), scores[rows, places])
