"""slidelearn: the steps of its own trainer."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from scipy import sparse

from slidelearn.batches import Samples
from slidelearn.callbacks import Callback
from slidelearn.config import Config, make_config
from slidelearn.matrices import check_features, check_labels
from slidelearn.network.network import Network
from slidelearn.training.trainer import Progress, Trainer
from speed.contestant import Contestant
from speed.shapes import Data, Shape, Weights

ENDLESS = 1_000_000
"""Epochs; a round ends itself."""
PLAIN = {"preset": "paper", "active_set": "shared", "hidden_bias": False}
"""ReLU units, inner products and Adam: what the peers have, too."""
SAMPLED = {**PLAIN, "sampler": "batch+uniform", "min_active": 0, "log_q_strength": 1.0}
KINDS: dict[str, dict[str, Any]] = {
    "sampled": SAMPLED,
    "full": {**PLAIN, "sampler": "full"},
    "recipe": {"preset": "recipe", "sampler": "batch+uniform", "label_init": "random"},
}
"""Drawn negatives stand for the hard ones that the recipe keeps of former epochs: as many are active."""


def config_of(shape: Shape, options: dict[str, Any]) -> Config:
    """What the engine is told for a kind of step and a precision."""
    return make_config(
        **KINDS[options["kind"]],
        precision=options["precision"],
        hidden_sizes=(shape.width,),
        batch_size=shape.batch_size,
        n_negatives=shape.n_negatives,
        learning_rate_schedule="constant",
    )


class Slidelearn(Contestant):
    """Taking the batch out of the training set is a part of the step."""

    packages = ("slidelearn",)

    def __init__(
        self,
        shape: Shape,
        data: Data,
        weights: Weights | None,
        options: dict[str, Any],
        *,
        learning_rate: float,
        threads: int,
        seed: int,
    ) -> None:
        config = config_of(shape, options).model_copy(update={"learning_rate": learning_rate})
        rng = np.random.default_rng(seed)
        network = Network(config, shape.n_features, shape.n_labels, rng)
        if weights:
            network.input.features.weights[...] = weights.features
            network.output.neurons.weights[...] = weights.labels
        self._trainer = Trainer(network, config, _samples(shape, data), threads, rng)
        self._active: list[float] = []

    def run(self, n_steps: int) -> tuple[list[float], list[float]]:
        round_ = _Round(n_steps)
        self._active.append(self._trainer.fit(ENDLESS, [round_]).active)
        return np.diff(round_.ends).tolist(), round_.losses

    @property
    def n_active(self) -> float:
        return float(np.mean(self._active))


class _Round(Callback):
    """Times steps, and ends training after so many of them."""

    def __init__(self, n_steps: int) -> None:
        self._n_steps = n_steps
        self.ends: list[float] = []
        self.losses: list[float] = []

    def on_begin(self, progress: Progress) -> None:
        self.ends.append(time.perf_counter())

    def on_step(self, progress: Progress) -> None:
        self.ends.append(time.perf_counter())
        self.losses.append(progress.loss)
        progress.stop = progress.step == self._n_steps


def _samples(shape: Shape, data: Data) -> Samples:
    X = sparse.csr_array((data.values, data.indices, data.indptr), (data.n_samples, shape.n_features))
    n_per_sample = data.labels.shape[1]
    indptr = np.arange(data.n_samples + 1) * n_per_sample
    ones = np.ones(data.labels.size, np.float32)
    Y = sparse.csr_array((ones, data.labels.reshape(-1), indptr), (data.n_samples, shape.n_labels))
    return Samples(check_features(X), check_labels(Y))


def contestant_class(kind: str) -> type[Contestant]:
    """What takes steps of this kind."""
    return Slidelearn
