"""Looks at held-out samples, an early end, and the best network kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import Planted

from slidelearn import SampleSet, SlideClassifier, SlideTextClassifier, TextStream, write_samples
from slidelearn.callbacks import Callback, Checkpointing, EarlyStopping, KeepBest, Validation
from slidelearn.datasets import Dataset
from slidelearn.metrics import precision_at_k
from slidelearn.progress import Progress

SMALL: dict[str, Any] = {"hidden_sizes": (16,), "n_epochs": 4, "batch_size": 100, "ranker": False, "n_jobs": 1}
LSH = {"preset": "paper", "n_tables": 4, "hashes_per_table": 4, "lsh_candidates": 20, "rebuild_every": 5}


class Watch(Callback):
    """Keeps the metrics of each look."""

    def __init__(self) -> None:
        self.looks: list[tuple[int, int, float]] = []

    def on_step(self, progress: Progress) -> None:
        if progress.n_looks > sum(number == progress.number for number, _, _ in self.looks):
            self.looks.append((progress.number, progress.step, progress.metrics["p@1"]))

    on_epoch = on_step


class Scripted(Callback):
    """Instead of `Validation`: looks with these outcomes."""

    def __init__(self, *values: float) -> None:
        self._values = values

    def on_epoch(self, progress: Progress) -> None:
        progress.metrics = {"p@1": self._values[progress.n_looks % len(self._values)]}
        progress.n_looks += 1


def test_looks_measure_the_network(planted: Planted) -> None:
    watch = Watch()
    clf = SlideClassifier(**SMALL)
    clf.fit(planted.X, planted.Y, callbacks=[Validation(planted.X_test, planted.Y_test, every_steps=5), watch])
    assert [step for _, step, _ in watch.looks] == [5, 10, 12, 15, 20, 24, 25, 30, 35, 36, 40, 45, 48]
    ids, _ = clf.predict_topk(planted.X_test, 1)
    assert watch.looks[-1][2] == precision_at_k(ids, planted.Y_test, 1)
    assert watch.looks[-1][2] > watch.looks[0][2]


def test_at_the_end_the_whole_model_is_measured(planted: Planted) -> None:
    watch = Watch()
    clf = SlideClassifier(**{**SMALL, "ranker": True, "n_networks": 2, "answers": "index"})
    clf.fit(planted.X, planted.Y, callbacks=[Validation(planted.X_test, planted.Y_test), watch])
    found = clf.training_["validation"]
    ids, _ = clf.predict_topk(planted.X_test, 5)
    for k in (1, 3, 5):
        assert found[f"p@{k}"] == precision_at_k(ids, planted.Y_test, k)
    assert found["p@1"] > max(p1 for _, _, p1 in watch.looks)
    assert "validation" not in SlideClassifier(**SMALL).fit(planted.X, planted.Y).training_


@pytest.mark.parametrize("form", ["names", "classes"])
def test_labels_have_the_form_of_training(form: str, planted: Planted) -> None:
    def labels(Y: Any) -> Any:
        names = [[f"label {label}" for label in row.indices] for row in Y]
        return names if form == "names" else np.array([each[0] for each in names])

    watch, X_test = Watch(), planted.X_test.toarray() + 1  # dense, so they are standardised
    clf = SlideClassifier(**SMALL)
    looks = [Validation(X_test, labels(planted.Y_test)), watch]
    clf.fit(planted.X.toarray() + 1, labels(planted.Y), callbacks=looks)
    assert watch.looks[-1][2] == clf.score(X_test, labels(planted.Y_test)) > 0
    with pytest.raises(ValueError, match="Y of Validation must be a"):
        clf.fit(planted.X.toarray(), labels(planted.Y), callbacks=[Validation(X_test, planted.Y_test)])


def named(Y: Any, tiny: Dataset) -> list[list[str]]:
    return [[tiny.label_names[label] for label in row.indices] for row in Y]


def test_texts_are_looked_at_by_the_words_of_the_model(tiny: Dataset, tmp_path: Path) -> None:
    """In memory, from a file, with a model that learns new words; and what is kept of it is a model of texts."""
    texts, names = tiny.test_texts, named(tiny.Y_test, tiny)
    write_samples(
        tmp_path / "train.jsonl", SampleSet(tiny.Y_train, texts=tiny.train_texts, label_names=tiny.label_names)
    )
    looks = [Validation(np.array(texts), names), EarlyStopping(patience=3), KeepBest(tmp_path / "best")]
    looks.append(Checkpointing(tmp_path / "run"))
    clf = SlideTextClassifier(SlideClassifier(**SMALL)).fit(
        tiny.train_texts, named(tiny.Y_train, tiny), callbacks=looks
    )
    found = clf.classifier_.training_["validation"]
    assert found["p@1"] == clf.score(texts, names) > 0.1
    for kept in (tmp_path / "best", tmp_path / "run" / "step-00000104"):
        assert SlideTextClassifier.load(kept).score(texts, names) == found["p@1"]
    streamed = SlideTextClassifier(SlideClassifier(**SMALL))
    streamed.fit_stream(TextStream(tmp_path / "train.jsonl"), callbacks=[Validation(texts, names)])
    assert streamed.classifier_.training_["validation"] == found
    clf.partial_fit(["a quagga"] * 9, [["quagga"]] * 9, callbacks=[Validation(["quagga"], [["quagga"]])])
    assert clf.classifier_.training_["validation"]["p@1"] == clf.score(["quagga"], [["quagga"]]) == 1.0


def test_texts_are_refused_where_features_are_learnt_from(planted: Planted) -> None:
    looks = [Validation(["a", "b"], planted.Y_test[:2])]
    with pytest.raises(ValueError, match=r"^X of Validation must be features, as in training, but is texts"):
        SlideClassifier(**SMALL).fit(planted.X, planted.Y, callbacks=looks)
    with pytest.raises(ValueError, match="texts must be several strings, but are one"):
        Validation("a", [["b"]])
    with pytest.raises(ValueError, match="texts must be strings, but text 1 is 3"):
        Validation(["a", 3], [["b"], ["c"]])


@pytest.mark.parametrize("options", [{}, {**LSH, "hidden_sizes": (16, 24), "hidden_active": (0, 8)}])
def test_looking_changes_nothing(options: dict[str, Any], planted: Planted) -> None:
    plain = SlideClassifier(**{**SMALL, **options}).fit(planted.X, planted.Y)
    looks = [Validation(planted.X_test, planted.Y_test, every_steps=3)]
    watched = SlideClassifier(**{**SMALL, **options}).fit(planted.X, planted.Y, callbacks=looks)
    for (name, a), (_, b) in zip(plain.named_arrays(), watched.named_arrays(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


@pytest.mark.parametrize(
    ("values", "patience", "n_epochs"),
    [
        ((0.1, 0.2, 0.2, 0.3, 0.3, 0.3), 2, 6),
        ((0.1, 0.2, 0.2, 0.3, 0.3, 0.3), 1, 3),
        ((0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8), 1, 8),
        ((0.5, 0.4), 3, 4),
    ],
)
def test_training_ends_after_so_many_looks_without_gain(
    values: tuple[float, ...], patience: int, n_epochs: int, planted: Planted
) -> None:
    clf = SlideClassifier(**{**SMALL, "n_epochs": 8, "n_networks": 2})
    clf.fit(planted.X[:100], planted.Y[:100], callbacks=[Scripted(*values), EarlyStopping(patience=patience)])
    assert len(clf.training_["epoch_seconds"]) == n_epochs


def test_a_gain_may_be_too_small(planted: Planted) -> None:
    clf = SlideClassifier(**{**SMALL, "n_epochs": 8})
    stop = EarlyStopping(patience=2, min_gain=0.05)
    clf.fit(planted.X[:100], planted.Y[:100], callbacks=[Scripted(0.1, 0.12, 0.14, 0.2), stop])
    assert len(clf.training_["epoch_seconds"]) == 3


@pytest.mark.parametrize("n_networks", [1, 2])
def test_the_best_network_is_kept(n_networks: int, planted: Planted, tmp_path: Path) -> None:
    """After the third epoch, of four: what is left is what an end of training there would have left."""

    class EndAfterThree(Callback):
        def on_epoch(self, progress: Progress) -> None:
            progress.stop = progress.epoch == 3

    options = {**SMALL, "n_networks": n_networks, "ranker": True}
    expected = SlideClassifier(**options).fit(planted.X[:200], planted.Y[:200], callbacks=[EndAfterThree()])
    best = KeepBest(tmp_path / "best")
    scripted = [Scripted(0.1, 0.2, 0.9, 0.3), best]
    clf = SlideClassifier(**options).fit(planted.X[:200], planted.Y[:200], callbacks=scripted)
    for (name, a), (_, b) in zip(expected.network_.named_arrays(), clf.network_.named_arrays(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)
    kept = SlideClassifier.load(tmp_path / "best").networks_[-1]
    for (name, a), (_, b) in zip(kept.named_arrays(), clf.networks_[-1].named_arrays(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)
    if n_networks == 1:
        np.testing.assert_array_equal(*(c.predict_topk(planted.X_test, 5)[0] for c in (expected, clf)))


def test_what_they_know_survives_an_interruption(planted: Planted, tmp_path: Path) -> None:
    class EndAt(Callback):
        def on_step(self, progress: Progress) -> None:
            if progress.step == 20:
                raise InterruptedError

    def callbacks(place: Path, *more: Callback) -> list[Callback]:
        looks = Validation(planted.X_test, planted.Y_test, every_steps=7)
        kept = Checkpointing(place / "run", every_steps=2)
        return [looks, EarlyStopping(patience=2, min_gain=0.02), KeepBest(place / "best"), *more, kept]

    options = {**SMALL, "n_epochs": 8, "learning_rate": 0.3}
    whole = SlideClassifier(**options).fit(planted.X, planted.Y, callbacks=callbacks(tmp_path / "whole"))
    assert 20 < whole.training_["n_steps"] < 8 * 12
    place = tmp_path / "parts"
    with pytest.raises(InterruptedError):
        SlideClassifier(**options).fit(planted.X, planted.Y, callbacks=callbacks(place, EndAt()))
    resumed = SlideClassifier(**options)
    resumed.fit(planted.X, planted.Y, callbacks=callbacks(place), resume_from=place / "run")
    assert resumed.training_["n_steps"] == whole.training_["n_steps"]
    for (name, a), (_, b) in zip(whole.named_arrays(), resumed.named_arrays(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


def test_mistakes(planted: Planted, tmp_path: Path) -> None:
    X, Y = planted.X_test, planted.Y_test
    clf = SlideClassifier(**SMALL)
    for callbacks, message in (
        ([Validation(X[:, 1:], Y)], "X of Validation must have 120 columns, as in training, but has 119"),
        ([Validation(X, Y[:, 1:])], "Y of Validation must have 50 columns, as in training, but has 49"),
        ([EarlyStopping()], "EarlyStopping needs a Validation before it among the callbacks"),
        ([KeepBest(tmp_path)], "KeepBest needs a Validation before it among the callbacks"),
        ([Validation(X, Y), EarlyStopping("p@2")], "metric of EarlyStopping must be one of p@1, .*, but is 'p@2'"),
    ):
        with pytest.raises(ValueError, match=message):
            clf.fit(planted.X, planted.Y, callbacks=callbacks)
    with pytest.raises(ValueError, match="X and Y must have one row per sample"):
        Validation(X, Y[1:])
    with pytest.raises(ValueError, match="every_steps must be >= 1"):
        Validation(X, Y, every_steps=0)
    with pytest.raises(ValueError, match="X must have samples to look at"):
        Validation(X[:0], Y[:0])
    with pytest.raises(ValueError, match="patience must be >= 1"):
        EarlyStopping(patience=0)
