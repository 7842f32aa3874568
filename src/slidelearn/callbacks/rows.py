"""What logs and histories write of a training: a row of numbers, about the steps since the row before."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from slidelearn.progress import Progress

METRICS = ("p@1", "p@3", "p@5", "ndcg@1", "ndcg@3", "ndcg@5", "recall@20")
COLUMNS = (
    "network",
    "step",
    "epoch",
    "samples",
    "seconds",
    "loss",
    "learning_rate",
    "active",
    "rebuilds",
    "candidate_recall",
    "samples_per_second",
)
"""`network` counts from 1; `samples`, `seconds` and `rebuilds` are those so far; `loss`, `active` (labels per sample),
`candidate_recall` and `samples_per_second` are means since the row before."""

Row = dict[str, float | int | None]


@dataclass(frozen=True)
class Mark:
    """What had been counted when the last row was made."""

    step: int = 0
    n_samples: int = 0
    elapsed: float = 0.0
    loss_sum: float = 0.0
    active_sum: float = 0.0
    n_found: int = 0
    n_sought: int = 0

    @classmethod
    def at(cls, progress: Progress) -> Self:
        """A mark where training is."""
        return cls(**{name: getattr(progress, name) for name in cls.__dataclass_fields__})

    def as_json(self) -> dict[str, Any]:
        """For the state of a callback."""
        return asdict(self)


def row(progress: Progress, since: Mark) -> Row:
    """The values of `COLUMNS`, and the metrics there are."""
    here = Mark.at(progress)
    n_steps, n_sought = max(here.step - since.step, 1), here.n_sought - since.n_sought
    seconds = here.elapsed - since.elapsed
    return {
        "network": progress.number,
        "step": here.step,
        "epoch": progress.epoch,
        "samples": here.n_samples,
        "seconds": here.elapsed,
        "loss": (here.loss_sum - since.loss_sum) / n_steps,
        "learning_rate": progress.learning_rate,
        "active": (here.active_sum - since.active_sum) / n_steps,
        "rebuilds": progress.n_rebuilds,
        "candidate_recall": (here.n_found - since.n_found) / n_sought if n_sought else None,
        "samples_per_second": (here.n_samples - since.n_samples) / seconds if seconds > 0 else None,
        **progress.metrics,
    }
