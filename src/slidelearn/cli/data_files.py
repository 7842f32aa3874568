"""The commands about data files: ``slidelearn convert`` and ``slidelearn data info``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from slidelearn.cli.arguments import STANDARD_OUTPUT, From, Json, LayoutSettings, Quiet, Threads, samples_argument
from slidelearn.cli.display import make_console, print_json, size
from slidelearn.cli.places import require_file_place
from slidelearn.extras import import_extra

data_app = typer.Typer(no_args_is_help=True, help="Look at data files.")


class ListingFormats(TyperCommand):
    """A command whose help lists the formats, which are imported for it."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help with the list behind it."""
        from slidelearn.formats import FORMATS

        listed = (f"{each.name}: {each.about} ({', '.join(each.endings)})" for each in FORMATS.values())
        self.help = "\n\n".join([self.help or "", "Formats, and how the names of their files end:", *listed])
        super().format_help(ctx, formatter)


def convert(
    source: Annotated[Path, samples_argument("A", "File to read.")],
    target: Annotated[
        Path,
        typer.Argument(
            metavar="B",
            help="File to write; packed if its name ends in .gz or .xz. - is standard output, in the format of --to.",
        ),
    ],
    from_format: From = None,
    to_format: Annotated[
        str | None, typer.Option("--to", metavar="FORMAT", help="The same for the file to write.", show_default=False)
    ] = None,
    layout: LayoutSettings = None,
    like: Annotated[
        Path | None,
        typer.Option(help="For texts: a file converted before, whose features and labels B is to have."),
    ] = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Read samples from one file and write them to another, in the formats that their names say."""
    from slidelearn.cli.inputs import Inputs
    from slidelearn.cli.text_features import with_features, with_features_like
    from slidelearn.data import files_of, write_samples
    from slidelearn.formats import format_named, format_of

    if target == Path("-"):
        target = STANDARD_OUTPUT
    console = make_console(json=target == STANDARD_OUTPUT, quiet=quiet)
    kind = format_of(target) if to_format is None else format_named(to_format)
    for written in kind.files(target):
        require_file_place("B", written, [*files_of(source, from_format), like])
    inputs = Inputs.of(console, threads, from_format, layout)
    samples = inputs.read(str(source), source)
    if samples.X is None and not kind.texts:
        samples = with_features_like(console, source, samples, like) if like else with_features(samples, target)
    elif like:
        raise ValueError(f"--like is for texts that become features, but {kind.name} takes {source} as it is")
    with console.status(f"writing {target}"):
        write_samples(target, samples, format=kind.name, **inputs.layout)
    if target != STANDARD_OUTPUT:
        console.print(f"wrote {target}, {size(target.stat().st_size)}", soft_wrap=True)


@data_app.command()
def info(
    path: Annotated[Path, samples_argument("FILE", "Samples.")],
    test: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Samples to test on: which labels are new in it?")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="File for a plot of how many samples the labels have, such as labels.png.")
    ] = None,
    from_format: From = None,
    layout: LayoutSettings = None,
    threads: Threads = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Count samples, features and labels of a file, and show how often labels occur."""
    from slidelearn.cli.data_report import (
        data_report,
        label_counts,
        plot_label_counts,
        print_histogram,
        print_report,
        unseen_report,
    )
    from slidelearn.cli.inputs import Inputs

    console, results = make_console(json=json, quiet=quiet), make_console(json=json, quiet=json and quiet)
    require_file_place("--plot", plot, [path, test])
    if plot:
        import_extra("matplotlib.figure", "plot", "--plot")  # before a large file is read
    inputs = Inputs.of(console, threads, from_format, layout)
    samples = inputs.read(str(path), path)
    report = data_report(samples)
    print_report(results, path.name, report)
    print_histogram(results, report)
    counts = {path.name: label_counts(samples)}
    if test:
        test_samples = inputs.read(str(test), test)
        report["test"] = data_report(test_samples) | unseen_report(samples, test_samples)
        print_report(results, test.name, report["test"])
        counts[test.name] = label_counts(test_samples)
    if plot:
        plot_label_counts(plot, counts)
        console.print(f"drew {plot}", soft_wrap=True)
    if json:
        print_json(report)
