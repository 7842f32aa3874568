"""What the verbs take besides plain arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Ids = NDArray[np.int32]
Offsets = NDArray[np.int64]


class Csr(NamedTuple):
    """A sparse matrix by rows: row i holds ``indices[indptr[i]:indptr[i+1]]`` and the data beside them.

    SciPy's layout without SciPy's checks, which would cost more than a verb. `data` is empty where only the pattern
    matters (labels, active sets).
    """

    indptr: Offsets  # (n_rows + 1,) int64
    indices: Ids  # (n_entries,) int32
    data: Float  # (n_entries,) float32, or (0,)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.indptr) - 1
