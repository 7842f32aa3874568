"""Samples kept in a temporary file, where it takes long to make them anew each time that they are read."""

from __future__ import annotations

import mmap
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from slidelearn.matrices import FloatCsr, canonical_csr

Chunk: TypeAlias = tuple[FloatCsr, FloatCsr]
"""X and Y of some samples."""
_ALIGNMENT = 64


class _Place(NamedTuple):
    """Where a matrix is in the file."""

    shape: tuple[int, int]
    arrays: list[tuple[int, np.dtype[Any], int]]
    """Begin, dtype and length of data, indices and indptr."""

    def matrix(self, file: mmap.mmap) -> FloatCsr:
        """The matrix, whose arrays are views of the file."""
        data, indices, indptr = (
            np.frombuffer(file, dtype, length, begin) if length else np.empty(0, dtype)
            for begin, dtype, length in self.arrays
        )
        return canonical_csr(data, indices, indptr, self.shape)


class KeptChunks:
    """Chunks that are made once, and then come from a file without a name, the same bit for bit.

    The file is where temporary files are (``TMPDIR``), and goes with this object. It takes at most half of the room
    that is free there; if that does not do, chunks are made anew each time.
    """

    def __init__(self) -> None:
        self._room = shutil.disk_usage(tempfile.gettempdir()).free // 2
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (the next line closes it)
        weakref.finalize(self, self._file.close)
        self._map: mmap.mmap | None = None
        self._places = list[tuple[_Place, _Place]]()

    def read(self, made: Iterable[Chunk]) -> Iterator[Chunk]:
        """The chunks, which are `made` if they have not been kept, all of them, before."""
        if (file := self._map) is None:
            return self._keeping(made)
        return ((X.matrix(file), Y.matrix(file)) for X, Y in self._places)

    def _keeping(self, made: Iterable[Chunk]) -> Iterator[Chunk]:
        self._file.seek(0)
        self._places.clear()
        for X, Y in made:
            if self._file.tell() + _n_bytes(X) + _n_bytes(Y) <= self._room:
                self._places.append((self._put(X), self._put(Y)))
            else:
                self._room = 0
                self._file.truncate(0)
            yield X, Y
        if self._room and self._places:
            self._file.flush()
            self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)

    def _put(self, matrix: FloatCsr) -> _Place:
        arrays = []
        for array in (matrix.data, matrix.indices, matrix.indptr):
            self._file.write(bytes(-self._file.tell() % _ALIGNMENT))
            arrays.append((self._file.tell(), array.dtype, len(array)))
            self._file.write(np.ascontiguousarray(array).data)
        return _Place(matrix.shape, arrays)


def _n_bytes(matrix: FloatCsr) -> int:
    return sum(array.nbytes + _ALIGNMENT for array in (matrix.data, matrix.indices, matrix.indptr))
