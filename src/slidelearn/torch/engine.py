"""What a head computes, over NumPy arrays that share their memory with PyTorch's tensors."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slidelearn.batches import Batch
from slidelearn.config import Config
from slidelearn.kernels import NO_DATA, Csr, Float, Ids, UpdateRule
from slidelearn.kernels.types import RULE_KINDS
from slidelearn.label_index import LabelIndex
from slidelearn.machine.resources import require_memory
from slidelearn.network.label_rows import add_samples, set_lengths
from slidelearn.network.layers import Execution, LayerPass, NeuronLayer
from slidelearn.network.losses import loss_and_gradient
from slidelearn.network.optim import ParameterRows, random_weights
from slidelearn.torch.active_sets import ActiveSets

_BATCH = 256
"""Samples answered together."""

Gradients = tuple[Ids, Float, Float]
"""Of rows: their ids, and the gradients of weights and biases."""


@dataclass(frozen=True)
class LossPass:
    """A loss, and what its backward pass needs."""

    loss: float
    done: LayerPass | None
    """None where no sample has a label."""
    d_logits: Float
    labelled: NDArray[np.int64]
    """The samples that have labels: the loss is their mean."""
    n_samples: int
    learning: bool
    """Whether the samples are there to learn from: in training, not for a look."""


class Engine:
    """The rows of a head, what chooses its active sets, and its index; one thread of Python at a time.

    Parameters
    ----------
    n_inputs, n_labels
        Width and number of rows.
    config
        The options.
    optimizer
        Whose state the rows have room for; ``none``: the user's own optimizer moves them.
    active_sets
        What chooses.
    """

    def __init__(self, n_inputs: int, n_labels: int, config: Config, optimizer: str, active_sets: ActiveSets) -> None:
        n_bytes = ParameterRows.n_bytes_of(n_labels, n_inputs, optimizer)
        require_memory(n_bytes, "SlideOutput", "choose fewer in_features, or the optimizer 'adagrad'")
        scale = config.logit_scale if config.logits == "cosine" else 0.0
        self.layer = NeuronLayer(n_inputs, n_labels, optimizer, scale=scale, bf16=config.precision == "bf16")
        random_weights(self.layer.neurons, n_inputs**-0.5, np.random.default_rng(config.random_state))
        self.active_sets = active_sets
        self._config = config
        self._index: LabelIndex | None = None
        self._index_is_current = False
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()

    def named_rows(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """The rows, and what their optimizer keeps."""
        for name, array in self.layer.neurons.named_arrays():
            yield "weight" if name == "weights" else name, array

    def rows_changed(self) -> None:
        """Drop what was made of the rows, as it is out of date."""
        self.layer.rows_changed()
        self._index_is_current = False

    def loss(
        self,
        x: Float,
        labels: Csr,
        sample_ids: NDArray[np.int64],
        n_threads: int,
        *,
        learning: bool,
        fetch: Callable[[Ids], None],
    ) -> LossPass:
        """The mean loss of the samples that have labels, over one active set.

        `fetch` is called with the active set, to bring rows that are kept elsewhere.
        """
        labelled = np.flatnonzero(np.diff(labels.indptr))
        if not len(labelled):
            return LossPass(0.0, None, NO_DATA, labelled, len(x), learning)
        if len(labelled) < len(x):
            indptr = np.concatenate([labels.indptr[:1], labels.indptr[1:][labelled]])
            kept = x[labelled], labels._replace(indptr=indptr), sample_ids[labelled] if len(sample_ids) else sample_ids
        else:
            kept = x, labels, sample_ids
        run = Execution(n_threads)
        batch = Batch(Csr(np.zeros(len(labelled) + 1, np.int64), np.empty(0, np.int32), NO_DATA), *kept[1:])
        with self._lock:
            active = self.active_sets.choose(kept[0], batch, run, learning=learning)
            fetch(active.ids)
            done = self.layer.forward(kept[0], active, run)
            if learning:
                self.active_sets.observe(batch, active, done.logits, run)
        loss, d_logits = loss_and_gradient(self._config.loss, done.logits, active, n_threads)
        return LossPass(loss, done, d_logits, labelled, len(x), learning)

    def gradients(self, of: LossPass, d_loss: float, n_threads: int) -> tuple[Float, Gradients | None]:
        """The gradients of the input and of the active rows, if any."""
        if of.done is None:
            return np.zeros((of.n_samples, self.layer.n_inputs), np.float32), None
        d_x, d_weights, d_bias = self.layer.shared_gradients(of.done, _scaled(of.d_logits, d_loss), n_threads)
        return _of_all_samples(of, d_x), (of.done.active.ids, d_weights, d_bias)

    def step(self, of: LossPass, d_loss: float, learning_rate: float, n_threads: int) -> Float:
        """Take one step on the active rows; return the gradient of the input.

        Raises
        ------
        FloatingPointError
            If the loss or its gradient is not finite: no row has moved then.
        """
        if not math.isfinite(of.loss * d_loss):
            raise FloatingPointError(
                f"the loss must be finite for a step, but is {of.loss:g}, its own gradient {d_loss:g}; no row has "
                "moved: look for infinities in hidden, or choose a lower learning rate"
            )
        if of.done is None:
            return np.zeros((of.n_samples, self.layer.n_inputs), np.float32)
        config = self._config
        kind = RULE_KINDS.index(config.optimizer)
        rule = UpdateRule(kind, learning_rate, config.beta_1, config.beta_2, config.epsilon)
        with self._lock:
            self._index_is_current = False  # the layer lets go of what it keeps of its rows by itself
            d_x = self.layer.backward(of.done, _scaled(of.d_logits, d_loss), rule, Execution(n_threads))
        assert not isinstance(d_x, Csr)
        return _of_all_samples(of, d_x)

    def top_k(self, x: Float, k: int, n_threads: int, *, by_index: bool) -> tuple[Ids, Float]:
        """The k best labels of each sample and their logits, best first; -1 where an index finds fewer."""
        ids, logits = np.empty((len(x), k), np.int32), np.empty((len(x), k), np.float32)
        with self._lock:
            index = self._current_index(n_threads) if by_index else None
            for begin in range(0, len(x), _BATCH):
                rows = slice(begin, begin + _BATCH)
                find = (
                    index.top_k(self.layer, x[rows], k, n_threads) if index else self.layer.top_k(x[rows], k, n_threads)
                )
                ids[rows], logits[rows] = find
        return ids, logits

    def _current_index(self, n_threads: int) -> LabelIndex:
        if self._index is None:
            rng = np.random.default_rng(self._config.random_state)
            self._index = LabelIndex.of(self.layer, rng, n_threads)
        elif not self._index_is_current:
            self._index = self._index.refreshed(self.layer, n_threads)
        self._index_is_current = True
        return self._index

    def start_rows(self, batches: Iterator[tuple[Float, Csr]], n_threads: int) -> None:
        """Give the rows the directions of their samples' hidden vectors; those without samples a random one."""
        rows = self.layer.neurons
        sums = ParameterRows(rows.n_rows, self.layer.n_inputs, "none")  # a batch may be refused: rows stay till the end
        for x, labels in batches:
            add_samples(sums, x, labels, n_threads)
        set_lengths(sums, np.random.default_rng(self._config.random_state))
        with self._lock:
            rows.weights[...] = sums.weights
            self.rows_changed()


def _scaled(d_logits: Float, d_loss: float) -> Float:
    return d_logits if d_loss == 1 else d_logits * np.float32(d_loss)


def _of_all_samples(of: LossPass, d_x: Float) -> Float:
    """The gradient of the input, where samples without labels have none."""
    if len(of.labelled) == of.n_samples:
        return d_x
    d_all = np.zeros((of.n_samples, d_x.shape[1]), np.float32)
    d_all[of.labelled] = d_x
    return d_all
