from __future__ import annotations

import pytest

from slidelearn import SlideClassifier, load_dataset
from slidelearn.callbacks import Callback
from slidelearn.datasets import Dataset
from slidelearn.model.model import Model
from slidelearn.training.trainer import Progress


class StopAfterSteps(Callback):
    def __init__(self, n_steps: int) -> None:
        self._n_steps = n_steps

    def on_step(self, progress: Progress) -> None:
        progress.stop = progress.step == self._n_steps


class StopAfterEpochs(Callback):
    def __init__(self, n_epochs: int) -> None:
        self._n_epochs = n_epochs

    def on_epoch(self, progress: Progress) -> None:
        progress.stop = progress.epoch == self._n_epochs


class Recorder(Callback):
    def __init__(self) -> None:
        self.calls: list[str] = []

    def on_begin(self, progress: Progress) -> None:
        self.calls.append("begin")

    def on_step(self, progress: Progress) -> None:
        self.calls.append("step")

    def on_epoch(self, progress: Progress) -> None:
        self.calls.append("epoch")

    def on_end(self, progress: Progress) -> None:
        self.calls.append("end")

    def on_model(self, model: Model, n_threads: int) -> None:
        assert model.members[0].ranker
        self.calls.append("model")


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load_dataset("wordnet-tiny")


def test_callbacks_are_called_in_order(data: Dataset) -> None:
    seen = Recorder()
    SlideClassifier(n_epochs=2, batch_size=2000, n_jobs=1).fit(data.X_train, data.Y_train, callbacks=[seen])
    assert seen.calls == ["begin", "step", "step", "epoch", "step", "step", "epoch", "end", "model"]


def test_training_stops_after_the_step_that_asks_for_it(data: Dataset) -> None:
    seen = Recorder()
    clf = SlideClassifier(n_epochs=3, batch_size=1000, n_jobs=1)
    clf.fit(data.X_train, data.Y_train, callbacks=[StopAfterSteps(4), seen])
    assert clf.training_["n_steps"] == 4
    assert seen.calls == ["begin", "step", "step", "step", "epoch", "step", "end", "model"]
    assert len(clf.training_["epoch_seconds"]) == 1


def test_training_stops_after_the_epoch_that_asks_for_it(data: Dataset) -> None:
    clf = SlideClassifier(n_epochs=5, n_jobs=1)
    clf.fit(data.X_train, data.Y_train, callbacks=[StopAfterEpochs(2)])
    assert len(clf.training_["epoch_seconds"]) == 2
