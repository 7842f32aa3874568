"""How the time of a training step grows with the number of labels, the number of active ones being fixed.

Samples are random, and few features keep the input layer's cost constant. Steps are timed without rebuilding tables;
a rebuild is timed apart, and spread over the first 1,000 steps as the schedule has it. The full softmax stands beside,
as far as it is bearable.

    python benchmarks/scaling.py --threads 2
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import common
import numpy as np
from common import Results, Row
from report import log_axis, markdown_table, new_figure, publish, save_figure, style, threads_text
from scipy import sparse
from training_job import Stopwatch

from slidelearn.batches import Samples
from slidelearn.config import make_config
from slidelearn.lsh import RebuildSchedule
from slidelearn.machine.resources import require_memory
from slidelearn.matrices import FloatCsr, check_features, check_labels, normalize_rows
from slidelearn.network.network import Network, estimated_bytes
from slidelearn.training.trainer import Trainer

N_LABELS = (10_000, 30_000, 100_000, 300_000, 1_000_000, 2_000_000)
QUICK_N_LABELS = (1_500, 3_000, 10_000)
BEYOND_CACHES = 100_000
"""Labels from which on the rows are in main memory: what a step takes grows with cache misses before."""
N_FEATURES, FEATURES_PER_SAMPLE, LABELS_PER_SAMPLE = 2000, 20, 3
N_ACTIVE = 1000
NEURONS_PER_BUCKET = 16
"""What `hashes_grow` keeps, on average."""
HORIZON = 1000
"""Steps over which rebuilds are spread."""


@dataclass(frozen=True)
class Variant:
    """A way to choose the active labels."""

    preset: str
    options: Mapping[str, Any]
    hashes_grow: bool = False
    """With the logarithm of the number of labels, so that buckets stay as full as they are."""
    n_steps: int = 40
    most_labels: int = max(N_LABELS)


VARIANTS: Mapping[str, Variant] = {
    "shared by the batch (recipe)": Variant("recipe", {"sampler": "batch", "label_init": "random"}),
    "per sample, SimHash 9 x 50, vanilla": Variant("paper", {"lsh_candidates": N_ACTIVE}),
    "per sample, SimHash log2(n/16) x 50, top-k": Variant(
        "paper", {"lsh_candidates": N_ACTIVE, "lsh_selection": "topk"}, hashes_grow=True
    ),
    "per sample, uniform": Variant("paper", {"sampler": "uniform", "n_negatives": N_ACTIVE}),
    "full softmax of the paper's network": Variant(
        "paper",
        {"sampler": "full", "active_set": "shared", "deterministic": True},
        n_steps=12,
        most_labels=300_000,
    ),
}
"""All are filled up to `N_ACTIVE` active labels at random, but for the full softmax."""

HEADER = ("active set", "labels", "active", "µs / sample", "CPU µs", "rebuild s", "with rebuilds", "network MB")
NOTES = f"""\
µs of a step per sample (batches of 256; median of the steps), without rebuilds, and with rebuilds spread over the first
{HORIZON:,} steps of the schedule. A step whose time does not depend on the number of labels has exponent 0, one that is
linear in it has 1; below {BEYOND_CACHES:,} labels the caches hold a part of the rows."""


def time_steps(job: common.Job) -> dict[str, Any]:
    """Microseconds per sample: of a step without rebuilds, and of its share of the rebuilds."""
    config = make_config(job["preset"], random_state=job["seed"], **job["options"])
    schedule = RebuildSchedule(config.rebuild_every, config.rebuild_decay)
    config = config.model_copy(update={"rebuild_every": 10**9})
    require_memory(estimated_bytes(config, N_FEATURES, job["n_labels"]), "the network", "this number is left out")
    rng = np.random.default_rng(job["seed"])
    network = Network(config, N_FEATURES, job["n_labels"], rng)
    samples = Samples(*random_samples(job["n_steps"] * config.batch_size, job["n_labels"], rng))
    stopwatch = Stopwatch()
    progress = Trainer(network, config, samples, job["threads"], rng).fit(1, [stopwatch])
    wall, cpu = np.median(stopwatch.step_seconds(), axis=0) / config.batch_size
    rebuild = _seconds_of_rebuild(network, job["threads"])
    n_rebuilds = sum(schedule.due(HORIZON, i) for i in range(HORIZON))
    return {
        "active": progress.active,
        "step_us": 1e6 * wall,
        "step_cpu_us": 1e6 * cpu,
        "rebuild_seconds": rebuild,
        "with_rebuilds_us": 1e6 * (wall + rebuild * n_rebuilds / HORIZON / config.batch_size),
        "network_mb": round(network.n_bytes / 1e6),
    }


def random_samples(n_samples: int, n_labels: int, rng: np.random.Generator) -> tuple[FloatCsr, FloatCsr]:
    """X and Y: random features of length 1, and random labels."""

    def random_rows(n_columns: int, per_row: int) -> sparse.csr_array:
        columns = rng.integers(n_columns, size=n_samples * per_row)
        values = np.ones(columns.size, np.float32)
        return sparse.csr_array((values, columns, np.arange(n_samples + 1) * per_row), (n_samples, n_columns))

    X = normalize_rows(check_features(random_rows(N_FEATURES, FEATURES_PER_SAMPLE)))
    return X, check_labels(random_rows(n_labels, LABELS_PER_SAMPLE))


def _seconds_of_rebuild(network: Network, n_threads: int) -> float:
    if not network.indexes:
        return 0.0
    began = time.perf_counter()
    network.rebuild_tables(n_threads)
    return time.perf_counter() - began


def job_of(variant: Variant, n_labels: int, threads: int, seed: int) -> dict[str, Any]:
    """A variant at a number of labels."""
    options = dict(variant.options)
    if options.get("sampler") != "full":
        options["min_active"] = N_ACTIVE
    if variant.hashes_grow:
        options["hashes_per_table"] = max(1, round(math.log2(n_labels / NEURONS_PER_BUCKET)))
    job = {"preset": variant.preset, "options": options, "n_labels": n_labels, "n_steps": variant.n_steps}
    return {**job, "threads": threads, "seed": seed}


def exponent(rows: Sequence[Row], key: str, from_labels: int = 0) -> float | None:
    """The slope b of ``time = a * n_labels^b``, fitted on logarithms."""
    points = [(row.job["n_labels"], row.result[key]) for row in rows if row.job["n_labels"] >= from_labels]
    if len(points) < 2:
        return None
    n_labels, times = np.log(np.array(points)).T
    return float(np.polyfit(n_labels, times, 1)[0])


def tables(curves: Mapping[str, Sequence[Row]]) -> list[str]:
    """All times, and the exponents."""
    times = markdown_table(HEADER, [_cells(name, row) for name, rows in curves.items() for row in rows])
    fitted = []
    for name, rows in curves.items():
        keys_and_ranges = product(("step_us", "with_rebuilds_us"), (0, BEYOND_CACHES))
        slopes = [exponent(rows, key, begin) for key, begin in keys_and_ranges]
        fitted.append([name, *(None if slope is None else f"{slope:.2f}" for slope in slopes)])
    beyond = f"from {BEYOND_CACHES:,} labels"
    header = ["exponent", "step", f"step, {beyond}", "with rebuilds", f"with rebuilds, {beyond}"]
    return [times, markdown_table(header, fitted)]


def _cells(name: str, row: Row) -> list[str]:
    result = row.result
    return [
        name,
        f"{row.job['n_labels']:,}",
        f"{result['active']:,.0f}",
        f"{result['step_us']:.1f}",
        f"{result['step_cpu_us']:.1f}",
        f"{result['rebuild_seconds']:.2f}" if result["rebuild_seconds"] else "",
        f"{result['with_rebuilds_us']:.1f}",
        f"{result['network_mb']:,}",
    ]


def plot(curves: Mapping[str, Sequence[Row]], name: str) -> None:
    """Time per sample against the number of labels; dashed: with rebuilds."""
    figure, axes = new_figure(figsize=(9, 6.5))
    for number, (what, rows) in enumerate(curves.items()):
        n_labels = [row.job["n_labels"] for row in rows]
        color = f"C{number}"
        axes.plot(n_labels, [row.result["step_us"] for row in rows], "o-", color=color, label=what)
        if rows[0].result["rebuild_seconds"]:
            times = [row.result["with_rebuilds_us"] for row in rows]
            axes.plot(n_labels, times, "o--", color=color, mfc="none", label=f"{what}, with rebuilds")
    axes.set_xscale("log")
    axes.set_yscale("log")
    log_axis(axes.xaxis)
    log_axis(axes.yaxis)
    threads = threads_text(rows[0].job["threads"])
    axes.set_title(f"Time of a training step at about {N_ACTIVE:,} active labels, by number of labels ({threads})")
    style(axes, "labels", "µs per sample")
    figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    save_figure(figure, name)


def main() -> None:
    """Measure what is missing; show all there is."""
    args = common.parser(__doc__).parse_args()
    name = "scaling_quick" if args.quick else "scaling"
    results = Results(name, again=args.again)
    curves: dict[str, list[Row]] = {}
    for what, variant in VARIANTS.items():
        for n_labels in QUICK_N_LABELS if args.quick else N_LABELS:
            if n_labels > variant.most_labels:
                continue
            job = job_of(variant, n_labels, args.threads, args.seed)
            results.measure(f"{what}, {n_labels:,} labels", job, time_steps, threads=args.threads)
            if row := results.find(job):
                curves.setdefault(what, []).append(row)
    if not curves:
        return
    plot(curves, name)
    picture = f"![µs per sample by number of labels]({name}.png)"
    rows = [row for curve in curves.values() for row in curve]
    publish(name, "Time of a training step by the number of labels", [*tables(curves), NOTES, picture], rows)


if __name__ == "__main__":
    main()
