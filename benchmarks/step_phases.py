"""Where the time of a training step goes, by phase: for several kinds of steps, by active labels, and by threads.

The trainer's own clocks tell the phases. The machine's limits are measured in the same
run, and the time of the output layer stands beside what they allow.

    python benchmarks/step_phases.py --threads 2
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import common
import numpy as np
from common import Results, Row
from report import markdown_table, publish, threads_text
from scipy import sparse

from slidelearn.batches import Samples
from slidelearn.callbacks import Callback
from slidelearn.config import make_config
from slidelearn.machine.ceilings import measure_ceilings
from slidelearn.matrices import FloatCsr, check_features, check_labels, normalize_rows
from slidelearn.network.network import Network
from slidelearn.training.trainer import Progress, Trainer

N_STEPS, QUICK_N_STEPS, WARM_UP = 60, 12, 5
N_LOOKS = 4
"""At the machine's limits."""
OUTPUT = ("output layer", "loss", "output layer, backward")
"""Phases of the output layer."""
REBUILDS = "hash tables"
"""The phase that most steps have nothing of: its mean counts, not a quantile."""


@dataclass(frozen=True)
class Step:
    """A kind of step, and the shape of the data."""

    preset: str
    options: Mapping[str, Any] = field(default_factory=dict)
    n_labels: int = 500_000
    n_features: int = 150_000
    features_per_sample: int = 11
    labels_per_sample: int = 5


RECIPE = Step("recipe", {"sampler": "batch+memory"})
KINDS: Mapping[str, Step] = {
    "recipe, 500,000 labels": RECIPE,
    "quick, 500,000 labels": Step("quick"),
    "recipe, 20,000 labels": replace(RECIPE, n_labels=20_000, n_features=45_000),
    "Adam, fp32, 10,000 drawn labels, 670,000": Step(
        "recipe",
        {
            "hidden_sizes": (128,),
            "sampler": "batch+uniform",
            "n_negatives": 10_000,
            "optimizer": "adam",
            "learning_rate": 0.002,
            "precision": "fp32",
        },
        n_labels=670_000,
        n_features=136_000,
        features_per_sample=75,
    ),
    "paper, SimHash 9 x 50, 500,000 labels": Step("paper"),
}
ACTIVE = (1_000, 2_000, 5_000, 10_000, 20_000)
THREADS = (1, 2, 4, 16)
QUICK_KINDS = {"quick, 20,000 labels": Step("quick", n_labels=20_000, n_features=20_000)}

NOTES = """\
µs per sample in batches of 256; of each phase the lower quartile of the steps, for other programs only slow them down.
Features and labels are drawn at random, frequent ones often. *Least*: of the output layer, its products at the
measured peak and its rows read and written once at the measured bandwidth of random rows; *of the ceiling*: that time
by what the layer takes, loss included."""


def time_phases(job: common.Job) -> dict[str, Any]:
    """Microseconds per sample of each phase."""
    step = Step(**job["step"])
    config = make_config(step.preset, random_state=job["seed"], **{**step.options, "label_init": "random"})
    rng = np.random.default_rng(job["seed"])
    samples = _random_samples(step, job["n_steps"] * config.batch_size, rng)
    network = Network(config, step.n_features, step.n_labels, rng)
    clock = PhaseClock()
    progress = Trainer(network, config, samples, job["threads"], rng).fit(1, [clock])
    return {
        "phases_us": {name: 1e6 * seconds / config.batch_size for name, seconds in clock.seconds().items()},
        "active": progress.active,
        "width": config.hidden_sizes[-1],
        "row_bytes": _row_bytes(config.hidden_sizes[-1], config.optimizer),
        "precision": config.precision,
        "shared": config.active_set == "shared",
    }


def measure_limits(job: common.Job) -> dict[str, Any]:
    """What the machine can do at most on so many threads; the best of some looks, where others are at work on it."""
    looks = [asdict(measure_ceilings(job["threads"])) for _ in range(N_LOOKS)]
    return {name: max((look[name] for look in looks), key=lambda value: value or 0.0) for name in looks[0]}


class PhaseClock(Callback):
    """Keeps the seconds that the trainer counts for each phase, step by step."""

    def __init__(self) -> None:
        self._sums: list[dict[str, float]] = []

    def on_step(self, progress: Progress) -> None:
        self._sums.append(dict(progress.phase_seconds))

    def seconds(self) -> dict[str, float]:
        """Of a step, by phase."""
        sums = np.array([[of_step.get(name, 0.0) for name in self._sums[-1]] for of_step in self._sums])
        steps = np.diff(sums, axis=0)[WARM_UP:]
        times = np.quantile(steps, 0.25, axis=0), steps.mean(axis=0)
        return {name: float(times[name == REBUILDS][i]) for i, name in enumerate(self._sums[-1])}


def least_us(result: Mapping[str, Any], limits: Mapping[str, Any]) -> float:
    """Per sample, of the output layer: three products, and every active row read and written."""
    flops = 3 * 2 * result["active"] * result["width"]
    peak = (limits["bf16_flops"] if result["precision"] == "bf16" else None) or limits["fp32_flops"]
    visits = result["active"] / (256 if result["shared"] else 1)
    return float(1e6 * (flops / peak + 2 * visits * result["row_bytes"] / limits["row_bytes"]))


def output_us(result: Mapping[str, Any]) -> float:
    """Per sample, of the output layer with its loss."""
    return sum(us for name, us in result["phases_us"].items() if name in OUTPUT)


def table(what: str, rows: Mapping[str, Row], limits: Mapping[int, Row]) -> str:
    """The phases of each row, and how far the output layer is from its limit."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row.result["phases_us"]))
    header = [what, "active", *names, "sum", "least", "of the ceiling"]
    lines = []
    for name, row in rows.items():
        phases = row.result["phases_us"]
        least = least_us(row.result, limits[row.job["threads"]].result) if row.job["threads"] in limits else None
        share = f"{least / output_us(row.result):.0%}" if least else None
        times = (f"{phases[phase]:.1f}" if phase in phases else None for phase in names)
        of_all = f"{sum(phases.values()):.1f}"
        cells = [name, f"{row.result['active']:,.0f}", *times, of_all, least and f"{least:.1f}", share]
        lines.append(cells)
    return markdown_table(header, lines)


def sections(threads: int, *, quick: bool) -> dict[str, dict[str, tuple[Step, int]]]:
    """The steps to measure and their threads, by section and name."""
    if quick:
        return {"step": {name: (step, threads) for name, step in QUICK_KINDS.items()}}
    active = {f"{n:,}": replace(RECIPE, options={"sampler": "batch", "min_active": n}) for n in ACTIVE}
    return {
        f"step ({threads_text(threads)})": {name: (step, threads) for name, step in KINDS.items()},
        f"active labels, recipe ({threads_text(threads)})": {name: (step, threads) for name, step in active.items()},
        "recipe, 500,000 labels": {threads_text(n): (RECIPE, n) for n in THREADS},
    }


def main() -> None:
    """Measure what is missing; show all there is."""
    args = common.parser(__doc__).parse_args()
    name = "step_phases_quick" if args.quick else "step_phases"
    results = Results(name, again=args.again)
    limits: dict[int, Row] = {}
    for threads in sorted({1, args.threads}):
        job: dict[str, Any] = {"limits": True, "threads": threads, "seed": args.seed}
        results.measure(f"limits, {threads_text(threads)}", job, measure_limits, threads=threads)
        if row := results.find(job):
            limits[threads] = row
    tables: list[str] = []
    rows: list[Row] = []
    measured: list[common.Job] = []
    for what, steps in sections(args.threads, quick=args.quick).items():
        of_section: dict[str, Row] = {}
        for step_name, (step, threads) in steps.items():
            n_steps = QUICK_N_STEPS if args.quick else N_STEPS
            job = {"step": asdict(step), "n_steps": n_steps, "threads": threads, "seed": args.seed}
            if job not in measured:
                results.measure(f"{what}: {step_name}", job, time_phases, threads=threads)
                measured.append(job)
            if row := results.find(job):
                of_section[step_name] = row
        if of_section:
            tables.append(table(what, of_section, limits))
            rows += of_section.values()
    if rows:
        of_limits = [_limits_table(limits), NOTES]
        pictures = [f"![{text}](../../docs/pictures/{picture}.svg)" for picture, text in PICTURES.items()]
        publish(name, "Where the time of a training step goes", [*tables, *of_limits, *pictures], rows)


PICTURES = {
    "step_phases": "Share of each phase of a step",
    "step_scaling": "Time of a step by labels, active labels and threads",
    "roofline": "Operations per second by operations per byte",
}


def _limits_table(limits: Mapping[int, Row]) -> str:
    header = ["limits", "fp32, GFLOP/s", "bf16", "random rows, GB/s", "rows in order"]
    names = ("fp32_flops", "bf16_flops", "row_bytes", "sequential_bytes")
    lines = [
        [threads_text(n), *(row.result[name] and f"{row.result[name] / 1e9:.0f}" for name in names)]
        for n, row in limits.items()
    ]
    return markdown_table(header, lines)


def _row_bytes(width: int, optimizer: str) -> int:
    return 4 * (3 * (width + 1) if optimizer == "adam" else width + 3)


def _random_samples(step: Step, n_samples: int, rng: np.random.Generator) -> Samples:
    def rows(n_columns: int, per_row: int) -> FloatCsr:
        columns = (n_columns * rng.random(n_samples * per_row) ** 2).astype(np.int32)
        values = np.ones(len(columns), np.float32)
        return sparse.csr_array((values, columns, np.arange(n_samples + 1) * per_row), (n_samples, n_columns))

    X = normalize_rows(check_features(rows(step.n_features, step.features_per_sample)))
    return Samples(X, check_labels(rows(step.n_labels, step.labels_per_sample)))


if __name__ == "__main__":
    main()
