"""The comparison as Markdown: a section for each data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from common import Row
from report import markdown_table, percent, seconds

from peers.measure import unpacked_hits
from peers.variants import OURS

QUALITY = {
    "p@1": "P@1",
    "p@3": "P@3",
    "p@5": "P@5",
    "psp@1": "PSP@1",
    "psp@3": "PSP@3",
    "psp@5": "PSP@5",
    "ndcg@5": "nDCG@5",
    "recall@20": "recall@20",
}
"""Key in a result: heading."""
COSTS = ("CPU s", "ratio", "wall s", "peak MB", "model MB", "ms in batch", "ms alone")
KS = (1, 3, 5)
N_RESAMPLES = 1000

NOTES = """\
Quality in percent on the whole test file, with propensities of the training labels (a = 0.55, b = 1.5). *CPU s*: user
and system seconds from matrices in memory to a model that can answer; *ratio*: to those of slidelearn's default;
*wall s*: the same by the clock. *peak MB*: of the whole process, which also holds the data and answers the test file.
*model MB*: on disk. *ms*: per query for the best 20 labels, the test file in one call, and each of 300 samples alone
(median). *timed only*: too many labels for a full softmax; seconds are extrapolated from 200 steps. *over the limit*:
ended after so many seconds, with preparing and answering.

With one thread, *wall s* far above *CPU s* tells that other programs had the processors at the time; they had a part of
the caches, too, so that such a row's CPU seconds are also too high, by up to a third, and its ms by more.

Differences are P@k of slidelearn's default less that of the other, in points, with 95% intervals from 1,000 paired
bootstrap resamples of the test samples."""


def section(data_set: str, by_seed: Sequence[Mapping[str, Row]]) -> str:
    """All that was measured on a data set, for each seed by name of the variant; the first seed has most of it."""
    rows = by_seed[0]
    parts = [f"## {data_set}", _table_of_costs(rows), _table_of_seeds(by_seed), _table_of_differences(rows)]
    return "\n\n".join(part for part in parts if part)


def versions(rows: Sequence[Row]) -> str:
    """The versions of the peers' packages, in a sentence."""
    pairs = {pair for row in rows for pair in row.result.get("versions", {}).items()}
    return f"Packages: {', '.join(' '.join(pair) for pair in sorted(pairs))}."


def _table_of_costs(rows: Mapping[str, Row]) -> str:
    ours = rows[OURS].result.get("cpu_seconds") if OURS in rows else None
    cells = [[name, *_cells(row, ours)] for name, row in rows.items()]
    return markdown_table(["what", *QUALITY.values(), *COSTS], cells)


def _table_of_seeds(by_seed: Sequence[Mapping[str, Row]]) -> str | None:
    cells = []
    for name in by_seed[0]:
        results = [rows[name].result for rows in by_seed if name in rows and "hits" in rows[name].result]
        if len(results) > 1:
            middle = [percent(float(np.median([result[key] for result in results]))) for key in QUALITY]
            cells.append([name, f"{len(results)}", *middle, seconds(np.median([r["cpu_seconds"] for r in results]))])
    return markdown_table(["medians of seeds", "seeds", *QUALITY.values(), "CPU s"], cells) if cells else None


def _cells(row: Row, cpu_of_ours: float | None) -> list[str | None]:
    result = row.result
    nothing = [None] * (len(QUALITY) - 1)
    if "over_limit" in result:
        return ["over the limit", *nothing, None, None, f"> {result['over_limit']:.0f}", *[None] * (len(COSTS) - 3)]
    timed_only = result["timed_only"]
    cpu = result["cpu_seconds"]
    return [
        *(["timed only", *nothing] if timed_only else [percent(result[key]) for key in QUALITY]),
        seconds(cpu),
        f"{cpu / cpu_of_ours:.2f}" if cpu_of_ours else None,
        seconds(result["wall_seconds"]),
        f"{result['peak_mb']:,}" if result["peak_mb"] else None,
        *([None] * 3 if timed_only else _size_and_speed(result)),
    ]


def _size_and_speed(result: Mapping[str, float]) -> list[str | None]:
    return [f"{result['model_mb']:,.0f}", f"{result['ms_in_batch']:.3g}", f"{result['ms_alone']:.3g}"]


def _table_of_differences(rows: Mapping[str, Row]) -> str | None:
    hits = {name: unpacked_hits(row.result["hits"]) for name, row in rows.items() if "hits" in row.result}
    if OURS not in hits or len(hits) < 2:
        return None
    cells = []
    for name, theirs in hits.items():
        if name != OURS:
            cells.append([name, *(_difference(hits[OURS][:, :k], theirs[:, :k]) for k in KS)])
    return markdown_table([f"{OURS} less ...", *(f"P@{k}" for k in KS)], cells)


def _difference(ours: np.ndarray, theirs: np.ndarray, seed: int = 0) -> str:
    """Mean and 95% interval: a resample of samples is a draw of how often each value of their difference comes."""
    values, counts = np.unique(ours.sum(axis=1) - theirs.sum(axis=1, dtype=np.int64), return_counts=True)
    n_samples, k = ours.shape
    points = 100 * values / k
    drawn = np.random.default_rng(seed).multinomial(n_samples, counts / n_samples, size=N_RESAMPLES)
    low, high = np.quantile(drawn @ points / n_samples, (0.025, 0.975))
    return f"{counts @ points / n_samples:+.2f} ({low:+.2f} to {high:+.2f})"
