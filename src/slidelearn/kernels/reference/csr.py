"""Sparse rows, written out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from slidelearn.kernels.types import Csr


def written_out(matrix: Csr, n_columns: int) -> NDArray[np.float64]:
    """(n_rows, n_columns); entries of the same place are added up."""
    dense = np.zeros((matrix.n_rows, n_columns))
    np.add.at(dense, (np.repeat(np.arange(matrix.n_rows), np.diff(matrix.indptr)), matrix.indices), matrix.data)
    return dense
