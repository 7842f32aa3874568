"""The samplers: each proposes labels to be active beside the samples' own, for the batch or for each sample."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from slidelearn import kernels
from slidelearn.batches import Batch, SampleSource, Seen
from slidelearn.config import Config
from slidelearn.kernels import NO_DATA, Csr, Float, Ids
from slidelearn.lsh import LshIndex
from slidelearn.network.active import ActiveSet
from slidelearn.network.layers import Execution, densify


class Sampler(ABC):
    """Proposes labels to be active beside the samples' own."""

    looks_at_labels = False
    """Whether it uses the samples' own labels, so that finding them proves nothing."""
    certain = False
    """Whether what it proposes for a sample is not drawn at random, so that log-Q has nothing to correct."""

    @abstractmethod
    def propose(self, hidden: Float | Csr, batch: Batch, seed: int, run: Execution) -> Ids | Csr:
        """Labels for the whole batch, or a row of labels for each sample."""

    def inclusion(self) -> Float | None:
        """The chance of every label to be proposed, (n_labels,); None where there is no such number."""
        return None

    def observe(self, batch: Batch, active: ActiveSet, logits: Float, run: Execution) -> None:  # noqa: B027
        """Learn from the logits of a batch; most samplers do not."""

    def named_arrays(self) -> Iterator[tuple[str, Ids]]:
        """The labels that it has learnt to propose, -1 for none; most samplers have none."""
        yield from ()


class BatchSampler(Sampler):
    """The labels of the batch's other samples (in-batch negatives).

    A batch that is not full may be filled up with labels drawn as the samples `seen` before had them: a network that
    only learns to tell the labels of a few samples apart forgets all others.
    """

    looks_at_labels = True

    def __init__(self, frequencies: Float, batch_size: int, seen: Seen | None = None) -> None:
        self._inclusion = at_least_once(frequencies, batch_size)
        self._batch_size = batch_size
        self._ends = np.cumsum(seen.label_counts) if seen else None
        self._n_seen = int(seen.n_samples[0]) if seen else 0

    def propose(self, hidden: Float | Csr, batch: Batch, seed: int, run: Execution) -> Ids:
        """The labels of all samples of the batch, and of those that it lacks."""
        labels, n_missing = batch.labels.indices, self._batch_size - batch.labels.n_rows
        if self._ends is None or n_missing <= 0:
            return labels
        n = n_missing * int(self._ends[-1]) // self._n_seen
        draws = np.random.default_rng(seed).integers(self._ends[-1], size=n)
        return np.concatenate([labels, np.searchsorted(self._ends, draws, side="right").astype(np.int32)])

    def inclusion(self) -> Float:
        """q = 1 - (1 - f / n_samples)^batch_size."""
        return self._inclusion


class MemorySampler(Sampler):
    """Each sample's own highest wrong labels when it was last seen."""

    looks_at_labels = True

    def __init__(self, memory: Ids) -> None:
        self.memory = memory
        """(n_samples, n_kept): the labels, -1 for none."""

    def propose(self, hidden: Float | Csr, batch: Batch, seed: int, run: Execution) -> Csr:
        """The labels kept for each sample; none before it was first seen."""
        kept = self.memory[batch.sample_ids]
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
            self.memory.shape[1],
            n_threads=run.n_threads,
        )
        self.memory[batch.sample_ids] = best

    def named_arrays(self) -> Iterator[tuple[str, Ids]]:
        """The memory."""
        yield "memory", self.memory


class LshSampler(Sampler):
    """The labels whose rows collide with the sample's hidden vector in the hash tables."""

    certain = True

    def __init__(self, index: LshIndex, n_inputs: int, n_candidates: int) -> None:
        self._index, self._n_inputs, self._n_candidates = index, n_inputs, n_candidates

    def propose(self, hidden: Float | Csr, batch: Batch, seed: int, run: Execution) -> Csr:
        """Candidates from the tables, chosen as `lsh_selection` says."""
        queries = densify(hidden, self._n_inputs) if isinstance(hidden, Csr) else hidden
        return self._index.candidates(queries, n_candidates=self._n_candidates, seed=seed, n_threads=run.n_threads)


class DrawingSampler(Sampler):
    """Labels drawn at random: uniformly, or in proportion to how often they occur in a population."""

    def __init__(self, n_labels: int, n_draws: int, population: Ids | None, *, per_sample: bool) -> None:
        self._n_labels, self._n_draws, self._per_sample = n_labels, n_draws, per_sample
        self._population = population
        counts = np.ones(n_labels) if population is None else np.bincount(population, minlength=n_labels)
        # the memory and random fill may bring labels that are never drawn: they count as if they occurred once
        chances = (np.maximum(counts, 1) / max(counts.sum(), 1)).astype(np.float32)
        self._inclusion = at_least_once(chances, n_draws)

    def propose(self, hidden: Float | Csr, batch: Batch, seed: int, run: Execution) -> Ids | Csr:
        """`n_draws` draws with replacement, for the batch or for each sample."""
        n_rows = batch.labels.n_rows if self._per_sample else 1
        n = self._n_labels if self._population is None else len(self._population)
        ids = kernels.draw(n_rows, self._n_draws, self._population, n, seed).reshape(-1)
        if not self._per_sample:
            return ids
        return Csr(np.arange(n_rows + 1, dtype=np.int64) * self._n_draws, ids, NO_DATA)

    def inclusion(self) -> Float:
        """q = 1 - (1 - p)^n_draws."""
        return self._inclusion


def make_samplers(config: Config, samples: SampleSource, index: LshIndex | None, n_inputs: int) -> list[Sampler]:
    """The samplers that the configuration names."""
    per_sample = config.active_set == "per_sample"
    made: list[Sampler] = []
    for name in config.samplers:
        if name == "batch":
            seen = samples.seen()
            n = max(int(seen.n_samples[0]), 1)
            frequencies = np.clip(seen.label_counts / n, 1.0 / n, 0.999).astype(np.float32)
            made.append(BatchSampler(frequencies, config.batch_size, seen if samples.goes_on else None))
        elif name == "memory":
            memory, known = samples.room(config.n_hard_negatives), samples.hard_negatives
            if known is not None:
                memory[:, : known.shape[1]] = known[:, : memory.shape[1]]
            made.append(MemorySampler(memory))
        elif name == "lsh":
            assert index is not None
            made.append(LshSampler(index, n_inputs, config.lsh_candidates))
        else:
            population = population_of(samples.label_counts(), config.frequency_power) if name == "frequency" else None
            made.append(DrawingSampler(samples.n_labels, config.n_negatives, population, per_sample=per_sample))
    return made


def population_of(counts: NDArray[np.int64], power: float) -> Ids:
    """Labels, each as many times as its frequency ** power, rounded; the chances to be drawn follow from that."""
    times = np.where(counts > 0, np.rint(counts.astype(np.float64) ** power), 0).astype(np.int64)
    return np.repeat(np.arange(len(times), dtype=np.int32), times)


def at_least_once(chances: Float, n_draws: int) -> Float:
    """The chance to come up at least once in n independent draws."""
    chance: Float = -np.expm1(n_draws * np.log1p(-np.minimum(chances, np.float32(0.999999))))
    return chance
