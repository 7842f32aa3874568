"""What hashing costs: the codes of neurons, filling the tables, finding candidates, by hash family; a rebuild of a
large layer; and whether updating SimHash codes from what changed pays.

    python benchmarks/hashing.py --threads 2
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import common
import numpy as np
from common import Results, Row
from report import markdown_table, publish

from slidelearn.config import make_config
from slidelearn.lsh import HashTables, SimHash, make_family
from slidelearn.lsh.incremental import IncrementalSimHash
from slidelearn.lsh.tables import Selection

WIDTH = 128
N_QUERIES = 1024
N_CANDIDATES, MIN_TABLES = 1000, 2
REPEATS = 9
N_NEURONS, QUICK_N_NEURONS = 200_000, 10_000

FAMILIES: Mapping[str, Mapping[str, Any]] = {
    "SimHash 9 x 50": {"hash_family": "simhash", "hashes_per_table": 9},
    "WTA 4 x 50": {"hash_family": "wta", "hashes_per_table": 4},
    "DWTA 4 x 50": {"hash_family": "dwta", "hashes_per_table": 4},
    "DOPH 2 x 50": {"hash_family": "doph", "hashes_per_table": 2},
}
INCREMENTAL = "SimHash 9 x 50"
N_REBUILT, QUICK_N_REBUILT = 670_091, 20_000
REBUILT: Mapping[str, Mapping[str, Any]] = {
    "DWTA 6 x 50": {"hash_family": "dwta", "hashes_per_table": 6},
    "SimHash 6 x 50": {"hash_family": "simhash", "hashes_per_table": 6},
}
"""On one thread and on two."""
SELECTIONS: tuple[Selection, ...] = ("vanilla", "topk", "threshold")
CHANGED_SHARES = (0.0, 0.01, 0.1, 0.5, 1.0)
"""Of the coordinates of all neurons."""

NOTES = f"""\
Random neurons and queries of {WIDTH} coordinates, half of the queries' being 0 as ReLU leaves them; 50 tables. Times of
the quickest of {REPEATS} runs: wall and, in brackets, CPU time. An insertion is a neuron in a table. Candidates, with
the codes of the queries at hand: *vanilla* and *topk* up to {N_CANDIDATES:,}, *threshold* those in {MIN_TABLES} tables
or more; *found*: per query, by these three. A *rebuild* is codes and tables of all neurons; *GB* have both at once.
*bytes*: what updating keeps for each neuron."""


def time_family(job: common.Job) -> dict[str, Any]:
    """The costs of a family."""
    config = make_config("paper", **job["options"])
    rng = np.random.default_rng(job["seed"])
    n_threads = job["threads"]
    family = make_family(config, WIDTH, rng)
    neurons = rng.standard_normal((job["n_neurons"], WIDTH), dtype=np.float32)
    queries = np.maximum(rng.standard_normal((N_QUERIES, WIDTH), dtype=np.float32), 0)
    codes = family.neuron_codes(neurons, n_threads=n_threads)
    query_codes = family.codes(queries, n_threads=n_threads)
    tables = HashTables.build(codes, family.n_buckets, n_threads=n_threads)
    how = {"n_candidates": N_CANDIDATES, "min_tables": MIN_TABLES, "n_threads": n_threads}
    result = {
        **_timed("code_ns", 1e9 / len(neurons), lambda: family.neuron_codes(neurons, n_threads=n_threads)),
        **_timed("query_us", 1e6 / N_QUERIES, lambda: family.codes(queries, n_threads=n_threads)),
        **_timed("insert_ns", 1e9 / codes.size, lambda: HashTables.build(codes, family.n_buckets, n_threads=n_threads)),
    }
    for selection in SELECTIONS:
        find = partial(tables.candidates, query_codes, selection, **how)
        result[f"{selection}_found"] = len(find().indices) / N_QUERIES
        result |= _timed(f"{selection}_us", 1e6 / N_QUERIES, find)
    return result


def time_rebuild(job: common.Job) -> dict[str, Any]:
    """Codes and tables of all neurons."""
    rng = np.random.default_rng(job["seed"])
    family = make_family(make_config("paper", **job["options"]), WIDTH, rng)
    neurons = rng.standard_normal((job["n_neurons"], WIDTH), dtype=np.float32)
    n_threads = job["threads"]

    def rebuilt() -> HashTables:
        codes = family.neuron_codes(neurons, n_threads=n_threads)
        return HashTables.build(codes, family.n_buckets, n_threads=n_threads)

    tables = rebuilt()
    gigabytes = (tables.offsets.nbytes + tables.ids.nbytes + 4 * tables.ids.shape[0] * len(neurons)) / 1e9
    del tables
    codes = partial(family.neuron_codes, neurons, n_threads=n_threads)
    return {**_timed("codes_ns", 1e9 / len(neurons), codes), **_timed("rebuild_s", 1, rebuilt), "gigabytes": gigabytes}


def time_incremental(job: common.Job) -> dict[str, Any]:
    """SimHash codes of neurons of which a share of the coordinates has changed: updated, and computed anew."""
    config = make_config("paper", **job["options"])
    rng = np.random.default_rng(job["seed"])
    family = SimHash(WIDTH, config, rng)
    neurons = rng.standard_normal((job["n_neurons"], WIDTH), dtype=np.float32)
    incremental = IncrementalSimHash(family)
    incremental.afresh(neurons, n_threads=job["threads"])

    def change() -> None:
        changed = rng.random(neurons.shape, dtype=np.float32) < job["changed"]
        neurons[changed] += np.float32(0.1)

    updated = partial(incremental.updated, neurons, n_threads=job["threads"])
    anew = partial(family.neuron_codes, neurons, n_threads=job["threads"])
    result = _timed("updated_ns", 1e9 / len(neurons), updated, before=change)
    result |= _timed("anew_ns", 1e9 / len(neurons), anew)
    return {
        **result,
        "agree": float(np.mean(updated() == anew())),
        "bytes_per_neuron": incremental.n_bytes / len(neurons),
    }


def _timed(
    name: str, unit: float, function: Callable[[], object], before: Callable[[], object] = lambda: None
) -> dict[str, float]:
    """Wall and CPU time of the quickest run, under two names, multiplied by the unit."""
    clocks = []
    for _ in range(REPEATS):
        before()
        wall, cpu = time.perf_counter(), time.process_time()
        function()
        clocks.append((time.perf_counter() - wall, time.process_time() - cpu))
    wall, cpu = map(min, zip(*clocks, strict=True))
    return {name: wall * unit, f"{name}_cpu": cpu * unit}


def families_table(rows: Mapping[str, Row]) -> str:
    """The costs by family; of the times, wall and CPU."""
    timed = {"code_ns": "codes, ns / neuron", "query_us": "codes, µs / query", "insert_ns": "build, ns / insertion"}
    timed |= {f"{selection}_us": f"{selection}, µs / query" for selection in SELECTIONS}
    lines = [
        [
            name,
            *(_both(row.result, key) for key in timed),
            " / ".join(f"{row.result[f'{selection}_found']:,.0f}" for selection in SELECTIONS),
        ]
        for name, row in rows.items()
    ]
    return markdown_table(["family", *timed.values(), "found"], lines)


def rebuild_table(rows: Mapping[tuple[str, int], Row]) -> str:
    """Whole rebuilds by family and threads."""
    header = ["family", "threads", "codes, ns / neuron", "rebuild, s", "GB"]
    lines = [
        [name, n, _both(row.result, "codes_ns"), _both(row.result, "rebuild_s", 3), f"{row.result['gigabytes']:.2f}"]
        for (name, n), row in rows.items()
    ]
    return markdown_table(header, lines)


def incremental_table(rows: Mapping[float, Row]) -> str:
    """Updating against computing anew, by the share of the coordinates that changed."""
    header = ["coordinates changed", "updated, ns / neuron", "anew, ns / neuron", "ratio", "codes that agree", "bytes"]
    lines = []
    for share, row in rows.items():
        result = row.result
        ratio = result["updated_ns"] / result["anew_ns"]
        times = [_both(result, key) for key in ("updated_ns", "anew_ns")]
        lines.append(
            [f"{share:.0%}", *times, f"{ratio:.2f}", f"{result['agree']:.4%}", f"{result['bytes_per_neuron']:,.0f}"]
        )
    return markdown_table(header, lines)


def _both(result: Mapping[str, float], key: str, digits: int = 1) -> str:
    return f"{result[key]:,.{digits}f} ({result[f'{key}_cpu']:,.{digits}f})"


def main() -> None:
    """Measure what is missing; show all there is."""
    args = common.parser(__doc__).parse_args()
    name = "hashing_quick" if args.quick else "hashing"
    results = Results(name, again=args.again)
    n_neurons = QUICK_N_NEURONS if args.quick else N_NEURONS
    shared = {"n_neurons": n_neurons, "threads": args.threads, "seed": args.seed}
    families: dict[str, Row] = {}
    for family, options in FAMILIES.items():
        job = {**shared, "options": dict(options)}
        results.measure(family, job, time_family, threads=args.threads)
        if row := results.find(job):
            families[family] = row
    shares: dict[float, Row] = {}
    for share in CHANGED_SHARES:
        job = {**shared, "options": dict(FAMILIES[INCREMENTAL]), "changed": share}
        results.measure(f"{INCREMENTAL}, {share:.0%} changed", job, time_incremental, threads=args.threads)
        if row := results.find(job):
            shares[share] = row
    rebuilds: dict[tuple[str, int], Row] = {}
    for family, options in REBUILT.items():
        for threads in (1, 2):
            n_rebuilt = QUICK_N_REBUILT if args.quick else N_REBUILT
            job = {"n_neurons": n_rebuilt, "threads": threads, "seed": args.seed, "options": dict(options)}
            results.measure(f"rebuild, {family}, {threads}", {**job, "rebuild": True}, time_rebuild, threads=threads)
            if row := results.find({**job, "rebuild": True}):
                rebuilds[family, threads] = row
    rows = [*families.values(), *shares.values(), *rebuilds.values()]
    if rows:
        parts = [
            families_table(families),
            f"A rebuild of {n_rebuilt:,} neurons:",
            rebuild_table(rebuilds),
            f"{INCREMENTAL}, updated or computed anew:",
            incremental_table(shares),
            NOTES,
        ]
        publish(name, f"What hashing {n_neurons:,} neurons costs", parts, rows)


if __name__ == "__main__":
    main()
