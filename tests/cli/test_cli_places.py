from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from slidelearn import SlideClassifier, write_xmc
from slidelearn.cli import app
from slidelearn.datasets import Dataset


def run(*arguments: object, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result


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


def test_answers_into_a_closed_standard_output(place: Path) -> None:
    command = [sys.executable, "-m", "slidelearn", "predict", str(place / "model"), str(place / "test.txt")]
    closed = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
    done = subprocess.run(closed, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert done.stderr == "slidelearn: the answers need --output, as standard output is closed\n"
