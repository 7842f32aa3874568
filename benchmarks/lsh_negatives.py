"""Whether hash tables pay at half a million labels: as hard negatives beside the batch's labels, and in making batches.

The network of the default recipe alone, without ranker and pilot, judged after every epoch outside the timed seconds.
The tables are asked for each sample's nearest label rows; or (`hashed batches`) the samples themselves are hashed by
their hidden vectors at the start of every epoch, and those with the same code come in the same batch: then the other
samples' labels are hard negatives that cost nothing more.

    python benchmarks/lsh_negatives.py --data DIR
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import log2
from pathlib import Path
from typing import Any

import numpy as np
from common import Job, Results, Row
from report import markdown_table, new_figure, percent, publish, save_figure, seconds, style
from training_job import TIMED_STEPS, WARM_UP, available, parser, read_set

from slidelearn.batches import Batch, Samples
from slidelearn.callbacks import Callback
from slidelearn.config import make_config
from slidelearn.kernels import Csr, Float, Ids
from slidelearn.lsh.family import MAX_DEFAULT_BUCKETS
from slidelearn.lsh.simhash import SimHash
from slidelearn.matrices import FloatCsr, normalize_rows, raise_values
from slidelearn.metrics import precision_at_k, precision_standard_error, propensities, psp_at_k
from slidelearn.network.label_rows import start_label_rows
from slidelearn.network.layers import Execution
from slidelearn.network.network import Network
from slidelearn.training.trainer import Progress, Trainer

DATA_SETS = ("YSO-Related-3lang",)
QUICK_DATA_SETS = ("WordNet-Tiny",)
TEST_EVERY: Mapping[str, int] = {"YSO-Related-3lang": 10}
"""Judge by every so many-th test sample; not given: by all."""
ALONE: Mapping[str, Any] = {"ranker": False, "pilot": False, "n_networks": 1}


@dataclass(frozen=True)
class Setting:
    """How the active labels are chosen."""

    options: Mapping[str, Any] = field(default_factory=dict)
    """Beside the recipe's."""
    group: int = 1
    """Samples with the same code that come in a batch together; 1: batches are random."""
    timed_only: bool = False
    """Time some steps, and train no further."""
    line: str = ""
    """Colour, marker and dashes in the picture."""


def tables(family: str, n_hashes: int, n_tables: int, n_candidates: int, **others: Any) -> Mapping[str, Any]:
    """Options of a table sampler that takes the label rows on which most tables agree."""
    return {
        "sampler": "batch+lsh",
        "hash_family": family,
        "hashes_per_table": n_hashes,
        "n_tables": n_tables,
        "lsh_candidates": n_candidates,
        **others,
    }


SELDOM: Mapping[str, Any] = {"rebuild_every": 100, "rebuild_decay": 0.3}
"""Twelve rebuilds in 7,700 steps, where the default schedule has 28."""

BATCH = "batch"
SETTINGS: Mapping[str, Setting] = {
    BATCH: Setting({"sampler": "batch"}, line="ko-"),
    "batch, 8 epochs": Setting({"sampler": "batch", "n_epochs": 8}, line="ko:"),
    "batch, full log-Q": Setting({"sampler": "batch", "log_q_strength": 1.0}, line="ks--"),
    "batch+memory": Setting({"sampler": "batch+memory"}, line="C7v-"),
    "batch+uniform 1,000": Setting({"sampler": "batch+uniform"}, line="C8^-"),
    "batch+frequency 1,000": Setting({"sampler": "batch+frequency"}, line="C5^-"),
    "batch+lsh, DWTA 5 x 50, 4 each": Setting(tables("dwta", 5, 50, 4), line="C0o-"),
    "batch+lsh, DWTA 5 x 50, 4 each, seldom rebuilt": Setting(tables("dwta", 5, 50, 4, **SELDOM), line="C0s--"),
    "batch+lsh, DWTA 5 x 50, 12 each, seldom rebuilt": Setting(tables("dwta", 5, 50, 12, **SELDOM), line="C0D:"),
    "batch+lsh, SimHash 14 x 50, 4 each, seldom rebuilt": Setting(tables("simhash", 14, 50, 4, **SELDOM), line="C4s--"),
    "batch+lsh, SimHash 9 x 50, 4 each": Setting(tables("simhash", 9, 50, 4), timed_only=True),
    "lsh, DWTA 5 x 50, 4 each, seldom rebuilt": Setting(
        {**tables("dwta", 5, 50, 4, **SELDOM), "sampler": "lsh"}, line="C6s--"
    ),
    "hashed batches, by 8": Setting({"sampler": "batch"}, group=8, line="C3o-"),
    "hashed batches, by 8, full log-Q": Setting({"sampler": "batch", "log_q_strength": 1.0}, group=8, line="C3s--"),
}
"""Name: setting. SimHash is centred and draws its functions once; so is the default of the package."""

TOP = 10
ASKED = 256
"""Labels with the highest logits that tables should find, and test samples that they are asked about."""
TIMED_QUERIES = 10

HEADER = (
    "data set",
    "sampler",
    "P@1",
    "P@3",
    "P@5",
    "PSP@5",
    "P@1 by epoch",
    "CPU s",
    "active",
    "own",
    f"top {TOP}",
    "ms a step",
    "query ms",
    "rebuild s",
    "rebuilds",
)
NOTES = f"""\
All in percent; YSO-Related-3lang: on every tenth test sample. P@1 with its standard error. *CPU s*: of training,
judging not counted. *active*: labels computed per sample. *own*: share of the samples' own labels that the tables (or
draws) proposed, over all of training; *top {TOP}*: share of the {TOP} labels with the highest logits that are among a
test sample's candidates, at the end. *ms a step*: CPU seconds divided by steps; *query ms*: asking the tables about a
batch; *rebuild s*: filling the tables once. *n each*: candidates for each sample; the batch has those of all. *hashed
batches*: samples with the same SimHash code of their hidden vector come in a batch together, by so many. Rows without
P@1: {TIMED_STEPS} steps were timed."""


class HashedSamples(Samples):
    """Batches of small groups of samples that are alike for the network: hashed anew before every epoch.

    Sorted by code, in random order among equals, samples are cut into groups; batches are random groups.
    """

    def __init__(self, X: FloatCsr, Y: FloatCsr, network: Network, group: int, run: Execution) -> None:
        super().__init__(X, Y)
        self._network, self._group, self._run = network, group, run

    def shuffled(self, batch_size: int, rng: np.random.Generator) -> Iterator[Batch]:
        """One epoch: every labelled sample once."""
        order = rng.permutation(self.labelled)
        if self._group > 1:
            order = order[np.argsort(self._codes(order, rng), kind="stable")]
            whole = len(order) // self._group * self._group
            groups = order[:whole].reshape(-1, self._group)
            order = np.concatenate([groups[rng.permutation(len(groups))].reshape(-1), order[whole:]])
        for begin in range(0, len(order), batch_size):
            yield self.take(order[begin : begin + batch_size])

    def _codes(self, order: np.ndarray[Any, np.dtype[np.int64]], rng: np.random.Generator) -> Ids:
        """As many codes as there are to be groups."""
        n_bits = min(max(1, round(log2(len(order) / self._group))), round(log2(MAX_DEFAULT_BUCKETS)))
        width = self._network.output.n_inputs
        family = SimHash(width, make_config(n_tables=1, hashes_per_table=n_bits), rng)
        codes = np.empty(len(order), np.int32)
        for begin in range(0, len(order), 8192):
            block = slice(begin, begin + 8192)
            hidden = _hidden(self._network, self.take(order[block]).features, self._run)
            codes[block] = family.codes(hidden, n_threads=self._run.n_threads)[0]
        return codes


class Judge(Callback):
    """After each epoch: seconds of training so far, and how good the answers are; ends training after some steps."""

    def __init__(self, network: Network, test: Samples, Y: FloatCsr, psp: Float, run: Execution, last: int | None):
        self._network, self._test, self._Y, self._psp, self._run, self._last = network, test, Y, psp, run, last
        self._began = time.process_time()
        self._judging = self._warm = 0.0
        self.step_ms = 0.0
        self.points: list[dict[str, Any]] = []

    def on_step(self, progress: Progress) -> None:
        if progress.step == WARM_UP:
            self._warm = time.process_time()
        if progress.step == self._last:
            self.step_ms = 1e3 * (time.process_time() - self._warm) / (progress.step - WARM_UP)
            progress.stop = True

    def on_epoch(self, progress: Progress) -> None:
        paused = time.process_time()
        ids = self._answers()
        point = {f"p@{k}": precision_at_k(ids, self._Y, k) for k in (1, 3, 5)}
        point |= {"psp@5": psp_at_k(ids, self._Y, self._psp, 5), "p@1_error": precision_standard_error(ids, self._Y)}
        point |= {"epoch": progress.epoch, "cpu_seconds": paused - self._began - self._judging}
        self.points.append({**point, "active_mean": progress.active, "candidate_recall": progress.candidate_recall})
        self._judging += time.process_time() - paused

    def _answers(self) -> Ids:
        """By all labels' logits; the tables of training stay as they are."""
        n, threads = self._test.n_samples, self._run.n_threads
        found = []
        for begin in range(0, n, 256):
            features = self._test.take(np.arange(begin, min(begin + 256, n))).features
            found.append(self._network.output.top_k(_hidden(self._network, features, self._run), 5, threads)[0])
        return np.concatenate(found)


def measure_curve(job: Job, data: Path | None) -> dict[str, Any]:
    """Train the network alone, and judge it after each epoch; then time its tables."""
    X, Y, X_test, Y_test = read_set(job["data_set"], data, job["threads"])
    X_test, Y_test = X_test[:: job["test_every"]], Y_test[:: job["test_every"]]
    config = make_config("recipe", random_state=job["seed"], **ALONE, **job["options"])
    run = Execution(job["threads"])
    X, X_test = (normalize_rows(raise_values(each, config.feature_power)) for each in (X, X_test))
    inverse_propensities = (1 / propensities(Y)).astype(np.float32)
    test = Samples(X_test, Y_test)
    rng = np.random.default_rng(job["seed"])
    network = Network(config, X.shape[1], Y.shape[1], rng)
    judge = Judge(network, test, Y_test, inverse_propensities, run, job["n_steps"])
    samples = HashedSamples(X, Y, network, job["group"], run)
    start_label_rows(network, samples, rng, run)
    progress = Trainer(network, config, samples, job["threads"], rng).fit(config.n_epochs, [judge])
    result = {"n_labels": Y.shape[1], "n_test": X_test.shape[0], "points": judge.points}
    result |= {"n_rebuilds": progress.n_rebuilds, "active_mean": progress.active}
    result["step_ms"] = judge.step_ms or 1e3 * judge.points[-1]["cpu_seconds"] / progress.step
    return {**result, **_tables_judged(network, test, run)}


def _tables_judged(network: Network, test: Samples, run: Execution) -> dict[str, float]:
    """What the tables find of the labels with the highest logits, and what asking and filling them costs."""
    index = network.output_index
    if index is None:
        return {}
    threads, n_candidates = run.n_threads, network.config.lsh_candidates
    hidden = _hidden(network, test.take(np.arange(min(ASKED, test.n_samples))).features, run)
    top, _ = network.output.top_k(hidden, TOP, threads)
    began = time.process_time()
    for _ in range(TIMED_QUERIES):
        found = index.candidates(hidden, n_candidates=n_candidates, seed=0, n_threads=threads)
    query_ms = 1e3 * (time.process_time() - began) / TIMED_QUERIES
    rows = [found.indices[a:b] for a, b in zip(found.indptr, found.indptr[1:], strict=False)]
    recall = np.mean([np.isin(best, row).mean() for best, row in zip(top, rows, strict=True)])
    began = time.process_time()
    index.rebuild(network.output.neurons.weights, n_threads=threads)
    return {"query_ms": query_ms, "top_recall": float(recall), "rebuild_seconds": time.process_time() - began}


def _hidden(network: Network, features: Csr, run: Execution) -> Float:
    hidden = network.forward_hidden(features, seed=0, run=run).hidden
    assert not isinstance(hidden, Csr)
    return hidden


def measure(results: Results, data_set: str, args: Namespace) -> Iterator[tuple[str, Row]]:
    """The rows of a data set, those measured now and those stored before."""
    for name, setting in SETTINGS.items():
        job = {
            "data_set": data_set,
            "options": dict(setting.options),
            "group": setting.group,
            "n_steps": TIMED_STEPS if setting.timed_only else None,
            "test_every": TEST_EVERY.get(data_set, 1),
            "threads": args.threads,
            "seed": args.seed,
        }
        if (args.sets is None or data_set in args.sets) and args.only in (None, name):
            results.measure(f"{data_set}, {name}", job, measure_curve, args.data, threads=args.threads)
        if row := results.find(job):
            yield name, row


def table(measured: Sequence[tuple[str, Row]]) -> str:
    """A line for each setting."""
    return markdown_table(HEADER, [_cells(name, row) for name, row in measured])


def _cells(name: str, row: Row) -> list[str | None]:
    result = row.result
    last = result["points"][-1] if result["points"] else {}
    p_at_1 = f"{percent(last['p@1'])} ± {percent(last['p@1_error'])}" if last else None
    return [
        row.job["data_set"],
        name,
        p_at_1,
        *(percent(last.get(key)) for key in ("p@3", "p@5", "psp@5")),
        " ".join(f"{100 * point['p@1']:.1f}" for point in result["points"]),
        seconds(last.get("cpu_seconds")),
        f"{result['active_mean']:,.0f}",
        percent(last.get("candidate_recall")),
        percent(result.get("top_recall")),
        f"{result['step_ms']:.1f}",
        seconds(result.get("query_ms")),
        seconds(result.get("rebuild_seconds")),
        f"{result['n_rebuilds']}" if "query_ms" in result else None,
    ]


def plot(measured: Sequence[tuple[str, Row]], name: str) -> None:
    """P@1 and PSP@5 after each epoch against the CPU seconds until then; a row of panels for each data set."""
    data_sets = list(dict.fromkeys(row.job["data_set"] for _, row in measured))
    figure, panels = new_figure(len(data_sets), 2, figsize=(13, 4 + 4.5 * len(data_sets)), squeeze=False)
    for both, data_set in zip(panels, data_sets, strict=True):
        for panel, (key, measure) in zip(both, {"p@1": "P@1", "psp@5": "PSP@5"}.items(), strict=True):
            for setting, row in measured:
                points = row.result["points"]
                if row.job["data_set"] == data_set and points:
                    xs, ys = [p["cpu_seconds"] for p in points], [100 * p[key] for p in points]
                    panel.plot(xs, ys, SETTINGS[setting].line, label=setting, markersize=5)
            panel.set_xlim(left=0)
            panel.set_title(data_set)
            style(panel, "CPU seconds of training", f"{measure} after each epoch (%)")
    figure.suptitle("The network alone: accuracy and cost of training by what chooses the active labels")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8)
    save_figure(figure, name)


def main() -> None:
    """Measure what is asked for and missing; show all there is."""
    options = parser(__doc__)
    options.add_argument("--only", choices=SETTINGS, metavar="NAME", help="measure this setting alone")
    args = options.parse_args()
    name = "lsh_negatives_quick" if args.quick else "lsh_negatives"
    results = Results(name, again=args.again)
    names = dict.fromkeys([*(QUICK_DATA_SETS if args.quick else DATA_SETS), *(args.sets or [])])
    measured = [row for data_set in available(list(names), args.data) for row in measure(results, data_set, args)]
    if not measured:
        return
    picture = f"![P@1 and PSP@5 against CPU seconds]({name}.png)"
    publish(
        name, "Hash tables for half a million labels", [table(measured), NOTES, picture], [row for _, row in measured]
    )
    plot(measured, name)


if __name__ == "__main__":
    main()
