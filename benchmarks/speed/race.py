"""Times contestants in turns: each is in a process of its own, on the same cores, and all wait while one runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from peers.install import python_of

from slidelearn.machine.resources import available_bytes
from speed.contestants import ENTRIES, REFERENCE, Entry
from speed.shapes import Shape

LEARNING_RATE = 1e-3
TURN_SECONDS = 0.25
"""Steps are taken in a turn until about so long."""
MOST_STEPS = 25
SLOW_SECONDS = 0.5
"""For a first step; after a quicker one, the pace is taken from more than one step."""
LEAST_ROUNDS = 3
MOST_SECONDS = 6.0
"""Who has run for so long sits out the rounds after the first `LEAST_ROUNDS`."""
SPARE_BYTES = 1.5e9
"""Left to the system and the script."""
SHARE_TOGETHER = 0.4
"""Of the rest, what several contestants may take together: where memory is nearly full, huge pages are hard to get, and
those who want many take twice the time."""
MALLOC = "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=17179869184"
"""For PyTorch: large tensors are in huge pages, and their memory is kept for the next step's. Without it, getting the
same memory from the system anew takes up to three quarters of an element-wise operation."""


class Runner:
    """A contestant in its process."""

    def __init__(self, entry: Entry, environments: Path | None, cores: Sequence[int]) -> None:
        python = Path(sys.executable)
        environment = dict(os.environ)
        if entry.environment:
            assert environments is not None
            python = python_of(environments, entry.environment)
            environment["GLIBC_TUNABLES"] = MALLOC
        self.entry = entry
        self._process = subprocess.Popen(
            [python, "-m", "speed.worker", entry.module, ",".join(map(str, cores))],
            cwd=Path(__file__).parents[1],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def ask(self, order: str, **what: Any) -> dict[str, Any]:
        """Give an order and wait for the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"order": order, **what}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise RuntimeError(f"the process ended with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def make(self, shape: Shape, threads: int, seed: int, **changes: Any) -> dict[str, Any]:
        """Have the contestant made."""
        what = {"learning_rate": LEARNING_RATE, "with_weights": False, "options": self.entry.options, **changes}
        return self.ask("make", shape=shape.as_job(), threads=threads, seed=seed, **what)


def cores_for(threads: int) -> list[int]:
    """The cores that all contestants are held to; none named where the system has no such thing."""
    return sorted(os.sched_getaffinity(0))[:threads] if hasattr(os, "sched_getaffinity") else []


def race(
    shape: Shape, names: Sequence[str], environments: Path | None, *, threads: int, seed: int, n_rounds: int
) -> dict[str, Any]:
    """Seconds of a step of each contestant; or the bytes that it lacks, or why it failed."""
    results: dict[str, Any] = {}
    groups, too_large = _groups(shape, names)
    results |= {name: {"does_not_fit": n_bytes} for name, n_bytes in too_large.items()}
    for group in groups:
        timed = _timed_group(shape, group, environments, threads, seed, n_rounds)
        beside = timed.get(REFERENCE, {}).get("seconds")
        for name, result in timed.items():
            # the reference runs in each group; the first of its times is the one that is shown
            results.setdefault(name, {**result, "seconds_of_reference": beside})
    return results


def _groups(shape: Shape, names: Sequence[str]) -> tuple[list[list[str]], dict[str, int]]:
    """Contestants that fit into memory together, with the reference wherever it fits, too; and those that never do."""
    there_is = (available_bytes() or 2**63) - SPARE_BYTES
    needs = {name: ENTRIES[name].n_bytes(shape) for name in names}
    too_large = {name: n_bytes for name, n_bytes in needs.items() if n_bytes > there_is}
    groups: list[list[str]] = []
    others = [name for name in names if name != REFERENCE and name not in too_large]
    base = [REFERENCE] if REFERENCE in names and REFERENCE not in too_large else []
    if not others:
        return [base] if base else [], too_large
    for name in others:
        for group in groups:
            if sum(needs[member] for member in group) + needs[name] <= SHARE_TOGETHER * there_is:
                group.append(name)
                break
        else:
            together = sum(needs[member] for member in [*base, name]) <= there_is
            groups.append([*base, name] if together else [name])
    if base and not any(REFERENCE in group for group in groups):
        groups.insert(0, base)
    return groups, too_large


def _timed_group(
    shape: Shape, names: Sequence[str], environments: Path | None, threads: int, seed: int, n_rounds: int
) -> dict[str, dict[str, Any]]:
    results: dict[str, dict[str, Any]] = {}
    with ExitStack() as stack:
        racers: dict[str, _Racer] = {}
        for name in names:
            try:
                runner = stack.enter_context(Runner(ENTRIES[name], environments, cores_for(threads)))
                racers[name] = _Racer(runner, runner.make(shape, threads, seed))
            except RuntimeError as error:
                results[name] = {"failed": str(error)}
        for number in range(n_rounds):
            for name, racer in list(racers.items()):
                try:
                    racer.take_turn(number)
                except RuntimeError as error:
                    results[name] = {"failed": str(error)}
                    del racers[name]
        results |= {name: racer.result() for name, racer in racers.items()}
    return results


class _Racer:
    """A runner, its pace and its times."""

    def __init__(self, runner: Runner, made: Mapping[str, Any]) -> None:
        self._runner = runner
        self._versions = made["versions"]
        first = runner.ask("run", n_steps=1)["seconds"][0]  # memory is touched for the first time
        pace = min(runner.ask("run", n_steps=3 if first < SLOW_SECONDS else 1)["seconds"])
        self._n_steps = int(np.clip(TURN_SECONDS / pace, 1, MOST_STEPS))
        self._rounds: list[float] = []
        self._total = 0.0
        self._last: dict[str, Any] = {}

    def take_turn(self, number: int) -> None:
        if number >= LEAST_ROUNDS and self._total > MOST_SECONDS:
            return
        self._last = self._runner.ask("run", n_steps=1 + self._n_steps)
        seconds = self._last["seconds"][1:]  # who has waited has empty caches, and may have given memory back
        self._total += sum(seconds)
        self._rounds.append(float(np.median(seconds)))

    def result(self) -> dict[str, Any]:
        return {
            "seconds": float(np.median(self._rounds)),
            "rounds": self._rounds,
            "steps_of_round": self._n_steps,
            "n_active": self._last["n_active"],
            "peak_mb": self._last["peak_mb"],
            "versions": self._versions,
        }
