"""The commands about data files: ``slidelearn convert`` and ``slidelearn data info``."""

from __future__ import annotations

import json as json_format
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from slidelearn.cli.arguments import Threads
from slidelearn.cli.data_report import (
    data_report,
    label_counts,
    plot_label_counts,
    print_histogram,
    print_report,
    unseen_report,
)
from slidelearn.cli.display import make_console, size
from slidelearn.cli.inputs import Columns, From, Inputs, LayoutSettings
from slidelearn.cli.places import require_file_place
from slidelearn.data import SampleSet, files_of, write_samples
from slidelearn.extras import import_extra
from slidelearn.formats import FORMATS, format_named, format_of
from slidelearn.model.documents import (
    LABEL_NAMES,
    VECTORIZER,
    Documents,
    label_names,
    put_label_names,
    put_vectorizer,
    vectorizer_of,
)
from slidelearn.packed_files import open_to_replace, unpacked_name
from slidelearn.text.samples import vectorizer_for, with_features
from slidelearn.wording import counted

data_app = typer.Typer(no_args_is_help=True, help="Look at data files.")

_FORMATS = "\n\n".join(f"{each.name}: {each.about} ({', '.join(each.endings)})" for each in FORMATS.values())


def convert(
    source: Annotated[Path, typer.Argument(metavar="A", exists=True, dir_okay=False, help="File to read.")],
    target: Annotated[Path, typer.Argument(metavar="B", help="File to write; packed if its name ends in .gz or .xz.")],
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
) -> None:
    """Read samples from one file and write them to another, in the formats that their names say."""
    console = make_console()
    kind = format_of(target) if to_format is None else format_named(to_format)
    for written in kind.files(target):
        require_file_place("B", written, [*files_of(source, from_format), like])
    inputs = Inputs.of(console, threads, from_format, layout)
    samples = inputs.read(str(source), source)
    if samples.X is None and not kind.texts:
        samples = _with_features_like(console, source, samples, like) if like else _with_features(samples, target)
    elif like:
        raise ValueError(f"--like is for texts that become features, but {kind.name} takes {source} as it is")
    with console.status(f"writing {target}"):
        write_samples(target, samples, format=kind.name, **inputs.layout)
    console.print(f"wrote {target}, {size(target.stat().st_size)}", soft_wrap=True)


convert.__doc__ = f"{convert.__doc__}\n\nFormats, and how the names of their files end:\n\n{_FORMATS}"


def _beside(path: Path, name: str) -> Path:
    """Where a converted file has what goes with it: train.labels.txt beside train.txt.gz."""
    return path.with_name(f"{Path(unpacked_name(path)).stem}.{name}")


def _with_features(samples: SampleSet, target: Path) -> SampleSet:
    """Make features of texts; how, and the names of the labels, are written beside the target."""
    vectorizer, documents = vectorizer_for(samples), dict[str, str]()
    assert samples.label_names is not None
    put_vectorizer(documents, vectorizer)
    put_label_names(documents, samples.label_names, samples.Y.shape[1])
    for name, text in documents.items():
        with open_to_replace(_beside(target, name)) as file:
            file.write(text.encode())
    return with_features(samples, vectorizer)


def _with_features_like(console: Console, source: Path, samples: SampleSet, like: Path) -> SampleSet:
    """Make features of texts as another file has them, and leave out labels that it has not."""
    documents: Documents = {name: _beside(like, name).read_text("utf-8") for name in (VECTORIZER, LABEL_NAMES)}
    vectorizer, n_labels = vectorizer_of(documents), len(documents[LABEL_NAMES].splitlines())
    assert vectorizer is not None
    names = label_names(documents, n_labels)
    samples = Columns(len(vectorizer.vocabulary_), n_labels, str(like), vectorizer, names).of_texts(source, samples)
    unseen = samples.Y[:, n_labels:]
    if unseen.shape[1]:
        labels, times = counted(unseen.shape[1], "label"), counted(unseen.nnz, "time")
        console.print(f"left out: {labels} that {like} has not, {times}", soft_wrap=True)
    return replace(samples, Y=samples.Y[:, :n_labels], label_names=names)


@data_app.command()
def info(
    path: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="Samples.")],
    test: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Samples to test on: which labels are new in it?")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="File for a plot of how many samples the labels have, such as labels.png.")
    ] = None,
    from_format: From = None,
    layout: LayoutSettings = None,
    threads: Threads = None,
    json: Annotated[bool, typer.Option("--json", help="End with one line of JSON.")] = False,
) -> None:
    """Count samples, features and labels of a file, and show how often labels occur."""
    console = make_console(json=json)
    require_file_place("--plot", plot, [path, test])
    if plot:
        import_extra("matplotlib.figure", "plot", "--plot")  # before a large file is read
    inputs = Inputs.of(console, threads, from_format, layout)
    samples = inputs.read(str(path), path)
    report = data_report(samples)
    print_report(console, path.name, report)
    print_histogram(console, report)
    counts = {path.name: label_counts(samples)}
    if test:
        test_samples = inputs.read(str(test), test)
        report["test"] = data_report(test_samples) | unseen_report(samples, test_samples)
        print_report(console, test.name, report["test"])
        counts[test.name] = label_counts(test_samples)
    if plot:
        plot_label_counts(plot, counts)
        console.print(f"drew {plot}", soft_wrap=True)
    if json:
        print(json_format.dumps(report))
