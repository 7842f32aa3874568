"""Metrics over ranked labels: precision, propensity-scored precision, nDCG and recall at k.

All are fractions, and means over all samples, where a sample without labels counts 0. Predictions are `ids`
(n_samples, n_ranks): labels from the best down, padded with -1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from slidelearn.matrices import FloatCsr, are_entries, check_labels

_Hits: TypeAlias = NDArray[np.bool_]

_RECALL_AT = 20


def precision_at_k(ids: NDArray[np.integer[Any]], Y: Any, k: int, sample_weight: Any = None) -> float:
    """Share of the first k predictions that are right.

    Parameters
    ----------
    ids : integer array (n_samples, n_ranks)
        Labels from the best down, padded with -1.
    Y : array or sparse matrix (n_samples, n_labels)
        The true labels.
    k
        At most n_ranks.
    sample_weight
        (n_samples,): what each sample counts in the mean; None: all the same.

    Raises
    ------
    ValueError
        If ids and Y do not fit together, a label stands twice in a row of ids, or k is not in 1..n_ranks.

    Examples
    --------
    >>> Y = np.array([[1, 0, 1], [0, 1, 0]])
    >>> ids = np.array([[0, 1], [2, 1]])
    >>> precision_at_k(ids, Y, 1), precision_at_k(ids, Y, 2)
    (0.5, 0.5)
    """
    ids, Y = _check(ids, Y, k)
    if sample_weight is None:
        return _precision(are_entries(Y, ids), k)
    return float(np.average(are_entries(Y, ids)[:, :k].mean(axis=1), weights=sample_weight))


def precision_standard_error(ids: NDArray[np.integer[Any]], Y: Any, k: int = 1) -> float:
    """Estimate the standard error of `precision_at_k`, over the choice of the samples."""
    ids, Y = _check(ids, Y, k)
    per_sample = are_entries(Y, ids)[:, :k].mean(axis=1)
    return float(per_sample.std() / np.sqrt(len(per_sample))) if len(per_sample) else 0.0


def psp_at_k(ids: NDArray[np.integer[Any]], Y: Any, inverse_propensities: NDArray[np.floating[Any]], k: int) -> float:
    """Propensity-scored precision: rare labels, often missing from Y, count more (Jain et al., 2016, section 4).

    The sum over all samples, divided by the sum that the best ranking reaches, as the Extreme Classification Repository
    reports it.

    Parameters
    ----------
    ids, Y, k
        As in `precision_at_k`.
    inverse_propensities : array (n_labels,)
        1 / `propensities` of the training labels.
    """
    ids, Y = _check(ids, Y, k)
    weights = _check_weights(inverse_propensities, Y)
    return _psp(ids, are_entries(Y, ids), Y, weights, k)


def ndcg_at_k(ids: NDArray[np.integer[Any]], Y: Any, k: int) -> float:
    """Normalised discounted cumulative gain: a hit at rank r counts 1 / log2(r + 1), over the best attainable sum.

    A sample without labels counts 0. Parameters and errors as in `precision_at_k`.
    """
    ids, Y = _check(ids, Y, k)
    return _ndcg(are_entries(Y, ids), Y, k)


def recall_at_k(ids: NDArray[np.integer[Any]], Y: Any, k: int) -> float:
    """Share of a sample's labels that are among its first k predictions.

    A sample without labels counts 0. Parameters and errors as in `precision_at_k`.
    """
    ids, Y = _check(ids, Y, k)
    return _recall(are_entries(Y, ids), Y, k)


def best_threshold(ids: NDArray[np.integer[Any]], scores: NDArray[np.floating[Any]], Y: Any) -> float:
    """The score from which on labels should be given, so that F1 over all pairs of sample and label is highest.

    Parameters
    ----------
    ids, Y
        As in `precision_at_k`.
    scores
        (n_samples, n_ranks).

    Returns
    -------
    float
        Halfway between the last score that is worth it and the next one; 0 where no prediction is right.

    Examples
    --------
    >>> best_threshold(np.array([[0, 1], [1, 0]]), np.array([[3.0, 2.0], [1.0, -1.0]]), np.array([[1, 1], [0, 0]]))
    1.5
    """
    ids, Y = _check(ids, Y)
    order = np.argsort(-scores, axis=None, kind="stable")[: int((ids >= 0).sum())]
    best_first, right = scores.reshape(-1)[order], are_entries(Y, ids).reshape(-1)[order]
    if not right.any():
        return 0.0
    f1 = 2 * np.cumsum(right) / (np.arange(1, len(right) + 1) + Y.nnz)
    f1[:-1][best_first[1:] == best_first[:-1]] = 0  # equal scores are given together
    last = int(np.argmax(f1))
    return float(best_first[last : last + 2].mean())


def propensities(Y_train: Any, a: float = 0.55, b: float = 1.5) -> NDArray[np.float64]:
    """How likely a relevant label is to be in the data, by how often it is there (Jain et al., 2016, equation 3).

    ``p = 1 / (1 + C * (count + b)^-a)`` with ``C = (ln n_samples - 1) * (b + 1)^a``, which for fewer than three samples
    is 0 here.

    Parameters
    ----------
    Y_train : array or sparse matrix (n_samples, n_labels)
    a, b
        Of the data set; the repository uses 0.5, 0.4 for Wikipedia, 0.6, 2.6 for Amazon, 0.55, 1.5 elsewhere.

    Returns
    -------
    array (n_labels,), float64
    """
    Y = check_labels(Y_train, name="Y_train")
    return propensities_of_counts(np.bincount(Y.indices, minlength=Y.shape[1]), Y.shape[0], a, b)


def propensities_of_counts(
    counts: NDArray[np.integer[Any]], n_samples: int, a: float = 0.55, b: float = 1.5
) -> NDArray[np.float64]:
    """`propensities` where the training labels have been counted already.

    Parameters
    ----------
    counts : integer array (n_labels,)
        Training samples of each label.
    n_samples
        Training samples in all.
    a, b
        As in `propensities`.
    """
    c = max(np.log(max(n_samples, 1)) - 1, 0.0) * (b + 1) ** a
    return np.asarray(1 / (1 + c * (counts + b) ** -a), np.float64)


def evaluate(
    ids: NDArray[np.integer[Any]],
    Y: Any,
    inverse_propensities: NDArray[np.floating[Any]] | None = None,
    ks: Sequence[int] = (1, 3, 5),
) -> dict[str, float]:
    """All metrics at once.

    Parameters
    ----------
    ids, Y
        As in `precision_at_k`.
    inverse_propensities : array (n_labels,)
        1 / `propensities` of the training labels; without them there is no ``psp@k``.
    ks
        Where to cut the ranking.

    Returns
    -------
    dict
        ``p@k``, ``psp@k`` and ``ndcg@k`` for each k, and ``recall@20`` if ids has that many columns.
    """
    ids, Y = _check(ids, Y, *ks)
    hits = are_entries(Y, ids)
    result = {f"p@{k}": _precision(hits, k) for k in ks}
    if inverse_propensities is not None:
        weights = _check_weights(inverse_propensities, Y)
        result |= {f"psp@{k}": _psp(ids, hits, Y, weights, k) for k in ks}
    result |= {f"ndcg@{k}": _ndcg(hits, Y, k) for k in ks}
    if ids.shape[1] >= _RECALL_AT:
        result[f"recall@{_RECALL_AT}"] = _recall(hits, Y, _RECALL_AT)
    return result


def without_pairs(ids: NDArray[np.integer[Any]], pairs: Any, k: int) -> NDArray[np.int64]:
    """The first k predictions that are not among pairs which say nothing, such as a label that is the sample itself.

    Parameters
    ----------
    ids : integer array (n_samples, n_ranks)
        Labels from the best down, padded with -1.
    pairs : array or sparse matrix (n_samples, n_labels)
        Non-zero at the pairs. What Y has there is to be left out as well.
    k
        At most n_ranks.

    Returns
    -------
    array (n_samples, k), int64
        Padded with -1 where too few are left.

    Examples
    --------
    >>> without_pairs(np.array([[2, 0, 1]]), np.array([[0, 0, 1]]), 2)
    array([[0, 1]])
    """
    ids, pairs = _check(ids, pairs, k)
    left = (ids >= 0) & ~are_entries(pairs, ids)
    first = np.argsort(~left, axis=1, kind="stable")[:, :k]
    return np.where(np.take_along_axis(left, first, axis=1), np.take_along_axis(ids, first, axis=1), -1)


def _precision(hits: _Hits, k: int) -> float:
    return _mean(hits[:, :k].sum(axis=1) / k)


def _recall(hits: _Hits, Y: FloatCsr, k: int) -> float:
    return _mean(hits[:, :k].sum(axis=1) / np.maximum(np.diff(Y.indptr), 1))


def _ndcg(hits: _Hits, Y: FloatCsr, k: int) -> float:
    discounts = 1 / np.log2(np.arange(2, k + 2))
    best = np.concatenate([[1.0], np.cumsum(discounts)])  # best[0] is for samples without labels, whose gain is 0
    return _mean(hits[:, :k] @ discounts / best[np.minimum(np.diff(Y.indptr), k)])


def _psp(ids: NDArray[np.int64], hits: _Hits, Y: FloatCsr, weights: NDArray[np.float64], k: int) -> float:
    gained = weights[ids[:, :k][hits[:, :k]]].sum()
    row_of = np.repeat(np.arange(Y.shape[0]), np.diff(Y.indptr))
    true_weights = weights[Y.indices]
    best_first = np.lexsort((-true_weights, row_of))
    rank = np.arange(len(row_of)) - Y.indptr[:-1][row_of]  # rows stay where they were, each now sorted
    attainable = true_weights[best_first][rank < k].sum()
    return float(gained / attainable) if attainable else 0.0


def _mean(per_sample: NDArray[np.float64]) -> float:
    return float(per_sample.mean()) if len(per_sample) else 0.0


def _check(ids: Any, Y: Any, *ks: int) -> tuple[NDArray[np.int64], FloatCsr]:
    Y = check_labels(Y, remedy="the model's as_indicator makes one of classes and label names")
    ids = np.asarray(ids)
    if ids.ndim != 2 or ids.dtype.kind not in "iu":
        raise ValueError(f"ids must be integers (n_samples, n_ranks), but is {ids.dtype} of shape {ids.shape}")
    if len(ids) != Y.shape[0]:
        raise ValueError(f"ids and Y must have one row per sample, but ids has {len(ids)} and Y has {Y.shape[0]}")
    for k in ks:
        if not 1 <= k <= ids.shape[1]:
            raise ValueError(f"k must lie in 1..{ids.shape[1]} (as many labels as ids has per sample), but is {k}")
    if ids.size and not (ids.min() >= -1 and ids.max() < Y.shape[1]):
        wrong = ids.min() if ids.min() < -1 else ids.max()
        raise ValueError(f"ids must lie in [0, {Y.shape[1]}), or be -1 where there is none, but one is {wrong}")
    ids = ids.astype(np.int64)
    in_order = np.sort(ids, axis=1)
    twice = (in_order[:, 1:] == in_order[:, :-1]) & (in_order[:, 1:] >= 0)
    if twice.any():
        row, rank = np.argwhere(twice)[0]
        raise ValueError(f"ids must not name a label twice in a row, but row {row} names {in_order[row, rank]} twice")
    return ids, Y


def _check_weights(inverse_propensities: Any, Y: FloatCsr) -> NDArray[np.float64]:
    weights = np.asarray(inverse_propensities, np.float64)
    if weights.shape != (Y.shape[1],):
        raise ValueError(
            f"inverse_propensities must have shape ({Y.shape[1]},), one per label, but has {weights.shape}"
        )
    if not (np.isfinite(weights).all() and (weights > 0).all()):
        raise ValueError("inverse_propensities must be positive and finite: 1 / propensities(Y_train)")
    return weights
