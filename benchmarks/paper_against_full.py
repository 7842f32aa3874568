"""Whether a few neurons, chosen by hashing, learn as well as all of them: the claim of the SLIDE paper.

The paper's network (Chen et al., MLSys 2020: 128 ReLU units, inner products, Adam) is trained with an exact full
softmax, with SLIDE in several settings, and with as many labels drawn uniformly.

    python benchmarks/paper_against_full.py --data DIR --seeds 3
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from statistics import mean, stdev
from typing import Any

from common import Results, Row
from report import markdown_table, new_figure, percent, publish, save_figure, seconds, style
from training_job import available, parser, train, training_job

DATA_SETS = ("WordNet-Hyper", "Debian-Deps")
QUICK_DATA_SETS = ("WordNet-Tiny",)

Settings = Mapping[str, Mapping[str, Any]]


def slide(
    family: str,
    n_hashes: int,
    selection: str,
    n_candidates: int = 1000,
    *,
    n_tables: int = 50,
    n_random: int = 0,
    log_q: float = 0.0,
    centred: bool = False,
    **others: Any,
) -> Mapping[str, Any]:
    """The options of a SLIDE sampler, none of which is left to the preset."""
    return {
        "hash_family": family,
        "hashes_per_table": n_hashes,
        "n_tables": n_tables,
        "lsh_selection": selection,
        "lsh_candidates": n_candidates,
        "min_active": n_candidates + n_random if n_random else 0,
        "log_q_strength": log_q,
        "center_rows": centred,
        **others,
    }


def uniform(n_negatives: int) -> Mapping[str, Any]:
    """So many labels, drawn for each sample, their logits corrected by their chance of being drawn (log-Q)."""
    return {"sampler": "uniform", "n_negatives": n_negatives, "min_active": 0, "log_q_strength": 1.0}


TABLES: Mapping[str, Any] = {
    "centred": True,
    "complete_norms": True,
    "log_q": 1.0,
    # candidate_recall.py shows that tables of an early state of the network find more than those of a late one
    "rebuild_every": 100,
    "rebuild_decay": 2.0,
}
"""What the tables do not find is never pushed down; random labels, weighted by log-Q, stand for it."""


def by_root_of_frequency(n_negatives: int, sampler: str = "lsh+frequency") -> Mapping[str, Any]:
    """So many labels, drawn in proportion to the square root of their frequency."""
    return {"sampler": sampler, "frequency_power": 0.5, "n_negatives": n_negatives, "min_active": 0}


FULL = "full softmax"
SETTINGS: Settings = {
    FULL: {"sampler": "full", "active_set": "shared"},
    "preset paper": {},
    "SimHash 9 x 50, centred, top-k 950": slide("simhash", 9, "topk", 950, centred=True),
    "SimHash 9 x 100, top-k 400 + 550 uniform, log-Q": slide(
        "simhash", 9, "topk", 400, n_tables=100, n_random=550, **TABLES
    ),
    "SimHash 9 x 100, top-k 250 + 400 by root of frequency, log-Q": {
        **slide("simhash", 9, "topk", 250, n_tables=100, **TABLES),
        **by_root_of_frequency(400),
    },
    "SimHash 9 x 50, top-k 200 + 400 by root of frequency, log-Q": {
        **slide("simhash", 9, "topk", 200, **TABLES),
        **by_root_of_frequency(400),
    },
    "SimHash 9 x 50, top-k 250 + 600 by root of frequency, log-Q": {
        **slide("simhash", 9, "topk", 250, **TABLES),
        **by_root_of_frequency(600),
    },
    "DWTA 4 x 50, top-k 250 + 400 by root of frequency, log-Q": {
        **slide("dwta", 4, "topk", 250, log_q=1.0),
        **by_root_of_frequency(400),
    },
    "DWTA 4 x 50, top-k 300 + 650 by root of frequency, log-Q": {
        **slide("dwta", 4, "topk", 300, log_q=1.0),
        **by_root_of_frequency(650),
    },
    "650 uniform, log-Q": uniform(650),
    "950 uniform, log-Q": uniform(950),
    "650 by root of frequency, log-Q": {**by_root_of_frequency(650, "frequency"), "log_q_strength": 1.0},
    "SimHash 9 x 50, centred, top-k 300 + 300 uniform, log-Q, HOGWILD, a tenth of the learning rate": slide(
        "simhash", 9, "topk", 300, n_random=300, log_q=1.0, centred=True, deterministic=False
    ),
}
"""Name: options beside the preset ``paper``."""

LEARNING_RATES = {"WordNet-Hyper": 0.004, "Debian-Deps": 0.001}
"""The best of 0.001, 0.002 and 0.004 for a softmax over all labels; the same for every setting."""

HEADER = ("data set", "active set", "P@1", "P@3", "P@5", "active", "share", "CPU s", "ratio", "wall s", "ratio")
NOTES = """\
P@k in percent on the whole test file; P@1 with its standard error over the test samples and, of several seeds, the
standard deviation over them in brackets. SimHash with labels drawn beside: rows centred, norms completed, tables
rebuilt after 100 and 839 steps only. *active*: labels computed per sample, *share*: of all labels. Seconds are of
training, from matrices in memory to a trained model; ratios are to the full softmax's."""


def grid() -> Settings:
    """A larger list: every family, with several numbers of hashes and tables, and every selection."""
    hashes = {"simhash": (6, 7, 9, 12), "dwta": (2, 3, 4), "wta": (2, 3, 4), "doph": (1, 2)}
    made: dict[str, Mapping[str, Any]] = {FULL: SETTINGS[FULL]}
    for (family, choices), n_tables in product(hashes.items(), (25, 50)):
        for n_hashes, centred in product(choices, (False, True) if family == "simhash" else (False,)):
            name = f"{family} {n_hashes} x {n_tables}{', centred' if centred else ''}"
            shape: dict[str, Any] = {"n_tables": n_tables, "centred": centred}
            made |= {
                f"{name}, vanilla 1000": slide(family, n_hashes, "vanilla", **shape),
                f"{name}, top-k 1000": slide(family, n_hashes, "topk", **shape),
                f"{name}, top-k 300 + 300 random, log-Q": slide(
                    family, n_hashes, "topk", 300, n_random=300, log_q=1.0, **shape
                ),
                f"{name}, a fifth of the tables agree": slide(
                    family, n_hashes, "threshold", lsh_min_tables=n_tables // 5, **shape
                ),
            }
    return made


def table(measured: Mapping[tuple[str, str], Sequence[Row]]) -> str:
    """A row for each data set and setting; means over the seeds."""
    full = {data_set: rows for (data_set, name), rows in measured.items() if name == FULL}
    return markdown_table(HEADER, [_cells(*key, rows, full.get(key[0])) for key, rows in measured.items()])


def _cells(data_set: str, name: str, rows: Sequence[Row], full: Sequence[Row] | None) -> list[str | None]:
    scores = [row.result["p@1"] for row in rows]
    p_at_1 = f"{percent(mean(scores))} ± {percent(_mean(rows, 'p@1_error'))}"
    if len(scores) > 1:
        p_at_1 += f" ({percent(stdev(scores))})"
    cells: list[str | None] = [data_set, name, p_at_1]
    cells += [percent(_mean(rows, "p@3")), percent(_mean(rows, "p@5"))]
    cells += [f"{_mean(rows, 'active_mean'):,.0f}", f"{percent(_mean(rows, 'active_fraction'), 2)}%"]
    for clock in ("cpu_seconds", "train_seconds"):
        cells += [seconds(_mean(rows, clock)), f"{_mean(rows, clock) / _mean(full, clock):.2f}" if full else None]
    return cells


def plot(measured: Mapping[tuple[str, str], Sequence[Row]], name: str) -> None:
    """P@1 against the CPU seconds of training, a panel for each data set."""
    data_sets = list(dict.fromkeys(data_set for data_set, _ in measured))
    settings = list(dict.fromkeys(setting for _, setting in measured))
    figure, panels = new_figure(1, len(data_sets), figsize=(max(9, 6 * len(data_sets)), 7), squeeze=False)
    for panel, data_set in zip(panels[0], data_sets, strict=True):
        for number, setting in enumerate(settings):
            if rows := measured.get((data_set, setting)):
                panel.errorbar(
                    _mean(rows, "cpu_seconds"),
                    100 * _mean(rows, "p@1"),
                    100 * _mean(rows, "p@1_error"),
                    label=setting,
                    color="black" if setting == FULL else f"C{number % 10}",
                    marker="*" if setting == FULL else "osD^v<"[number % 6],
                    markersize=12 if setting == FULL else 7,
                    linestyle="none",
                )
        panel.set_title(data_set)
        panel.set_xlim(left=0)
        style(panel, "CPU seconds of training", "P@1 (%) ± standard error")
    figure.suptitle("The paper's network: accuracy and cost of training by choice of the active labels")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8)
    save_figure(figure, name)


def _mean(rows: Sequence[Row], key: str) -> float:
    return mean(float(row.result[key]) for row in rows)


def main() -> None:
    """Measure what is asked for and missing; show all there is."""
    options = parser(__doc__)
    options.add_argument("--seeds", type=int, default=1, help="trainings of each, with seeds from --seed on")
    options.add_argument("--only", metavar="SETTING", help="measure this setting alone")
    options.add_argument("--grid", action="store_true", help="the larger list of settings")
    args = options.parse_args()
    name = "paper_against_full" + ("_grid" if args.grid else "") + ("_quick" if args.quick else "")
    results = Results(name, again=args.again)
    measured: dict[tuple[str, str], list[Row]] = {}
    for data_set in available(QUICK_DATA_SETS if args.quick else DATA_SETS, args.data):
        rate = LEARNING_RATES.get(data_set, 0.002)
        for setting, choice in (grid() if args.grid else SETTINGS).items():
            hogwild = not choice.get("deterministic", True)
            choice = {**choice, "learning_rate": rate / 10 if hogwild else rate}
            for seed in range(args.seed, args.seed + args.seeds):
                job = training_job(data_set, "paper", choice, threads=args.threads, seed=seed)
                if (args.sets is None or data_set in args.sets) and args.only in (None, setting):
                    label = f"{data_set}, {setting}, seed {seed}"
                    results.measure(label, job, train, args.data, threads=args.threads)
                if row := results.find(job):
                    measured.setdefault((data_set, setting), []).append(row)
    if not measured:
        return
    everything = [row for rows in measured.values() for row in rows]
    picture = f"![P@1 against CPU seconds]({name}.png)"
    publish(name, "The paper's SLIDE against the full softmax", [table(measured), NOTES, picture], everything)
    if not args.grid:
        plot(measured, name)


if __name__ == "__main__":
    main()
