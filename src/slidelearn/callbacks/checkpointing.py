"""Checkpoints while a model trains, from which a training that was interrupted goes on.

A checkpoint is a directory ``step-NUMBER``, which appears whole or not at all: it is written under a name that begins
with a dot, and then renamed.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import final

from slidelearn.callbacks.base import Callback
from slidelearn.files.atomic import sync_directory
from slidelearn.files.paths import to_path
from slidelearn.interrupts import Interrupts
from slidelearn.model.snapshot import save_snapshot
from slidelearn.progress import Progress, TrainingDiverged, require_finite_weights

_NAME = re.compile(r"step-(\d{8,})")


@final
class Checkpointing(Callback):
    """Keeps checkpoints of a training: at its start, at the end of each network, and now and then in between.

    ``fit(..., resume_from=directory)`` goes on from the latest, and so does ``fit_stream``. Ctrl-C and SIGTERM take
    effect at the end of the step: a checkpoint is made, and training ends with ``KeyboardInterrupt``. A second one ends
    it at once.

    Parameters
    ----------
    directory
        Where to keep them; it must not hold checkpoints of another training.
    every_steps, every_minutes
        How often, in steps or in minutes; None: not by these.
    keep
        How many to keep: when a new one is complete, the oldest is removed.

    Examples
    --------
    >>> from slidelearn import SlideClassifier, load_dataset
    >>> data = load_dataset("wordnet-tiny")
    >>> clf = SlideClassifier(n_epochs=1, n_jobs=1)
    >>> _ = clf.fit(data.X_train, data.Y_train, callbacks=[Checkpointing("run", every_steps=5)])
    >>> sorted(path.name for path in Path("run").iterdir())
    ['step-00000010', 'step-00000011']
    """

    comes_last = True

    def __init__(
        self,
        directory: str | Path,
        *,
        every_steps: int | None = None,
        every_minutes: float | None = None,
        keep: int = 2,
    ) -> None:
        for name, value, least in (("every_steps", every_steps, 1), ("keep", keep, 1)):
            if value is not None and value < least:
                raise ValueError(f"{name} must be >= {least}, but is {value}")
        if every_minutes is not None and not every_minutes > 0:
            raise ValueError(f"every_minutes must be > 0, but is {every_minutes}")
        self.directory = to_path(directory, "directory")
        self.latest: Path | None = None
        """The checkpoint made last."""
        self._every_steps, self._every_minutes, self._keep = every_steps, every_minutes, keep
        self._saved_at = 0.0
        self._interrupts = Interrupts()

    def on_begin(self, progress: Progress) -> None:
        """Make the first checkpoint: what was chosen before training is not to be lost."""
        is_first = progress.number == 1 and not progress.is_resumed
        if is_first and (there := latest_checkpoint(self.directory)):
            raise ValueError(
                f"{self.directory} has checkpoints of another training, such as {there.name}: "
                "resume from them, remove them, or give another place"
            )
        self._interrupts.begin()
        self._saved_at = time.perf_counter()
        if is_first:
            self._save(progress)

    def on_step(self, progress: Progress) -> None:
        """Make a checkpoint if it is time."""
        by_steps = self._every_steps and progress.step % self._every_steps == 0
        by_clock = self._every_minutes and time.perf_counter() - self._saved_at >= 60 * self._every_minutes
        if by_steps or by_clock or self._interrupts:
            self._save(progress)
        self._interrupts.raise_heard()

    def on_end(self, progress: Progress) -> None:
        """Make a checkpoint of the trained network."""
        self._save(progress)
        self._interrupts.end()
        self._interrupts.raise_heard()

    def on_failure(self, progress: Progress, error: BaseException) -> None:
        """Tell where the last checkpoint is."""
        self._interrupts.end()
        if isinstance(error, TrainingDiverged):
            error.last_checkpoint = self.latest or latest_checkpoint(self.directory)

    def _save(self, progress: Progress) -> None:
        path = self.directory / f"step-{progress.steps_before + progress.step:08}"
        if not path.exists():
            assert progress.take_snapshot
            require_finite_weights(progress)
            temporary = path.with_name(f".{path.name}.tmp")
            shutil.rmtree(temporary, ignore_errors=True)
            save_snapshot(temporary, progress.take_snapshot())
            temporary.rename(path)
            sync_directory(self.directory)
            self._remove_old()
        self.latest, self._saved_at = path, time.perf_counter()

    def _remove_old(self) -> None:
        for path in checkpoints(self.directory)[: -self._keep]:
            shutil.rmtree(path)
        _remove_unfinished(self.directory)


def refuse_checkpointing(callbacks: Sequence[Callback]) -> None:
    """Refuse checkpoints of what cannot be resumed, before anything has changed.

    Raises
    ------
    ValueError
        If a callback would keep some.
    """
    if any(isinstance(callback, Checkpointing) for callback in callbacks):
        raise ValueError(
            "Checkpointing is for fit and fit_stream: partial_fit is one pass over the samples at hand and cannot be "
            "resumed; save the model after each call, and after an interruption load it and repeat the last one"
        )


def checkpoints(directory: Path) -> list[Path]:
    """The checkpoints in a directory, the latest last."""
    there = directory.iterdir() if directory.is_dir() else ()
    numbered = [(int(found[1]), path) for path in there if (found := _NAME.fullmatch(path.name))]
    return [path for _, path in sorted(numbered)]


def latest_checkpoint(directory: str | Path) -> Path | None:
    """The latest checkpoint in a directory; None where there is none."""
    found = checkpoints(to_path(directory, "directory"))
    return found[-1] if found else None


def remove_checkpoints(directory: Path) -> None:
    """Remove the checkpoints in a directory, and the directory if nothing else is in it."""
    for path in checkpoints(directory):
        shutil.rmtree(path)
    _remove_unfinished(directory)
    if directory.is_dir() and not any(directory.iterdir()):
        directory.rmdir()


def _remove_unfinished(directory: Path) -> None:
    for path in directory.glob(".step-*.tmp"):
        shutil.rmtree(path)
