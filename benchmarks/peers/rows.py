"""The rows of a comparison with peers: what is measured now, and what was stored before."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

import training_job
from common import Results, Row

from peers.install import why_missing
from peers.measure import job_of, measure
from peers.variants import VARIANTS, Variant

MOST_SEEDS = 5


def parser(description: str | None, only: Sequence[str] = ("*",)) -> ArgumentParser:
    """The options of benchmarks beside peers, which measure the variants `only` unless others are named."""
    made = training_job.parser(description)
    made.add_argument("--environments", type=Path, help="folder that peers/install.py made")
    made.add_argument(
        "--only",
        type=lambda patterns: patterns.split(";"),
        default=only,
        metavar="NAMES",
        help="variants to measure now, by semicolon, such as 'Omikuji*;nearest centroid'",
    )
    made.add_argument("--seeds", type=int, default=1, help=f"how many seeds to measure, at most {MOST_SEEDS}")
    made.add_argument("--limit", type=float, default=1800, help="seconds for each measurement (default: 1800)")
    return made


def rows_by_seed(results: Results, data_set: str, args: Namespace) -> list[dict[str, Row]]:
    """For each seed the rows of a data set by name of the variant, those measured now and those stored before."""
    return [_rows(results, data_set, args, args.seed + number) for number in range(MOST_SEEDS)]


def _rows(results: Results, data_set: str, args: Namespace, seed: int) -> dict[str, Row]:
    rows = {}
    for name, variant in VARIANTS.items():
        job = job_of(data_set, variant, threads=args.threads, seed=seed)
        row = results.find(job)
        wanted = (args.sets is None or data_set in args.sets) and any(fnmatch(name, pattern) for pattern in args.only)
        if wanted and seed < args.seed + args.seeds and _can_run(variant, args.environments):
            more_time = row is not None and row.result.get("over_limit", args.limit) < args.limit
            results.measure(
                f"{data_set}, {name}, seed {seed}",
                job,
                measure,
                variant.environment,
                args.environments,
                args.data,
                args.limit,
                threads=args.threads,
                again=more_time,
            )
            row = results.find(job)
        if row:
            rows[name] = row
    return rows


def _can_run(variant: Variant, environments: Path | None) -> bool:
    return variant.environment is None or why_missing(environments, variant.environment) is None
