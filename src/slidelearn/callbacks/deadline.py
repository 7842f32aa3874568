"""An end to training at a given time."""

from __future__ import annotations

import time

from slidelearn.callbacks.base import Callback
from slidelearn.progress import Progress


class Deadline(Callback):
    """Ends training when the time is over, even if the plan was expected to fit.

    Parameters
    ----------
    at
        By ``time.perf_counter()``.
    """

    def __init__(self, at: float) -> None:
        self._at = at

    def on_step(self, progress: Progress) -> None:
        """Look at the clock."""
        progress.stop = progress.stop or time.perf_counter() >= self._at
