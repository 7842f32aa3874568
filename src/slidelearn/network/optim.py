"""Parameters that keep their optimizer's state beside them, and the rules that move them.

Only the rows that a step touches are read or written; a row that is not touched costs nothing and does not move.

- ``sgd``: plain stochastic gradient descent.
- ``adagrad``: row-wise Adagrad, one accumulator of the mean squared gradient per row (Duchi et al., 2011, applied to
  rows as in Wu et al., StarSpace, 2018).
- ``adam``: lazy Adam (Kingma and Ba, 2015). It differs from dense Adam where a row is left out of a step: dense Adam
  goes on moving the row by its momentum and decays its moments; lazy Adam leaves the row as it is. A row's bias
  correction follows its own number of updates, so rows updated at different times are each corrected rightly. Rows
  with sparse inputs (a sampled layer below) share one count among their coordinates.
- ``adam_bf16``: the same, with m and v of the weights kept as bfloat16, rounded at random so that their means are
  right.
- ``none``: no rule, and no state; rows for answers only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slidelearn import kernels
from slidelearn.config import Config
from slidelearn.kernels import Float, Ids, Rows, UpdateRule
from slidelearn.kernels.types import RULE_KINDS, TAIL, TAIL_FIELDS, padded

_STATE = {
    "none": (),
    "sgd": (),
    "adagrad": ("bias_v", "row_v"),
    "adam": ("m", "v", "bias_m", "bias_v", "n_updates"),
    "adam_bf16": ("m", "v", "bias_m", "bias_v", "n_updates"),
}
_N_PARTS = {"adam": 3, "adam_bf16": 2}
"""Parts of a row before its tail, by optimizer; 1 under the others."""


class ParameterRows:
    """`n_rows` rows of `width` weights and a bias, all zero at first, with room for the optimizer's state."""

    def __init__(self, n_rows: int, width: int, optimizer: str) -> None:
        self.optimizer = optimizer
        self.rows = Rows(kernels.allocate_rows(n_rows, _stride(width, optimizer)), width)

    @staticmethod
    def n_bytes_of(n_rows: int, width: int, optimizer: str) -> int:
        """Memory that so many rows take."""
        return 4 * n_rows * _stride(width, optimizer)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.rows.memory)

    @property
    def weights(self) -> Float:
        """A view of the weights, (n_rows, width)."""
        return self.rows.part(0)

    @property
    def bias(self) -> Float:
        """A view of the biases, (n_rows,)."""
        return self._field("bias")

    def named_arrays(self, *, with_state: bool = True) -> Iterator[tuple[str, NDArray[Any]]]:
        """Views of the weights, the biases, and what the optimizer keeps; uint16 are the bits of bfloat16."""
        yield "weights", self.weights
        yield "bias", self.bias
        for name in _STATE[self.optimizer] if with_state else ():
            yield name, self._field(name)

    def update(self, ids: Ids, d_weights: Float, d_bias: Float, rule: UpdateRule, n_threads: int) -> None:
        """One step on the distinct rows `ids`."""
        kernels.update_rows(self.rows, ids, d_weights, d_bias, rule, n_threads=n_threads)

    def resized(self, kept: Ids, n_rows: int) -> ParameterRows:
        """As many rows as `n_rows`: the rows `kept`, with their state, and then rows of zeros."""
        made = ParameterRows(n_rows, self.rows.width, self.optimizer)
        made.rows.memory[: len(kept)] = self.rows.memory[kept]
        return made

    def spread(self, places: Ids, n_rows: int) -> ParameterRows:
        """As many rows as `n_rows`: these at their places, with their state, and between them rows of zeros."""
        made = ParameterRows(n_rows, self.rows.width, self.optimizer)
        made.rows.memory[places] = self.rows.memory
        return made

    def _field(self, name: str) -> NDArray[Any]:
        memory = self.rows.memory
        if name in ("m", "v"):
            if self.optimizer == "adam_bf16":
                halves = self.rows.part(1).view(np.uint16)  # of little-endian words: v, m, v, m, ...
                return halves[:, 1 if name == "m" else 0 :: 2]
            return self.rows.part(1 if name == "m" else 2)
        return memory[:, memory.shape[1] - TAIL + TAIL_FIELDS[name]]


def _stride(width: int, optimizer: str) -> int:
    return _N_PARTS.get(optimizer, 1) * padded(width) + TAIL


class Schedule:
    """The learning rate of each step: a warm-up, then constant, linear to 0, or half a cosine to 0."""

    def __init__(self, config: Config, n_steps: int) -> None:
        self._config = config
        self._n_steps = max(n_steps, 1)
        self._n_warmup = round(config.warmup_fraction * self._n_steps)

    def learning_rate(self, step: int) -> float:
        """The rate of step `step`, counted from 0."""
        config = self._config
        if step < self._n_warmup:
            return config.learning_rate * (step + 1) / (self._n_warmup + 1)
        progress = (step - self._n_warmup) / max(self._n_steps - self._n_warmup, 1)
        if config.learning_rate_schedule == "linear":
            return config.learning_rate * max(0.0, 1.0 - progress)
        if config.learning_rate_schedule == "cosine":
            return config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * min(progress, 1.0)))
        return config.learning_rate

    def rule(self, step: int) -> UpdateRule:
        """The update rule of step `step`."""
        config = self._config
        kind = RULE_KINDS.index(config.optimizer)
        return UpdateRule(kind, self.learning_rate(step), config.beta_1, config.beta_2, config.epsilon)


def random_weights(rows: ParameterRows, scale: float, rng: np.random.Generator, ids: Ids | None = None) -> None:
    """Fill the weights of the rows `ids`, or of all, with normal numbers of that standard deviation."""
    block, width = max(1, 2**20 // rows.rows.width), rows.rows.width
    ids = np.arange(rows.n_rows, dtype=np.int32) if ids is None else ids
    for some in (ids[begin : begin + block] for begin in range(0, len(ids), block)):
        rows.weights[some] = rng.standard_normal((len(some), width), dtype=np.float32) * np.float32(scale)
