"""Whether the engine is as accurate as a NumPy script of the recipe, and takes at most 0.6 of its CPU seconds.

The script is one that takes a data folder and the options below, and ends with a line such as
``network: P@1/3/5 [65.5, 60.3, 49.9], 9.6 CPU s``. For each data set the engine runs first, then the script.

    python benchmarks/against_prototype.py --data DIR --prototype recipe.py
"""

from __future__ import annotations

import gzip
import hashlib
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import common
from common import Results, Row
from report import markdown_table, percent, publish, seconds
from training_job import available, parser, train, training_job

DEFAULTS: Mapping[str, float] = {
    "scale": 12,
    "beta": 1.0,
    "lr": 0.1,
    "epochs": 4,
    "batch": 256,
    "width": 256,
    "hard": 0,
}
"""The script's own; what a run leaves out below."""

RUNS: Mapping[str, Mapping[str, float]] = {
    "WordNet-Hyper": {"scale": 14, "beta": 0.4, "epochs": 4},
    "Debian-Deps": {"scale": 10, "beta": 1, "lr": 0.05, "epochs": 6},
    "YSO-Finna-en": {"scale": 13, "epochs": 4, "hard": 8},
    "Diginetica": {"scale": 12, "epochs": 3},
    "YSO-Related-3lang": {"scale": 12, "epochs": 3, "n-test": 8000},
}
QUICK_RUNS: Mapping[str, Mapping[str, float]] = {"WordNet-Tiny": {"scale": 10, "epochs": 2, "hard": 4, "n-test": 300}}

MOST_CPU_RATIO = 0.6
"""The engine's CPU seconds over the script's: the claim."""

_ANSWER = re.compile(r"network: P@1/3/5 \[([\d.]+), ([\d.]+), ([\d.]+)\], ([\d.]+) CPU s")

HEADER = ("data set", "P@1 ours", "P@1 script", "P@3/5 ours", "P@3/5 script", "CPU s ours", "CPU s script", "ratio")
NOTES = f"""\
P@k in percent on the same test samples, with the standard error of P@1; *accurate*: our P@1 is at least the script's
less a standard error. CPU seconds are user and system seconds from matrices in memory to a trained model; *quick*: the
ratio is at most {MOST_CPU_RATIO}."""


def our_options(run: Mapping[str, float]) -> dict[str, Any]:
    """What the script's options are called in the engine."""
    given = {**DEFAULTS, **run}
    hard = {"sampler": "batch+memory", "n_hard_negatives": given["hard"]} if given["hard"] else {"sampler": "batch"}
    return hard | {
        "ranker": False,
        "logit_scale": given["scale"],
        "log_q_strength": given["beta"],
        "learning_rate": given["lr"],
        "n_epochs": given["epochs"],
        "batch_size": given["batch"],
        "hidden_sizes": [given["width"]],
    }


def run_script(job: common.Job, script: Path, data: Path) -> dict[str, Any]:
    """The script's answer; its threads are those of the environment that it inherits."""
    options = [f"--{name}={value}" for name, value in job["options"].items()]
    command = [sys.executable, str(script), str(data / job["data_set"]), f"--seed={job['seed']}", *options]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    found = _ANSWER.search(done.stdout)
    if done.returncode or not found:
        raise RuntimeError(f"the script gave no answer:\n{done.stdout[-500:]}\n{done.stderr[-1000:]}")
    *precisions, cpu = map(float, found.groups())
    scores = {f"p@{k}": value / 100 for k, value in zip((1, 3, 5), precisions, strict=True)}
    wall = time.perf_counter() - began
    return {**scores, "cpu_seconds": cpu, "process_seconds": wall, "peak_mb": _peak_mb_of_script()}


def _peak_mb_of_script() -> int | None:
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3))


def every_kth(run: Mapping[str, float], data: Path, data_set: str) -> int:
    """The script tests on every k-th sample, so that about ``n-test`` remain."""
    with gzip.open(data / data_set / "test.txt.gz", "rt") as file:
        n_test = int(file.readline().split()[0])
    return max(1, n_test // int(run.get("n-test", n_test)))


def table(pairs: list[tuple[Row, Row]]) -> str:
    """Both side by side, and the verdicts."""
    return markdown_table([*HEADER, "accurate", "quick"], [_cells(ours, script) for ours, script in pairs])


def _cells(ours: Row, script: Row) -> list[str | None]:
    us, them = ours.result, script.result
    p_us, p_them, n_test = us["p@1"], them["p@1"], us["n_test"]
    error = us["p@1_error"]
    ratio = us["cpu_seconds"] / them["cpu_seconds"]
    return [
        ours.job["data_set"],
        f"{percent(p_us)} ± {percent(error)}",
        f"{percent(p_them)} ± {percent((p_them * (1 - p_them) / n_test) ** 0.5)}",
        *(f"{percent(result['p@3'])} / {percent(result['p@5'])}" for result in (us, them)),
        seconds(us["cpu_seconds"]),
        seconds(them["cpu_seconds"]),
        f"{ratio:.2f}",
        "yes" if p_us >= p_them - error else "NO",
        "yes" if ratio <= MOST_CPU_RATIO else "NO",
    ]


def main() -> None:
    """Measure what is asked for and missing; show all there is."""
    options = parser(__doc__)
    options.add_argument("--prototype", type=Path, required=True, metavar="FILE.py", help="the script")
    args = options.parse_args()
    if args.data is None:
        options.error("--data DIR is needed: the script reads the same files")
    name = "against_prototype_quick" if args.quick else "against_prototype"
    results = Results(name, again=args.again)
    runs = QUICK_RUNS if args.quick else RUNS
    script = {"script": args.prototype.name, "sha256": hashlib.sha256(args.prototype.read_bytes()).hexdigest()[:16]}
    pairs = []
    for data_set in available(list(runs), args.data):
        run = runs[data_set]
        shared = {"threads": args.threads, "seed": args.seed}
        our_job = training_job(
            data_set, "recipe", our_options(run), test_every=every_kth(run, args.data, data_set), **shared
        )
        script_job = {**script, "data_set": data_set, "options": {**DEFAULTS, **run}, **shared}
        if args.sets is None or data_set in args.sets:
            results.measure(f"{data_set}, ours", our_job, train, args.data, threads=args.threads)
            results.measure(
                f"{data_set}, script", script_job, run_script, args.prototype, args.data, threads=args.threads
            )
        ours, theirs = results.find(our_job), results.find(script_job)
        if ours and theirs:
            pairs.append((ours, theirs))
    if pairs:
        rows = [row for pair in pairs for row in pair]
        publish(name, "The engine against a NumPy script of the recipe", [table(pairs), NOTES], rows)


if __name__ == "__main__":
    main()
