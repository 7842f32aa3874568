"""Weights of samples: as good as repetition, which they stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from slidelearn import SlideClassifier
from slidelearn.batches import MOST_REPEATED, Samples
from slidelearn.datasets import Dataset

CHOSEN = {"ranker_blend": (0.7, 1.5, 2.0, 0.0), "ranker_c": 0.5}
"""What few held-out samples would choose otherwise, others for each seed."""


@pytest.mark.parametrize("options", [CHOSEN, {"ranker": False}, {"ranker": False, "active_set": "per_sample"}])
def test_weights_are_repetition_on_average(options: dict[str, Any], rng: np.random.Generator) -> None:
    """Over some seeds: training visits samples in random order, so single models differ."""
    y = rng.integers(0, 3, 120)
    X = rng.normal(size=(120, 4)) + np.eye(3, 4)[y]
    weights = rng.integers(1, 4, 120)

    def probabilities(X: Any, y: Any, sample_weight: Any = None) -> NDArray[np.float64]:
        fitted = (
            SlideClassifier(hidden_sizes=(32,), n_jobs=1, random_state=seed, **options).fit(X, y, sample_weight)
            for seed in range(6)
        )
        return np.mean([clf.predict_proba(X_asked) for clf in fitted], axis=0)

    X_asked = X
    repeated = probabilities(X.repeat(weights, axis=0), y.repeat(weights))
    off_with, off_without = (
        np.abs(each - repeated).mean() for each in (probabilities(X, y, weights), probabilities(X, y))
    )
    assert off_with < 0.5 * off_without


@pytest.mark.parametrize("options", [{}, {"ranker": False}, {"preset": "paper", "learning_rate": 0.05}])
def test_few_heavy_samples_outweigh_many_light_ones(options: dict[str, Any]) -> None:
    X, y = sparse.csr_array(np.tile(np.eye(4), (30, 1))), np.repeat(["many", "few"], [90, 30])
    clf = SlideClassifier(hidden_sizes=(16,), n_jobs=1, **options)
    assert (clf.fit(X, y).predict(X) == "many").all()
    weights = np.where(y == "few", 9.0, 1.0)
    assert (clf.fit(X, y, weights).predict(X) == "few").all()
    once = clf.predict_topk(X)[1]
    lighter = clf.fit(X, y, 2.0**-10 * weights).predict_topk(X)[1]
    np.testing.assert_array_equal(lighter, once)  # ratios matter alone, and these are exact


def test_equal_weights_are_none(tiny: Dataset) -> None:
    X, Y = tiny.X_train[:400], tiny.Y_train[:400]
    clf, weighted = (SlideClassifier(hidden_sizes=(16,), n_epochs=1, n_jobs=1) for _ in range(2))
    clf.fit(X, Y).partial_fit(X, Y)
    weighted.fit(X, Y, np.ones(400)).partial_fit(X, Y, sample_weight=np.ones(400))
    for name, array in clf.named_arrays():
        np.testing.assert_array_equal(dict(weighted.named_arrays())[name], array, name)


@pytest.mark.parametrize("weight", [1e-30, 1e38])
def test_only_ratios_of_weights_matter(weight: float) -> None:
    X, y = np.eye(30).repeat(7, axis=0), np.arange(30).repeat(7)
    one, other = (SlideClassifier(n_epochs=3, n_jobs=1).fit(X, y, np.full(210, each)) for each in (1.0, weight))
    assert other.score(X, y) == one.score(X, y) == 1.0


def test_samples_of_weight_0_are_left_out(tiny: Dataset) -> None:
    X, Y, kept = tiny.X_train[:400], tiny.Y_train[:400], np.arange(400) % 4 > 0
    clf, other = (SlideClassifier(hidden_sizes=(16,), n_epochs=1, n_jobs=1) for _ in range(2))
    clf.fit(X, Y, kept)
    other.fit(X[kept], Y[kept])
    for name, array in clf.named_arrays():
        np.testing.assert_array_equal(dict(other.named_arrays())[name], array, name)


def test_scores_are_weighted(tiny: Dataset) -> None:
    clf = SlideClassifier(hidden_sizes=(16,), n_epochs=1, n_jobs=1).fit(tiny.X_train, tiny.Y_train)
    ids, _ = clf.predict_topk(tiny.X_test, 1)
    right = np.array([label in row.indices for label, row in zip(ids[:, 0], tiny.Y_test, strict=True)])
    assert 0 < clf.score(tiny.X_test, tiny.Y_test) == right.mean() < 1
    assert clf.score(tiny.X_test, tiny.Y_test, np.where(right, 3.0, 1.0)) == pytest.approx(
        3 * right.sum() / (3 * right.sum() + (~right).sum())
    )


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(3), r"sample_weight must have shape \(400,\), but has \(3,\)"),
        (np.zeros(400), "sample_weight must be >= 0 and not all zero"),
        (np.arange(400) - 1.0, "sample_weight must be >= 0 and not all zero, but the least is -1"),
        (np.full(400, np.nan), "NaN"),
    ],
)
def test_weights_against_the_rules_are_refused(weights: NDArray[np.float64], message: str, tiny: Dataset) -> None:
    with pytest.raises(ValueError, match=message):
        SlideClassifier().fit(tiny.X_train[:400], tiny.Y_train[:400], weights)


@pytest.mark.parametrize(
    ("weights", "copies"),
    [([1, 1, 1, 1], [1, 1, 1, 1]), ([0.1, 0.1, 0.2, 0.1], [1, 1, 2, 1]), ([1, 100, 1, 1, 1], [0, 9, 0, 0, 1])],
)
def test_heavy_samples_are_there_several_times(weights: list[float], copies: list[int]) -> None:
    n = len(weights)
    samples = Samples(sparse.eye_array(n, format="csr"), sparse.eye_array(n, format="csr"), np.array(weights))
    rows = samples.repeated()
    assert len(rows) <= MOST_REPEATED * n
    np.testing.assert_array_equal(np.bincount(rows, minlength=n), copies)
