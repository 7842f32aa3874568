"""Training of the rankers: a network's shortlists -> classifiers -> the blend, on samples kept back for it."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from slidelearn.batches import repeated, to_csr
from slidelearn.callbacks.base import Callback
from slidelearn.config import Config
from slidelearn.inference import shortlist_of
from slidelearn.kernels import Float
from slidelearn.metrics import best_threshold, propensities, propensities_of_counts
from slidelearn.model.model import Member, Model
from slidelearn.ranking.blending import OTHERS_GAIN, blended, with_gains
from slidelearn.ranking.judges import Judges
from slidelearn.ranking.neighbours import Neighbours
from slidelearn.ranking.ranker import USUAL_C, Ranker, n_suggested
from slidelearn.ranking.refinement import partners_of
from slidelearn.ranking.settled import Settled
from slidelearn.ranking.shortlist import mean_answers
from slidelearn.training.hold_out import hold_out, near_groups
from slidelearn.training.shortlists import are_cheap, make_shortlists

LEAST_HELD_OUT, MOST_HELD_OUT = 30, 3000
"""Samples held out to choose C and the blend on; where so few can be that they tell little, none are."""
LARGEST_PART = 3
"""At most one in so many samples is held out, even if they are few."""
PART_FOR_NOW = 10
"""One in so many is held out where it is trained on later: by a rehearsal."""
PART, LARGEST_PART_FOR_GOOD, ENOUGH_FOR_GOOD = 100, 40, 1200
"""One in so many is held out for good; of fewer samples more, at most one in so many, until they are enough."""
MOST_ALIKE = 5
"""Near-duplicates of a held-out sample, on average, above which they are not left out: samples are that much alike."""
LEAST_JUDGES = 15
"""With fewer, after near-duplicates, the usual blend is taken."""
MOST_OF_GROUP = 3
"""Near-duplicates of each other that judge: more of them say the same again, too loud."""
LEAST_C = 0.05
REHEARSED_BELOW = 60_000
"""Samples below which there is a rehearsal: a training on nine tenths of them, for C and the blend, then the one on all
of them. That takes seconds, and of so few samples none can be spared."""


@dataclass(frozen=True)
class KeptBack:
    """Samples that neither network nor classifiers are trained on."""

    held_out: NDArray[np.int64]
    """To choose on."""
    left_out: NDArray[np.int64]
    """Near-duplicates of these."""

    @classmethod
    def nothing(cls) -> Self:
        """No samples."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64))

    @classmethod
    def of(cls, X: sparse.csr_array, rows: NDArray[np.int64], rng: np.random.Generator, *, for_now: bool) -> Self:
        """Some of the samples `rows` of X: a tenth, or enough, if missing only for now; else as few as will do."""
        n, order = len(rows), rng.permutation(rows)
        if for_now:
            most = max(n // PART_FOR_NOW, min(n // LARGEST_PART, LEAST_HELD_OUT))
        else:
            most = max(n // PART, min(n // LARGEST_PART_FOR_GOOD, ENOUGH_FOR_GOOD))
        kept_back = cls(*hold_out(X, order, MOST_HELD_OUT, most))
        n_held_out, n_left_out = len(kept_back.held_out), len(kept_back.left_out)
        if n_held_out < LEAST_HELD_OUT or n_left_out > MOST_ALIKE * n_held_out:  # new samples will have twins as well
            kept_back = cls(np.sort(order[: min(most, MOST_HELD_OUT)]), np.empty(0, np.int64))
        return kept_back if len(kept_back.held_out) >= LEAST_HELD_OUT else cls.nothing()

    def judges(self, X: sparse.csr_array, weights: Float | None) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Those that judge, some near-duplicates of each other among them, and the numbers of their groups.

        Heavy ones judge several times; if there are too few to judge at all, none do.
        """
        rows = self.all
        groups = near_groups(X, rows)
        order = np.argsort(groups, kind="stable")
        _, first = np.unique(groups[order], return_index=True)
        place = np.arange(len(rows)) - np.repeat(first, np.bincount(groups))
        few = np.sort(order[place < MOST_OF_GROUP])
        if len(few) < LEAST_JUDGES:
            return rows[:0], groups[:0]
        few = repeated(few, None if weights is None else weights[rows])
        return rows[few], groups[few]

    @property
    def all(self) -> NDArray[np.int64]:
        """The numbers of all of them."""
        return np.concatenate([self.held_out, self.left_out])


def rehearses(config: Config, n_samples: int) -> bool:
    """Whether there is to be a rehearsal on a part of the samples, for C and the blend."""
    are_few = LARGEST_PART * LEAST_HELD_OUT <= n_samples < REHEARSED_BELOW
    return are_few and needs_held_out(config) and config.max_seconds is None


def needs_held_out(config: Config) -> bool:
    """Whether there is something to choose on held-out samples."""
    return config.ranker and (config.ranker_blend is None or config.ranker_c is None)


def train_rankers(
    model: Model,
    X: sparse.csr_array,
    Y: sparse.csr_array,
    rows: NDArray[np.int64],
    kept_back: KeptBack,
    n_threads: int,
    callbacks: Sequence[Callback] = (),
    *,
    weights: Float | None = None,
    deadline: float = math.inf,
) -> float | None:
    """Make samples of `rows` the model's neighbours, and train its members' rankers.

    On the samples held out, C is chosen and the evidence is blended; then all samples kept back become neighbours.
    After the deadline, by ``time.perf_counter()``, there are no classifiers, and no refinement. What samples count, by
    `weights`, counts for those kept back: among `rows`, heavy ones are there several times.

    Returns
    -------
    Score from which on held-out samples had the label, as far as one score can tell.
    """
    config = model.network.config
    X_rows, Y_rows = X[rows], Y[rows]
    rows_of_judges, groups = kept_back.judges(X, weights)
    x, y = to_csr(X[rows_of_judges]), Y[rows_of_judges]
    model.neighbours = _neighbours(config, X_rows, Y_rows)
    n_best, most = min(config.shortlist_length, model.network.n_labels), n_suggested(config)
    others, answers = repeated(kept_back.all, weights), []
    for member in model.members:
        judges = None
        if x.n_rows:
            asked = shortlist_of(member, x, model.neighbours, (n_best, most), n_threads=n_threads)
            judges = Judges.of(asked, y, groups, n_best)
        in_time = time.perf_counter() < deadline
        ranker = _classified(member, X_rows, Y_rows, judges, n_threads, callbacks, in_time=in_time)
        if judges:
            judges = judges.hearing(ranker.margins(x, judges.shortlist.ids, n_threads=n_threads))
        ranker = _judged(ranker, config, Y_rows, judges, n_threads, in_time=in_time)
        if judges:
            answers.append(ranker.answers_of(judges, n_threads=n_threads))
        member.ranker = ranker.with_more_samples(Y[others])
    if model.neighbours:
        model.neighbours = model.neighbours.with_more(X[others], Y[others])
    return best_threshold(*mean_answers(answers, n_threads=n_threads), y) if answers else None


def _classified(
    member: Member,
    X: sparse.csr_array,
    Y: sparse.csr_array,
    judges: Judges | None,
    n_threads: int,
    callbacks: Sequence[Callback],
    *,
    in_time: bool,
) -> Ranker:
    """A ranker for the shortlists of a member, with classifiers if there is the time; `judges`, if any, choose C."""
    config, listed = member.network.config, None
    c = config.ranker_c or (c_by(judges) if judges else USUAL_C)
    if in_time and wants_classifiers(config, *Y.shape):
        listed = listed_labels(member, X, n_threads, callbacks)
    return Ranker.trained(X, Y, listed, config, c=c, n_threads=n_threads)


def _judged(
    ranker: Ranker, config: Config, Y: sparse.csr_array, judges: Judges | None, n_threads: int, *, in_time: bool
) -> Ranker:
    """The ranker with the blend, and all else, that `judges`, if any, find best; Y are the labels it was trained on."""
    if judges and config.ranker_blend is None:
        partners = partial(partners_of, Y) if in_time else None
        ranker = blended(ranker, judges, partners, may_shorten=config.n_suggested is None, n_threads=n_threads)
        ranker = replace(ranker, judges=judges.heard().last())
    if config.objective == "tail":
        ranker = with_gains(ranker, judges, -np.log(propensities(Y)).astype(np.float32), n_threads=n_threads)
    return ranker


def c_by(judges: Judges) -> float:
    """C by how often the network alone is right: where it rarely is, so are what classifiers learn from.

    A sample that has n of the labels on its list is asked whether one of them is among the first n.
    """
    part = judges.listed(0)
    return max(part.hit_rate(part.shortlist.logits), LEAST_C)


def refit_rankers(
    model: Model,
    settled: Settled,
    X: sparse.csr_array,
    Y: sparse.csr_array,
    n_threads: int,
    callbacks: Sequence[Callback],
) -> None:
    """Train rankers with the C, the blend and all else that another chose, which was trained with fewer samples."""
    config = model.network.config
    model.neighbours = _neighbours(config, X, Y)
    for member in model.members:
        listed = listed_labels(member, X, n_threads, callbacks) if settled.has_classifiers else None
        member.ranker = settled.put_in(Ranker.trained(X, Y, listed, config, c=settled.c, n_threads=n_threads))


def update_rankers(
    model: Model, X: sparse.csr_array, Y: sparse.csr_array, n_threads: int, callbacks: Sequence[Callback]
) -> None:
    """Bring the rankers that a model has up to date with new samples, which join the neighbours."""
    for member in model.members:
        if member.ranker:
            listed = listed_labels(member, X, n_threads, callbacks) if member.ranker.classifiers else None
            ranker = member.ranker.updated(X, Y, listed, member.network.config, n_threads=n_threads)
            member.ranker = _with_gains_of_now(ranker, int(model.seen.n_samples[0])) if model.seen else ranker
    if model.neighbours:
        model.neighbours = model.neighbours.with_more(X, Y)


def _with_gains_of_now(ranker: Ranker, n_samples: int) -> Ranker:
    """The ranker with the gains, if it has any, that the counts of its labels in so many samples give."""
    if ranker.gains is None:
        return ranker
    log_gains = -np.log(propensities_of_counts(ranker.counts.astype(np.int64), n_samples))
    return replace(ranker, gains=OTHERS_GAIN * log_gains.astype(np.float32))


def _neighbours(config: Config, X: sparse.csr_array, Y: sparse.csr_array) -> Neighbours | None:
    return Neighbours.of(X, Y, config.n_neighbours, config.vote_power) if config.n_neighbours else None


def wants_classifiers(config: Config, n_samples: int, n_labels: int) -> bool:
    """Whether the options want classifiers for so many samples and labels."""
    if config.classifiers == "if_cheap":
        return are_cheap(n_samples, n_labels, config)
    return config.classifiers == "always"


def listed_labels(
    member: Member, X: sparse.csr_array, n_threads: int, callbacks: Sequence[Callback]
) -> sparse.csr_array:
    """The shortlists that classifiers are trained on; callbacks are told how far they are."""

    def after_batch(n_done: int, n_listed: int) -> None:
        for callback in callbacks:
            callback.on_shortlists(n_done, n_listed)

    return make_shortlists(member, X, n_threads, after_batch)
