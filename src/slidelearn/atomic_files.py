"""Files that are whole or not there: a temporary name, fsync, rename, fsync of the directory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


class CheckpointError(ValueError):
    """A file of a model is missing, damaged, or of another version."""


class HashedFile:
    """Passes what is written on to a file, and digests it on the way."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._digest = file, hashlib.blake2b(digest_size=8)

    def write(self, content: bytes | memoryview) -> int:
        """Write to the file and to the digest."""
        self._digest.update(content)
        return self._file.write(content)

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits."""
        return self._digest.hexdigest()


def write_with_digest(directory: Path, name: str, write: Callable[[HashedFile], object]) -> str:
    """Write a file whose name ends in a digest of its content, ``stem-digest.suffix``; return that name."""
    temporary = directory / f"{name}.tmp"
    with temporary.open("wb") as file:
        hashed = HashedFile(file)
        write(hashed)
        file.flush()
        os.fsync(file.fileno())
    stem, dot, suffix = name.partition(".")
    final = f"{stem}-{hashed.digest}{dot}{suffix}"
    temporary.replace(directory / final)
    return final


def write_atomically(path: Path, content: bytes) -> None:
    """Put a file in place of the former one in one step."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make renames in a directory survive a crash; where the system has no such call, nothing."""
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
