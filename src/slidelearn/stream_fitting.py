"""A model from a stream: the options that depend on the data, networks from all samples, the ranker from a part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from slidelearn.callbacks import Callback
from slidelearn.checkpoint import Model
from slidelearn.config import Config
from slidelearn.fitting import TrainingSet, threshold_on
from slidelearn.machine import require_memory
from slidelearn.network import Network
from slidelearn.pilot import choose_options
from slidelearn.ranker import Ranker
from slidelearn.ranker_training import refits
from slidelearn.sample_stream import SampleStream
from slidelearn.suiting import suit
from slidelearn.training import train_model, training_bytes


def fit_stream(
    config: Config,
    free: set[str],
    stream: SampleStream,
    n_threads: int,
    callbacks: Sequence[Callback],
    adopt: Callable[[Model], None],
) -> float:
    """Train a model from the start, as `SlideClassifier.fit` does with samples in memory.

    Parameters
    ----------
    config
        The options in force, but for those of `free` that follow from the data.
    stream
        Features as the network is to see them.
    adopt
        Called with the model before it is trained.

    Returns
    -------
    threshold
        Score from which on a label is an answer.

    Raises
    ------
    ValueError
        If there are no labels; or if there is a time budget, for it is not known how long reading takes.
    MemoryError
        If training would not fit.
    """
    if config.max_seconds:
        raise ValueError("max_seconds must not be given with a stream: choose n_epochs")
    if not len(stream.labelled):
        raise ValueError(f"the samples must have at least one label, but none of {stream.n_samples} has any")
    sample_ids, X, Y = stream.part
    config = suit(config, free, X, Y, n_times=len(stream.labelled) / len(sample_ids))
    config, trials = choose_options(config, free, X, Y, n_threads, callbacks)
    remedy = "choose a smaller buffer_size, smaller hidden_sizes, or ranker=False"
    require_memory(stream_bytes(config, stream), "training", remedy)

    def trained(looking_on: Sequence[Callback], settled: Ranker | None, adopt: Callable[[Model], None]) -> Model:
        rng = np.random.default_rng(config.random_state)
        networks = [Network(config, stream.n_features, stream.n_labels, rng) for _ in range(config.n_models)]
        model = Model(networks, rng)
        adopt(model)
        model.training = train_model(
            model, X, Y, config, config.n_epochs, n_threads, looking_on, settled=settled, stream=stream
        )
        return model

    settled, kept_back = None, dict[str, Any]()
    if refits(config, len(stream.labelled)):
        for callback in callbacks:
            callback.on_trial("ranker_blend", "found on a part of the samples")
        rehearsal = trained((), None, lambda _: None)
        settled = rehearsal.ranker
        kept_back = {name: rehearsal.training[name] for name in ("n_held_out", "n_left_out")}
    model = trained(callbacks, settled, adopt)
    model.training |= {"pilot": trials, "plans": {}, **kept_back}
    found: float | None = model.training["threshold"]
    return threshold_on(model, TrainingSet(X, Y, None), n_threads) if found is None else found


def stream_bytes(config: Config, stream: SampleStream) -> int:
    """Memory that training on a stream takes: the networks, a block, and the part that is in memory with its ranker."""
    X, Y = stream.extents_of_part()
    of_part = 8 * (X.nnz + Y.nnz)
    return training_bytes(config, cast(Any, X), cast(Any, Y)) + of_part + stream.block_bytes  # looks at extents alone
