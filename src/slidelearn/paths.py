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
