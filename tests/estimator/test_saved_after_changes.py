"""Whatever a model has been through: what is saved can be read, and answers as before."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slidelearn import SlideClassifier

X = np.eye(20, dtype=np.float32).repeat(5, 0)
Y = [[f"l{number // 5}"] for number in range(100)]


def reread(clf: SlideClassifier, place: Path) -> SlideClassifier:
    clf.save(place)
    return SlideClassifier.load(place, n_jobs=1)


def same_answers(clf: SlideClassifier, other: SlideClassifier, method: str = "auto") -> bool:
    pairs = zip(clf.predict_topk(X, 3, method=method), other.predict_topk(X, 3, method=method), strict=True)
    return all(np.array_equal(one, two) for one, two in pairs)


def test_neighbours_may_suggest_more_labels_than_there_are(tmp_path: Path) -> None:
    clf = SlideClassifier(n_suggested=15, n_jobs=1).fit(X, Y)
    clf.remove_labels(clf.classes_[10:])
    assert same_answers(clf, reread(clf, tmp_path))
    many = SlideClassifier(n_suggested=30, n_jobs=1).fit(X, Y)
    assert same_answers(many, pickle.loads(pickle.dumps(many)))


@pytest.mark.filterwarnings("ignore:X has feature names")
@pytest.mark.parametrize("as_array_first", [False, True])
def test_names_of_columns_that_come_with_more_samples(as_array_first: bool, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X[:, :5] + 1, columns=list("abcde"))
    clf = SlideClassifier(warm_start=True, n_jobs=1).fit(frame.to_numpy() if as_array_first else frame, Y)
    wider = frame.assign(f=1.0)
    clf.fit(wider, Y)
    assert reread(clf, tmp_path).feature_names_in_.tolist() == clf.feature_names_in_.tolist() == list("abcdef")


@pytest.mark.parametrize("options", [{}, {"sampler": "lsh"}])
def test_hash_tables_know_labels_that_were_added(options: dict[str, Any], tmp_path: Path) -> None:
    clf = SlideClassifier(ranker=False, n_epochs=2, n_jobs=1, **options).fit(X, Y)
    clf.predict_topk(X, 3, method="lsh")
    clf.remove_labels(clf.classes_[3:])
    clf.add_labels(["new", "other"], X[:2])
    assert same_answers(clf, reread(clf, tmp_path), "lsh")
    assert "new" in clf.predict_topk(X[:1], 3, method="lsh", labels=True)[0]


def test_only_labels_without_samples_are_left(tmp_path: Path) -> None:
    clf = SlideClassifier(n_jobs=1).fit(X, Y)
    clf.add_labels(["new"], X[:1]).remove_labels(clf.classes_[:-1])
    read = reread(clf, tmp_path)
    assert read.predict(X[:1]) == [["new"]]
    assert read.partial_fit(X[:5], [["new"]] * 5).score(X[:5], [["new"]] * 5) == 1.0


def test_wrong_options_are_refused_before_a_model_grows() -> None:
    clf = SlideClassifier(n_jobs=1).fit(X, Y).set_params(preset="nonsense")
    with pytest.raises(ValueError, match=r"^preset must be one of recipe, quick, paper, but is 'nonsense'$"):
        clf.partial_fit(X[:1], [["new"]])
    assert clf.n_labels_ == 20
