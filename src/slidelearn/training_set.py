"""What a model learns from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slidelearn.kernels import Float
from slidelearn.matrices import FloatCsr


class TrainingSet(NamedTuple):
    """Samples with their labels, and what each counts."""

    X: FloatCsr
    Y: FloatCsr
    weights: Float | None
    """(n_samples,): what each counts; None: all the same."""

    def take(self, rows: NDArray[np.int64]) -> TrainingSet:
        """Some of them."""
        return TrainingSet(self.X[rows], self.Y[rows], None if self.weights is None else self.weights[rows])

    @property
    def labelled(self) -> NDArray[np.int64]:
        """The numbers of those that have a label."""
        return np.flatnonzero(np.diff(self.Y.indptr))
