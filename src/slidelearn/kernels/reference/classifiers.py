"""The ranker's verbs: one linear classifier per label, trained by dual coordinate descent (Hsieh et al., ICML 2008)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from slidelearn.kernels.reference.csr import written_out
from slidelearn.kernels.reference.random import random_below
from slidelearn.kernels.types import ClassifierRows, Csr, Float, Ids, Offsets


def train_classifiers(
    x: Csr,
    n_features: int,
    positives: Csr,
    negatives: Csr,
    *,
    former: ClassifierRows | None,
    c: Float,
    tolerance: float,
    max_passes: int,
    threshold: float,
    seed: int,
    n_threads: int,
) -> tuple[tuple[Offsets, Ids, Float], Float]:
    """An L2-regularised SVM with squared hinge loss for each label, with a bias.

    `positives` and `negatives` have a row of samples, rows of `x`, for each label; `c` (n_labels,) has the weight of
    their losses. Gives `Classifiers` with the weights of a magnitude of at least `threshold`. A label without positives
    gets no weights and the bias -1, one without negatives no weights and the bias 1. With `former`, each classifier
    starts from its former weights and stays close to them, and labels without samples stay as they are.
    """
    rows = written_out(x, n_features)
    first = np.zeros((positives.n_rows, n_features)) if former is None else written_out(former.weights, n_features)
    indptr, features, weights, biases = [0], [np.empty(0, np.int32)], [np.empty(0, np.float32)], list[float]()
    for label in range(positives.n_rows):
        own, others = (m.indices[m.indptr[label] : m.indptr[label + 1]] for m in (positives, negatives))
        if former is None and not (len(own) and len(others)):
            found, bias = first[label], 1.0 if len(own) else -1.0
        else:
            samples, signs = rows[np.concatenate([own, others])], np.repeat([1.0, -1.0], [len(own), len(others)])
            start = first[label], 0.0 if former is None else float(former.biases[label])
            found, bias = _solved(samples, signs, start, float(c[label]), tolerance, max_passes, seed, label)
        kept = np.flatnonzero((np.abs(found.astype(np.float32)) >= np.float32(threshold)) & (found != 0))
        features.append(kept.astype(np.int32))
        weights.append(found[kept].astype(np.float32))
        indptr.append(indptr[-1] + len(kept))
        biases.append(bias)
    made = np.array(indptr, np.int64), np.concatenate(features), np.concatenate(weights)
    return made, np.array(biases, np.float32)


def _solved(
    samples: NDArray[np.float64],
    signs: NDArray[np.float64],
    start: tuple[NDArray[np.float64], float],
    c: float,
    tolerance: float,
    max_passes: int,
    seed: int,
    label: int,
) -> tuple[NDArray[np.float64], float]:
    n = len(samples)
    (weights, bias), duals = start, np.zeros(n)
    curvature = 0.5 / c + 1.0 + (samples**2).sum(axis=1)
    order, n_active, left_out_above, n_draws = list(range(n)), n, np.inf, 0
    for _ in range(max_passes):
        gradients = [np.inf, -np.inf]  # the lowest and the highest
        for k in range(n_active):
            other = k + int(random_below(seed, label, n_draws, n_active - k))
            order[k], order[other] = order[other], order[k]
            n_draws += 1
        k = 0
        while k < n_active:
            i = order[k]
            gradient = signs[i] * (bias + samples[i] @ weights) - 1.0 + duals[i] * 0.5 / c
            if duals[i] == 0 and gradient > 0:
                if gradient > left_out_above:
                    n_active -= 1
                    order[k], order[n_active] = order[n_active], order[k]
                    continue
                gradient = 0.0
            gradients = [min(gradients[0], gradient), max(gradients[1], gradient)]
            dual = max(duals[i] - gradient / curvature[i], 0.0)
            step = signs[i] * (dual - duals[i])
            weights, bias, duals[i] = weights + step * samples[i], bias + step, dual
            k += 1
        if gradients[1] - gradients[0] > tolerance:
            left_out_above = gradients[1] if gradients[1] > 0 else np.inf
        elif n_active < n:
            n_active, left_out_above = n, np.inf
        else:
            break
    return weights, bias


def classifier_margins(x: Csr, n_features: int, ids: Ids, classifiers: ClassifierRows, *, n_threads: int) -> Float:
    """The margin of each sample under the classifiers of its labels `ids` (n_samples, m); -inf beside -1."""
    weights, biases = classifiers
    all_margins = written_out(x, n_features) @ written_out(weights, n_features).T + biases
    margins = np.take_along_axis(all_margins, np.maximum(ids, 0), axis=1) if ids.size else np.zeros(ids.shape)
    return np.where(ids < 0, -np.inf, margins).astype(np.float32)
