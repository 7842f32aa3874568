"""A measurement: the data goes to a worker in the peer's environment, its answers come back and are judged here."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from common import Job
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, save_npz
from training_job import read_set

from peers.install import python_of
from peers.variants import Variant
from slidelearn.matrices import FloatCsr, normalize_rows
from slidelearn.metrics import evaluate, propensities

TOP_K = 20
N_ALONE = 300
"""Test samples that are also asked one at a time."""
N_RANKS = 5
"""Ranks whose hits are stored for each test sample."""


def job_of(data_set: str, variant: Variant, *, threads: int, seed: int) -> dict[str, Any]:
    """What a measurement depends on."""
    return {
        "data_set": data_set,
        "module": variant.module,
        "options": variant.on(data_set),
        "threads": threads,
        "seed": seed,
    }


def measure(
    job: Job, environment: str | None, environments: Path | None, data: Path | None, limit: float
) -> dict[str, Any]:
    """Times and sizes, what `evaluate` tells of the test file, and which of the first ranks were hits.

    A peer that takes longer than `limit` seconds of wall time, with preparing and answering, is ended.
    """
    X, Y, X_test, Y_test = read_set(job["data_set"], data, job["threads"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _hand_over(folder, X=normalize_rows(X), Y=Y, X_test=normalize_rows(X_test))
        (folder / "job.json").write_text(json.dumps({**job, "top_k": TOP_K, "n_alone": N_ALONE}))
        python = python_of(environments, environment) if environments and environment else Path(sys.executable)
        if not _finished(python, folder, limit):
            return {"over_limit": limit}
        result: dict[str, Any] = json.loads((folder / "result.json").read_text())
        if result["timed_only"]:
            return result
        ids = np.load(folder / "ids.npy")
    return {**result, **evaluate(ids, Y_test, 1 / propensities(Y)), "hits": packed_hits(ids, Y_test)}


def _hand_over(folder: Path, **matrices: FloatCsr) -> None:
    for name, matrix in matrices.items():
        save_npz(folder / f"{name}.npz", csr_matrix(matrix), compressed=False)


def _finished(python: Path, folder: Path, limit: float) -> bool:
    """Run the worker; False if its time was up."""
    log = folder / "log.txt"
    with log.open("w") as output:
        worker = subprocess.Popen(
            [python, "-m", "peers.worker", str(folder)],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        with worker:
            try:
                status = worker.wait(limit)
            except subprocess.TimeoutExpired:
                worker.kill()
                return False
    if status:
        last_line = (log.read_text(errors="replace").strip().splitlines() or ["no output"])[-1]
        raise RuntimeError(f"the worker ended with status {status}: {last_line}")
    return True


def packed_hits(ids: NDArray[np.int64], Y: FloatCsr) -> str:
    """Which of the first ranks are right, a bit for each, as text: for comparing two peers sample by sample."""
    n_samples, n_labels = Y.shape
    pairs = np.repeat(np.arange(n_samples) * n_labels, np.diff(Y.indptr)) + Y.indices
    first = ids[:, :N_RANKS]
    hits = np.isin(np.arange(n_samples)[:, None] * n_labels + first, pairs) & (first >= 0)
    return base64.b64encode(zlib.compress(np.packbits(hits, axis=1).tobytes(), 9)).decode("ascii")


def unpacked_hits(text: str) -> NDArray[np.bool_]:
    """(n_test, N_RANKS): what `packed_hits` packed."""
    rows = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)
    return np.unpackbits(rows[:, None], axis=1, count=N_RANKS).astype(np.bool_)
