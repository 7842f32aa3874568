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

    @classmethod
    def of(cls, X: FloatCsr, Y: FloatCsr, weights: Float | None) -> TrainingSet:
        """The training set of these samples, without those of weight 0.

        Raises
        ------
        ValueError
            If none of them has a label.
        """
        samples = cls(X, Y, weights)
        if weights is not None and not weights.all():
            samples = samples.take(np.flatnonzero(weights))
        if not len(samples.labelled):
            raise ValueError("y must have at least one label, but all of its rows are empty")
        return samples

    def take(self, rows: NDArray[np.int64]) -> TrainingSet:
        """Some of them."""
        return TrainingSet(self.X[rows], self.Y[rows], None if self.weights is None else self.weights[rows])

    @property
    def labelled(self) -> NDArray[np.int64]:
        """The numbers of those that have a label."""
        return np.flatnonzero(np.diff(self.Y.indptr))
