"""Records the history of a training, which is saved with the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, final

from slidelearn.callbacks.base import Callback
from slidelearn.callbacks.rows import Mark, row
from slidelearn.model.history import History, NetworkHistory
from slidelearn.progress import Progress

N_POINTS = 200
"""Of each network."""
_IN_TABLES = ("mean_bucket", "longest_bucket", "empty_share", "dropped_share")


@final
class Recorder(Callback):
    """Keeps a row of numbers from `N_POINTS` steps of each network, and from the end of each epoch."""

    def __init__(self) -> None:
        self.history = History()
        self._points, self._epochs = Mark(), Mark()
        self._n_rebuilds = 0
        """When the tables were looked at last."""

    def on_begin(self, progress: Progress) -> None:
        """Begin with a network."""
        if progress.step == 0:
            del self.history.networks[progress.number - 1 :]
            self.history.networks.append(NetworkHistory(n_steps=progress.n_steps))
            self._points = self._epochs = Mark()
            self._look_at_tables(progress)

    def on_step(self, progress: Progress) -> None:
        """Keep a point, if it is time."""
        if progress.step * N_POINTS // progress.n_steps == (progress.step - 1) * N_POINTS // progress.n_steps:
            return
        self.history.networks[-1].points.add(row(progress, self._points))
        self._points = Mark.at(progress)
        if progress.n_rebuilds != self._n_rebuilds:
            self._look_at_tables(progress)

    def on_epoch(self, progress: Progress) -> None:
        """Keep a row of the epoch."""
        self.history.networks[-1].epochs.add(row(progress, self._epochs))
        self._epochs = Mark.at(progress)

    def on_end(self, progress: Progress) -> None:
        """Keep what the parts of a step took."""
        seconds = {name: float(f"{value:.4g}") for name, value in progress.phase_seconds.items()}
        self.history.networks[-1].phase_seconds = seconds

    def state(self) -> dict[str, Any]:
        """The history so far."""
        return {
            "history": self.history.model_dump(mode="json"),
            "points": self._points.as_json(),
            "epochs": self._epochs.as_json(),
            "n_rebuilds": self._n_rebuilds,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on with it."""
        self.history = History.model_validate(state["history"])
        self._points, self._epochs = Mark(**state["points"]), Mark(**state["epochs"])
        self._n_rebuilds = state["n_rebuilds"]

    def _look_at_tables(self, progress: Progress) -> None:
        self._n_rebuilds = progress.n_rebuilds
        if index := progress.network.output_index:
            stats = asdict(index.stats())
            self.history.networks[-1].tables.add({"step": progress.step, **{name: stats[name] for name in _IN_TABLES}})
