"""Options that follow from the shape of the data alone."""

from __future__ import annotations

import math
from collections.abc import Set

import numpy as np
from scipy import sparse

from slidelearn.config import Config
from slidelearn.matrices import are_dense

LEAST_STEPS, MOST_EPOCHS = 200, 20
"""With fewer steps a network has hardly begun to learn; on few samples more passes than that gain nothing."""
FEW_PER_LABEL, VERY_FEW = 12, 6
"""Samples of a label, on average, below which there are two or three networks: from few each learns something else."""
NEIGHBOURS_OF_ONE, POWER_OF_ONE = 300, 1.0
"""Neighbours that vote where every sample, and so each of them, has one label, and how much the nearer ones count: how
likely each of several labels is, few votes cannot tell."""
WHOLE = 1.0
"""Strength of the log-Q correction where every sample has one label: a softmax is then the very model of how labels
come, and this much makes the active set's as good as the one over all of them (Jean et al., 2015)."""
AS_MEASURED, HEAVY_TAILED = 1.0, 4.5
"""Power that dense features are raised to, and the kurtosis of most of them from which on they are treated as counts
are: a normal distribution has 3, coordinates of embeddings of words by singular value decomposition have 6 to 9."""
MOST_SPREAD = 0.325
"""Standard deviation of the logarithms of a sample's values, after they are raised to a power, that is left to them:
raw counts, beside those whose logarithm has been taken, let a few words speak for all."""
MOST_DENSE_VALUES = 10_000_000
"""Values of dense samples above which these do not vote: a model would hold as many, and of many samples the network
learns what neighbours tell."""
N_LOOKED_AT = 5000
"""Samples, about, that tell the kurtosis, and the spread."""
FEW_LABELS, LISTED_PER_LABEL = 8, 5
"""Labels of a sample up to which shortlists are as long as a preset has them, and labels listed for each of more. With
shorter lists P@5 suffers, and where nearly all of a list is right, nothing is learnt of what is wrong."""


def suit(config: Config, left_open: Set[str], X: sparse.csr_array, Y: sparse.csr_array, n_times: float = 1.0) -> Config:
    """The configuration, with those options of `left_open` replaced for which such samples call for another value.

    Parameters
    ----------
    config
        The options in force otherwise.
    left_open
        Names of the options that may be chosen. Those that are chosen here are ``standardize_features``,
        ``feature_power``, ``n_epochs``, ``n_networks``, ``log_q_strength``, ``n_neighbours``, ``vote_power`` and
        ``shortlist_length``.
    X, Y
        (n_samples, n_features) and (n_samples, n_labels): the training samples, or a part of them, features as they
        were given.
    n_times
        How many times the samples in X there are in all; 1: X has them all.
    """
    n_labelled = max(int(np.count_nonzero(np.diff(Y.indptr))), 1)
    suited: dict[str, float] = {}
    if "n_epochs" in left_open:
        steps_per_epoch = math.ceil(n_times * n_labelled / config.batch_size)
        suited["n_epochs"] = max(config.n_epochs, min(-(-LEAST_STEPS // steps_per_epoch), MOST_EPOCHS))
    if "n_networks" in left_open and n_times * Y.nnz < FEW_PER_LABEL * Y.shape[1]:
        suited["n_networks"] = 3 if n_times * Y.nnz < VERY_FEW * Y.shape[1] else 2
    if Y.nnz == n_labelled:
        of_one = {"n_neighbours": NEIGHBOURS_OF_ONE, "vote_power": POWER_OF_ONE}
        if config.loss == "softmax":
            of_one["log_q_strength"] = WHOLE
        suited |= {name: value for name, value in of_one.items() if name in left_open}
    if are_dense(X):
        if "standardize_features" in left_open:
            suited["standardize_features"] = True
        if "feature_power" in left_open and median_kurtosis(X) < HEAVY_TAILED:
            suited["feature_power"] = AS_MEASURED
        if "n_neighbours" in left_open and n_times * X.nnz > MOST_DENSE_VALUES:
            suited["n_neighbours"] = 0
    elif "feature_power" in left_open:
        suited["feature_power"] = min(config.feature_power, MOST_SPREAD / max(spread_within(X), MOST_SPREAD))
    if "shortlist_length" in left_open and Y.nnz > FEW_LABELS * n_labelled:
        suited["shortlist_length"] = max(config.shortlist_length, round(LISTED_PER_LABEL * Y.nnz / n_labelled))
    return config.model_copy(update=suited)


def median_kurtosis(X: sparse.csr_array) -> float:
    """The median of the features' kurtoses, constant features left out; 0 where all are constant."""
    some = _looked_at(X).toarray().astype(np.float64)
    varying = some[:, np.ptp(some, axis=0) > 0]
    squares = (varying - varying.mean(axis=0)) ** 2
    return float(np.median((squares**2).mean(axis=0) / squares.mean(axis=0) ** 2)) if varying.size else 0.0


def spread_within(X: sparse.csr_array) -> float:
    """The standard deviation of the logarithms of a sample's values, the mean over samples that have several."""
    some = _looked_at(X)
    lengths = np.diff(some.indptr)
    several = lengths > 1
    sample = np.repeat(np.arange(len(lengths)), lengths)
    logs = np.log(np.abs(some.data), dtype=np.float64)
    means = np.bincount(sample, logs, len(lengths)) / np.maximum(lengths, 1)
    squares = np.bincount(sample, (logs - means[sample]) ** 2, len(lengths))
    return float(np.sqrt(squares[several] / lengths[several]).mean()) if several.any() else 0.0


def _looked_at(X: sparse.csr_array) -> sparse.csr_array:
    some = X[:: max(X.shape[0] // N_LOOKED_AT, 1)].copy()
    some.eliminate_zeros()
    return some
