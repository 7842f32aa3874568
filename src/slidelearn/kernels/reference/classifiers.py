"""The ranker's verbs: one linear classifier per label, trained by dual coordinate descent (Hsieh et al., ICML 2008)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from slidelearn.kernels.reference.csr import written_out
from slidelearn.kernels.reference.random import random_below
from slidelearn.kernels.types import ClassifierRows, Csr, Float, Ids, LearntClassifiers, Offsets


def train_classifiers(
    x: Csr,
    n_features: int,
    positives: Csr,
    negatives: Csr,
    *,
    former: LearntClassifiers | None,
    c: Float,
    tolerance: float,
    max_passes: int,
    threshold: float,
    seed: int,
    n_threads: int,
) -> tuple[tuple[tuple[Offsets, Ids, Float], Float], Float, Float]:
    """An L2-regularised SVM with squared hinge loss for each label, with a bias.

    `positives` and `negatives` have a row of samples, rows of `x`, for each label; `c` (n_labels,) has the weight of
    their losses. Gives `LearntClassifiers`, with the weights of a magnitude of at least `threshold`. A label without
    positives gets no weights and the bias -1, one without negatives no weights and the bias 1. With `former`, each
    classifier starts from its former weights, and half the squared distance from these, each times its curvature, takes
    the place of half the squared weights; labels without samples, and weights of features that no sample has, stay as
    they are. Curvatures start at 1, and rise by the second derivative of the losses that are not 0.
    """
    n_labels = positives.n_rows
    rows = np.hstack([written_out(x, n_features), np.ones((x.n_rows, 1))])  # the bias as the weight of a feature more
    weights, curvatures = np.zeros((n_labels, n_features + 1)), np.ones((n_labels, n_features + 1))
    if former:
        (of_features, biases), of_weights, curvatures[:, -1] = former
        row = np.repeat(np.arange(n_labels), np.diff(of_features.indptr))
        weights[:, :-1], weights[:, -1] = written_out(of_features, n_features), biases
        curvatures[row, of_features.indices] = of_weights
    kept = weights != 0
    for label in range(n_labels):
        own, others = (m.indices[m.indptr[label] : m.indptr[label + 1]] for m in (positives, negatives))
        if (len(own) and len(others)) or (former and len(own) + len(others)):
            samples, signs = rows[np.concatenate([own, others])], np.repeat([1.0, -1.0], [len(own), len(others)])
            learnt = weights[label], curvatures[label]
            learnt = _solved(samples, signs, learnt, float(c[label]), tolerance, max_passes, seed, label)
            weights[label], curvatures[label] = learnt
            told = (samples != 0).any(axis=0)
            strong = (np.abs(weights[label].astype(np.float32)) >= np.float32(threshold)) & (weights[label] != 0)
            kept[label] = np.where(told, strong, kept[label])
        elif not former:
            weights[label, -1] = 1.0 if len(own) else -1.0
    row, feature = np.nonzero(kept[:, :-1])
    indptr = np.searchsorted(row, np.arange(n_labels + 1))
    values, firmness = (array[row, feature].astype(np.float32) for array in (weights, curvatures))
    biases, of_biases = (array[:, -1].astype(np.float32) for array in (weights, curvatures))
    return ((indptr.astype(np.int64), feature.astype(np.int32), values), biases), firmness, of_biases


def _solved(
    samples: NDArray[np.float64],
    signs: NDArray[np.float64],
    learnt: tuple[NDArray[np.float64], NDArray[np.float64]],
    c: float,
    tolerance: float,
    max_passes: int,
    seed: int,
    label: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n = len(samples)
    (weights, curvatures), duals = learnt, np.zeros(n)
    of_duals = 0.5 / c + (samples**2 / curvatures).sum(axis=1)
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
            gradient = signs[i] * (samples[i] @ weights) - 1.0 + duals[i] * 0.5 / c
            if duals[i] == 0 and gradient > 0:
                if gradient > left_out_above:
                    n_active -= 1
                    order[k], order[n_active] = order[n_active], order[k]
                    continue
                gradient = 0.0
            gradients = [min(gradients[0], gradient), max(gradients[1], gradient)]
            dual = max(duals[i] - gradient / of_duals[i], 0.0)
            step = signs[i] * (dual - duals[i])
            weights, duals[i] = weights + step * samples[i] / curvatures, dual
            k += 1
        if gradients[1] - gradients[0] > tolerance:
            left_out_above = gradients[1] if gradients[1] > 0 else np.inf
        elif n_active < n:
            n_active, left_out_above = n, np.inf
        else:
            break
    return weights, curvatures + 2 * c * (samples[duals > 0] ** 2).sum(axis=0)


def classifier_margins(x: Csr, n_features: int, ids: Ids, classifiers: ClassifierRows, *, n_threads: int) -> Float:
    """The margin of each sample under the classifiers of its labels `ids` (n_samples, m); -inf beside -1."""
    weights, biases = classifiers
    all_margins = written_out(x, n_features) @ written_out(weights, n_features).T + biases
    margins = np.take_along_axis(all_margins, np.maximum(ids, 0), axis=1) if ids.size else np.zeros(ids.shape)
    return np.where(ids < 0, -np.inf, margins).astype(np.float32)
