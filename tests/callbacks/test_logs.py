"""Logs, the history in the model, and what other programs are told."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from support import Planted

from slidelearn import CheckpointError, SlideClassifier
from slidelearn.callbacks import Callback, Checkpointing, CsvLog, JsonLog, MLflow, ProgressBar, TensorBoard, Validation
from slidelearn.callbacks.logs import log_for
from slidelearn.callbacks.recorder import N_POINTS
from slidelearn.callbacks.rows import COLUMNS
from slidelearn.model.history import HISTORY, Curves, History
from slidelearn.progress import Progress

SMALL: dict[str, Any] = {"hidden_sizes": (16,), "n_epochs": 2, "batch_size": 100, "ranker": False, "n_jobs": 1}
LSH = {"preset": "paper", "n_tables": 4, "hashes_per_table": 4, "lsh_candidates": 20, "rebuild_every": 5}
TIMES = {"seconds", "samples_per_second"}


class EndAt(Callback):
    def __init__(self, step: int) -> None:
        self._step = step

    def on_step(self, progress: Progress) -> None:
        if progress.step == self._step:
            raise InterruptedError


def rows_of(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_rows_tell_what_training_did(suffix: str, planted: Planted, tmp_path: Path) -> None:
    class Losses(Callback):
        def __init__(self) -> None:
            self.losses: list[float] = []

        def on_step(self, progress: Progress) -> None:
            self.losses.append(progress.loss)

    path, seen = tmp_path / f"log{suffix}", Losses()
    path.write_text("of a former training")
    log = (JsonLog if suffix == ".jsonl" else CsvLog)(path, every_steps=5)
    looks = Validation(planted.X_test, planted.Y_test)
    clf = SlideClassifier(**{**SMALL, **LSH}).fit(planted.X, planted.Y, callbacks=[looks, log, seen])
    rows = rows_of(path)
    assert [(row["after"], int(row["step"])) for row in rows] == [
        ("step", 5), ("step", 10), ("epoch", 12), ("step", 15), ("step", 20), ("epoch", 24),
    ]  # fmt: skip
    assert set(COLUMNS) < rows[0].keys()
    assert float(rows[1]["loss"]) == pytest.approx(sum(seen.losses[5:10]) / 5)
    assert float(rows[5]["loss"]) == pytest.approx(sum(seen.losses[12:]) / 12)
    assert [float(row["learning_rate"]) for row in rows] == [0.002] * 6
    assert [int(row["samples"]) for row in rows] == [100 * int(row["step"]) for row in rows]
    assert [int(row["epoch"]) for row in rows] == [0, 0, 1, 1, 1, 2]
    assert all(0 < float(row["candidate_recall"]) < 1 for row in rows)
    assert 0 < float(rows[2]["p@1"]) <= 1
    assert int(rows[-1]["rebuilds"]) == clf.training_["n_rebuilds"] > 0


def test_what_there_is_not_is_null(planted: Planted, tmp_path: Path) -> None:
    logs = [JsonLog(tmp_path / "log.jsonl"), CsvLog(tmp_path / "log.csv")]
    SlideClassifier(**SMALL).fit(planted.X, planted.Y, callbacks=logs)
    assert rows_of(tmp_path / "log.jsonl")[0]["candidate_recall"] is None
    row = rows_of(tmp_path / "log.csv")[0]
    assert row["candidate_recall"] == row["p@1"] == ""


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_rows_after_a_checkpoint_come_again(suffix: str, planted: Planted, tmp_path: Path) -> None:
    whole, parts = tmp_path / f"whole{suffix}", tmp_path / f"parts{suffix}"

    def fit(path: Path, *more: Callback, resume_from: Path | None = None) -> None:
        log = (JsonLog if suffix == ".jsonl" else CsvLog)(path, every_steps=1)
        callbacks = [*more, log, Checkpointing(tmp_path / path.stem, every_steps=4)]
        SlideClassifier(**SMALL, n_networks=2).fit(planted.X, planted.Y, callbacks=callbacks, resume_from=resume_from)

    fit(whole)
    with pytest.raises(InterruptedError):
        fit(parts, EndAt(15))
    assert len(rows_of(parts)) == 15
    fit(parts, resume_from=tmp_path / "parts")
    for a, b in zip(rows_of(whole), rows_of(parts), strict=True):
        assert {n: v for n, v in a.items() if n not in TIMES} == {n: v for n, v in b.items() if n not in TIMES}


def test_a_log_is_told_by_its_name(tmp_path: Path) -> None:
    assert isinstance(log_for(tmp_path / "a.jsonl"), JsonLog)
    assert isinstance(log_for(tmp_path / "a.csv"), CsvLog)
    with pytest.raises(ValueError, match=r"a log must end in \.jsonl or \.csv, but is 'a\.txt'"):
        log_for(tmp_path / "a.txt")
    with pytest.raises(ValueError, match="every_steps must be >= 1, but is 0"):
        JsonLog(tmp_path / "a.jsonl", every_steps=0)


def test_the_history_is_saved_with_the_model(planted: Planted, tmp_path: Path) -> None:
    options = {**SMALL, **LSH, "n_epochs": 4, "batch_size": 16, "n_networks": 2}
    looks = Validation(planted.X_test, planted.Y_test)
    SlideClassifier(**options).fit(planted.X, planted.Y, callbacks=[looks]).save(tmp_path / "model")
    history = History.of(SlideClassifier.load(tmp_path / "model").documents_)
    assert history
    assert len(history.networks) == 2
    network = history.networks[1]
    assert network.n_steps == network.points.columns["step"][-1] == 300
    assert network.points.n_rows == N_POINTS
    assert network.epochs.columns["epoch"] == [1, 2, 3, 4]
    assert None not in network.epochs.columns["p@1"]
    losses = network.points.known("step", "loss")[1]
    assert losses[-1] < losses[0]
    assert len(network.tables.columns["mean_bucket"]) > 3
    assert {"hidden layers", "active set", "output layer"} < network.phase_seconds.keys()
    assert len((next((tmp_path / "model").glob("history-*.json"))).read_bytes()) < 100_000


def test_the_history_survives_an_interruption(planted: Planted, tmp_path: Path) -> None:
    whole = SlideClassifier(**SMALL, n_networks=2).fit(planted.X, planted.Y)
    with pytest.raises(InterruptedError):
        SlideClassifier(**SMALL, n_networks=2).fit(
            planted.X, planted.Y, callbacks=[EndAt(15), Checkpointing(tmp_path, every_steps=4)]
        )
    resumed = SlideClassifier(**SMALL, n_networks=2).fit(planted.X, planted.Y, resume_from=tmp_path)
    for a, b in zip(*(History.of(clf.documents_).networks for clf in (whole, resumed)), strict=True):
        for curves in ("points", "epochs"):
            columns = getattr(a, curves).columns, getattr(b, curves).columns
            assert columns[0].keys() == columns[1].keys()
            assert all(columns[0][name] == columns[1][name] for name in columns[0].keys() - TIMES)


def test_a_damaged_history_is_refused(planted: Planted) -> None:
    clf = SlideClassifier(**SMALL).fit(planted.X, planted.Y)
    for text in ("", "[", "[]", '{"version": 2}', '{"networks": [{"n_steps": 1, "phase_seconds": {"a": "x"}}]}'):
        with pytest.raises(CheckpointError, match=r"history\.json is damaged"):
            History.of({HISTORY: text})
    with pytest.raises(CheckpointError, match="columns must be of equal length"):
        History.of({HISTORY: '{"networks": [{"n_steps": 1, "points": {"columns": {"a": [1], "b": []}}}]}'})
    assert History.of({}) is None
    assert History.of(clf.documents_)


def test_curves_take_rows_of_any_columns() -> None:
    curves = Curves()
    curves.add({"a": 1.23456789, "b": None})
    curves.add({"a": float("nan"), "c": 3})
    assert curves.columns == {"a": [1.23457, None], "b": [None, None], "c": [None, 3.0]}
    assert curves.known("a", "c") == ([], [])


def test_tensorboard(planted: Planted, tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event

    looks = Validation(planted.X_test, planted.Y_test)
    board = TensorBoard(tmp_path, every_steps=5)
    SlideClassifier(**SMALL).fit(planted.X, planted.Y, callbacks=[looks, board])
    content, points = next(tmp_path.iterdir()).read_bytes(), []
    while content:  # records: length, checksum, event, checksum
        length = int.from_bytes(content[:8], "little")
        event = Event.FromString(content[12 : 12 + length])
        points += [(value.tag, event.step) for value in event.summary.value]
        content = content[16 + length :]
    assert {tag for tag, _ in points} >= {"loss", "learning_rate", "active", "p_at_1", "samples_per_second"}
    assert [step for tag, step in points if tag == "loss"] == [5, 10, 12, 15, 20, 24]


@pytest.mark.filterwarnings("ignore")  # of the package's own dependencies
def test_mlflow(planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # quicker than a database
    import mlflow

    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    tracker = MLflow(every_steps=5, run_name="mine")
    SlideClassifier(**SMALL).fit(planted.X, planted.Y, callbacks=[tracker])
    assert mlflow.active_run() is None
    with pytest.raises(InterruptedError):
        SlideClassifier(**SMALL).fit(planted.X, planted.Y, callbacks=[MLflow(every_steps=5), EndAt(7)])
    runs = mlflow.search_runs(output_format="list", order_by=["start_time ASC"])
    assert [run.info.status for run in runs] == ["FINISHED", "FAILED"]
    assert runs[0].info.run_name == "mine"
    assert runs[0].data.params["batch_size"] == "100"
    client = mlflow.MlflowClient()
    assert [m.step for m in client.get_metric_history(runs[0].info.run_id, "loss")] == [5, 10, 12, 15, 20, 24]
    with mlflow.start_run() as mine:
        SlideClassifier(**SMALL).fit(planted.X, planted.Y, callbacks=[MLflow()])
        assert mlflow.active_run().info.run_id == mine.info.run_id


def test_a_progress_bar(planted: Planted, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    bar = ProgressBar(mininterval=0, ascii=True)
    looks = Validation(planted.X_test, planted.Y_test)
    options = {**SMALL, "ranker": True, "n_networks": 2}
    SlideClassifier(**options).fit(planted.X[:250], planted.Y[:250], callbacks=[looks, bar])
    text = capsys.readouterr().err
    for expected in ("network 2/2: 100%", "6/6", "loss=", "lr=", "p@1=", "shortlists: 100%"):
        assert expected in text
    with pytest.raises(InterruptedError):
        SlideClassifier(**SMALL).fit(planted.X, planted.Y, callbacks=[ProgressBar(), EndAt(7)])


@pytest.mark.parametrize(
    ("module", "extra", "make"),
    [
        ("tqdm.auto", "tqdm", ProgressBar),
        ("tensorboardX", "tensorboard", lambda: TensorBoard("runs")),
        ("mlflow", "mlflow", MLflow),
    ],
)
def test_a_missing_package_is_named_with_its_extra(
    module: str, extra: str, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"pip install 'slidelearn\[{extra}\]'"):
        make()
