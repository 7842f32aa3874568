"""The commands."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import IO, Annotated

import typer

from slidelearn.calibration import measure_costs
from slidelearn.cli.arguments import Json, Method, Model, Threads, file_argument
from slidelearn.cli.data_files import convert, data_app
from slidelearn.cli.demo import run_demo
from slidelearn.cli.display import counting, make_console, print_json
from slidelearn.cli.exporting import export
from slidelearn.cli.failures import Commands
from slidelearn.cli.inputs import From, Inputs, LayoutSettings
from slidelearn.cli.inspection import machine_report, model_report, print_machine, print_model
from slidelearn.cli.measuring import footprint, measure, print_measured
from slidelearn.cli.places import require_file_place
from slidelearn.cli.report import report
from slidelearn.cli.train import train
from slidelearn.cli.tune import tune
from slidelearn.estimator import SlideClassifier
from slidelearn.formats.xmc_pair import read_pairs
from slidelearn.machine_costs import keep_costs
from slidelearn.model.documents import label_names
from slidelearn.packed_files import open_to_replace
from slidelearn.version import __version__

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    help="Neural networks with very wide outputs, trained on CPUs by computing only the neurons that matter. "
    "Data files have features or texts, in any of the formats that `slidelearn convert --help` lists.",
)

_ROWS_PER_WRITE = 8192
_JSON_LINES = {".jsonl", ".ndjson"}
_Output = IO[bytes] | io.BufferedIOBase
_Answers = Iterable[tuple[list[int], list[float]]]
_USUAL_K = 5

app.command()(train)
app.command()(tune)
app.command()(report)
app.command()(export)
app.command()(convert)
app.add_typer(data_app, name="data")


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
def evaluate(
    model: Model,
    test: Annotated[Path, file_argument("TEST", "Samples to test the model on.")],
    method: Method = "auto",
    from_format: From = None,
    layout: LayoutSettings = None,
    filter_file: Annotated[
        Path | None,
        typer.Option("--filter", exists=True, dir_okay=False, help="Pairs of sample and label that do not count."),
    ] = None,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Test a saved model."""
    console = make_console(json=json)
    clf = SlideClassifier.load(model, n_jobs=threads)
    began = time.perf_counter()
    samples = Inputs.of(console, threads, from_format, layout).read_for("test", test, clf, model)
    if filter_file:
        samples = replace(samples, unjudged=read_pairs(filter_file, samples.Y.shape))
    read_seconds = time.perf_counter() - began
    measured = measure(clf, samples, console, method)
    print_measured(console, measured)
    if json:
        print_json(measured | {"read_seconds": read_seconds} | footprint(clf, model))


@app.command()
def predict(
    model: Model,
    input_file: Annotated[Path, file_argument("INPUT", "Samples; their labels, if any, are ignored.")],
    top_k: Annotated[
        int | None, typer.Option(min=1, help=f"Labels per sample; {_USUAL_K} if not given, or all if there are fewer.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="File to write instead of standard output; packed if its name ends in .gz or .xz.", show_default=False
        ),
    ] = None,
    names: Annotated[bool, typer.Option("--names", help="Names of labels, with tabs between the pairs.")] = False,
    json_lines: Annotated[
        bool,
        typer.Option(
            "--json-lines",
            help='Write {"labels": [...], "scores": [...]} for each sample; also if --output is called .jsonl.',
        ),
    ] = False,
    method: Method = "auto",
    from_format: From = None,
    layout: LayoutSettings = None,
    threads: Threads = None,
) -> None:
    """Write the best labels of each sample, a line each: label:score label:score ..."""
    console = make_console(json=True)  # standard output is for the answers
    require_file_place("--output", output, [input_file, model])
    if output is None and sys.stdout is None:
        raise ValueError("the answers need --output, as standard output is closed")
    clf = SlideClassifier.load(model, n_jobs=threads)
    if top_k is None:
        top_k = min(_USUAL_K, clf.n_labels_)
    if top_k > clf.n_labels_:
        raise ValueError(f"--top-k must be at most {clf.n_labels_}, the labels that {model} has, but is {top_k}")
    written_as = label_names(clf.documents_, clf.n_labels_) if names else [str(label) for label in range(clf.n_labels_)]
    if written_as is None:
        raise ValueError(f"--names needs the names of the labels, but {model} has none: train it with --labels")
    inputs = Inputs.of(console, threads, from_format, layout)
    X = inputs.read_for("input", input_file, clf, model, with_labels=False).X
    assert X is not None
    as_objects = json_lines or (output is not None and _JSON_LINES.intersection(output.suffixes[-2:]))
    with (
        open_to_replace(output) if output else nullcontext(sys.stdout.buffer) as file,
        counting(console, "labelling", X.shape[0]) as after_batch,
    ):
        for begin in range(0, X.shape[0], _ROWS_PER_WRITE):
            ids, scores = clf.predict_topk(X[begin : begin + _ROWS_PER_WRITE], top_k, method=method)
            answers = zip(ids.tolist(), scores.tolist(), strict=True)
            if as_objects:
                _write_objects(file, answers, written_as if names else range(clf.n_labels_))
            else:
                _write_lines(file, answers, written_as, "\t" if names else " ")
            after_batch(begin + len(ids))


@app.command()
def inspect(model: Model, json: Json = False) -> None:
    """Show what a saved model is made of, without loading it."""
    report = model_report(model)
    print_model(make_console(json=json), model, report)
    if json:
        print_json(report)


@app.command()
def info(
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Measure the costs on this machine, in some ten seconds, and keep them.")
    ] = False,
    json: Json = False,
) -> None:
    """Show what this machine offers: processors, memory, instruction sets, and the costs that new models choose by."""
    console = make_console(json=json)
    if calibrate:
        with console.status("measuring what work takes here"):
            keep_costs(measure_costs())
    found = machine_report()
    print_machine(console, found)
    if json:
        print_json(found)


@app.command()
def demo(
    definition: Annotated[
        str | None, typer.Argument(metavar='"A DEFINITION"', help="Words to label.", show_default=False)
    ] = None,
    out: Annotated[Path, typer.Option(help="Directory of the demo's model.")] = Path("slidelearn-demo"),
    threads: Threads = None,
) -> None:
    """Learn the 19,584 labels of WordNet in seconds, and label definitions in plain words."""
    run_demo(make_console(), definition, out, threads)


def _write_lines(file: _Output, answers: _Answers, names: Sequence[str], gap: str) -> None:
    for ids, scores in answers:
        found = (pair for pair in zip(ids, scores, strict=True) if pair[0] >= 0)
        pairs = (f"{names[label]}:{score:.6g}" for label, score in found)
        file.write((gap.join(pairs) + "\n").encode())


def _write_objects(file: _Output, answers: _Answers, names: Sequence[str | int]) -> None:
    """Names may hold what separates the pairs of a line, and line ends: JSON quotes them."""
    for ids, scores in answers:
        found = [pair for pair in zip(ids, scores, strict=True) if pair[0] >= 0]
        labels = [names[label] for label, _ in found]
        answer = {"labels": labels, "scores": [float(f"{score:.6g}") for _, score in found]}
        file.write((json.dumps(answer, ensure_ascii=False) + "\n").encode())
