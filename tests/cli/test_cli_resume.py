"""`slidelearn train` with checkpoints, logs and validation: interrupted, killed, and resumed."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from commands import run
from support import Planted

from slidelearn import SlideClassifier, write_xmc
from slidelearn.callbacks.checkpointing import checkpoints

QUICK = ("--set", "hidden_sizes=16", "--set", "n_epochs=3", "--set", "batch_size=100", "--threads", "1")
SLOW = ("--set", "hidden_sizes=16", "--set", "n_epochs=30", "--set", "batch_size=10", "--set", "ranker=false")
SLOW = (*SLOW, "--threads", "1")
SIGNALS = {"Ctrl-C": (signal.SIGINT, 130, "interrupted"), "SIGTERM": (signal.SIGTERM, 143, "terminated")}
SOURCES: dict[str, tuple[object, ...]] = {"memory": (), "stream": ("--stream", "--buffer", 150)}


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-m", "slidelearn", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_checkpoints(process: subprocess.Popen[str], out: Path, n_steps: int) -> None:
    while not any(int(path.name[5:]) >= n_steps for path in checkpoints(out / "checkpoints")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def assert_same(a: Path, b: Path) -> None:
    first, second = SlideClassifier.load(a), SlideClassifier.load(b)
    for (name, x), (_, y) in zip(first.named_arrays(), second.named_arrays(), strict=True):
        np.testing.assert_array_equal(x, y, err_msg=name)


@pytest.fixture(scope="module")
def place(planted: Planted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("resume")
    write_xmc(folder / "train.txt", planted.X[:400], planted.Y[:400])
    write_xmc(folder / "validation.txt", planted.X_test, planted.Y_test)
    return folder


@pytest.fixture
def heard_interrupts() -> Iterator[None]:
    """Children inherit that SIGINT is ignored, as shells have it for what they start in the background."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_killed_training_goes_on_by_one_flag(source: tuple[object, ...], place: Path, tmp_path: Path) -> None:
    command = ("train", place / "train.txt", *source, *SLOW, "--checkpoint-every-steps", 20)
    run("train", place / "train.txt", "--out", tmp_path / "whole", *source, *SLOW)
    out = tmp_path / "out"
    for n_steps in (50, 400):  # killed twice
        process = start(*command, "--out", out, *(["--resume"] if out.exists() else []))
        wait_for_checkpoints(process, out, n_steps)
        process.kill()
        process.communicate()
        assert not (out / "config.json").exists()
    text = run(*command, "--out", out, "--resume").stdout
    latest = text[text.index("going on from ") :].splitlines()[0]
    assert int(latest[-8:]) >= 400
    assert_same(tmp_path / "whole", out)
    assert not (out / "checkpoints").exists()


@pytest.mark.parametrize(("name", "source"), [("Ctrl-C", "memory"), ("Ctrl-C", "stream"), ("SIGTERM", "memory")])
@pytest.mark.usefixtures("heard_interrupts")
def test_a_signal_leaves_the_finished_model_and_a_checkpoint(
    name: str, source: str, place: Path, tmp_path: Path
) -> None:
    out, (number, code, word) = tmp_path / "out", SIGNALS[name]
    run("train", place / "train.txt", "--out", out, *QUICK)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    command = ("train", place / "train.txt", "--out", out, *SOURCES[source], *SLOW, "--checkpoint-every-minutes", 60)
    process = start(*command)
    wait_for_checkpoints(process, out, 0)
    assert process.stdout
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    latest = checkpoints(out / "checkpoints")[-1]
    assert errors == f"slidelearn: {word}; the same command with --resume goes on from {latest}\n"
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before
    run("train", place / "train.txt", "--out", tmp_path / "whole", *SOURCES[source], *SLOW)
    run(*command, "--resume")
    assert_same(tmp_path / "whole", out)


def test_without_a_checkpoint_resume_begins(place: Path, tmp_path: Path) -> None:
    run("train", place / "train.txt", "--out", tmp_path / "whole", *QUICK)
    text = run("train", place / "train.txt", "--out", tmp_path / "out", *QUICK, "--resume").stdout
    assert "no checkpoint to go on from: training from the start" in text
    assert_same(tmp_path / "whole", tmp_path / "out")
    refused = run("train", place / "train.txt", "--out", tmp_path / "out", *QUICK, "--resume", code=1)
    assert "has a finished model, and no checkpoint to go on from: leave out --resume" in refused.stderr
    assert refused.stdout == ""  # before a large file is read


def test_interrupted_before_the_first_checkpoint(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the model of another training, which stays until then, `--resume` begins anew."""
    out, command = tmp_path / "out", ("train", place / "train.txt", *QUICK)
    run(*command, "--out", tmp_path / "whole")
    run(*command, "--out", out, "--set", "n_epochs=1")
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def ctrl_c(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("slidelearn.fitting.beginning.rehearse", ctrl_c)
        message = run(*command, "--out", out, "--checkpoint-every-steps", 5, code=130).stderr
    assert message == (
        "slidelearn: interrupted; the same command with --resume begins anew, as there was no checkpoint yet\n"
    )
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before
    text = run(*command, "--out", out, "--checkpoint-every-steps", 5, "--resume").stdout
    assert "interrupted before the first checkpoint: training from the start" in text
    assert_same(tmp_path / "whole", out)
    assert not (out / "checkpoints").exists()


@pytest.fixture
def interrupted(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place with checkpoints of a training that has not ended."""
    out = tmp_path / "interrupted"

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("slidelearn.estimator.fitted.save_model", interrupt)
        run("train", place / "train.txt", "--out", out, *QUICK, "--checkpoint-every-steps", 5, code=130)
    return out


def test_checkpoints_have_the_names_of_labels(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slidelearn.callbacks.checkpointing.Checkpointing._remove_old", lambda _: None)
    monkeypatch.setattr("slidelearn.callbacks.checkpointing.remove_checkpoints", lambda _: None)
    (tmp_path / "names.txt").write_text("".join(f"name {number}\n" for number in range(50)))
    out = ("--out", tmp_path / "out", "--labels", tmp_path / "names.txt")
    run("train", place / "train.txt", *QUICK, *out, "--checkpoint-every-steps", 5)
    for checkpoint in checkpoints(tmp_path / "out" / "checkpoints"):
        assert "name 7" in run("predict", checkpoint, place / "validation.txt", "--top-k", 10, "--names").stdout


def test_checkpoints_are_not_lost_by_mistake(interrupted: Path, place: Path) -> None:
    for more in ((), ("--checkpoint-every-steps", 5)):
        message = run("train", place / "train.txt", "--out", interrupted, *QUICK, *more, code=1).stderr
        assert "has checkpoints of a training that was interrupted, the latest step-" in message
        assert "go on with it by --resume, or remove them to begin anew" in message
    assert len(checkpoints(interrupted / "checkpoints")) == 2


def test_what_a_checkpoint_refuses_is_named(interrupted: Path, place: Path) -> None:
    other = ("--set", "learning_rate=0.2", "--out", interrupted, "--resume")
    message = run("train", place / "train.txt", *QUICK, *other, code=1).stderr
    assert "was made with other options: learning_rate is 0.2, but was 0.1" in message
    message = run("train", place / "validation.txt", *QUICK, "--out", interrupted, "--resume", code=1).stderr
    assert "was made with other samples than these" in message


MISTAKES = {
    "no out": (("--checkpoint-every-steps", 5), "checkpoints and --resume need --out"),
    "resume without out": (("--resume",), "checkpoints and --resume need --out"),
    "keep": (("--keep", 3), "--keep needs --checkpoint-every-steps or --checkpoint-every-minutes"),
    "minutes": (("--checkpoint-every-minutes", 0, "--out", "new"), "--checkpoint-every-minutes must be > 0"),
    "early stopping": (("--early-stopping", 2), "--early-stopping needs --validation"),
    "log": (("--log", "log.txt"), "a log must end in .jsonl or .csv, but is 'log.txt'"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_end_before_training(mistake: str, place: Path) -> None:
    arguments, message = MISTAKES[mistake]
    result = run("train", place / "train.txt", *QUICK, *arguments, code=1)
    assert message in result.stderr
    assert "epoch" not in result.stdout


def test_validation_log_and_early_stopping(place: Path, tmp_path: Path) -> None:
    settings = ("--set", "hidden_sizes=16", "--set", "n_epochs=50", "--set", "learning_rate_schedule=constant")
    files = ("--validation", place / "validation.txt", "--log", tmp_path / "log.jsonl", "--out", tmp_path / "out")
    text = run("train", place / "train.txt", *files, *settings, "--threads", 1, "--early-stopping", 2).stdout
    assert "validation: 300 samples" in text
    assert ", network's P@1 " in text
    assert "validation, the whole model: P@1 " in text
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    looks = [row["p@1"] for row in rows if row["after"] == "epoch"]
    assert len(looks) < 50
    assert max(looks[-2:]) <= max(looks[:-2])
    assert not (tmp_path / "out" / "checkpoints").exists()
    run("train", place / "train.txt", *files[:-2], *settings, "--threads", 1, "--early-stopping", 2)  # without --out
    shutil.rmtree(tmp_path / "out")
