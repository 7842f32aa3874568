"""Making a training ready: the options that were left open are chosen; if samples are few, in a rehearsal too.

Whatever is chosen before the first step is kept in every checkpoint, so that resuming does not choose again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from functools import cache

import numpy as np

from slidelearn.callbacks.base import Callback
from slidelearn.config import Config
from slidelearn.features.known import KnownFeatures
from slidelearn.features.prepared import prepare
from slidelearn.features.standards import Standards
from slidelearn.fitting.budget import fit_into
from slidelearn.fitting.pilot import choose_options
from slidelearn.fitting.rehearsal import rehearse
from slidelearn.fitting.suiting import suit
from slidelearn.fitting.updating import update
from slidelearn.machine.calibrated_costs import costs_here
from slidelearn.machine.resources import require_memory
from slidelearn.matrices import digest_of_samples
from slidelearn.model.model import Member, Model
from slidelearn.model.snapshot import Origin
from slidelearn.network.network import Network
from slidelearn.sample_stream import SampleStream
from slidelearn.training.footprint import stream_bytes, training_bytes
from slidelearn.training.model_training import Began, ModelTraining, now
from slidelearn.training_set import TrainingSet


def begin(
    given: Config,
    left_open: set[str],
    samples: TrainingSet,
    *,
    several: bool,
    n_threads: int,
    callbacks: Sequence[Callback],
    began: Began,
    stream: SampleStream | None = None,
) -> ModelTraining:
    """Choose the options that were left open, and make ready a training with all of them.

    Parameters
    ----------
    given
        The options as the user and the preset have them.
    left_open
        The names of those that may be chosen.
    samples
        The training set, its features as the user gave them, in canonical form. With a stream, its part in memory, the
        features as networks are to see them.
    several
        Whether a sample may have several labels, so that answers need a threshold.
    n_threads
        Threads.
    callbacks
        Are told what is tried.
    began
        When the training began, the time for checking the input included.
    stream
        What the networks are to learn from instead of `samples`.
    """
    choosing = time.perf_counter()
    n_times = len(stream.labelled) / samples.X.shape[0] if stream else 1.0
    config = suit(_on_this_machine(given, left_open), left_open, samples.X, samples.Y, n_times)
    prepared, known, standards = (samples, stream.known, None) if stream else _prepared(samples, config)
    plans: dict[str, float] = {}
    deadline = _deadline(config, began)
    if config.max_seconds:
        left = deadline - time.perf_counter()
        config, plans = fit_into(config, left_open, prepared.X, prepared.Y, n_threads, left)
    config, trials = choose_options(config, left_open, prepared.X, prepared.Y, n_threads, callbacks)
    if stream:
        remedy = "choose a smaller buffer_size, smaller hidden_sizes, or ranker=False"
        require_memory(stream_bytes(config, stream), "training", remedy)
    alone = config.model_copy(update={"n_models": 1, "n_networks": 1})  # one network tells as much of the evidence

    def trained(part: TrainingSet) -> Model:
        model, source = new_model(alone, part, known, standards), stream if part is prepared else None
        ModelTraining(model, part, alone, config.n_epochs, n_threads, now(), stream=source).run()
        return model

    found = rehearse(config, prepared, trained, several=several, n_threads=n_threads, callbacks=callbacks)
    origin = Origin(
        given=given.model_dump(mode="json"),
        left_open=frozenset(left_open),
        pilot=trials,
        plans=plans,
        settled=found.settled is not None,
        threshold=found.threshold,
        kept_back=found.kept_back,
        buffer_size=stream and stream.buffer_size,
        choosing_seconds=time.perf_counter() - choosing,
    )
    return ModelTraining(
        new_model(config, prepared, known, standards),
        prepared,
        config,
        config.n_epochs,
        n_threads,
        began,
        settled=found.settled,
        origin=origin,
        digest=cache(lambda: stream.digest if stream else digest_of_samples(*samples)),
        deadline=deadline,
        stream=stream,
    )


def begin_updates(
    given: Config,
    left_open: set[str],
    samples: TrainingSet,
    n_threads: int,
    callbacks: Sequence[Callback],
    began: Began,
) -> ModelTraining:
    """Make ready a new model to learn in one pass, with more samples to come; the arguments are those of `begin`."""
    config = suit(
        _on_this_machine(given, left_open), left_open & {"standardize_features", "feature_power"}, samples.X, samples.Y
    )
    prepared, known, standards = _prepared(samples, config)
    config, _ = choose_options(config, left_open, prepared.X, prepared.Y, n_threads, callbacks)
    return update(new_model(config, prepared, known, standards), prepared, n_threads, began)


def new_model(config: Config, samples: TrainingSet, known: KnownFeatures, standards: Standards | None) -> Model:
    """An untrained model for these samples, whose features are as its networks are to see them.

    Raises
    ------
    MemoryError
        If there is too little memory to train it.
    """
    n_features, n_labels = samples.X.shape[1], samples.Y.shape[1]
    if not known.n_columns or not n_labels:
        raise ValueError(f"X and y must have columns, but X has {known.n_columns} and y has {n_labels}")
    remedy = "choose smaller hidden_sizes, the optimizer 'adagrad', or ranker=False"
    require_memory(training_bytes(config, samples.X, samples.Y), "training", remedy)
    rng = np.random.default_rng(config.random_state)
    members = [
        Member([Network(config, n_features, n_labels, rng) for _ in range(n_networks)])
        for n_networks in config.networks_of_members
    ]
    return Model(members, rng, known, standards=standards)


def _on_this_machine(given: Config, left_open: set[str]) -> Config:
    """The same options with this machine's costs, unless the user gave some; the model keeps them on other machines."""
    return given.model_copy(update={"costs": costs_here()[0]}) if "costs" in left_open else given


def _prepared(samples: TrainingSet, config: Config) -> tuple[TrainingSet, KnownFeatures, Standards | None]:
    """The samples as networks are to see them, the known features, and what these were standardised by, if at all."""
    known = KnownFeatures.of(samples.X, samples.Y)
    X = known.only(samples.X)
    standards = Standards.that_suit(X, samples.Y) if config.standardize_features else None
    return samples._replace(X=prepare(X, config, standards)), known, standards


def _deadline(config: Config, began: Began) -> float:
    return began.wall + config.max_seconds if config.max_seconds else math.inf
