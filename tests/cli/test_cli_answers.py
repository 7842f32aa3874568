from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from commands import run

from slidelearn import SlideClassifier, SlideTextClassifier

NAMES, TEXTS = ["tab\there", "line\nend", "a:b 1"], ["one cat", "two dogs", "three boats"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model whose labels have names that lines cannot hold, and texts to ask about."""
    folder = tmp_path_factory.mktemp("answers")
    clf = SlideTextClassifier(SlideClassifier(preset="quick", n_jobs=1))
    clf.fit(TEXTS * 5, NAMES * 5).save(folder / "model")
    (folder / "new.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    return folder


@pytest.mark.parametrize(
    ("name", "flags"), [("answers.jsonl.gz", ()), ("answers.ndjson", ()), ("answers", ("--json-lines",))]
)
def test_answers_as_json_keep_names_whole(name: str, flags: tuple[str, ...], place: Path, tmp_path: Path) -> None:
    output = tmp_path / name
    run("predict", place / "model", place / "new.jsonl", "--top-k", 2, "--names", *flags, "--output", output)
    written = gzip.decompress(output.read_bytes()) if name.endswith(".gz") else output.read_bytes()
    answers = [json.loads(line) for line in written.splitlines()]
    best, scores = SlideTextClassifier.load(place / "model").predict_topk(TEXTS, k=2)
    assert [answer["labels"] for answer in answers] == best.tolist()
    np.testing.assert_allclose([answer["scores"] for answer in answers], scores, rtol=1e-5)


def test_without_names_they_have_numbers(place: Path) -> None:
    lines = run("predict", place / "model", place / "new.jsonl", "--top-k", 2, "--json-lines").stdout.splitlines()
    numbers, _ = SlideTextClassifier.load(place / "model").predict_topk(TEXTS, k=2, labels=False)
    assert [json.loads(line)["labels"] for line in lines] == numbers.tolist()


def test_a_dash_is_standard_output(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ("predict", place / "model", place / "new.jsonl", "--quiet")
    assert run(*asked, "--output", "-").stdout == run(*asked).stdout != ""
    labelled = place / "labelled.jsonl"
    labelled.write_text('{"text": "one cat", "labels": ["a"]}\n')
    command = [sys.executable, "-m", "slidelearn", "convert", str(labelled), "-", "--to", "csv"]
    written = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert written.splitlines() == ["text,labels", "one cat,a"]
    assert not list(tmp_path.iterdir())
