"""Rehearsals: where samples are few, a training on a part of them; the rest tell which choices suit new samples.

Only these choices are kept: a second training, on all samples, uses them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from slidelearn.callbacks.base import Callback
from slidelearn.config import Config
from slidelearn.inference import top_k
from slidelearn.metrics import best_threshold
from slidelearn.model.model import Model
from slidelearn.ranking.settled import Settled
from slidelearn.training.model_training import ModelTraining
from slidelearn.training.ranker_training import MOST_HELD_OUT, REHEARSED_BELOW, rehearses
from slidelearn.training_set import TrainingSet


@dataclass(frozen=True)
class Found:
    """What a rehearsal found."""

    settled: Settled | None = None
    threshold: float | None = None
    kept_back: dict[str, int] = field(default_factory=dict)
    """How many samples were kept back, by name."""


def rehearse(
    config: Config,
    samples: TrainingSet,
    trained: Callable[[TrainingSet], Model],
    *,
    several: bool,
    n_threads: int,
    callbacks: Sequence[Callback],
) -> Found:
    """Find what only held-out samples can tell, where samples are so few that training twice takes seconds.

    Parameters
    ----------
    config, samples
        The options and the samples of the training to come.
    trained
        Trains a model on some samples.
    several
        Whether a sample may have several labels, so that answers need a threshold.
    n_threads, callbacks
        As in `slidelearn.fitting.beginning.begin`.
    """
    n_labelled = len(samples.labelled)
    if rehearses(config, n_labelled):
        for callback in callbacks:
            callback.on_trial("ranker_blend", "found on a part of the samples")
        model = trained(samples)  # which holds some out by itself
        ranker = model.members[0].ranker
        assert ranker
        kept_back = {name: model.training[name] for name in ("n_held_out", "n_left_out")}
        return Found(Settled.of(ranker, model.training["threshold"]), kept_back=kept_back)
    if several and config.ranker and config.max_seconds is None and 1 < n_labelled < REHEARSED_BELOW:
        part, others = _divided(samples, config.random_state)
        return Found(threshold=_threshold_on(trained(part), others, n_threads))
    return Found()


def threshold_of(training: ModelTraining, n_threads: int) -> float:
    """The score from which on a trained model gives labels: found on held-out samples, else on training samples."""
    known: float | None = training.model.training["threshold"]
    return _threshold_on(training.model, training.samples, n_threads) if known is None else known


def _divided(samples: TrainingSet, random_state: int) -> tuple[TrainingSet, TrainingSet]:
    """Two thirds of the samples, and the others."""
    order = np.random.default_rng(random_state).permutation(samples.labelled)
    n_others = -(-len(order) // 3)
    return samples.take(np.sort(order[n_others:])), samples.take(np.sort(order[:n_others]))


def _threshold_on(model: Model, samples: TrainingSet, n_threads: int) -> float:
    some = samples.take(samples.labelled[:MOST_HELD_OUT])
    ids, scores = top_k(
        model.members, some.X, model.n_listed, neighbours=model.neighbours, method="exact", n_threads=n_threads
    )
    return best_threshold(ids, scores, some.Y)
