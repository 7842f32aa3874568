"""Trackers of experiments: what a log has, for TensorBoard and MLflow."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

from slidelearn.callbacks.base import Callback
from slidelearn.callbacks.rows import Mark, Row, row
from slidelearn.extras import import_extra
from slidelearn.files.paths import to_path
from slidelearn.progress import Progress

_AXES = {"network", "step", "samples", "seconds"}


class _Tracker(Callback, ABC):
    """Gives a row of numbers to some other program every so many steps, and at the end of each epoch."""

    def __init__(self, every_steps: int) -> None:
        if every_steps < 1:
            raise ValueError(f"every_steps must be >= 1, but is {every_steps}")
        self._every_steps, self._mark = every_steps, Mark()

    @abstractmethod
    def _log(self, values: Mapping[str, float], step: int) -> None: ...

    def on_begin(self, progress: Progress) -> None:
        """Begin with a network."""
        if progress.step == 0:
            self._mark = Mark()

    def on_step(self, progress: Progress) -> None:
        """Log, if it is time."""
        if progress.step % self._every_steps == 0:
            self._log_row(progress, row(progress, self._mark))

    def on_epoch(self, progress: Progress) -> None:
        """Log, if there was a step or a look since the last point."""
        is_known = progress.step == self._mark.step
        self._log_row(progress, dict(progress.metrics) if is_known else row(progress, self._mark))

    def _log_row(self, progress: Progress, values: Row) -> None:
        place = f"network_{progress.number}/" if progress.n_networks > 1 else ""
        numbers = {place + n.replace("@", "_at_"): v for n, v in values.items() if v is not None and n not in _AXES}
        self._log(numbers, progress.step)
        self._mark = Mark.at(progress)

    def state(self) -> dict[str, Any]:
        """What the next row begins with."""
        return self._mark.as_json()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on there."""
        self._mark = Mark(**state)


@final
class TensorBoard(_Tracker):
    """Writes event files for TensorBoard; needs the extra ``tensorboard``.

    Parameters
    ----------
    directory
        Where TensorBoard looks for them.
    every_steps
        Steps between points.
    """

    def __init__(self, directory: str | Path, *, every_steps: int = 50) -> None:
        super().__init__(every_steps)
        self._directory = str(to_path(directory, "directory"))
        self._module = import_extra("tensorboardX", "tensorboard", "TensorBoard")
        self._writer: Any = None

    def on_begin(self, progress: Progress) -> None:
        """Open a file; points after those of a checkpoint are purged."""
        super().on_begin(progress)
        if self._writer is None:
            purge = progress.step + 1 if progress.is_resumed else None
            self._writer = self._module.SummaryWriter(self._directory, purge_step=purge)

    def on_end(self, progress: Progress) -> None:
        """Close the file after the last network."""
        if progress.number == progress.n_networks:
            self._close()

    def on_failure(self, progress: Progress, error: BaseException) -> None:
        """Close the file."""
        self._close()

    def _log(self, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


@final
class MLflow(_Tracker):
    """Logs options and numbers to MLflow, in the run that is active, or in one of its own; needs the extra ``mlflow``.

    Parameters
    ----------
    every_steps
        Steps between points.
    run_name
        Of a run of its own.
    """

    def __init__(self, *, every_steps: int = 50, run_name: str | None = None) -> None:
        super().__init__(every_steps)
        self._mlflow = import_extra("mlflow", "mlflow", "MLflow")
        self._run_name, self._run_id, self._is_own = run_name, "", False

    def on_begin(self, progress: Progress) -> None:
        """Find the run, or begin or resume one, and log the options."""
        super().on_begin(progress)
        if self._mlflow.active_run() is None:
            options = {"run_id": self._run_id} if self._run_id else {"run_name": self._run_name}
            self._mlflow.start_run(**options)
            self._is_own = True
        self._run_id = self._mlflow.active_run().info.run_id
        if progress.number == 1 and not progress.is_resumed:
            self._mlflow.log_params(progress.network.config.model_dump(mode="json"))

    def on_end(self, progress: Progress) -> None:
        """End a run of its own after the last network."""
        if self._is_own and progress.number == progress.n_networks:
            self._mlflow.end_run()

    def on_failure(self, progress: Progress, error: BaseException) -> None:
        """Mark a run of its own as failed, or killed."""
        if self._is_own:
            self._mlflow.end_run("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")

    def state(self) -> dict[str, Any]:
        """The run, and what the next row begins with."""
        return {**super().state(), "run_id": self._run_id}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on there."""
        self._run_id = state["run_id"]
        super().restore({name: value for name, value in state.items() if name != "run_id"})

    def _log(self, values: Mapping[str, float], step: int) -> None:
        self._mlflow.log_metrics(dict(values), step=step)
