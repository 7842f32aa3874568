"""Training: epoch -> batch -> step, and the ranker after it. The only place that orders the work."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse

from slidelearn.batches import Batch, Samples, SampleSource
from slidelearn.callbacks import Callback
from slidelearn.checkpoint import Model
from slidelearn.classifiers import classifiers_bytes
from slidelearn.config import Config
from slidelearn.kernels import Float, UpdateRule
from slidelearn.label_index import LabelIndex
from slidelearn.label_rows import start_label_rows
from slidelearn.layers import Execution
from slidelearn.losses import loss_and_gradient
from slidelearn.network import Network, estimated_bytes
from slidelearn.optim import Schedule
from slidelearn.ranker import Ranker
from slidelearn.ranker_training import (
    KeptBack,
    needs_held_out,
    refit_ranker,
    refits,
    train_ranker,
    update_ranker,
)
from slidelearn.sample_stream import SampleStream
from slidelearn.sampling import ActiveSetSampler
from slidelearn.shortlists import listed_share

INDEXED_FROM = 100_000
"""Labels from which on finding the best by an index is quicker than scanning all, in batches too."""


@dataclass
class Progress:
    """Where training is; callbacks read it, and may end it."""

    n_steps: int
    n_epochs: int
    step: int = 0
    epoch: int = 0
    n_samples: int = 0
    """Samples seen, with repetition."""
    loss: float = float("nan")
    """Of the last step."""
    active: float = 0.0
    """Active labels per sample, mean over all steps."""
    n_rebuilds: int = 0
    candidate_recall: float | None = None
    """Share of the samples' labels that the samplers proposed without knowing them; None where they all know."""
    started: float = field(default_factory=time.perf_counter)
    epoch_seconds: list[float] = field(default_factory=list)
    """Of the whole epochs."""
    stop: bool = False
    """A callback sets it to end training after the step, or the epoch, that it was called for."""


class Trainer:
    """Trains a network on samples.

    Parameters
    ----------
    network
        Changed in place.
    config
        Its options.
    samples
        The training set.
    n_threads
        Threads that each verb may use.
    rng
        The source of all randomness of training.
    n_steps_before
        Steps that the network has been trained for already: the tables go on by their own schedule.
    """

    def __init__(
        self,
        network: Network,
        config: Config,
        samples: SampleSource,
        n_threads: int,
        rng: np.random.Generator,
        n_steps_before: int = 0,
    ) -> None:
        self.network, self._config, self._samples, self._rng = network, config, samples, rng
        self._n_steps_before = n_steps_before
        self._run = Execution(n_threads, hogwild=not config.deterministic)
        self._sampler = ActiveSetSampler(config, samples, network.output_index, network.output.n_inputs)

    def fit(self, n_epochs: int, callbacks: Sequence[Callback] = ()) -> Progress:
        """Train for some epochs, or until a callback sets `Progress.stop`."""
        config = self._config
        n_steps = n_epochs * self._samples.n_batches(config.batch_size)
        schedule = Schedule(config, n_steps)
        progress = Progress(n_steps, n_epochs)
        self.network.rebuild_tables(self._run.n_threads)
        for callback in callbacks:
            callback.on_begin(progress)
        while progress.epoch < n_epochs and not progress.stop:
            self._epoch(schedule, progress, callbacks)
        for callback in callbacks:
            callback.on_end(progress)
        return progress

    def _epoch(self, schedule: Schedule, progress: Progress, callbacks: Sequence[Callback]) -> None:
        began = time.perf_counter()
        for batch in self._samples.shuffled(self._config.batch_size, self._rng):
            self._step(batch, schedule.rule(progress.step), progress)
            for callback in callbacks:
                callback.on_step(progress)
            if progress.stop:
                return
        progress.epoch += 1
        progress.epoch_seconds.append(time.perf_counter() - began)
        for callback in callbacks:
            callback.on_epoch(progress)

    def _step(self, batch: Batch, rule: UpdateRule, progress: Progress) -> None:
        net, run = self.network, self._run
        below = net.forward_hidden(batch.features, seed=progress.step, run=run)
        active = self._sampler.sample(below.hidden, batch, self._rng, run)
        above = net.output.forward(below.hidden, active, run)
        self._sampler.observe(batch, active, above.logits, run)
        loss, d_logits = loss_and_gradient(self._config.loss, above.logits, active, run.n_threads, batch.weights)
        d_hidden = net.output.backward(above, d_logits, rule, run)
        net.backward_hidden(batch.features, below, d_hidden, rule, run)
        progress.step += 1
        progress.n_rebuilds += net.rebuild_tables_if_due(self._n_steps_before + progress.step, run.n_threads)
        self._note(progress, batch, loss, active.mean_size)

    def _note(self, progress: Progress, batch: Batch, loss: float, n_active: float) -> None:
        progress.loss = loss
        progress.n_samples += batch.labels.n_rows
        progress.active += (n_active - progress.active) / progress.step
        if self._sampler.n_sought:
            progress.candidate_recall = self._sampler.n_found / self._sampler.n_sought


def training_bytes(config: Config, X: sparse.csr_array, Y: sparse.csr_array) -> int:
    """Memory that training takes beside X and Y: the networks, copies of samples, and the ranker's at its peak."""
    networks = config.n_models * estimated_bytes(config, X.shape[1], Y.shape[1])
    copies = 8 * (2 * X.nnz + Y.nnz)  # X with rows of length 1, and the labelled samples
    if not config.ranker:
        return networks + copies
    n_with_list = round(X.shape[0] * listed_share(*Y.shape, config))
    return networks + copies + classifiers_bytes(config, X, Y, n_with_list)


def train_model(
    model: Model,
    X: sparse.csr_array,
    Y: sparse.csr_array,
    config: Config,
    n_epochs: int,
    n_threads: int,
    callbacks: Sequence[Callback],
    deadline: float = math.inf,
    settled: Ranker | None = None,
    weights: Float | None = None,
    stream: SampleStream | None = None,
) -> dict[str, Any]:
    """Train a model's networks for some epochs, and its ranker after it; returns what there is to report.

    `weights` (n_samples,) say what each sample's loss counts; for the ranker, heavy samples are there several times.
    With a `stream`, networks learn from all its samples, and the ranker from those in memory: X and Y of `stream.part`.

    A ranker is trained with the network's first samples, if at all; later samples bring it up to date. After the
    `deadline`, by ``time.perf_counter()``, no classifiers are trained. What a ranker needs samples kept back for is
    taken from a `settled` one, if there is one.
    """
    model.require_trainable()
    samples = copy.copy(stream) if stream else Samples(X, Y, weights)
    rows = np.flatnonzero(np.diff(Y.indptr))
    if not len(rows):
        raise ValueError("Y must have at least one label, but all of its rows are empty")
    is_first = model.n_steps == 0
    kept_back = KeptBack.nothing()
    if is_first and not settled and needs_held_out(config):
        kept_back = KeptBack.of(X, rows, model.rng, for_now=refits(config, len(rows)))
        samples.leave_out(stream.part.sample_ids[kept_back.all] if stream else kept_back.all)
        rows = np.setdiff1d(rows, kept_back.all, assume_unique=True)
    for network in model.networks:
        if is_first and config.label_init == "samples":
            start_label_rows(network, samples, model.rng, Execution(n_threads))
        progress = Trainer(network, config, samples, n_threads, model.rng, model.n_steps).fit(n_epochs, callbacks)
    model.n_steps += progress.step
    began = time.perf_counter()
    update_index(model, n_threads)
    index_seconds = time.perf_counter() - began
    first, index = model.networks[0], model.index
    if isinstance(samples, Samples):
        rows = samples.repeated()
    if settled:
        model.ranker = refit_ranker(settled, first, index, X[rows], Y[rows], n_threads, callbacks)
    elif is_first and config.ranker:
        in_time = time.perf_counter() < deadline
        model.ranker = train_ranker(
            model.networks, X, Y, rows, kept_back, n_threads, callbacks, index=index, in_time=in_time
        )
    elif model.ranker:
        model.ranker = update_ranker(model.ranker, first, index, X[rows], Y[rows], n_threads, callbacks)
    return {
        "index_seconds": index_seconds if model.index else 0.0,
        "ranker_seconds": time.perf_counter() - began - index_seconds if model.ranker else 0.0,
        "ranker_c": float(model.ranker.c[0]) if model.ranker else None,
        "ranker_blend": model.ranker.blend_by_name() if model.ranker else None,
        "n_suggested": model.ranker.lengths[1] if model.ranker else None,
        "threshold": model.ranker.threshold if model.ranker else None,
        "n_held_out": len(kept_back.held_out),
        "n_left_out": len(kept_back.left_out),
        "epoch_seconds": progress.epoch_seconds,
        "n_steps": progress.step,
        "n_samples": samples.n_samples,
        "n_without_labels": samples.n_without_labels,
        "loss": progress.loss,
        "active_mean": progress.active,
        "candidate_recall": progress.candidate_recall,
        "n_rebuilds": progress.n_rebuilds,
    }


def update_index(model: Model, n_threads: int) -> None:
    """Index the labels, if the options want that, or bring the index up to date with the rows."""
    network = model.networks[0]
    answers, layer = network.config.answers, network.output
    if model.index:
        model.index = model.index.refreshed(layer, n_threads)
    elif answers == "index" or (answers == "auto" and layer.n_neurons >= INDEXED_FROM):
        rng = np.random.default_rng(network.config.random_state)
        model.index = LabelIndex.of(layer, rng, n_threads)
