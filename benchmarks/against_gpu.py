"""P@1 by wall seconds of training on two processor cores, beside what a GPU takes for a full softmax.

python benchmarks/against_gpu.py --data DIR
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from common import Results, Row
from report import markdown_table, percent, publish, seconds
from training_job import available, parser, train, training_job


class OnGpu(NamedTuple):
    """A training of the SLIDE paper's dense network (128 ReLU units, Adam) with a full softmax, on one H100."""

    precision: float
    """P@1 in percent."""
    seconds: float
    """Wall seconds."""


ON_GPU: Mapping[str, OnGpu] = {"YSO-Related-3lang": OnGpu(9.5, 42.0), "YSO-Finna-en": OnGpu(32.4, 4.4)}
"""Four epochs each in PyTorch 2.11, bf16; measured elsewhere, and not again by this script."""

BUDGETS: Mapping[str, Sequence[float]] = {"YSO-Related-3lang": (5, 10, 20, 40, 80), "YSO-Finna-en": (2, 4, 8, 16, 32)}
"""``max_seconds`` of the trainings."""
QUICK_BUDGETS: Mapping[str, Sequence[float]] = {"WordNet-Tiny": (0.3,)}

NOTES = """\
Seconds are wall seconds of training, from matrices in memory. The GPU's (one H100, PyTorch 2.11, bf16, fused Adam, four
epochs) were measured elsewhere, and its network is that of the SLIDE paper, 128 ReLU units and a full softmax, not the
recipe of slidelearn: the points compare a processor and its method with a GPU and its method, not two engines at the
same work. A training with `max_seconds` is chosen by a clock, so it is another one where the machine is busy; *load* is
how many processes wanted a processor in the minute before."""


def trainings(data_set: str, budgets: Sequence[float], threads: int, seed: int) -> dict[str, dict[str, Any]]:
    """The jobs of a data set by name: the quick preset, and whatever fits into so many seconds."""
    options: dict[str, tuple[str, dict[str, Any]]] = {"preset quick": ("quick", {})}
    options |= {f"max_seconds={budget:g}": ("recipe", {"max_seconds": budget}) for budget in budgets}
    return {
        name: training_job(data_set, preset, given, threads=threads, seed=seed)
        for name, (preset, given) in options.items()
    }


def table(data_set: str, rows: Mapping[str, Row]) -> str:
    """P@k and seconds; how many times as long as the GPU's training, where P@1 is no lower than there."""
    gpu = ON_GPU.get(data_set)
    lines = []
    for name, row in rows.items():
        result = row.result
        as_good = gpu is not None and 100 * result["p@1"] >= gpu.precision
        lines.append(
            [
                name,
                *(percent(result[f"p@{k}"]) for k in (1, 3, 5)),
                seconds(result["train_seconds"]),
                seconds(result["cpu_seconds"]),
                f"{result['train_seconds'] / gpu.seconds:.2f}" if gpu and as_good else None,
                None if row.load_before is None else f"{row.load_before:.1f}",
            ]
        )
    if gpu:
        lines.append(["H100, full softmax", gpu.precision, None, None, seconds(gpu.seconds), None, 1, None])
    header = [data_set, "P@1", "P@3", "P@5", "wall s", "CPU s", "of the GPU's seconds, at its P@1 or more", "load"]
    return markdown_table(header, lines)


def main() -> None:
    """Measure what is missing; show all there is."""
    options = parser(__doc__)
    options.set_defaults(threads=2)
    args = options.parse_args()
    name = "against_gpu_quick" if args.quick else "against_gpu"
    results = Results(name, again=args.again)
    budgets = QUICK_BUDGETS if args.quick else BUDGETS
    rows: dict[str, dict[str, Row]] = {}
    for data_set in available(list(budgets), args.data):
        for what, job in trainings(data_set, budgets[data_set], args.threads, args.seed).items():
            if args.sets is None or data_set in args.sets:
                results.measure(f"{data_set}, {what}", job, train, args.data, threads=args.threads)
            if row := results.find(job):
                rows.setdefault(data_set, {})[what] = row
    if rows:
        tables = [table(data_set, of_set) for data_set, of_set in rows.items()]
        picture = "![P@1 by wall seconds of training](../../docs/pictures/against_gpu.svg)"
        all_rows = [row for of_set in rows.values() for row in of_set.values()]
        publish(name, "Two processor cores beside a GPU", [*tables, NOTES, picture], all_rows)


if __name__ == "__main__":
    main()
