"""The active set of each batch that a head is given: no training set is known, so labels are counted as they come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slidelearn.batches import Batch
from slidelearn.config import Config
from slidelearn.kernels import Csr, Float, Ids
from slidelearn.network.active import ActiveSet, all_neurons, shared_set
from slidelearn.network.layers import Execution
from slidelearn.network.samplers import DrawingSampler, MemorySampler, Sampler, at_least_once, population_of

Counts = NDArray[np.int64]


class ActiveSets:
    """Chooses one active set for each batch: its own labels, and those that the samplers of the options add.

    Parameters
    ----------
    config
        The options on samplers and the log-Q correction; ``lsh`` and `active_set` have no part in it.
    n_labels
        Of the head.
    n_samples
        Of the training set, where that is known: places in the hard-negative memory.
    label_counts
        Training samples of each label, (n_labels,), where that is known; else labels are counted as they come.
    """

    def __init__(self, config: Config, n_labels: int, n_samples: int | None, label_counts: Counts | None) -> None:
        self._config, self._n_labels = config, n_labels
        self._counts_come = label_counts is None
        self._counts = np.zeros(n_labels, np.int64) if label_counts is None else label_counts
        self._n_counted = np.full((), 0 if label_counts is None else n_samples, np.int64)
        self._n_sets = np.zeros((), np.int64)
        """Active sets chosen for learning: with the seed it says what is drawn next."""
        self._memory: MemorySampler | None = None
        if "memory" in config.samplers:
            if n_samples is None:
                raise ValueError("sampler 'memory' needs n_samples, the number of training samples")
            self._memory = MemorySampler(np.full((n_samples, config.n_hard_negatives), -1, np.int32))
        self.counts_changed()

    def counts_changed(self) -> None:
        """Draw by the label counts as they are now."""
        self._drawing: list[DrawingSampler] = []
        for name in ("uniform", "frequency"):
            if name in self._config.samplers:
                population = self._population() if name == "frequency" else None
                drawing = DrawingSampler(self._n_labels, self._config.n_negatives, population, per_sample=False)
                self._drawing.append(drawing)

    def named_arrays(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """What choosing depends on, beside the options."""
        yield from (("label_counts", self._counts), ("n_counted", self._n_counted), ("n_sets", self._n_sets))
        if self._memory:
            yield "memory", self._memory.memory

    @property
    def has_memory(self) -> bool:
        """Whether batches that are learned from must tell which samples they hold."""
        return self._memory is not None

    def choose(self, hidden: Float, batch: Batch, run: Execution, *, learning: bool) -> ActiveSet:
        """The active set of a batch; without `learning` nothing is counted, and the next set is what it would be."""
        if learning and self._counts_come:
            np.add.at(self._counts, batch.labels.indices, 1)
            self._n_counted += batch.labels.n_rows
        if self._config.samplers == ("full",):
            return all_neurons(self._n_labels, batch.labels)
        rng = np.random.default_rng([self._config.random_state, int(self._n_sets)])
        self._n_sets += learning
        samplers: list[Sampler] = [*self._drawing]
        if self._memory and len(batch.sample_ids):
            samplers.append(self._memory)
        proposals = [sampler.propose(hidden, batch, int(rng.integers(2**63)), run) for sampler in samplers]
        active = shared_set(batch.labels, [p.indices if isinstance(p, Csr) else p for p in proposals])
        return ActiveSet(active.ids, None, active.labels, self._log_q(active.ids, batch.labels.n_rows))

    def observe(self, batch: Batch, active: ActiveSet, logits: Float, run: Execution) -> None:
        """Keep each sample's highest wrong labels, where there is a memory."""
        if self._memory:
            self._memory.observe(batch, active, logits, run)

    def _population(self) -> Ids:
        if not self._counts.any():
            raise ValueError("sampler 'frequency' needs label_counts, the number of training samples of each label")
        return population_of(self._counts, self._config.frequency_power)

    def _log_q(self, ids: Ids, batch_size: int) -> Float | None:
        """beta * log q of these labels, q being the chance that a label is in; the memory has no part in it.

        A label's frequency is at least one sample: `slidelearn.network.sampling` has the reasons.
        """
        in_batch = "batch" in self._config.samplers
        if not self._config.log_q_strength or not (in_batch or self._drawing):
            return None
        left_out = np.ones(len(ids))
        if in_batch:
            n = max(int(self._n_counted), 1)
            frequencies = np.clip(self._counts[ids] / n, 1.0 / n, 0.999).astype(np.float32)
            left_out *= 1.0 - at_least_once(frequencies, batch_size)
        for sampler in self._drawing:
            left_out *= 1.0 - sampler.inclusion()[ids]
        inclusion = np.maximum(1.0 - left_out, np.finfo(np.float32).tiny)
        return (self._config.log_q_strength * np.log(inclusion)).astype(np.float32)
