from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import QUICK, last_json, run

from slidelearn import SlideClassifier, __version__, write_xmc
from slidelearn.cli.arguments import FORMAT_NAMES
from slidelearn.cli.checkpoints import KEEP
from slidelearn.cli.display import size
from slidelearn.cli.options import gather_options
from slidelearn.config import Config
from slidelearn.datasets import Dataset
from slidelearn.formats import FORMATS
from slidelearn.machine.costs import Costs
from slidelearn.metrics import evaluate, propensities
from slidelearn.sample_stream import BUFFER_SIZE
from slidelearn.tuning import METRIC, N_TRIALS

METRICS = {"p@1", "p@3", "p@5", "psp@1", "psp@3", "psp@5", "ndcg@1", "ndcg@3", "ndcg@5", "recall@20"}
TRAINING = {
    "validation",
    "train_seconds",
    "ranker_seconds",
    "ranker_c",
    "ranker_blend",
    "n_suggested",
    "pilot",
    "plans",
    "cpu_seconds",
    "active_mean",
    "candidate_recall",
    "n_without_labels",
}
BOTH = {"n_test_samples", "read_seconds", "predict_ms_per_sample", "predict_ms_alone"}
ALWAYS = {"peak_memory_mb", "model_mb", "config"}


def in_a_process(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "slidelearn", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def place(tiny: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train.txt.gz, test.txt, labels.txt, and a model of them."""
    folder = tmp_path_factory.mktemp("cli")
    write_xmc(folder / "train.txt.gz", tiny.X_train, tiny.Y_train)
    write_xmc(folder / "test.txt", tiny.X_test, tiny.Y_test)
    (folder / "labels.txt").write_text("\n".join(tiny.label_names))
    run("train", folder / "train.txt.gz", "--out", folder / "model", "--labels", folder / "labels.txt", *QUICK)
    return folder


def test_train_says_what_it_does(place: Path, tmp_path: Path) -> None:
    result = run("train", place / "train.txt.gz", "--test", place / "test.txt", "--out", tmp_path / "model", *QUICK)
    lines = result.stdout.splitlines()
    assert lines[0] == "train: 2,589 samples, 3,546 features (8.9 each), 413 labels (2.8 each), 0.2 MB"
    assert lines[1].startswith("test: 608 samples")
    assert lines[2].startswith("training: 4.0 MB of memory")
    assert lines[3] == "pilot: ranker_blend=found on a part of the samples"
    assert lines[4].startswith("epoch 1/1: 100% · ")
    assert lines[5] == "ranker: 100% of the shortlists"
    assert lines[6].startswith("trained in ")
    assert ", of which the ranker took " in lines[6]
    assert lines[7] == f"saved {tmp_path / 'model'}"
    assert result.stderr == ""


def test_quiet(place: Path, tmp_path: Path) -> None:
    """What was asked for, and nothing beside it."""
    train, test, model = place / "train.txt.gz", place / "test.txt", place / "model"
    for arguments, results in (
        (("train", train, "--out", tmp_path / "new", *QUICK), ""),
        (("train", train, "--test", test, *QUICK), "608 test samples"),
        (("evaluate", model, test), "608 test samples"),
        (("data", "info", test), "test.txt"),
        (("convert", test, tmp_path / "new.svm"), ""),
        (("export", model, tmp_path / "small", "--test", test), "form"),
    ):
        done = run(*arguments, "--quiet")
        assert done.stdout.startswith(results), arguments
        assert bool(done.stdout) == bool(results), arguments
        assert not done.stderr
    assert not run("predict", model, test, "-q").stderr
    for command in (("evaluate", model, test), ("data", "info", test)):
        done = run(*command, "-q", "--json")
        assert last_json(done)
        assert not done.stderr


def test_train_as_json(place: Path, tmp_path: Path, tiny: Dataset) -> None:
    files = (place / "train.txt.gz", "--test", place / "test.txt", "--out", tmp_path / "model")
    files = (*files, "--validation", place / "test.txt")
    result = run("train", *files, *QUICK, "--seed", 3, "--json")
    assert len(result.stdout.splitlines()) == 1  # the rest is on standard error
    assert "epoch 1/1" in result.stderr
    report = last_json(result)
    assert report.keys() == METRICS | TRAINING | BOTH | ALWAYS
    assert report["config"]["random_state"] == 3
    assert report["n_without_labels"] == 0
    assert report["candidate_recall"] is None
    assert 0 < report["active_mean"] <= 413
    assert report["model_mb"] == pytest.approx(sum(p.stat().st_size for p in (tmp_path / "model").iterdir()) / 1e6)

    clf = SlideClassifier.load(tmp_path / "model")
    ids, _ = clf.predict_topk(tiny.X_test, 20)
    expected = evaluate(ids, tiny.Y_test, 1 / propensities(tiny.Y_train))
    assert {name: report[name] for name in METRICS} == pytest.approx(expected)
    assert report["validation"] == {name: pytest.approx(report[name]) for name in report["validation"]}  # of the model

    again = last_json(run("evaluate", tmp_path / "model", place / "test.txt", "--json"))
    assert again.keys() == METRICS | BOTH | ALWAYS
    assert {name: again[name] for name in METRICS} == pytest.approx(expected)


def test_train_without_test_or_out(place: Path) -> None:
    report = last_json(run("train", place / "train.txt.gz", *QUICK, "--json"))
    assert report.keys() == TRAINING | ALWAYS | {"read_seconds"}
    assert report["model_mb"] > 0.2
    assert report["validation"] is None


def test_fewer_labels_than_ranks(tmp_path: Path) -> None:
    X, Y = np.eye(4), np.eye(4, 3)
    write_xmc(tmp_path / "data.txt", X, Y)
    report = last_json(run("train", tmp_path / "data.txt", "--test", tmp_path / "data.txt", *QUICK, "--json"))
    assert 0 < report["p@5"] <= 0.2
    assert report["n_without_labels"] == 1


def test_evaluate_without_label_counts_has_no_psp(tmp_path: Path, place: Path, trained: SlideClassifier) -> None:
    trained.save(tmp_path / "model")
    assert last_json(run("evaluate", tmp_path / "model", place / "test.txt", "--json"))["psp@1"] > 0.1
    del trained.documents_["label_counts.json"]  # as models of Python had none
    trained.save(tmp_path / "model")
    report = last_json(run("evaluate", tmp_path / "model", place / "test.txt", "--json"))
    assert report["psp@1"] is None
    assert report["p@1"] > 0


def test_evaluate_prints_percent(place: Path) -> None:
    text = run("evaluate", place / "model", place / "test.txt").stdout
    assert "precision at k" in text
    assert "propensity-scored" in text
    assert "ms alone" in text


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_predict(packed: str, place: Path, tmp_path: Path, tiny: Dataset) -> None:
    output = tmp_path / f"answers.txt{packed}"
    run("predict", place / "model", place / "test.txt", "--top-k", 3, "--output", output)
    text = gzip.decompress(output.read_bytes()).decode() if packed else output.read_text()
    ids, scores = SlideClassifier.load(place / "model").predict_topk(tiny.X_test, 3)
    pairs = [[pair.split(":") for pair in line.split(" ")] for line in text.splitlines()]
    np.testing.assert_array_equal([[int(label) for label, _ in line] for line in pairs], ids)
    np.testing.assert_allclose([[float(score) for _, score in line] for line in pairs], scores, rtol=1e-5)
    assert text == run("predict", place / "model", place / "test.txt", "--top-k", 3).stdout or packed
    assert [path.name for path in tmp_path.iterdir()] == [output.name]


def test_predict_names(place: Path, tiny: Dataset) -> None:
    lines = run("predict", place / "model", place / "test.txt", "--top-k", 2, "--names").stdout.splitlines()
    ids, _ = SlideClassifier.load(place / "model").predict_topk(tiny.X_test, 2)
    names = [[pair.rpartition(":")[0] for pair in line.split("\t")] for line in lines]
    assert names == [[tiny.label_names[label] for label in row] for row in ids]


def test_labels_that_the_tables_find(place: Path, tiny: Dataset) -> None:
    """The tables may find fewer than are asked for: there are no pairs for these."""
    model, test = place / "model", place / "test.txt"
    lines = run("predict", model, test, "--top-k", 300, "--method", "lsh").stdout.splitlines()
    ids, _ = SlideClassifier.load(model).predict_topk(tiny.X_test, 300, method="lsh")
    assert (ids == -1).any()
    written = [[int(pair.split(":")[0]) for pair in line.split(" ") if pair] for line in lines]
    assert written == [row[row >= 0].tolist() for row in ids]
    found, exact = (last_json(run("evaluate", model, test, "--method", m, "--json")) for m in ("lsh", "exact"))
    assert found["recall@20"] < exact["recall@20"]
    for command in ("predict", "evaluate"):
        assert "'fast' is not one of 'auto'," in run(command, model, test, "--method", "fast", code=2).stderr


def test_info(monkeypatch: pytest.MonkeyPatch) -> None:
    text = run("info").stdout
    for expected in (__version__, "instruction_sets", "baseline", "SLIDELEARN_ISA"):
        assert expected in text
    report = last_json(run("info", "--json"))
    assert report["instruction_set"] in report["instruction_sets"]
    assert report["n_processors"] >= 1
    monkeypatch.setenv("SLIDELEARN_ISA", "baseline")
    assert json.loads(in_a_process("info", "--json").stdout)["instruction_set"] == "baseline"


def test_info_calibrates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIDELEARN_HOME", str(tmp_path))
    assert "the package" in last_json(run("info", "--json"))["costs_from"]
    monkeypatch.setattr("slidelearn.calibration.measure_costs", lambda: Costs(index_from=1234))
    report = last_json(run("info", "--calibrate", "--json"))
    assert report == last_json(run("info", "--json")) | {"free_memory_mb": report["free_memory_mb"]}
    assert report["costs"] == {"scanned_per_second": 1.25e11, "index_from": 1234}
    assert Path(report["costs_from"]).parent == tmp_path
    assert "1234" in run("info").stdout


def test_an_instruction_set_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIDELEARN_ISA", "avx3")
    result = in_a_process("info")
    assert result.returncode == 1
    assert result.stderr.startswith("slidelearn: the environment variable SLIDELEARN_ISA: the instruction set must be ")
    assert len(result.stderr.splitlines()) == 1


def test_inspect(place: Path) -> None:
    text = run("inspect", place / "model").stdout
    for expected in ("output.weights", "413 x 16", "float32", "26,432", "labels.txt", "learning_rate", "active_mean"):
        assert expected in text
    assert "frequency " in text  # what weighs the evidence, in words
    assert "{" not in text


def test_inspect_as_json(place: Path) -> None:
    result = run("inspect", place / "model", "--json")
    assert len(result.stdout.splitlines()) == 1
    report = last_json(result)
    arrays = {array["name"]: array for array in report["arrays"]}
    assert arrays["output.weights"] == {
        "name": "output.weights",
        "dtype": "float32",
        "shape": [413, 16],
        "bytes": 26432,
    }
    assert report["bytes"] == sum(path.stat().st_size for path in (place / "model").iterdir())
    assert report["documents"]["labels.txt"] == (place / "labels.txt").stat().st_size + 1  # the last line's end
    assert report["options"]["n_epochs"] == 1
    assert report["training"]["n_labels"] == 413


def test_each_network_of_an_ensemble_is_named(place: Path) -> None:
    lines = run("train", place / "train.txt.gz", *QUICK, "--set", "n_networks=2").stdout.splitlines()
    shown = [line for line in lines if "samples/s" in line]
    assert shown[0].startswith("network 1/2, epoch 1/1: 50% · ")
    assert shown[-1].startswith("network 2/2, epoch 1/1: 100% · ")


@pytest.mark.parametrize(
    ("n_bytes", "written"),
    [(4200, "4.2 kB"), (99_000, "99.0 kB"), (150_000, "0.1 MB"), (27e6, "27.0 MB"), (2e9, "2.0 GB")],
)
def test_sizes(n_bytes: float, written: str) -> None:
    assert size(n_bytes) == written


def test_version() -> None:
    assert run("--version").stdout == f"slidelearn {__version__}\n"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (["hidden_sizes=128,64"], {"hidden_sizes": (128, 64)}),
        (["hidden_sizes=(128,)"], {"hidden_sizes": (128,)}),
        (["hidden-sizes=[128]"], {"hidden_sizes": (128,)}),
        (["hidden_active="], {"hidden_active": ()}),
        (["preset=paper", "n_epochs=3"], {"preset": "paper", "n_epochs": 3}),
        (["n_epochs=3", "n_epochs=4"], {"n_epochs": 4}),
        (["learning_rate=1e-3"], {"learning_rate": 0.001}),
        (["bucket_size=none"], {"bucket_size": None}),
        (["bucket_size=128"], {"bucket_size": 128}),
        (["deterministic=False"], {"deterministic": False}),
        (["sampler=batch+memory"], {"sampler": "batch+memory"}),
        (["logits=cosine"], {"logits": "cosine"}),
        (["unknown=3"], {"unknown": "3"}),
    ],
)
def test_settings(settings: list[str], expected: dict[str, Any]) -> None:
    assert gather_options(None, settings) == expected


def test_every_option_can_be_set_as_text() -> None:
    for name, value in Config().model_dump().items():
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        text = json.dumps(value) if isinstance(value, dict) else text
        options = gather_options(None, [f"{name}={text}"])
        assert options == {name: value}


def test_set_wins_over_the_file_and_seed_over_both(tmp_path: Path) -> None:
    path = tmp_path / "options.toml"
    path.write_text('preset = "paper"\nhidden_sizes = [64]\nrandom_state = 1\n')
    options = gather_options(path, ["hidden_sizes=32", "random_state=2"], random_state=3)
    assert options == {"preset": "paper", "hidden_sizes": (32,), "random_state": 3}


def test_options_from_a_file_reach_the_model(place: Path, tmp_path: Path) -> None:
    path = tmp_path / "options.toml"
    path.write_text('preset = "paper"\nhidden_sizes = [8]\nn_epochs = 1\n')
    report = last_json(run("train", place / "train.txt.gz", "--config", path, "--set", "n_tables=5", "--json"))
    config = report["config"]
    assert (config["sampler"], config["hidden_sizes"], config["n_epochs"], config["n_tables"]) == ("lsh", [8], 1, 5)
    assert 0 < report["candidate_recall"] < 1


MISTAKES = {
    "option": (("--set", "n_epoch=3"), "no option is called 'n_epoch'; did you mean 'n_epochs'?"),
    "value": (("--set", "n_epochs=0"), "n_epochs must be >= 1, but is 0"),
    "type": (("--set", "n_epochs=three"), "n_epochs must be an integer, but is 'three'"),
    "preset": (("--set", "preset=papr"), "preset must be one of recipe, quick, paper, but is 'papr'"),
    "form": (("--set", "n_epochs"), "--set must be of the form name=value, such as n_epochs=5, but is 'n_epochs'"),
    "memory": (("--set", "hidden_sizes=1000000000"), "training needs"),
    "inference only": (("--inference-only",), "--inference-only needs --out"),
    "out is a file": (("--out", "{place}/test.txt"), "test.txt must be a directory, but"),
    "out is taken": (("--out", "{taken}"), "move what is there out of the way"),
    "test has other columns": (("--test", "{small}"), "must have 3546 features, as {train} has, but has 2"),
    "not XMC": (("--test", "{labels}"), "labels.txt, line 1"),
    "labels": (("--labels", "{small}"), "must have one line per label (413), but has 3"),
    "log": (("--log", "{place}/no/log.csv"), "there is no directory {place}/no: make it, or give another place"),
    "log over a file": (("--test", "{log}", "--log", "{log}"), "--log must be another file than {log}, which is read"),
    "threads": (("--threads", "0"), "--threads must lie in [1, 1024], but is 0"),
    "buffer": (("--buffer", "10"), "--buffer needs --stream"),
    "not TOML": (("--config", "{labels}"), "labels.txt is not a TOML file"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_end_before_training_with_one_message(mistake: str, place: Path, tmp_path: Path) -> None:
    write_xmc(tmp_path / "small.txt", np.eye(2), np.eye(2))
    (tmp_path / "config.json").write_text("{}")
    places = {
        "place": place,
        "taken": tmp_path,
        "small": tmp_path / "small.txt",
        "train": place / "train.txt.gz",
        "labels": place / "labels.txt",
        "log": tmp_path / "test.csv",
    }
    (tmp_path / "test.csv").write_text("text,labels\na cat,cat\n")
    arguments, message = MISTAKES[mistake]
    result = run("train", place / "train.txt.gz", *(text.format(**places) for text in arguments), code=1)
    assert result.stderr.startswith("slidelearn: ")
    assert message.format(**places) in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert "epoch" not in result.stdout


def test_mistakes_with_models(place: Path, tmp_path: Path, trained: SlideClassifier) -> None:
    write_xmc(tmp_path / "small.txt", np.eye(2), np.eye(2))
    trained.save(tmp_path / "nameless")
    model, test = place / "model", place / "test.txt"
    for arguments, message in (
        (("evaluate", tmp_path, test), "is not a model: it has no config.json"),
        (("evaluate", model, tmp_path / "small.txt"), f"must have 3546 features, as {model} has, but has 2"),
        (("predict", model, test, "--top-k", 414), f"--top-k must be at most 413, the labels that {model} has"),
        (("predict", tmp_path / "nameless", test, "--names"), "--names needs the names of the labels"),
        (("inspect", test), "is not a model: it is a file, and a model is a directory"),
        (("inspect", tmp_path), "is not a model"),
    ):
        assert message in run(*arguments, code=1).stderr


def test_help_tells_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written without importing what has them."""
    assert tuple(FORMATS) == FORMAT_NAMES
    monkeypatch.setenv("COLUMNS", "200")
    for command, told in (
        ("train", f"{BUFFER_SIZE:,} if not given"),
        ("train", f"{KEEP} if not given"),
        ("tune", f"{N_TRIALS} if neither"),
        ("tune", f"[default: {METRIC}]"),
    ):
        assert told in run(command, "--help").stdout


@pytest.mark.parametrize("width", [40, 60])
def test_no_number_is_cut_on_a_narrow_terminal(width: int, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, test = place / "model", place / "test.txt"
    commands = (("evaluate", model, test, "-q"), ("inspect", model), ("data", "info", test), ("info",))
    for arguments in commands:
        monkeypatch.setenv("COLUMNS", str(width))
        assert "…" not in run(*arguments).stdout, arguments
    assert "precision at k " in run(*commands[0]).stdout
    assert "input.weights " in run("inspect", model).stdout


def test_flags_are_not_said_to_take_a_value() -> None:
    for command in ("train", "predict", "info"):
        for line in run(command, "--help").stdout.splitlines():
            assert "bool" not in line or "--help" in line, line


def test_options_can_be_read_on_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for command in ("train", "tune", "evaluate", "predict", "report", "export", "convert"):
        assert "…" not in run(command, "-h").stdout, command


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError("std::bad_alloc"), "out of memory"),
        (RuntimeError("can't start new thread"), "the system starts no more threads"),
    ],
)
def test_a_system_without_memory_is_explained(
    error: Exception, message: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(SlideClassifier, "load", fail)
    result = run("evaluate", place / "model", place / "test.txt", code=1)
    assert result.stderr.startswith(f"slidelearn: {message}")


@pytest.mark.parametrize(
    "arguments", [("train", "no-such-file"), ("train",), ("trian", "x"), ("train", "x", "--sett", "a=b"), ("--wrong",)]
)
def test_a_wrong_call_ends_with_1_and_no_traceback(arguments: tuple[str, ...]) -> None:
    done = in_a_process(*arguments)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr


def test_a_failure_of_the_system_is_explained(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "model.safetensors.tmp")

    monkeypatch.setattr("slidelearn.estimator.fitted.save_model", full)
    result = run("train", place / "train.txt.gz", "--out", place / "new", *QUICK, code=1)
    assert result.stderr == "slidelearn: model.safetensors.tmp: No space left on device\n"


@pytest.fixture
def heard_interrupts() -> Iterator[None]:
    """Children inherit that SIGINT is ignored, as shells have it for what they start in the background."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
@pytest.mark.usefixtures("heard_interrupts")
def test_interrupted(number: signal.Signals, code: int, word: str, place: Path) -> None:
    before = {path: path.read_bytes() for path in (place / "model").iterdir()}
    command = [sys.executable, "-m", "slidelearn", "train", place / "train.txt.gz", "--out", place / "model"]
    with subprocess.Popen(
        [*map(str, command), "--set", "n_epochs=1000000", "--set", "ranker=false"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        while not process.stdout.readline().startswith("epoch"):
            assert process.poll() is None
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert errors == f"slidelearn: {word}\n"
    assert {path: path.read_bytes() for path in (place / "model").iterdir()} == before


def test_a_reader_that_leaves_is_no_failure_to_explain(place: Path) -> None:
    command = [sys.executable, "-m", "slidelearn", "predict", place / "model", place / "test.txt", "--top-k", "400"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait(120) == 141
    assert "Traceback" not in errors
    assert "slidelearn:" not in errors
