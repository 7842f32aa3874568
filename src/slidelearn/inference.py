"""Answers: hidden -> shortlist (of all labels, or of those that an index or the hash tables find) -> ranker -> top k.

Of several networks the first makes the shortlist, and the logits on it are the mean of those of all.

A query never changes the network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import sparse

from slidelearn import kernels
from slidelearn.active import ActiveSet, no_labels
from slidelearn.batches import to_csr
from slidelearn.kernels import Csr, Float, Ids, Labels
from slidelearn.label_index import LabelIndex
from slidelearn.layers import Execution, densify
from slidelearn.lsh import LshIndex
from slidelearn.network import Network
from slidelearn.ranker import Ranker

BATCH = 256
"""Samples answered together."""


def top_k(
    networks: Sequence[Network],
    X: sparse.csr_array,
    k: int,
    *,
    ranker: Ranker | None = None,
    index: LabelIndex | None = None,
    through_tables: bool = False,
    n_threads: int,
    after_batch: Callable[[int], None] | None = None,
) -> tuple[Ids, Float]:
    """The k best labels of each sample.

    Parameters
    ----------
    networks
        A trained network, or several.
    X
        (n_samples, n_features) float32 CSR, as it was in training.
    k
        Labels per sample, at most n_labels.
    ranker
        What orders the labels on the network's shortlist, if anything.
    index
        What finds the labels of the first network; None: all are scanned.
    through_tables
        Whether the hash tables find them, as in section 3 of the SLIDE paper.
    n_threads
        Threads that each verb may use.
    after_batch
        Called with the number of samples answered so far.

    Returns
    -------
    ids
        (n_samples, k) int32, best first; -1 where an index or the tables found fewer than k.
    scores
        (n_samples, k) float32: their logits, or the ranker's scores; -inf beside -1.
    """
    network = networks[0]
    is_shortlist = ranker is not None or len(networks) > 1
    n_listed = min(max(k, network.config.shortlist_length), network.n_labels) if is_shortlist else k
    features = to_csr(X)
    run = Execution(n_threads)
    for each in networks:
        each.prepare_answers(n_threads)
    tables = network.answer_index(n_threads) if through_tables else None
    ids = np.empty((X.shape[0], k), np.int32)
    scores = np.empty((X.shape[0], k), np.float32)
    for begin in range(0, X.shape[0], BATCH):
        rows = np.arange(begin, min(begin + BATCH, X.shape[0]))
        batch = Csr(*kernels.take_rows(features, rows))
        hidden = network.forward_hidden(batch, seed=0, run=run).hidden
        if tables:
            best = _top_k_of_tables(network, tables, hidden, n_listed, run)
        elif index:
            best = index.top_k(network.output, _dense(hidden, network), n_listed, n_threads)
        else:
            best = network.output.top_k(_dense(hidden, network), n_listed, n_threads)
        if len(networks) > 1:
            best = _by_mean_logits(*best, networks[1:], batch, run)
        if ranker:
            best = ranker.order(batch, *best, n_threads=n_threads)
        ids[rows], scores[rows] = best[0][:, :k], best[1][:, :k]
        if after_batch:
            after_batch(int(rows[-1]) + 1)
    return ids, scores


def _by_mean_logits(
    ids: Ids, logits: Float, others: Sequence[Network], batch: Csr, run: Execution
) -> tuple[Ids, Float]:
    """The same labels in the order of their mean logits, and these; -1 and -inf stay last."""
    there = ids >= 0
    indptr = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
    nobody = no_labels(batch.n_rows)
    listed = ActiveSet(ids[there], indptr, Labels(nobody.indptr, nobody.indices))
    sums = logits.copy()
    for network in others:
        hidden = network.forward_hidden(batch, seed=0, run=run).hidden
        sums[there] += network.output.forward(hidden, listed, run).logits
    mean = sums / np.float32(1 + len(others))
    order = np.argsort(-mean, axis=1, kind="stable")
    return np.take_along_axis(ids, order, axis=1), np.take_along_axis(mean, order, axis=1)


def _top_k_of_tables(
    network: Network, tables: LshIndex, hidden: Float | Csr, k: int, run: Execution
) -> tuple[Ids, Float]:
    queries = _dense(hidden, network)
    n_candidates = max(network.config.lsh_candidates, k)
    found = tables.candidates(queries, n_candidates=n_candidates, seed=0, n_threads=run.n_threads)
    nobody = no_labels(len(queries))
    labels = Labels(nobody.indptr, nobody.indices)
    done = network.output.forward(hidden, ActiveSet(found.indices, found.indptr, labels), run)
    return kernels.top_others(done.logits, found.indptr, found.indices, labels, k, n_threads=run.n_threads)


def _dense(hidden: Float | Csr, network: Network) -> Float:
    return densify(hidden, network.output.n_inputs) if isinstance(hidden, Csr) else hidden
