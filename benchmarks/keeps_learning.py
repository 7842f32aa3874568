"""A model that keeps learning beside one trained from scratch on all: samples come in increments.

The first increment trains a model, each other one joins by `partial_fit`, with the labels and features that it brings.

    python benchmarks/keeps_learning.py --data DIR
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import Job, Results, Row
from numpy.typing import NDArray
from report import markdown_table, new_figure, percent, publish, save_figure, seconds, style
from training_job import available, parser, read_set

from slidelearn import SlideClassifier
from slidelearn.matrices import FloatCsr
from slidelearn.metrics import precision_at_k, precision_standard_error

DATA_SETS = ("WordNet-Hyper", "Debian-Deps", "Diginetica", "YSO-Finna-en")
QUICK_DATA_SETS = ("WordNet-Tiny",)
IN_FILE_ORDER = ("Diginetica",)
"""Sets whose samples come as the file has them, sessions by their dates; those of others come at random."""
TEST_EVERY = 5
"""After each increment but the last, every so many-th test sample is asked."""
FIRST_FEW = 1000

SCRATCH = "from scratch"
WAYS: Mapping[str, Callable[[int], Sequence[int]]] = {
    SCRATCH: lambda _: [],
    "in 10 parts": lambda n: [n * part // 10 for part in range(1, 10)],
    "in 50 parts": lambda n: [n * part // 50 for part in range(1, 50)],
    f"{FIRST_FEW:,}, then doubling": lambda n: [FIRST_FEW << i for i in range(n.bit_length()) if FIRST_FEW << i < n],
}
"""How training begins and goes on: the numbers of samples after which an increment ends, but for the last one."""

HEADER = ("data set", "trained", "P@1", "P@3", "P@5", "change", "CPU s", "first", "each other", "labels at first")
NOTES = """\
In percent, on the whole test file; P@1 with its standard error over the test samples, *change*: in points of P@1 beside
the model trained from scratch. *CPU s*: user and system seconds of all training; of them, those of the first increment
and the mean of each other one. *labels at first*: of all labels that training knows in the end, those in the first
increment. Samples come in a random order, those of Diginetica in the file's."""


def train(job: Job, data: Path | None) -> dict[str, Any]:
    """Train at once or in increments, and judge the answers; between increments, on some of the test samples."""
    X, Y, X_test, Y_test = read_set(job["data_set"], data, job["threads"])
    n = X.shape[0]
    order = np.arange(n) if job["data_set"] in IN_FILE_ORDER else np.random.default_rng(job["seed"]).permutation(n)
    parts = np.split(order, WAYS[job["way"]](n))
    X, X_test, n_features = by_appearance(X, X_test, parts)
    Y, Y_test, n_labels = by_appearance(Y, Y_test, parts)
    clf = SlideClassifier(random_state=job["seed"], n_jobs=job["threads"], **job["options"])
    increments = []
    for rows, width, height in zip(parts, n_features, n_labels, strict=True):
        new_X, new_Y = X[rows][:, :width], Y[rows][:, :height]
        began = time.process_time()
        clf.partial_fit(new_X, new_Y) if increments else clf.fit(new_X, new_Y)
        cpu_seconds = time.process_time() - began
        ids, _ = clf.predict_topk(X_test[::TEST_EVERY, :width], 1)
        p_at_1 = precision_at_k(ids, Y_test[::TEST_EVERY], 1)
        increments.append({"cpu_seconds": cpu_seconds, "n_samples": len(rows), "n_labels": height, "p@1": p_at_1})
    ids, _ = clf.predict_topk(X_test[:, : n_features[-1]], 5)
    return {
        "increments": increments,
        "cpu_seconds": sum(each["cpu_seconds"] for each in increments),
        "n_labels": n_labels[-1],
        "threshold": clf.threshold_,
        "p@1_error": precision_standard_error(ids, Y_test, 1),
        **{f"p@{k}": precision_at_k(ids, Y_test, k) for k in (1, 3, 5)},
    }


def by_appearance(
    matrix: FloatCsr, of_test: FloatCsr, parts: Sequence[NDArray[np.int64]]
) -> tuple[FloatCsr, FloatCsr, list[int]]:
    """Both with their columns in the order in which the increments bring them, and how many there are after each."""
    order, seen, widths = list[NDArray[np.int64]](), np.zeros(matrix.shape[1], np.bool_), []
    for rows in parts:
        new = np.setdiff1d(matrix[rows].indices, np.flatnonzero(seen))
        seen[new] = True
        order.append(new)
        widths.append(int(seen.sum()))
    columns = np.concatenate([*order, np.flatnonzero(~seen)])
    return matrix[:, columns], of_test[:, columns], widths


def measure(results: Results, data_set: str, args: Namespace) -> Iterator[Row]:
    """The rows of a data set, those measured now and those stored before."""
    for way in WAYS:
        job = {"data_set": data_set, "way": way, "options": {}, "threads": args.threads, "seed": args.seed}
        if args.sets is None or data_set in args.sets:
            results.measure(f"{data_set}, {way}", job, train, args.data, threads=args.threads)
        if row := results.find(job):
            yield row


def table(rows: Sequence[Row]) -> str:
    """A line for each way on each data set."""
    from_scratch = {row.job["data_set"]: row.result["p@1"] for row in rows if row.job["way"] == SCRATCH}
    cells = []
    for row in rows:
        data_set, result = row.job["data_set"], row.result
        first, *others = result["increments"]
        change = 100 * (result["p@1"] - from_scratch[data_set]) if data_set in from_scratch and others else None
        cells.append(
            [
                data_set,
                row.job["way"],
                f"{percent(result['p@1'])} ± {percent(result['p@1_error'])}",
                percent(result["p@3"]),
                percent(result["p@5"]),
                None if change is None else f"{change:+.1f}",
                seconds(result["cpu_seconds"]),
                seconds(first["cpu_seconds"]) if others else None,
                seconds(np.mean([each["cpu_seconds"] for each in others])) if others else None,
                percent(first["n_labels"] / result["n_labels"], 0) if others else None,
            ]
        )
    return markdown_table(HEADER, cells)


def plot(rows: Sequence[Row], name: str) -> bool:
    """P@1 by the samples learnt from, beside the model trained from scratch; whether there is something to draw."""
    data_sets = list(dict.fromkeys(row.job["data_set"] for row in rows if row.job["way"] != SCRATCH))
    if not data_sets:
        return False
    figure, axes = new_figure(1, len(data_sets), figsize=(3.2 * len(data_sets), 3), squeeze=False)
    for axis, data_set in zip(axes[0], data_sets, strict=True):
        for row in (row for row in rows if row.job["data_set"] == data_set):
            increments = row.result["increments"]
            precisions = [100 * each["p@1"] for each in increments]
            if row.job["way"] == SCRATCH:
                axis.axhline(precisions[-1], color="grey", linestyle=":")
                continue
            thousands = np.cumsum([each["n_samples"] for each in increments]) / 1000
            axis.plot(thousands, precisions, marker="o", markersize=3, label=row.job["way"])
        axis.set_title(data_set, fontsize=10)
        style(axis, "thousand samples", "P@1" if data_set == data_sets[0] else "")
    axes[0][0].legend(fontsize=7, loc="lower right")
    save_figure(figure, name)
    return True


def main() -> None:
    """Measure what is missing; show all there is."""
    args = parser(__doc__).parse_args()
    name = "keeps_learning_quick" if args.quick else "keeps_learning"
    results = Results(name, again=args.again)
    names = available(QUICK_DATA_SETS if args.quick else args.sets or DATA_SETS, args.data)
    rows = [row for data_set in names for row in measure(results, data_set, args)]
    if not rows:
        return
    caption = "P@1 after each increment, on every fifth test sample; dotted: trained from scratch on all samples"
    pictures = [f"![{caption}]({name}.png)\n\n*{caption}.*"] if plot(rows, name) else []
    publish(name, "A model that keeps learning", [table(rows), NOTES, *pictures], rows)


if __name__ == "__main__":
    main()
