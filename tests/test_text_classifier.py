from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from slidelearn import CheckpointError, SlideClassifier, SlideTextClassifier, TextStream
from slidelearn.callbacks import Callback
from slidelearn.datasets import Dataset
from slidelearn.metrics import precision_at_k
from slidelearn.sample_stream import SampleStream
from slidelearn.text.vectorizers import MANY_TEXTS
from slidelearn.training.trainer import Progress

SMALL = SlideClassifier(hidden_sizes=(16,), n_jobs=1)


def _named(Y: Any, data: Dataset) -> list[list[str]]:
    return [[data.label_names[label] for label in row.indices] for row in Y]


@pytest.fixture
def trained_on_texts(tiny: Dataset) -> SlideTextClassifier:
    return SlideTextClassifier(SMALL).fit(tiny.train_texts[:900], _named(tiny.Y_train[:900], tiny))


def test_texts_in_names_out(trained_on_texts: SlideTextClassifier, tiny: Dataset) -> None:
    clf = trained_on_texts
    names = _named(tiny.Y_test, tiny)
    assert clf.score(tiny.test_texts, names) > 0.3
    numbers, _ = clf.predict_topk(tiny.test_texts, 1, labels=False)
    assert precision_at_k(numbers, clf.as_indicator(names), 1) == clf.score(tiny.test_texts, names)
    best, scores = clf.predict_topk(tiny.test_texts[:7], 3)
    assert best.shape == scores.shape == (7, 3)
    assert set(best.ravel()) <= set(clf.classes_)
    ids, _ = clf.predict_topk(tiny.test_texts[:7], 3, labels=False)
    np.testing.assert_array_equal(clf.classes_[ids], best)
    answers = clf.predict(tiny.test_texts)
    assert all(answer[:3] == row[: len(answer)].tolist() for answer, row in zip(answers, best, strict=False))
    assert clf.predict_proba(tiny.test_texts[:2]).shape == clf.decision_function(tiny.test_texts[:2]).shape
    np.testing.assert_allclose(
        np.exp(clf.predict_log_proba(tiny.test_texts[:2])), clf.predict_proba(tiny.test_texts[:2])
    )


def test_as_a_pipeline_of_the_two(tiny: Dataset) -> None:
    texts, y = tiny.train_texts[:300], [row.indices[0] for row in tiny.Y_train[:300]]
    clf = SlideTextClassifier(SMALL, CountVectorizer()).fit(texts, y)
    pipe = make_pipeline(CountVectorizer(), clone(SMALL)).fit(texts, y)
    np.testing.assert_array_equal(clf.predict(tiny.test_texts), pipe.predict(tiny.test_texts))
    np.testing.assert_array_equal(clf.predict_proba(tiny.test_texts), pipe.predict_proba(tiny.test_texts))


@pytest.mark.parametrize("vectorizer", [None, HashingVectorizer(n_features=512), TfidfVectorizer(ngram_range=(1, 2))])
def test_saved_with_the_vectorizer(vectorizer: Any, tiny: Dataset, tmp_path: Path) -> None:
    clf = SlideTextClassifier(SMALL, vectorizer).fit(tiny.train_texts[:300], _named(tiny.Y_train[:300], tiny))
    clf.save(tmp_path / "model")
    copies = [SlideTextClassifier.load(tmp_path / "model", n_jobs=1), pickle.loads(pickle.dumps(clf))]
    for other in copies:
        assert other.predict(tiny.test_texts) == clf.predict(tiny.test_texts)
        assert other.n_texts_ == 300
        other.partial_fit(tiny.train_texts[300:600], _named(tiny.Y_train[300:600], tiny))
    first, second = (other.predict_topk(tiny.test_texts) for other in copies)
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    again = clone(copies[0]).fit(tiny.train_texts[:300], _named(tiny.Y_train[:300], tiny))
    assert again.predict(tiny.test_texts) == clf.predict(tiny.test_texts)  # the parameters came along


def test_a_model_without_a_vectorizer_is_refused(trained: SlideClassifier, tmp_path: Path) -> None:
    trained.save(tmp_path / "model")
    with pytest.raises(CheckpointError, match=r"has no vectorizer\.json: load it by SlideClassifier\.load"):
        SlideTextClassifier.load(tmp_path / "model")


def test_words_and_labels_join(trained_on_texts: SlideTextClassifier) -> None:
    clf = trained_on_texts
    n_words, n_labels = clf.classifier_.n_features_in_, len(clf.classes_)
    texts = ["the quagga grazed", "a quagga and another quagga", "a herd of quaggas, each a quagga"]
    for _ in range(3):
        clf.partial_fit(texts, [["quagga"], ["quagga"], ["quagga", clf.classes_[0]]])
    assert clf.classes_[n_labels:].tolist() == ["quagga"]
    assert clf.classifier_.n_features_in_ == len(clf.vectorizer_.vocabulary_) > n_words
    assert clf.n_texts_ == 909
    assert clf.predict_topk(["a quagga"], 1)[0].tolist() == [["quagga"]]


def test_labels_by_their_own_text(trained_on_texts: SlideTextClassifier, tiny: Dataset) -> None:
    clf = trained_on_texts
    texts = ["a large feline of the jungle", "a vessel that travels under water"]
    before = clf.predict_topk(tiny.test_texts, 1)
    clf.add_labels(["tiger", "submarine"], texts)
    assert clf.predict_topk(texts, 3, labels=True)[0][:, 0].tolist() == ["tiger", "submarine"]
    clf.remove_labels(["tiger", "submarine"])
    np.testing.assert_array_equal(clf.predict_topk(tiny.test_texts, 1)[0], before[0])


def test_the_first_texts_may_be_few(tiny: Dataset) -> None:
    clf = SlideTextClassifier(SMALL)
    names = _named(tiny.Y_train, tiny)
    for begin in range(0, 900, 300):
        clf.partial_fit(tiny.train_texts[begin : begin + 300], names[begin : begin + 300])
    assert clf.score(tiny.test_texts, _named(tiny.Y_test, tiny)) > 0.3


def test_a_search_over_both(tiny: Dataset) -> None:
    grid = {"vectorizer__min_df": [1, 2], "classifier__n_epochs": [1]}
    search = GridSearchCV(SlideTextClassifier(SMALL, TfidfVectorizer()), grid, cv=KFold(2))
    search.fit(tiny.train_texts[:200], _named(tiny.Y_train[:200], tiny))
    assert search.best_estimator_.classifier_.config_.n_epochs == 1


def test_what_are_no_texts_is_refused(trained_on_texts: SlideTextClassifier) -> None:
    with pytest.raises(NotFittedError, match="this SlideTextClassifier is not trained yet"):
        SlideTextClassifier().predict(["a"])
    with pytest.raises(ValueError, match="texts must be several strings, but are one; put it in a list"):
        trained_on_texts.predict("a cat")
    for columns in (np.array([["a cat"]]), np.array([["a", "b"], ["c", "d"]])):
        with pytest.raises(ValueError, match="texts must be one column of strings, but have shape"):
            trained_on_texts.predict(columns)
    for unordered in ({"text": ["a cat"]}, {"a cat", "a dog"}):
        with pytest.raises(ValueError, match="texts must be strings one after the other"):
            trained_on_texts.predict(unordered)
    with pytest.raises(ValueError, match="texts must be strings, but text 1 is None"):
        trained_on_texts.predict(["a cat", None])
    with pytest.raises(ValueError, match="texts must be strings one after the other, but are None"):
        trained_on_texts.predict(None)
    for learn in (SlideTextClassifier().fit, trained_on_texts.partial_fit):
        with pytest.raises(ValueError, match="texts must be one at least, but there are none"):
            learn([], [])
    with pytest.raises(TypeError, match="classifier must be a SlideClassifier or None, but is 'quick'"):
        SlideTextClassifier("quick").fit(["a word"], [["b"]])
    with pytest.raises(TypeError, match=r"classifier must be a SlideClassifier or None, but is LinearSVC\(\)"):
        SlideTextClassifier(LinearSVC()).fit(["a"], [["b"]])
    with pytest.raises(ValueError, match=r"a vectoriser to be saved must be one of .*, but is 'tfidf'"):
        SlideTextClassifier(SMALL, "tfidf").fit(["a word"], [["b"]])
    with pytest.raises(ValueError, match="analyzer must be None or a plain value"):
        SlideTextClassifier(SMALL, TfidfVectorizer(analyzer=str.split)).fit(["a"], [["b"]])


def test_a_frame_is_not_its_column(trained_on_texts: SlideTextClassifier) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": ["a cat", "a boat"]})
    assert len(trained_on_texts.predict(frame["text"])) == 2
    with pytest.raises(ValueError, match=r"texts must be one column of strings, but have shape \(2, 1\)"):
        trained_on_texts.predict(frame)


def test_texts_in_a_column_of_arrow(trained_on_texts: SlideTextClassifier) -> None:
    pyarrow, texts = pytest.importorskip("pyarrow"), ["a cat", "a boat"]
    assert trained_on_texts.predict(pyarrow.array(texts)) == trained_on_texts.predict(texts)


def test_labels_that_are_refused_leave_the_words(trained_on_texts: SlideTextClassifier, tiny: Dataset) -> None:
    clf = trained_on_texts
    n_words = len(clf.vectorizer_.vocabulary_)
    with pytest.raises(ValueError, match="y must be a list of label names for each sample"):
        clf.partial_fit(["quagga"] * 3, [1, 2, 3])
    assert len(clf.vectorizer_.vocabulary_) == n_words

    class Interrupt(Callback):
        def on_step(self, progress: Progress) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        clf.partial_fit(["quagga"] * 3, [["quagga"]] * 3, callbacks=[Interrupt()])
    assert clf.predict_topk(tiny.test_texts, 1)[0].shape == (len(tiny.test_texts), 1)


def test_texts_that_can_be_read_once(tiny: Dataset) -> None:
    texts, labels = tiny.train_texts[:100], tiny.Y_train[:100]
    clf = SlideTextClassifier(SMALL).fit(iter(texts), labels)
    clf.partial_fit(iter(texts), labels)
    again = SlideTextClassifier(SMALL).fit(texts, labels).partial_fit(texts, labels)
    assert clf.n_texts_ == again.n_texts_ == 200
    np.testing.assert_array_equal(clf.predict_topk(texts)[1], again.predict_topk(texts)[1])


def test_each_new_label_has_a_text(trained_on_texts: SlideTextClassifier) -> None:
    with pytest.raises(ValueError, match=r"a sample or text for each of 2 labels, .* but there are 1"):
        trained_on_texts.add_labels(["one", "two"], ["a text"])


def test_no_texts_have_no_answers(trained_on_texts: SlideTextClassifier) -> None:
    assert len(trained_on_texts.predict([])) == 0
    ids, scores = trained_on_texts.predict_topk([], k=2)
    assert ids.shape == scores.shape == (0, 2)


def test_options_are_those_of_the_classifier() -> None:
    """As users expect who know SlideClassifier."""
    clf = SlideTextClassifier(preset="quick", n_jobs=1)
    assert clf.classifier.get_params() == SlideClassifier(preset="quick", n_jobs=1).get_params()
    assert clone(clf).set_params(classifier__preset="paper").get_params()["classifier__preset"] == "paper"
    assert SlideTextClassifier(vectorizer=CountVectorizer(), n_epochs=2).fit(["a cat", "a dog"], [["a"], ["b"]])
    with pytest.raises(ValueError, match=r"^warm_start must be False in a classifier of texts.*; partial_fit goes on"):
        SlideTextClassifier(warm_start=True).fit(["a cat"], [["a"]])
    with pytest.raises(TypeError, match="presett"):
        SlideTextClassifier(presett="quick")
    with pytest.raises(ValueError, match=r"preset must be given to the classifier, SlideClassifier\(preset=...\)"):
        SlideTextClassifier(SMALL, preset="quick")


@pytest.mark.parametrize("way", ["fit", "partial_fit", "fit_stream"])
def test_texts_without_words_are_warned_of(way: str, tmp_path: Path) -> None:
    texts = [f"\u8336\u53f6{chr(0x4E00 + number)}" for number in range(MANY_TEXTS)]  # one run of letters each
    texts[::2] = ["a cat"] * (MANY_TEXTS // 2)
    lines = (json.dumps({"text": text, "labels": [text[0]]}) for text in texts)
    (tmp_path / "texts.jsonl").write_text("\n".join(lines))
    stream = TextStream(tmp_path / "texts.jsonl", buffer_size=300)
    learnt = (stream,) if way == "fit_stream" else (texts, [["a"], ["b"]] * (MANY_TEXTS // 2))
    with pytest.warns(UserWarning, match="500 of 1,000 texts have no feature.*analyzer='char'"):
        getattr(SlideTextClassifier(SMALL), way)(*learnt)


def test_names_are_the_same_in_python_and_in_files(tmp_path: Path) -> None:
    texts, y = ["one cat", "two dogs", "three boats"] * 9, [["New  York", "a\u00a0b"], ["line\nbreak "], ["z", ""]] * 9
    lines = (json.dumps({"text": text, "labels": names}) for text, names in zip(texts, y, strict=True))
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    clf = SlideTextClassifier(preset="quick", n_jobs=1).fit(texts, y)
    streamed = SlideTextClassifier(preset="quick", n_jobs=1).fit_stream(TextStream(tmp_path / "a.jsonl"))
    assert list(clf.classes_) == list(streamed.classes_) == ["New York", "a b", "line break", "z"]
    assert streamed.score(texts, y) == 1.0
    assert len(streamed.partial_fit(texts, y).classes_) == 4
    assert len(streamed.remove_labels([" New York"]).classes_) == 3


def test_texts_without_labels_leave_a_model_as_it_is(trained_on_texts: SlideTextClassifier) -> None:
    before, n_texts = trained_on_texts.decision_function(["one cat"]), trained_on_texts.n_texts_
    with pytest.warns(UserWarning, match="^none of the 2 samples has a label: the model stays$"):
        trained_on_texts.partial_fit(["one cat", "new words"], [[], []])
    np.testing.assert_array_equal(trained_on_texts.decision_function(["one cat"]), before)
    assert trained_on_texts.n_texts_ == n_texts


@pytest.mark.parametrize("first", [float("nan"), 1, True])
def test_a_first_label_that_is_no_name_is_refused(first: object) -> None:
    with pytest.raises(ValueError, match=f"^label names must be strings, but {first!r} is among them"):
        SlideTextClassifier(preset="quick").fit(["one", "two"], [[first], ["a"]])


def test_streams_of_another_kind_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "one cat", "labels": ["a"]}\n')
    (tmp_path / "a.svm").write_text("0 1:1\n")
    with pytest.raises(TypeError, match=r"^stream must be a SampleStream, such as SampleStream\(path\), but is <"):
        SlideClassifier().fit_stream(TextStream(tmp_path / "a.jsonl"))  # type: ignore[arg-type]
    for wrong in ("a.jsonl", SampleStream(tmp_path / "a.svm")):
        with pytest.raises(TypeError, match=r"^stream must be a TextStream, such as TextStream\(path\), but is "):
            SlideTextClassifier().fit_stream(wrong)  # type: ignore[arg-type]
