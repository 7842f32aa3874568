from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slidelearn import SlideClassifier, SlideTextClassifier
from slidelearn.datasets import Dataset
from slidelearn.export import ExportError, onnx_graph, onnx_top_k, to_onnx
from slidelearn.features.prepared import prepare
from slidelearn.inference import top_k
from slidelearn.model.model import Member

MODELS: dict[str, dict[str, Any]] = {
    "recipe": {},
    "two networks": {"n_networks": 2, "shortlist_length": 12},
    "two models": {"n_models": 2, "shortlist_length": 12},
    "raw features": {"normalize_features": False, "feature_power": 1.0},
    "inner products": {"logits": "inner_product"},
    "two hidden layers": {"hidden_sizes": (24, 16), "hidden_activation": "relu", "hidden_bias": True},
    "paper": {"preset": "paper", "hidden_sizes": (16,), "min_active": 50, "n_tables": 4},
}


def _trained(tiny: Dataset, **options: Any) -> SlideClassifier:
    options = {"hidden_sizes": (16,), "n_epochs": 2, "precision": "fp32", "ranker": False, "n_jobs": 1} | options
    return SlideClassifier(**options).fit(tiny.X_train, tiny.Y_train)


@pytest.mark.parametrize("inputs", ["sparse", "dense"])
@pytest.mark.parametrize("options", MODELS.values(), ids=MODELS)
def test_a_graph_gives_the_models_labels(tiny: Dataset, tmp_path: Path, options: dict[str, Any], inputs: Any) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    clf = _trained(tiny, **options)
    to_onnx(clf, tmp_path / "model.onnx", k=7, inputs=inputs)
    X = tiny.X_test[:300].copy()
    X.data[:40] *= -3
    X.data[X.indptr[5] : X.indptr[6]] = 0  # a sample without features
    labels, scores = onnx_top_k(tmp_path / "model.onnx", X, n_jobs=1)
    expected, logits = clf.predict_topk(X, 8, method="exact")
    np.testing.assert_allclose(scores, logits[:, :7], rtol=1e-4, atol=1e-4)
    gaps = -np.diff(logits, axis=1)
    apart = np.minimum(np.pad(gaps, ((0, 0), (1, 0)), constant_values=1)[:, :7], gaps) > 1e-4
    assert apart.mean() > 0.9
    np.testing.assert_array_equal(labels[apart], expected[:, :7][apart])


def test_a_graph_standardises_dense_features(rng: np.random.Generator, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    X = rng.normal(5, 3, (300, 12)).astype(np.float32)
    X[:, 4] = 0  # which the model does not know
    clf = SlideClassifier(hidden_sizes=(8,), ranker=False, precision="fp32", n_jobs=1).fit(X, X.argmax(axis=1))
    assert clf.standards_
    assert len(clf.standards_.means) == 11
    to_onnx(clf, tmp_path / "model.onnx", k=3, inputs="dense")
    _, scores = onnx_top_k(tmp_path / "model.onnx", X, n_jobs=1)
    np.testing.assert_allclose(scores, clf.predict_topk(X, 3, method="exact")[1], rtol=1e-4, atol=1e-4)


def test_the_ranker_stays_behind(tiny: Dataset, tmp_path: Path, trained: SlideClassifier) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    assert trained.ranker_
    to_onnx(trained, tmp_path / "model.onnx", k=3)
    labels, _ = onnx_top_k(tmp_path / "model.onnx", tiny.X_test)
    X = prepare(tiny.X_test, trained.config_, None)
    of_network, _ = top_k([Member(trained.networks_)], X, 3, n_threads=1)
    assert (labels == of_network).mean() > 0.99
    assert (labels == trained.predict_topk(tiny.X_test, 3)[0]).mean() < 0.9


@pytest.mark.parametrize("n_columns", [3, 500])
def test_a_graph_takes_as_many_columns_as_the_model(
    n_columns: int, tiny: Dataset, tmp_path: Path, trained: SlideClassifier
) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    to_onnx(trained, tmp_path / "model.onnx")
    with pytest.raises(
        ValueError, match=rf"^X must have \d+ columns, as the model in .* knew them, but has {n_columns}$"
    ):
        onnx_top_k(tmp_path / "model.onnx", np.ones((2, n_columns), np.float32))


def test_a_model_of_texts_has_a_graph_of_features(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    texts = ["one cat", "two dogs", "three boats"] * 9
    clf = SlideTextClassifier(preset="quick", ranker=False, precision="fp32", n_jobs=1)
    clf.fit(texts, [["a"], ["b"], ["c"]] * 9)
    to_onnx(clf, tmp_path / "model.onnx", k=2)
    labels, _ = onnx_top_k(tmp_path / "model.onnx", clf.vectorizer_.transform(texts[:3]))
    assert clf.classes_[labels[:, 0]].tolist() == ["a", "b", "c"]


def test_what_does_not_fit_is_refused(
    tiny: Dataset, tmp_path: Path, trained: SlideClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.onnx"
    with pytest.raises(ValueError, match=r"k must be an integer in \[1, 413\], but is 0"):
        to_onnx(trained, path, k=0)
    with pytest.raises(ValueError, match="inputs must be 'sparse' or 'dense', but is 'csr'"):
        to_onnx(trained, path, inputs="csr")  # type: ignore[arg-type]
    dense = _trained(tiny, n_epochs=1, standardize_features=True)
    with pytest.raises(ExportError, match="inputs must be 'dense' for a model that standardises features"):
        to_onnx(dense, path)
    sampled = _trained(tiny, hidden_sizes=(16, 16), hidden_active=(0, 4), n_epochs=1, n_tables=2)
    with pytest.raises(ExportError, match="hidden_active must be 0 in all layers for ONNX"):
        to_onnx(sampled, path)
    monkeypatch.setattr(onnx_graph, "_MOST_BYTES", 1000)
    with pytest.raises(ExportError, match=r"the graph would hold 0\.0 GB, but a file of ONNX holds at most 2"):
        to_onnx(trained, path)
    assert not path.exists()


def test_without_the_package_there_is_advice(
    tmp_path: Path, trained: SlideClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"needs the package onnx: pip install 'slidelearn\[onnx\]'"):
        to_onnx(trained, tmp_path / "model.onnx")
