"""What the recipe gains over the full softmax, over the SLIDE of the paper, and over blind sampling.

For each data set and each way to choose the active neurons: P@k on the whole test file, the time and the memory of
training, and how many neurons it computed.

    python benchmarks/first_light.py --data DIR --threads 2 --docs
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from common import Results, Row
from report import has_block, markdown_table, percent, provenance, publish, replace_block, seconds
from training_job import available, parser, train, training_job

PAGE = Path(__file__).parents[1] / "docs" / "engine.md"
BLOCK = "results"
"""The part of the page that `--docs` writes."""

DATA_SETS = ("WordNet-Hyper", "Debian-Deps", "YSO-Finna-en", "Diginetica", "YSO-Related-3lang")
QUICK_DATA_SETS = ("WordNet-Tiny",)

FULL: Mapping[str, Any] = {"sampler": "full", "active_set": "shared"}
DRAWN: Mapping[str, Any] = {"min_active": 0, "log_q_strength": 1.0}
ALONE: Mapping[str, Any] = {"ranker": False, "pilot": False}
NETWORK = "recipe's network"
RECIPE = "recipe: pilot, network, ranker"
SLIDE = "paper's SLIDE, SimHash"
AS_MANY = ("paper's network, as many uniform, log-Q", "paper's network, as many by frequency, log-Q")

VARIANTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    NETWORK: ("recipe", ALONE),
    RECIPE: ("recipe", {}),
    "recipe's network, full softmax": ("recipe", {**FULL, **ALONE}),
    "paper's network, full softmax": ("paper", FULL),
    SLIDE: ("paper", {"hash_family": "simhash"}),
    "paper's SLIDE, DWTA": ("paper", {"hash_family": "dwta", "hashes_per_table": 4}),
    "paper's SLIDE, SimHash 9 x 100, top-k 250 + 400 by root of frequency, log-Q": (
        "paper",
        {
            "n_tables": 100,
            "center_rows": True,
            "complete_norms": True,
            "rebuild_every": 100,
            "rebuild_decay": 2.0,
            "lsh_selection": "topk",
            "lsh_candidates": 250,
            "sampler": "lsh+frequency",
            "frequency_power": 0.5,
            "n_negatives": 400,
            **DRAWN,
        },
    ),
    AS_MANY[0]: ("paper", {"sampler": "uniform", **DRAWN}),
    AS_MANY[1]: ("paper", {"sampler": "frequency", **DRAWN}),
}
"""Name: preset, and options beside it. Drawn negatives have the log-Q correction: they are far worse without."""

PAPER_EPOCHS = {"YSO-Finna-en": 1, "Diginetica": 1, "YSO-Related-3lang": 1}
"""Epochs of the paper's network on the larger sets; on the others, as many as the preset has."""

MOST_LABELS_OF_FULL = {"recipe": 20_000, "paper": 100_000}
"""By preset: above that a full softmax is timed, not trained."""

HEADER = (
    "data set",
    "what",
    "P@1",
    "P@3",
    "P@5",
    "s / epoch",
    "epochs",
    "CPU s",
    "ratio",
    "active",
    "share",
    "peak MB",
)
NOTES = """\
P@k in percent on the whole test file, P@1 with its standard error. *CPU s*: user and system seconds of training, from
matrices in memory to a trained model; *ratio*: to those of the recipe's network, which is trained with the options of
the preset as they are, without pilot and ranker. *active*: labels computed per sample, *share*: of all labels; *as
many*: draws as SimHash had active. *peak MB*: of the whole process, which also reads the data and answers the test
file. *timed only*: too many labels for a full softmax; seconds are extrapolated from 200 steps."""


def table(rows: Sequence[tuple[str, Row]]) -> str:
    """All variants on all data sets."""
    network = {row.job["data_set"]: _cpu_seconds(row) for name, row in rows if name == NETWORK}
    return markdown_table(HEADER, [_cells(name, row, network.get(row.job["data_set"])) for name, row in rows])


def _cells(name: str, row: Row, network_cpu: float | None) -> list[str | None]:
    result = row.result
    precisions = ["timed only", None, None]
    if not result["timed_only"]:
        precisions = [percent(result[f"p@{k}"]) for k in (1, 3, 5)]
        precisions[0] = f"{precisions[0]} ± {percent(result['p@1_error'])}"
    cpu = _cpu_seconds(row)
    return [
        row.job["data_set"],
        name,
        *precisions,
        seconds(result["seconds_per_epoch"]),
        str(result["n_epochs"]),
        seconds(cpu),
        f"{cpu / network_cpu:.2f}" if network_cpu else None,
        f"{result['active_mean']:,.0f}",
        f"{percent(result['active_fraction'], 2)}%",
        f"{result['peak_mb']:,}" if result["peak_mb"] else None,
    ]


def _cpu_seconds(row: Row) -> float:
    result = row.result
    timed_only = result["cpu_seconds_per_epoch"] * result["n_epochs"]
    return float(timed_only if result["timed_only"] else result["cpu_seconds"])


def measure(results: Results, data_set: str, args: Namespace) -> Iterator[tuple[str, Row]]:
    """The rows of a data set, those measured now and those stored before."""
    slide: Row | None = None
    for what, (preset, choice) in VARIANTS.items():
        if what in AS_MANY:
            if slide is None:
                continue
            choice = {**choice, "n_negatives": round(slide.result["active_mean"]), "min_active": 0}
        if preset == "paper" and data_set in PAPER_EPOCHS:
            choice = {**choice, "n_epochs": PAPER_EPOCHS[data_set]}
        timed_above = MOST_LABELS_OF_FULL[preset] if choice.get("sampler") == "full" else None
        job = training_job(data_set, preset, choice, threads=args.threads, seed=args.seed, timed_above=timed_above)
        wanted = (args.sets is None or data_set in args.sets) and args.only in (None, what)
        if wanted:
            results.measure(f"{data_set}, {what}", job, train, args.data, threads=args.threads)
        if row := results.find(job):
            slide = row if what == SLIDE else slide
            yield what, row


def main() -> None:
    """Measure what is asked for and missing; show all there is."""
    options = parser(__doc__)
    options.add_argument(
        "--only", choices=VARIANTS, metavar="NAME", help=f"measure this variant alone, such as {RECIPE!r}"
    )
    options.add_argument("--docs", action="store_true", help="put the table into docs/engine.md, too")
    args = options.parse_args()
    if args.docs and not has_block(PAGE, BLOCK):
        options.error(f"docs/engine.md must have the lines <!-- {BLOCK}:begin --> and <!-- {BLOCK}:end -->, once each")
    name = "first_light_quick" if args.quick else "first_light"
    results = Results(name, again=args.again)
    data_sets = available(QUICK_DATA_SETS if args.quick else DATA_SETS, args.data)
    rows = [row for data_set in data_sets for row in measure(results, data_set, args)]
    if not rows:
        return
    measured = [row for _, row in rows]
    publish(name, "The recipe, the paper's SLIDE, and the full softmax", [table(rows), NOTES], measured)
    if args.docs:
        replace_block(PAGE, BLOCK, f"\n{table(rows)}\n\n{NOTES}\n\n{provenance(measured)}\n")


if __name__ == "__main__":
    main()
