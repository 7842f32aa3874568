"""SlideClassifier in scikit-learn's hands: its own checks, and its tools."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import make_blobs
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from slidelearn import CheckpointError, SlideClassifier
from slidelearn.datasets import Dataset
from slidelearn.inference import top_k
from slidelearn.metrics import precision_at_k
from slidelearn.model import files
from slidelearn.model.model import Member

REPETITION = "training visits samples in random order; test_sample_weight.py holds weights against repetition"
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": REPETITION,
    "check_sample_weight_equivalence_on_sparse_data": REPETITION,
}
SMALL: dict[str, Any] = {"hidden_sizes": (16,), "n_jobs": 1}


@parametrize_with_checks([SlideClassifier(n_jobs=1)], expected_failed_checks=lambda _: EXPECTED)
def test_checks_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def test_pipelines_of_texts(tiny: Dataset) -> None:
    texts, names = _texts(tiny)
    for vectorizer in (TfidfVectorizer(), HashingVectorizer(n_features=2**12)):
        pipe = make_pipeline(vectorizer, SlideClassifier(**SMALL)).fit(texts, names)
        assert pipe.score(texts, names) > 0.8
        assert isinstance(pipe.predict(texts[:2]), list)


def test_cross_validation_in_other_processes(tiny: Dataset) -> None:
    texts, names = _texts(tiny)
    X, y = TfidfVectorizer().fit_transform(texts), np.array([each[0] for each in names])
    clf = SlideClassifier(**SMALL, n_epochs=2)
    scores = cross_val_score(clf, X, y, cv=KFold(2), n_jobs=2)
    np.testing.assert_array_equal(scores, cross_val_score(clf, X, y, cv=KFold(2)))
    assert cross_val_predict(clf, X, y, cv=KFold(2)).shape == y.shape


def test_a_search_over_options(tiny: Dataset) -> None:
    search = GridSearchCV(SlideClassifier(**SMALL), {"n_epochs": [1, 8], "ranker": [False]}, cv=2)
    search.fit(tiny.X_train, tiny.Y_train)
    assert search.best_params_["n_epochs"] == 8
    assert search.predict(tiny.X_test).shape == tiny.Y_test.shape


@pytest.mark.parametrize("form", ["names", "classes", "sparse", "data frame"])
def test_copies_answer_alike(form: str, tiny: Dataset, tmp_path: Any) -> None:
    X, y = tiny.X_train[:300], tiny.Y_train[:300]
    if form == "names":
        y = [[tiny.label_names[label] for label in row.indices] for row in y]
    elif form == "classes":
        y = np.array([tiny.label_names[row.indices[0]] for row in y])
    elif form == "data frame":
        X = pytest.importorskip("pandas").DataFrame(X[:, :9].toarray(), columns=list("abcdefghi"))
    clf = SlideClassifier(**SMALL, n_epochs=1).fit(X, y)
    clf.save(tmp_path / "model")
    joblib.dump(clf, tmp_path / "joblib")
    copies = {
        "pickle": pickle.loads(pickle.dumps(clf)),
        "copy": copy.deepcopy(clf),
        "joblib": joblib.load(tmp_path / "joblib"),
        "load": SlideClassifier.load(tmp_path / "model", n_jobs=1),
    }
    for name, other in copies.items():
        np.testing.assert_array_equal(other.classes_, clf.classes_, name)
        assert other.classes_.dtype == clf.classes_.dtype
        assert other.threshold_ == clf.threshold_
        np.testing.assert_array_equal(other.predict_topk(X)[1], clf.predict_topk(X)[1], name)
        ours, theirs = other.predict(X), clf.predict(X)
        assert type(ours) is type(theirs)
        assert _plain(ours) == _plain(theirs)
        assert getattr(other, "feature_names_in_", ["none"])[0] == ("a" if form == "data frame" else "none")
    for other in copies.values():
        for _ in range(2):  # the same, however often it is copied
            other.partial_fit(X, y)
    weights = [dict(other.named_arrays())["output.weights"].tobytes() for other in copies.values()]
    assert len(set(weights)) == 1


def test_a_damaged_pickle_is_refused(tiny: Dataset) -> None:
    state = SlideClassifier(**SMALL, n_epochs=1).fit(tiny.X_train[:50], tiny.Y_train[:50]).__getstate__()
    assert all(isinstance(content, bytes) for content in state["_model"].values())
    arrays = next(name for name in state["_model"] if name.startswith("model-"))
    state["_model"][arrays] = state["_model"][arrays][:-1] + b"\x77"
    with pytest.raises(ValueError, match="digest"):
        SlideClassifier().__setstate__(state)


def test_a_loaded_estimator_has_the_parameters_of_the_saved_one(tiny: Dataset, tmp_path: Any) -> None:
    given = {"preset": "quick", "hidden_sizes": np.array([8]), "learning_rate": np.float32(0.25), "random_state": 3}
    clf = SlideClassifier(**given, n_jobs=1).fit(tiny.X_train[:50], tiny.Y_train[:50])
    clf.save(tmp_path / "model")
    loaded = SlideClassifier.load(tmp_path / "model", n_jobs=2).get_params()
    assert {name: value for name, value in loaded.items() if value is not None} == {
        **given,
        "hidden_sizes": [8],
        "n_jobs": 2,
        "warm_start": False,
    }
    clf.documents_["parameters.json"] = '{"colour": 1}'
    files.save_model(tmp_path / "model", clf._model)
    with pytest.raises(CheckpointError, match=r"parameters\.json is damaged: no parameter is called 'colour'"):
        SlideClassifier.load(tmp_path / "model")


def test_warm_start_goes_on(tiny: Dataset) -> None:
    X, Y = tiny.X_train[:900], tiny.Y_train[:900]

    def of_network(clf: SlideClassifier) -> float:
        return precision_at_k(top_k([Member(clf.networks_)], clf._model.prepared(X), 1, n_threads=1)[0], Y, 1)

    options = {**SMALL, "n_epochs": 1, "learning_rate_schedule": "constant", "batch_size": 64}
    clf = SlideClassifier(**options, warm_start=True).fit(X, Y)
    once = of_network(clf)
    n_voters = clf.neighbours_.n_samples
    clf.set_params(n_epochs=3, learning_rate=0.05).fit(X, Y)
    assert of_network(clf) > once
    assert clf.config_.n_epochs == 1  # how the model was made
    assert clf.neighbours_.n_samples == n_voters  # the ranker is of these samples, not of all that ever were
    clf.fit(sparse.csr_array(sparse.hstack([X, X[:, :2]])), sparse.csr_array(sparse.hstack([Y, Y[:, :3]])))
    assert (clf.n_features_in_, clf.n_labels_) == (X.shape[1] + 2, Y.shape[1] + 3)
    with pytest.raises(ValueError, match=r"hidden_sizes must be \(16,\), as in training, for warm_start to go on"):
        clf.set_params(hidden_sizes=(8,)).fit(X, Y)


def test_dense_features_with_an_offset_are_no_trouble() -> None:
    X, y = make_blobs(300, centers=5, random_state=3, center_box=(90, 110))
    clf = SlideClassifier(n_jobs=1).fit(X, y)
    assert clf.config_.standardize_features
    assert clf.score(X, y) > 0.95


def _texts(tiny: Dataset) -> tuple[list[str], list[list[str]]]:
    rows = tiny.Y_train[:300]
    return tiny.train_texts[:300], [[tiny.label_names[label] for label in row.indices] for row in rows]


def _plain(answers: Any) -> Any:
    return (
        answers if isinstance(answers, list) else (answers.toarray() if sparse.issparse(answers) else answers).tolist()
    )


def test_each_training_draws_its_seed_of_a_random_state(tmp_path: Path) -> None:
    X, y = make_blobs(60, centers=3, random_state=0)
    small = {"preset": "quick", "hidden_sizes": (8,), "n_epochs": 1}
    first, second = (SlideClassifier(**small, random_state=np.random.RandomState(5)).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(first.decision_function(X), second.decision_function(X))
    seed = first.config_.random_state
    assert seed == np.random.RandomState(5).randint(2**31)

    first.fit(X, y)
    assert first.config_.random_state != seed, "the next training draws another"
    first.set_params(warm_start=True).fit(X, y)
    first.save(tmp_path / "model")
    loaded = SlideClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(first.decision_function(X), loaded.decision_function(X))
    assert loaded.config_.random_state == first.config_.random_state
