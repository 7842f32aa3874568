"""What a data file holds, in numbers: for people with a histogram, and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.table import Table

from slidelearn.cli.display import print_table
from slidelearn.data import SampleSet
from slidelearn.extras import import_extra
from slidelearn.matrices import FloatCsr
from slidelearn.text.samples import with_labels_of
from slidelearn.wording import counted

_BAR, _NUMBERS = 40, 32
"""Columns of the terminal that the longest bar of a histogram may have, and that the numbers before it take."""


def data_report(samples: SampleSet) -> dict[str, Any]:
    """Counts of samples, features and labels; how many labels there are by how many samples they have."""
    report: dict[str, Any] = {"n_samples": samples.n_samples, "n_labels": samples.Y.shape[1]}
    if samples.X is not None:
        report |= {"n_features": samples.X.shape[1], **_per_sample("feature", samples.X)}
    if samples.texts is not None:
        lengths = np.array([len(text) for text in samples.texts], np.int64)
        report |= {"n_characters": int(lengths.sum()), "n_empty_texts": int((lengths == 0).sum())}
    report |= _per_sample("label", samples.Y)
    counts = label_counts(samples)
    report["n_labels_without_samples"] = int((counts == 0).sum())
    report["most_samples_of_a_label"] = int(counts.max(initial=0))
    report["labels_by_samples"] = _by_frequency(counts)
    return report


def _per_sample(what: str, matrix: FloatCsr) -> dict[str, Any]:
    each = np.diff(matrix.indptr)
    return {
        f"n_{what}_values": int(matrix.nnz),
        f"{what}s_per_sample": float(each.mean()) if len(each) else 0.0,
        f"most_{what}s_of_a_sample": int(each.max(initial=0)),
        f"n_without_{what}s": int((each == 0).sum()),
    }


def label_counts(samples: SampleSet) -> NDArray[np.int64]:
    """Samples of each label, (n_labels,)."""
    return np.bincount(samples.Y.indices, minlength=samples.Y.shape[1])


def _by_frequency(counts: NDArray[np.int64]) -> list[dict[str, int]]:
    """How many labels have 1, 2 to 3, 4 to 7 ... samples."""
    ends = 2 ** np.arange(int(counts.max(initial=0)).bit_length() + 1)
    return [
        {"from": int(begin), "to": int(end) - 1, "n_labels": int(((counts >= begin) & (counts < end)).sum())}
        for begin, end in pairwise(ends)
    ]


def unseen_report(train: SampleSet, test: SampleSet) -> dict[str, int]:
    """Which labels of the test samples no training sample has, and how many test samples that concerns."""
    if train.label_names is not None and test.label_names is not None:
        test = with_labels_of(test, train.label_names)
    seen = np.zeros(max(train.Y.shape[1], test.Y.shape[1]), np.bool_)
    seen[train.Y.indices] = True
    unseen = ~seen[test.Y.indices]
    row_of = np.repeat(np.arange(test.n_samples), np.diff(test.Y.indptr))
    return {
        "n_unseen_labels": len(np.unique(test.Y.indices[unseen])),
        "n_unseen_label_values": int(unseen.sum()),
        "n_samples_with_unseen": len(np.unique(row_of[unseen])),
    }


def print_report(console: Console, title: str, report: Mapping[str, Any]) -> None:
    """Print the counts, a line each."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    table.add_column(title, overflow="fold")
    table.add_column("", justify="right")
    for name, value in report.items():
        if not isinstance(value, list | dict):
            shown = f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"
            table.add_row(name.removeprefix("n_").replace("_", " "), shown)
    print_table(console, table)


def print_histogram(console: Console, report: Mapping[str, Any]) -> None:
    """Print how many labels there are by how many samples they have."""
    rows = report["labels_by_samples"]
    most = max((row["n_labels"] for row in rows), default=0)
    longest = max(min(_BAR, console.width - _NUMBERS), 1)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for header in ("samples of a label", "labels"):
        table.add_column(header, justify="right")
    table.add_column("")
    for row in rows:
        length = max(round(longest * row["n_labels"] / most), int(row["n_labels"] > 0))
        between = f"{row['from']:,}" if row["from"] == row["to"] else f"{row['from']:,} - {row['to']:,}"
        table.add_row(between, f"{row['n_labels']:,}", f"[green]{'▇' * length}[/]")
    print_table(console, table)


def plot_label_counts(path: Path, counts: Mapping[str, NDArray[np.int64]]) -> None:
    """Draw the samples of each label, the most frequent label first, both axes logarithmic.

    Parameters
    ----------
    path
        The file, of a kind that its ending tells: .png, .svg, .pdf.
    counts
        Samples of each label, by the name of the file that has them.
    """
    figure = import_extra("matplotlib.figure", "plot", "--plot").Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for name, each in counts.items():
        there = np.sort(each[each > 0])[::-1]
        axes.plot(np.arange(1, len(there) + 1), there, label=f"{name}: {counted(len(there), 'label')}")
    axes.set(xscale="log", yscale="log", xlabel="labels, the most frequent first", ylabel="samples of the label")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda count, _: f"{count:,.0f}")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=150)
