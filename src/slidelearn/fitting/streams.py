"""A training on a stream: networks learn from all of its samples, all else from the part of them that is in memory."""

from __future__ import annotations

from collections.abc import Sequence

from slidelearn.callbacks.base import Callback
from slidelearn.config import Config
from slidelearn.features.prepared import prepare
from slidelearn.fitting.beginning import begin
from slidelearn.fitting.resuming import Interrupted
from slidelearn.fitting.suiting import suit
from slidelearn.sample_stream import SampleStream
from slidelearn.training.model_training import Began, ModelTraining
from slidelearn.training_set import TrainingSet


def begin_stream(
    given: Config,
    left_open: set[str],
    stream: SampleStream,
    *,
    n_threads: int,
    callbacks: Sequence[Callback],
    began: Began,
    interrupted: Interrupted | None = None,
) -> ModelTraining:
    """Make ready a training from the start, as `slidelearn.fitting.beginning.begin` does with samples in memory.

    Parameters
    ----------
    given, left_open, n_threads, callbacks, began
        As there.
    stream
        Features as the user has them.
    interrupted
        A training to go on with, instead of a new one.

    Raises
    ------
    ValueError
        If there are no labels; or if there is a time budget, for it is not known how long reading takes.
    MemoryError
        If training would not fit.
    CheckpointError
        If the interrupted training was another one.
    """
    if given.max_seconds:
        raise ValueError("max_seconds must not be given with a stream: choose n_epochs")
    if given.standardize_features:
        raise ValueError("standardize_features must be False with a stream: standardise what is in the file")
    if not len(stream.labelled):
        raise ValueError(f"the samples must have at least one label, but none of {stream.n_samples} has any")
    given = suit(given, left_open & {"feature_power"}, *stream.first_samples())  # before any features are raised
    known = interrupted.snapshot.model.known if interrupted else stream.known
    prepared = stream.prepared(lambda X: prepare(known.only(X), given, None), len(known))
    part = TrainingSet(prepared.part.X, prepared.part.Y, None)
    left_open = left_open - {"standardize_features", "feature_power"}
    if interrupted:
        return interrupted.resumed(given, left_open, part, n_threads, began, prepared)
    return begin(
        given, left_open, part, several=True, n_threads=n_threads, callbacks=callbacks, began=began, stream=prepared
    )
