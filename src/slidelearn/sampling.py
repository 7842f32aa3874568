"""What chooses the active set of the output layer.

Each `Sampler` proposes labels, for the whole batch or for each sample; `ActiveSetSampler` adds up the proposals of
those named in the configuration, puts every sample's own labels in, fills up at random, and knows the chance q that a
label is in the set.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from slidelearn import kernels
from slidelearn.active import ActiveSet, all_neurons, shared_set
from slidelearn.batches import Batch, Samples
from slidelearn.config import Config
from slidelearn.kernels import NO_DATA, Csr, Float, Ids, Labels
from slidelearn.layers import Execution, densify
from slidelearn.lsh import LshIndex

NOTHING: Ids = np.empty(0, np.int32)


class Sampler(ABC):
    """Proposes labels to be active beside the samples' own."""

    looks_at_labels = False
    """Whether it uses the samples' own labels: then how many of them it finds says nothing."""

    @abstractmethod
    def propose(self, hidden: Float | Csr, batch: Batch, seed: int, run: Execution) -> Ids | Csr:
        """Labels for the whole batch, or a row of labels for each sample."""

    def inclusion(self) -> Float | None:
        """The chance of every label to be proposed, (n_labels,); None where there is no such number."""
        return None

    def observe(self, batch: Batch, active: ActiveSet, logits: Float, run: Execution) -> None:  # noqa: B027
        """Learn from the logits of a batch; most samplers do not."""


class BatchSampler(Sampler):
    """The labels of the batch's other samples (in-batch negatives)."""

    looks_at_labels = True

    def __init__(self, frequencies: Float, batch_size: int) -> None:
        self._inclusion = _at_least_once(frequencies, batch_size)

    def propose(self, hidden: Float | Csr, batch: Batch, seed: int, run: Execution) -> Ids:
        """The labels of all samples of the batch."""
        return batch.labels.indices

    def inclusion(self) -> Float:
        """q = 1 - (1 - f / n_samples)^batch_size."""
        return self._inclusion


class MemorySampler(Sampler):
    """Each sample's own highest wrong labels when it was last seen."""

    looks_at_labels = True

    def __init__(self, n_samples: int, n_kept: int) -> None:
        self._memory = np.full((n_samples, n_kept), -1, np.int32)

    def propose(self, hidden: Float | Csr, batch: Batch, seed: int, run: Execution) -> Csr:
        """The labels kept for each sample; none before it was first seen."""
        kept = self._memory[batch.sample_ids]
        present = kept >= 0
        indptr = np.zeros(len(kept) + 1, np.int64)
        np.cumsum(present.sum(axis=1), out=indptr[1:])
        return Csr(indptr, kept[present], NO_DATA)

    def observe(self, batch: Batch, active: ActiveSet, logits: Float, run: Execution) -> None:
        """Keep the highest of the labels that are not the sample's own."""
        best, _ = kernels.top_others(
            logits.reshape(-1),
            active.indptr,
            active.ids,
            active.labels,
            self._memory.shape[1],
            n_threads=run.n_threads,
        )
        self._memory[batch.sample_ids] = best


class LshSampler(Sampler):
    """The labels whose rows collide with the sample's hidden vector in the hash tables."""

    def __init__(self, index: LshIndex, n_inputs: int, n_candidates: int) -> None:
        self._index, self._n_inputs, self._n_candidates = index, n_inputs, n_candidates

    def propose(self, hidden: Float | Csr, batch: Batch, seed: int, run: Execution) -> Csr:
        """Candidates from the tables, chosen as `lsh_selection` says."""
        queries = densify(hidden, self._n_inputs) if isinstance(hidden, Csr) else hidden
        return self._index.candidates(queries, n_candidates=self._n_candidates, seed=seed, n_threads=run.n_threads)


class DrawingSampler(Sampler):
    """Labels drawn at random: uniformly, or by their frequency among the training samples."""

    def __init__(self, n_labels: int, n_draws: int, occurrences: Ids | None, *, per_sample: bool) -> None:
        self._n_labels, self._n_draws, self._per_sample = n_labels, n_draws, per_sample
        self._occurrences = occurrences
        if occurrences is None:
            chances = np.full(n_labels, 1.0 / n_labels, np.float32)
        else:
            chances = (np.bincount(occurrences, minlength=n_labels) / len(occurrences)).astype(np.float32)
        self._inclusion = _at_least_once(chances, n_draws)

    def propose(self, hidden: Float | Csr, batch: Batch, seed: int, run: Execution) -> Ids | Csr:
        """`n_draws` draws with replacement, for the batch or for each sample."""
        n_rows = batch.labels.n_rows if self._per_sample else 1
        population = self._occurrences
        n = self._n_labels if population is None else len(population)
        ids = kernels.draw(n_rows, self._n_draws, population, n, seed).reshape(-1)
        if not self._per_sample:
            return ids
        return Csr(np.arange(n_rows + 1, dtype=np.int64) * self._n_draws, ids, NO_DATA)

    def inclusion(self) -> Float:
        """q = 1 - (1 - p)^n_draws."""
        return self._inclusion


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

    def __init__(self, config: Config, samples: Samples, index: LshIndex | None, n_inputs: int) -> None:
        self._config = config
        self._n_labels = samples.n_labels
        self._full = config.samplers == ("full",)
        self._samplers = [] if self._full else _make_samplers(config, samples, index, n_inputs)
        self._log_q = self._log_inclusion()
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
        common = [p for p in proposals if not isinstance(p, Csr)]
        candidates = Csr(np.zeros(batch.labels.n_rows + 1, np.int64), NOTHING, NO_DATA)
        for proposal in proposals:
            if isinstance(proposal, Csr):
                candidates = Csr(*kernels.join_rows(candidates, proposal))
        indptr, ids, n_fill = kernels.assemble(
            batch.labels,
            candidates,
            kernels.distinct(np.concatenate(common)) if common else NOTHING,
            self._config.min_active,
            self._n_labels,
            seed,
            n_threads=run.n_threads,
        )
        own = np.diff(batch.labels.indptr)
        columns = np.arange(len(batch.labels.indices)) - np.repeat(batch.labels.indptr[:-1], own)
        labels = Labels(batch.labels.indptr, columns.astype(np.int32))
        return ActiveSet(ids, indptr, labels, self._log_q_per_sample(ids, indptr, n_fill))

    def _log_inclusion(self) -> Float | None:
        """beta * log q of every label; None where nothing is to be corrected.

        Labels that the memory or the tables bring keep the q of the others: with their true chance of being in, the
        gain of hard negatives is lost.
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

    def _log_q_per_sample(self, ids: Ids, indptr: NDArray[np.int64], n_fill: Ids) -> Float | None:
        if self._log_q is not None:
            return self._log_q[ids]
        if not self._config.log_q_strength or not n_fill.any():
            return None
        log_q = np.zeros(len(ids), np.float32)
        for end, n in zip(indptr[1:], n_fill, strict=True):
            if n:
                log_q[end - n : end] = self._log_q_of_fill(n)
        return log_q

    def _log_q_of_fill(self, n: int) -> float:
        """Where no sampler has a q, what the tables found is in with certainty, and the random fill is not."""
        return float(self._config.log_q_strength * np.log(n / self._n_labels))

    def _count_found(self, proposals: list[Ids | Csr], batch: Batch) -> None:
        for sampler, proposal in zip(self._samplers, proposals, strict=True):
            if sampler.looks_at_labels:
                continue
            if isinstance(proposal, Csr):
                self.n_found += kernels.count_found(batch.labels, proposal)
            else:
                self.n_found += int(np.isin(batch.labels.indices, proposal).sum())
            self.n_sought += len(batch.labels.indices)


def _make_samplers(config: Config, samples: Samples, index: LshIndex | None, n_inputs: int) -> list[Sampler]:
    per_sample = config.active_set == "per_sample"
    made: list[Sampler] = []
    for name in config.samplers:
        if name == "batch":
            n = max(len(samples.labelled), 1)
            frequencies = np.clip(samples.label_counts() / n, 1.0 / n, 0.999).astype(np.float32)
            made.append(BatchSampler(frequencies, config.batch_size))
        elif name == "memory":
            made.append(MemorySampler(samples.n_samples, config.n_hard_negatives))
        elif name == "lsh":
            assert index is not None
            made.append(LshSampler(index, n_inputs, config.lsh_candidates))
        else:
            occurrences = samples.labels.indices if name == "frequency" else None
            made.append(DrawingSampler(samples.n_labels, config.n_negatives, occurrences, per_sample=per_sample))
    return made


def _at_least_once(chances: Float, n_draws: int) -> Float:
    """The chance to come up at least once in n independent draws."""
    chance: Float = -np.expm1(n_draws * np.log1p(-np.minimum(chances, np.float32(0.999999))))
    return chance


def _others(taken: Ids, n: int, n_labels: int, seed: int) -> Ids:
    """`n` labels that are not among those taken."""
    drawn: Ids = NOTHING
    n_draws = n
    while True:
        draws = kernels.draw(1, n_draws, None, n_labels, seed).reshape(-1)
        fresh = draws[~np.isin(draws, taken)]
        _, first = np.unique(fresh, return_index=True)
        drawn = fresh[np.sort(first)]
        if len(drawn) >= n:
            return drawn[:n]
        n_draws *= 2
