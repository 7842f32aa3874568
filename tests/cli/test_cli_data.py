"""The commands and their data files: every format, texts, streams, converting, looking at files."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import QUICK, last_json, run
from sample_sets import assert_same, with_features, with_texts
from scipy import sparse

from slidelearn import SampleSet, SlideClassifier, SlideTextClassifier, read_samples, write_samples
from slidelearn.cli.data_report import data_report, unseen_report
from slidelearn.datasets import Dataset


def metrics(report: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in report.items() if "@" in name}


@pytest.fixture(scope="module")
def place(tiny: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with features in train.txt and test.txt, texts in train.jsonl and test.jsonl, and a model of these."""
    folder = tmp_path_factory.mktemp("data")
    for part, X, Y, texts in (
        ("train", tiny.X_train, tiny.Y_train, tiny.train_texts),
        ("test", tiny.X_test, tiny.Y_test, tiny.test_texts),
    ):
        write_samples(folder / f"{part}.txt", SampleSet(Y, X))
        write_samples(folder / f"{part}.jsonl", SampleSet(Y, texts=texts, label_names=tiny.label_names))
    run("train", folder / "train.jsonl", "--out", folder / "texts-model", *QUICK)
    return folder


@pytest.mark.parametrize("names", [("trn_X_Xf.txt", "tst_X_Xf.txt"), ("a.svm", "b.svm"), ("X.npz", "test_X.npz")])
def test_every_format_makes_the_same_model(names: tuple[str, str], place: Path, tmp_path: Path) -> None:
    train, test = (tmp_path / name for name in names)
    run("convert", place / "train.txt", train)
    run("convert", place / "test.txt", test)
    expected = last_json(run("train", place / "train.txt", "--test", place / "test.txt", *QUICK, "--json"))
    found = last_json(run("train", train, "--test", test, *QUICK, "--json", "--out", tmp_path / "model"))
    assert metrics(found) == metrics(expected)
    again = last_json(run("evaluate", tmp_path / "model", test, "--json"))
    assert metrics(again) == metrics(expected)
    answers = [run("predict", tmp_path / "model", file).stdout for file in (test, place / "test.txt")]
    assert answers[0] == answers[1]


def test_texts_are_learnt_and_answered_by_name(place: Path, tmp_path: Path, tiny: Dataset) -> None:
    (tmp_path / "new.jsonl").write_text('{"text": "bell, bell shape : the shape of a bell"}\n\n{"text": ""}\n')
    lines = run("predict", place / "texts-model", tmp_path / "new.jsonl", "--names", "--top-k", 3).stdout.splitlines()
    answers = [[pair.rpartition(":")[0] for pair in line.split("\t")] for line in lines]
    assert [len(row) for row in answers] == [3, 3]
    assert all(name in tiny.label_names for row in answers for name in row)
    clf = SlideTextClassifier.load(place / "texts-model")
    assert clf.n_texts_ == len(tiny.train_texts)
    assert set(clf.predict_topk(["the shape of a bell"], 3)[0].ravel()) <= set(tiny.label_names) == set(clf.classes_)
    assert "label_counts.json" in clf.classifier_.documents_
    report = last_json(run("evaluate", place / "texts-model", place / "test.jsonl", "--json"))
    assert report["p@1"] > 0.3
    assert report["psp@1"] > 0.1


def test_a_table_in_a_layout_of_its_own(place: Path, tmp_path: Path) -> None:
    layout = ("--layout", "text_column=title", "--layout", "label-column=subjects", "--layout", "label_separator=|")
    run("convert", place / "train.jsonl", tmp_path / "plain.csv")
    samples = read_samples(tmp_path / "plain.csv")
    write_samples(tmp_path / "odd.tsv", samples, text_column="title", label_column="subjects", label_separator="|")
    (tmp_path / "odd.tsv").rename(tmp_path / "odd.tab")
    report = last_json(run("data", "info", tmp_path / "odd.tab", "--from", "tsv", *layout, "--json"))
    assert report["n_label_values"] == samples.Y.nnz
    message = run("data", "info", tmp_path / "odd.tab", "--from", "tsv", code=1).stderr
    assert "odd.tab, line 1: expected one column 'text', but found 'title', 'subjects'; text_column, or " in message
    assert "--layout text_column=NAME, says which to take" in message


def test_labels_that_training_has_not_seen_count_as_missed(place: Path, tmp_path: Path, tiny: Dataset) -> None:
    Y = sparse.csr_array(sparse.hstack([np.ones((608, 1), np.float32), tiny.Y_test]))
    names = ["nobody knows it", *tiny.label_names]
    write_samples(tmp_path / "test.csv", SampleSet(Y, texts=tiny.test_texts, label_names=names))
    result = run("evaluate", place / "texts-model", tmp_path / "test.csv", "--json")
    assert f"counted as missed: 1 label unknown to {place / 'texts-model'}" in result.stderr
    expected = last_json(run("evaluate", place / "texts-model", place / "test.jsonl", "--json"))
    found = last_json(result)
    assert found["p@1"] == expected["p@1"]
    assert found["recall@20"] < 0.9 * expected["recall@20"]
    assert found["psp@5"] < expected["psp@5"]


def test_pairs_that_say_nothing_count_neither_way(place: Path, tmp_path: Path, tiny: Dataset) -> None:
    """Each sample's best answer is left out, right or wrong: the second takes its place."""
    run("train", place / "train.txt", "--out", tmp_path / "model", *QUICK)
    ids, _ = SlideClassifier.load(tmp_path / "model").predict_topk(tiny.X_test, 21)
    pairs = "".join(f"{sample} {label}\n" for sample, label in enumerate(ids[:, 0]))
    (tmp_path / "pairs.txt").write_text(pairs)
    by_option = run("evaluate", tmp_path / "model", place / "test.txt", "--filter", tmp_path / "pairs.txt", "--json")
    run("convert", place / "test.txt", tmp_path / "tst_X_Xf.txt")
    (tmp_path / "pairs.txt").rename(tmp_path / "filter_labels_test.txt")
    by_name = run("evaluate", tmp_path / "model", tmp_path / "tst_X_Xf.txt", "--json")
    assert "608 pairs of sample and label not to be judged" in by_name.stderr
    right = tiny.Y_test.toarray()[np.arange(608)[:, None], ids] != 0
    n_judged = np.diff(tiny.Y_test.indptr) - right[:, 0]
    for report in (last_json(by_option), last_json(by_name)):
        assert report["p@1"] == pytest.approx(right[:, 1].mean())
        assert report["p@5"] == pytest.approx(right[:, 1:6].mean())
        assert report["recall@20"] == pytest.approx((right[:, 1:].sum(axis=1) / np.maximum(n_judged, 1)).mean())


def test_a_stream(place: Path, tmp_path: Path) -> None:
    files = (place / "train.txt", "--test", place / "test.txt")
    result = run("train", *files, *QUICK, "--stream", "--buffer", 500, "--out", tmp_path / "model")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("train: 2,589 samples, 3,546 features, 413 labels; 500 samples at a time (")
    assert lines[2].startswith("training: ")
    report = last_json(run("evaluate", tmp_path / "model", place / "test.txt", "--json"))
    assert report["p@1"] > 0.3
    assert report["psp@1"] > 0.1
    whole = last_json(run("train", *files, *QUICK, "--stream", "--json"))
    assert metrics(whole) == metrics(last_json(run("train", *files, *QUICK, "--json")))


def test_nothing_is_answered_by_nothing_and_judges_nothing(place: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "unlabelled.jsonl").write_text('{"text": "a boat", "labels": []}\n')
    assert run("predict", place / "texts-model", tmp_path / "empty.jsonl").stdout == ""
    for name, found in (("empty", "is empty"), ("unlabelled", "has none")):
        judges = tmp_path / f"{name}.jsonl"
        for command in (
            ("evaluate", place / "texts-model", judges),
            ("export", place / "texts-model", tmp_path / "out", "--test", judges),
            ("train", place / "train.jsonl", "--test", judges, *QUICK),
            ("train", place / "train.jsonl", "--validation", judges, *QUICK),
        ):
            result = run(*command, code=1)
            assert f"{name}.jsonl must have labels to judge by, but {found}" in result.stderr
            assert "epoch" not in result.stdout  # before the time for training is spent
    assert not (tmp_path / "out").exists()


def test_standard_input(place: Path) -> None:
    def piped(*arguments: object) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "slidelearn", *map(str, arguments)]
        return subprocess.run(command, input=texts, capture_output=True, check=False)

    texts = (place / "train.jsonl").read_bytes()
    for name in ("-", "/dev/stdin"):
        assert piped("data", "info", name, "--from", "jsonl").stdout.startswith(b"/dev/stdin: 2,589 texts")
    lines = b"xmc, libsvm, csv, tsv, jsonl"
    assert b"the format of a pipe must be named (--from, format=): " + lines in piped("data", "info", "-").stderr
    for format in ("xmc-pair", "npz", "parquet"):
        refused = piped("data", "info", "-", "--from", format).stderr
        assert b"/dev/stdin: a pipe must be in one of " + lines in refused


def test_a_pipe_is_read_once() -> None:
    message = run("train", "/dev/null", "--stream", "--from", "jsonl", code=1).stderr
    assert "--stream needs a file that can be read several times, but /dev/null is a pipe or device" in message


def test_texts_become_features_and_others_like_them(place: Path, tmp_path: Path, tiny: Dataset) -> None:
    run("convert", place / "train.jsonl", tmp_path / "train.txt.gz")
    assert {path.name for path in tmp_path.iterdir()} == {"train.txt.gz", "train.labels.txt", "train.vectorizer.json"}
    names = (tmp_path / "train.labels.txt").read_text().splitlines()
    assert names == sorted(tiny.label_names)
    result = run("convert", place / "test.jsonl", tmp_path / "test.svm", "--like", tmp_path / "train.txt.gz")
    assert "left out" not in result.stdout
    train, test = read_samples(tmp_path / "train.txt.gz"), read_samples(tmp_path / "test.svm")
    assert train.X is not None
    assert test.X is not None
    assert train.X.shape[1] >= test.X.shape[1]
    row = test.Y[[1]].indices
    assert {names[label] for label in row} == {tiny.label_names[label] for label in tiny.Y_test[[1]].indices}

    write_samples(tmp_path / "odd.jsonl", with_texts())
    result = run("convert", tmp_path / "odd.jsonl", tmp_path / "odd.txt", "--like", tmp_path / "train.txt.gz")
    assert f"left out: 7 labels that {tmp_path / 'train.txt.gz'} has not, 8 times" in result.stdout
    assert read_samples(tmp_path / "odd.txt").Y.shape == (7, 413)


def test_convert_keeps_every_bit(tmp_path: Path) -> None:
    samples = with_features(np.random.default_rng(0))
    write_samples(tmp_path / "a.txt", samples)
    run("convert", tmp_path / "a.txt", tmp_path / "trn_X_Xf.txt.gz", "--threads", 1)
    run("convert", tmp_path / "trn_X_Y.txt.gz", tmp_path / "X.npz")
    run("convert", tmp_path / "X.npz", tmp_path / "data", "--to", "xmc")
    assert_same(read_samples(tmp_path / "data"), samples)


MISTAKES = {
    "unknown format": (("convert", "{a}", "{place}/b.what"), "cannot tell its format by its name: give it one of xmc,"),
    "no such format": (("convert", "{a}", "{place}/b", "--to", "xml"), "format must be one of xmc, xmc-pair,"),
    "no texts": (("convert", "{a}", "{place}/b.csv"), "this format holds texts, but the samples have features"),
    "like of features": (("convert", "{a}", "{place}/b.svm", "--like", "{a}"), "--like is for texts that become"),
    "like of nothing": (("convert", "{texts}", "{place}/b.svm", "--like", "{a}"), "a.vectorizer.json: No such file"),
    "layout": (("data", "info", "{a}", "--layout", "text_colum=x"), "nothing in a layout is called 'text_colum'; did"),
    "layout form": (("data", "info", "{a}", "--layout", "x"), "--layout must be of the form name=value, such as"),
    "layout number": (("data", "info", "{a}", "--layout", "first_id=2"), "first_id must be 0 or 1, but is 2"),
    "no words": (("train", "{wordless}"), "there must be words, in two texts or more where there are many"),
    "no lines": (("train", "{empty}"), "there must be texts to make features of, but there are none"),
    "streamed words": (("train", "{wordless}", "--stream"), "there must be words to make features of, but of"),
    "names twice": (("train", "{texts}", "--labels", "{texts}"), "--labels is for files that number their labels, but"),
    "stream in a hurry": (("train", "{a}", "--stream", "--max-seconds", "9"), "max_seconds must not be given with a"),
    "texts for features": (("evaluate", "{model}", "{texts}"), "holds texts, but {model} was trained on features"),
    "other columns": (("predict", "{model}", "{other}"), "must have 9 features, as {model} has, but has 5"),
    "filter": (("evaluate", "{model}", "{a}", "--filter", "{a}"), "a.txt, line 1: expected 'sample label', two ids"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_end_in_one_message(mistake: str, tmp_path: Path) -> None:
    write_samples(tmp_path / "a.txt", with_features(np.random.default_rng(0)))
    write_samples(tmp_path / "texts.csv", with_texts())
    write_samples(tmp_path / "other.txt", SampleSet(sparse.csr_array(np.eye(5)), sparse.csr_array(np.eye(5))))
    arguments, message = MISTAKES[mistake]
    if "{model}" in arguments:
        run("train", tmp_path / "a.txt", *QUICK, "--out", tmp_path / "model")
    write_samples(tmp_path / "wordless.csv", replace(with_texts(), texts=list("abcdefg")))
    (tmp_path / "empty.jsonl").touch()
    before = sorted(tmp_path.iterdir())
    names = {"empty": "empty.jsonl"}
    names |= {"a": "a.txt", "texts": "texts.csv", "other": "other.txt", "wordless": "wordless.csv", "model": "model"}
    places = {"place": tmp_path} | {name: tmp_path / file for name, file in names.items()}
    result = run(*(text.format(**places) for text in arguments), code=1)
    assert result.stderr.splitlines()[-1].startswith("slidelearn: ")
    assert message.format(**places) in result.stderr
    assert "Traceback" not in result.output
    assert sorted(tmp_path.iterdir()) == before


def test_data_info_counts(place: Path, tiny: Dataset) -> None:
    report = last_json(run("data", "info", place / "train.txt", "--test", place / "test.txt", "--json"))
    assert (report["n_samples"], report["n_features"], report["n_labels"]) == (2589, 3546, 413)
    assert report["n_feature_values"] == tiny.X_train.nnz
    assert report["labels_per_sample"] == tiny.Y_train.nnz / 2589
    assert sum(row["n_labels"] for row in report["labels_by_samples"]) == 413
    assert report["test"]["n_samples"] == 608
    text = run("data", "info", place / "train.jsonl").stdout
    for expected in ("2,589", "413", "characters", "most samples of a label", "128 - 255", "▇▇"):
        assert expected in text


def matrix(*rows: list[int]) -> sparse.csr_array:
    return sparse.csr_array(np.array(rows, np.float32))


def test_what_a_report_says() -> None:
    Y = matrix([1, 1, 0, 0, 0], [1, 0, 0, 0, 0], [1, 1, 1, 0, 0], [0] * 5, [1, 0, 0, 0, 0])
    report = data_report(SampleSet(Y, matrix([1, 0, 3], [0, 0, 0], [0, 0, 0], [1, 1, 1], [0, 1, 0])))
    assert report == {
        "n_samples": 5,
        "n_labels": 5,
        "n_features": 3,
        "n_feature_values": 6,
        "features_per_sample": 1.2,
        "most_features_of_a_sample": 3,
        "n_without_features": 2,
        "n_label_values": 7,
        "labels_per_sample": 1.4,
        "most_labels_of_a_sample": 3,
        "n_without_labels": 1,
        "n_labels_without_samples": 2,
        "most_samples_of_a_label": 4,
        "labels_by_samples": [
            {"from": 1, "to": 1, "n_labels": 1},
            {"from": 2, "to": 3, "n_labels": 1},
            {"from": 4, "to": 7, "n_labels": 1},
        ],
    }
    test = SampleSet(matrix([1, 0, 0, 1, 0, 1], [0, 1, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0]))
    assert unseen_report(SampleSet(Y), test) == {
        "n_unseen_labels": 2,
        "n_unseen_label_values": 3,
        "n_samples_with_unseen": 2,
    }
    empty = data_report(SampleSet(sparse.csr_array((0, 0), dtype=np.float32), texts=[]))
    assert (empty["n_samples"], empty["labels_per_sample"], empty["labels_by_samples"]) == (0, 0.0, [])


def test_unseen_labels_are_told_by_their_names() -> None:
    def texts(*names: str) -> SampleSet:
        Y = sparse.csr_array(np.eye(len(names), dtype=np.float32))
        return SampleSet(Y, texts=["x"] * len(names), label_names=sorted(names))

    found = unseen_report(texts("a", "c"), texts("b", "c", "d"))
    assert found == {"n_unseen_labels": 2, "n_unseen_label_values": 2, "n_samples_with_unseen": 2}


def test_a_plot(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "labels.png"
    run("data", "info", place / "train.txt", "--test", place / "test.txt", "--plot", path)
    assert path.read_bytes().startswith(b"\x89PNG")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    message = run("data", "info", place / "train.txt", "--plot", path, code=1).stderr
    assert "--plot needs the package matplotlib: pip install 'slidelearn[plot]'" in message


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_samples(tmp_path / "a.txt", with_features(np.random.default_rng(0)))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    message = run("convert", tmp_path / "a.txt", tmp_path / "a.parquet", code=1).stderr
    assert "a Parquet or Arrow file needs the package pyarrow: pip install 'slidelearn[arrow]'" in message


def test_one_is_not_many(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("1 1 1\n0 0:1\n")
    (tmp_path / "one.jsonl").write_text('{"text": "word", "labels": ["a"]}\n')
    quick = ("--set", "hidden_sizes=8", "--set", "n_epochs=1", "--threads", 1)
    text = run("train", tmp_path / "one.txt", "--test", tmp_path / "one.txt", *quick).stdout
    text += run("train", tmp_path / "one.txt", "--stream", *quick).stdout
    text += run("train", tmp_path / "one.jsonl", *quick).stdout
    run("train", tmp_path / "one.txt", *quick, "--out", tmp_path / "model")
    assert run("predict", tmp_path / "model", tmp_path / "one.txt").stdout.startswith("0:")  # all the labels there are
    for counted in ("1 sample, 1 feature (1.0 each), 1 label (1.0 each)", "1 thread\n", "1 test sample", "1 text (4 "):
        assert counted in text
    assert "train: 1 sample, 1 feature, 1 label; 1 sample at a time" in text
    assert not re.search(r"\b1 \w+s\b(?! per)", text), text
