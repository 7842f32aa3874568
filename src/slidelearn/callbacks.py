"""What looks on while a network trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slidelearn.training import Progress


class Callback:
    """Called by training; each method does nothing unless overridden."""

    def on_trial(self, option: str, value: object) -> None:
        """Before each training that is only to choose an option: what it tries."""

    def on_begin(self, progress: Progress) -> None:
        """Before the first step."""

    def on_step(self, progress: Progress) -> None:
        """After each step."""

    def on_epoch(self, progress: Progress) -> None:
        """After each epoch."""

    def on_end(self, progress: Progress) -> None:
        """After the last step."""

    def on_shortlists(self, n_done: int, n_samples: int) -> None:
        """While the network makes the training samples' shortlists for the ranker, after the last step."""
