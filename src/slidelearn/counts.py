"""What has been done to a network so far, counted."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


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
