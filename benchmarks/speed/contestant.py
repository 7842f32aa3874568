"""What the worker asks of a contestant."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from speed.shapes import Data, Shape, Weights


class Contestant(ABC):
    """A network that takes training steps; made in a process of its own, with the threads that it may use.

    Parameters
    ----------
    weights
        To start from; None: any.
    options
        Those of `speed.contestants`.
    """

    packages: ClassVar[Sequence[str]]
    """Distributions whose versions belong to the measurement."""

    @abstractmethod
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
    ) -> None: ...

    @abstractmethod
    def run(self, n_steps: int) -> tuple[list[float], list[float]]:
        """Take steps; wall seconds and loss of each."""

    @property
    @abstractmethod
    def n_active(self) -> float:
        """Active labels of a step, on average."""
