"""Trainings whose loss runs away: they stop, and say where."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from support import Planted
from typer.testing import CliRunner

from slidelearn import SlideClassifier, TrainingDiverged, write_xmc
from slidelearn.callbacks import Callback, Checkpointing
from slidelearn.cli import app
from slidelearn.progress import Progress

TOO_FAST: dict[str, Any] = {
    "hidden_sizes": (16,),
    "logits": "inner_product",
    "optimizer": "sgd",
    "learning_rate": 1e5,
    "learning_rate_schedule": "constant",
    "batch_size": 100,
    "n_epochs": 4,
    "ranker": False,
    "n_jobs": 1,
}


class Failures(Callback):
    def __init__(self) -> None:
        self.seen: list[BaseException] = []

    def on_failure(self, progress: Progress, error: BaseException) -> None:
        self.seen.append(error)


@pytest.mark.parametrize("loss", ["softmax", "logistic"])
@pytest.mark.parametrize("active_set", ["shared", "per_sample"])
def test_a_learning_rate_that_is_far_too_high_is_named(loss: str, active_set: str, planted: Planted) -> None:
    watch = Failures()
    clf = SlideClassifier(**TOO_FAST, loss=loss, active_set=active_set)
    with pytest.raises(TrainingDiverged) as raised:
        clf.fit(planted.X, planted.Y, callbacks=[watch])
    error = raised.value
    assert watch.seen == [error]
    assert re.fullmatch(
        r"training diverged: the loss is \S+, where it began at \S+, after step \d+ of 48 \(epoch \d\), with "
        r"learning_rate 1e\+05, on a batch of 100 samples \(rows \d+, \d+, \d+, \d+, \d+, \.\.\. of X\); "
        r"train again with a learning_rate several times lower, and see that the features of these rows are sane",
        str(error),
    )
    assert len(error.sample_ids) == 100
    assert error.last_checkpoint is None


def test_the_last_good_checkpoint_is_named_and_good(planted: Planted, tmp_path: Path) -> None:
    class Speed(Callback):
        """Makes rows grow by the factor that takes them beyond all bounds."""

        def on_step(self, progress: Progress) -> None:
            if progress.step == 7:
                progress.network.output.neurons.weights[...] *= np.float32(1e30)

    options = {**TOO_FAST, "learning_rate": 0.1}
    with pytest.raises(TrainingDiverged) as raised:
        SlideClassifier(**options).fit(
            planted.X, planted.Y, callbacks=[Speed(), Checkpointing(tmp_path, every_steps=3)]
        )
    assert raised.value.last_checkpoint == tmp_path / "step-00000006"
    assert f"the last good checkpoint, a model that can be loaded, is {tmp_path / 'step-00000006'}" in str(raised.value)
    assert raised.value.progress.step == 7
    good = SlideClassifier.load(tmp_path / "step-00000006")
    assert np.isfinite(good.predict_topk(planted.X_test, 3)[1]).all()


@pytest.mark.parametrize("last_step", [False, True])
def test_weights_that_are_no_numbers_are_never_kept(last_step: bool, planted: Planted, tmp_path: Path) -> None:
    class Spoil(Callback):
        def on_step(self, progress: Progress) -> None:
            if progress.step == (progress.n_steps if last_step else 6):
                progress.network.output.neurons.weights[3, 2] = np.nan

    clf = SlideClassifier(**{**TOO_FAST, "learning_rate": 0.1})
    kept = [] if last_step else [Checkpointing(tmp_path, every_steps=3)]
    with pytest.raises(TrainingDiverged, match=r"array 'output\.weights' has NaN or infinity after step"):
        clf.fit(planted.X, planted.Y, callbacks=[Spoil(), *kept])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000000", "step-00000003"][: 2 * len(kept)]


def test_features_beyond_all_bounds(planted: Planted) -> None:
    X = planted.X.copy()
    X.data[:50] = 3e38
    with pytest.raises(TrainingDiverged, match="the loss is nan"):
        SlideClassifier(**TOO_FAST, normalize_features=False, feature_power=1.0).fit(X, planted.Y)


def test_samples_that_are_hard_do_no_harm(planted: Planted) -> None:
    """A loss that begins at nearly nothing may grow: labels that are alone in their batch cost nothing."""
    Y = sparse.csr_array(np.repeat(np.eye(2, dtype=np.float32), [400, 10], axis=0))
    SlideClassifier(hidden_sizes=(8,), batch_size=1, n_epochs=1, n_jobs=1).fit(planted.X[:410], Y)


def test_the_command_line_explains(planted: Planted, tmp_path: Path) -> None:
    write_xmc(tmp_path / "train.txt", planted.X, planted.Y)
    options = {name: ",".join(map(str, v)) if isinstance(v, tuple) else v for name, v in TOO_FAST.items()}
    del options["n_jobs"]
    settings = [part for name, value in options.items() for part in ("--set", f"{name}={value}")]
    result = CliRunner().invoke(app, ["train", str(tmp_path / "train.txt"), *settings])
    assert result.exit_code == 1
    assert result.stderr.startswith("slidelearn: training diverged: the loss is ")
    assert len(result.stderr.splitlines()) == 1
