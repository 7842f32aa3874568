"""Features as the network sees them: dense ones standardised, large values toned down, rows of length 1."""

from __future__ import annotations

from slidelearn.config import Config
from slidelearn.features.standards import Standards
from slidelearn.matrices import FloatCsr, normalize_rows, raise_values


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
