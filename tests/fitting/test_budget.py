from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from slidelearn import SlideClassifier
from slidelearn.config import make_config
from slidelearn.datasets import Dataset
from slidelearn.fitting import budget
from slidelearn.fitting.budget import PLANS, Speed, fit_into

ALL = {name for plan in PLANS for name in plan}


@pytest.fixture
def _slow_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A millisecond for each hidden neuron in a step, and in a shortlist."""

    def measure(config: Any, *_: Any) -> Speed:
        return Speed(1e-3 * config.hidden_sizes[0], 1e-3 * config.hidden_sizes[0])

    monkeypatch.setattr(budget, "_measure", measure)


def _chosen(tiny: Dataset, seconds: float, left_open: set[str] = ALL) -> tuple[Any, dict[str, float]]:
    return fit_into(make_config(), left_open, tiny.X_train, tiny.Y_train, 1, seconds)


@pytest.mark.usefixtures("_slow_steps")
def test_the_best_plan_that_fits_is_taken(tiny: Dataset) -> None:
    n = int(np.count_nonzero(np.diff(tiny.Y_train.indptr)))
    whole, _ = _chosen(tiny, 1e9)
    assert whole == make_config()
    of_networks = n * 4 * 256e-3
    alone, expected = _chosen(tiny, 1.01 * of_networks / budget.MARGIN, {"pilot", "classifiers"})
    assert (alone.classifiers, alone.hidden_sizes, alone.n_epochs) == ("never", (256,), 4)
    assert list(expected.values())[-1] == pytest.approx(of_networks)
    hasty, expected = _chosen(tiny, 1.0)
    assert (hasty.classifiers, hasty.hidden_sizes, hasty.n_epochs) == ("never", (64,), 1)
    assert len(expected) > len(PLANS) - 2


@pytest.mark.usefixtures("_slow_steps")
def test_shorter_lists_are_still_long_where_samples_have_many_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "PLANS", ({"shortlist_length": 20},))
    X, Y = (sparse.csr_array(np.ones((10, n), np.float32)) for n in (3, 30))
    config, expected = fit_into(make_config(shortlist_length=300), {"shortlist_length"}, X, Y, 1, 1e9)
    assert config.shortlist_length == 150
    assert list(expected) == ["shortlist_length=150"]


@pytest.mark.usefixtures("_slow_steps")
def test_what_is_given_is_kept(tiny: Dataset) -> None:
    config, _ = _chosen(tiny, 1.0, ALL - {"hidden_sizes"})
    assert (config.hidden_sizes, config.n_epochs) == ((256,), 1)


def test_speeds_are_measured(tiny: Dataset) -> None:
    speed = budget._measure(make_config(), tiny.X_train, tiny.Y_train, 1)
    assert 0 < speed.of_a_shortlist < 1
    assert 0 < speed.of_a_step < 1


def test_training_ends_when_the_time_is_over(tiny: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "PLANS", ({},))  # nothing is ever fitted in: the clock must do it
    clf = SlideClassifier(n_epochs=100_000, n_jobs=1, pilot=False, max_seconds=1.0).fit(tiny.X_train, tiny.Y_train)
    assert clf.training_["n_steps"] < 100_000
    assert clf.ranker_ is not None
    assert clf.ranker_.classifiers is None
    assert clf.score(tiny.X_test, tiny.Y_test) > 0.1
    clf.partial_fit(tiny.X_train[:50], tiny.Y_train[:50])  # which no budget limits


def test_without_a_budget_nothing_is_measured(tiny: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "_measure", lambda *_: 1 / 0)
    began = time.perf_counter()
    clf = SlideClassifier(hidden_sizes=(16,), n_epochs=1, n_jobs=1).fit(tiny.X_train, tiny.Y_train)
    assert clf.training_["plans"] == {}
    assert clf.training_["train_seconds"] <= time.perf_counter() - began
