"""Checkpoints of trainings on streams and of models that are trained once more; `partial_fit` refuses them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interruptions import EndAfter, Gone
from scipy import sparse
from support import Planted

from slidelearn import CheckpointError, SampleStream, SlideClassifier, sample_stream, write_xmc
from slidelearn.callbacks import Callback, Checkpointing

SMALL: dict[str, Any] = {"hidden_sizes": (16,), "n_jobs": 1, "batch_size": 40}
KINDS: dict[str, dict[str, Any]] = {
    "recipe": {"n_epochs": 2, "n_networks": 2},
    "memory": {"n_epochs": 2, "ranker": False, "sampler": "batch+memory"},
    "paper": {"preset": "paper", "n_epochs": 2, "n_tables": 4, "hashes_per_table": 4, "rebuild_every": 3},
}


@pytest.fixture(autouse=True)
def _no_waiting_for_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(scope="module")
def file(planted: Planted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("streams") / "train.txt.gz"
    write_xmc(path, planted.X[:360], planted.Y[:360])
    return path


def ending(after: int, directory: Path, every_steps: int = 1) -> Sequence[Callback]:
    return EndAfter(after), Checkpointing(directory, every_steps=every_steps)


def assert_same(a: SlideClassifier, b: SlideClassifier) -> None:
    for (name, x), (same_name, y) in itertools.zip_longest(a.named_arrays(), b.named_arrays()):
        assert name == same_name
        np.testing.assert_array_equal(x, y, err_msg=name)
    assert a.threshold_ == b.threshold_
    assert a.classes_.tolist() == b.classes_.tolist()
    assert {name: value for name, value in a.training_.items() if not name.endswith("seconds")} == {
        name: value for name, value in b.training_.items() if not name.endswith("seconds")
    }


@pytest.mark.parametrize("buffer_size", [150, 1000])
@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_ends_in_the_same_bits(kind: str, buffer_size: int, file: Path, tmp_path: Path) -> None:
    def classifier() -> SlideClassifier:
        return SlideClassifier(**SMALL, **KINDS[kind])

    def stream() -> SampleStream:
        return SampleStream(file, buffer_size=buffer_size)

    whole = classifier().fit_stream(stream())
    steps = whole.training_["n_steps"] * len(whole.networks_)
    for after in (1, steps // 4 + 1, steps // 2, steps):  # in the first block, in a later one, at the end of an epoch
        place = tmp_path / str(after)
        with pytest.raises(Gone):
            classifier().fit_stream(stream(), callbacks=ending(after, place))
        assert_same(classifier().fit_stream(stream(), resume_from=place), whole)


def test_a_stream_of_which_a_part_is_in_memory(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples held out are then those of the part, and have other numbers in the stream."""
    monkeypatch.setattr(sample_stream, "MOST_IN_PART", 320)
    monkeypatch.setattr("slidelearn.fitting.rehearsal.rehearses", lambda *_: False)
    monkeypatch.setattr("slidelearn.fitting.rehearsal.REHEARSED_BELOW", 0)
    options = {**SMALL, "n_epochs": 2, "n_networks": 1}
    whole = SlideClassifier(**options).fit_stream(SampleStream(file, buffer_size=100))
    assert whole.training_["n_held_out"] > 0
    with pytest.raises(Gone):
        SlideClassifier(**options).fit_stream(SampleStream(file, buffer_size=100), callbacks=ending(9, tmp_path))
    resumed = SlideClassifier(**options).fit_stream(SampleStream(file, buffer_size=100), resume_from=tmp_path)
    assert_same(resumed, whole)


def test_what_a_stream_refuses(file: Path, planted: Planted, tmp_path: Path) -> None:
    options = {**SMALL, **KINDS["memory"]}
    with pytest.raises(Gone):
        SlideClassifier(**options).fit_stream(SampleStream(file), callbacks=ending(3, tmp_path / "stream"))
    with pytest.raises(Gone):
        SlideClassifier(**options).fit(planted.X[:360], planted.Y[:360], callbacks=ending(3, tmp_path / "memory"))
    clf = SlideClassifier(**options)
    with pytest.raises(CheckpointError, match="made with buffer_size 131072, but it is 90: resume with the same"):
        clf.fit_stream(SampleStream(file, buffer_size=90), resume_from=tmp_path / "stream")
    with pytest.raises(CheckpointError, match="learning of samples in memory, and cannot go on with one of a stream"):
        clf.fit_stream(SampleStream(file), resume_from=tmp_path / "memory")
    with pytest.raises(CheckpointError, match="learning of a stream, and cannot go on with one of samples in memory"):
        clf.fit(planted.X[:360], planted.Y[:360], resume_from=tmp_path / "stream")
    with pytest.raises(CheckpointError, match=r"learning_rate is 0\.3, but was 0\.1"):
        SlideClassifier(**options, learning_rate=0.3).fit_stream(SampleStream(file), resume_from=tmp_path / "stream")
    other = tmp_path / "other.txt"
    X = planted.X[:360].copy()
    X.data[7] *= 1.5
    write_xmc(other, X, planted.Y[:360])
    with pytest.raises(CheckpointError, match="was made with other samples than these"):
        clf.fit_stream(SampleStream(other), resume_from=tmp_path / "stream")


@pytest.mark.parametrize("options", [{}, {"ranker": False}], ids=["ranker", "network"])
def test_a_model_trained_once_more_ends_in_the_same_bits(options: Any, planted: Planted, tmp_path: Path) -> None:
    """The samples bring new names, and lack one that the model knows."""
    names = [[f"label {label}" for label in planted.Y[[row]].indices] for row in range(700)]
    before, now = (planted.X[:300], names[:300]), (planted.X[300:700], names[300:700])
    now[1][:] = [[name for name in labels if name != names[0][0]] for labels in now[1]]
    now[1][0].append("new")
    made = SlideClassifier(**SMALL, n_epochs=1, **options).fit(*before)
    made.save(tmp_path / "model")

    def loaded() -> SlideClassifier:
        clf = SlideClassifier.load(tmp_path / "model", n_jobs=1)
        return clf.set_params(warm_start=True, n_epochs=3, learning_rate=0.05)

    whole = loaded().fit(*now)
    assert "new" in whole.classes_
    steps = whole.training_["n_steps"]
    for after in (1, steps // 2):
        place = tmp_path / str(after)
        with pytest.raises(Gone):
            loaded().fit(*now, callbacks=ending(after, place))
        assert_same(loaded().fit(*now, resume_from=place), whole)
    anew = SlideClassifier(**SMALL, n_epochs=3, learning_rate=0.05, warm_start=True, **options)
    assert_same(anew.fit(*now, resume_from=place), whole)
    assert anew.documents_["label_counts.json"] == whole.documents_["label_counts.json"]
    with pytest.raises(CheckpointError, match="was made with other samples"):
        loaded().fit(*before, resume_from=place)
    assert whole.documents_["history.json"] != made.documents_["history.json"]


def test_partial_fit_refuses_checkpoints_before_anything_changes(planted: Planted, tmp_path: Path) -> None:
    clf = SlideClassifier(**SMALL, ranker=False)
    wider = sparse.csr_array(sparse.hstack([planted.X[:50], planted.X[:50, :2]]))
    for X in (planted.X[:50], wider):
        with pytest.raises(ValueError, match=r"^Checkpointing is for fit and fit_stream: partial_fit is one pass"):
            clf.partial_fit(X, planted.Y[:50], callbacks=[Checkpointing(tmp_path / "run")])
        assert not (tmp_path / "run").exists()
        clf.partial_fit(planted.X[:50], planted.Y[:50])
        assert clf.n_features_in_ == planted.X.shape[1]
