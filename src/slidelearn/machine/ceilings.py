"""What this machine can do at most, measured: what the speed of the verbs is to be judged by."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from slidelearn import kernels

SECONDS = 0.1
"""Of a measurement, of which the best of `REPEATS` counts."""
REPEATS = 5
OUT_OF_CACHE = 2**28
"""Bytes of the rows that are read and written."""


@dataclass(frozen=True)
class Ceilings:
    """Per second, on a number of threads."""

    n_threads: int
    fp32_flops: float
    """Products and sums of 32-bit floats, two for each multiply-add."""
    bf16_flops: float | None
    """Of products of bfloat16, where the processor has them."""
    int8_ops: float | None
    """Of products of 8-bit integers."""
    row_bytes: float
    """Bytes of rows read and written in any order, counted both ways."""
    sequential_bytes: float
    """The same of rows one after another."""


def measure_ceilings(n_threads: int, row_width: int = 128) -> Ceilings:
    """Measure them, in about two seconds.

    Parameters
    ----------
    n_threads
        Threads at once.
    row_width
        Floats of a row: longer ones are quicker for their bytes.
    """
    fp32, bf16, int8 = (_arithmetic(kind, n_threads) for kind in ("fp32", "bf16", "int8"))
    rows = np.zeros((OUT_OF_CACHE // (4 * row_width), row_width), np.float32)
    in_order = np.arange(len(rows), dtype=np.int32)
    shuffled = np.random.default_rng(0).permutation(in_order)
    touched = best_seconds(lambda: kernels.touch_rows(rows, shuffled, n_threads=n_threads))
    followed = best_seconds(lambda: kernels.touch_rows(rows, in_order, n_threads=n_threads))
    assert fp32 is not None
    return Ceilings(n_threads, fp32, bf16, int8, 2 * rows.nbytes / touched, 2 * rows.nbytes / followed)


def _arithmetic(kind: str, n_threads: int) -> float | None:
    n_rounds = 1000
    while True:
        began = time.perf_counter()
        n_operations = kernels.multiply_registers(kind, n_rounds, n_threads=n_threads)
        if not n_operations:
            return None
        if time.perf_counter() - began > SECONDS:
            break
        n_rounds *= 2
    return n_operations / best_seconds(lambda: kernels.multiply_registers(kind, n_rounds, n_threads=n_threads))


def best_seconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Of several runs the quickest: other programs only slow things down."""
    best = float("inf")
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best
