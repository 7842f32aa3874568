"""One training step beside PyTorch's: sampled and full softmax, same shapes, same cores, in turns.

First all contestants must have the same losses on small problems. Then each shape differs from a middle one in one
size. Everyone takes some steps in each round, and medians are over rounds; what the processor and the memory can do at
best is measured beside.

    python benchmarks/peers/install.py ENVIRONMENTS torch
    python benchmarks/compare_speed.py --environments ENVIRONMENTS
    python benchmarks/compare_speed.py --environments ENVIRONMENTS --quick --json
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import common
from common import Results, Row
from peers.install import why_missing
from report import publish
from speed import tables
from speed.checks import check
from speed.contestants import AT_RECIPE, BY_HAND, ENTRIES, EVERYONE, FULL, QUICK, REFERENCE, SAMPLED
from speed.measure import job_of, measure
from speed.plot import plot
from speed.shapes import MIDDLE, RECIPE_SHAPES, SAMPLED_SHAPES, Shape

N_ROUNDS, QUICK_N_ROUNDS = 9, 5


def plan(args: Namespace) -> list[tuple[Shape, Sequence[str], int]]:
    """Shapes, contestants and threads."""
    if args.quick:
        return [(MIDDLE, [REFERENCE], 1), (MIDDLE, QUICK, args.threads)]
    sampled = [(shape, EVERYONE, args.threads) for shape in SAMPLED_SHAPES]
    alone = [(MIDDLE, EVERYONE, 1)] if args.threads != 1 else []
    return [*sampled, *alone, *((shape, AT_RECIPE, args.threads) for shape in RECIPE_SHAPES)]


def measured(results: Results, args: Namespace, missing: str | None) -> list[Row]:
    """The rows of the plan, those measured now and those stored before."""
    rows = []
    for shape, names, threads in plan(args):
        here = [name for name in names if not (missing and ENTRIES[name].environment)]
        n_rounds = QUICK_N_ROUNDS if args.quick else N_ROUNDS
        job = job_of(shape, here, n_rounds=n_rounds, threads=threads, seed=args.seed)
        label = (
            f"{shape.n_labels:,} x {shape.width}, batch {shape.batch_size}, {shape.features_per_sample} non-zeros, "
            f"{shape.n_negatives:,} drawn, threads {threads}"
        )
        results.measure(label, job, measure, args.environments, threads=threads)
        if row := results.find(job):
            rows.append(row)
    return rows


def headline(rows: Sequence[Row], threads: int) -> dict[str, float | None]:
    """The middle shape in fp32, in five numbers; None: not measured."""
    middle = {row.job["threads"]: row for row in rows if row.job["shape"] == MIDDLE.as_job()}
    times: dict[int, Any] = {number: row.result["contestants"] for number, row in middle.items()}
    at = times.get(threads, {})
    ours = at.get(REFERENCE, {})
    alone = times.get(1, {}).get(REFERENCE, {})
    both = "seconds" in ours and "seconds" in alone
    return {
        "ratio_vs_torch_sampled": tables.ratio(at, f"{SAMPLED}, fp32"),
        "ratio_vs_torch_sampled_handmade": tables.ratio(at, f"{BY_HAND}, fp32"),
        "ratio_vs_torch_full": tables.ratio(at, f"{FULL}, fp32"),
        "fraction_of_roofline": ours["roofline_seconds"] / ours["seconds"] if "seconds" in ours else None,
        f"scaling_{threads}_threads": alone["seconds"] / ours["seconds"] if both else None,
    }


def main() -> None:
    """Check, measure what is missing, show all there is."""
    options = common.parser(__doc__)
    options.set_defaults(threads=2)
    options.add_argument("--environments", type=Path, help="folder that peers/install.py made, with torch in it")
    options.add_argument("--json", action="store_true", help="measure anew; the last line is one JSON object")
    args = options.parse_args()
    if args.environments:
        args.environments = args.environments.absolute()  # contestants run in another folder
    missing = why_missing(args.environments, "torch")
    checked = f"PyTorch was left out: {missing}." if missing else check(args.environments, args.seed)
    print(checked, flush=True)
    name = "compare_speed_quick" if args.quick else "compare_speed"
    rows = measured(Results(name, again=args.again or args.json), args, missing)
    if not rows:
        return
    pictures = [f"![ms of a step by number of labels]({name}.png)"] if plot(rows, name, args.threads) else []
    of_precisions = [table for precision in ("fp32", "bf16") if (table := tables.ratios(rows, precision))]
    parts = [*of_precisions, tables.NOTES, *pictures, tables.details(rows), tables.ceilings(rows)]
    parts = [part for part in (tables.warning(rows), *parts, checked, tables.versions(rows)) if part]
    publish(name, "A training step beside PyTorch's", parts, rows)
    if args.json:
        print(json.dumps(headline(rows, args.threads)))


if __name__ == "__main__":
    main()
