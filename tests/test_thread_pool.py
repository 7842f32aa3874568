from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from support import random_floats

from slidelearn import kernels
from slidelearn.kernels import Float

REPOSITORY = Path(__file__).parents[1]
POOL = ("native/thread_pool.cpp", "native/platform.cpp")


def _product(x: Float, n_threads: int) -> Float:
    return kernels.matmul(x, x, transpose_b=True, n_threads=n_threads)


def test_many_small_regions(rng: np.random.Generator, n_threads: int) -> None:
    x = random_floats(rng, 200, 8)
    expected = _product(x, 1)
    for _ in range(500):
        np.testing.assert_array_equal(_product(x, n_threads), expected)


def test_more_threads_than_cores(rng: np.random.Generator) -> None:
    x = random_floats(rng, 600, 30)
    for n_threads in (3, 40, 7):
        np.testing.assert_array_equal(_product(x, n_threads), _product(x, 1))


def test_several_python_threads_at_once(rng: np.random.Generator) -> None:
    matrices = [random_floats(rng, n, 30) for n in (100, 200, 300, 400)]
    expected = [_product(x, 1) for x in matrices]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(25):
            for actual, e in zip(pool.map(lambda x: _product(x, 2), matrices), expected, strict=True):
                np.testing.assert_array_equal(actual, e)


def _check_in_child(x: Float, expected: Float) -> None:
    for n_threads in (2, 4, 1):
        if not np.array_equal(_product(x, n_threads), expected):
            os._exit(3)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own(rng: np.random.Generator) -> None:
    x = random_floats(rng, 300, 30)
    expected = _product(x, 2)
    child = multiprocessing.get_context("fork").Process(target=_check_in_child, args=(x, expected))
    child.start()
    child.join(timeout=60)
    hangs = child.is_alive()
    child.kill()
    child.join()
    assert not hangs
    assert child.exitcode == 0
    np.testing.assert_array_equal(_product(x, 2), expected)  # the parent's pool goes on


def test_stress(tmp_path: Path) -> None:
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    program = tmp_path / "thread_pool_stress"
    sources = [REPOSITORY / path for path in ("tests/native/thread_pool_stress.cpp", *POOL)]
    build = [compiler, "-std=c++17", "-O1", "-g", "-pthread", f"-I{REPOSITORY / 'native'}", *sources, "-o", program]
    if subprocess.run([*build, "-fsanitize=thread"], capture_output=True).returncode:
        subprocess.run(build, check=True, capture_output=True)
    alone = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}  # no other sanitizer beside it
    done = subprocess.run([program], capture_output=True, text=True, timeout=300, env=alone)
    assert done.returncode == 0, done.stderr
