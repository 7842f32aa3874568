"""Data files as bytes: plain, or packed by gzip or xz; read in pieces of whole lines, written whole or not at all."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from slidelearn.files.temporary import is_device, written_beside

PACKED = (".gz", ".xz")
"""How the names of packed files end."""
_BOM = b"\xef\xbb\xbf"
_PACKED_BEGIN = (b"\x1f\x8b", b"\xfd7zXZ")
_PIECE = 1 << 23


class DataError(ValueError):
    """A data file is not what it should be; the message names the file, the line and what was expected there."""


def unpacked_name(path: Path) -> str:
    """The name without the ending that says how the file is packed."""
    return path.stem if path.suffix in PACKED else path.name


@contextmanager
def open_packed(path: Path) -> Iterator[Any]:
    """Open a file to read bytes, which are unpacked if its name ends in ``.gz`` or ``.xz``.

    Raises
    ------
    DataError
        If the packed data is truncated or damaged, as soon as that is read.
    """
    openers: dict[str, Any] = {".gz": gzip.open, ".xz": lzma.open}
    try:
        with openers.get(path.suffix, open)(path, "rb") as file:
            yield file
    except (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError) as error:
        reason = str(error).rstrip(".")
        raise DataError(
            f"{path}: expected a whole {path.suffix} file, but it is truncated or damaged ({reason})"
        ) from None


def read_bytes(path: Path) -> bytes:
    """Read a whole file, unpacked; errors as in `open_packed`."""
    with open_packed(path) as file:
        contents: bytes = file.read()
    return contents


def pieces_of_lines(path: Path) -> Iterator[bytes]:
    """Read a file of lines in pieces of some megabytes, each of whole lines, without a byte order mark."""
    with open_packed(path) as file:
        begun: list[bytes] = []  # of a line
        piece: bytes = file.read(_PIECE).removeprefix(_BOM)
        while piece:
            cut = piece.rfind(b"\n") + 1
            if cut:
                yield b"".join([*begun, piece[:cut]])
                begun = []
            begun.append(piece[cut:])
            piece = file.read(_PIECE)
    if any(begun):
        yield b"".join(begun)


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file with their numbers, counted from 1, and their line breaks.

    Raises
    ------
    DataError
        If a line is not UTF-8.
    """
    number = 0
    for piece in pieces_of_lines(path):
        for line in io.BytesIO(piece):
            number += 1
            try:
                yield number, line.decode("utf-8")
            except UnicodeDecodeError as error:
                if number == 1 and line.startswith(_PACKED_BEGIN):
                    raise DataError(f"{path} is packed: unpack it, or give it a name that ends in .gz or .xz") from None
                raise DataError(
                    f"{path}, line {number}: expected text in UTF-8, but {error.reason}; `iconv -f ENCODING -t UTF-8` "
                    "makes it of another encoding, such as UTF-16"
                ) from None


@contextmanager
def open_to_replace(path: Path) -> Iterator[io.BufferedIOBase]:
    """Open a file that appears whole, in place of the former one, or not at all; packed if its name asks for it."""
    if is_device(path):
        with path.open("wb") as raw:
            yield raw
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with written_beside(temporary, path) as raw:
        if path.suffix == ".gz":
            with gzip.GzipFile(path.name, "wb", fileobj=raw, mtime=0) as packed:  # no time: equal data, equal bytes
                yield packed
        elif path.suffix == ".xz":
            with lzma.open(raw, "wb") as packed:
                yield packed
        else:
            yield raw
    temporary.replace(path)
