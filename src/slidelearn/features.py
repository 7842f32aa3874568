"""Features as the network sees them: dense ones standardised, large values toned down, rows of length 1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.sparse import csr_array
from sklearn.preprocessing import StandardScaler

from slidelearn.config import Config
from slidelearn.kernels import Float, Ids
from slidelearn.matrices import FloatCsr, normalize_rows, raise_values


@dataclass(frozen=True)
class Standards:
    """The mean and the standard deviation of each feature, in the samples that training began with.

    A standardised row begins with a constant feature: its direction, which is all that the network sees of it, then
    tells where it lies.
    """

    means: Float
    """(n_features,)."""
    deviations: Float
    """(n_features,): 1 where a feature is constant."""

    @classmethod
    def of(cls, X: FloatCsr) -> Self:
        """Those of the features of X."""
        scaler = StandardScaler().fit(X.toarray())
        return cls(scaler.mean_.astype(np.float32), scaler.scale_.astype(np.float32))

    @classmethod
    def empty(cls, n_features: int) -> Self:
        """Such as change nothing."""
        return cls(np.zeros(n_features, np.float32), np.ones(n_features, np.float32))

    def spread(self, places: Ids, X: FloatCsr) -> Standards:
        """These at their places among the features of X, and between them those of the other features."""
        of_all = Standards.of(X)
        of_all.means[places], of_all.deviations[places] = self.means, self.deviations
        return of_all

    def applied(self, X: FloatCsr) -> FloatCsr:
        """X standardised, with the constant feature before it: (n_samples, 1 + n_features)."""
        rows = np.ones((X.shape[0], 1 + X.shape[1]), np.float32)
        rows[:, 1:] = (X.toarray() - self.means) / self.deviations
        return csr_array(rows)

    def are_sound(self) -> bool:
        """Whether features can be divided by the deviations."""
        return bool((self.deviations > 0).all())

    def named_arrays(self) -> Iterator[tuple[str, Float]]:
        """What is saved."""
        yield from (("means", self.means), ("deviations", self.deviations))


def prepare(X: FloatCsr, config: Config, standards: Standards | None) -> FloatCsr:
    """X as the network is to see it.

    Parameters
    ----------
    X
        (n_samples, n_features).
    config
        The options `feature_power` and `normalize_features` are read.
    standards
        What to standardise by, if anything.
    """
    if standards:
        X = standards.applied(X)
    if config.feature_power != 1:
        X = raise_values(X, config.feature_power)
    return normalize_rows(X) if config.normalize_features else X
