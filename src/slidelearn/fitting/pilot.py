"""The pilot: short trainings on some of the samples, to choose what nobody can know beforehand.

Each trial trains a network on a part of the samples and asks it about others, held out. Labels that do not occur in the
part are left out, so a trial costs the same however many labels there are. An option that the user gave is never tried.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from slidelearn.batches import Samples
from slidelearn.callbacks.base import Callback
from slidelearn.config import Config
from slidelearn.inference import top_k
from slidelearn.metrics import precision_at_k
from slidelearn.model.model import Member
from slidelearn.network.label_rows import start_label_rows
from slidelearn.network.layers import Execution
from slidelearn.network.network import Network
from slidelearn.training.hold_out import hold_out
from slidelearn.training.trainer import Trainer

SAMPLERS = ("batch", "batch+memory")
N_SAMPLES = 60_000
"""Samples of a trial: enough for the same labels to come up again and again."""
LEAST_SAMPLES = 150_000
"""Samples that there must be for a pilot: with fewer, the memory costs more than it can gain."""
LEAST_PER_LABEL = 1.0
"""How often labels must occur in a trial of the memory, on average. Where they are rarer, trials are too hopeful (on
half a million labels they choose the memory, which does harm there), and the memory is left out."""
LEAST_GAIN = 1.02
"""By what factor the memory must be better: it takes twice the time, and trials err by a hundredth."""
N_EPOCHS = 3
MOST_HELD_OUT = 4000

Trials = dict[str, dict[str, float]]
"""Option -> value, written out -> P@1 + P@3 + P@5 on the held-out samples."""


def choose_options(
    config: Config,
    left_open: set[str],
    X: sparse.csr_array,
    Y: sparse.csr_array,
    n_threads: int,
    callbacks: Sequence[Callback] = (),
) -> tuple[Config, Trials]:
    """The configuration with the options of `left_open` that a pilot can choose replaced by what did best in it.

    Parameters
    ----------
    config
        The options in force otherwise.
    left_open
        Names of the options that may be chosen; only ``sampler`` is chosen here.
    X, Y
        The training samples, features as the network is to see them.

    Returns
    -------
    config, trials
    """
    if "sampler" not in left_open:
        return config, {}
    config = config.model_copy(update={"sampler": "batch"})
    if not _is_worth_it(config, Y):
        return config, {}
    labelled = np.flatnonzero(np.diff(Y.indptr))
    part = _Part(X, Y, np.random.default_rng(config.random_state).permutation(labelled)[:N_SAMPLES])
    scores = {}
    for sampler in SAMPLERS:
        for callback in callbacks:
            callback.on_trial("sampler", sampler)
        scores[sampler] = part.score(config.model_copy(update={"sampler": sampler}), n_threads)
    batch, with_memory = SAMPLERS
    best = with_memory if scores[with_memory] > LEAST_GAIN * scores[batch] else batch
    return config.model_copy(update={"sampler": best}), {"sampler": scores}


def samples_of_trials(config: Config, left_open: set[str], Y: sparse.csr_array) -> int:
    """How many samples all trials together would be trained on, with repetition."""
    return N_EPOCHS * len(SAMPLERS) * N_SAMPLES if "sampler" in left_open and _is_worth_it(config, Y) else 0


def trial_trainer(
    config: Config, X: sparse.csr_array, Y: sparse.csr_array, n_threads: int, rng: np.random.Generator
) -> Trainer:
    """A trainer of a new network, on some of the samples; its label rows start as in the training itself."""
    samples = Samples(X, Y)
    network = Network(config, X.shape[1], Y.shape[1], rng)
    if config.label_init == "samples":
        start_label_rows(network, samples, rng, Execution(n_threads))
    return Trainer(network, config, samples, n_threads, rng)


def _is_worth_it(config: Config, Y: sparse.csr_array) -> bool:
    n_labelled = int(np.count_nonzero(np.diff(Y.indptr)))
    per_label = Y.nnz / max(n_labelled, 1) * N_SAMPLES / max(Y.shape[1], 1)
    return config.pilot and n_labelled >= LEAST_SAMPLES and per_label >= LEAST_PER_LABEL


class _Part:
    """Some of the samples, up to a tenth of them held out, and the labels that the others have."""

    def __init__(self, X: sparse.csr_array, Y: sparse.csr_array, rows: NDArray[np.int64]) -> None:
        held_out, left_out = hold_out(X, rows, min(MOST_HELD_OUT, len(rows) // 10), len(rows) // 5)
        trained_on = np.setdiff1d(rows, np.concatenate([held_out, left_out]))
        labels = np.unique(Y[trained_on].indices)
        self._X, self._Y = X[trained_on], sparse.csr_array(Y[trained_on][:, labels])
        self._X_held_out, self._Y_held_out = X[held_out], sparse.csr_array(Y[held_out][:, labels])

    def score(self, config: Config, n_threads: int) -> float:
        """P@1 + P@3 + P@5 of a network with these options, as far as there are so many labels."""
        rng = np.random.default_rng(config.random_state)
        trainer = trial_trainer(config, self._X, self._Y, n_threads, rng)
        trainer.fit(N_EPOCHS)
        ks = [k for k in (1, 3, 5) if k <= trainer.network.n_labels]
        ids, _ = top_k([Member([trainer.network])], self._X_held_out, max(ks), n_threads=n_threads)
        return sum(precision_at_k(ids, self._Y_held_out, k) for k in ks)
