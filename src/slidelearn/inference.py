"""Answers: hidden -> shortlist (of all labels, or of those that an index or the hash tables find) -> ranker -> top k.

Of several networks the first makes the shortlist, to which the nearest training samples may add labels of theirs; the
logits on it are the mean of those of all networks.

A query never changes the network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import sparse

from slidelearn import kernels
from slidelearn.batches import to_csr
from slidelearn.kernels import Csr, Float, Ids, Labels
from slidelearn.label_index import LabelIndex
from slidelearn.lsh import LshIndex
from slidelearn.network.active import ActiveSet, no_labels
from slidelearn.network.layers import Execution, densify
from slidelearn.network.network import Network
from slidelearn.ranking.neighbours import Neighbours
from slidelearn.ranking.ranker import Ranker
from slidelearn.ranking.shortlist import Shortlist, best_first

BATCH = 2048
"""Samples answered together: the more, the more of them find in cache what others have read of their labels."""


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
    tables = network.answer_tables(n_threads) if through_tables else None
    ids = np.empty((X.shape[0], k), np.int32)
    scores = np.empty((X.shape[0], k), np.float32)
    for begin in range(0, X.shape[0], BATCH):
        rows = np.arange(begin, min(begin + BATCH, X.shape[0]))
        batch = Csr(*kernels.take_rows(features, rows))
        hidden = [each.forward_hidden(batch, seed=0, run=run).hidden for each in networks]
        if tables:
            best = _top_k_of_tables(network, tables, hidden[0], n_listed, run)
        elif index:
            best = index.top_k(network.output, _dense(hidden[0], network), n_listed, n_threads)
        else:
            best = network.output.top_k(_dense(hidden[0], network), n_listed, n_threads)
        if ranker:
            shortlist = _extended(*best, networks, hidden, batch, ranker.neighbours, ranker.lengths, run)
            best = ranker.order(batch, shortlist, n_threads=n_threads)
        elif len(networks) > 1:
            best = best_first(best[0], _mean_logits(*best, networks, hidden, run), n_threads=n_threads)
        ids[rows], scores[rows] = best[0][:, :k], best[1][:, :k]
        if after_batch:
            after_batch(int(rows[-1]) + 1)
    return ids, scores


def shortlists(
    networks: Sequence[Network],
    x: Csr,
    neighbours: Neighbours | None,
    lengths: tuple[int, int],
    *,
    n_threads: int,
) -> Shortlist:
    """What a ranker would be given for some samples, few enough to be asked together.

    Parameters
    ----------
    networks, x
        As in `top_k`.
    neighbours
        Who votes, and may add labels.
    lengths
        How many labels the network, and how many the neighbours put on each list.
    """
    run = Execution(n_threads)
    for each in networks:
        each.prepare_answers(n_threads)
    hidden = [each.forward_hidden(x, seed=0, run=run).hidden for each in networks]
    best = networks[0].output.top_k(_dense(hidden[0], networks[0]), lengths[0], n_threads)
    return _extended(*best, networks, hidden, x, neighbours, lengths, run)


def _extended(
    ids: Ids,
    logits: Float,
    networks: Sequence[Network],
    hidden: Sequence[Float | Csr],
    batch: Csr,
    neighbours: Neighbours | None,
    lengths: tuple[int, int],
    run: Execution,
) -> Shortlist:
    """The first network's best labels, those that the neighbours add after so many of these, and what is known of all.

    What the neighbours name the network may have further down: there it is taken out.
    """
    n, n_others = min(lengths[0], ids.shape[1]), lengths[1]
    listed, rest = ids[:, :n], ids[:, n:]
    votes = np.zeros((len(ids), n), np.float32)
    if neighbours:
        votes, others = neighbours.votes(batch, np.ascontiguousarray(listed), n_others, n_threads=run.n_threads)
        if rest.shape[1]:
            rest = np.where((rest[:, :, None] == others[:, None, :]).any(axis=2), np.int32(-1), rest)
        ids = np.hstack([listed, others, rest])
        of_others = _logits(networks[0], hidden[0], others, run)
        logits = np.hstack([logits[:, :n], of_others, np.where(rest < 0, -np.inf, logits[:, n:])])
    return Shortlist(ids, _mean_logits(ids, logits, networks, hidden, run), votes)


def _mean_logits(
    ids: Ids, logits: Float, networks: Sequence[Network], hidden: Sequence[Float | Csr], run: Execution
) -> Float:
    """The mean logits of these labels, of which the first network's are known."""
    others = zip(networks[1:], hidden[1:], strict=True)
    return sum((_logits(network, of_it, ids, run) for network, of_it in others), logits) / np.float32(len(networks))


def _logits(network: Network, hidden: Float | Csr, ids: Ids, run: Execution) -> Float:
    """A network's logits of these labels, (n_samples, n); -inf beside -1."""
    there = ids >= 0
    logits = np.full(ids.shape, -np.inf, np.float32)
    if there.any():
        nobody = no_labels(len(ids))
        indptr = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
        listed = ActiveSet(ids[there], indptr, Labels(nobody.indptr, nobody.indices))
        logits[there] = network.output.forward(hidden, listed, run).logits
    return logits


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
