"""Answers: hidden -> shortlist (of all labels, or of those that an index or the hash tables find) -> ranker -> top k.

Where a member has several networks, the first makes the shortlist, to which the nearest training samples may add their
labels; the logits on it are the mean of all networks' logits. Each member of an ensemble answers by itself; the mean of
their probabilities counts.

A query never changes the model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import sparse

from slidelearn import kernels
from slidelearn.batches import to_csr
from slidelearn.kernels import Csr, Float, Ids, Labels
from slidelearn.lsh import LshIndex
from slidelearn.model.model import Member
from slidelearn.network.active import ActiveSet, no_labels
from slidelearn.network.layers import Execution, densify
from slidelearn.network.network import Network
from slidelearn.ranking.neighbours import Neighbours
from slidelearn.ranking.shortlist import Shortlist, best_first, mean_answers

BATCH = 2048
"""Samples answered together: the more, the more of them find in cache what others have read of their labels."""


def top_k(
    members: Sequence[Member],
    X: sparse.csr_array,
    k: int,
    *,
    neighbours: Neighbours | None = None,
    method: str = "auto",
    n_threads: int,
    after_batch: Callable[[int], None] | None = None,
) -> tuple[Ids, Float]:
    """The k best labels of each sample.

    Parameters
    ----------
    members
        Of a trained model; the mean of their probabilities counts.
    X
        (n_samples, n_features) float32 CSR, as it was in training.
    k
        Labels per sample, at most n_labels.
    neighbours
        Who votes on the shortlists that are to be ranked.
    method
        What finds the labels that may be on a shortlist: ``exact``, all are scanned; ``index``; ``lsh``, the hash
        tables, as in section 3 of the SLIDE paper; ``auto``: an index where there is one.
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

    Raises
    ------
    ValueError
        If an index is asked for that there is not.
    """
    if method == "index" and members[0].index is None:
        raise ValueError("method='index' needs an index: train with answers='index', or choose method='exact'")
    answering = [_Answering(member, neighbours, k, method, n_threads) for member in members]
    features = to_csr(X)
    ids = np.empty((X.shape[0], k), np.int32)
    scores = np.empty((X.shape[0], k), np.float32)
    for begin in range(0, X.shape[0], BATCH):
        rows = np.arange(begin, min(begin + BATCH, X.shape[0]))
        batch = Csr(*kernels.take_rows(features, rows))
        best = mean_answers([each.best(batch) for each in answering], n_threads=n_threads)
        ids[rows], scores[rows] = best[0][:, :k], best[1][:, :k]
        if after_batch:
            after_batch(int(rows[-1]) + 1)
    return ids, scores


class _Answering:
    """A member that is ready to be asked for k labels of each sample."""

    def __init__(self, member: Member, neighbours: Neighbours | None, k: int, method: str, n_threads: int) -> None:
        self._member, self._neighbours, self._run = member, neighbours, Execution(n_threads)
        network = member.network
        is_shortlist = member.ranker is not None or len(member.networks) > 1
        self._n_listed = min(max(k, network.config.shortlist_length), network.n_labels) if is_shortlist else k
        self._index = member.index if method in ("auto", "index") else None
        for each in member.networks:
            each.prepare_answers(n_threads)
        self._tables = network.answer_tables(n_threads) if method == "lsh" else None

    def best(self, batch: Csr) -> tuple[Ids, Float]:
        """At least k labels, or all that were found, best first, and their scores."""
        networks, ranker, run = self._member.networks, self._member.ranker, self._run
        hidden = [each.forward_hidden(batch, seed=None, run=run).hidden for each in networks]
        ids, logits = self._found(hidden[0])
        if ranker:
            shortlist = _extended(ids, logits, networks, hidden, batch, self._neighbours, ranker.lengths, run)
            return ranker.order(batch, shortlist, n_threads=run.n_threads)
        if len(networks) > 1:
            return best_first(ids, _mean_logits(ids, logits, networks, hidden, run), n_threads=run.n_threads)
        return ids, logits

    def _found(self, hidden: Float | Csr) -> tuple[Ids, Float]:
        network, n, run = self._member.network, self._n_listed, self._run
        if self._tables:
            return _top_k_of_tables(network, self._tables, hidden, n, run)
        if self._index:
            return self._index.top_k(network.output, _dense(hidden, network), n, run.n_threads)
        return network.output.top_k(_dense(hidden, network), n, run.n_threads)


def shortlists(
    member: Member, x: Csr, neighbours: Neighbours | None, lengths: tuple[int, int], *, n_threads: int
) -> Shortlist:
    """What a ranker would be given for some samples, few enough to be asked together.

    Parameters
    ----------
    member
        Whose networks make them.
    x
        The samples' features, as they were in training.
    neighbours
        Who votes, and may add labels.
    lengths
        How many labels the network, and how many the neighbours put on each list.
    """
    networks, run = member.networks, Execution(n_threads)
    for each in networks:
        each.prepare_answers(n_threads)
    hidden = [each.forward_hidden(x, seed=None, run=run).hidden for each in networks]
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
    found = tables.candidates(queries, n_candidates=n_candidates, seed=None, n_threads=run.n_threads)
    nobody = no_labels(len(queries))
    labels = Labels(nobody.indptr, nobody.indices)
    done = network.output.forward(hidden, ActiveSet(found.indices, found.indptr, labels), run)
    return kernels.top_others(done.logits, found.indptr, found.indices, labels, k, n_threads=run.n_threads)


def _dense(hidden: Float | Csr, network: Network) -> Float:
    return densify(hidden, network.output.n_inputs) if isinstance(hidden, Csr) else hidden
