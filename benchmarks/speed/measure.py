"""A measurement: what the machine can do, then everyone's steps on one shape."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common import Job

from slidelearn.machine.ceilings import measure_ceilings
from speed.contestants import ENTRIES
from speed.quiet import busy_cores
from speed.race import cores_for, race
from speed.roofline import distinct_features, input_seconds, output_seconds
from speed.shapes import Shape

CEILINGS = ("fp32_flops", "bf16_flops", "int8_ops", "row_bytes", "sequential_bytes")


def job_of(shape: Shape, names: Sequence[str], *, n_rounds: int, threads: int, seed: int) -> dict[str, Any]:
    """What a measurement depends on."""
    return {
        "shape": shape.as_job(),
        "contestants": list(names),
        "n_rounds": n_rounds,
        "threads": threads,
        "seed": seed,
    }


def measure(job: Job, environments: Path | None) -> dict[str, Any]:
    """Times of all contestants, and the least time that each could take."""
    shape, threads, seed = Shape(**job["shape"]), job["threads"], job["seed"]
    if cores := cores_for(threads):
        os.sched_setaffinity(0, cores)
    busy = busy_cores()
    measured = measure_ceilings(threads)
    ceilings = {name: getattr(measured, name) for name in CEILINGS}
    n_features = distinct_features(shape, seed)
    times = race(shape, job["contestants"], environments, threads=threads, seed=seed, n_rounds=job["n_rounds"])
    for name, result in times.items():
        if "seconds" in result:
            result |= _rooflines(name, shape, result["n_active"], n_features, ceilings)
    return {"busy_cores": busy, "ceilings": ceilings, "features_of_batch": n_features, "contestants": times}


def _rooflines(
    name: str, shape: Shape, n_active: float, n_features: float, ceilings: Mapping[str, Any]
) -> dict[str, float]:
    entry = ENTRIES[name]
    output = output_seconds(entry, shape, n_active, ceilings)
    return {
        "roofline_seconds": output,
        "roofline_with_input_seconds": output + input_seconds(entry, shape, n_features, ceilings),
    }
