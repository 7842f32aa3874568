"""What chooses the active set of the output layer.

`ActiveSetSampler` adds up what the samplers named in the configuration propose, puts every sample's own labels in,
fills up at random, and knows the chance q that a label is in the set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slidelearn import kernels
from slidelearn.arrays import require_array, require_ids
from slidelearn.batches import Batch, SampleSource
from slidelearn.config import Config
from slidelearn.kernels import Csr, Float, Ids, Labels
from slidelearn.lsh import LshIndex
from slidelearn.network.active import ActiveSet, all_neurons, no_labels, shared_set
from slidelearn.network.layers import Execution
from slidelearn.network.samplers import make_samplers

NOTHING: Ids = np.empty(0, np.int32)


class ActiveSetSampler:
    """The samplers of the configuration, joined.

    Parameters
    ----------
    config
        The options on samplers, active sets and the log-Q correction.
    samples
        The training set: label frequencies, and places in the hard-negative memory.
    index
        The output layer's LSH index, for the sampler ``lsh``.
    n_inputs
        Width of the output layer's input.
    """

    def __init__(self, config: Config, samples: SampleSource, index: LshIndex | None, n_inputs: int) -> None:
        self._config = config
        self._n_labels = samples.n_labels
        self._full = config.samplers == ("full",)
        self._samplers = [] if self._full else make_samplers(config, samples, index, n_inputs)
        self._log_q = self._log_inclusion()
        self._marks = np.zeros(self._n_labels, bool)
        self.n_found = self.n_sought = 0
        """Labels of samples that the proposals held before any were put in, and labels there were."""

    def sample(self, hidden: Float | Csr, batch: Batch, rng: np.random.Generator, run: Execution) -> ActiveSet:
        """The active set of a batch."""
        if self._full:
            return all_neurons(self._n_labels, batch.labels)
        seeds = [int(seed) for seed in rng.integers(2**63, size=len(self._samplers) + 1)]
        proposals = [s.propose(hidden, batch, seed, run) for s, seed in zip(self._samplers, seeds, strict=False)]
        self._count_found(proposals, batch)
        if self._config.active_set == "shared":
            return self._shared(proposals, batch, seeds[-1])
        return self._per_sample(proposals, batch, seeds[-1], run)

    def observe(self, batch: Batch, active: ActiveSet, logits: Float, run: Execution) -> None:
        """Show the logits of a batch to the samplers, before the loss changes them."""
        for sampler in self._samplers:
            sampler.observe(batch, active, logits, run)

    def named_arrays(self) -> Iterator[tuple[str, Ids]]:
        """What the samplers have learnt: labels, -1 for none."""
        for sampler in self._samplers:
            yield from sampler.named_arrays()

    def restore(self, arrays: Mapping[str, NDArray[Any]], n_found: int, n_sought: int) -> None:
        """Take over what another had learnt and counted; its arrays are among these.

        Raises
        ------
        ValueError
            If an array is missing or does not fit.
        """
        for name, array in self.named_arrays():
            require_array(arrays, name, array.dtype, array.shape)
            require_ids(arrays, name, -1, self._n_labels)
            array[...] = arrays[name]
        self.n_found, self.n_sought = n_found, n_sought

    def _shared(self, proposals: list[Ids | Csr], batch: Batch, seed: int) -> ActiveSet:
        ids = [p.indices if isinstance(p, Csr) else p for p in proposals]
        active = shared_set(batch.labels, ids)
        n_missing = min(self._config.min_active, self._n_labels) - len(active.ids)
        fill = NOTHING
        if n_missing > 0:
            fill = _others(active.ids, n_missing, self._n_labels, seed)
            active = shared_set(batch.labels, [*ids, fill])
        log_q = None
        if self._log_q is not None:
            log_q = self._log_q[active.ids]
        elif self._config.log_q_strength and len(fill):
            log_q = np.zeros(len(active.ids), np.float32)
            log_q[np.searchsorted(active.ids, fill)] = self._log_q_of_fill(len(fill))
        return ActiveSet(active.ids, None, active.labels, log_q)

    def _per_sample(self, proposals: list[Ids | Csr], batch: Batch, seed: int, run: Execution) -> ActiveSet:
        common: list[Ids] = []
        found: list[Csr] = []
        drawn: list[Csr] = []
        for sampler, proposal in zip(self._samplers, proposals, strict=True):
            if not isinstance(proposal, Csr):
                common.append(proposal)
            else:
                (found if sampler.certain else drawn).append(proposal)
        indptr, ids, n_found, n_fill = kernels.assemble(
            batch.labels,
            _joined(found, batch.labels.n_rows),
            _joined(drawn, batch.labels.n_rows),
            kernels.distinct(np.concatenate(common))[0] if common else NOTHING,
            self._config.min_active,
            self._n_labels,
            seed,
            n_threads=run.n_threads,
        )
        own = np.diff(batch.labels.indptr)
        columns = np.arange(len(batch.labels.indices)) - np.repeat(batch.labels.indptr[:-1], own)
        labels = Labels(batch.labels.indptr, columns.astype(np.int32))
        return ActiveSet(ids, indptr, labels, self._log_q_per_sample(ids, indptr, n_found, n_fill))

    def _log_inclusion(self) -> Float | None:
        """beta * log q of every label; None where nothing is to be corrected.

        Labels that the memory brings keep the q of the others: with their true chance of being in, the gain of hard
        negatives is lost. So do those from the tables in a shared set, where they are for one sample only.
        """
        if not self._config.log_q_strength:
            return None
        known = [q for q in (sampler.inclusion() for sampler in self._samplers) if q is not None]
        if not known:
            return None
        left_out = np.ones(self._n_labels)
        for q in known:
            left_out *= 1.0 - q
        inclusion = np.maximum(1.0 - left_out, np.finfo(np.float32).tiny)
        return (self._config.log_q_strength * np.log(inclusion)).astype(np.float32)

    def _log_q_per_sample(self, ids: Ids, indptr: NDArray[np.int64], n_found: Ids, n_fill: Ids) -> Float | None:
        if self._log_q is not None:
            log_q = self._log_q[ids]
            for begin, n in zip(indptr, n_found, strict=False):
                log_q[begin : begin + n] = 0.0
            return log_q
        if not self._config.log_q_strength or not n_fill.any():
            return None
        log_q = np.zeros(len(ids), np.float32)
        for end, n in zip(indptr[1:], n_fill, strict=True):
            if n:
                log_q[end - n : end] = self._log_q_of_fill(n)
        return log_q

    def _log_q_of_fill(self, n: int) -> float:
        """beta * log q of n labels that fill up, where no sampler has a q: only these are in the set by chance."""
        return float(self._config.log_q_strength * np.log(n / self._n_labels))

    def _count_found(self, proposals: list[Ids | Csr], batch: Batch) -> None:
        for sampler, proposal in zip(self._samplers, proposals, strict=True):
            if sampler.looks_at_labels:
                continue
            if isinstance(proposal, Csr):
                self.n_found += kernels.count_found(batch.labels, proposal)
            else:
                self.n_found += self._n_among(batch.labels.indices, proposal)
            self.n_sought += len(batch.labels.indices)

    def _n_among(self, labels: Ids, proposed: Ids) -> int:
        """How many of the labels, with repetition, are in a proposal; sorting that takes several times as long."""
        self._marks[proposed] = True
        n = int(np.count_nonzero(self._marks[labels]))
        self._marks[proposed] = False
        return n


def _joined(proposals: Sequence[Csr], n_rows: int) -> Csr:
    """Row by row the ids of all of them; a single one as it is."""
    return reduce(lambda first, second: Csr(*kernels.join_rows(first, second)), proposals or [no_labels(n_rows)])


def _others(taken: Ids, n: int, n_labels: int, seed: int) -> Ids:
    """`n` labels that are not among those taken."""
    drawn: Ids = NOTHING
    n_draws = n
    while True:
        draws = kernels.draw(1, n_draws, None, n_labels, seed).reshape(-1)
        ids, places = kernels.distinct(np.concatenate([taken, draws]))
        numbers = np.arange(len(places))
        first = np.empty(len(ids), np.int64)
        first[places[::-1]] = numbers[::-1]  # of equal ones the first is written last
        drawn = draws[(first[places] == numbers)[len(taken) :]]
        if len(drawn) >= n:
            return drawn[:n]
        n_draws *= 2
