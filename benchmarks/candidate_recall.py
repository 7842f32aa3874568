"""How good hash tables stay while the network they were built from trains on.

The paper's network is trained with an exact full softmax: it depends on no tables, so that all families are seen on the
same network, and it is the hardest case for old tables, as every label's row moves at every step. For each family three
kinds of tables follow it: built at one step and never again; rebuilt on the default schedule; built afresh for each
measurement. Measured is the share of held-out samples' labels, and of the five labels with the highest exact logits,
among the candidates.

    python benchmarks/candidate_recall.py --data DIR --set WordNet-Hyper
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import common
import numpy as np
from common import Results, Row
from report import markdown_table, new_figure, percent, publish, save_figure, style
from training_job import available, read_set

from slidelearn import kernels
from slidelearn.batches import Samples
from slidelearn.callbacks import Callback
from slidelearn.config import make_config
from slidelearn.kernels import Csr, Float
from slidelearn.lsh import LshIndex
from slidelearn.matrices import normalize_rows
from slidelearn.network.layers import Execution
from slidelearn.network.network import Network
from slidelearn.training.trainer import Progress, Trainer

TRAINING: Mapping[str, Any] = {"sampler": "full", "active_set": "shared", "deterministic": True}
FAMILIES: Mapping[str, Mapping[str, Any]] = {
    "SimHash 9 x 50, centred": {"hash_family": "simhash", "hashes_per_table": 9, "center_rows": True},
    "SimHash 9 x 50": {"hash_family": "simhash", "hashes_per_table": 9, "center_rows": False},
    "WTA 4 x 50": {"hash_family": "wta", "hashes_per_table": 4},
    "DWTA 4 x 50": {"hash_family": "dwta", "hashes_per_table": 4},
    "DOPH 2 x 50": {"hash_family": "doph", "hashes_per_table": 2},
}
SELECTION: Mapping[str, Any] = {"n_tables": 50, "lsh_selection": "topk", "lsh_candidates": 1000}
TOP = 5

PLAN: Mapping[str, Any] = {
    "data_set": "WordNet-Hyper",
    "built_at": (100, 1000),
    "n_steps": 1000,
    "measure_every": 50,
    "n_held_out": 1000,
}
QUICK: Mapping[str, Any] = {
    "data_set": "WordNet-Tiny",
    "built_at": (10, 50),
    "n_steps": 100,
    "measure_every": 10,
    "n_held_out": 300,
}

TABLES = ("never rebuilt", "rebuilt on schedule", "built afresh")
MEASURES = {"labels": "the samples' labels", "top": f"the exact top {TOP}"}

NOTES = """\
Recall in percent: the share of what is sought that is among the candidates, the labels found in the most tables.
*after n*: by the tables that are never rebuilt, n steps after they were built; *on schedule*, *afresh*, at the last
step: by tables rebuilt on the default schedule, and by tables built for the measurement; *kept*: the recall of the
former, divided by that of tables built afresh. *found*: candidates per sample at the last step, by tables that are
never rebuilt, and built afresh. WTA and DWTA differ where coordinates are 0, as ReLU leaves them."""


class RecallWatch(Callback):
    """Keeps tables of one family over a network in training, and measures them every so many steps."""

    def __init__(self, network: Network, held_out: Samples, job: common.Job) -> None:
        self._network, self._held_out, self._job = network, held_out, job
        self._run = Execution(job["threads"])
        self._indexes = {name: [self._new_index(family) for _ in TABLES] for name, family in job["families"].items()}
        self.points: list[dict[str, Any]] = []

    def on_begin(self, progress: Progress) -> None:
        for _, scheduled, _ in self._indexes.values():
            scheduled.rebuild(self._rows, n_threads=self._run.n_threads)

    def on_step(self, progress: Progress) -> None:
        """Rebuild what is due, then measure, if it is time for that."""
        for frozen, scheduled, _ in self._indexes.values():
            if progress.step == self._job["built_at"]:
                frozen.rebuild(self._rows, n_threads=self._run.n_threads)
            scheduled.rebuild_if_due(progress.step, self._rows, n_threads=self._run.n_threads)
        since = progress.step - self._job["built_at"]
        if since >= 0 and since % self._job["measure_every"] == 0:
            self._measure(since)
        progress.stop = since >= self._job["n_steps"]

    def _measure(self, since: int) -> None:
        hidden = self._network.forward_hidden(self._held_out.features, seed=0, run=self._run).hidden
        assert not isinstance(hidden, Csr)
        top, _ = self._network.output.top_k(hidden, TOP, self._run.n_threads)
        everyone = np.arange(len(top) + 1, dtype=np.int64) * TOP
        sought = {"labels": self._held_out.labels, "top": Csr(everyone, top.reshape(-1), kernels.NO_DATA)}
        n_candidates = self._job["selection"]["lsh_candidates"]
        for family, indexes in self._indexes.items():
            indexes[-1].rebuild(self._rows, n_threads=self._run.n_threads)
            for tables, index in zip(TABLES, indexes, strict=True):
                found = index.candidates(hidden, n_candidates=n_candidates, seed=0, n_threads=self._run.n_threads)
                recalls = {name: kernels.count_found(ids, found) / len(ids.indices) for name, ids in sought.items()}
                n_found = len(found.indices) / found.n_rows
                self.points.append({"family": family, "tables": tables, "since": since, "found": n_found, **recalls})

    def _new_index(self, family: Mapping[str, Any]) -> LshIndex:
        config = make_config("paper", **self._job["selection"], **family)
        output = self._network.output
        return LshIndex(config, output.n_inputs, output.n_neurons, np.random.default_rng(self._job["seed"]))

    @property
    def _rows(self) -> Float:
        return self._network.output.neurons.weights


def measure_recall(job: common.Job, data: Path | None) -> dict[str, Any]:
    """Train the paper's network on a data set, watching the tables of all families; recall by steps."""
    X, Y, X_test, Y_test = read_set(job["data_set"], data, job["threads"])
    config = make_config("paper", random_state=job["seed"], **job["options"])
    rng = np.random.default_rng(job["seed"])
    network = Network(config, X.shape[1], Y.shape[1], rng)
    samples = Samples(normalize_rows(X), Y)
    chosen = rng.permutation(np.flatnonzero(np.diff(Y_test.indptr)))[: job["n_held_out"]]
    watch = RecallWatch(network, Samples(normalize_rows(X_test[chosen]), Y_test[chosen]), job)
    n_epochs = -(-(job["built_at"] + job["n_steps"]) // samples.n_batches(config.batch_size))
    Trainer(network, config, samples, job["threads"], rng).fit(n_epochs, [watch])
    return {"n_labels": Y.shape[1], "n_held_out": len(chosen), "points": watch.points}


def table(row: Row) -> str:
    """Recall at the start, in between, and at the end."""
    shown = [round(share * row.job["n_steps"] / row.job["measure_every"]) for share in (0, 0.1, 0.5, 1)]
    steps = [number * row.job["measure_every"] for number in shown]
    header = [
        "family",
        "found",
        "afresh",
        "recall of",
        *(f"after {n:,}" for n in steps),
        "on schedule",
        "afresh",
        "kept",
    ]
    lines = []
    for family in row.job["families"]:
        old, scheduled, fresh = (_points(row, family, tables) for tables in TABLES)
        n_found = [f"{points[-1]['found']:,.0f}" for points in (old, fresh)]
        for key, measure in MEASURES.items():
            recalls = [percent(old[number][key]) for number in shown]
            last = [percent(points[-1][key]) for points in (scheduled, fresh)]
            kept = f"{old[-1][key] / fresh[-1][key]:.2f}" if fresh[-1][key] else None
            lines.append([family, *n_found, measure, *recalls, *last, kept])
    return markdown_table(header, lines)


def plot(row: Row, name: str) -> None:
    """Recall against the steps since the tables that are never rebuilt were built; a column for each family."""
    families = list(row.job["families"])
    figure, panels = new_figure(2, len(families), figsize=(3.2 * len(families), 6.5), sharex=True, sharey="row")
    for column, family in zip(panels.T, families, strict=True):
        for panel, (key, measure) in zip(column, MEASURES.items(), strict=True):
            for tables, line in zip(TABLES, ("-", "--", ":"), strict=True):
                points = _points(row, family, tables)
                panel.plot([p["since"] for p in points], [100 * p[key] for p in points], line, label=tables, lw=2)
            style(panel, "", f"recall of {measure} (%)" if family == families[0] else "")
        column[0].set_title(family)
        column[-1].set_xlabel("steps since built")
    for panel in panels[:, 0]:
        panel.set_ylim(bottom=0)
    what = f"Candidate recall on {row.job['data_set']} of tables built at step {row.job['built_at']:,} of training"
    figure.suptitle(f"{what} (at most {SELECTION['lsh_candidates']:,} candidates of {row.result['n_labels']:,} labels)")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(TABLES))
    save_figure(figure, name)


def _points(row: Row, family: str, tables: str) -> Sequence[Mapping[str, Any]]:
    return [p for p in row.result["points"] if p["family"] == family and p["tables"] == tables]


def main() -> None:
    """Measure what is missing; show all there is."""
    options = common.parser(__doc__)
    options.add_argument("--data", type=Path, help="folder with a folder for each data set: train.txt.gz, test.txt.gz")
    options.add_argument("--set", help="the data set (default: WordNet-Hyper, which the package brings)")
    args = options.parse_args()
    plan = QUICK if args.quick else PLAN
    data_set = args.set or plan["data_set"]
    name = f"candidate_recall_{data_set.lower()}" + ("_quick" if args.quick else "")
    results = Results(name, again=args.again)
    shared = {"options": dict(TRAINING), "families": dict(FAMILIES), "selection": dict(SELECTION)}
    shared |= {key: plan[key] for key in ("n_steps", "measure_every", "n_held_out")}
    parts, rows = [], []
    for built_at in plan["built_at"] if available([data_set], args.data) else ():
        job = {**shared, "data_set": data_set, "built_at": built_at, "threads": args.threads, "seed": args.seed}
        results.measure(f"{data_set}, built at step {built_at}", job, measure_recall, args.data, threads=args.threads)
        if row := results.find(job):
            picture = f"{name}_{built_at}"
            plot(row, picture)
            rows.append(row)
            parts += [f"Tables built at step {built_at:,}:", table(row), f"![Recall by steps]({picture}.png)"]
    if rows:
        publish(name, f"How long hash tables stay good: {data_set}", [*parts, NOTES], rows)


if __name__ == "__main__":
    main()
