"""slidelearn beside other software for extreme classification: quality, time, memory, size and speed of answering.

All learn from the same matrices on the same cores, one after another, each in a process and an environment of its own.

    python benchmarks/peers/install.py ENVIRONMENTS
    python benchmarks/compare_peers.py --data DIR --environments ENVIRONMENTS
    python benchmarks/compare_peers.py --data DIR --only "slidelearn;slidelearn, quick" --seeds 3
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from common import Results, Row
from peers.install import why_missing
from peers.plot import plot
from peers.rows import parser, rows_by_seed
from peers.tables import NOTES, section, versions
from peers.variants import VARIANTS
from report import publish
from training_job import available

from slidelearn import kernels

DATA_SETS = ("WordNet-Hyper", "Debian-Deps", "Diginetica", "YSO-Finna-en", "YSO-Related-3lang")
QUICK_DATA_SETS = ("WordNet-Tiny",)
SHOWN_ISA = "avx512bf16"
"""Instruction set of the processor that the tables are of; others have pages of their own."""


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
    args = parser(__doc__).parse_args()
    name = "compare_peers_quick" if args.quick else "compare_peers"
    if args.threads > 1:
        name += f"_{args.threads}_threads"
    if kernels.isa_in_use() != SHOWN_ISA:
        name += f"_{kernels.isa_in_use()}"
    results = Results(name, again=args.again)
    data_sets = available(QUICK_DATA_SETS if args.quick else DATA_SETS, args.data)
    rows, sections, all_rows = {}, [], []
    for data_set in data_sets:
        by_seed = rows_by_seed(results, data_set, args)
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
