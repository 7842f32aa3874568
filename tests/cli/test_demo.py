from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from slidelearn import SlideClassifier
from slidelearn.cli import app, demo
from slidelearn.model.documents import inverse_propensities, label_names, vectorizer_of


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(demo, "DATASET", "wordnet-tiny")
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, code: int = 0) -> Any:
    result = CliRunner().invoke(app, ["demo", *arguments])
    assert result.exit_code == code, result.output
    assert result.stderr == "" or code
    return result


def test_demo() -> None:
    text = run().stdout
    rows = re.findall(r"^ +(\d\.\d\d) +([\d.]+)% +([\d.]+)% +([\d.]+)% +▇+$", text, flags=re.MULTILINE)
    assert [float(row[0]) for row in rows] == [looks / 4 for looks in range(len(rows))]
    assert float(rows[-1][1]) > float(rows[0][1])
    assert re.search(r"all 608 test definitions: +P@1 [\d.]+% +P@3 [\d.]+% +P@5 [\d.]+%", text)
    assert re.search(r"Per definition, \d+ of the 413 output neurons", " ".join(text.split()))
    assert "The model is saved in slidelearn-demo." in text
    for definition in demo._DEFINITIONS:
        assert definition in text
    assert "Try next" in text


def test_the_model_of_the_demo_has_all_it_takes_to_label_texts() -> None:
    run()
    clf = SlideClassifier.load("slidelearn-demo")
    names, vectorizer = label_names(clf.documents_, clf.n_labels_), vectorizer_of(clf.documents_)
    assert names is not None
    assert vectorizer is not None
    assert inverse_propensities(clf.documents_, clf.n_labels_) is not None
    ids, _ = clf.predict_topk(vectorizer.transform(["a person who writes"]), 10)
    assert any("person" in names[label] for label in ids[0])


def test_a_definition_of_ones_own() -> None:
    first = run("a small bird").stdout
    assert "The model is saved in slidelearn-demo." in first
    second = run("a small bird").stdout
    assert second.startswith("This is by the model in slidelearn-demo, which a former run has left there.")
    assert "Learnt in" not in second
    labels = second[second.index("a small bird is a kind of") : second.index("Try next")]
    assert labels in first
    assert len(labels.split("\n")) > 5


def test_what_the_demo_refuses(trained: SlideClassifier, tmp_path: Path) -> None:
    for definition in (" ", "xyzzy"):
        message = f"must have a word that WordNet's definitions have, but is {definition!r}"
        assert message in run(definition, code=1).stderr
    assert not (tmp_path / "slidelearn-demo").exists()
    trained.save(tmp_path / "mine")
    assert "mine holds a model that is not the demo's" in run("--out", "mine", code=1).stderr
