"""The backend under Annif's own command line: vocabulary, training, suggestions, learning."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what Annif brings along
    annif = pytest.importorskip("annif")
    import nltk
    from annif.cli import cli
    from click.testing import CliRunner

pytestmark = pytest.mark.filterwarnings("ignore")
PLACE = Path(__file__).parents[2] / "examples/annif"
SUBJECTS = {
    "cats": "a cat purrs and hunts mice",
    "ships": "a ship sails the sea",
    "music": "a song with a violin",
    "bread": "flour and water in an oven",
    "tennis": "a racket hits the ball",
    "winter": "snow falls on frozen lakes",
}
PROJECT = """[subjects]
name=Subjects
language=en
vocab=subjects
analyzer=simple
backend=slidelearn
allow_learn=true
hidden_sizes=16
n_epochs=5
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a vocabulary, a project and documents."""
    monkeypatch.syspath_prepend(str(PLACE))
    monkeypatch.delitem(annif.backend._backend_fns, "slidelearn", raising=False)
    monkeypatch.delitem(sys.modules, "annif_slidelearn", raising=False)
    __import__("annif_slidelearn")
    # Annif's tokenizer downloads its data when it is first used
    monkeypatch.setattr("nltk.data.find", lambda name: name)
    monkeypatch.setattr("nltk.tokenize.word_tokenize", nltk.tokenize.wordpunct_tokenize)
    monkeypatch.setattr("annif.default_config.Config.PROJECTS_CONFIG_PATH", str(tmp_path / "projects.cfg"))
    monkeypatch.setattr("annif.default_config.Config.DATADIR", str(tmp_path / "data"))
    (tmp_path / "projects.cfg").write_text(PROJECT)
    (tmp_path / "subjects.csv").write_text(
        "uri,label_en\n" + "".join(f"http://example.org/{name},{name}\n" for name in SUBJECTS)
    )
    lines = [f"{text} {number}\t<http://example.org/{name}>" for number in range(40) for name, text in SUBJECTS.items()]
    (tmp_path / "documents.tsv").write_text("\n".join(lines) + "\n")
    run("load-vocab", "subjects", tmp_path / "subjects.csv")
    return tmp_path


def run(*arguments: object, text: str | None = None, code: int = 0) -> Any:
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments], input=text)
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def best(text: str) -> str:
    return run("suggest", "subjects", text=text).splitlines()[0].split("\t")[1]


def test_train_suggest_and_eval(place: Path) -> None:
    run("train", "subjects", place / "documents.tsv")
    assert best("the cat hunts") == "cats"
    assert best("to sail by ship") == "ships"
    scores = [float(line.split("\t")[2]) for line in run("suggest", "subjects", text="a violin").splitlines()]
    assert scores == sorted(scores, reverse=True)
    assert 0.5 < scores[0] <= 1
    assert run("suggest", "subjects", text="unheard words") == ""
    assert "F1@5" in run("eval", "subjects", place / "documents.tsv")
    assert run("list-projects").count("True") == 1
    assert {path.suffix for path in (place / "data/projects/subjects/slidelearn-model").iterdir()} == {
        ".json",
        ".safetensors",
    }


def test_learning_changes_the_model_on_disk(place: Path) -> None:
    run("train", "subjects", place / "documents.tsv")
    assert best("violin") == "music"
    new = "".join("a violin in a ship\t<http://example.org/ships>\n" for _ in range(60))
    (place / "new.tsv").write_text(new)
    for _ in range(3):
        run("learn", "subjects", place / "new.tsv")
    assert best("a violin in a ship") == "ships"


def test_options_that_make_no_sense_are_refused(place: Path) -> None:
    with pytest.raises(AssertionError, match="hidden_sizes"):
        run("train", "subjects", place / "documents.tsv", "-b", "slidelearn.hidden_sizes=0")


def test_without_training_there_is_advice(place: Path) -> None:
    assert "Project is not trained" in run("suggest", "subjects", text="cat", code=1)
