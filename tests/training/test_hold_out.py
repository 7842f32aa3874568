from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from support import Planted, planted_samples

from slidelearn import SlideClassifier
from slidelearn.training.hold_out import hold_out


def _with_sisters(rng: np.random.Generator, n: int) -> tuple[sparse.csr_array, np.ndarray]:
    """n samples of ten random features out of 500; each third one has two sisters, which differ in a small feature."""
    family = np.repeat(np.arange(n), np.where(np.arange(n) % 3 == 0, 3, 1))
    X = np.zeros((n, 500), np.float32)
    for row in X:
        row[rng.choice(500, 10, replace=False)] = rng.uniform(0.5, 2.0, 10)
    X = X[family]
    X[np.arange(len(X)), rng.integers(0, 500, len(X))] += 0.1
    return sparse.csr_array(X), family


def test_no_near_duplicate_of_a_held_out_sample_remains(rng: np.random.Generator) -> None:
    X, family = _with_sisters(rng, 600)
    rows = rng.permutation(len(family))[:900]
    held_out, left_out = hold_out(X, rows, 50, 500)
    assert len(held_out) == 50
    np.testing.assert_array_equal(held_out, np.sort(rows[:50]))
    assert len(left_out) > 5
    assert np.isin(np.concatenate([held_out, left_out]), rows).all()
    remaining = np.setdiff1d(rows, np.concatenate([held_out, left_out]))
    assert len(remaining) == 900 - len(held_out) - len(left_out)  # none is in both
    assert not np.isin(family[remaining], family[held_out]).any()
    assert np.isin(family[left_out], family[held_out]).all()


def test_no_more_are_missing_than_may_be(rng: np.random.Generator) -> None:
    X = sparse.csr_array(np.ones((300, 4), np.float32))
    X[::2, 0] = 9.0  # two kinds, each 150 times
    rows = rng.permutation(300)
    for most in (0, 100, 151):
        held_out, left_out = hold_out(X, rows, 50, most)
        assert len(held_out) + len(left_out) <= most
    assert len(hold_out(X, rows, 50, 160)[0]) == 1


def test_empty_samples_are_nobodys_duplicates(rng: np.random.Generator) -> None:
    held_out, left_out = hold_out(sparse.csr_array((40, 7), dtype=np.float32), rng.permutation(40), 5, 40)
    assert (len(held_out), len(left_out)) == (5, 0)


@pytest.mark.parametrize("block", [64, 4096])
def test_dense_samples_of_one_kind_are_no_near_duplicates_but_copies_are(
    rng: np.random.Generator, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slidelearn.training.hold_out._BLOCK", block)
    X = rng.normal(1000, 1, (200, 30)).astype(np.float32)  # cosines of nearly 1
    X[:, 7] *= 100  # in a unit of its own
    X[100:] = X[:100] + rng.normal(0, 0.001, (100, 30))
    held_out, left_out = hold_out(sparse.csr_array(X), np.arange(200), 40, 100)
    np.testing.assert_array_equal(held_out, np.arange(40))
    np.testing.assert_array_equal(left_out, np.arange(100, 140))


@pytest.mark.parametrize("most", [0, 1, 5, 40, 300])
def test_dense_copies_end_the_search_as_soon_as_too_many_are_missing(
    rng: np.random.Generator, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = np.sort(rng.zipf(1.6, 300) % 40)
    X = sparse.csr_array(rng.normal(0, 1, (40, 12)).astype(np.float32)[family])
    rows = rng.permutation(300)
    expected = hold_out(X, rows, 60, most)
    assert sum(map(len, expected)) <= most
    assert np.isin(family[expected[1]], family[expected[0]]).all()
    monkeypatch.setattr("slidelearn.training.hold_out._BLOCK", 16)
    for array, again in zip(expected, hold_out(X, rows, 60, most), strict=True):
        np.testing.assert_array_equal(again, array)


def _doubled(planted: Planted, rng: np.random.Generator) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Each training sample three times, with labels drawn anew: only who remembers a twin can tell these."""
    X = sparse.csr_array(sparse.vstack([planted.X] * 3))
    Y = sparse.csr_array(sparse.vstack([sparse.random_array(planted.Y.shape, density=0.05, rng=rng) > 0] * 3))
    order = rng.permutation(X.shape[0])
    return X[order], Y[order].astype(np.float32)


def test_planted_duplicates_do_not_make_memory_look_good(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, Y = _doubled(planted_samples(rng), rng)
    options = {"hidden_sizes": (16,), "n_epochs": 1, "n_jobs": 1, "pilot": False}
    careful = SlideClassifier(**options).fit(X, Y).training_
    monkeypatch.setattr("slidelearn.training.hold_out.NEAR", 1.1)  # no two samples are
    deceived = SlideClassifier(**options).fit(X, Y).training_
    assert 1.5 * careful["n_held_out"] < careful["n_left_out"] <= 2 * careful["n_held_out"]  # some twins are drawn both
    assert deceived["n_left_out"] == 0
    assert deceived["ranker_blend"]["neighbours"] > 2
    assert careful["ranker_blend"]["neighbours"] < 0.5 * deceived["ranker_blend"]["neighbours"]
