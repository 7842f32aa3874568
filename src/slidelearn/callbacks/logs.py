"""Logs of a training: a row each, in a file that other programs read while it grows."""

from __future__ import annotations

import csv
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, final

from slidelearn.callbacks.base import Callback
from slidelearn.callbacks.rows import COLUMNS, METRICS, Mark, Row, row
from slidelearn.files.paths import to_path
from slidelearn.progress import Progress


class _Log(Callback, ABC):
    """Writes a row every so many steps, and one at the end of each epoch.

    Where training goes on from a checkpoint, rows after it are cut off, and come again.
    """

    def __init__(self, path: str | Path, *, every_steps: int = 50) -> None:
        if every_steps < 1:
            raise ValueError(f"every_steps must be >= 1, but is {every_steps}")
        self._path, self._every_steps = to_path(path), every_steps
        self._file: BinaryIO | None = None
        self._size: int | None = None
        """Where to go on, in a file that is there already."""
        self._steps, self._epochs = Mark(), Mark()

    @abstractmethod
    def _header(self) -> str: ...

    @abstractmethod
    def _line(self, values: Mapping[str, Any]) -> str: ...

    def on_begin(self, progress: Progress) -> None:
        """Open the file, a new one unless training goes on."""
        if progress.step == 0:
            self._steps = self._epochs = Mark()
        if self._file:
            return
        if self._size is not None and self._path.exists():
            self._file = self._path.open("r+b")
            self._file.truncate(self._size)
            self._file.seek(0, io.SEEK_END)
        else:
            self._file = self._path.open("wb")
            self._write(self._header())

    def on_step(self, progress: Progress) -> None:
        """Write a row, if it is time."""
        if progress.step % self._every_steps == 0:
            self._write_row("step", row(progress, self._steps))
            self._steps = Mark.at(progress)

    def on_epoch(self, progress: Progress) -> None:
        """Write a row about the epoch."""
        self._write_row("epoch", row(progress, self._epochs))
        self._epochs = Mark.at(progress)

    def on_end(self, progress: Progress) -> None:
        """Close the file after the last network."""
        if progress.number == progress.n_networks:
            self._close()

    def on_failure(self, progress: Progress, error: BaseException) -> None:
        """Close the file."""
        self._close()

    def state(self) -> dict[str, Any]:
        """How long the file is, and what the next rows begin with."""
        return {"size": self._size or 0, "steps": self._steps.as_json(), "epochs": self._epochs.as_json()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on there."""
        self._size = state["size"]
        self._steps, self._epochs = Mark(**state["steps"]), Mark(**state["epochs"])

    def _write_row(self, after: str, values: Row) -> None:
        self._write(self._line({"after": after, **values}))

    def _write(self, text: str) -> None:
        assert self._file
        self._file.write(text.encode())
        self._file.flush()
        self._size = self._file.tell()

    def _close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None


@final
class JsonLog(_Log):
    """A log of JSON objects, one a line; None and NaN are ``null``.

    Parameters
    ----------
    path
        The file; one that is there is replaced, unless training goes on from a checkpoint.
    every_steps
        Steps between rows; each epoch ends with a row of its own, whose `after` is ``epoch``.

    Examples
    --------
    >>> from slidelearn import SlideClassifier, load_dataset
    >>> data = load_dataset("wordnet-tiny")
    >>> clf = SlideClassifier(n_epochs=2, batch_size=512, ranker=False, n_jobs=1)
    >>> _ = clf.fit(data.X_train, data.Y_train, callbacks=[JsonLog("log.jsonl")])
    >>> [json.loads(line)["step"] for line in Path("log.jsonl").read_text().splitlines()]
    [6, 12]
    """

    def _header(self) -> str:
        return ""

    def _line(self, values: Mapping[str, Any]) -> str:
        return json.dumps({name: value if value == value else None for name, value in values.items()}) + "\n"


@final
class CsvLog(_Log):
    """A log with commas and a header; what there is not stays empty.

    Parameters
    ----------
    path, every_steps
        As in `JsonLog`.
    """

    _COLUMNS = ("after", *COLUMNS, *METRICS)

    def _header(self) -> str:
        return ",".join(self._COLUMNS) + "\n"

    def _line(self, values: Mapping[str, Any]) -> str:
        text = io.StringIO()
        csv.DictWriter(text, self._COLUMNS, extrasaction="ignore", lineterminator="\n").writerow(values)
        return text.getvalue()


def log_for(path: Path) -> JsonLog | CsvLog:
    """The log that a file name asks for: ``.jsonl`` or ``.csv``."""
    kinds: dict[str, type[JsonLog] | type[CsvLog]] = {".jsonl": JsonLog, ".csv": CsvLog}
    if path.suffix not in kinds:
        raise ValueError(f"a log must end in .jsonl or .csv, but is {path.name!r}")
    return kinds[path.suffix](path)
