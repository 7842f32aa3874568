from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from slidelearn import CheckpointError, SlideClassifier
from slidelearn.config import make_config
from slidelearn.features.prepared import prepare
from slidelearn.features.standards import Standards
from slidelearn.matrices import check_features, check_labels, normalize_rows


def _blobs(rng: np.random.Generator, n_samples: int = 1500) -> tuple[np.ndarray, sparse.csr_array]:
    """Twenty places in five coordinates, two for each of ten labels, beside sixty coordinates that tell nothing."""
    place = rng.integers(20, size=n_samples)
    telling = rng.choice([-1.0, 1.0], (20, 5))[place] + rng.normal(0, 0.4, (n_samples, 5))
    X = np.hstack([telling, rng.normal(0, 1, (n_samples, 60))]).astype(np.float32)
    return X, check_labels(np.eye(10, dtype=np.float32)[place % 10])


def test_dense_features_are_standardised_behind_a_constant_one(rng: np.random.Generator) -> None:
    dense = rng.normal(5, 3, (20, 4)).astype(np.float32)
    dense[:, 2] = 7  # constant
    standards = Standards.of(sparse.csr_array(dense))
    config = make_config(feature_power=1, normalize_features=False)
    prepared = prepare(sparse.csr_array(dense), config, standards).toarray()
    np.testing.assert_array_equal(prepared[:, 0], 1)
    np.testing.assert_allclose(prepared[:, 1:], StandardScaler().fit_transform(dense), atol=1e-5)


def test_directions_are_the_standardised_rows_at_length_1(rng: np.random.Generator) -> None:
    X = check_features(rng.normal(5, 3, (200, 33)))
    X.data[::7] = 0
    standards = Standards.of(X)
    expected = normalize_rows(standards.applied(X)).toarray()
    np.testing.assert_array_equal(standards.directions(X), expected, strict=True)


def test_the_standards_are_those_of_the_first_samples(rng: np.random.Generator, tmp_path: Path) -> None:
    X, y = rng.normal(5, 3, (60, 4)), np.arange(60) % 3
    clf = SlideClassifier(hidden_sizes=(8,), n_jobs=1).partial_fit(X, y)
    assert (clf.n_features_in_, clf.network_.n_features) == (4, 5)
    first = dict(clf.named_arrays())["standards.means"].copy()
    np.testing.assert_allclose(first, X.mean(axis=0), rtol=1e-5)
    wider = np.hstack([X + 100, rng.normal(1000, 1, (60, 2))])
    clf.partial_fit(wider, y)
    means = dict(clf.named_arrays())["standards.means"]
    np.testing.assert_array_equal(means[:4], first)
    np.testing.assert_allclose(means[4:], 1000, atol=1)
    clf.save(tmp_path / "model")
    loaded = SlideClassifier.load(tmp_path / "model", n_jobs=1)
    assert loaded.n_features_in_ == 6
    np.testing.assert_array_equal(loaded.predict_proba(wider), clf.predict_proba(wider))


def test_sparse_features_stay_as_they_are(trained: SlideClassifier) -> None:
    assert not trained.config_.standardize_features
    assert not any(name.startswith("standards") for name, _ in trained.named_arrays())


def test_standards_that_cannot_be_are_refused(rng: np.random.Generator, tmp_path: Path) -> None:
    clf = SlideClassifier(hidden_sizes=(8,), n_jobs=1).fit(rng.normal(5, 3, (60, 4)), np.arange(60) % 3)
    dict(clf.named_arrays())["standards.deviations"][1] = 0
    clf.save(tmp_path / "model")
    with pytest.raises(CheckpointError, match=r"standards\.deviations must be > 0"):
        SlideClassifier.load(tmp_path / "model")


def test_features_that_vary_most_keep_their_weight_where_they_tell_the_labels(rng: np.random.Generator) -> None:
    X, Y = _blobs(rng)
    X[:, :5] *= 20
    standards = Standards.that_suit(sparse.csr_array(X), Y)
    rows = standards.applied(sparse.csr_array(X)).toarray()[:, 1:]
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(rows.var(axis=0).mean(), 1, rtol=0.01)
    assert rows[:, :5].var() > 10 * rows[:, 5:].var()


def test_units_count_for_nothing_where_they_tell_nothing(rng: np.random.Generator) -> None:
    X, Y = _blobs(rng)
    X[:, 5:] *= 20
    np.testing.assert_allclose(
        Standards.that_suit(sparse.csr_array(X), Y).deviations, X.astype(np.float64).std(axis=0), rtol=1e-4
    )


@pytest.mark.parametrize("n_samples", [1, 40])
def test_few_samples_are_not_asked(rng: np.random.Generator, n_samples: int) -> None:
    X, Y = _blobs(rng, n_samples)
    X[:, 0] = 7  # constant
    standards, whole = Standards.that_suit(sparse.csr_array(X), Y), Standards.of(sparse.csr_array(X))
    np.testing.assert_array_equal(standards.deviations, whole.deviations)
