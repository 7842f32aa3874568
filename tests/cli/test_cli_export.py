from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import run

from slidelearn import SlideClassifier, write_xmc
from slidelearn.datasets import Dataset
from slidelearn.features.prepared import prepare
from slidelearn.inference import top_k
from slidelearn.metrics import precision_at_k
from slidelearn.model.model import Member


@pytest.fixture
def of_network(tiny: Dataset, trained: SlideClassifier) -> float:
    """P@1 without the ranker, which is not in a graph."""
    X = prepare(tiny.X_test, trained.config_, None)
    ids, _ = top_k([Member(trained.networks_)], X, 1, n_threads=1)
    return precision_at_k(ids, tiny.Y_test, 1)


@pytest.fixture
def place(tiny: Dataset, trained: SlideClassifier, tmp_path: Path) -> Path:
    """A folder with a model and test.txt."""
    trained.save(tmp_path / "model")
    write_xmc(tmp_path / "test.txt", tiny.X_test, tiny.Y_test)
    return tmp_path


def export(*arguments: object, code: int = 0) -> Any:
    return run("export", *arguments, code=code)


@pytest.mark.parametrize("form", ["inference", "onnx", "hub"])
def test_sizes_and_precisions_of_both_forms_are_shown(place: Path, of_network: float, form: str) -> None:
    for package in {"onnx": ("onnx", "onnxruntime"), "hub": ("huggingface_hub",)}.get(form, ()):
        pytest.importorskip(package)
    result = export(place / "model", place / "out", "--to", form, "--test", place / "test.txt", "--json")
    lines = result.stdout.splitlines()
    report = json.loads(lines[-1])
    assert report["model"]["p@1"] > 0.3
    assert report["model"]["mb"] > report[form]["mb"] > 0.1
    kept = of_network if form == "onnx" else report["model"]["p@1"]
    assert report[form]["p@1"] == pytest.approx(kept, abs=0.02)
    table = result.stderr
    assert f"{100 * report[form]['p@1']:.2f} %" in table
    assert ("The ranker is not in the graph" in table) == (form == "onnx")


def test_without_test_samples_only_sizes_are_shown(place: Path) -> None:
    result = export(place / "model", place / "out")
    assert "P@1" not in result.stdout
    assert "inference" in result.stdout
    assert f"wrote {place / 'out'}" in result.stdout
    assert not SlideClassifier.load(place / "out").network_.trainable


def test_a_model_is_not_exported_onto_itself(place: Path) -> None:
    result = export(place / "model", place / "model", code=1)
    assert "OUT must be another place than MODEL" in result.stderr
    assert SlideClassifier.load(place / "model").network_.trainable


def test_a_missing_package_is_named_with_its_extra(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    result = export(place / "model", place / "out", "--to", "onnx", code=1)
    assert "slidelearn: slidelearn export needs the package onnx: pip install 'slidelearn[onnx]'" in result.stderr


def test_options_of_another_form_are_refused(place: Path) -> None:
    for option, value, of in (("--top-k", 3, "onnx"), ("--inputs", "dense", "onnx"), ("--name", "a", "hub")):
        message = export(place / "model", place / "out", option, value, code=1).stderr
        assert f"{option} is for --to {of}, but the model is exported --to inference" in message
    message = export(place / "model", place / "graph.onnx", code=1).stderr
    assert "but --to inference makes a directory: give --to onnx, or another name" in message
    assert not (place / "graph.onnx").exists()


def test_a_missing_package_is_named_before_the_work(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    result = export(place / "model", place / "out", "--to", "hub", "--test", place / "test.txt", code=1)
    assert "slidelearn export needs the package huggingface_hub: pip install 'slidelearn[hub]'" in result.stderr
    assert "test:" not in result.stdout
