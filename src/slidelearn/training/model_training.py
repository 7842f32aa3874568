"""Training of a model: its networks, one after the other, then the indexes and rankers of its members."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from slidelearn.batches import Samples, SampleSource
from slidelearn.callbacks.base import Callback, restore_states, states_of
from slidelearn.callbacks.deadline import Deadline
from slidelearn.callbacks.recorder import Recorder
from slidelearn.config import Config
from slidelearn.model.history import HISTORY
from slidelearn.model.model import Model
from slidelearn.model.snapshot import Origin, Snapshot, TrainingState, sample_ids
from slidelearn.network.label_rows import start_label_rows
from slidelearn.network.layers import Execution
from slidelearn.progress import Progress, require_finite_weights
from slidelearn.ranking.settled import Settled
from slidelearn.sample_stream import SampleStream
from slidelearn.training.prequential import Answers
from slidelearn.training.ranker_training import (
    KeptBack,
    needs_held_out,
    refit_rankers,
    rehearses,
    train_rankers,
    update_rankers,
)
from slidelearn.training.trainer import Trainer
from slidelearn.training_set import TrainingSet

_SETTLED = "settled."
"""How the names of the arrays begin that `Settled` has."""


class Began(NamedTuple):
    """When something began, by both clocks."""

    wall: float
    """Seconds, by ``time.perf_counter()``."""
    cpu: float
    """User and system seconds of the process."""


def now() -> Began:
    """For what begins now."""
    return Began(time.perf_counter(), time.process_time())


class ModelTraining:
    """Trains a model for some epochs.

    Its rankers, if it is to have any, are trained in the model's first training; later ones bring them up to date.

    Parameters
    ----------
    model
        Changed in place.
    samples
        The training set, its features as the networks are to see them.
    config
        The options of this training.
    n_epochs, n_threads
        Passes over the samples; threads.
    began
        When the training began, the time for choosing options included.
    settled
        Choices for the ranker that have been made already; None: samples are kept back for it to choose on.
    origin
        What checkpoints say of how the training began; None: none can be made.
    digest
        Gives the digest of the training samples, for checkpoints.
    deadline
        By ``time.perf_counter()``: steps end then, and no classifiers are trained after it.
    stream
        What the networks learn from, if `samples` are only its part in memory.
    answers
        What the model answered for these samples, if it has learnt from others before.
    """

    def __init__(
        self,
        model: Model,
        samples: TrainingSet,
        config: Config,
        n_epochs: int,
        n_threads: int,
        began: Began,
        *,
        settled: Settled | None = None,
        origin: Origin | None = None,
        digest: Callable[[], str] = str,
        deadline: float = math.inf,
        stream: SampleStream | None = None,
        answers: Answers | None = None,
    ) -> None:
        model.require_trainable()
        self.goes_on = model.n_steps > 0
        """Whether the model had been trained before."""
        self.model, self.samples, self._config = model, samples, config
        self._n_epochs, self._n_threads, self._began = n_epochs, n_threads, began
        self._settled, self._origin, self._digest, self._deadline = settled, origin, digest, deadline
        self._ids_in_stream = stream.part.sample_ids if stream else None
        self._source: SampleSource = copy.copy(stream) if stream else Samples(*samples)
        """What the networks learn from: the samples less those that are kept back."""
        if answers:
            self._source = Samples(*samples, before=model.seen, hard_negatives=answers.hard_negatives)
        if not len(self._source.labelled):
            raise ValueError("Y must have at least one label, but all of its rows are empty")
        self._kept_back = KeptBack.nothing()
        self._steps_before = 0
        self._resumed: tuple[Trainer, Progress] | None = None
        self._callback_states: list[tuple[str, dict[str, Any]]] = []

    def restore(self, snapshot: Snapshot) -> None:
        """Take up the state of another training, whose model this one has.

        Raises
        ------
        ValueError
            If the snapshot does not fit this training.
        """
        state, n, first = snapshot.state, self.samples.X.shape[0], self.model.network
        if not 1 <= state.number <= len(self.model.networks):
            raise ValueError(f"number must be in [1, {len(self.model.networks)}], the networks, but is {state.number}")
        if state.origin.settled:
            arrays = snapshot.arrays.items()
            of_settled = {name.removeprefix(_SETTLED): array for name, array in arrays if name.startswith(_SETTLED)}
            self._settled = Settled.read(of_settled, first.config, first.n_features, first.n_labels)
        self._keep_back(KeptBack(sample_ids(snapshot, "held_out", n), sample_ids(snapshot, "left_out", n)))
        self._steps_before, self._callback_states = state.steps_before, state.callbacks
        trainer, progress = self._begun(state.number)
        progress.restore(state.counts)
        progress.is_resumed = True
        trainer.restore(progress, state.order_state, snapshot.arrays)
        self._resumed = trainer, progress

    def run(self, callbacks: Sequence[Callback] = ()) -> None:
        """Train the networks, then the indexes and rankers; the report goes into ``model.training``."""
        if self._deadline < math.inf:
            callbacks = [*callbacks, Deadline(self._deadline)]
        recorder = Recorder()
        if self._origin:
            callbacks = [*callbacks, recorder]
        callbacks = sorted(callbacks, key=lambda callback: callback.comes_last)
        restore_states(callbacks, self._callback_states)
        if not self._resumed and self._chooses_for_the_ranker:
            labelled = self.samples.labelled
            for_now = rehearses(self._config, len(labelled))
            self._keep_back(KeptBack.of(self.samples.X, labelled, self.model.rng, for_now=for_now))
        for number in range(self._resumed[1].number if self._resumed else 1, len(self.model.networks) + 1):
            progress = self._train_network(number, callbacks)
            self._steps_before += progress.step
        self.model.n_steps += progress.step
        self.model.seen = self._source.seen()
        began = time.perf_counter()
        for member in self.model.members:
            member.update_index(self._n_threads)
        indexed = time.perf_counter()
        threshold = self._train_rankers(callbacks)
        self.model.training = self._report(progress, indexed - began, time.perf_counter() - indexed, threshold)
        if self._origin:
            self.model.documents[HISTORY] = recorder.history.model_dump_json()
        for callback in callbacks:
            callback.on_model(self.model, self._n_threads)

    def _report(
        self, progress: Progress, index_seconds: float, ranker_seconds: float, threshold: float | None
    ) -> dict[str, Any]:
        wall, cpu = now()
        first = self.model.members[0]
        ranker = first.ranker
        report = {
            "train_seconds": wall - self._began.wall,
            "cpu_seconds": cpu - self._began.cpu,
            "index_seconds": index_seconds if first.index else 0.0,
            "ranker_seconds": ranker_seconds if ranker else 0.0,
            "ranker_c": float(ranker.c[0]) if ranker else None,
            "ranker_blend": ranker.blend_by_name() if ranker else None,
            "n_suggested": ranker.lengths[1] if ranker else None,
            "threshold": threshold,
            "n_held_out": len(self._kept_back.held_out),
            "n_left_out": len(self._kept_back.left_out),
            "epoch_seconds": progress.epoch_seconds,
            "n_steps": progress.step,
            "n_samples": self._source.n_samples,
            "n_without_labels": self._source.n_without_labels,
            "loss": progress.loss,
            "active_mean": progress.active,
            "candidate_recall": progress.candidate_recall,
            "n_rebuilds": progress.n_rebuilds,
        }
        if not self._origin:
            return report
        if self._origin.threshold is not None:
            report["threshold"] = self._origin.threshold
        chosen = {"pilot": self._origin.pilot, "plans": self._origin.plans, **self._origin.kept_back}
        return {**report, **chosen, "choosing_seconds": self._origin.choosing_seconds}

    @property
    def _chooses_for_the_ranker(self) -> bool:
        return not self.goes_on and not self._settled and needs_held_out(self._config)

    def _keep_back(self, kept_back: KeptBack) -> None:
        self._kept_back = kept_back
        rows = kept_back.all
        self._source.leave_out(rows if self._ids_in_stream is None else self._ids_in_stream[rows])

    def _train_network(self, number: int, callbacks: Sequence[Callback]) -> Progress:
        if self._resumed:
            (trainer, progress), self._resumed = self._resumed, None
        else:
            trainer, progress = self._begun(number)
            if not self.goes_on and self._config.label_init == "samples":
                start_label_rows(trainer.network, self._source, self.model.rng, Execution(self._n_threads))
        if self._origin:
            progress.take_snapshot = partial(self._snapshot, self._origin, trainer, progress, callbacks)
        trainer.fit(self._n_epochs, callbacks, progress)
        if self._origin:  # `partial_fit` has none, and must not read the whole network for a few samples
            require_finite_weights(progress)
        return progress

    def _begun(self, number: int) -> tuple[Trainer, Progress]:
        model = self.model
        network = model.networks[number - 1]
        trainer = Trainer(network, self._config, self._source, self._n_threads, model.rng, model.n_steps)
        progress = trainer.progress(
            self._n_epochs,
            model=model,
            number=number,
            n_networks=len(model.networks),
            steps_before=self._steps_before,
        )
        return trainer, progress

    def _snapshot(
        self, origin: Origin, trainer: Trainer, progress: Progress, callbacks: Sequence[Callback]
    ) -> Snapshot:
        wall, cpu = now()
        state = TrainingState(
            origin=origin,
            data=self._digest(),
            seconds=wall - self._began.wall,
            cpu_seconds=cpu - self._began.cpu,
            number=progress.number,
            steps_before=progress.steps_before,
            order_state=dict(trainer.order_state),
            counts=progress.counts(),
            callbacks=states_of(callbacks),
        )
        arrays = dict(trainer.named_arrays())
        arrays |= {"held_out": self._kept_back.held_out, "left_out": self._kept_back.left_out}
        if self._settled:
            arrays |= {_SETTLED + name: array for name, array in self._settled.named_arrays()}
        return Snapshot(self.model, state, arrays)

    def _train_rankers(self, callbacks: Sequence[Callback]) -> float | None:
        """Train the rankers, or bring them up to date.

        Returns the score from which on held-out samples had the label; None where no samples tell.
        """
        model, samples, n_threads, settled = self.model, self.samples, self._n_threads, self._settled
        rows = self._rows()
        if settled:
            refit_rankers(model, settled, samples.X[rows], samples.Y[rows], n_threads, callbacks)
            return settled.threshold
        if not self.goes_on and self._config.ranker:
            return train_rankers(
                model,
                samples.X,
                samples.Y,
                rows,
                self._kept_back,
                n_threads,
                callbacks,
                weights=samples.weights,
                deadline=self._deadline,
            )
        if model.members[0].ranker:
            update_rankers(model, samples.X[rows], samples.Y[rows], n_threads, callbacks)
        return None

    def _rows(self) -> NDArray[np.int64]:
        """The samples in memory that the ranker learns from, heavy ones several times."""
        if isinstance(self._source, Samples):
            return self._source.repeated()
        return np.setdiff1d(self.samples.labelled, self._kept_back.all, assume_unique=True)
