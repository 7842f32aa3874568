"""What the benchmarks share: where they run, a process of its own for each measurement, and results that survive."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy

import slidelearn
from slidelearn import kernels
from slidelearn.machine.resources import peak_bytes, processor_name

RESULTS = Path(__file__).parent / "results"
_THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")

Job = Mapping[str, Any]
"""What a measurement depends on, as JSON: equal jobs on equal machines are measured once."""


def environment() -> dict[str, Any]:
    """The machine, the versions and the commit."""
    return {
        "cpu": processor_name(),
        "isa": kernels.isa_in_use(),
        "n_processors": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "slidelearn": slidelearn.__version__,
        "commit": _commit(),
    }


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that all benchmarks have."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--threads", type=int, default=1, help="threads of every measurement (default: 1)")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--quick", action="store_true", help="small settings, to see that it works; stored apart")
    made.add_argument("--again", action="store_true", help="measure again what is stored already")
    return made


@dataclass(frozen=True)
class Row:
    """One finished measurement."""

    job: Job
    result: dict[str, Any]
    environment: dict[str, Any]
    date: str
    load_before: float | None
    """Processes that wanted a processor in the minute before: how quiet the machine was."""


class Results:
    """The measurements of one benchmark, in ``results/NAME.json``: each is stored as it ends, so a run can be cut.

    A job that was finished on the same CPU with the same instruction set is not measured again, unless `again`.
    """

    def __init__(self, name: str, *, again: bool = False) -> None:
        self.path = RESULTS / f"{name}.json"
        self._again = again
        self._here = environment()
        self._rows = [Row(**row) for row in json.loads(self.path.read_text())] if self.path.exists() else []

    def measure(
        self,
        label: str,
        job: Job,
        function: Callable[..., dict[str, Any]],
        *args: Any,
        threads: int,
        again: bool = False,
    ) -> None:
        """Store what ``function(job, *args)`` returns in a process of its own; what fails is reported and passed."""
        job = json.loads(json.dumps(job))
        if self.find(job) and not (again or self._again):
            print(f"{label}: stored already", flush=True)
            return
        print(f"{label} ...", end=" ", flush=True)
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
        began = time.perf_counter()
        try:
            result = in_own_process(function, job, *args, threads=threads)
        except Exception as error:
            print(f"FAILED: {type(error).__name__}: {error}", flush=True)
            return
        print(f"{time.perf_counter() - began:.1f} s", flush=True)
        self._rows = [row for row in self._rows if not self._answers(row, job)]
        self._rows.append(Row(job, result, self._here, time.strftime("%Y-%m-%d %H:%M:%S"), load))
        self._write()

    def find(self, job: Job) -> Row | None:
        """The stored measurement of a job on this machine."""
        job = json.loads(json.dumps(job))
        return next((row for row in self._rows if self._answers(row, job)), None)

    def _answers(self, row: Row, job: Job) -> bool:
        same_machine = all(row.environment[key] == self._here[key] for key in ("cpu", "isa", "n_processors"))
        return same_machine and row.job == job

    def _write(self) -> None:
        RESULTS.mkdir(exist_ok=True)
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text(json.dumps([vars(row) for row in self._rows], indent=1) + "\n")
        temporary.replace(self.path)


def in_own_process(function: Callable[..., dict[str, Any]], *args: Any, threads: int) -> dict[str, Any]:
    """Run a function of a script in a fresh Python process, with its peak memory added to what it returns, unless
    that tells a peak itself."""
    fresh = multiprocessing.get_context("spawn")
    with thread_variables(threads), ProcessPoolExecutor(1, mp_context=fresh) as process:
        return process.submit(_with_peak_memory, function, args).result()


@contextmanager
def thread_variables(threads: int) -> Iterator[None]:
    """Tell the linear algebra libraries of processes started meanwhile how many threads to use."""
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _with_peak_memory(function: Callable[..., dict[str, Any]], args: tuple[Any, ...]) -> dict[str, Any]:
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    result = function(*args)
    peak = peak_bytes()
    return {"peak_mb": None if peak is None else round(peak / 1e6), **result}


def _exit_with_parent() -> None:
    """A measurement whose script was killed would disturb those of the next run."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def _commit() -> str | None:
    """The commit that the scripts are at; ``+`` behind it: with changes."""
    commit = _output("git", "rev-parse", "--short=10", "HEAD")
    changed = _output("git", "status", "--porcelain", "--untracked-files=no", "--", ":!benchmarks/results", ":!*.md")
    return f"{commit}+" if commit and changed else commit


def _output(*command: str) -> str | None:
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
