"""The commands; what they do is imported when one is called, which for most takes a second."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from slidelearn.cli.arguments import (
    From,
    HowFound,
    Json,
    LayoutSettings,
    Method,
    Model,
    Quiet,
    Threads,
    flag,
    samples_argument,
)
from slidelearn.cli.data_files import ListingFormats, convert, data_app
from slidelearn.cli.display import make_console, print_json
from slidelearn.cli.exporting import export
from slidelearn.cli.failures import Commands
from slidelearn.cli.predict import predict
from slidelearn.cli.report import report
from slidelearn.cli.train import train
from slidelearn.cli.tune import tune
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

app.command()(train)
app.command()(tune)
app.command()(report)
app.command()(export)
app.command(cls=ListingFormats)(convert)
app.command()(predict)
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
        bool, flag("--version", meaning="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


@app.command()
def evaluate(
    model: Model,
    test: Annotated[Path, samples_argument("TEST", "Samples to test the model on.")],
    method: HowFound = Method.AUTO,
    from_format: From = None,
    layout: LayoutSettings = None,
    filter_file: Annotated[
        Path | None,
        typer.Option("--filter", exists=True, dir_okay=False, help="Pairs of sample and label that do not count."),
    ] = None,
    threads: Threads = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Test a saved model."""
    import time
    from dataclasses import replace

    from slidelearn.cli.inputs import Inputs
    from slidelearn.cli.measuring import footprint, measure, print_measured
    from slidelearn.estimator import SlideClassifier
    from slidelearn.formats.xmc_pair import read_pairs

    console = make_console(json=json, quiet=quiet)
    clf = SlideClassifier.load(model, n_jobs=threads)
    began = time.perf_counter()
    samples = Inputs.of(console, threads, from_format, layout).read_for("test", test, clf, model)
    if filter_file:
        samples = replace(samples, unjudged=read_pairs(filter_file, samples.Y.shape))
    read_seconds = time.perf_counter() - began
    measured = measure(clf, samples, console, method)
    print_measured(make_console(json=json, quiet=json and quiet), measured)
    if json:
        print_json(measured | {"read_seconds": read_seconds} | footprint(clf, model))


@app.command()
def inspect(model: Model, json: Json = False) -> None:
    """Show what a saved model is made of, without loading it."""
    from slidelearn.cli.inspection import model_report, print_model

    report = model_report(model)
    print_model(make_console(json=json), model, report)
    if json:
        print_json(report)


@app.command()
def info(
    calibrate: Annotated[
        bool, flag("--calibrate", meaning="Measure the costs on this machine, in some ten seconds, and keep them.")
    ] = False,
    json: Json = False,
) -> None:
    """Show what this machine offers: processors, memory, instruction sets, and the costs that new models choose by."""
    from slidelearn.cli.inspection import machine_report, print_machine

    console = make_console(json=json)
    if calibrate:
        from slidelearn.calibration import measure_costs
        from slidelearn.machine.calibrated_costs import keep_costs

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
    from slidelearn.cli.demo import run_demo

    run_demo(make_console(), definition, out, threads)
