from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from slidelearn import kernels
from slidelearn.machine import resources


def test_threads() -> None:
    assert resources.resolve_threads(None) == resources.resolve_threads(-1) >= 1
    assert resources.resolve_threads(3) == 3


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not bind processes to processors")
def test_threads_are_those_that_the_process_may_use() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert resources.resolve_threads(None) == 1
    finally:
        os.sched_setaffinity(0, before)


def test_numbers_of_numpy_are_numbers_of_threads() -> None:
    assert resources.resolve_threads(np.int64(2)) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize("n_jobs", [0, -2, 1.0, True, "2", 1025])
def test_no_number_of_threads(n_jobs: object) -> None:
    with pytest.raises(ValueError, match=r"n_jobs must be None or -1 .* but is"):
        resources.resolve_threads(n_jobs)  # type: ignore[arg-type]


def test_memory_is_asked_for_before_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "available_bytes", lambda: 10**9)
    resources.require_memory(10**9, "it", "do less")
    with pytest.raises(MemoryError, match=r"it needs 2.0 GB, but 1.0 GB are free; do less"):
        resources.require_memory(2 * 10**9, "it", "do less")
    monkeypatch.setattr(resources, "available_bytes", lambda: None)  # a system that does not tell
    resources.require_memory(10**18, "it", "do less")


def test_memory_that_was_not_foreseen_is_explained() -> None:
    for error, message in (
        (MemoryError("std::bad_alloc"), "it takes more memory than there is; do less"),
        (MemoryError("Unable to allocate 7 MiB"), r"it takes more memory than there is \(Unable to .* MiB\); do less"),
        (resources.NotEnoughMemory("choose less"), "^choose less$"),
    ):
        with pytest.raises(MemoryError, match=message), resources.saying_what_takes_memory("it", "do less"):
            raise error


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system does not tell how large a process is")
def test_what_ulimit_leaves_is_what_is_free() -> None:
    code = (
        "import resource; from slidelearn.machine import resources\n"
        "size = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (size + 300_000_000,) * 2)\n"
        "print(resources.available_bytes())"
    )
    free = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert 200_000_000 < int(free) <= 300_000_000


def test_peak_memory_grows_with_what_is_taken() -> None:
    before = resources.peak_bytes()
    if before is None:
        pytest.skip("this system does not tell")
    taken = b"x" * (before + 50_000_000)
    after = resources.peak_bytes()
    assert after is not None
    assert after > before
    assert len(taken) < after


@pytest.mark.skipif(
    platform.machine() != "x86_64" or not Path("/proc/cpuinfo").exists(), reason="the system does not tell"
)
def test_instruction_sets_are_those_that_the_system_tells_of() -> None:
    told = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")).split()
    avx512 = {"avx512f", "avx512bw", "avx512vl", "avx512dq"}
    needed = {
        "baseline": set(),
        "avx2": {"avx2", "fma"},
        "avx512": {"avx2", "fma", *avx512},
        "avx512bf16": {"avx2", "fma", *avx512, "avx512_bf16", "avx512_vnni"},
    }
    assert kernels.available_isas() == [name for name, flags in needed.items() if flags <= set(told)]
