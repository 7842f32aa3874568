"""A sparse matrix that rows are appended to: its arrays grow in place, so that reading a file takes its rows once."""

from __future__ import annotations

import numpy as np

from slidelearn.kernels.types import NO_DATA, Csr, Float
from slidelearn.matrices import FloatCsr, canonical_csr


class GrowingRows:
    """Rows of a sparse matrix whose number of columns may not be known yet."""

    def __init__(self) -> None:
        self._ends = np.zeros(1, np.int64)
        self._indices = np.zeros(0, np.int32)
        self._data = np.zeros(0, np.float32)

    @property
    def n_rows(self) -> int:
        """Rows so far."""
        return len(self._ends) - 1

    def append(self, rows: Csr) -> None:
        """Put rows below those that are there."""
        ends = rows.indptr[1:] + self._ends[-1]
        for array, more in ((self._ends, ends), (self._indices, rows.indices), (self._data, rows.data)):
            n = len(array)
            array.resize(n + len(more), refcheck=False)  # no view of it is ever handed out before the end
            array[n:] = more

    def matrix(self, n_columns: int | None) -> FloatCsr:
        """The rows as a matrix; None: with as many columns as the highest id needs. They cannot grow any more."""
        return canonical_csr(self._data, self._indices, self._ends, self._shape(n_columns))

    def pattern(self, n_columns: int | None) -> FloatCsr:
        """The same with ones for data, of rows that were appended without any."""
        ones: Float = np.ones(len(self._indices), np.float32)
        return canonical_csr(ones, self._indices, self._ends, self._shape(n_columns))

    def _shape(self, n_columns: int | None) -> tuple[int, int]:
        if n_columns is None:
            n_columns = int(self._indices.max(initial=-1)) + 1
        return self.n_rows, n_columns


def empty_rows(n_rows: int) -> Csr:
    """Rows without any."""
    return Csr(np.zeros(n_rows + 1, np.int64), np.zeros(0, np.int32), NO_DATA)
