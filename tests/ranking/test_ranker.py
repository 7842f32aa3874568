from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from support import planted_samples, random_csr, random_floats

from slidelearn import SlideClassifier
from slidelearn.batches import to_csr
from slidelearn.config import make_config
from slidelearn.datasets import Dataset
from slidelearn.kernels import ClassifierRows, Csr, Float
from slidelearn.matrices import normalize_rows, raise_values
from slidelearn.metrics import propensities, psp_at_k
from slidelearn.ranking.classifiers import Classifiers, _wrong_ones, classifiers_bytes
from slidelearn.ranking.neighbours import Neighbours
from slidelearn.ranking.ranker import USUAL_BLEND, Ranker
from slidelearn.ranking.shortlist import Shortlist
from slidelearn.training import ranker_training, shortlists

SMALL: dict[str, Any] = {"hidden_sizes": (16,), "n_epochs": 2, "n_jobs": 1}


def _mixed(n: int, seed: int) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Sample i has two features out of 30, and the label of that pair out of 435: more than 2 hidden units tell."""
    rng = np.random.default_rng(seed)
    pairs = np.array([(a, b) for a in range(30) for b in range(a)])
    labels = rng.integers(0, len(pairs), n)
    X = sparse.csr_array((np.ones(2 * n), np.sort(pairs[labels]).reshape(-1), 2 * np.arange(n + 1)), (n, 30))
    return X, sparse.csr_array((np.ones(n), (np.arange(n), labels)), (n, len(pairs)))


def test_it_tells_apart_what_the_network_cannot() -> None:
    X, Y = _mixed(3000, seed=0)
    X_test, Y_test = _mixed(500, seed=1)
    options: dict[str, Any] = {"hidden_sizes": (2,), "n_epochs": 3, "n_jobs": 1, "shortlist_length": 60}
    alone, ranked = (SlideClassifier(**options, ranker=r).fit(X, Y).score(X_test, Y_test) for r in (False, True))
    assert alone < 0.7
    assert ranked > alone + 0.1


def test_it_is_the_same_on_any_number_of_threads(tiny: Dataset) -> None:
    one, three = (SlideClassifier(**{**SMALL, "n_jobs": n}).fit(tiny.X_train, tiny.Y_train) for n in (1, 3))
    for (name, a), (_, b) in zip(one.named_arrays(), three.named_arrays(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


@pytest.mark.parametrize(("n_labels", "n_features"), [(50, 120), (400, 500)])
def test_the_memory_it_needs_is_known_before(n_labels: int, n_features: int, rng: np.random.Generator) -> None:
    planted = planted_samples(rng, n_labels, n_features)
    config = make_config(hidden_sizes=(8,), shortlist_length=40)
    ids = [rng.choice(n_labels, 40, replace=False).astype(np.int32) for _ in range(1200)]
    indptr = np.arange(0, 48_001, 40, dtype=np.int32)
    tracemalloc.start()
    shortlists = sparse.csr_array((np.ones(48_000, np.int8), np.concatenate(ids), indptr), (1200, n_labels))
    Ranker.trained(planted.X, planted.Y, shortlists, config, c=1.0, n_threads=1)
    _, peak = tracemalloc.get_traced_memory()  # without what verbs take
    tracemalloc.stop()
    assert 0.45 < peak / classifiers_bytes(config, planted.X, planted.Y, 1200) <= 1.0


def _classifiers(weights: Csr, biases: Float) -> Classifiers:
    return Classifiers(ClassifierRows(weights, biases), 8, None)


def _ranker(classifiers: Classifiers, length: int, *blend: float) -> Ranker:
    counts = 1.0 + np.arange(classifiers.weights.n_rows, dtype=np.float32)
    c = np.ones(1, np.float32)
    nobody = np.zeros(1, np.int32)
    return Ranker(classifiers, length, np.array(blend, np.float32), counts, c, nobody)


def test_scores_are_the_blend() -> None:
    weights = Csr(np.array([0, 1, 1, 2]), np.array([0, 1], np.int32), np.array([1.0, -2.0], np.float32))
    classifiers = _classifiers(weights, np.array([0.5, 0.25, 0.0], np.float32))
    known = sparse.csr_array(np.array([[1, 0], [0, 1], [0, -1]], np.float32))
    neighbours = Neighbours.of(known, sparse.csr_array(np.array([[1, 1, 0], [1, 0, 1], [0, 0, 1]])), 2, 2.0)
    ranker = _ranker(classifiers, 2, 0.5, 2.0, 3.0, 0.7, -1.0)
    x = Csr(np.array([0, 2]), np.array([0, 1], np.int32), np.array([0.3, 0.4], np.float32))
    ids, logits = np.array([[2, 0, 1]], np.int32), np.array([[3.0, 1.0, 0.5]], np.float32)
    votes, _ = neighbours.votes(x, ids[:, :2].copy(), 0, n_threads=1)
    ids, scores = ranker.order(x, Shortlist(ids, logits, votes), n_threads=1)
    log_p = np.array([3.0, 1.0]) - np.log(np.exp(3.0) + np.exp(1.0))
    expected = np.array([0.16 / 0.25, 1.0])  # the third neighbour is not similar at all
    of_2, of_0 = 0.5 * log_p + 2 * np.array([-0.8, 0.8]) + 3 * np.sqrt(expected) + 0.7 * np.log([4.0, 2.0]) - 1
    np.testing.assert_array_equal(ids, [[0, 2, 1]])  # the last one is not on the shortlist of two
    np.testing.assert_allclose(scores, [[of_0, of_2, of_2 + 0.5 * (0.5 - 1.0)]], rtol=1e-5)


def test_labels_that_are_missing_stay_last(rng: np.random.Generator) -> None:
    ranker = _ranker(_classifiers(random_csr(rng, 5, 8, 4), random_floats(rng, 5)), 4, 1.0, 1.0, 1.0, 0.1, 0.0)
    ids = np.array([[3, 1, -1, -1, -1], [4, 3, 2, 1, -1], [-1] * 5], np.int32)
    logits = np.where(ids < 0, -np.inf, -np.arange(5.0)).astype(np.float32)
    shortlist = Shortlist(ids, logits, np.zeros((3, 4), np.float32))
    ordered, scores = ranker.order(random_csr(rng, 3, 8, 3), shortlist, n_threads=1)
    for row, before in zip(ordered, ids, strict=True):
        assert sorted(row) == sorted(before)
        assert (np.sort(row == -1) == (row == -1)).all()
    np.testing.assert_array_equal(np.isneginf(scores), ordered < 0)


def test_wrong_ones_are_listed_and_not_own(rng: np.random.Generator) -> None:
    Y = sparse.csr_array(np.array([[1, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0]], np.float32))
    shortlists = sparse.csr_array(np.array([[1, 1, 0, 1], [0, 0, 0, 1], [1, 0, 1, 1]], np.int8))
    expected = [[0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 1, 1]]
    np.testing.assert_array_equal(_wrong_ones(shortlists, Y).toarray(), expected)


def test_partial_fit_brings_it_up_to_date(tiny: Dataset) -> None:
    """Each increment makes it better, and labels that are not concerned keep their classifiers."""
    half = tiny.X_train.shape[0] // 2
    clf = SlideClassifier(**SMALL, ranker=True, shortlist_length=10)
    clf.fit(tiny.X_train[:half], tiny.Y_train[:half])
    before, score = clf.ranker_, clf.score(tiny.X_test, tiny.Y_test)
    clf.partial_fit(tiny.X_train[half:], tiny.Y_train[half:])
    assert clf.score(tiny.X_test, tiny.Y_test) > score
    clf.partial_fit(tiny.X_train[:1], tiny.Y_train[:1])
    assert before is not None
    assert clf.ranker_ is not None
    changed = 0
    one = clf.ranker_.classifiers
    clf.partial_fit(tiny.X_train[1:2], tiny.Y_train[1:2])
    two = clf.ranker_.classifiers
    for label in range(clf.n_labels_):
        a, b = (c.weights.data[c.weights.indptr[label] : c.weights.indptr[label + 1]] for c in (one, two))
        changed += not np.array_equal(a, b)
    n_own = np.diff(tiny.Y_train.indptr)[1]
    assert changed <= 10 + n_own


def test_a_saved_one_answers_alike_and_goes_on_alike(tiny: Dataset, tmp_path: Path) -> None:
    clf = SlideClassifier(**SMALL, ranker=True).fit(tiny.X_train, tiny.Y_train)
    clf.save(tmp_path / "model")
    loaded = SlideClassifier.load(tmp_path / "model", n_jobs=1)
    for _ in range(2):
        np.testing.assert_array_equal(loaded.predict_topk(tiny.X_test)[1], clf.predict_topk(tiny.X_test)[1])
        for each in (loaded, clf):
            each.partial_fit(tiny.X_train[:100], tiny.Y_train[:100])


def test_without_one(tiny: Dataset) -> None:
    clf = SlideClassifier(**SMALL, ranker=False).fit(tiny.X_train, tiny.Y_train)
    assert clf.ranker_ is None
    assert not [name for name, _ in clf.named_arrays() if name.startswith("ranker")]


def test_the_blend_is_learnt_on_held_out_samples() -> None:
    """Here the classifiers know all and the network little, or nothing but noise is left for the classifiers."""
    X, Y = _mixed(12_000, seed=0)
    alone = sparse.eye_array(12_000, format="csr")  # so that no two samples are nearly the same
    options: dict[str, Any] = {"n_jobs": 1, "n_neighbours": 0, "pilot": False, "ranker_c": 1.0}
    clf = SlideClassifier(**options, hidden_sizes=(3,), n_epochs=1, shortlist_length=60).fit(
        sparse.hstack([X, alone]), Y
    )
    blend = clf.training_["ranker_blend"]
    assert blend["classifiers"] > 1 > blend["network"] > 0 == blend["neighbours"]
    rng = np.random.default_rng(0)
    X.indices[:] = rng.integers(0, 30, len(X.indices))
    X = sparse.hstack([X, Y[:, :40], alone])  # the labels themselves, for some: the network learns these
    noise = SlideClassifier(**options, hidden_sizes=(64,), n_epochs=3, ranker_threshold=0.0).fit(X, Y)
    assert noise.training_["ranker_blend"]["classifiers"] < blend["classifiers"]


def test_a_score_is_the_log_odds_of_the_label(tiny: Dataset) -> None:
    """Of all labels given with about this score, the share that the score says is right."""
    clf = SlideClassifier(n_jobs=1).fit(tiny.X_train, tiny.Y_train)
    ids, scores = clf.predict_topk(tiny.X_test, k=10)
    own = np.split(tiny.Y_test.indices, tiny.Y_test.indptr[1:-1])
    is_right = np.stack([np.isin(row, y) for row, y in zip(ids, own, strict=True)])
    said = 1 / (1 + np.exp(-scores))
    for low, high in ((0.0, 0.1), (0.1, 0.3), (0.3, 0.6), (0.6, 1.0)):
        some = (said >= low) & (said < high)
        assert abs(is_right[some].mean() - said[some].mean()) < 0.12


def test_a_blend_that_is_given_is_taken_and_nothing_held_out() -> None:
    X, Y = _mixed(12_000, seed=0)
    clf = SlideClassifier(
        hidden_sizes=(4,), n_epochs=1, n_jobs=1, ranker_blend=(3.0, 1.0, 0.5, 0.25), ranker_c=0.2
    ).fit(X, Y)
    assert clf.training_["n_held_out"] == 0
    assert clf.training_["ranker_c"] == pytest.approx(0.2)
    assert clf.training_["ranker_blend"] == {
        "network": 3.0,
        "classifiers": 1.0,
        "neighbours": 0.5,
        "frequency": 0.25,
        "constant": 0.0,
    }


@pytest.mark.parametrize(("n", "n_held_out"), [(89, 0), (90, 30), (250, 30), (400, 40)])
def test_few_samples_are_held_out_if_there_are_enough(tiny: Dataset, n: int, n_held_out: int) -> None:
    assert (np.diff(tiny.Y_train.indptr) > 0).all()
    clf = SlideClassifier(**SMALL).fit(tiny.X_train[:n], tiny.Y_train[:n])
    assert clf.training_["n_held_out"] == n_held_out
    assert clf.ranker_ is not None
    assert np.allclose(clf.ranker_.blend, [*USUAL_BLEND, 0.0]) == (n_held_out == 0)


def test_new_samples_and_held_out_ones_are_neighbours_too(tiny: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranker_training, "REHEARSED_BELOW", 0)  # or they all are trained on
    clf = SlideClassifier(**SMALL).fit(tiny.X_train, tiny.Y_train)
    assert clf.training_["n_held_out"] > 50
    assert clf.ranker_ is not None
    assert clf.neighbours_ is not None
    n = int((np.diff(tiny.Y_train.indptr) > 0).sum())
    assert clf.neighbours_.n_samples == n
    clf.partial_fit(tiny.X_test, tiny.Y_test)
    assert clf.neighbours_.n_samples == n + tiny.X_test.shape[0]
    x = to_csr(normalize_rows(raise_values(tiny.X_test[:1], clf.config_.feature_power)))
    own = tiny.Y_test[:1].indices[None].astype(np.int32)
    assert clf.neighbours_.votes(x, own, 0, n_threads=1)[0].all()


@pytest.mark.parametrize(
    ("without", "array"),
    [({"n_neighbours": 0}, "ranker.neighbours.weights"), ({"classifiers": "never"}, "ranker.weights")],
)
def test_without_one_of_the_two(tiny: Dataset, tmp_path: Path, without: dict[str, Any], array: str) -> None:
    clf = SlideClassifier(**SMALL, **without).fit(tiny.X_train[300:], tiny.Y_train[300:])
    assert array not in dict(clf.named_arrays())
    clf.partial_fit(tiny.X_train[:300], tiny.Y_train[:300])
    clf.save(tmp_path / "model")
    loaded = SlideClassifier.load(tmp_path / "model", n_jobs=1)
    np.testing.assert_array_equal(loaded.predict_topk(tiny.X_test)[1], clf.predict_topk(tiny.X_test)[1])


def test_the_tail_objective_prefers_rare_labels(tiny: Dataset, tmp_path: Path) -> None:
    inverse = 1 / propensities(tiny.Y_train)
    clf, tail = (
        SlideClassifier(n_jobs=1, n_epochs=4, objective=objective).fit(tiny.X_train, tiny.Y_train)
        for objective in ("precision", "tail")
    )
    before, after = (psp_at_k(each.predict_topk(tiny.X_test)[0], tiny.Y_test, inverse, 1) for each in (clf, tail))
    assert after > before
    tail.save(tmp_path / "model")
    loaded = SlideClassifier.load(tmp_path / "model", n_jobs=1)
    np.testing.assert_array_equal(loaded.predict_topk(tiny.X_test)[1], tail.predict_topk(tiny.X_test)[1])


def test_classifiers_where_they_are_cheap(tiny: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    for most, there in ((8.0, True), (8e-9, False)):
        monkeypatch.setattr(shortlists, "CHEAP", most)
        clf = SlideClassifier(preset="quick", n_jobs=1).fit(tiny.X_train, tiny.Y_train)
        assert clf.ranker_ is not None
        assert (clf.ranker_.classifiers is not None) == there


def test_neighbours_name_labels_that_the_network_missed(rng: np.random.Generator) -> None:
    """Labels of one sample each, and a network too small for them: only the nearest samples know."""
    n = 3000
    X = sparse.random_array((n, 2000), density=0.004, random_state=rng, format="csr", dtype=np.float32)
    Y = sparse.eye_array(n, format="csr")
    X_test = X.copy()
    X_test.data += 0.05 * rng.standard_normal(len(X.data)).astype(np.float32)
    options: dict[str, Any] = {"hidden_sizes": (4,), "n_epochs": 1, "n_jobs": 1, "pilot": False}
    given: dict[str, Any] = {"ranker_blend": (0.7, 0.0, 2.0, 0.0), "ranker_c": 0.5}
    alone, helped = (SlideClassifier(**options, **given, n_suggested=n).fit(X, Y) for n in (0, 5))
    assert helped.score(X_test, Y) > 0.9 > alone.score(X_test, Y)
    ids, scores = helped.predict_topk(X_test, k=200)  # the whole shortlist, and what comes after it
    assert (np.sort(ids, axis=1)[:, 1:] > np.sort(ids, axis=1)[:, :-1]).all()
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(ids[:, :30], helped.predict_topk(X_test, k=30)[0])
    few = SlideClassifier(**options, n_suggested=0).fit(X, Y)
    assert few.ranker_ is not None
    assert few.ranker_.n_suggested[0] == 0


def test_neighbours_name_none_where_that_does_not_help(tiny: Dataset) -> None:
    clf = SlideClassifier(n_jobs=1, shortlist_length=300).fit(tiny.X_train, tiny.Y_train)
    assert clf.ranker_ is not None
    assert clf.n_labels_ > 300
    assert clf.ranker_.n_suggested[0] == 0


def test_a_label_that_has_become_frequent_gains_like_one(rng: np.random.Generator) -> None:
    X, names = np.eye(20, dtype=np.float32)[np.arange(400) % 20], [[f"l{number % 20}"] for number in range(400)]
    clf = SlideClassifier(objective="tail", hidden_sizes=(8,), n_jobs=1).fit(X, names)
    for _ in range(3):
        clf.partial_fit(rng.random((300, 20), np.float32), [["new"]] * 300)
    gains = clf.ranker_.gains
    assert gains is not None
    assert gains[-1] < gains[:-1].min() / 2
