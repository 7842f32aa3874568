"""Files on their way: under a temporary name until they are whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter
from pathlib import Path


@contextmanager
def written_beside(temporary: Path, path: Path) -> Iterator[BufferedWriter]:
    """Open a temporary file that is to become `path`: where writing fails or is interrupted, it goes.

    Raises
    ------
    OSError
        That of the system, with the name of `path`, which the user knows.
    """
    try:
        with temporary.open("wb") as file:
            yield file
    except BaseException as error:
        if isinstance(error, OSError) and error.filename in (None, temporary, str(temporary)):
            error.filename = str(path)
        with suppress(OSError):
            temporary.unlink()
        raise


def is_device(path: Path) -> bool:
    """Whether nothing may take the place of what is there, such as ``/dev/null``: it can only be written to."""
    return path.exists() and not path.is_file() and not path.is_dir()
