"""What this machine has: processors that this process may use, and memory."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from numbers import Integral
from pathlib import Path

from slidelearn.machine import control_groups

MAX_THREADS = 1024


def resolve_threads(n_jobs: int | None) -> int:
    """The number of threads that `n_jobs` asks for: None and -1 mean all processors that this process may use.

    Raises
    ------
    ValueError
        If it is neither None, -1, nor a number from 1 up.
    """
    if n_jobs is None or n_jobs == -1:
        bound_to = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return min(bound_to, _processors_of_container() or bound_to)
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, Integral) or not 1 <= n_jobs <= MAX_THREADS:
        raise ValueError(
            f"n_jobs must be None or -1 (all processors) or an integer in [1, {MAX_THREADS}], but is {n_jobs!r}"
        )
    return int(n_jobs)


@cache  # every query asks for it
def _processors_of_container() -> int | None:
    return control_groups.processors()


def processor_name() -> str:
    """The model, as the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith(("model name", "Model")):
                return line.partition(":")[2].strip()
        if sys.platform == "darwin":
            command = ["sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        pass
    return platform.processor() or platform.machine()


def available_bytes() -> int | None:
    """Memory that can still be had, of a container's where there is one; None where the system does not tell.

    What ``ulimit -v`` leaves is counted, too: batch systems set it.
    """
    limits = _free_bytes_of_machine(), control_groups.free_bytes(), _free_bytes_of_process()
    return min((limit for limit in limits if limit is not None), default=None)


def _free_bytes_of_machine() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def _free_bytes_of_process() -> int | None:
    if sys.platform == "win32":
        return None
    import resource

    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY:
        return None
    try:
        n_pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return None
    return max(most - n_pages * resource.getpagesize(), 0)


class NotEnoughMemory(MemoryError):
    """Says what takes the memory, and what to change."""


def require_memory(n_bytes: int, what: str, remedy: str) -> None:
    """Refuse an allocation that cannot succeed, before the system kills the process for it.

    Raises
    ------
    MemoryError
        With the bytes needed, the bytes there are, and what to change.
    """
    available = available_bytes()
    if available is not None and n_bytes > available:
        raise NotEnoughMemory(f"{what} needs {n_bytes / 1e9:.1f} GB, but {available / 1e9:.1f} GB are free; {remedy}")


@contextmanager
def saying_what_takes_memory(what: str, remedy: str) -> Iterator[None]:
    """Have a want of memory that was not foreseen say what took it, and what to change, as `require_memory` does.

    Raises
    ------
    MemoryError
        With both, instead of one that has neither.
    """
    try:
        yield
    except NotEnoughMemory:
        raise
    except MemoryError as error:
        reason = "" if str(error) in ("", "std::bad_alloc") else f" ({error})"
        raise NotEnoughMemory(f"{what} takes more memory than there is{reason}; {remedy}") from error


def peak_bytes() -> int | None:
    """The most memory that this process has had at a time; None where the system does not tell."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
