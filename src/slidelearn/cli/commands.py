"""The commands."""

from __future__ import annotations

import io
import json as json_format
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Annotated, Any

import typer
from rich.console import Console

from slidelearn.checkpoint import require_place
from slidelearn.cli.demo import run_demo
from slidelearn.cli.display import TrainingDisplay, counting, duration, make_console, size
from slidelearn.cli.exporting import export
from slidelearn.cli.failures import Commands
from slidelearn.cli.inputs import read_names, read_samples, require_columns
from slidelearn.cli.inspection import machine_report, print_machine, print_model
from slidelearn.cli.measuring import footprint, measure, print_measured
from slidelearn.cli.options import gather_options
from slidelearn.config import make_config
from slidelearn.data import open_to_replace
from slidelearn.documents import label_names, put_label_counts, put_label_names
from slidelearn.estimator import SlideClassifier
from slidelearn.machine import available_bytes, resolve_threads
from slidelearn.network import estimated_bytes
from slidelearn.training import training_bytes
from slidelearn.version import __version__

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Neural networks with very wide outputs, trained on CPUs by computing only the neurons that matter. "
    "Data files are in the format of the Extreme Classification Repository: plain, .gz or .xz.",
)

app.command()(export)

_ROWS_PER_WRITE = 8192


def _file_argument(name: str, meaning: str) -> Any:
    return typer.Argument(metavar=name, exists=True, dir_okay=False, help=meaning, show_default=False)


def _file_option(meaning: str) -> Any:
    return typer.Option(exists=True, dir_okay=False, help=meaning, show_default=False)


Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A directory that `slidelearn train` wrote.", show_default=False)
]
Threads = Annotated[
    int | None, typer.Option(min=1, max=1024, help="Threads; all processors if not given.", show_default=False)
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="An option, such as n_epochs=5 or preset=paper.", show_default=False
    ),
]
Method = Annotated[str, typer.Option(help="How labels are found: auto, exact, index or lsh (see `predict_topk`).")]
Json = Annotated[bool, typer.Option("--json", help="End with one line of JSON; progress goes to standard error.")]


def main() -> None:
    """Run the command line; a call that makes no sense ends with 1, as all mistakes do."""
    try:
        app()
    except SystemExit as end:
        sys.exit(1 if end.code == 2 else end.code)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"slidelearn {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def train(
    train_file: Annotated[Path, _file_argument("TRAIN", "Samples to learn from.")],
    test: Annotated[Path | None, _file_option("Samples to test the model on.")] = None,
    out: Annotated[Path | None, typer.Option(help="Directory to save the model in.", show_default=False)] = None,
    config: Annotated[Path | None, _file_option("TOML file of options; --set wins over it.")] = None,
    settings: Settings = None,
    labels: Annotated[Path | None, _file_option("Names of the labels, a line each, to keep with the model.")] = None,
    inference_only: Annotated[
        bool, typer.Option("--inference-only", help="Save a third of the bytes: a model that cannot go on learning.")
    ] = False,
    threads: Threads = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of everything random.", show_default=False)] = None,
    max_seconds: Annotated[
        float | None, typer.Option(help="Seconds that training may take, from the data in memory.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Train a model; test it, and save it."""
    console = make_console(json=json)
    if inference_only and not out:
        raise ValueError("--inference-only needs --out, the directory to save the model in")
    options = gather_options(config, settings or [], random_state=seed, max_seconds=max_seconds)
    resolved = make_config(**options)
    began = time.perf_counter()
    X, Y = read_samples(console, "train", train_file, threads)
    names = read_names(labels, Y.shape[1]) if labels else None
    tested = read_samples(console, "test", test, threads) if test else None
    read_seconds = time.perf_counter() - began
    if test and tested:
        require_columns(test, tested[0].shape[1], X.shape[1], "features", str(train_file))
        require_columns(test, tested[1].shape[1], Y.shape[1], "labels", str(train_file))
    if out:
        require_place(out, estimated_bytes(resolved, X.shape[1], Y.shape[1]))
    free = available_bytes()
    console.print(
        f"training: {size(training_bytes(resolved, X, Y))} of memory"
        + (f" ({size(free)} are free)" if free else "")
        + f"; {_threads(threads)}"
    )

    clf = SlideClassifier(n_jobs=threads, **options)
    with TrainingDisplay(console) as display:
        clf.fit(X, Y, callbacks=[display])
    _print_training(console, clf)
    put_label_counts(clf.documents_, Y)
    if names:
        put_label_names(clf.documents_, names, clf.n_labels_)
    if out:
        clf.save(out, inference_only=inference_only)
        console.print(f"saved {out}", soft_wrap=True)
    measured = measure(clf, *tested, console) if tested else {}
    if measured:
        print_measured(console, measured)
    if json:
        names_of_training = (
            "train_seconds",
            "cpu_seconds",
            "ranker_seconds",
            "ranker_c",
            "ranker_blend",
            "n_suggested",
            "pilot",
            "plans",
            "active_mean",
            "candidate_recall",
            "n_without_labels",
        )
        training = {name: clf.training_[name] for name in names_of_training}
        _print_json(measured | training | {"read_seconds": read_seconds} | footprint(clf, out))


@app.command()
def evaluate(
    model: Model,
    test: Annotated[Path, _file_argument("TEST", "Samples to test the model on.")],
    method: Method = "auto",
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Test a saved model."""
    console = make_console(json=json)
    clf = SlideClassifier.load(model, n_jobs=threads)
    began = time.perf_counter()
    X, Y = read_samples(console, "test", test, threads)
    read_seconds = time.perf_counter() - began
    require_columns(test, X.shape[1], clf.n_features_in_, "features", str(model))
    require_columns(test, Y.shape[1], clf.n_labels_, "labels", str(model))
    measured = measure(clf, X, Y, console, method)
    print_measured(console, measured)
    if json:
        _print_json(measured | {"read_seconds": read_seconds} | footprint(clf, model))


@app.command()
def predict(
    model: Model,
    input_file: Annotated[Path, _file_argument("INPUT", "Samples; the labels in it are not looked at.")],
    top_k: Annotated[int, typer.Option(min=1, help="Labels per sample.")] = 5,
    output: Annotated[
        Path | None,
        typer.Option(help="File to write instead of standard output; .gz and .xz pack.", show_default=False),
    ] = None,
    names: Annotated[bool, typer.Option("--names", help="Names of labels, with tabs between the pairs.")] = False,
    method: Method = "auto",
    threads: Threads = None,
) -> None:
    """Write the best labels of each sample, a line each: label:score label:score ..."""
    console = make_console(json=True)  # standard output is for the answers
    clf = SlideClassifier.load(model, n_jobs=threads)
    if top_k > clf.n_labels_:
        raise ValueError(f"--top-k must be at most {clf.n_labels_}, the labels that {model} has, but is {top_k}")
    written_as = label_names(clf.documents_, clf.n_labels_) if names else [str(label) for label in range(clf.n_labels_)]
    if written_as is None:
        raise ValueError(f"--names needs the names of the labels, but {model} has none: train it with --labels")
    X, _ = read_samples(console, "input", input_file, threads)
    require_columns(input_file, X.shape[1], clf.n_features_in_, "features", str(model))
    with (
        open_to_replace(output) if output else nullcontext(sys.stdout.buffer) as file,
        counting(console, "labelling", X.shape[0]) as after_batch,
    ):
        for begin in range(0, X.shape[0], _ROWS_PER_WRITE):
            ids, scores = clf.predict_topk(X[begin : begin + _ROWS_PER_WRITE], top_k, method=method)
            _write_lines(file, ids.tolist(), scores.tolist(), written_as, "\t" if names else " ")
            after_batch(begin + len(ids))


@app.command()
def inspect(model: Model) -> None:
    """Show what a saved model is made of, without loading it."""
    print_model(make_console(), model)


@app.command()
def info(json: Json = False) -> None:
    """Show what this machine offers: processors, memory, and the instruction sets of the kernels."""
    print_machine(make_console(json=json))
    if json:
        _print_json(machine_report())


@app.command()
def demo(
    definition: Annotated[
        str | None, typer.Argument(metavar='["A DEFINITION"]', help="Words to label.", show_default=False)
    ] = None,
    out: Annotated[Path, typer.Option(help="Directory of the demo's model.")] = Path("slidelearn-demo"),
    threads: Threads = None,
) -> None:
    """Learn the 19,584 labels of WordNet in seconds, and label definitions in plain words."""
    run_demo(make_console(), definition, out, threads)


def _threads(threads: int | None) -> str:
    n = resolve_threads(threads)
    return f"{n} thread{'s' * (n > 1)}"


def _print_training(console: Console, clf: SlideClassifier) -> None:
    report, n_labels = clf.training_, clf.n_labels_
    if report["plans"]:
        console.print(f"plan that fits into {clf.config_.max_seconds:g} s: {list(report['plans'])[-1]}", soft_wrap=True)
    if report["pilot"]:
        chosen = ", ".join(f"{option}={getattr(clf.config_, option)}" for option in report["pilot"])
        console.print(f"chosen by the pilot: {chosen}", soft_wrap=True)
    unlabelled = report["n_without_labels"]
    console.print(
        f"trained in {duration(report['train_seconds'])} ({report['cpu_seconds']:.1f} s of CPU)"
        + (f", of which the ranker took {duration(report['ranker_seconds'])}" if report["ranker_seconds"] else "")
        + f"; {report['active_mean']:,.0f} of {n_labels:,} labels active per sample"
        + (f"; {unlabelled:,} samples without labels left out" if unlabelled else ""),
        soft_wrap=True,
    )


def _print_json(report: dict[str, Any]) -> None:
    print(json_format.dumps(report))


def _write_lines(
    file: IO[bytes] | io.BufferedIOBase, ids: list[list[int]], scores: list[list[float]], names: list[str], gap: str
) -> None:
    for row, row_scores in zip(ids, scores, strict=True):
        found = (pair for pair in zip(row, row_scores, strict=True) if pair[0] >= 0)
        pairs = (f"{names[label]}:{score:.6g}" for label, score in found)
        file.write((gap.join(pairs) + "\n").encode())
