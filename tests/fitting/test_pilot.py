from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from slidelearn import SlideClassifier
from slidelearn.callbacks import Callback
from slidelearn.datasets import Dataset
from slidelearn.fitting import pilot

SMALL: dict[str, Any] = {"hidden_sizes": (16,), "n_epochs": 1, "n_jobs": 1, "ranker": False}


@pytest.fixture(autouse=True)
def _few_samples_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, number in {"N_SAMPLES": 1000, "LEAST_SAMPLES": 2000}.items():
        monkeypatch.setattr(pilot, name, number)


class Trials(Callback):
    def __init__(self) -> None:
        self.seen: list[tuple[str, object]] = []

    def on_trial(self, option: str, value: object) -> None:
        self.seen.append((option, value))


EVERYTHING = [("sampler", "batch"), ("sampler", "batch+memory")]


def test_what_is_left_open_is_tried_and_the_best_is_taken(tiny: Dataset) -> None:
    watch = Trials()
    clf = SlideClassifier(**SMALL).fit(tiny.X_train, tiny.Y_train, callbacks=[watch])
    assert watch.seen == EVERYTHING
    trials = clf.training_["pilot"]
    scores = trials["sampler"]
    assert all(0 < score < 3 for score in scores.values())
    is_better = scores["batch+memory"] > pilot.LEAST_GAIN * scores["batch"]
    assert clf.config_.sampler == ("batch+memory" if is_better else "batch")
    assert clf.get_params()["sampler"] is None  # the choice is of this training, not of the estimator


@pytest.mark.parametrize(
    ("given", "tried"),
    [
        ({"log_q_strength": 0.9}, EVERYTHING),
        ({"sampler": "batch"}, []),
        ({"pilot": False}, []),
        ({"preset": "quick", "pilot": True}, []),
        ({"preset": "paper", "pilot": True, "n_tables": 2, "lsh_candidates": 20}, []),
    ],
)
def test_what_is_given_is_obeyed(tiny: Dataset, given: dict[str, Any], tried: list[tuple[str, object]]) -> None:
    watch = Trials()
    clf = SlideClassifier(**SMALL, **given).fit(tiny.X_train, tiny.Y_train, callbacks=[watch])
    assert watch.seen == tried
    for name, value in given.items():
        assert name == "preset" or getattr(clf.config_, name) == value


@pytest.mark.parametrize("least_gain", [0.0, 9.0])
def test_the_memory_must_be_worth_its_time(tiny: Dataset, monkeypatch: pytest.MonkeyPatch, least_gain: float) -> None:
    monkeypatch.setattr(pilot, "LEAST_GAIN", least_gain)
    clf = SlideClassifier(**SMALL).fit(tiny.X_train, tiny.Y_train)
    assert clf.config_.sampler == ("batch" if least_gain else "batch+memory")


def test_the_memory_is_tried_on_large_sets_only(tiny: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pilot, "LEAST_SAMPLES", 10_000)
    clf = SlideClassifier(**SMALL).fit(tiny.X_train, tiny.Y_train)
    assert clf.training_["pilot"] == {}
    assert clf.config_.sampler == "batch"


def test_the_memory_is_not_tried_where_labels_meet_too_rarely(tiny: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pilot, "LEAST_PER_LABEL", 1000 * 2.8 / 413 + 0.5)
    clf = SlideClassifier(**SMALL).fit(tiny.X_train, tiny.Y_train)
    assert clf.training_["pilot"] == {}


def test_a_pilot_is_the_same_every_time_and_leaves_the_training_as_it_is(tiny: Dataset) -> None:
    first, second = (SlideClassifier(**SMALL).fit(tiny.X_train, tiny.Y_train) for _ in range(2))
    assert first.training_["pilot"] == second.training_["pilot"]
    given = SlideClassifier(**SMALL, sampler=first.config_.sampler, pilot=False).fit(tiny.X_train, tiny.Y_train)
    for (name, a), (_, b) in zip(first.named_arrays(), given.named_arrays(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


def test_labels_that_the_part_has_not_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each label on one sample: whatever the trials do, nothing held out can be right, and nothing breaks."""
    monkeypatch.setattr(pilot, "LEAST_PER_LABEL", 0.1)
    eye = sparse.eye_array(2400, format="csr", dtype=np.float32)
    clf = SlideClassifier(**SMALL).fit(eye, eye)
    assert set(clf.training_["pilot"]["sampler"].values()) == {0.0}
