"""A step of a layer whose samples have an active set each, computed in three ways: neuron by neuron, as one product
with all neurons that any sample has active, and sample by sample (HOGWILD, which takes another step).

    python benchmarks/own_sets.py --threads 2
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import common
import numpy as np
from common import Results, Row
from report import markdown_table, publish

from slidelearn import kernels
from slidelearn.config import make_config
from slidelearn.kernels import Ids, Labels
from slidelearn.network.active import ActiveSet
from slidelearn.network.layers import Execution, NeuronLayer
from slidelearn.network.optim import Schedule, random_weights

WIDTH, BATCH = 128, 256
REPEATS = 9
N_LABELS, QUICK_N_LABELS = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000), (1_000,)
ACTIVE = (100, 300, 1_000)
WAYS = {"by_neuron": "by neuron, ms", "over_union": "over the union", "by_sample": "by sample"}
LARGEST_SHARE = 0.5
"""Of the labels, that a sample may have active: beyond it nobody would sample."""

NOTES = f"""\
Milliseconds of a step, forward, backward and Adam's update, of {BATCH} samples, {WIDTH} wide; each sample's active
neurons are drawn uniformly. Median of {REPEATS} steps, the three ways in turns. *Union*: neurons that any sample has
active; the product is computed with all of them, and what is not active is left out of the loss."""


class Step:
    """A layer, and a batch whose samples have an active set each."""

    def __init__(self, n_labels: int, n_active: int, threads: int, seed: int, precision: str) -> None:
        rng = np.random.default_rng(seed)
        self._layer = NeuronLayer(WIDTH, n_labels, "adam", bf16=precision == "bf16")
        random_weights(self._layer.neurons, 0.1, rng)
        self._x = rng.standard_normal((BATCH, WIDTH), dtype=np.float32)
        self._ids = np.concatenate([rng.choice(n_labels, n_active, replace=False) for _ in range(BATCH)])
        self._ids = self._ids.astype(np.int32)
        self._indptr = np.arange(BATCH + 1, dtype=np.int64) * n_active
        self._d_logits = rng.standard_normal(len(self._ids), dtype=np.float32) * np.float32(1e-3)
        self._rule = Schedule(make_config("paper"), 1_000).rule(10)
        self._threads = threads

    @property
    def n_in_union(self) -> int:
        """Neurons that any sample has active."""
        return len(np.unique(self._ids))

    def by_neuron(self) -> None:
        """Each neuron with the samples that have it active: one writer."""
        self._own_sets(Execution(self._threads))

    def by_sample(self) -> None:
        """Each sample with its neurons, and a step on each of them."""
        self._own_sets(Execution(self._threads, hogwild=True))

    def over_union(self) -> None:
        """All samples with all neurons that are active anywhere."""
        run = Execution(self._threads)
        union, places = kernels.distinct(self._ids)
        done = self._layer.forward(self._x, ActiveSet(union, None, self._labels(places)), run)
        rows = np.repeat(np.arange(BATCH), np.diff(self._indptr))
        _ = done.logits[rows, places]  # what the loss would see
        d_logits = np.zeros((BATCH, len(union)), np.float32)
        d_logits[rows, places] = self._d_logits
        self._layer.backward(done, d_logits, self._rule, run)

    def _own_sets(self, run: Execution) -> None:
        done = self._layer.forward(self._x, ActiveSet(self._ids, self._indptr, self._labels(self._ids)), run)
        self._layer.backward(done, self._d_logits, self._rule, run)

    def _labels(self, ids: Ids) -> Labels:
        return Labels(np.arange(BATCH + 1, dtype=np.int64), ids[self._indptr[:-1]])


def time_ways(job: common.Job) -> dict[str, Any]:
    """Milliseconds of a step, by the way that it is computed."""
    step = Step(job["n_labels"], job["n_active"], job["threads"], job["seed"], job["precision"])
    ways: Mapping[str, Callable[[], None]] = {way: getattr(step, way) for way in WAYS}
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(REPEATS + 1):
        for way, take in ways.items():
            began = time.perf_counter()
            take()
            times[way].append(time.perf_counter() - began)
    medians = {way: 1e3 * float(np.median(of_way[1:])) for way, of_way in times.items()}
    return {"n_in_union": step.n_in_union, **medians}


def table(rows: Mapping[tuple[int, int], Row]) -> str:
    """The three ways, by labels and active labels."""
    header = ["labels", "active", "union, x active", "samples per neuron", *WAYS.values()]
    lines = []
    for (n_labels, n_active), row in rows.items():
        result = row.result
        union = result["n_in_union"]
        times = [f"{result[way]:.1f}" for way in WAYS]
        seen = BATCH * n_active / union
        lines.append([f"{n_labels:,}", f"{n_active:,}", f"{union / n_active:.1f}", f"{seen:.1f}", *times])
    return markdown_table(header, lines)


def main() -> None:
    """Measure what is missing; show all there is."""
    args = common.parser(__doc__).parse_args()
    name = "own_sets_quick" if args.quick else "own_sets"
    results = Results(name, again=args.again)
    parts: list[str] = []
    shown: list[Row] = []
    for precision in ("fp32", "bf16") if kernels.isa_in_use() == "avx512bf16" else ("fp32",):
        rows: dict[tuple[int, int], Row] = {}
        for n_labels in QUICK_N_LABELS if args.quick else N_LABELS:
            for n_active in ACTIVE:
                if n_active > LARGEST_SHARE * n_labels:
                    continue
                job = {"n_labels": n_labels, "n_active": n_active, "threads": args.threads, "seed": args.seed}
                job["precision"] = precision
                label = f"{precision}, {n_labels:,} labels, {n_active:,} active"
                results.measure(label, job, time_ways, threads=args.threads)
                if row := results.find(job):
                    rows[n_labels, n_active] = row
        parts += [f"Products in {precision}:", table(rows)]
        shown += rows.values()
    if shown:
        publish(name, "Sets per sample, computed in three ways", [*parts, NOTES], shown)


if __name__ == "__main__":
    main()
