from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from slidelearn import SlideClassifier
from slidelearn.datasets import Dataset
from slidelearn.export import ExportError, to_hub
from slidelearn.model.documents import put_label_names, put_vectorizer
from slidelearn.text.vectorizers import make_vectorizer


def test_a_folder_is_a_model_with_a_card(
    tiny: Dataset, trained: SlideClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = tmp_path / "tiny-model"
    put_label_names(trained.documents_, tiny.label_names, trained.n_labels_)
    put_vectorizer(trained.documents_, make_vectorizer(tiny))
    metrics = to_hub(trained, folder, test=(tiny.X_test, tiny.Y_test), tested_on="test.txt")

    loaded = SlideClassifier.load(folder)
    assert metrics["p@1"] == pytest.approx(loaded.score(tiny.X_test, tiny.Y_test))
    card = hub.ModelCard.load(folder / "README.md")
    assert card.data.library_name == "slidelearn"
    assert card.data.pipeline_tag == "text-classification"
    assert card.data.model_name == "tiny-model"
    results = {one.metric_type: one.metric_value for one in card.data.eval_results}
    assert results["p@1"] == pytest.approx(metrics["p@1"], abs=1e-5)
    assert {one.dataset_name for one in card.data.eval_results} == {"test.txt"}
    assert f"| precision | {100 * metrics['p@1']:.2f} % |" in card.text
    assert "1 of 3,546 -> 16 -> 413" in card.text
    assert "| training samples | 2,589 |" in card.text
    assert "Publish the model only where you may publish these" in card.text
    assert "`n_epochs=1`" in card.text
    assert "filter=lfs" in (folder / ".gitattributes").read_text()


def test_the_cards_code_runs(tiny: Dataset, trained: SlideClassifier, tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    put_label_names(trained.documents_, tiny.label_names, trained.n_labels_)
    put_vectorizer(trained.documents_, make_vectorizer(tiny))
    to_hub(trained, tmp_path)
    text = hub.ModelCard.load(tmp_path / "README.md").text
    code = text.partition("```python\n")[2].partition("```")[0]
    found: dict[str, object] = {"folder": tmp_path}
    exec(code, found)
    assert np.shape(found["labels"]) == np.shape(found["scores"]) == (1, 5)
    assert set(np.ravel(found["labels"])) <= set(tiny.label_names)


def test_labels_in_the_form_of_training(tiny: Dataset, tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    train, test = (
        [[tiny.label_names[label] for label in row.indices] for row in Y] for Y in (tiny.Y_train, tiny.Y_test)
    )
    clf = SlideClassifier(hidden_sizes=(8,), n_epochs=1, n_networks=1, n_jobs=1).fit(tiny.X_train, train)
    metrics = to_hub(clf, tmp_path, test=(tiny.X_test, test), inference_only=False)
    results = hub.ModelCard.load(tmp_path / "README.md").data.eval_results
    assert {result.dataset_name for result in results} == {"unknown"}  # nobody has said on what
    assert metrics["p@1"] == pytest.approx(clf.score(tiny.X_test, test))
    assert "labels, scores = clf.predict_topk(X, k=5, labels=True)" in (tmp_path / "README.md").read_text()


def test_a_whole_model_may_go_on_learning(tiny: Dataset, trained: SlideClassifier, tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    to_hub(trained, tmp_path / "whole", inference_only=False, name="anything")
    card = hub.ModelCard.load(tmp_path / "whole/README.md")
    assert "# anything" in card.text
    assert card.data.pipeline_tag == "tabular-classification"
    assert card.data.eval_results is None
    SlideClassifier.load(tmp_path / "whole").partial_fit(tiny.X_train[:50], tiny.Y_train[:50])


def test_a_card_that_is_there_is_not_overwritten(trained: SlideClassifier, tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(ExportError, match=r"README\.md is there already: move it away"):
        to_hub(trained, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_without_the_package_nothing_is_written(
    trained: SlideClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r"pip install 'slidelearn\[hub\]'"):
        to_hub(trained, tmp_path / "model")
    assert not (tmp_path / "model").exists()
