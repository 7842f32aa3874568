"""When hash tables are rebuilt, and when their hash functions are drawn anew."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class RebuildSchedule:
    """Rebuilds that grow rarer as the weights settle: the i-th wait lasts ``every * exp(decay * i)`` steps.

    Chen et al. (2020), section 4.2. It has no state: whoever follows it counts the rebuilds.

    Parameters
    ----------
    every
        Steps before the first rebuild (n0 in the paper).
    decay
        How fast the waits grow; 0: they do not.
    redraw_every
        New hash functions at every so many-th rebuild; None: never.

    Examples
    --------
    >>> schedule = RebuildSchedule(every=50, decay=0.1)
    >>> [schedule.due_at(i) for i in range(4)]
    [50, 106, 167, 234]
    """

    every: int
    decay: float
    redraw_every: int | None = None

    def due_at(self, n_rebuilds: int) -> float:
        """The step at which the next rebuild is due after `n_rebuilds`; infinity where it is beyond all numbers."""
        try:
            return math.ceil(sum(self.every * math.exp(self.decay * i) for i in range(n_rebuilds + 1)))
        except OverflowError:
            return math.inf

    def due(self, step: int, n_rebuilds: int) -> bool:
        """Whether a rebuild is due after `step` steps and `n_rebuilds`."""
        return step >= self.due_at(n_rebuilds)

    def redraws(self, n_rebuilds: int) -> bool:
        """Whether the `n_rebuilds`-th rebuild, counted from 1, draws new hash functions."""
        return self.redraw_every is not None and n_rebuilds % self.redraw_every == 0
