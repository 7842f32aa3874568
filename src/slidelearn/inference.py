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
from slidelearn.kernels import Csr, Float, Ids
from slidelearn.label_index import LabelIndex
from slidelearn.lsh import LshIndex
from slidelearn.model.model import Member
from slidelearn.network.active import ActiveSet
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
        self._tables = network.answer_tables(n_threads) if method == "lsh" else None

    def best(self, batch: Csr) -> tuple[Ids, Float]:
        """At least k labels, or all that were found, best first, and their scores."""
        ranker, n_threads = self._member.ranker, self._run.n_threads
        seen = _Seen(self._member.networks, batch, self._run)
        ids, logits = seen.best(self._n_listed, index=self._index, tables=self._tables)
        if ranker:
            shortlist = seen.shortlist(ids, logits, self._neighbours, ranker.lengths)
            return ranker.order(batch, shortlist, n_threads=n_threads)
        if len(self._member.networks) > 1:
            return best_first(ids, seen.mean_logits(ids, logits), n_threads=n_threads)
        return ids, logits


def shortlist_of(
    member: Member, x: Csr, neighbours: Neighbours | None, lengths: tuple[int, int], *, n_threads: int
) -> Shortlist:
    """What a ranker would be given for some samples, few enough to be asked together.

    Parameters
    ----------
    member
        Whose networks make it.
    x
        The samples' features, as they were in training.
    neighbours
        Who votes, and may add labels.
    lengths
        How many labels the network, and how many the neighbours put on each list.
    """
    seen = _Seen(member.networks, x, Execution(n_threads))
    return seen.shortlist(*seen.best(lengths[0]), neighbours, lengths)


class _Seen:
    """Samples as the networks of a member see them."""

    def __init__(self, networks: Sequence[Network], features: Csr, run: Execution) -> None:
        for network in networks:
            network.prepare_answers(run.n_threads)
        self._networks, self._features, self._run = networks, features, run
        self._hidden = [network.forward_hidden(features, seed=None, run=run).hidden for network in networks]

    def best(self, n: int, *, index: LabelIndex | None = None, tables: LshIndex | None = None) -> tuple[Ids, Float]:
        """The first network's n best of all labels, or of those that an index or hash tables find; -1 for none."""
        network, threads = self._networks[0], self._run.n_threads
        if tables:
            return self._best_of_tables(tables, n)
        hidden = _dense(self._hidden[0], network)
        if index:
            return index.top_k(network.output, hidden, n, threads)
        return network.output.top_k(hidden, n, threads)

    def shortlist(self, ids: Ids, logits: Float, neighbours: Neighbours | None, lengths: tuple[int, int]) -> Shortlist:
        """The first network's best labels, those that the neighbours add after so many of these, and what is known.

        What the neighbours name the network may have further down: there it is taken out.
        """
        n, n_others = min(lengths[0], ids.shape[1]), lengths[1]
        listed, rest = ids[:, :n], ids[:, n:]
        votes = np.zeros((len(ids), n), np.float32)
        if neighbours:
            asked = np.ascontiguousarray(listed)
            votes, others = neighbours.votes(self._features, asked, n_others, n_threads=self._run.n_threads)
            if rest.shape[1]:
                rest = np.where((rest[:, :, None] == others[:, None, :]).any(axis=2), np.int32(-1), rest)
            ids = np.hstack([listed, others, rest])
            of_others = self._logits(0, others)
            logits = np.hstack([logits[:, :n], of_others, np.where(rest < 0, -np.inf, logits[:, n:])])
        return Shortlist(ids, self.mean_logits(ids, logits), votes)

    def mean_logits(self, ids: Ids, logits: Float) -> Float:
        """The mean logits of these labels, of which the first network's are known."""
        n = len(self._networks)
        return sum((self._logits(number, ids) for number in range(1, n)), logits) / np.float32(n)

    def _logits(self, number: int, ids: Ids) -> Float:
        """A network's logits of these labels, (n_samples, n); -inf beside -1."""
        there = ids >= 0
        logits = np.full(ids.shape, -np.inf, np.float32)
        if there.any():
            indptr = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
            logits[there] = self._logits_of(number, ActiveSet.unlabelled(ids[there], indptr))
        return logits

    def _best_of_tables(self, tables: LshIndex, k: int) -> tuple[Ids, Float]:
        network, threads = self._networks[0], self._run.n_threads
        queries = _dense(self._hidden[0], network)
        n_candidates = max(network.config.lsh_candidates, k)
        found = tables.candidates(queries, n_candidates=n_candidates, seed=None, n_threads=threads)
        active = ActiveSet.unlabelled(found.indices, found.indptr)
        logits = self._logits_of(0, active)
        return kernels.top_others(logits, active.indptr, active.ids, active.labels, k, n_threads=threads)

    def _logits_of(self, number: int, active: ActiveSet) -> Float:
        return self._networks[number].output.forward(self._hidden[number], active, self._run).logits


def _dense(hidden: Float | Csr, network: Network) -> Float:
    return densify(hidden, network.output.n_inputs) if isinstance(hidden, Csr) else hidden
