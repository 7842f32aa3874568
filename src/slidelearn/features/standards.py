"""Dense features put on a common scale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from slidelearn.kernels import Float, Ids
from slidelearn.matrices import FloatCsr, are_entries

if TYPE_CHECKING:
    from sklearn.preprocessing import StandardScaler

N_ASKING, N_ASKED, N_NEAREST = 1000, 4000, 10
"""Samples that ask, others that are asked, and how many of the latter, the nearest, are to have the asker's labels."""
LEAST_GAIN = 0.01
"""By how much more often they must have them, in points of precision, for the square roots of the deviations."""


@dataclass(frozen=True)
class Standards:
    """The mean of each feature, and what it is divided by, in the samples that training began with.

    That is the standard deviation, or its square root where nearest neighbours then tell labels better: the
    features that vary most may be the ones that matter, as the first coordinates of an embedding, or may only be
    measured in small units.

    A standardised row begins with a constant feature: its direction, which is all that the network sees of it, then
    tells where it lies.
    """

    means: Float
    """(n_features,)."""
    deviations: Float
    """(n_features,): what differences from the means are divided by."""

    @classmethod
    def of(cls, X: FloatCsr) -> Self:
        """Those of the features of X."""
        return cls._found(_scaler_of(X))

    @classmethod
    def that_suit(cls, X: FloatCsr, Y: FloatCsr) -> Self:
        """Those of the features of X, so that neighbours are alike in their labels Y, as far as that tells."""
        scaler = _scaler_of(X)
        whole, tempered = cls._found(scaler), cls._found(scaler, tempered=True)
        labelled = np.flatnonzero(np.diff(Y.indptr))
        some = np.random.default_rng(0).permutation(labelled)[: N_ASKING + N_ASKED]
        n_asking = len(some) * N_ASKING // (N_ASKING + N_ASKED)
        if n_asking < N_NEAREST:
            return whole
        asking, asked = some[:n_asking], some[n_asking:]
        gain = tempered._agreement(X, Y, asking, asked) - whole._agreement(X, Y, asking, asked)
        return tempered if gain >= LEAST_GAIN else whole

    @classmethod
    def empty(cls, n_features: int) -> Self:
        """Such as change nothing."""
        return cls(np.zeros(n_features, np.float32), np.ones(n_features, np.float32))

    def spread(self, places: Ids, X: FloatCsr) -> Standards:
        """Standards of more features: these, at their `places` among the features of X, and X's own for the others."""
        of_all = Standards.of(X)
        of_all.means[places], of_all.deviations[places] = self.means, self.deviations
        return of_all

    def applied(self, X: FloatCsr) -> FloatCsr:
        """X standardised, with the constant feature before it: (n_samples, 1 + n_features)."""
        return csr_array(self._rows(X))

    def directions(self, X: FloatCsr) -> Float:
        """The same rows at length 1, dense: their inner products are cosines."""
        rows = self._rows(X).astype(np.float64)
        squares = np.cumsum(rows * rows, axis=1)[:, -1:]  # added one by one, for the same bits as `normalize_rows`
        return (rows / np.sqrt(squares)).astype(np.float32)

    def are_sound(self) -> bool:
        """Whether features can be divided by the deviations."""
        return bool((self.deviations > 0).all())

    def named_arrays(self) -> Iterator[tuple[str, Float]]:
        """What is saved."""
        yield from (("means", self.means), ("deviations", self.deviations))

    @classmethod
    def _found(cls, scaler: StandardScaler, *, tempered: bool = False) -> Self:
        """Tempered: with square roots, and features that vary as much, on average."""
        deviations = scaler.scale_
        if tempered and np.any(varying := scaler.var_ > 0):
            deviations = np.sqrt(deviations * deviations[varying].mean())
        return cls(scaler.mean_.astype(np.float32), deviations.astype(np.float32))

    def _rows(self, X: FloatCsr) -> Float:
        rows = np.ones((X.shape[0], 1 + X.shape[1]), np.float32)
        rows[:, 1:] = (X.toarray() - self.means) / self.deviations
        return rows

    def _agreement(self, X: FloatCsr, Y: FloatCsr, asking: NDArray[np.int64], asked: NDArray[np.int64]) -> float:
        """How often the label that most of a sample's nearest neighbours have is one of its own."""
        cosines = self.directions(X[asking]) @ self.directions(X[asked]).T
        nearest = np.argpartition(-cosines, N_NEAREST, axis=1)[:, :N_NEAREST]
        votes = csr_array(
            (np.ones(nearest.size, np.float32), nearest.reshape(-1), np.arange(len(nearest) + 1) * N_NEAREST),
            shape=cosines.shape,
        )
        elected = (votes @ Y[asked]).argmax(axis=1)
        return float(are_entries(Y[asking], elected[:, None]).mean())


def _scaler_of(X: FloatCsr) -> StandardScaler:
    from sklearn.preprocessing import StandardScaler  # half a second, which answers do not need

    return StandardScaler().fit(X.toarray())
