"""What surrounds a training: options that depend on the data, a rehearsal where samples are few, and a threshold.

A rehearsal is a training on a part of the samples, so that the others can tell what serves new samples; only what it
settles is kept.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slidelearn.budget import Deadline, fit_into
from slidelearn.callbacks import Callback
from slidelearn.checkpoint import Model
from slidelearn.config import Config
from slidelearn.features import Standards
from slidelearn.inference import top_k
from slidelearn.kernels import Float
from slidelearn.machine import require_memory
from slidelearn.matrices import FloatCsr
from slidelearn.metrics import best_threshold
from slidelearn.network import Network
from slidelearn.pilot import choose_options
from slidelearn.ranker import Ranker
from slidelearn.ranker_training import MOST_HELD_OUT, REFIT_BELOW, refits
from slidelearn.training import train_model, training_bytes


class TrainingSet(NamedTuple):
    """What a model learns from, features as the network is to see them."""

    X: FloatCsr
    Y: FloatCsr
    weights: Float | None
    """(n_samples,): what each counts; None: all the same."""

    def take(self, rows: NDArray[np.int64]) -> TrainingSet:
        """Some of them."""
        return TrainingSet(self.X[rows], self.Y[rows], None if self.weights is None else self.weights[rows])

    @property
    def labelled(self) -> NDArray[np.int64]:
        """The numbers of those that have a label."""
        return np.flatnonzero(np.diff(self.Y.indptr))


def start_model(config: Config, samples: TrainingSet, standards: Standards | None) -> Model:
    """A model for as many features and labels, untrained.

    Raises
    ------
    MemoryError
        If training it would not fit.
    """
    n_features, n_labels = samples.X.shape[1], samples.Y.shape[1]
    if not n_features or not n_labels:
        raise ValueError(f"X and y must have columns, but X has {n_features} and y has {n_labels}")
    remedy = "choose smaller hidden_sizes, the optimizer 'adagrad', or ranker=False"
    require_memory(training_bytes(config, samples.X, samples.Y), "training", remedy)
    rng = np.random.default_rng(config.random_state)
    networks = [Network(config, n_features, n_labels, rng) for _ in range(config.n_models)]
    return Model(networks, rng, standards=standards)


def fit_model(
    config: Config,
    free: set[str],
    samples: TrainingSet,
    standards: Standards | None,
    *,
    several: bool,
    n_threads: int,
    callbacks: Sequence[Callback],
    adopt: Callable[[Model], None],
) -> float | None:
    """Train a model from the start.

    Parameters
    ----------
    config
        The options in force, but for those that time or a pilot chooses.
    free
        Names of the options that may be chosen.
    samples, standards
        What to learn from, and what it was standardised by.
    several
        Whether a sample may have several labels, so that answers need a threshold.
    adopt
        Called with the model before it is trained.

    Returns
    -------
    threshold
        None without need of one.
    """
    began, deadline = time.perf_counter(), math.inf
    expected: dict[str, float] = {}
    if config.max_seconds:
        deadline = began + config.max_seconds
        config, expected = fit_into(config, free, *samples[:2], n_threads, deadline - time.perf_counter())
        callbacks = [*callbacks, Deadline(deadline)]
    config, trials = choose_options(config, free, *samples[:2], n_threads, callbacks)

    def trained(part: TrainingSet, callbacks: Sequence[Callback] = (), settled: Ranker | None = None) -> Model:
        model = start_model(config, part, standards)
        if part is samples:
            adopt(model)
        model.training = train_model(
            model, part.X, part.Y, config, config.n_epochs, n_threads, callbacks, deadline, settled, part.weights
        )
        return model

    n_labelled = len(samples.labelled)
    settled, threshold, kept_back = None, None, {}
    if refits(config, n_labelled):
        for callback in callbacks:
            callback.on_trial("ranker_blend", "found on a part of the samples")
        rehearsal = trained(samples)  # which holds some out by itself
        settled = rehearsal.ranker
        kept_back = {name: rehearsal.training[name] for name in ("n_held_out", "n_left_out")}
        del rehearsal  # before the next one takes as much memory
    elif several and config.ranker and config.max_seconds is None and 1 < n_labelled < REFIT_BELOW:
        part, others = _divided(samples, config.random_state)
        threshold = threshold_on(trained(part), others, n_threads)
    model = trained(samples, callbacks, settled)
    model.training |= {"pilot": trials, "plans": expected, **kept_back}
    if not several:
        return None
    found = model.training["threshold"] if threshold is None else threshold
    return threshold_on(model, samples, n_threads) if found is None else found


def threshold_on(model: Model, samples: TrainingSet, n_threads: int) -> float:
    """The score from which on a model should give labels, by some samples."""
    some = samples.take(samples.labelled[:MOST_HELD_OUT])
    ids, scores = top_k(model.networks, some.X, model.n_listed, ranker=model.ranker, n_threads=n_threads)
    return best_threshold(ids, scores, some.Y)


def _divided(samples: TrainingSet, random_state: int) -> tuple[TrainingSet, TrainingSet]:
    """Two thirds of the samples, and the others."""
    order = np.random.default_rng(random_state).permutation(samples.labelled)
    n_others = -(-len(order) // 3)
    return samples.take(np.sort(order[n_others:])), samples.take(np.sort(order[:n_others]))


def update_model(model: Model, samples: TrainingSet, n_threads: int, callbacks: Sequence[Callback]) -> None:
    """Let a model learn from more samples, in one pass."""
    config = model.networks[0].config
    steady = config.model_copy(update={"learning_rate_schedule": "constant", "warmup_fraction": 0.0})
    model.training = train_model(model, samples.X, samples.Y, steady, 1, n_threads, callbacks, weights=samples.weights)


def retrain_model(
    model: Model, samples: TrainingSet, config: Config, n_threads: int, callbacks: Sequence[Callback]
) -> None:
    """Train a model as from the start, but from where it is; a ranker is made anew, and keeps its blend."""
    X, Y, weights = samples
    model.training = train_model(
        model, X, Y, config, config.n_epochs, n_threads, callbacks, settled=model.ranker, weights=weights
    )
