from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import pytest
from support import random_floats

from slidelearn import SlideClassifier, kernels
from slidelearn.datasets import Dataset
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


def _check(x: Float, expected: Float) -> bool:
    return all(np.array_equal(_product(x, n_threads), expected) for n_threads in (2, 4, 1))


def _check_in_child(x: Float, expected: Float, n_generations: int) -> None:
    if n_generations > 1 and _exit_code(x, expected, n_generations - 1):
        os._exit(4)
    if not _check(x, expected):
        os._exit(3)


def _exit_code(x: Float, expected: Float, n_generations: int = 1) -> int | None:
    """Of a forked child that uses the pool, and so do its own children; None if it hangs."""
    child = multiprocessing.get_context("fork").Process(target=_check_in_child, args=(x, expected, n_generations))
    child.start()
    child.join(timeout=60)
    hangs = child.is_alive()
    child.kill()
    child.join()
    return None if hangs else child.exitcode


forks = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


class TestForked:
    pytestmark = forks

    def test_a_child_has_threads_of_its_own(self, rng: np.random.Generator) -> None:
        x = random_floats(rng, 300, 30)
        expected = _product(x, 2)
        assert _exit_code(x, expected) == 0
        np.testing.assert_array_equal(_product(x, 2), expected)  # the parent's pool goes on

    def test_a_childs_child_too(self, rng: np.random.Generator) -> None:
        x = random_floats(rng, 300, 30)
        assert _exit_code(x, _product(x, 2), n_generations=3) == 0

    def test_while_another_thread_is_at_work(self, rng: np.random.Generator) -> None:
        """The child has the pool as it stood in the middle of a region, and nobody who would end it."""
        x = random_floats(rng, 300, 30)
        expected, done = _product(x, 2), threading.Event()

        def work() -> None:
            while not done.is_set():
                _product(x, 2)

        worker = threading.Thread(target=work)
        worker.start()
        try:
            assert [_exit_code(x, expected) for _ in range(10)] == [0] * 10
        finally:
            done.set()
            worker.join()


def _scores(seed: int, data: Dataset) -> Float:
    clf = SlideClassifier(preset="quick", hidden_sizes=(16,), n_epochs=1, random_state=seed, n_jobs=2)
    return clf.fit(data.X_train, data.Y_train).predict_topk(data.X_test)[1]


@pytest.mark.parametrize("backend", ["loky", "threading", pytest.param("multiprocessing", marks=forks)])
def test_models_train_under_joblib(backend: str, tiny: Dataset) -> None:
    expected = [_scores(seed, tiny) for seed in range(2)]
    actual = joblib.Parallel(2, backend=backend)(joblib.delayed(_scores)(seed, tiny) for seed in range(2))
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:This DataLoader will create 2 worker processes:UserWarning")  # on one processor
def test_workers_of_a_data_loader(rng: np.random.Generator) -> None:
    """They are forked while the parent's pool is there."""
    data = pytest.importorskip("torch.utils.data")
    matrices = [random_floats(rng, 100, 30) for _ in range(8)]
    expected = [_product(x, 2) for x in matrices]

    class Products(data.Dataset):  # type: ignore[misc, name-defined]
        def __len__(self) -> int:
            return len(matrices)

        def __getitem__(self, i: int) -> Float:
            return _product(matrices[i], 2)

    loader = data.DataLoader(Products(), batch_size=None, num_workers=2, timeout=60)
    for actual, e in zip(loader, expected, strict=True):
        np.testing.assert_array_equal(actual, e)


AT_WORK_AT_EXIT = """
import threading, numpy as np
from slidelearn import kernels
x = np.ones((400, 64), np.float32)
def work(inside):
    while True:
        kernels.matmul(x, x, transpose_b=True, n_threads=4)
        inside.set()
for _ in range(3):
    inside = threading.Event()
    threading.Thread(target=work, args=(inside,), daemon=True).start()
    inside.wait()
"""


@pytest.mark.parametrize("end", ["", "raise SystemExit(0)", "import os; os._exit(0)"])
def test_the_interpreter_ends_while_threads_are_at_work(end: str) -> None:
    done = subprocess.run([sys.executable, "-c", AT_WORK_AT_EXIT + end], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_binding_has_the_guard_that_aborts_at_exit() -> None:
    bindings = sorted((REPOSITORY / "native/bindings").glob("*.cpp"))
    assert bindings
    assert [path.name for path in bindings if "gil_scoped_release" in path.read_text()] == []


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
