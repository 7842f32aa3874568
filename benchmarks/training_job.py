"""One training with its test: the measurement that most of these benchmarks are made of."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import common
import numpy as np

from slidelearn import SlideClassifier, load_dataset, read_xmc
from slidelearn.callbacks import Callback
from slidelearn.datasets import DATASETS
from slidelearn.matrices import FloatCsr
from slidelearn.metrics import precision_at_k, precision_standard_error
from slidelearn.training.trainer import Progress

TIMED_STEPS = 200
WARM_UP = 5
"""Steps that a timing leaves out: memory is touched for the first time."""


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options of benchmarks over data sets."""
    made = common.parser(description)
    made.add_argument("--data", type=Path, help="folder with a folder for each data set: train.txt.gz, test.txt.gz")
    made.add_argument("--sets", type=lambda names: names.split(","), help="data sets to measure now, by comma")
    return made


def available(names: Sequence[str], data: Path | None) -> list[str]:
    """Those of the data sets that can be read; says which cannot, and how to give them."""
    there = [name for name in names if _is_shipped(name) or (data is not None and (data / name).is_dir())]
    for name in names:
        if name not in there:
            where = f"{data} has no folder {name}" if data else f"give --data DIR, with {name} in it"
            print(f"{name}: left out: {where} (train.txt.gz and test.txt.gz in the XMC format)")
    return there


def read_set(name: str, data: Path | None, n_threads: int) -> tuple[FloatCsr, FloatCsr, FloatCsr, FloatCsr]:
    """X_train, Y_train, X_test, Y_test: from the folder, or else of the data set that the package brings."""
    if data is not None and (data / name).is_dir():
        train = read_xmc(data / name / "train.txt.gz", n_threads=n_threads)
        return *train, *read_xmc(data / name / "test.txt.gz", n_threads=n_threads)
    shipped = load_dataset(name.lower())
    return shipped.X_train, shipped.Y_train, shipped.X_test, shipped.Y_test


def training_job(
    data_set: str,
    preset: str,
    options: Mapping[str, Any],
    *,
    threads: int,
    seed: int,
    timed_above: int | None = None,
    test_every: int = 1,
) -> dict[str, Any]:
    """Describe a training.

    Parameters
    ----------
    options
        Of `SlideClassifier`, beside the preset.
    timed_above
        With more labels than this, time `TIMED_STEPS` steps, and neither train further nor test.
    test_every
        Test on every so many-th sample of the test set.
    """
    return {
        "data_set": data_set,
        "preset": preset,
        "options": dict(options),
        "threads": threads,
        "seed": seed,
        "timed_above": timed_above,
        "test_every": test_every,
    }


def train(job: common.Job, data: Path | None) -> dict[str, Any]:
    """Do what `training_job` describes; seconds are of training alone, data being in memory."""
    X, Y, X_test, Y_test = read_set(job["data_set"], data, job["threads"])
    clf = SlideClassifier(preset=job["preset"], random_state=job["seed"], n_jobs=job["threads"], **job["options"])
    timed_only = job["timed_above"] is not None and Y.shape[1] > job["timed_above"]
    stopwatch = Stopwatch(TIMED_STEPS if timed_only else None)
    clf.fit(X, Y, callbacks=[stopwatch])
    result = {
        "timed_only": timed_only,
        "n_train": X.shape[0],
        "n_labels": Y.shape[1],
        "n_epochs": clf.config_.n_epochs,
        "network_mb": round(clf.network_.n_bytes / 1e6),
        "active_fraction": clf.training_["active_mean"] / Y.shape[1],
        **clf.training_,
        **stopwatch.per_epoch(),
    }
    if timed_only:
        return result
    X_test, Y_test = X_test[:: job["test_every"]], Y_test[:: job["test_every"]]
    began = time.perf_counter()
    ids, _ = clf.predict_topk(X_test, k=5)
    result |= {"answer_seconds": time.perf_counter() - began, "n_test": X_test.shape[0]}
    result |= {f"p@{k}": precision_at_k(ids, Y_test, k) for k in (1, 3, 5)}
    return {**result, "p@1_error": precision_standard_error(ids, Y_test, 1)}


class Stopwatch(Callback):
    """Times steps; after `only_steps` of them (None: never) it ends training."""

    def __init__(self, only_steps: int | None = None) -> None:
        self._only_steps = only_steps
        self._ends: list[tuple[float, float]] = []
        self._steps_per_epoch = 0

    def on_begin(self, progress: Progress) -> None:
        self._steps_per_epoch = progress.n_steps // progress.n_epochs
        self._ends = [_clock()]

    def on_step(self, progress: Progress) -> None:
        self._ends.append(_clock())
        progress.stop = progress.step == self._only_steps

    def step_seconds(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """(n_steps, 2): wall and CPU seconds of each step, those of the warm-up left out."""
        durations = np.diff(np.array(self._ends), axis=0)
        return durations[WARM_UP:] if len(durations) > 2 * WARM_UP else durations

    def per_epoch(self) -> dict[str, float]:
        """Wall and CPU seconds of an epoch, from the mean step."""
        wall, cpu = self.step_seconds().mean(axis=0) * self._steps_per_epoch
        return {"seconds_per_epoch": float(wall), "cpu_seconds_per_epoch": float(cpu)}


def _clock() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _is_shipped(name: str) -> bool:
    return name.lower() in DATASETS
