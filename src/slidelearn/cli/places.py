"""Where commands write: refused before the time for the work is spent, and never over a file that is read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def require_file_place(option: str, path: Path | None, read: Iterable[Path | None]) -> None:
    """Refuse a place where no file can be written, or where one of the files that are read would be lost.

    Parameters
    ----------
    option
        What the user gave it as.
    path
        The file to write; None: none is wanted.
    read
        Files and models that the command reads.

    Raises
    ------
    ValueError
        With the reason.
    """
    if path is None:
        return
    if path.is_dir():
        raise ValueError(f"{option} must be a file, but {path} is a directory")
    if not path.parent.is_dir():
        raise ValueError(f"{option} is {path}, but there is no directory {path.parent}: make it, or give another place")
    if not path.exists():
        return
    for file in _files(read):
        if path.samefile(file):
            raise ValueError(f"{option} must be another file than {file}, which is read and would be lost")


def _files(places: Iterable[Path | None]) -> Iterable[Path]:
    for place in places:
        if place and place.is_dir():
            yield from place.iterdir()
        elif place and place.exists():
            yield place
