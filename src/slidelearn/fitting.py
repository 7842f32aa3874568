"""What surrounds a training: options that were left open are chosen, few samples rehearse; or a former one goes on.

A rehearsal is a training on a part of the samples, so that the others can tell what serves new samples; only what it
settles is kept. All that is chosen before the first step is kept with every checkpoint, and not chosen again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from slidelearn.atomic_files import CheckpointError
from slidelearn.budget import fit_into
from slidelearn.callbacks.base import Callback
from slidelearn.callbacks.checkpointing import latest_checkpoint
from slidelearn.checkpoint import Model
from slidelearn.config import Config
from slidelearn.features import Standards, prepare
from slidelearn.inference import top_k
from slidelearn.machine import require_memory
from slidelearn.machine_costs import costs_here
from slidelearn.matrices import digest_of_samples
from slidelearn.metrics import best_threshold
from slidelearn.model_training import Began, ModelTraining, now
from slidelearn.network import Network
from slidelearn.pilot import LEAST, Trials, choose_options
from slidelearn.prequential import Answers
from slidelearn.ranker_training import MOST_HELD_OUT, REFIT_BELOW, refits
from slidelearn.sample_stream import SampleStream
from slidelearn.settled import Settled
from slidelearn.snapshot import Origin, load_snapshot
from slidelearn.suiting import suit
from slidelearn.training import stream_bytes, training_bytes
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
        The training set, features as the user has them, in canonical form; of a stream its part, as networks are to
        see it.
    several
        Whether a sample may have several labels, so that answers need a threshold.
    n_threads
        Threads.
    callbacks
        Are told what is tried.
    began
        When all that is to be counted as training began.
    stream
        What the networks are to learn from instead; no checkpoints can be made then.
    """
    choosing = time.perf_counter()
    n_times = len(stream.labelled) / samples.X.shape[0] if stream else 1.0
    config = suit(_on_this_machine(given, left_open), left_open, samples.X, samples.Y, n_times)
    prepared, standards = (samples, None) if stream else _prepared(samples, config)
    plans: dict[str, float] = {}
    deadline = _deadline(config, began)
    if config.max_seconds:
        left = deadline - time.perf_counter()
        config, plans = fit_into(config, left_open, prepared.X, prepared.Y, n_threads, left)
    config, trials = choose_options(config, left_open, prepared.X, prepared.Y, n_threads, callbacks)
    if stream:
        remedy = "choose a smaller buffer_size, smaller hidden_sizes, or ranker=False"
        require_memory(stream_bytes(config, stream), "training", remedy)
    found = _rehearse(
        config, prepared, standards, several=several, n_threads=n_threads, callbacks=callbacks, stream=stream
    )
    origin = Origin(
        given=given.model_dump(mode="json"),
        left_open=frozenset(left_open),
        pilot=trials,
        plans=plans,
        settled=found.settled is not None,
        threshold=found.threshold,
        kept_back=found.kept_back,
        choosing_seconds=time.perf_counter() - choosing,
    )
    return ModelTraining(
        new_model(config, prepared, standards),
        prepared,
        config,
        config.n_epochs,
        n_threads,
        began,
        settled=found.settled,
        origin=origin,
        digest=cache(lambda: digest_of_samples(*samples)),
        deadline=deadline,
        stream=stream,
    )


def resume(
    directory: Path, given: Config, left_open: set[str], samples: TrainingSet, n_threads: int, began: Began
) -> ModelTraining:
    """Make ready a training that was interrupted, to go on from its latest checkpoint.

    Parameters
    ----------
    directory
        A checkpoint, or where `Checkpointing` keeps them.
    given, left_open, samples, n_threads, began
        As in `begin`.

    Raises
    ------
    CheckpointError
        If there is none, it is damaged, or was made with other options or samples.
    """
    path = directory if (directory / "config.json").exists() else latest_checkpoint(directory)
    if path is None:
        raise CheckpointError(f"{directory} has no checkpoint to resume from: train from the start, without resuming")
    snapshot = load_snapshot(path)
    model, state = snapshot.model, snapshot.state
    _require_same_options(path, state.origin, given, left_open)
    digest = cache(lambda: digest_of_samples(*samples))
    shape = (model.n_features, model.networks[0].n_labels)
    if (samples.X.shape[1], samples.Y.shape[1]) != shape or digest() != state.data:
        raise CheckpointError(f"{path} was made with other samples than these: resume with the same, in the same order")
    config = model.networks[0].config
    began = began[0] - state.seconds, began[1] - state.cpu_seconds
    try:
        training = ModelTraining(
            model,
            samples._replace(X=prepare(samples.X, config, model.standards)),
            config,
            config.n_epochs,
            n_threads,
            began,
            origin=state.origin,
            digest=digest,
            deadline=_deadline(config, began),
        )
        training.restore(snapshot)
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{path}: {error}") from None
    return training


def begin_updates(
    given: Config,
    left_open: set[str],
    samples: TrainingSet,
    n_threads: int,
    callbacks: Sequence[Callback],
    began: Began,
) -> ModelTraining:
    """Make ready a new model to learn in one pass, with more samples to come; the arguments are those of `begin`."""
    config = suit(_on_this_machine(given, left_open), left_open & {"standardize_features"}, samples.X, samples.Y)
    prepared, standards = _prepared(samples, config)
    config, _ = choose_options(config, left_open, prepared.X, prepared.Y, n_threads, callbacks)
    return update(new_model(config, prepared, standards), prepared, n_threads, began)


def update(
    model: Model, samples: TrainingSet, n_threads: int, began: Began, answers: Answers | None = None
) -> ModelTraining:
    """Make ready a model to learn from more samples, features as its networks are to see them, in one pass.

    Nothing looks back at former samples, so the time follows the new ones. The model has given its `answers` before it
    learns from them (`slidelearn.prequential`). Log-Q counts labels in all samples there ever were. The learning rate
    is the full one: Adagrad's accumulators go on, so that it moves far what is new, and little what has been learnt
    well. But samples that do not fill a batch move it by their share of one, for fewer tell less.
    """
    config = model.networks[0].config
    share_of_batch = min(len(samples.labelled) / config.batch_size, 1.0) if model.n_steps else 1.0
    steady = {
        "learning_rate": config.learning_rate * share_of_batch,
        "learning_rate_schedule": "constant",
        "warmup_fraction": 0.0,
    }
    return ModelTraining(model, samples, config.model_copy(update=steady), 1, n_threads, began, answers=answers)


def reconsider(
    model: Model, samples: TrainingSet, left_open: set[str], n_threads: int, callbacks: Sequence[Callback]
) -> Trials:
    """Have a pilot choose options of a model that were left open, if new samples complete what it takes.

    So a model that has learnt from samples as they came has the options that it would have for all at once. The former
    samples are those that the ranker keeps as neighbours.
    """
    neighbours = model.ranker and model.ranker.neighbours
    if not neighbours or not neighbours.n_samples < LEAST <= neighbours.n_samples + samples.X.shape[0]:
        return {}
    X, Y = neighbours.with_more(samples.X, samples.Y).samples()
    chosen, trials = choose_options(model.networks[0].config, left_open, X, Y, n_threads, callbacks)
    for network in model.networks:
        network.config = chosen
    return trials


def retrain(model: Model, samples: TrainingSet, config: Config, n_threads: int, began: Began) -> ModelTraining:
    """Make ready a model to be trained as from the start, but from where it is.

    Its ranker is made anew, and keeps its choices.
    """
    settled = Settled.of(model.ranker) if model.ranker else None
    return ModelTraining(model, samples, config, config.n_epochs, n_threads, began, settled=settled)


def new_model(config: Config, samples: TrainingSet, standards: Standards | None) -> Model:
    """A model for as many features and labels, that is not trained at all.

    Raises
    ------
    MemoryError
        If there is too little memory to train it.
    """
    n_features, n_labels = samples.X.shape[1], samples.Y.shape[1]
    if not n_features or not n_labels:
        raise ValueError(f"X and y must have columns, but X has {n_features} and y has {n_labels}")
    remedy = "choose smaller hidden_sizes, the optimizer 'adagrad', or ranker=False"
    require_memory(training_bytes(config, samples.X, samples.Y), "training", remedy)
    rng = np.random.default_rng(config.random_state)
    networks = [Network(config, n_features, n_labels, rng) for _ in range(config.n_models)]
    return Model(networks, rng, standards=standards)


def threshold_of(training: ModelTraining, n_threads: int) -> float:
    """The score from which on a model gives labels, after its training: by samples held out, else by trained ones."""
    known: float | None = training.model.training["threshold"]
    return _threshold_on(training.model, training.samples, n_threads) if known is None else known


@dataclass(frozen=True)
class _Found:
    """What a rehearsal found."""

    settled: Settled | None = None
    threshold: float | None = None
    kept_back: dict[str, int] = field(default_factory=dict)
    """How many samples were kept back, by name."""


def _rehearse(
    config: Config,
    samples: TrainingSet,
    standards: Standards | None,
    *,
    several: bool,
    n_threads: int,
    callbacks: Sequence[Callback],
    stream: SampleStream | None,
) -> _Found:
    """Find what only samples held out can tell, where a second training takes seconds."""
    alone = config.model_copy(update={"n_models": 1})  # which tells as much of the evidence

    def trained(part: TrainingSet) -> Model:
        model, n_epochs, source = new_model(alone, part, standards), config.n_epochs, stream
        if part is not samples:
            source = None
        training = ModelTraining(model, part, alone, n_epochs, n_threads, now(), stream=source)
        training.run()
        return training.model

    n_labelled = len(samples.labelled)
    if refits(config, n_labelled):
        for callback in callbacks:
            callback.on_trial("ranker_blend", "found on a part of the samples")
        model = trained(samples)  # which holds some out by itself
        assert model.ranker
        kept_back = {name: model.training[name] for name in ("n_held_out", "n_left_out")}
        return _Found(Settled.of(model.ranker), kept_back=kept_back)
    if several and config.ranker and config.max_seconds is None and 1 < n_labelled < REFIT_BELOW:
        part, others = _divided(samples, config.random_state)
        return _Found(threshold=_threshold_on(trained(part), others, n_threads))
    return _Found()


def _divided(samples: TrainingSet, random_state: int) -> tuple[TrainingSet, TrainingSet]:
    """Two thirds of the samples, and the others."""
    order = np.random.default_rng(random_state).permutation(samples.labelled)
    n_others = -(-len(order) // 3)
    return samples.take(np.sort(order[n_others:])), samples.take(np.sort(order[:n_others]))


def _threshold_on(model: Model, samples: TrainingSet, n_threads: int) -> float:
    some = samples.take(samples.labelled[:MOST_HELD_OUT])
    ids, scores = top_k(model.networks, some.X, model.n_listed, ranker=model.ranker, n_threads=n_threads)
    return best_threshold(ids, scores, some.Y)


def _on_this_machine(given: Config, left_open: set[str]) -> Config:
    """The same with this machine's costs, unless the user gave others; the model keeps them, wherever it goes."""
    return given.model_copy(update={"costs": costs_here()[0]}) if "costs" in left_open else given


def _prepared(samples: TrainingSet, config: Config) -> tuple[TrainingSet, Standards | None]:
    """The samples as networks are to see them, and what they were standardised by."""
    standards = Standards.of(samples.X) if config.standardize_features else None
    return samples._replace(X=prepare(samples.X, config, standards)), standards


def _deadline(config: Config, began: Began) -> float:
    return began[0] + config.max_seconds if config.max_seconds else math.inf


def _require_same_options(path: Path, origin: Origin, given: Config, left_open: set[str]) -> None:
    """Refuse other options than a checkpoint was made with, naming them; it may not know of new ones."""
    now_given = given.model_dump(mode="json")
    differing = [
        f"{name} is {value!r}, but was {origin.given.get(name)!r}"
        for name, value in now_given.items()
        if value != origin.given.get(name, value)
    ]
    for names, what, was in (
        (origin.left_open - left_open, "is given", "was left open"),
        (left_open - origin.left_open, "is left open", "was given"),
    ):
        differing += [f"{name} {what}, but {was}" for name in sorted(names & now_given.keys() & origin.given.keys())]
    if differing:
        raise CheckpointError(f"{path} was made with other options: {'; '.join(differing)}; resume with the same")
