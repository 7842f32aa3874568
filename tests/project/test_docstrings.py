"""The examples in docstrings run, of every module that has some and whose packages are installed."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import slidelearn

SOURCES = Path(slidelearn.__file__).parent
MODULES = sorted(
    ".".join(("slidelearn", *path.relative_to(SOURCES).with_suffix("").parts))
    for path in SOURCES.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)
_NEEDS = {
    "torch": "torch",
    "plots": "matplotlib",
    "tuning": "optuna",
    "export.hub": "huggingface_hub",
    "export.onnx_graph": "onnxruntime",
}


def test_there_are_some() -> None:
    assert {"slidelearn.estimator.classifier", "slidelearn.metrics", "slidelearn.text.stream"} <= set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_examples(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part, package in _NEEDS.items():
        if module.startswith(f"slidelearn.{part}"):
            pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)  # examples write files
    n_failed, n_tried = doctest.testmod(import_module(module))
    assert n_tried
    assert not n_failed
