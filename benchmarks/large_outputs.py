"""Training with 2 and 10 million labels on one machine: time per sample, and memory beside what it should take.

Samples are random, and the set shared by a batch has about 1,000 active labels whatever the number of labels. What a
training needs is printed before it starts, and one that would not fit is left out with that number.

    python benchmarks/large_outputs.py --threads 2
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import common
import numpy as np
from common import Results, Row
from report import markdown_table, publish
from scaling import FEATURES_PER_SAMPLE, LABELS_PER_SAMPLE, N_ACTIVE, N_FEATURES, random_samples
from training_job import Stopwatch

from slidelearn import SlideClassifier
from slidelearn.machine.resources import available_bytes, peak_bytes
from slidelearn.training.trainer import Progress

WIDTH = 128
N_LABELS, QUICK_N_LABELS = (500_000, 2_000_000, 10_000_000), (10_000, 30_000)
N_SAMPLES, QUICK_N_SAMPLES = 100_000, 5_000
OPTIMIZERS = ("adagrad", "adam")
SPARE = 4 << 30
"""Bytes that a training must leave free, for other programs."""
OPTIONS: Mapping[str, Any] = {
    "hidden_sizes": (WIDTH,),
    "sampler": "batch",
    "min_active": N_ACTIVE,
    "n_networks": 1,
    "n_epochs": 1,
    "ranker": False,
    "pilot": False,
    "answers": "exact",
}

HEADER = ("optimizer", "labels", "µs / sample", "CPU µs", "start s")
HEADER += ("network MB", "data MB", "peak of steps MB", "allowed MB", "peak of fit MB")
NOTES = f"""\
{WIDTH} hidden units, {N_SAMPLES:,} samples with {FEATURES_PER_SAMPLE} features and {LABELS_PER_SAMPLE} labels each;
one epoch of the recipe's network (cosine logits; label rows start from their samples), no ranker, no index. µs of a
step per sample, median; *start*: what `fit` takes beside its steps, most of it for memory that is touched for the first
time. *network*: parameters and optimizer state (Adagrad has one number per row, Adam two per weight); *data*: the
samples, and the copy of them that the network sees; *peak*: the most that the process had at a time, Python and its
libraries included, until the last step, and in all; *allowed*: 1.15 x (network + data) + 300 MB. After the last step
`fit` answers 1,000 samples to find the threshold of `predict`, for which label rows are kept in eight bits, too."""


def bytes_of_network(job: common.Job) -> int:
    """Parameters and optimizer state."""
    per_row = 3 * (WIDTH + 1) if job["optimizer"] == "adam" else WIDTH + 2
    return 4 * per_row * (N_FEATURES + job["n_labels"])


def train(job: common.Job) -> dict[str, Any]:
    """Microseconds per sample, and megabytes."""
    X, Y = random_samples(job["n_samples"], job["n_labels"], np.random.default_rng(job["seed"]))
    data = 2 * (8 * X.nnz + 4 * X.shape[0]) + 8 * Y.nnz
    network = bytes_of_network(job)
    print(f"needs {(network + data) / 1e6:,.0f} MB ...", end=" ", flush=True)
    clf = SlideClassifier(optimizer=job["optimizer"], n_jobs=job["threads"], random_state=job["seed"], **OPTIONS)
    stopwatch = _Watch()
    clf.fit(X, Y, callbacks=[stopwatch])
    wall, cpu = np.median(stopwatch.step_seconds(), axis=0) / clf.config_.batch_size
    return {
        "active": clf.training_["active_mean"],
        "step_us": 1e6 * wall,
        "step_cpu_us": 1e6 * cpu,
        "start_seconds": clf.training_["train_seconds"] - sum(clf.training_["epoch_seconds"]),
        "network_mb": network / 1e6,
        "data_mb": data / 1e6,
        "peak_of_steps_mb": stopwatch.peak_bytes / 1e6,
        "allowed_mb": 1.15 * (network + data) / 1e6 + 300,
    }


class _Watch(Stopwatch):
    peak_bytes = 0
    """When the last step had been taken."""

    def on_end(self, progress: Progress) -> None:
        self.peak_bytes = peak_bytes() or 0


def fits(job: common.Job) -> bool:
    """Whether there is memory for it now; says by how much there is not."""
    needed, available = 1.15 * bytes_of_network(job) + SPARE, available_bytes()
    if available is not None and needed > available:
        what = f"{job['optimizer']}, {job['n_labels']:,} labels"
        print(f"{what}: left out: {needed / 1e9:.1f} GB are needed, {available / 1e9:.1f} GB are free")
        return False
    return True


def table(rows: Sequence[Row], missing: Sequence[common.Job]) -> str:
    """What was measured; of what was not, what it would take."""
    lines = [
        [
            row.job["optimizer"],
            f"{row.job['n_labels']:,}",
            *(f"{row.result[key]:.1f}" for key in ("step_us", "step_cpu_us", "start_seconds")),
            *(
                f"{row.result[key]:,.0f}"
                for key in ("network_mb", "data_mb", "peak_of_steps_mb", "allowed_mb", "peak_mb")
            ),
        ]
        for row in rows
    ]
    for job in missing:
        network = f"{bytes_of_network(job) / 1e6:,.0f}"
        lines.append([job["optimizer"], f"{job['n_labels']:,}", "not run", None, None, network, *[None] * 4])
    return markdown_table(HEADER, lines)


def main() -> None:
    """Measure what is missing and fits; show all there is."""
    args = common.parser(__doc__).parse_args()
    name = "large_outputs_quick" if args.quick else "large_outputs"
    results = Results(name, again=args.again)
    rows, missing = [], []
    for optimizer in OPTIMIZERS:
        for n_labels in QUICK_N_LABELS if args.quick else N_LABELS:
            n_samples = QUICK_N_SAMPLES if args.quick else N_SAMPLES
            job = {"optimizer": optimizer, "n_labels": n_labels, "n_samples": n_samples}
            job |= {"threads": args.threads, "seed": args.seed}
            if fits(job):
                results.measure(f"{optimizer}, {n_labels:,} labels", job, train, threads=args.threads)
            if row := results.find(job):
                rows.append(row)
            else:
                missing.append(job)
    if rows:
        publish(name, "Training with millions of labels", [table(rows, missing), NOTES], rows)


if __name__ == "__main__":
    main()
