"""How the best labels are found, and what of them for how much time: all labels scanned, slidelearn's index, its hash
tables, and the indexes of faiss and hnswlib, on the trained label rows of a data set; and how the time grows with the
number of labels, on rows drawn around random directions.

    python benchmarks/answers.py --data DIR

faiss and hnswlib are left out where they are not installed (pip install faiss-cpu hnswlib).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import common
import numpy as np
import training_job
from common import Results, Row
from report import log_axis, markdown_table, new_figure, publish, save_figure, style

from slidelearn import SlideClassifier, kernels
from slidelearn.batches import to_csr
from slidelearn.config import make_config
from slidelearn.kernels import Float, Ids
from slidelearn.label_index import LabelIndex
from slidelearn.lsh import LshIndex
from slidelearn.matrices import normalize_rows, raise_values
from slidelearn.metrics import precision_at_k
from slidelearn.network.layers import Execution, NeuronLayer
from slidelearn.network.network import Network

DATA_SET, QUICK_DATA_SET = "YSO-Related-3lang", "WordNet-Tiny"
OPTIONS = {"ranker": False, "n_networks": 1, "sampler": "batch", "answers": "exact"}
N_QUERIES, N_ALONE = 2048, 200
K = 5
OPENED = (16, 64, 128, 256, 512, 1024, 10**9)
PROBES = (16, 64, 256, 1024)
EFS = (50, 200, 800)
TABLES = {
    "SimHash 10 x 32, centred": {"hashes_per_table": 10, "n_tables": 32},
    "SimHash 14 x 64, centred": {"hashes_per_table": 14, "n_tables": 64},
}
SIZES, QUICK_SIZES, WIDTH = (100_000, 300_000, 1_000_000), (2_000, 5_000), 128

Ask = Callable[[Float], Ids]
"""(n, width) queries -> (n, K) ids."""

NOTES = f"""\
recall: share of the exact best {K} labels that are found; P@{K}: with the data set's labels, of the network alone.
Times per query, one thread: *batch*, {N_QUERIES:,} queries in calls of 256; *alone*, the median of {N_ALONE} calls with
one. Only finding the labels is timed, neither the hidden layers nor a ranker. *build*: seconds of making the index.
faiss: IVF and 4-bit fast scan over rows with the bias as one more coordinate, the best 256 compared exactly; hnswlib:
M = 16, ef_construction = 100. By number of labels: rows of {WIDTH} coordinates around random directions."""


def measure_trained(job: common.Job, data: Path | None) -> dict[str, Any]:
    """All ways of finding labels, on the label rows that training has left."""
    X, Y, X_test, Y_test = training_job.read_set(job["data_set"], data, job["threads"])
    clf = SlideClassifier(**job["options"], random_state=job["seed"], n_jobs=job["threads"]).fit(X, Y)
    network, config = clf.network_, clf.config_
    X_test, Y_test = X_test[:N_QUERIES], Y_test[:N_QUERIES]
    queries = _hidden(network, normalize_rows(raise_values(X_test, config.feature_power)))
    layer = network.output
    exact, _ = layer.top_k(queries, K, 1)
    rows = []
    for name, build_seconds, ask in _ways(layer):
        rows.append({"way": name, "build_seconds": build_seconds, **_timed(ask, queries, exact)})
        ids = np.concatenate([ask(queries[b : b + 256]) for b in range(0, len(queries), 256)])
        rows[-1]["precision"] = precision_at_k(ids, Y_test, K)
    return {"n_labels": layer.n_neurons, "width": layer.n_inputs, "rows": rows}


def _hidden(network: Network, X: Any) -> Float:
    hidden = network.forward_hidden(to_csr(X), seed=0, run=Execution(1)).hidden
    assert isinstance(hidden, np.ndarray)  # no layer of the recipe is sampled but the output
    return network.output.as_query(hidden, 1)


def measure_growth(job: common.Job) -> dict[str, Any]:
    """All labels scanned, and the index, at a number of labels."""
    rng = np.random.default_rng(job["seed"])
    n = job["n_labels"]
    layer = NeuronLayer(WIDTH, n, "none", scale=12.0)
    directions = rng.standard_normal((1 + n // 50, WIDTH), dtype=np.float32)
    for begin in range(0, n, 8192):
        block = layer.neurons.weights[begin : begin + 8192]
        block[...] = directions[rng.integers(0, len(directions), len(block))]
        block += rng.standard_normal(block.shape, dtype=np.float32)
    near = layer.neurons.weights[rng.integers(0, n, N_QUERIES)]
    queries = layer.as_query(near + rng.standard_normal(near.shape, dtype=np.float32), 1)
    exact, _ = layer.top_k(queries, K, 1)
    began = time.perf_counter()
    index = LabelIndex.of(layer, rng, 1)
    build_seconds = time.perf_counter() - began
    return {
        "exact": _timed(lambda x: layer.top_k(x, K, 1)[0], queries, exact),
        "index": {"build_seconds": build_seconds, **_timed(lambda x: index.top_k(layer, x, K, 1)[0], queries, exact)},
    }


def _timed(ask: Ask, queries: Float, exact: Ids) -> dict[str, float]:
    batches = [queries[begin : begin + 256] for begin in range(0, len(queries), 256)]
    ask(batches[0])  # what is prepared once
    began = time.perf_counter()
    found = np.concatenate([ask(batch) for batch in batches])
    in_batch = (time.perf_counter() - began) / len(queries)
    alone = []
    for i in range(min(N_ALONE, len(queries))):
        began = time.perf_counter()
        ask(queries[i : i + 1])
        alone.append(time.perf_counter() - began)
    recall = float(np.mean([np.isin(e, f).mean() for e, f in zip(exact, found, strict=True)]))
    return {"recall": recall, "batch_us": 1e6 * in_batch, "alone_us": 1e6 * float(np.median(alone))}


def _ways(layer: NeuronLayer) -> Iterator[tuple[str, float | None, Ask]]:
    """Name, seconds of building, and the way itself."""
    rows, scales = layer.neurons.rows, layer.scales
    yield "all labels, float32", None, lambda x: kernels.exact_top_k(rows, scales, x, K, n_threads=1)[0]
    if kernels.scans_int8():
        yield "all labels, 8-bit integers", None, lambda x: layer.top_k(x, K, 1)[0]
    began = time.perf_counter()
    index = LabelIndex.of(layer, np.random.default_rng(0), 1)
    built = time.perf_counter() - began
    for n_opened in sorted({min(n, index.n_clusters) for n in OPENED}):
        name = "all" if n_opened == index.n_clusters else f"{n_opened}"
        yield (
            f"index, {name} of {index.n_clusters} clusters",
            built,
            lambda x, n=n_opened: index.top_k(layer, x, K, 1, n)[0],
        )
    for name, options in TABLES.items():
        yield _through_tables(name, options, layer)
    logit_rows = np.array(layer.neurons.weights) * (1 if scales is None else scales[:, None])
    extended = np.hstack([logit_rows, layer.neurons.bias[:, None]]).astype(np.float32)
    yield from _faiss(extended)
    yield from _hnswlib(extended)


def _through_tables(name: str, options: dict[str, Any], layer: NeuronLayer) -> tuple[str, float, Ask]:
    """The hash tables, as in the paper: candidates by agreement, compared exactly."""
    config = make_config(
        "paper", center_rows=True, lsh_selection="topk", **{"hashes_per_table": 14, "n_tables": 64} | options
    )
    began = time.perf_counter()
    index = LshIndex(config, layer.n_inputs, layer.n_neurons, np.random.default_rng(0))
    index.rebuild(layer.neurons.weights, n_threads=1)
    built = time.perf_counter() - began
    rows, scale = layer.neurons.rows, layer.scale

    def ask(x: Float) -> Ids:
        found = index.candidates(x, n_candidates=2000, seed=0, n_threads=1)
        logits = kernels.sampled_forward(rows, found, x, scale, None, n_threads=1)
        nobody = kernels.Labels(np.zeros(len(x) + 1, np.int64), np.empty(0, np.int32))
        return kernels.top_others(logits, found.indptr, found.indices, nobody, K, n_threads=1)[0]

    return f"hash tables, {name}, best 2,000", built, ask


def _faiss(rows: Float) -> Iterator[tuple[str, float, Ask]]:
    try:
        import faiss
    except ImportError:
        return
    faiss.omp_set_num_threads(1)
    width = -(-rows.shape[1] // 4) * 4
    n_lists = max(1, round(4 * len(rows) ** 0.5))
    padded = np.zeros((len(rows), width), np.float32)
    padded[:, : rows.shape[1]] = rows
    began = time.perf_counter()
    index = faiss.index_factory(width, f"IVF{n_lists},PQ{width // 4}x4fs,RFlat", faiss.METRIC_INNER_PRODUCT)
    index.train(padded[np.random.default_rng(0).permutation(len(rows))[:100_000]])
    index.add(padded)
    built = time.perf_counter() - began
    index.k_factor = 256 / K

    def ask(x: Float, n_probes: int) -> Ids:
        faiss.extract_index_ivf(index).nprobe = n_probes
        query = np.zeros((len(x), width), np.float32)
        query[:, : x.shape[1]], query[:, rows.shape[1] - 1] = x, 1.0
        return index.search(query, K)[1].astype(np.int32)

    for n_probes in PROBES:
        yield f"faiss, {n_probes} of {n_lists} lists", built, partial(ask, n_probes=n_probes)


def _hnswlib(rows: Float) -> Iterator[tuple[str, float, Ask]]:
    try:
        import hnswlib
    except ImportError:
        return
    began = time.perf_counter()
    index = hnswlib.Index("ip", rows.shape[1])
    index.init_index(len(rows), M=16, ef_construction=100, random_seed=0)
    index.add_items(rows, num_threads=1)
    built = time.perf_counter() - began

    def ask(x: Float, ef: int) -> Ids:
        index.set_ef(ef)
        query = np.hstack([x, np.ones((len(x), 1), np.float32)])
        return index.knn_query(query, K, num_threads=1)[0].astype(np.int32)

    for ef in EFS:
        yield f"hnswlib, ef = {ef}", built, partial(ask, ef=ef)


def table_of_ways(row: Row) -> str:
    """Recall and times of each way."""
    header = ("way", "recall %", f"P@{K}", "batch µs", "alone µs", "build s")
    return markdown_table(
        header,
        [
            (
                way["way"],
                f"{100 * way['recall']:.1f}",
                f"{100 * way['precision']:.1f}",
                f"{way['batch_us']:,.0f}",
                f"{way['alone_us']:,.0f}",
                None if way["build_seconds"] is None else f"{way['build_seconds']:.0f}",
            )
            for way in row.result["rows"]
        ],
    )


def table_of_growth(rows: Sequence[Row]) -> str:
    """Times by number of labels."""
    header = ("labels", "all: batch µs", "alone µs", "index: batch µs", "alone µs", "recall %", "build s")
    cells = []
    for row in rows:
        exact, index = row.result["exact"], row.result["index"]
        times = [f"{each[key]:,.0f}" for each in (exact, index) for key in ("batch_us", "alone_us")]
        cells.append(
            (f"{row.job['n_labels']:,}", *times, f"{100 * index['recall']:.1f}", f"{index['build_seconds']:.0f}")
        )
    return markdown_table(header, cells)


def plot(trained: Row | None, growth: Sequence[Row]) -> None:
    """Recall by time alone, and time alone by number of labels."""
    figure, (left, right) = new_figure(1, 2, figsize=(11, 4.2))
    families: dict[str, list[dict[str, Any]]] = {}
    for way in trained.result["rows"] if trained else []:
        families.setdefault(way["way"].partition(",")[0], []).append(way)
    for family, ways in families.items():
        ways = sorted(ways, key=lambda way: float(way["alone_us"]))
        line = "o-" if family in ("index", "faiss", "hnswlib") else "o"
        left.plot([w["alone_us"] for w in ways], [100 * w["recall"] for w in ways], line, label=family)
    left.set_xscale("log")
    log_axis(left.xaxis)
    style(left, "µs for a query alone", f"exact best {K} found, %")
    left.legend()
    for key, label in (("exact", "all labels"), ("index", "index")):
        n_labels = [row.job["n_labels"] for row in growth]
        right.plot(n_labels, [row.result[key]["alone_us"] for row in growth], "o-", label=label)
    right.set_xscale("log")
    right.set_yscale("log")
    log_axis(right.xaxis)
    log_axis(right.yaxis)
    style(right, "labels", "µs for a query alone")
    right.legend()
    save_figure(figure, "answers")


def main() -> None:
    """Measure what is missing and write the report."""
    args = training_job.parser(__doc__).parse_args()
    name = "answers_quick" if args.quick else "answers"
    results = Results(name, again=args.again)
    common_part = {"threads": args.threads, "seed": args.seed}
    data_set = QUICK_DATA_SET if args.quick else DATA_SET
    trained_job = {"data_set": data_set, "options": OPTIONS, **common_part}
    if training_job.available([data_set], args.data):
        results.measure(data_set, trained_job, measure_trained, args.data, threads=args.threads)
    jobs = [{"n_labels": n, **common_part} for n in (QUICK_SIZES if args.quick else SIZES)]
    for job in jobs:
        results.measure(f"{job['n_labels']:,} labels", job, measure_growth, threads=args.threads)
    trained = results.find(trained_job)
    growth = [row for job in jobs if (row := results.find(job))]
    parts, rows = [NOTES], growth
    if trained:
        shape = f"{data_set}, {trained.result['n_labels']:,} labels x {trained.result['width']}:"
        parts, rows = [NOTES, shape, table_of_ways(trained)], [trained, *growth]
    plot(trained, growth)
    publish(name, "Finding the best labels", [*parts, table_of_growth(growth), "![](answers.png)"], rows)


if __name__ == "__main__":
    main()
