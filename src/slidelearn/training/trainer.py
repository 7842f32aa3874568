"""Training of a network: epoch -> batch -> step."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slidelearn.batches import Batch, SampleSource
from slidelearn.callbacks.base import Callback
from slidelearn.config import Config
from slidelearn.counts import Laps
from slidelearn.kernels import UpdateRule
from slidelearn.network.layers import Execution
from slidelearn.network.losses import loss_and_gradient
from slidelearn.network.network import Network
from slidelearn.network.optim import Schedule
from slidelearn.network.sampling import ActiveSetSampler
from slidelearn.progress import Progress, TrainingDiverged

EXPLODED = 1000.0
"""How many times its first value the loss may become."""


class Trainer:
    """Trains a network on samples.

    Parameters
    ----------
    network
        Changed in place.
    config
        The options of this training.
    samples
        The training set.
    n_threads
        Threads that each verb may use.
    rng
        The source of all randomness of training.
    n_steps_before
        Steps of former trainings of the network, from which the schedule of its tables counts on.
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
        self._order_state: Mapping[str, Any] = rng.bit_generator.state
        self._is_resumed = False
        self._laps = Laps()

    def progress(self, n_epochs: int, **place: Any) -> Progress:
        """The progress of a training of so many epochs, at its beginning; `place` gives other fields of `Progress`."""
        n_steps = n_epochs * self._samples.n_batches(self._config.batch_size)
        return Progress(
            n_steps=n_steps, n_epochs=n_epochs, network=self.network, n_threads=self._run.n_threads, **place
        )

    def fit(self, n_epochs: int, callbacks: Sequence[Callback] = (), progress: Progress | None = None) -> Progress:
        """Train for some epochs, or until a callback sets `Progress.stop`; go on from `progress`, if it is given."""
        progress = progress or self.progress(n_epochs)
        schedule = Schedule(self._config, progress.n_steps)
        if not self._is_resumed:
            self.network.rebuild_tables(self._run.n_threads)
        self.network.in_training = True
        try:
            for callback in callbacks:
                callback.on_begin(progress)
            while progress.epoch < n_epochs and not progress.stop:
                self._epoch(schedule, progress, callbacks)
            for callback in callbacks:
                callback.on_end(progress)
        except BaseException as error:
            for callback in callbacks:
                callback.on_failure(progress, error)
            raise
        finally:
            self.network.in_training = False
        return progress

    def _epoch(self, schedule: Schedule, progress: Progress, callbacks: Sequence[Callback]) -> None:
        batches = self._batches(progress)
        self._laps.start()
        for batch in batches:
            self._laps.end("batch", progress)
            self._step(batch, schedule.rule(progress.step), progress)
            for callback in callbacks:
                callback.on_step(progress)
            if progress.stop:
                return
            self._laps.start()
        progress.epoch += 1
        progress.epoch_seconds.append(progress.elapsed - sum(progress.epoch_seconds))
        for callback in callbacks:
            callback.on_epoch(progress)

    def _batches(self, progress: Progress) -> Iterator[Batch]:
        """The batches of an epoch; of one that was interrupted, those that are left."""
        bits = self._rng.bit_generator
        n_done = progress.step - progress.epoch * self._samples.n_batches(self._config.batch_size)
        if not n_done:
            self._order_state = bits.state
        now, bits.state = bits.state, self._order_state
        batches = self._samples.shuffled(self._config.batch_size, self._rng)
        if n_done:
            deque(islice(batches, n_done), maxlen=0)
            bits.state = now
        return batches

    def _step(self, batch: Batch, rule: UpdateRule, progress: Progress) -> None:
        net, run, lap = self.network, self._run, self._laps.end
        progress.learning_rate = rule.learning_rate
        below = net.forward_hidden(batch.features, seed=progress.step, run=run)
        lap("hidden layers", progress)
        active = self._sampler.sample(below.hidden, batch, self._rng, run)
        lap("active set", progress)
        above = net.output.forward(below.hidden, active, run)
        lap("output layer", progress)
        self._sampler.observe(batch, active, above.logits, run)
        loss, d_logits = loss_and_gradient(self._config.loss, above.logits, active, run.n_threads, batch.weights)
        lap("loss", progress)
        self._require_sane(loss, batch, progress)
        d_hidden = net.output.backward(above, d_logits, rule, run)
        lap("output layer, backward", progress)
        net.backward_hidden(batch.features, below, d_hidden, rule, run)
        lap("hidden layers, backward", progress)
        progress.step += 1
        progress.n_rebuilds += net.rebuild_tables_if_due(self._n_steps_before + progress.step, run.n_threads)
        lap("hash tables", progress)
        self._note(progress, batch, loss, active.mean_size)

    @staticmethod
    def _require_sane(loss: float, batch: Batch, progress: Progress) -> None:
        if progress.step == 0:
            progress.first_loss = loss
        # a comparison with NaN is false
        if not loss <= EXPLODED * max(progress.first_loss, 1.0):
            cause = f"the loss is {loss:.4g}, where it began at {progress.first_loss:.4g},"
            raise TrainingDiverged(progress, cause, batch.sample_ids)

    def _note(self, progress: Progress, batch: Batch, loss: float, n_active: float) -> None:
        progress.loss = loss
        progress.n_samples += batch.labels.n_rows
        progress.loss_sum += loss
        progress.active_sum += n_active
        progress.n_found, progress.n_sought = self._sampler.n_found, self._sampler.n_sought

    @property
    def order_state(self) -> Mapping[str, Any]:
        """State of the random generator before the order of this epoch's samples was drawn."""
        return self._order_state

    def named_arrays(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """What resuming needs beside the network's own arrays: hash tables and the samplers' memory."""
        yield from self.network.named_tables()
        yield from self._sampler.named_arrays()

    def restore(self, progress: Progress, order_state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take up the state of another trainer.

        Raises
        ------
        ValueError
            If the arrays, or the numbers in `progress`, do not fit this training.
        """
        n_batches = self._samples.n_batches(self._config.batch_size)
        if not 0 <= progress.step - progress.epoch * n_batches <= n_batches or progress.step > progress.n_steps:
            raise ValueError(f"step {progress.step} is not in epoch {progress.epoch} of {progress.n_steps} steps")
        try:
            np.random.PCG64(0).state = order_state  # type: ignore[assignment]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"the state of the order of samples is none of a random generator: {error!r}") from None
        self.network.restore_tables(arrays)
        self._sampler.restore(arrays, progress.n_found, progress.n_sought)
        self._order_state, self._is_resumed = order_state, True
