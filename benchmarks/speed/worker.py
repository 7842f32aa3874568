"""Holds a contestant in a process and an environment of its own: ``python -m speed.worker MODULE CORES``.

Orders come as JSON, a line each, on standard input: ``make`` a contestant, ``run`` so many steps. Each is answered by a
line on standard output.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from speed.contestant import Contestant
from speed.shapes import Shape, random_data, random_weights


def main(module: str, cores: set[int]) -> None:
    """Do what is ordered until the input ends."""
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print shall not be taken for an answer
    worker = Worker(module)
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = getattr(worker, order.pop("order"))(**order)
        except Exception as error:  # told to the script, which goes on with the others
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


class Worker:
    """One contestant at a time."""

    def __init__(self, module: str) -> None:
        self._module = import_module(f"speed.{module}")
        self._contestant: Contestant

    def make(
        self,
        shape: dict[str, Any],
        options: dict[str, Any],
        learning_rate: float,
        threads: int,
        seed: int,
        with_weights: bool,
    ) -> dict[str, Any]:
        """A contestant on the samples of the seed, with the weights of the seed or with any."""
        made = Shape(**shape)
        data = random_data(made, seed)
        weights = random_weights(made, seed) if with_weights else None
        contestant_class = self._module.contestant_class(options["kind"])
        self._contestant = contestant_class(
            made, data, weights, options, learning_rate=learning_rate, threads=threads, seed=seed
        )
        return {"versions": {name: version(name) for name in contestant_class.packages}}

    def run(self, n_steps: int) -> dict[str, Any]:
        """Take steps."""
        seconds, losses = self._contestant.run(n_steps)
        return {"seconds": seconds, "losses": losses, "n_active": self._contestant.n_active, "peak_mb": _peak_mb()}


def _peak_mb() -> int | None:
    """None where there is no /proc: getrusage counts what the process had that started this one, too."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((round(int(line.split()[1]) * 1024 / 1e6) for line in lines if line.startswith("VmHWM:")), None)


if __name__ == "__main__":
    main(sys.argv[1], {int(core) for core in sys.argv[2].split(",") if core})
