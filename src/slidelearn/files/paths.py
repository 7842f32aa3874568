"""Places of files, as users name them."""

from __future__ import annotations

import os
from pathlib import Path


def to_path(path: str | os.PathLike[str], name: str = "path") -> Path:
    """Take an argument for a path.

    Raises
    ------
    ValueError
        If it is an empty text, which `Path` takes for the current directory, and which is a variable that nobody set.
    """
    if path == "":
        raise ValueError(f"{name} must name a place, but is empty; the current directory is '.'")
    return Path(path)


def require_directory_place(path: Path) -> None:
    """Refuse a place where no directory is and none can be made, because of what is there.

    Raises
    ------
    ValueError
        Saying what that is.
    """
    for there in (path, *path.absolute().parents):
        if there.is_symlink() and not there.exists():
            raise ValueError(
                f"{path} must be a directory, but {there} is a link to {os.readlink(there)}, which is not there: make "
                "that directory, or remove the link"
            )
        if there.exists():
            if not there.is_dir():
                raise ValueError(f"{path} must be a directory, but {there} is a file: give another place")
            return


def make_directory(path: Path) -> None:
    """Make a directory, and those above it, unless it is there; errors as of `require_directory_place`."""
    require_directory_place(path)
    path.mkdir(parents=True, exist_ok=True)
