"""slidelearn beside other software for extreme classification: quality, time, memory, size and speed of answering.

All learn from the same matrices on the same cores, one after another, each in a process and an environment of its own.

    python benchmarks/peers/install.py ENVIRONMENTS
    python benchmarks/compare_peers.py --data DIR --environments ENVIRONMENTS
    python benchmarks/compare_peers.py --data DIR --only "slidelearn;slidelearn, quick" --seeds 3
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path

from common import Results, Row
from peers.install import why_missing
from peers.measure import job_of, measure
from peers.plot import plot
from peers.tables import NOTES, section, versions
from peers.variants import VARIANTS, Variant
from report import publish
from training_job import available, parser

from slidelearn import kernels

DATA_SETS = ("WordNet-Hyper", "Debian-Deps", "Diginetica", "YSO-Finna-en", "YSO-Related-3lang")
QUICK_DATA_SETS = ("WordNet-Tiny",)
SHOWN_ISA = "avx512bf16"
"""Instruction set of the processor that the tables are of; others have pages of their own."""

MOST_SEEDS = 5


def measured(results: Results, data_set: str, args: Namespace, seed: int) -> dict[str, Row]:
    """The rows of a data set by name of the variant, those measured now and those stored before."""
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


def missing(rows: Mapping[str, Mapping[str, Row]], environments: Path | None) -> str:
    """What the tables have no row for, and why."""
    lines = []
    for name, variant in VARIANTS.items():
        sets = [data_set for data_set, of_set in rows.items() if name not in of_set]
        if sets:
            reason = variant.environment and why_missing(environments, variant.environment)
            lines.append(f"- {name}: {', '.join(sets)}" + (f" ({reason})" if reason else ""))
    return "Not measured:\n\n" + "\n".join(lines) if lines else "Everything was measured."


def main() -> None:
    """Measure what is asked for and missing; show all there is."""
    options = parser(__doc__)
    options.add_argument("--environments", type=Path, help="folder that peers/install.py made")
    options.add_argument(
        "--only",
        type=lambda patterns: patterns.split(";"),
        default=["*"],
        metavar="NAMES",
        help="variants to measure now, by semicolon, such as 'Omikuji*;nearest centroid'",
    )
    options.add_argument("--seeds", type=int, default=1, help=f"how many seeds to measure, at most {MOST_SEEDS}")
    options.add_argument("--limit", type=float, default=1800, help="seconds for each measurement (default: 1800)")
    args = options.parse_args()
    name = "compare_peers_quick" if args.quick else "compare_peers"
    if args.threads > 1:
        name += f"_{args.threads}_threads"
    if kernels.isa_in_use() != SHOWN_ISA:
        name += f"_{kernels.isa_in_use()}"
    results = Results(name, again=args.again)
    data_sets = available(QUICK_DATA_SETS if args.quick else DATA_SETS, args.data)
    rows, sections, all_rows = {}, [], []
    for data_set in data_sets:
        by_seed = [measured(results, data_set, args, args.seed + number) for number in range(MOST_SEEDS)]
        if by_seed[0]:
            rows[data_set] = by_seed[0]
            sections.append(section(data_set, by_seed))
            all_rows += [row for of_seed in by_seed for row in of_seed.values()]
    if not rows:
        return
    plot(rows, name)
    picture = f"![P@1 by CPU seconds of training]({name}.png)"
    parts = [*sections, NOTES, missing(rows, args.environments), picture, versions(all_rows)]
    publish(name, "slidelearn beside its peers", parts, all_rows)


if __name__ == "__main__":
    main()
