"""Test, then train: what a model answers for new samples, before it learns from them, tells how it should learn.

Its answers are as good as anybody would get. So they tell how to blend the evidence, and from which score on to give a
label; and where the sampler remembers hard negatives, its wrong answers are those that a first pass over samples
otherwise lacks. (Prequential evaluation: Dawid, 1984.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy import sparse

from slidelearn.batches import to_csr
from slidelearn.callbacks.base import Callback
from slidelearn.inference import shortlist_of, top_k
from slidelearn.kernels import Csr, Float, Ids
from slidelearn.metrics import best_threshold
from slidelearn.model.model import Member, Model
from slidelearn.ranking.blending import blended
from slidelearn.ranking.judges import MOST_KEPT, Judges
from slidelearn.ranking.neighbours import Neighbours
from slidelearn.ranking.ranker import Ranker, n_suggested
from slidelearn.ranking.refinement import partners_of
from slidelearn.ranking.shortlist import best_first, mean_answers
from slidelearn.training.ranker_training import LEAST_HELD_OUT, c_by, listed_labels

ENOUGH = 1000
"""Samples with which what was known of the blend, of C and of the threshold before counts no more."""
NEWS = 1 / 3
"""Share of the judges that must be new before all are asked again."""


class Answers(NamedTuple):
    """What new samples tell before they are learnt from."""

    hard_negatives: Ids | None
    """(n_samples, n_hard_negatives): labels that are best for a sample, but wrong, best first; -1: no more. None: the
    sampler has no memory for them."""
    threshold: float | None
    """Score from which on these samples had a label, as far as one score can tell; None: they are too few."""
    share: float
    """How much they count beside what was known of the blend and the threshold, from 0 to 1."""

    def moved(self, threshold: float | None) -> float | None:
        """A threshold that was known before, as far towards the one of these samples as they count."""
        if threshold is None or self.threshold is None:
            return threshold
        return (1 - self.share) * threshold + self.share * self.threshold


def answer_first(
    model: Model, X: sparse.csr_array, Y: sparse.csr_array, n_known: int, n_threads: int, callbacks: Sequence[Callback]
) -> Answers:
    """Let a model answer samples that it is about to learn from; its rankers get a new blend.

    The blend moves to the one that suits these samples best, all the way if they are `ENOUGH`, and by so much
    less as they are fewer.

    Parameters
    ----------
    model
        Trained; its rankers are replaced.
    X, Y
        (n_samples, n_features) and (n_samples, n_labels): the samples, as the model is to see them.
    n_known
        Labels that the model knew before. The rows of those after them began in the direction of these very samples,
        so what it says of them tells nothing.
    """
    memory = "memory" in model.network.config.samplers
    hard_negatives = _hard_negatives(model.members[0], X, Y, n_threads, callbacks) if memory else None
    known = Y[:, :n_known]
    labelled = np.flatnonzero(np.diff(known.indptr))
    if not len(labelled):
        return Answers(hard_negatives, None, 0.0)
    some = labelled[np.linspace(0, len(labelled) - 1, min(len(labelled), MOST_KEPT)).astype(np.int64)]
    asked, known = X[some], known[some]
    answers = []
    for member in model.members:
        if member.ranker:
            judges = _asked(member, member.ranker, model.neighbours, to_csr(asked), known, n_threads)
            member.ranker = _reblended(member, member.ranker, judges, model.neighbours, Y, n_threads)
            answers.append(member.ranker.answers_of(judges, n_threads=n_threads))
        else:
            ids, scores = _of_known(*top_k([member], asked, member.n_listed, n_threads=n_threads), n_known)
            answers.append(best_first(ids, scores, n_threads=n_threads))
    if len(some) < LEAST_HELD_OUT:
        return Answers(hard_negatives, None, 0.0)
    threshold = best_threshold(*mean_answers(answers, n_threads=n_threads), known)
    return Answers(hard_negatives, threshold, min(len(some) / ENOUGH, 1.0))


def _asked(
    member: Member, ranker: Ranker, neighbours: Neighbours | None, x: Csr, known: sparse.csr_array, n_threads: int
) -> Judges:
    """New samples, their features and known labels, as judges of the ranker."""
    n_best, most = min(ranker.shortlist_length, member.network.n_labels), n_suggested(member.network.config)
    asked = shortlist_of(member, x, neighbours, (n_best, most), n_threads=n_threads)
    ids, logits = _of_known(asked.ids, asked.logits, known.shape[1])
    judges = Judges.of(asked._replace(ids=ids, logits=logits), known, np.arange(x.n_rows, dtype=np.int32), n_best)
    return judges.hearing(ranker.margins(x, ids, n_threads=n_threads))


def _reblended(
    member: Member, ranker: Ranker, new: Judges, neighbours: Neighbours | None, Y: sparse.csr_array, n_threads: int
) -> Ranker:
    """The ranker after its former judges and new ones have been asked, if enough of them are new.

    A refinement is as good as the evidence that it was taught with: enough judges teach a new one. Which labels come
    together, it learns from the labels Y of all new samples, and the first one from those of the neighbours too.
    """
    config = member.network.config
    if config.ranker_blend is not None:
        return ranker
    former = ranker.refinement
    if former:
        former = replace(former, partners=partners_of(Y, former.partners, ranker.counts))
        ranker = replace(ranker, refinement=former)
    judges = ranker.judges.followed_by(new) if ranker.judges else new
    ranker = replace(ranker, judges=judges)
    if len(judges) < LEAST_HELD_OUT or judges.n_unheard[0] < NEWS * len(judges):
        return ranker
    share = np.float32(min(len(judges) / ENOUGH, 1.0))
    offered = replace(ranker, n_suggested=np.array([n_suggested(config)], np.int32))

    def partners() -> Csr:
        if former:
            return former.partners
        return partners_of(sparse.csr_array(sparse.vstack([neighbours.samples()[1], Y])) if neighbours else Y)

    fitted = blended(
        offered,
        judges,
        partners if share == 1 else None,
        may_shorten=config.n_suggested is None,
        n_threads=n_threads,
    )
    c = ranker.c if config.ranker_c is not None else (1 - share) * ranker.c + share * np.float32(c_by(judges))
    blend = (1 - share) * ranker.blend + share * fitted.blend
    return replace(fitted if share == 1 else ranker, blend=blend, c=c.astype(np.float32), judges=judges.heard())


def _of_known(ids: Ids, scores: Float, n_known: int) -> tuple[Ids, Float]:
    """Answers without labels that are not among the first so many; -1 and -inf in their places."""
    is_known = ids < n_known
    return np.where(is_known, ids, np.int32(-1)), np.where(is_known, scores, np.float32(-np.inf))


def _hard_negatives(
    member: Member, X: sparse.csr_array, Y: sparse.csr_array, n_threads: int, callbacks: Sequence[Callback]
) -> Ids:
    """Of the labels on each sample's shortlist, the first that are not its own."""
    listed = listed_labels(member, X, n_threads, callbacks)
    row = np.repeat(np.arange(listed.shape[0]), np.diff(listed.indptr))
    own = np.repeat(np.arange(Y.shape[0], dtype=np.int64) * Y.shape[1], np.diff(Y.indptr)) + Y.indices
    wrong = ~np.isin(row * np.int64(Y.shape[1]) + listed.indices, own)
    so_far = np.concatenate([[0], np.cumsum(wrong)])
    rank = so_far[:-1] - so_far[listed.indptr[row]]
    found = np.full((listed.shape[0], member.network.config.n_hard_negatives), -1, np.int32)
    taken = wrong & (rank < found.shape[1])
    found[row[taken], rank[taken]] = listed.indices[taken]
    return found
