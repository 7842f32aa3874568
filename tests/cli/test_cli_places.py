from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import run

from slidelearn import SampleStream, SlideClassifier, TextStream, fetch_dataset, read_samples, write_xmc
from slidelearn.callbacks import Checkpointing, JsonLog, KeepBest
from slidelearn.datasets import Dataset
from slidelearn.export import to_hub, to_onnx


@pytest.fixture
def place(tiny: Dataset, trained: SlideClassifier, tmp_path: Path) -> Path:
    """A folder with test.txt and a model."""
    write_xmc(tmp_path / "test.txt", tiny.X_test, tiny.Y_test)
    trained.save(tmp_path / "model")
    return tmp_path


def test_what_is_read_is_never_written_over(place: Path) -> None:
    model, test, link = place / "model", place / "test.txt", place / "link.txt"
    link.symlink_to(test)
    before = test.read_bytes()
    for arguments, option in (
        (("predict", model, test, "--output", test), "--output"),
        (("predict", model, test, "--output", link), "--output"),
        (("predict", model, test, "--output", model / "config.json"), "--output"),
        (("report", model, "--test", test, "--out", test), "--out"),
        (("tune", test, "--trials", 1, "--out", test), "--out"),
        (("convert", test, test), "B"),
        (("data", "info", test, "--plot", test), "--plot"),
        (("export", model, test, "--to", "onnx", "--test", test), "OUT"),
    ):
        assert f"slidelearn: {option} must be another file than " in run(*arguments, code=1).stderr
    assert test.read_bytes() == before


def test_where_no_file_can_be_is_told_at_once(place: Path) -> None:
    model, test = place / "model", place / "test.txt"
    for arguments, message in (
        (("predict", model, test, "--output", place / "no" / "file"), f"there is no directory {place / 'no'}"),
        (("predict", model, test, "--output", place), f"--output must be a file, but {place} is a directory"),
    ):
        assert message in run(*arguments, code=1).stderr


def test_an_empty_place_is_not_the_current_directory(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as that of a variable which nobody set."""
    model, test = place / "model", place / "test.txt"
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for arguments, what in (
        (("train", test, "--out", ""), "--out"),
        (("train", test, "--out="), "--out"),
        (("train", test, "--test", "", "--out", "."), "--test"),
        (("predict", model, test, "--output", ""), "--output"),
        (("demo", "--out", ""), "--out"),
        (("convert", test, ""), "an argument"),
        (("data", "info", test, "--plot", ""), "--plot"),
        (("export", "", "out", "--to", "hub"), "an argument"),
    ):
        message = run(*arguments, code=1).stderr
        assert message == f"slidelearn: {what} is empty: give a value, or leave it out; the current directory is '.'\n"
    assert not list(Path.cwd().iterdir())


def test_in_python_it_is_not_either(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place / "model")  # where "." would do
    clf, data = SlideClassifier.load("."), np.eye(3)
    before = sorted(Path.cwd().iterdir())
    calls: dict[str, Callable[[], object]] = {
        "directory": lambda: clf.save(""),
        "directory of load": lambda: SlideClassifier.load(""),
        "directory of checkpoints": lambda: Checkpointing(""),
        "directory of the best": lambda: KeepBest(""),
        "resume_from": lambda: SlideClassifier().fit(data, data, resume_from=""),
        "path of a log": lambda: JsonLog(""),
        "path of samples": lambda: read_samples(""),
        "path of a stream": lambda: SampleStream(""),
        "path of texts": lambda: TextStream(""),
        "path to write": lambda: write_xmc("", data, data),
        "path of a data set": lambda: fetch_dataset("amazon-670k", ""),
        "path of a graph": lambda: to_onnx(clf, ""),
        "folder": lambda: to_hub(clf, ""),
    }
    for name, call in calls.items():
        with pytest.raises(ValueError, match=f"^{name.partition(' ')[0]} must name a place, but is empty"):
            call()
    assert sorted(Path.cwd().iterdir()) == before


def test_answers_into_a_closed_standard_output(place: Path) -> None:
    command = [sys.executable, "-m", "slidelearn", "predict", str(place / "model"), str(place / "test.txt")]
    closed = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
    done = subprocess.run(closed, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert done.stderr == "slidelearn: the answers need --output, as standard output is closed\n"
