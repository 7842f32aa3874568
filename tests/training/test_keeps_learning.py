"""Models that keep learning, from outside: labels and features join and leave, and nothing else moves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from slidelearn import SlideClassifier
from slidelearn.datasets import Dataset
from slidelearn.model.documents import (
    inverse_propensities,
    label_counts,
    label_names,
    put_label_counts,
    put_label_names,
)

SMALL: dict[str, Any] = {"hidden_sizes": (16,), "n_epochs": 2, "n_jobs": 1}
EVERY_KIND = [
    {},
    {"ranker": False},
    {"n_networks": 2, "n_models": 2},
    {"objective": "tail"},
    {"preset": "paper"},
    {"answers": "index"},
]


def _arrays(clf: SlideClassifier) -> dict[str, NDArray[Any]]:
    return {name: array.copy() for name, array in clf.named_arrays()}


def _signed(n: int, classes: list[str], rng: np.random.Generator, n_features: int = 40) -> tuple[Any, Any]:
    """Samples whose class is told by one feature, beside noise."""
    number = rng.integers(0, len(classes), n)
    X = sparse.random_array((n, n_features), density=0.1, rng=rng, dtype=np.float32).tolil()
    X[np.arange(n), number] = 3.0
    return sparse.csr_array(X), np.array(classes)[number]


@pytest.mark.parametrize("options", EVERY_KIND)
def test_unseen_classes_are_learnt(options: dict[str, Any], rng: np.random.Generator) -> None:
    X, y = _signed(200, ["c", "d", "e"], rng)
    rate = {"learning_rate": 0.05} if options.get("preset") == "paper" else {}
    clf = SlideClassifier(**{**SMALL, "n_epochs": 10, **options, **rate}).fit(X, y)
    more_X, more_y = _signed(300, ["c", "d", "e", "a", "b"], rng, n_features=50)
    for _ in range(3):
        clf.partial_fit(more_X, more_y)
    assert clf.classes_.tolist() == ["c", "d", "e", "a", "b"]
    assert clf.n_features_in_ == 50
    test_X, test_y = _signed(200, ["c", "d", "e", "a", "b"], rng, n_features=50)
    assert clf.score(test_X, test_y) > 0.85


def test_unseen_columns_and_names_join(tiny: Dataset) -> None:
    X, Y = tiny.X_train[:300], tiny.Y_train[:300]
    clf = SlideClassifier(**SMALL).fit(X, Y[:, :200])
    clf.partial_fit(X, Y)
    assert (clf.n_labels_, clf.predict(X).shape[1]) == (413, 413)
    clf = SlideClassifier(**SMALL).partial_fit(X[:2], [["b"], []], classes=["c", "b"]).partial_fit(X[:1], [["a"]])
    assert clf.classes_.tolist() == ["b", "c", "a"]


def test_labels_without_samples_may_come_along() -> None:
    X = sparse.eye_array(6, format="csr")
    clf = SlideClassifier(**SMALL).partial_fit(X, [1, 2] * 3, classes=[3, 2, 1])
    assert clf.classes_.tolist() == [1, 2, 3]
    clf.partial_fit(X, [1, 2] * 3, classes=[1, 2, 3, 9])
    assert clf.classes_.tolist() == [1, 2, 3, 9]


def test_fewer_columns_are_refused(trained: SlideClassifier, tiny: Dataset) -> None:
    before, X = _arrays(trained), tiny.X_train
    with pytest.raises(ValueError, match="X has 3 features, but SlideClassifier is expecting 3546 features as input"):
        trained.partial_fit(X[:, :3], tiny.Y_train)
    with pytest.raises(ValueError, match="y must have 413 columns or more"):
        trained.partial_fit(sparse.hstack([X, X]), tiny.Y_train[:, :3])
    assert trained.n_features_in_ == 3546
    after = _arrays(trained)
    assert all((after[name] == array).all() for name, array in before.items())


def test_columns_with_names_must_stay_in_front() -> None:
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(np.random.default_rng(0).normal(size=(30, 4)), columns=list("abcd"))
    y = np.arange(30) % 3
    clf = SlideClassifier(**SMALL).fit(X[["a", "b", "c"]], y)
    clf.partial_fit(X, y)
    assert clf.feature_names_in_.tolist() == list("abcd")
    with pytest.raises(ValueError, match="feature names should match"):
        clf.partial_fit(X.rename(columns={"b": "x"}).assign(e=1.0), y)


@pytest.mark.parametrize("options", EVERY_KIND)
def test_added_labels_move_nothing(options: dict[str, Any], tiny: Dataset, tmp_path: Path) -> None:
    clf = SlideClassifier(**{**SMALL, **options}).fit(tiny.X_train[:400], tiny.Y_train[:400])
    before = _arrays(clf)
    clf.add_labels(2)
    after = _arrays(clf)
    for name, array in before.items():
        if name.startswith("index."):
            continue
        kept = after[name][: len(array)] if after[name].shape != array.shape else after[name]
        np.testing.assert_array_equal(kept, array, name)
    clf.save(tmp_path / "model")
    loaded = SlideClassifier.load(tmp_path / "model", n_jobs=1)
    wider = tiny.Y_train[:400].copy()
    wider.resize((400, 415))
    for each in (clf, loaded):
        each.partial_fit(tiny.X_train[:400], wider)
    np.testing.assert_array_equal(loaded.predict_topk(tiny.X_test)[1], clf.predict_topk(tiny.X_test)[1])


def test_added_labels_start_from_their_samples(rng: np.random.Generator) -> None:
    X, y = _signed(200, ["c", "d", "e"], rng)
    clf = SlideClassifier(**SMALL).fit(X[:, :30], y)
    own = sparse.csr_array(([1.0, 1.0], ([0, 1], [8, 9])), (2, 30))
    clf.add_labels(["i", "h"], own)
    assert clf.classes_.tolist() == ["c", "d", "e", "i", "h"]
    assert clf.predict(own).tolist() == ["i", "h"]
    clf.add_labels(["k"], sparse.csr_array(([1.0], ([0], [20])), (3, 30)), ["k", "c", "c"])
    assert clf.predict(sparse.csr_array(([1.0], ([0], [20])), (1, 30))).tolist() == ["k"]


def test_nothing_to_learn_changes_nothing(tiny: Dataset) -> None:
    nothing = sparse.csr_array((2, 413), dtype=np.float32)
    clf = SlideClassifier(**SMALL)
    with pytest.raises(ValueError, match="y must have at least one label, but all of its rows are empty"):
        clf.partial_fit(tiny.X_train[:2], nothing)
    assert not clf.__sklearn_is_fitted__()


def test_labels_among_many_take_little_memory(trained: SlideClassifier) -> None:
    trained.add_labels(10**5)
    trained.add_labels(1, sparse.csr_array((1, 3546), dtype=np.float32))  # a square of all labels would be 40 GB
    assert trained.n_labels_ == 413 + 10**5 + 1


def test_labels_that_cannot_be_added_are_refused(trained: SlideClassifier, tiny: Dataset) -> None:
    with pytest.raises(ValueError, match="labels must be a number >= 1"):
        trained.add_labels(["one"])
    with pytest.raises(ValueError, match="X has 7 features, but SlideClassifier is expecting 3546"):
        trained.add_labels(1, np.ones((1, 7)))
    with pytest.raises(ValueError, match=r"a sample or text for each of 2 labels, .* but there are 3"):
        trained.add_labels(2, tiny.X_train[:3])
    assert trained.n_labels_ == 413


@pytest.mark.parametrize("options", EVERY_KIND)
def test_removed_labels_move_nothing(options: dict[str, Any], tiny: Dataset) -> None:
    names = np.array(tiny.label_names)
    y = [names[row.indices].tolist() for row in tiny.Y_train[:400]]
    clf = SlideClassifier(**{**SMALL, **options}).fit(tiny.X_train[:400], y)
    before, classes = _arrays(clf), clf.classes_
    gone = classes[[0, 7, 50]].tolist()
    clf.remove_labels(gone)
    kept = np.flatnonzero(~np.isin(classes, gone))
    np.testing.assert_array_equal(clf.classes_, classes[kept])
    after = _arrays(clf)
    for name in ("output.weights", "output.bias", "ranker.counts", "ranker.biases"):
        if name in before:
            np.testing.assert_array_equal(after[name], before[name][kept], name)
    np.testing.assert_array_equal(after["input.weights"], before["input.weights"])
    assert not set(gone) & set(clf.predict_topk(tiny.X_test, 5, labels=True)[0].ravel().tolist())
    with pytest.raises(ValueError, match="labels must be among those of the model, but 'nobody' is not"):
        clf.remove_labels(["nobody"])
    with pytest.raises(ValueError, match="labels must not be all that the model has"):
        clf.remove_labels(clf.classes_.tolist())


def test_names_and_counts_go_along(trained: SlideClassifier, tiny: Dataset) -> None:
    put_label_names(trained.documents_, tiny.label_names, 413)
    put_label_counts(trained.documents_, tiny.Y_train)
    counts = np.bincount(tiny.Y_train.indices, minlength=413)
    trained.add_labels(2)
    trained.remove_labels([1, 413])
    names = label_names(trained.documents_, 413)
    assert names == [tiny.label_names[0], *tiny.label_names[2:], "414"]
    assert json.loads(trained.documents_["label_counts.json"])["counts"] == [counts[0], *counts[2:], 0]
    assert inverse_propensities(trained.documents_, 413) is not None


def test_label_counts_follow_what_is_learnt(tiny: Dataset, tmp_path: Path) -> None:
    counts = np.bincount(tiny.Y_train.indices, minlength=413)
    clf = SlideClassifier(hidden_sizes=(8,), n_epochs=1, n_jobs=1).fit(tiny.X_train, tiny.Y_train)
    assert label_counts(clf.documents_, 413)[0].tolist() == counts.tolist()
    more = sparse.hstack([tiny.Y_test, sparse.csr_array(np.ones((608, 1)))])
    clf.partial_fit(tiny.X_test, more).save(tmp_path / "model")
    found, n_samples = label_counts(SlideClassifier.load(tmp_path / "model").documents_, 414)
    assert found.tolist() == [*(counts + np.bincount(tiny.Y_test.indices, minlength=413)), 608]
    assert n_samples == 2589 + 608
    clf.set_params(warm_start=True).fit(tiny.X_test, more)
    assert label_counts(clf.documents_, 414)[1] == 608


def test_growth_that_does_not_fit_changes_nothing(
    trained: SlideClassifier, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slidelearn.machine.resources.available_bytes", lambda: 10**6)
    before = _arrays(trained)
    for grow in (
        lambda: trained.add_labels(10**7),
        lambda: trained.partial_fit(sparse.hstack([tiny.X_train] * 9), tiny.Y_train),
    ):
        with pytest.raises(MemoryError, match=r"growing needs .* GB, but 0\.0 GB are free; remove labels"):
            grow()
    assert (trained.n_labels_, trained.n_features_in_) == (413, 3546)
    assert {name: array.tobytes() for name, array in before.items()} == {
        name: array.tobytes() for name, array in trained.named_arrays()
    }


def test_a_model_for_answers_only_takes_on_nothing(trained: SlideClassifier, tiny: Dataset, tmp_path: Path) -> None:
    trained.save(tmp_path / "model", inference_only=True)
    loaded = SlideClassifier.load(tmp_path / "model", n_jobs=1)
    for change in (
        lambda: loaded.partial_fit(sparse.hstack([tiny.X_train] * 2), tiny.Y_train),
        lambda: loaded.add_labels(1),
        lambda: loaded.remove_labels([0]),
    ):
        with pytest.raises(ValueError, match="saved with inference_only cannot go on learning"):
            change()
    assert (loaded.n_features_in_, loaded.n_labels_) == (3546, 413)
