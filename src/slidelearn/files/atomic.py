"""Files that are whole or not there: a temporary name, fsync, rename, fsync of the directory."""

from __future__ import annotations

import hashlib
import mmap
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from slidelearn.files.temporary import is_device, written_beside

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class CheckpointError(ValueError):
    """A file of a model is missing, damaged, or of another version."""


class HashedFile:
    """Passes what is written on to a file, and digests it on the way."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._digest = file, _new_digest()

    def write(self, content: bytes | memoryview) -> int:
        """Write to the file and to the digest."""
        self._digest.update(content)
        return self._file.write(content)

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits."""
        return self._digest.hexdigest()


def digest_of(content: bytes | mmap.mmap) -> str:
    """Sixteen hexadecimal digits that tell this content from any other."""
    return _new_digest(content).hexdigest()


def check_digest(path: Path, content: bytes | mmap.mmap) -> None:
    """Refuse a file that is no longer what `write_with_digest` wrote.

    Raises
    ------
    CheckpointError
        If its content does not have the digest that is in its name.
    """
    if f"-{digest_of(content)}." not in path.name:
        raise CheckpointError(f"{path} is damaged: its content does not have the digest that is in its name")


def is_named_with_digest(name: str, stem: str) -> bool:
    """Whether `write_with_digest` may have written a file of this name for a file ``stem.suffix``."""
    return re.fullmatch(re.escape(stem) + r"-[0-9a-f]{16}\..*", name) is not None


def _new_digest(content: bytes | mmap.mmap = b"") -> hashlib.blake2b:
    return hashlib.blake2b(content, digest_size=8)


def write_with_digest(directory: Path, name: str, write: Callable[[HashedFile], object]) -> str:
    """Write a file whose name ends in a digest of its content, ``stem-digest.suffix``; return that name."""
    temporary = directory / f"{name}.tmp"
    with written_beside(temporary, directory / name) as file:
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
    if is_device(path):
        path.write_bytes(content)
        return
    temporary = path.with_name(path.name + ".tmp")
    with written_beside(temporary, path) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_directory(path.parent)


@contextmanager
def one_writer(directory: Path) -> Iterator[None]:
    """Let one thread or process at a time write into a directory; where the system has no such locks, nothing."""
    if fcntl is None:
        yield
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems have none
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sync_directory(directory: Path) -> None:
    """Make renames in a directory survive a crash; where the system has no such call, nothing."""
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
