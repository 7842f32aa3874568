"""How good and how quick a model is on test samples, as a table for people and as JSON for programs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.table import Table

from slidelearn.cli.display import counting, print_table
from slidelearn.data import SampleSet
from slidelearn.estimator import SlideClassifier
from slidelearn.kernels import Ids
from slidelearn.machine.resources import peak_bytes
from slidelearn.matrices import FloatCsr
from slidelearn.metrics import evaluate, without_pairs
from slidelearn.model.documents import inverse_propensities
from slidelearn.wording import counted

KS = (1, 3, 5)
_N_RANKS = 20
_N_ALONE = 300


def measure(clf: SlideClassifier, samples: SampleSet, console: Console, method: str = "auto") -> dict[str, Any]:
    """All metrics as fractions, and milliseconds per sample: in batches of 256, and one sample at a time.

    ``psp@k`` is None where the model does not know how often its labels were seen. Pairs that are not judged are left
    out of the answers and of the labels.
    """
    X, Y, unjudged = samples.X, samples.Y, samples.unjudged
    assert X is not None
    n_unjudged = 0 if unjudged is None else int(np.diff(unjudged.indptr).max())
    n_ranks = min(_N_RANKS + n_unjudged, clf.n_labels_)
    clf.predict_topk(X[:1], n_ranks, method=method)  # what is prepared once, at the first answer
    with counting(console, "testing", X.shape[0]) as after_batch:
        began = time.perf_counter()
        ids, _ = clf.predict_topk(X, n_ranks, method=method, after_batch=after_batch)
        in_batches = (time.perf_counter() - began) / X.shape[0]
    metrics: dict[str, float | None] = {f"psp@{k}": None for k in KS}
    ranked: NDArray[np.integer[Any]] = _padded(ids, _N_RANKS)
    if unjudged is not None:
        ranked, Y = without_pairs(ranked, unjudged, _N_RANKS), Y - Y.multiply(unjudged)
    n_unseen = Y.shape[1] - clf.n_labels_
    metrics |= evaluate(ranked, Y, inverse_propensities(clf.documents_, clf.n_labels_, n_unseen), KS)
    return metrics | {
        "n_test_samples": X.shape[0],
        "predict_ms_per_sample": 1e3 * in_batches,
        "predict_ms_alone": 1e3 * _seconds_alone(clf, X, n_ranks, method),
    }


def _seconds_alone(clf: SlideClassifier, X: FloatCsr, k: int, method: str) -> float:
    n = min(_N_ALONE, X.shape[0])
    began = time.perf_counter()
    for row in range(n):
        clf.predict_topk(X[row : row + 1], k, method=method)
    return (time.perf_counter() - began) / n


def _padded(ids: Ids, n_ranks: int) -> Ids:
    """Where there are fewer labels than ranks, the last ranks stay empty."""
    return np.pad(ids, ((0, 0), (0, max(n_ranks - ids.shape[1], 0))), constant_values=-1)


def _model_bytes(clf: SlideClassifier, saved_in: Path | None) -> int:
    """On disk, or of the arrays that would be saved."""
    if saved_in:
        return sum(path.stat().st_size for path in saved_in.iterdir() if path.is_file())
    return sum(array.nbytes for _, array in clf.named_arrays())


def footprint(clf: SlideClassifier, saved_in: Path | None) -> dict[str, Any]:
    """Memory that this process has needed at most, size of the model, and the options in force."""
    peak = peak_bytes()
    return {
        "peak_memory_mb": None if peak is None else peak / 1e6,
        "model_mb": _model_bytes(clf, saved_in) / 1e6,
        "config": clf.config_.model_dump(mode="json"),
    }


def print_measured(console: Console, measured: Mapping[str, Any]) -> None:
    """Print the metrics in percent, a column for each k, and how quick the answers were."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column(f"{counted(measured['n_test_samples'], 'test sample')}")
    for k in KS:
        table.add_column(f"k = {k}", justify="right")
    for title, name in (("precision at k", "p"), ("propensity-scored", "psp"), ("nDCG", "ndcg")):
        values = [measured[f"{name}@{k}"] for k in KS]
        if None not in values:
            table.add_row(title, *(f"{100 * value:.2f} %" for value in values))
    print_table(console, table)
    console.print(
        f"recall at 20: {100 * measured['recall@20']:.2f} %; "
        f"{measured['predict_ms_per_sample']:.3f} ms per sample in batches, "
        f"{measured['predict_ms_alone']:.3f} ms alone",
        soft_wrap=True,
    )
