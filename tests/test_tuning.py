"""Trials with other options: what is tuned, how they are judged, when they end."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from commands import run
from support import Planted

from slidelearn import SlideClassifier, write_xmc
from slidelearn.callbacks import Callback
from slidelearn.config import make_config
from slidelearn.matrices import check_features, check_labels
from slidelearn.progress import Progress
from slidelearn.tuning import tune
from slidelearn.tuning.space import Space
from slidelearn.tuning.study import Judges

SMALL: dict[str, Any] = {"hidden_sizes": (16,), "n_epochs": 2, "batch_size": 100, "ranker": False}


@pytest.fixture(autouse=True)
def _optuna() -> None:
    pytest.importorskip("optuna")


def test_options_that_suit_the_samples_are_found(planted: Planted) -> None:
    """From a start that is far too slow."""
    told = []
    tuning = tune(planted.X, planted.Y, given=SMALL, n_trials=8, n_jobs=1, after_trial=told.append)
    assert told == tuning.trials
    assert [trial.number for trial in tuning.trials] == list(range(8))
    assert tuning.trials[0].options == {
        "learning_rate": 0.1, "logit_scale": 12.0, "log_q_strength": 0.7, "sampler": "batch",
    }  # fmt: skip
    assert tuning.best.score > tuning.trials[0].score
    assert tuning.n_held_out == 120
    for trial in tuning.trials:
        assert trial.score == np.mean([trial.metrics[f"p@{k}"] for k in (1, 3, 5)])
        assert trial.outcome == "trained"


def test_the_same_seed_tries_the_same(planted: Planted) -> None:
    first, second = (tune(planted.X[:400], planted.Y[:400], given=SMALL, n_trials=3, n_jobs=1) for _ in range(2))
    assert [(trial.options, trial.score) for trial in first.trials] == [
        (trial.options, trial.score) for trial in second.trials
    ]
    other = tune(planted.X[:400], planted.Y[:400], given={**SMALL, "random_state": 1}, n_trials=3, n_jobs=1)
    assert other.trials[1].options != first.trials[1].options


def test_near_duplicates_of_the_judges_are_not_trained_on(planted: Planted) -> None:
    X = check_features(planted.X[np.repeat(np.arange(400), 2)])
    Y = check_labels(planted.Y[np.repeat(np.arange(400), 2)])
    judges = Judges.hold_out(X, Y, make_config())
    rows = {tuple(row.indices) for row in judges.X_held_out}
    assert judges.X_held_out.shape[0] >= 30
    assert not rows & {tuple(row.indices) for row in judges.X}
    with pytest.raises(ValueError, match=r"samples to judge by must be >= 30, but of 100 only \d+ can be held out"):
        Judges.hold_out(X[:100], Y[:100], make_config())


def test_a_common_offset_makes_no_near_duplicates(rng: np.random.Generator) -> None:
    X = check_features(rng.normal(1000, 1, (400, 6)).astype(np.float32))
    Y = check_labels(np.eye(5, dtype=np.float32)[rng.integers(5, size=400)])
    assert Judges.hold_out(X, Y, make_config()).X_held_out.shape == (40, 6)


NETWORK = {"learning_rate", "logit_scale", "log_q_strength", "n_epochs", "hidden_sizes"}
RANKER = {"shortlist_length", "ranker_c"}
LSH = {"n_tables", "hashes_per_table", "lsh_candidates"}


@pytest.mark.parametrize(
    ("given", "tuned"),
    [
        ({}, NETWORK | RANKER | {"sampler"}),
        ({"ranker": False, "sampler": "batch"}, NETWORK),
        ({"preset": "quick", "n_epochs": 1}, (NETWORK | RANKER | {"sampler"}) - {"n_epochs"}),
        ({"preset": "paper"}, LSH | {"learning_rate", "n_epochs", "hidden_sizes"}),
    ],
)
def test_what_is_given_is_not_tuned(given: dict[str, Any], tuned: set[str], planted: Planted) -> None:
    space = Space.of(given, check_features(planted.X), check_labels(planted.Y))
    assert space.defaults.keys() == tuned
    assert {*space.numbers, *space.integers, *space.choices} == tuned
    for name, (low, high) in {**space.numbers, **space.integers}.items():
        assert low <= space.defaults[name] <= high, name
    for name, values in space.choices.items():
        assert space.defaults[name] in values


def test_metrics(planted: Planted) -> None:
    options = {"given": SMALL, "n_trials": 1, "n_jobs": 1}
    trial = tune(planted.X, planted.Y, metric="psp@5+recall@20", **options).best
    assert trial.score == np.mean([trial.metrics["psp@5"], trial.metrics["recall@20"]])
    with pytest.raises(ValueError, match=r"metric must be of p@1, .*, but is 'p@2'"):
        tune(planted.X, planted.Y, metric="p@2", **options)
    two = planted.Y[:, :2], planted.Y_test[:, :2]  # of which there is no P@3
    few = tune(planted.X, two[0], validation=(planted.X_test, two[1]), **options).best
    assert few.score == few.metrics["p@1"]


def test_samples_to_judge_by_may_be_given(planted: Planted) -> None:
    validation = planted.X_test, planted.Y_test
    tuning = tune(planted.X, planted.Y, given=SMALL, validation=validation, n_trials=1, n_jobs=1)
    assert tuning.n_held_out == 300
    clf = SlideClassifier(**SMALL, sampler="batch", n_networks=1, n_jobs=1).fit(planted.X, planted.Y)
    assert tuning.best.metrics["p@1"] == clf.score(*validation)


def test_labels_of_every_form_are_tuned_alike(planted: Planted) -> None:
    width = len(str(planted.Y.shape[1]))

    def names(Y: Any) -> list[list[str]]:
        return [[f"{label:0{width}}" for label in row.indices] for row in Y]

    options: dict[str, Any] = {"given": SMALL, "n_trials": 1, "n_jobs": 1}
    expected = tune(planted.X, planted.Y, validation=(planted.X_test, planted.Y_test), **options).best
    tuned = tune(planted.X, names(planted.Y), validation=(planted.X_test, names(planted.Y_test)), **options).best
    assert tuned.metrics["p@1"] == expected.metrics["p@1"]


class EndAt(Callback):
    def __init__(self, n_networks: int, error: type[BaseException]) -> None:
        self._left, self._error = n_networks, error

    def on_begin(self, progress: Progress) -> None:
        self._left -= 1
        if self._left < 0:
            raise self._error


def test_time_is_over(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(10**6))
    monkeypatch.setattr("slidelearn.tuning.study.time", SimpleNamespace(perf_counter=lambda: float(next(clock))))
    tuning = tune(planted.X, planted.Y, given=SMALL, max_seconds=70, n_jobs=1)
    assert [trial.outcome for trial in tuning.trials] == ["trained", "trained", "cut"]
    assert tuning.trials[-1].score != tuning.trials[-1].score
    with pytest.raises(ValueError, match="no trial could be ended: give more seconds"):
        tune(planted.X, planted.Y, given=SMALL, max_seconds=5, n_jobs=1)


def test_a_trial_that_diverges_is_no_end(planted: Planted) -> None:
    wild = {**SMALL, "logits": "inner_product", "optimizer": "sgd"}
    numbers = iter([0.1, 1e6, 0.2])

    def suggest(_: Space, __: Any) -> dict[str, Any]:
        return {"learning_rate": next(numbers), "sampler": "batch"}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Space, "suggest", suggest)
        tuning = tune(planted.X, planted.Y, given=wild, n_trials=3, n_jobs=1)
    assert [trial.outcome for trial in tuning.trials] == ["trained", "diverged", "trained"]


def test_ctrl_c_ends_with_what_there_is(planted: Planted) -> None:
    tuning = tune(planted.X, planted.Y, given=SMALL, n_trials=9, n_jobs=1, callbacks=[EndAt(2, KeyboardInterrupt)])
    assert len(tuning.trials) == 2
    assert isinstance(tuning.interrupt, KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        tune(planted.X, planted.Y, given=SMALL, n_trials=9, n_jobs=1, callbacks=[EndAt(0, KeyboardInterrupt)])


def test_the_command(planted: Planted, tmp_path: Path) -> None:
    write_xmc(tmp_path / "train.txt", planted.X[:500], planted.Y[:500])
    write_xmc(tmp_path / "validation.txt", planted.X_test, planted.Y_test)
    settings = ("--set", "hidden_sizes=16", "--set", "n_epochs=2", "--set", "ranker=false", "--threads", 1)
    best = tmp_path / "best.toml"
    text = run("tune", tmp_path / "train.txt", "--trials", 3, *settings, "--out", best).stdout
    for expected in ("defaults: ", "trial 2: ", "learning_rate=0.1", "best mean of p@1+p@3+p@5: ", "wrote "):
        assert expected in text
    options = tomllib.loads(best.read_text())
    assert options["hidden_sizes"] == [16]
    assert options["ranker"] is False
    run("train", tmp_path / "train.txt", "--config", best)
    more = ("--validation", tmp_path / "validation.txt", "--json", "--seed", 3, "--metric", "p@1")
    result = run("tune", tmp_path / "train.txt", "--trials", 2, *settings, *more)
    assert len(result.stdout.splitlines()) == 1
    report = json.loads(result.stdout)
    assert report["n_held_out"] == 300
    assert len(report["trials"]) == 2
    assert report["best"]["score"] == max(trial["score"] for trial in report["trials"])


def test_what_the_command_refuses(planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_xmc(tmp_path / "train.txt", planted.X[:500], planted.Y[:500])
    write_xmc(tmp_path / "small.txt", np.eye(2), np.eye(2))
    for arguments, message in (
        (("--set", "n_epoch=3"), "no option is called 'n_epoch'"),
        (("--max-seconds", 0), "max_seconds must be > 0, but is 0.0"),
        (("--metric", "f1"), "metric must be of p@1"),
        (("--validation", tmp_path / "small.txt"), "must have 120 features"),
    ):
        assert message in run("tune", tmp_path / "train.txt", *arguments, code=1).stderr
    monkeypatch.setitem(sys.modules, "optuna", None)
    message = run("tune", tmp_path / "train.txt", code=1).stderr
    assert "slidelearn tune needs the package optuna: pip install 'slidelearn[tune]'" in message
