"""Where a training is: what callbacks read, and what a checkpoint keeps of it."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from slidelearn.arrays import is_finite
from slidelearn.wording import counted

if TYPE_CHECKING:
    from slidelearn.model.model import Model
    from slidelearn.model.snapshot import Snapshot
    from slidelearn.network.network import Network

_ROWS_NAMED = 5


@dataclass
class Counts:
    """What has been done to a network so far; a checkpoint keeps it."""

    step: int = 0
    epoch: int = 0
    """Whole epochs."""
    n_samples: int = 0
    """Samples seen, with repetition."""
    loss: float = float("nan")
    """Of the last step."""
    first_loss: float = float("nan")
    learning_rate: float = float("nan")
    """Of the last step."""
    loss_sum: float = 0.0
    """Of all steps."""
    active_sum: float = 0.0
    """Active labels per sample, of all steps."""
    n_rebuilds: int = 0
    n_found: int = 0
    n_sought: int = 0
    """Labels of samples that the samplers proposed without knowing them, and labels that there were."""
    seconds: float = 0.0
    """Until the last checkpoint, if there was one."""
    epoch_seconds: list[float] = field(default_factory=list)
    """Of the whole epochs."""
    phase_seconds: dict[str, float] = field(default_factory=dict)
    """Of the parts of a step, added up."""
    metrics: dict[str, float] = field(default_factory=dict)
    """What the last look at held-out samples found; see `slidelearn.callbacks.Validation`."""
    n_looks: int = 0
    stop: bool = False
    """A callback sets it to end training after the step, or the epoch, that it was called for."""

    @property
    def active(self) -> float:
        """Active labels per sample, mean over all steps."""
        return self.active_sum / max(self.step, 1)

    @property
    def candidate_recall(self) -> float | None:
        """Share of the samples' labels that the samplers proposed without knowing them; None where they all know."""
        return self.n_found / self.n_sought if self.n_sought else None


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
    """Of the network, in an ensemble of `n_networks`."""
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


class Laps:
    """Adds up what the parts of a step take; a lap costs a fraction of a microsecond."""

    def __init__(self) -> None:
        self._began = 0.0

    def start(self) -> None:
        """Begin the first part."""
        self._began = time.perf_counter()

    def end(self, phase: str, counts: Counts) -> None:
        """End a part, and begin the next."""
        now = time.perf_counter()
        counts.phase_seconds[phase] = counts.phase_seconds.get(phase, 0.0) + now - self._began
        self._began = now


class TrainingDiverged(FloatingPointError):
    """The loss is no number any more or has grown beyond all bounds, or weights have.

    Attributes
    ----------
    progress
        Where training was: after the last step that was taken.
    sample_ids
        (n,) the samples of the batch of which the loss was, as row numbers of X; empty where weights were looked at.
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
