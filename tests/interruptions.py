"""Trainings that end before their time, for the tests of checkpoints."""

from __future__ import annotations

from slidelearn.callbacks import Callback
from slidelearn.progress import Progress


class Gone(Exception):
    """In place of whatever ends a process."""


class EndAfter(Callback):
    """Ends a training after so many steps, of all its networks."""

    comes_last = True

    def __init__(self, n_steps: int) -> None:
        self._n_steps = n_steps

    def on_step(self, progress: Progress) -> None:
        if progress.steps_before + progress.step == self._n_steps:
            raise Gone
