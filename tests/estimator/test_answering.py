from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit
from sklearn.metrics import f1_score
from support import Planted

from slidelearn import SlideClassifier
from slidelearn.datasets import Dataset

SMALL: dict[str, Any] = {"hidden_sizes": (16,), "n_jobs": 1}


def _f1(y: Any, answers: Any) -> float:
    return float(f1_score(y.toarray() != 0, answers.toarray() != 0, average="micro"))


@pytest.mark.parametrize(
    ("options", "n", "at_least"),
    [({}, 60, 0.35), ({}, 1200, 0.9), ({"ranker": False}, 1200, 0.65), ({"ranker_blend": (1, 1, 1, 0)}, 1200, 0.8)],
)
def test_labels_that_a_sample_has(options: dict[str, Any], n: int, at_least: float, planted: Planted) -> None:
    """With held-out samples, with too few for that, without a ranker, and where it has nothing to hold any out for."""
    clf = SlideClassifier(**SMALL, **options).fit(planted.X[:n], planted.Y[:n])
    answers = clf.predict(planted.X_test)
    assert _f1(planted.Y_test, answers) > at_least
    lengths = np.diff(answers.indptr)
    assert lengths.min() < lengths.max()  # as many as seem right, not so many for each
    ids, scores = clf.predict_topk(planted.X_test, clf.n_labels_)
    assert answers.nnz == (scores[:, : clf._model.n_listed] >= clf.threshold_).sum()
    assert (answers[np.arange(len(ids)), ids[:, 0]] == (scores[:, 0] >= clf.threshold_)).all()


def test_tiny_problems_are_solved_exactly() -> None:
    X = np.array([[number >> bit & 1 for bit in range(3)] for number in range(1, 8)] * 4)
    clf = SlideClassifier(n_jobs=1).fit(X, X)
    np.testing.assert_array_equal(clf.predict(X), X)
    y = np.array(["none", "one", "two", "three"])[X.sum(axis=1)]
    assert (SlideClassifier(n_jobs=1).fit(X, y).predict(X) == y).all()


def test_classes_and_their_probabilities(tiny: Dataset) -> None:
    X, y = tiny.X_train[:400], np.array([row.indices[0] * 10 for row in tiny.Y_train[:400]])
    for options in ({}, {"ranker": False}):
        clf = SlideClassifier(**SMALL, **options).fit(X, y)
        assert clf.threshold_ is None
        assert clf.score(X, y) == (clf.predict(X) == y).mean() > 0.7
        chances = clf.predict_proba(X)
        np.testing.assert_allclose(chances.sum(axis=1), 1)
        np.testing.assert_allclose(np.exp(clf.predict_log_proba(X)), chances)
        np.testing.assert_array_equal(clf.classes_[chances.argmax(axis=1)], clf.predict(X))
        np.testing.assert_array_equal(chances.argmax(axis=1), clf.decision_function(X).argmax(axis=1))


def test_two_classes_have_one_score() -> None:
    X, y = np.array([[0.0, 1.0], [1.0, 0.0]] * 20), np.array(["no", "yes"] * 20)
    clf = SlideClassifier(**SMALL).fit(X, y)
    scores = clf.decision_function(X)
    assert scores.shape == (40,)
    np.testing.assert_array_equal(scores > 0, y == "yes")
    np.testing.assert_allclose(clf.predict_proba(X)[:, 1], expit(scores.astype(np.float64)), rtol=1e-5)


@pytest.mark.parametrize(
    "options", [{}, {"objective": "tail"}, {"ranker": False}, {"ranker": False, "loss": "logistic"}]
)
def test_probabilities_of_labels(options: dict[str, Any], planted: Planted) -> None:
    clf = SlideClassifier(**SMALL, **options).fit(planted.X, planted.Y)
    chances = clf.predict_proba(planted.X_test)
    assert chances.shape == planted.Y_test.shape
    assert 0 <= chances.min() <= chances.max() <= 1
    np.testing.assert_allclose(np.exp(clf.predict_log_proba(planted.X_test)), chances)
    own = planted.Y_test.toarray() != 0
    assert chances[own].mean() > 5 * chances[~own].mean()
    if options.get("ranker", True):  # log-odds, as held-out samples have them
        assert abs(chances.sum(axis=1).mean() - own.sum(axis=1).mean()) < 0.3
    ids, scores = clf.predict_topk(planted.X_test, clf.n_labels_)
    every = np.take_along_axis(clf.decision_function(planted.X_test), ids, axis=1)
    np.testing.assert_array_equal(every, scores)
    if options == {}:
        np.testing.assert_allclose(
            np.take_along_axis(chances, ids, axis=1), expit(scores.astype(np.float64)), rtol=1e-5
        )


def test_scores_of_all_labels_may_be_too_many(trained: SlideClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slidelearn.machine.resources.available_bytes", lambda: 10**9)
    X = sparse.csr_array((200_000, trained.n_features_in_))
    for answer in (trained.decision_function, trained.predict_proba, trained.predict_log_proba):
        with pytest.raises(MemoryError, match=r"2.0 GB, but 1.0 GB are free; predict_topk gives those of the best k"):
            answer(X)


def test_names_of_the_best_labels(tiny: Dataset) -> None:
    names = [[tiny.label_names[label] for label in row.indices] for row in tiny.Y_train]
    clf = SlideClassifier(**SMALL).fit(tiny.X_train, names)
    assert clf.classes_.tolist() == sorted(set(tiny.label_names))
    ids, scores = clf.predict_topk(tiny.X_test, 3)
    named, same_scores = clf.predict_topk(tiny.X_test, 3, labels=True)
    np.testing.assert_array_equal(named, clf.classes_[ids])
    np.testing.assert_array_equal(scores, same_scores)
    through_tables, _ = clf.predict_topk(tiny.X_test, 50, labels=True, method="lsh")
    assert (through_tables == None).any()  # noqa: E711
    of_test = [[tiny.label_names[label] for label in row.indices] for row in tiny.Y_test]
    assert clf.score(tiny.X_test, of_test) > 0.3
    assert clf.score(tiny.X_test, [["never seen"]] * tiny.Y_test.shape[0]) == 0


def test_columns_may_have_names(trained: SlideClassifier, tiny: Dataset) -> None:
    ids, _ = trained.predict_topk(tiny.X_test, 2)
    np.testing.assert_array_equal(trained.predict_topk(tiny.X_test, 2, labels=True)[0], ids)
    trained.documents_["labels.txt"] = "".join(f"{name}\n" for name in tiny.label_names)
    np.testing.assert_array_equal(trained.predict_topk(tiny.X_test, 2, labels=True)[0], np.array(tiny.label_names)[ids])


def test_few_labels_need_no_k(tiny: Dataset) -> None:
    clf = SlideClassifier(**SMALL).fit(tiny.X_train[:50], np.arange(50) % 3)
    assert clf.predict_topk(tiny.X_test)[0].shape[1] == 3
    with pytest.raises(ValueError, match=r"k must be an integer in \[1, 3\], but is 5"):
        clf.predict_topk(tiny.X_test, 5)


def test_no_memory_while_answering_or_training_is_explained(
    trained: SlideClassifier, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError("std::bad_alloc")

    monkeypatch.setattr("slidelearn.estimator.answering.top_k", fail)
    monkeypatch.setattr("slidelearn.estimator.classifier.ModelTraining.run", fail)
    with pytest.raises(MemoryError, match=r"answering takes .*; ask about fewer samples at a time"):
        trained.predict_topk(tiny.X_test)
    for learn in (trained.fit, trained.partial_fit):
        with pytest.raises(MemoryError, match=r"training takes .*; choose smaller hidden_sizes"):
            learn(tiny.X_test, tiny.Y_test)
