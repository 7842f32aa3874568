"""What a person sees while a model is trained: a bar on a terminal, now and then a plain line elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from slidelearn.callbacks import Callback
from slidelearn.cli.display import duration
from slidelearn.cli.measuring import KS
from slidelearn.progress import Progress as TrainingProgress
from slidelearn.wording import counted

if TYPE_CHECKING:
    from slidelearn.estimator import SlideClassifier

_SECONDS_BETWEEN_LINES = 5.0
_SECONDS_BETWEEN_UPDATES = 0.1


class TrainingDisplay(Callback):
    """Shows how far training is, its rate, and when it will be done. A context manager, so that the bar goes away.

    Parameters
    ----------
    console
        Where to show it.
    note
        What else to say beside the loss, such as a precision that another callback measures; at most 30 characters.
    """

    def __init__(self, console: Console, note: Callable[[], str] = str) -> None:
        self._console, self._note = console, note
        self._bar: Progress | None = None
        self._shown_at = 0.0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            columns = (TextColumn("{task.fields[epoch]}"), BarColumn(None), TextColumn("{task.fields[state]}"))
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def on_trial(self, option: str, value: object) -> None:
        """Show what the pilot tries."""
        if self._bar:
            if not self._bar.task_ids:
                self._bar.add_task("", total=None, epoch="pilot", state="")
            self._bar.update(self._bar.task_ids[0], state=f"{option}={value}")
        else:
            self._console.print(f"pilot: {option}={value}", soft_wrap=True)

    def on_begin(self, progress: TrainingProgress) -> None:
        """Show the bar."""
        self._shown_at = time.perf_counter()
        if self._bar:
            for task in self._bar.task_ids:
                self._bar.remove_task(task)
            n_steps = progress.n_networks * progress.n_steps
            self._bar.add_task("", total=n_steps, epoch=_place(progress, 1), state="")

    def on_step(self, progress: TrainingProgress) -> None:
        """Show the state, unless it was shown a moment ago."""
        wait = _SECONDS_BETWEEN_UPDATES if self._bar else _SECONDS_BETWEEN_LINES
        if time.perf_counter() - self._shown_at >= wait:
            self._show(progress, min(progress.epoch + 1, progress.n_epochs))

    def on_epoch(self, progress: TrainingProgress) -> None:
        """Show the state at the end of each epoch."""
        self._show(progress, progress.epoch)

    def on_shortlists(self, n_done: int, n_samples: int) -> None:
        """Show how many samples have their shortlists, unless it was shown a moment ago."""
        wait = _SECONDS_BETWEEN_UPDATES if self._bar else _SECONDS_BETWEEN_LINES
        if time.perf_counter() - self._shown_at < wait and n_done < n_samples:
            return
        self._shown_at = time.perf_counter()
        state = f"{n_done / n_samples:4.0%} of the shortlists"
        if self._bar:
            self._bar.update(
                self._bar.task_ids[0], total=n_samples, completed=n_done, epoch="ranker", state=state.strip()
            )
        else:
            self._console.print(f"ranker: {state.strip()}", soft_wrap=True)

    def _show(self, progress: TrainingProgress, epoch: int) -> None:
        self._shown_at = time.perf_counter()
        elapsed = progress.elapsed
        rate = progress.n_samples / elapsed
        n_steps = progress.n_networks * progress.n_steps
        n_done = (progress.number - 1) * progress.n_steps + progress.step
        left = elapsed / progress.step * (n_steps - n_done)
        seen = f", network's P@1 {progress.metrics['p@1']:.1%}" if progress.metrics else ""
        note = self._note() or f"loss {progress.loss:.3f}{seen}"
        state = f"{n_done / n_steps:4.0%} · {rate:,.0f} samples/s · {duration(left)} left · {note}"
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=n_done, epoch=_place(progress, epoch), state=state)
        else:
            self._console.print(f"{_place(progress, epoch)}: {state.strip()}", soft_wrap=True)


def _place(progress: TrainingProgress, epoch: int) -> str:
    """Which network of several, and which epoch."""
    network = f"network {progress.number}/{progress.n_networks}, " if progress.n_networks > 1 else ""
    return f"{network}epoch {epoch}/{progress.n_epochs}"


def print_training(console: Console, clf: SlideClassifier) -> None:
    """Print what training has chosen, and what it took."""
    report, n_labels = clf.training_, clf.n_labels_
    if report["plans"]:
        console.print(f"plan that fits into {clf.config_.max_seconds:g} s: {list(report['plans'])[-1]}", soft_wrap=True)
    if report["pilot"]:
        chosen = ", ".join(f"{option}={getattr(clf.config_, option)}" for option in report["pilot"])
        console.print(f"chosen by the pilot: {chosen}", soft_wrap=True)
    unlabelled = report["n_without_labels"]
    console.print(
        f"trained in {duration(report['train_seconds'])} ({report['cpu_seconds']:.1f} s of CPU)"
        + (f", of which the ranker took {duration(report['ranker_seconds'])}" if report["ranker_seconds"] else "")
        + f"; {report['active_mean']:,.0f} of {counted(n_labels, 'label')} active per sample"
        + (f"; {counted(unlabelled, 'sample')} without labels left out" if unlabelled else ""),
        soft_wrap=True,
    )
    if validation := report.get("validation"):
        shown = ", ".join(f"P@{k} {validation[f'p@{k}']:.2%}" for k in KS if f"p@{k}" in validation)
        console.print(f"validation, the whole model: {shown}", soft_wrap=True)
