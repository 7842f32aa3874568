"""Where a training is: what callbacks read."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from slidelearn.arrays import is_finite
from slidelearn.counts import Counts
from slidelearn.model.model import Model
from slidelearn.model.snapshot import Snapshot
from slidelearn.network.network import Network
from slidelearn.wording import counted

_ROWS_NAMED = 5


@dataclass(kw_only=True)
class Progress(Counts):
    """Where the training of a network is; callbacks read it, and may end it."""

    n_steps: int
    n_epochs: int
    network: Network = field(repr=False)
    """The one that is trained."""
    model: Model | None = field(default=None, repr=False)
    """What the network is part of; None in a trial, where it is part of nothing."""
    number: int = 1
    """Of the network, among `n_networks` of the model."""
    n_networks: int = 1
    n_threads: int = 1
    is_resumed: bool = False
    """Whether training was interrupted before, and goes on."""
    steps_before: int = 0
    """Of the networks before this one."""
    take_snapshot: Callable[[], Snapshot] | None = field(default=None, repr=False)
    """Gives all that the training needs to go on from here; None where it cannot be interrupted."""

    def __post_init__(self) -> None:
        self._began = time.perf_counter()

    @property
    def elapsed(self) -> float:
        """Seconds that this network has been trained for, those before an interruption included."""
        return self.seconds + time.perf_counter() - self._began

    def counts(self) -> Counts:
        """A copy of the counts, as of now."""
        values = {each.name: copy.copy(getattr(self, each.name)) for each in fields(Counts)}
        return Counts(**values | {"seconds": self.elapsed})

    def restore(self, counts: Counts) -> None:
        """Go on from there."""
        for each in fields(Counts):
            setattr(self, each.name, copy.copy(getattr(counts, each.name)))


class TrainingDiverged(FloatingPointError):
    """The loss has become NaN or has exploded, or weights have.

    Attributes
    ----------
    progress
        Where training was, after its last step.
    sample_ids
        (n,): the samples of the batch that had this loss, as row numbers of X; empty if weights were found wrong.
    last_checkpoint
        The directory of the latest checkpoint; None without one.
    """

    def __init__(self, progress: Progress, cause: str, sample_ids: NDArray[np.int64]) -> None:
        super().__init__()
        self.progress, self.sample_ids = progress, sample_ids
        self.last_checkpoint: Path | None = None
        self._cause = cause

    def __str__(self) -> str:
        progress, remedy = self.progress, "train again with a learning_rate several times lower"
        batch = ""
        if len(self.sample_ids):
            rows = ", ".join(map(str, self.sample_ids[:_ROWS_NAMED])) + ", ..." * (len(self.sample_ids) > _ROWS_NAMED)
            batch = f", on a batch of {counted(len(self.sample_ids), 'sample')} (rows {rows} of X)"
            remedy += ", and see that the features of these rows are sane"
        if self.last_checkpoint:
            remedy += f"; the last good checkpoint, a model that can be loaded, is {self.last_checkpoint}"
        return (
            f"training diverged: {self._cause} after step {progress.step:,} of {progress.n_steps:,} "
            f"(epoch {progress.epoch + 1}), with learning_rate {progress.learning_rate:.4g}{batch}; {remedy}"
        )


def require_finite_weights(progress: Progress) -> None:
    """Refuse to go on with a network that has NaN or infinity in it; that reads all of it once.

    Raises
    ------
    TrainingDiverged
        Naming the array.
    """
    for name, array in progress.network.named_arrays():
        if not is_finite(array):
            raise TrainingDiverged(progress, f"array {name!r} has NaN or infinity", np.empty(0, np.int64))
