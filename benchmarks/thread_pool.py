"""What threads bring, and what they cost: entering a parallel region, a product and a step of training on 1 to 16
threads, alone and beside a neighbour that keeps one core busy.

    python benchmarks/thread_pool.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import common
import numpy as np
from common import Results, Row
from report import markdown_table, publish
from scaling import random_samples
from training_job import Stopwatch

from slidelearn import SlideClassifier, kernels

THREADS = (1, 2, 4, 16)
N_SMALL, N_LARGE = 5000, 60
"""Times that the small and the large verb are called."""
N_LABELS, N_SAMPLES, QUICK_N_SAMPLES = 100_000, 30_000, 5_000
MEASURED = {"small_us": "small verb, µs", "large_ms": "large verb, ms", "step_us": "step, µs / sample"}

NOTES = """\
*Small verb*: a product of 192 x 16 by 16 x 64, for which a region is entered each time; *large*: one of 256 x 256 by
256 x 4,096; *step*: of the preset quick, 100,000 labels. Medians of wall times. *Neighbour*: another process that keeps
a processor busy. Where there are as many threads as processors it takes its share of them: of two processors that three
want, two thirds are left for two threads, so a ratio of 1.5 is fair. *load*: processes that wanted a processor in the
minute before."""


def time_threads(job: common.Job) -> dict[str, Any]:
    """The three times."""
    rng, n_threads = np.random.default_rng(job["seed"]), job["threads"]
    small = rng.standard_normal((192, 16), np.float32), rng.standard_normal((16, 64), np.float32)
    large = rng.standard_normal((256, 256), np.float32), rng.standard_normal((256, 4096), np.float32)
    X, Y = random_samples(job["n_samples"], N_LABELS, rng)
    with _neighbour() if job["neighbour"] else _nobody():
        of_small = _median_seconds(lambda: kernels.matmul(*small, n_threads=n_threads), N_SMALL)
        of_large = _median_seconds(lambda: kernels.matmul(*large, n_threads=n_threads), N_LARGE)
        stopwatch = Stopwatch()
        clf = SlideClassifier(preset="quick", ranker=False, n_epochs=1, answers="exact", n_jobs=n_threads)
        clf.fit(X, Y, callbacks=[stopwatch])
    of_step = np.median(stopwatch.step_seconds()[:, 0]) / clf.config_.batch_size
    return {"small_us": 1e6 * of_small, "large_ms": 1e3 * of_large, "step_us": 1e6 * of_step}


def _median_seconds(work: Callable[[], object], n_times: int) -> float:
    ends = [time.perf_counter()]
    for _ in range(n_times):
        work()
        ends.append(time.perf_counter())
    return float(np.median(np.diff(ends)))


@contextmanager
def _neighbour() -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def _nobody() -> Iterator[None]:
    yield


def table(rows: Mapping[tuple[int, bool], Row]) -> str:
    """Each number of threads, alone and beside a neighbour, and what that one costs."""
    lines = []
    for threads in THREADS:
        pair = [rows.get((threads, neighbour)) for neighbour in (False, True)]
        if None in pair:
            continue
        alone, beside = (row.result for row in pair if row)
        times = [f"{alone[key]:.1f} / {beside[key]:.1f} ({beside[key] / alone[key]:.2f})" for key in MEASURED]
        lines.append([threads, *times, " / ".join(f"{row.load_before or 0:.1f}" for row in pair if row)])
    return markdown_table(["threads", *MEASURED.values(), "load"], lines)


def main() -> None:
    """Measure what is missing; show all there is."""
    args = common.parser(__doc__).parse_args()
    name = "thread_pool_quick" if args.quick else "thread_pool"
    results = Results(name, again=args.again)
    rows: dict[tuple[int, bool], Row] = {}
    for threads in THREADS:
        for neighbour in (False, True):
            job = {"neighbour": neighbour, "n_samples": QUICK_N_SAMPLES if args.quick else N_SAMPLES}
            job |= {"threads": threads, "seed": args.seed}
            beside = "beside a neighbour" if neighbour else "alone"
            results.measure(f"{threads} threads, {beside}", job, time_threads, threads=threads)
            if row := results.find(job):
                rows[threads, neighbour] = row
    if rows:
        parts = [f"{os.cpu_count()} processors; alone / beside a busy neighbour (ratio):", table(rows), NOTES]
        publish(name, "One thread, several, and too many", parts, list(rows.values()))


if __name__ == "__main__":
    main()
