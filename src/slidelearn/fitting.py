"""What `fit` does: options that were left open are chosen, then a model is trained; or an interrupted one goes on.

What is chosen before the first step is kept with every checkpoint, and not chosen again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from slidelearn.atomic_files import CheckpointError
from slidelearn.budget import fit_into
from slidelearn.callbacks.base import Callback
from slidelearn.callbacks.checkpointing import latest_checkpoint
from slidelearn.checkpoint import Model
from slidelearn.config import Config
from slidelearn.machine import require_memory
from slidelearn.matrices import FloatCsr, digest_of_samples, prepared
from slidelearn.model_training import ModelTraining, now
from slidelearn.network import Network
from slidelearn.pilot import choose_options
from slidelearn.ranker_training import refits
from slidelearn.settled import Settled
from slidelearn.snapshot import Origin, load_snapshot
from slidelearn.suiting import suit
from slidelearn.training import training_bytes


def new_model(config: Config, X: FloatCsr, Y: FloatCsr) -> Model:
    """A model for so many features and labels that is not trained at all.

    Raises
    ------
    MemoryError
        If there is too little memory to train it.
    """
    n_features, n_labels = X.shape[1], Y.shape[1]
    if not n_features or not n_labels:
        raise ValueError(f"X and Y must have columns, but X has {n_features} and Y has {n_labels}")
    remedy = "choose smaller hidden_sizes, the optimizer 'adagrad', or ranker=False"
    require_memory(training_bytes(config, X, Y), "training", remedy)
    rng = np.random.default_rng(config.random_state)
    return Model([Network(config, n_features, n_labels, rng) for _ in range(config.n_models)], rng)


def begin(
    given: Config,
    left_open: set[str],
    X: FloatCsr,
    Y: FloatCsr,
    n_threads: int,
    callbacks: Sequence[Callback],
) -> ModelTraining:
    """Choose the options that were left open, and make ready a training with all of them.

    Parameters
    ----------
    given
        The options as the user and the preset have them.
    left_open
        The names of those that may be chosen.
    X, Y
        The training samples as the user has them, in canonical form.
    n_threads
        Threads.
    callbacks
        Are told what is tried.
    """
    began = now()
    digest = cache(lambda: digest_of_samples(X, Y))
    x = prepared(X, given)
    config = suit(given, left_open, Y)
    plans: dict[str, float] = {}
    deadline = began[0] + config.max_seconds if config.max_seconds else math.inf
    if config.max_seconds:
        config, plans = fit_into(config, left_open, x, Y, n_threads, deadline - time.perf_counter())
    config, trials = choose_options(config, left_open, x, Y, n_threads, callbacks)
    settled, kept_back = None, {}
    if refits(config, int(np.count_nonzero(np.diff(Y.indptr)))):
        for callback in callbacks:
            callback.on_trial("ranker_blend", "found on a part of the samples")
        first = ModelTraining(new_model(config, x, Y), x, Y, config, config.n_epochs, n_threads, began)
        first.run()  # only what its ranker settles is kept
        assert first.model.ranker
        settled = Settled.of(first.model.ranker)
        kept_back = {name: first.model.training[name] for name in ("n_held_out", "n_left_out")}
    origin = Origin(
        given=given.model_dump(mode="json"),
        left_open=frozenset(left_open),
        pilot=trials,
        plans=plans,
        settled=settled,
        kept_back=kept_back,
        choosing_seconds=time.perf_counter() - began[0],
    )
    return ModelTraining(
        new_model(config, x, Y),
        x,
        Y,
        config,
        config.n_epochs,
        n_threads,
        began,
        settled=settled,
        origin=origin,
        digest=digest,
        deadline=deadline,
    )


def resume(
    directory: Path, given: Config, left_open: set[str], X: FloatCsr, Y: FloatCsr, n_threads: int
) -> ModelTraining:
    """Make ready a training that was interrupted, to go on from its latest checkpoint.

    Parameters
    ----------
    directory
        A checkpoint, or where `Checkpointing` keeps them.
    given, left_open, X, Y, n_threads
        As in `begin`.

    Raises
    ------
    CheckpointError
        If there is none, it is damaged, or was made with other options or samples.
    """
    began = now()
    path = directory if (directory / "config.json").exists() else latest_checkpoint(directory)
    if path is None:
        raise CheckpointError(f"{directory} has no checkpoint to resume from: train from the start, without resuming")
    snapshot = load_snapshot(path)
    model, state, origin = snapshot.model, snapshot.state, snapshot.state.origin
    _require_same_options(path, origin, given, left_open)
    digest = cache(lambda: digest_of_samples(X, Y))
    shape = (model.networks[0].n_features, model.networks[0].n_labels)
    if (X.shape[1], Y.shape[1]) != shape or digest() != state.data:
        raise CheckpointError(f"{path} was made with other samples than these: resume with the same, in the same order")
    config = model.networks[0].config
    began = began[0] - state.seconds, began[1] - state.cpu_seconds
    try:
        training = ModelTraining(
            model,
            prepared(X, config),
            Y,
            config,
            config.n_epochs,
            n_threads,
            began,
            settled=origin.settled,
            origin=origin,
            digest=digest,
            deadline=began[0] + config.max_seconds if config.max_seconds else math.inf,
        )
        training.restore(snapshot)
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{path}: {error}") from None
    return training


def _require_same_options(path: Path, origin: Origin, given: Config, left_open: set[str]) -> None:
    """Refuse other options than a checkpoint was made with, naming them."""
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
        differing += [f"{name} {what}, but {was}" for name in sorted(names & now_given.keys())]
    if differing:
        raise CheckpointError(f"{path} was made with other options: {'; '.join(differing)}; resume with the same")
