"""What a model gets right by label frequency, its mistakes, pictures of its training, and the page of all that."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import run
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.tree import DecisionTreeClassifier

from slidelearn import (
    SampleSet,
    SlideClassifier,
    SlideTextClassifier,
    TextStream,
    write_samples,
    write_xmc,
)
from slidelearn.analysis import (
    accuracy_by_group,
    confusions,
    count_bands,
    frequency_groups,
    recall_by_group,
    surest_mistakes,
)
from slidelearn.callbacks import Validation
from slidelearn.datasets import Dataset
from slidelearn.matrices import check_labels
from slidelearn.model.documents import put_label_counts, put_label_names
from slidelearn.model.history import HISTORY

COUNTS = np.array([100, 50, 50, 20, 20, 20, 20, 10, 10, 0])
IDS = np.array([[0, 1], [1, 0], [7, 3], [9, -1], [-1, -1]], np.int32)
TRUE = [[0], [0, 1], [3, 4], [3], []]
Y = check_labels(np.array([[label in labels for label in range(10)] for labels in TRUE]))


def test_groups_have_a_third_of_the_occurrences_each() -> None:
    assert frequency_groups(COUNTS).tolist() == [0, 1, 1, 2, 2, 2, 2, 2, 2, 2]
    assert set(frequency_groups(np.zeros(3, np.int64)).tolist()) <= {0, 1, 2}
    counts = np.random.default_rng(0).zipf(1.5, 5000) % 10_000
    groups = frequency_groups(counts)
    shares = np.bincount(groups, weights=counts) / counts.sum()
    assert (abs(shares - 1 / 3) < 0.1).all()
    assert counts[groups == 0].min() > counts[groups == 1].max() > counts[groups == 1].min() > counts[groups == 2].max()


def test_bands_double() -> None:
    bands, names = count_bands(np.array([0, 1, 2, 3, 4, 7, 8, 1000]))
    assert [names[band] for band in bands] == ["0", "1", "2-3", "2-3", "4-7", "4-7", "8-15", "512-1,023"]
    bands, names = count_bands(np.array([4, 9]))
    assert [names[band] for band in bands] == ["4-7", "8-15"]


def test_accuracy_of_groups() -> None:
    head, middle, tail = accuracy_by_group(IDS, Y, COUNTS)
    assert (head.name, head.n_labels, head.n_true, head.recall, head.n_best, head.precision) == ("head", 1, 2, 1, 1, 1)
    assert (middle.n_labels, middle.n_true, middle.recall, middle.precision) == (2, 1, 1, 1)
    assert (tail.n_labels, tail.n_true, tail.recall, tail.n_best, tail.precision) == (7, 3, 1 / 3, 2, 0)
    assert (tail.least_count, tail.most_count) == (0, 20)
    n_true, n_found = recall_by_group(IDS, Y, np.arange(10), 10)
    assert n_true.tolist() == [2, 1, 0, 2, 1, 0, 0, 0, 0, 0]
    assert n_found.tolist() == [2, 1, 0, 1, 0, 0, 0, 0, 0, 0]


def test_what_is_taken_for_what() -> None:
    found = [(each.true, each.taken_for, each.n, each.n_true) for each in confusions(IDS, Y, 5)]
    assert found == [(3, 7, 1, 2), (3, 9, 1, 2), (4, 7, 1, 1)]
    assert len(confusions(IDS, Y, 1)) == 1
    scores = np.array([[9, 0], [8, 0], [1, 0], [2, 0], [7, 0]], np.float32)
    assert surest_mistakes(IDS, scores, Y, 5) == [3, 2]
    assert surest_mistakes(IDS, scores, Y, 1) == [3]


@pytest.fixture(scope="module")
def model(tiny: Dataset) -> SlideClassifier:
    looks = Validation(tiny.X_test, tiny.Y_test)
    lsh = {"sampler": "lsh+batch", "n_tables": 4, "hashes_per_table": 5, "rebuild_every": 10}
    clf = SlideClassifier(hidden_sizes=(16,), n_epochs=3, n_networks=2, **lsh, n_jobs=1)
    clf.fit(tiny.X_train, tiny.Y_train, callbacks=[looks])
    put_label_counts(clf.documents_, tiny.Y_train)
    put_label_names(clf.documents_, tiny.label_names, clf.n_labels_)
    return clf


@pytest.fixture
def plots() -> Any:
    pytest.importorskip("matplotlib")
    from slidelearn import plots

    return plots


def test_figures_show_what_they_say(plots: Any, model: SlideClassifier, tiny: Dataset) -> None:
    titles = {
        name: [axes.get_title(loc="left") for axes in getattr(plots, name)(model).axes]
        for name in ("learning_curves", "active_sets", "table_health", "speed")
    }
    assert titles["learning_curves"] == ["Loss of the training batches", "Learning rate", "On held-out samples"]
    assert titles["active_sets"][0] == "Active labels per sample, of 413"
    assert len(titles["active_sets"]) == 2
    assert len(titles["table_health"]) == 3
    ticks = plots.table_health(model).axes[1].yaxis
    assert {"$" in write(6) for write in (ticks.get_major_formatter(), ticks.get_minor_formatter())} == {False}
    assert titles["speed"] == ["Parts of training", "Parts of the steps", "Samples per second"]
    loss = plots.learning_curves(model).axes[0].lines
    assert len(loss) == 2
    assert len(loss[0].get_xdata()) == 33
    figure = plots.accuracy_by_frequency(model, tiny.X_test, tiny.Y_test)
    heights = [bar.get_height() for bar in figure.axes[1].patches]
    ids, _ = model.predict_topk(tiny.X_test, 5)
    counts = np.bincount(tiny.Y_train.indices, minlength=413)
    assert heights == [group.recall for group in accuracy_by_group(ids, check_labels(tiny.Y_test), counts)]


def test_models_without_a_history_or_tables(plots: Any, tiny: Dataset, trained: SlideClassifier) -> None:
    with pytest.raises(ValueError, match="trained without hash tables"):
        plots.table_health(trained)
    assert plots.accuracy_by_frequency(trained, tiny.X_test, tiny.Y_test)  # the ranker has counted labels
    del trained.documents_[HISTORY]
    for name in ("learning_curves", "active_sets", "speed"):
        with pytest.raises(ValueError, match="no history of its training"):
            getattr(plots, name)(trained)
    plain = SlideClassifier(hidden_sizes=(8,), ranker=False, n_jobs=1).partial_fit(tiny.X_train, tiny.Y_train)
    del plain.documents_["label_counts.json"]
    with pytest.raises(ValueError, match="does not know how many training samples its labels have"):
        plots.accuracy_by_frequency(plain, tiny.X_test, tiny.Y_test)


class Page(HTMLParser):
    """Checks that every tag is closed, and keeps the texts."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []
        self._open: list[str] = []
        self.feed(content)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in ("meta", "br", "link", "img"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def report(*arguments: object, code: int = 0) -> Any:
    return run("report", *arguments, code=code)


def test_the_page_needs_nothing_else(plots: Any, model: SlideClassifier, tiny: Dataset, tmp_path: Path) -> None:
    model.documents_["labels.txt"] = model.documents_["labels.txt"].replace("n0", "<b>&n0")
    model.save(tmp_path / "my <model>")
    write_xmc(tmp_path / "test.txt", tiny.X_test, tiny.Y_test)
    report(tmp_path / "my <model>", "--test", tmp_path / "test.txt", "--out", tmp_path / "page.html")
    content = (tmp_path / "page.html").read_text()
    page = Page(content)
    text = " ".join(page.texts)
    for expected in (
        "my <model>", "Accuracy by label frequency", "Learning curves", "Active labels", "Hash tables", "Speed",
        "Mistakes", "Surest mistakes", "learning_rate_schedule", "precision at 1", "2 networks", "<b>&n0",
    ):  # fmt: skip
        assert expected in text
    assert all(link.startswith("#") for link in page.links)  # glyphs within the page
    assert "<script" not in content
    assert "@import" not in content
    assert content.count("<svg") == 5
    assert len(content) < 1_000_000


@pytest.mark.parametrize("form", ["names", "classes", "dense", "sparse"])
def test_labels_in_every_form(form: str, plots: Any, tiny: Dataset, tmp_path: Path) -> None:
    """They are shown by name, and names that the model does not know are no answers that it missed."""
    from slidelearn.report import page

    def labels(Y: sparse.csr_array) -> Any:
        names = [[tiny.label_names[label] for label in row.indices] for row in Y]
        first = np.array([next(iter(each), "nothing") for each in names])
        return {"names": names, "classes": first, "dense": Y.toarray(), "sparse": sparse.csc_matrix(Y)}[form]

    test = labels(tiny.Y_test)
    clf = SlideClassifier(hidden_sizes=(16,), n_epochs=2, n_networks=1, n_jobs=1)
    clf.fit(tiny.X_train, labels(tiny.Y_train), callbacks=[Validation(tiny.X_test, test)])
    text = " ".join(Page(page(clf, "a model", (tiny.X_test, test))).texts)
    assert "Accuracy by label frequency" in text
    assert "the whole model has a P@1 of" in text
    assert "precision at 1 on the validation samples" in text
    if form in ("names", "classes"):
        assert "n00004475 organism, being" in text
    figure = plots.accuracy_by_frequency(clf, tiny.X_test, test)
    ids, _ = clf.predict_topk(tiny.X_test, 5)
    counts = np.bincount(clf.as_indicator(labels(tiny.Y_train)).indices, minlength=clf.n_labels_)
    expected = accuracy_by_group(ids, clf.as_indicator(test), counts)
    assert [bar.get_height() for bar in figure.axes[1].patches] == [group.recall for group in expected]


def test_a_model_of_texts_shows_names(plots: Any, tiny: Dataset, tmp_path: Path) -> None:
    write_samples(tmp_path / "t.jsonl", SampleSet(tiny.Y_test, texts=tiny.test_texts, label_names=tiny.label_names))
    texts = [text for text, _ in TextStream(tmp_path / "t.jsonl")]
    names = [list(names) for _, names in TextStream(tmp_path / "t.jsonl")]
    quick = SlideClassifier(hidden_sizes=(8,), n_epochs=1, n_networks=1, n_jobs=1)
    SlideTextClassifier(quick).fit(texts, names).save(tmp_path / "model")
    report(tmp_path / "model", "--test", tmp_path / "t.jsonl", "--out", tmp_path / "page.html")
    shown = Page((tmp_path / "page.html").read_text()).texts
    assert len(set(shown) & set(tiny.label_names)) > 5
    assert {text[:199] for text in texts} & {each[:199] for each in shown}  # beside the surest mistakes


def test_pictures_of_a_model_of_texts(plots: Any) -> None:
    from slidelearn.report import page

    texts, y = ["one cat", "two dogs", "three boats"] * 9, [["a"], ["b"], ["c"]] * 9
    clf = SlideTextClassifier(preset="quick", n_jobs=1)
    with pytest.raises(NotFittedError):
        plots.learning_curves(clf)
    clf.fit(texts, y)
    within = clf.classifier_
    for draw in (plots.learning_curves, plots.active_sets, plots.speed):
        assert len(draw(clf).axes) == len(draw(within).axes)
    features = clf.vectorizer_.transform(texts)
    by_text, by_features = (
        plots.accuracy_by_frequency(model, X, y, k=1) for model, X in ((clf, texts), (within, features))
    )
    heights = [[bar.get_height() for bar in figure.axes[1].patches] for figure in (by_text, by_features)]
    assert heights[0] == heights[1]
    whole = page(within, "a model", (features, y), texts=texts)
    assert Page(page(clf, "a model", (texts, y))).texts == Page(whole).texts
    with pytest.raises(
        TypeError, match=r"^the model must be a SlideClassifier or a SlideTextClassifier, but is Decision"
    ):
        plots.speed(DecisionTreeClassifier().fit([[0], [1]], [0, 1]))


def test_a_model_that_has_gone_on_learning(plots: Any, trained: SlideClassifier, tiny: Dataset) -> None:
    from slidelearn.report import page

    assert "choosing options" in _bars(plots.speed(trained))
    trained.partial_fit(tiny.X_test, tiny.Y_test)
    assert _bars(plots.speed(trained)) == ["networks"]
    text = " ".join(Page(page(trained, "a model")).texts)
    assert "trained on 3,197 samples" in text
    assert "for the last samples (" in text
    assert "The model has gone on learning since." in text


def _bars(figure: Any) -> list[str]:
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def test_groups_of_one_count(plots: Any, tmp_path: Path) -> None:
    from slidelearn.report import page

    eye = sparse.eye_array(6, format="csr", dtype=np.float32)
    clf = SlideClassifier(hidden_sizes=(16,), n_epochs=1, ranker=False, n_jobs=1).fit(eye, eye)
    texts = Page(page(clf, "a model", (eye, eye))).texts
    assert "1" in texts
    assert "1 to 1" not in texts


def test_a_page_without_test_samples_or_history(
    plots: Any, trained: SlideClassifier, tiny: Dataset, tmp_path: Path
) -> None:
    trained.save(tmp_path / "model")
    report(tmp_path / "model", "--out", tmp_path / "page.html")
    text = " ".join(Page((tmp_path / "page.html").read_text()).texts)
    assert "Learning curves" in text
    assert "On held-out samples" not in text
    assert "Mistakes" not in text
    plain = SlideClassifier(hidden_sizes=(8,), ranker=False, n_jobs=1).partial_fit(tiny.X_train, tiny.Y_train)
    del plain.documents_["label_counts.json"]
    plain.save(tmp_path / "plain")
    write_xmc(tmp_path / "test.txt", tiny.X_test, tiny.Y_test)
    report(tmp_path / "plain", "--test", tmp_path / "test.txt", "--out", tmp_path / "page.html")
    text = " ".join(Page((tmp_path / "page.html").read_text()).texts)
    assert "no history of its training" in text
    assert "Mistakes" in text
    assert "Accuracy by label frequency" not in text


def test_a_perfect_model_has_no_mistakes(plots: Any, tmp_path: Path) -> None:
    eye = sparse.eye_array(6, format="csr", dtype=np.float32)
    clf = SlideClassifier(hidden_sizes=(16,), n_epochs=60, ranker=False, n_jobs=1, logit_scale=8.0).fit(eye, eye)
    clf.save(tmp_path / "model")
    write_xmc(tmp_path / "test.txt", eye, eye)
    assert clf.score(eye, eye) == 1
    report(tmp_path / "model", "--test", tmp_path / "test.txt", "--out", tmp_path / "page.html")
    Page((tmp_path / "page.html").read_text())


def test_what_report_refuses(trained: SlideClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained.save(tmp_path / "model")
    write_xmc(tmp_path / "small.txt", np.eye(2), np.eye(2))
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("matplotlib")
    assert "must have 3546 features" in report("model", "--test", "small.txt", code=1).stderr
    assert "is not a model" in report(tmp_path, code=1).stderr
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    message = report("model", code=1).stderr
    assert "slidelearn report needs the package matplotlib: pip install 'slidelearn[plot]'" in message
    assert not (tmp_path / "report.html").exists()
