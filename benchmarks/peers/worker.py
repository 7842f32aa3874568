"""Trains and asks one peer, in the Python of the peer's environment: ``python -m peers.worker FOLDER``.

The folder has ``job.json`` (module, options, threads, seed, top_k, n_alone) and the matrices ``X.npz``, ``Y.npz`` and
``X_test.npz``; the worker writes ``ids.npy``, what the peer answers for each test sample, and ``result.json``.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, load_npz

from peers.interface import Peer

ALONE_SECONDS = 60
"""No further sample is asked alone after this long."""


def main(folder: Path) -> None:
    """Do the job of the folder."""
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    job = json.loads((folder / "job.json").read_text())
    own_folder = folder / "peer"
    own_folder.mkdir()
    peer_class: type[Peer] = import_module(f"peers.{job['module']}").PEER
    peer = peer_class(job["options"], threads=job["threads"], seed=job["seed"], folder=own_folder)
    peer.prepare(_matrix(folder / "X.npz"), _matrix(folder / "Y.npz"))
    times: dict[str, float] = {}
    with _clock(times):
        peer.fit()
    result: dict[str, Any] = {**times, "versions": {name: version(name) for name in peer_class.packages}}
    if extrapolated := peer.extrapolated():
        result |= {"timed_only": True, **extrapolated}
    else:
        result |= {"timed_only": False, **_ask(peer, _matrix(folder / "X_test.npz"), folder, job)}
    result["peak_mb"] = _peak_mb()
    (folder / "result.json").write_text(json.dumps(result))


def _ask(peer: Peer, X_test: csr_matrix, folder: Path, job: Mapping[str, Any]) -> dict[str, Any]:
    peer.save()
    peer.predict(X_test[:1], job["top_k"])  # memory is touched for the first time
    began = time.perf_counter()
    ids = peer.predict(X_test, job["top_k"])
    in_batch = (time.perf_counter() - began) / len(ids)
    alone: list[float] = []
    for number in range(min(job["n_alone"], len(ids))):
        if sum(alone) > ALONE_SECONDS:
            break
        sample = X_test[number]
        began = time.perf_counter()
        peer.predict(sample, job["top_k"])
        alone.append(time.perf_counter() - began)
    np.save(folder / "ids.npy", ids)
    return {
        "model_mb": round(_size(peer.model_path) / 1e6, 1),
        "ms_in_batch": 1e3 * in_batch,
        "ms_alone": 1e3 * float(np.median(alone)),
    }


@contextmanager
def _clock(times: dict[str, float]) -> Iterator[None]:
    wall, cpu = time.perf_counter(), _cpu_seconds()
    yield
    times |= {"wall_seconds": time.perf_counter() - wall, "cpu_seconds": _cpu_seconds() - cpu}


def _cpu_seconds() -> float:
    """User and system seconds of this process with its threads, and of its children that have ended."""
    return time.process_time() + sum(os.times()[2:4])


def _matrix(path: Path) -> csr_matrix:
    matrix = csr_matrix(load_npz(path))
    matrix.sort_indices()
    return matrix


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _peak_mb() -> int | None:
    """None where there is no /proc: getrusage counts what the process had that started this one, too."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((round(int(line.split()[1]) * 1024 / 1e6) for line in lines if line.startswith("VmHWM:")), None)


def _exit_with_parent() -> None:
    """Standard input is a pipe that ends when the script that started this process does."""
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
