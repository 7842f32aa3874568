"""The times as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from common import Row
from report import markdown_table, percent, threads_text

from speed.contestants import BY_HAND, FULL, OURS, OURS_FULL, RECIPE, SAMPLED, split_name
from speed.quiet import TOLERATED

Times = Mapping[str, Mapping[str, Any]]
"""By contestant."""
SIZES = ("labels", "width", "batch", "non-zeros", "active", "threads")
OTHERS = (SAMPLED, BY_HAND, FULL, OURS_FULL, RECIPE)

NOTES = """\
A step: draw labels, forward, loss, backward, update, input layer included; median of the rounds. *x*: time divided by
that of slidelearn's sampled step at the same precision. All have a ReLU layer (the recipe: linear), inner products (the
recipe: cosines), the batch's labels and drawn ones as active set with the log-Q correction, softmax, Adam (the recipe:
row-wise Adagrad). PyTorch's batches lie ready as tensors; slidelearn takes its own out of the training set in the step.

*of the ceiling*: the least time for the output layer, divided by the time of the step. The least time is that of its
three products at the measured peak, and of reading and writing each active row with its optimizer state once at the
measured speed of random rows (full softmax: sequential), one after the other. *with input*: with the rows of the
batch's features, which can be nearly as many as the active labels. *spread*: from the fastest to the slowest round.
Peak MB is of the whole process, samples included."""


def ratios(rows: Sequence[Row], precision: str) -> str:
    """A line for each shape: ours, and how many times as long the others take."""
    title = f"## {precision}: time of a step, and of others' divided by it"
    header = [*SIZES, "slidelearn, ms", *(f"{name}, x" for name in OTHERS), "of the ceiling", "with input"]
    cells = []
    for row in rows:
        times = row.result["contestants"]
        ours = times.get(f"{OURS}, {precision}")
        if ours is None:
            continue
        cells.append(
            [
                *_sizes(row),
                _milliseconds(ours),
                *(_ratio_text(times, f"{name}, {precision}") for name in OTHERS),
                _of_ceiling(ours, "roofline_seconds"),
                _of_ceiling(ours, "roofline_with_input_seconds"),
            ]
        )
    return f"{title}\n\n{_without_empty_columns(header, cells)}" if cells else ""


def details(rows: Sequence[Row]) -> str:
    """A line for each contestant on each shape."""
    header = [*SIZES, "what", "ms", "spread", "µs / sample", "x", "of the ceiling", "with input", "steps", "peak MB"]
    cells = []
    for row in rows:
        times = row.result["contestants"]
        cells += [[*_sizes(row), name, *_detail(times, name, row.job["shape"]["batch_size"])] for name in times]
    return f"## All times\n\n{markdown_table(header, cells)}"


def ceilings(rows: Sequence[Row]) -> str:
    """What was measured beside each shape, as a range for each number of threads."""
    units = {"fp32_flops": "fp32, GFLOP/s", "bf16_flops": "bf16, GFLOP/s", "int8_ops": "int8, GOP/s"}
    units |= {"row_bytes": "random 512-byte rows, read and written, GB/s", "sequential_bytes": "sequential, GB/s"}
    cells = []
    for threads in sorted({row.job["threads"] for row in rows}):
        measured = [row.result["ceilings"] for row in rows if row.job["threads"] == threads]
        cells.append([threads_text(threads), *(_range([m[name] for m in measured]) for name in units)])
    table = markdown_table(["", *units.values()], cells)
    return f"## Ceilings\n\nMeasured before each shape; from the lowest to the highest.\n\n{table}"


def warning(rows: Sequence[Row]) -> str:
    """That the machine was not quiet, if it was not."""
    busiest = max((row.result["busy_cores"] or 0.0 for row in rows), default=0.0)
    if busiest <= TOLERATED:
        return ""
    return (
        f"**Not to be quoted: other programs kept {busiest:.1f} cores busy.** PyTorch's threads spin while they wait "
        "for each\nother, and lose more by that than ours."
    )


def versions(rows: Sequence[Row]) -> str:
    """The versions of the packages, in a sentence."""
    results = [result for row in rows for result in row.result["contestants"].values()]
    pairs = sorted({pair for result in results for pair in result.get("versions", {}).items()})
    return f"Packages: {', '.join(' '.join(pair) for pair in pairs)}."


def ratio(times: Times, name: str) -> float | None:
    """The time of a contestant divided by that of our sampled step at its precision.

    Those that did not fit into memory together were timed beside the reference each: its times make them comparable.
    """
    ours = times.get(f"{OURS}, {split_name(name)[1]}", {})
    theirs = times.get(name, {})
    if "seconds" not in ours or "seconds" not in theirs:
        return None
    plain: float = theirs["seconds"] / ours["seconds"]
    beside = theirs["seconds_of_reference"], ours["seconds_of_reference"]
    return plain * beside[1] / beside[0] if all(beside) else plain


def _sizes(row: Row) -> list[str]:
    shape = row.job["shape"]
    active = [t["n_active"] for n, t in row.result["contestants"].items() if "n_active" in t and "full" not in n]
    return [
        f"{shape['n_labels']:,}",
        str(shape["width"]),
        str(shape["batch_size"]),
        str(shape["features_per_sample"]),
        f"{np.mean(active):,.0f}" if active else "",
        str(row.job["threads"]),
    ]


def _detail(times: Times, name: str, batch_size: int) -> list[str | None]:
    result = times[name]
    if "seconds" not in result:
        return [_milliseconds(result), *[None] * 7]
    return [
        _milliseconds(result),
        f"{1e3 * min(result['rounds']):.1f} - {1e3 * max(result['rounds']):.1f}",
        f"{1e6 * result['seconds'] / batch_size:.1f}",
        _ratio_text(times, name),
        _of_ceiling(result, "roofline_seconds"),
        _of_ceiling(result, "roofline_with_input_seconds"),
        f"{len(result['rounds'])} x {result['steps_of_round']}",
        f"{result['peak_mb']:,}" if result["peak_mb"] else None,
    ]


def _milliseconds(result: Mapping[str, Any]) -> str:
    """Or why there are none."""
    if "does_not_fit" in result:
        return f"does not fit: {result['does_not_fit'] / 1e9:.1f} GB"
    return f"{1e3 * result['seconds']:.1f}" if "seconds" in result else f"failed: {result['failed']}"


def _ratio_text(times: Times, name: str) -> str | None:
    if name not in times:
        return None
    if (value := ratio(times, name)) is not None:
        return f"{value:.2f}"
    return "" if "seconds" in times[name] else _milliseconds(times[name])


def _of_ceiling(result: Mapping[str, Any], key: str) -> str | None:
    return f"{percent(result[key] / result['seconds'], 0)}%" if "seconds" in result else None


def _range(values: Sequence[float | None]) -> str:
    there = [value / 1e9 for value in values if value]
    if not there:
        return ""
    low, high = f"{min(there):.0f}", f"{max(there):.0f}"
    return low if low == high else f"{low} - {high}"


def _without_empty_columns(header: Sequence[str], cells: Sequence[Sequence[str | None]]) -> str:
    kept = [i for i in range(len(header)) if any(line[i] for line in cells)]
    return markdown_table([header[i] for i in kept], [[line[i] for i in kept] for line in cells])
