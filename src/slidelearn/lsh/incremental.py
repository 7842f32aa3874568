"""SimHash codes of neurons that change a little at a time, updated from what changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from slidelearn import kernels
from slidelearn.arrays import require_array
from slidelearn.kernels import Float, Ids
from slidelearn.lsh.simhash import SimHash


@final
class IncrementalSimHash:
    """The projections of a layer's rows, kept from one rebuild to the next, with a copy of the rows.

    Projecting is linear: a coordinate that changed by c adds c times its row of the projection (Chen et al., 2020). One
    that did not change costs a comparison. The projections take ``4 * n_hashes`` bytes for each neuron, and gather
    rounding errors until `afresh`.
    """

    def __init__(self, family: SimHash) -> None:
        self._family = family
        self._seen: Float = np.empty((0, family.n_inputs), np.float32)
        self._projections: Float = np.empty((0, family.n_hashes), np.float32)

    def afresh(self, rows: Float, *, n_threads: int) -> Ids:
        """The neurons' codes, computed from nothing: for new rows or new hash functions."""
        self._seen = np.array(rows, np.float32, order="C")
        self._projections = kernels.matmul(rows, self._family.projection, n_threads=n_threads)
        return self._codes(n_threads)

    def updated(self, rows: Float, *, n_threads: int) -> Ids:
        """The neurons' codes, computed from what changed since the last call; up to rounding those of `afresh`."""
        if rows.shape != self._seen.shape:
            return self.afresh(rows, n_threads=n_threads)
        kernels.update_projections(rows, self._family.projection, self._seen, self._projections, n_threads=n_threads)
        return self._codes(n_threads)

    def named_arrays(self) -> dict[str, Float]:
        """The copy of the rows, and their projections."""
        return {"seen": self._seen, "projections": self._projections}

    def restore(self, arrays: Mapping[str, NDArray[Any]], n_rows: int) -> None:
        """Take over the arrays of another; ``ValueError`` if they are not of so many rows."""
        self._seen = require_array(arrays, "seen", np.float32, (n_rows, self._family.n_inputs))
        self._projections = require_array(arrays, "projections", np.float32, (n_rows, self._family.n_hashes))

    @property
    def n_bytes(self) -> int:
        """Memory of the projections and of the copy."""
        return self._seen.nbytes + self._projections.nbytes

    def _codes(self, n_threads: int) -> Ids:
        family = self._family
        codes: Ids = kernels.sign_codes(
            self._projections,
            family.neuron_thresholds(self._seen, n_threads=n_threads),
            n_tables=family.n_tables,
            n_buckets=family.n_buckets,
            n_threads=n_threads,
        )
        return codes
