"""Where the rows of labels start: in the direction of the sum of their samples' hidden vectors."""

from __future__ import annotations

import numpy as np

from slidelearn import kernels
from slidelearn.batches import SampleSource
from slidelearn.kernels import Csr, Float, UpdateRule
from slidelearn.network.layers import Execution, densify
from slidelearn.network.network import Network
from slidelearn.network.optim import ParameterRows

_ADD = UpdateRule(kind=0, learning_rate=1.0, beta_1=0.0, beta_2=0.0, epsilon=0.0)
_BLOCK = 8192


def start_label_rows(
    network: Network, samples: SampleSource, rng: np.random.Generator, run: Execution, first: int = 0
) -> None:
    """Give each label the direction of the sum of its samples' hidden vectors (PIFA of Chang et al., PECOS, 2020).

    Labels without samples start in a random direction. The labels before `first` stay as they are; `samples` must have
    none of them.
    """
    network.rebuild_tables(run.n_threads)  # sampled hidden layers need theirs to be computed at all
    for batch in samples.in_order(_BLOCK):
        hidden = network.forward_hidden(batch.features, seed=0, run=run).hidden
        dense = densify(hidden, network.output.n_inputs) if isinstance(hidden, Csr) else hidden
        add_samples(network.output.neurons, dense, batch.labels, run.n_threads, batch.weights)
    set_lengths(network.output.neurons, rng, first)
    network.output_rows_changed()


def add_samples(rows: ParameterRows, hidden: Float, labels: Csr, n_threads: int, weights: Float | None = None) -> None:
    """Add the direction of each sample's hidden vector, times its weight, to the rows of its labels."""
    unit, _ = kernels.unit_rows(hidden, n_threads=n_threads)
    each = np.ones(len(unit), np.float32) if weights is None else weights
    weighted = labels._replace(data=np.repeat(each, np.diff(labels.indptr)))
    kernels.features_backward(weighted, -unit, rows.rows, _ADD, hogwild=False, n_threads=n_threads)


def set_lengths(rows: ParameterRows, rng: np.random.Generator, first: int = 0) -> None:
    """Scale the rows from `first` on to length 1, rows of zeros in a random direction; their updates count from 0."""
    for begin in range(first, rows.n_rows, _BLOCK):
        block = rows.weights[begin : begin + _BLOCK]
        norms = np.sqrt(np.einsum("ij,ij->i", block, block))
        empty = norms == 0
        block[empty] = rng.standard_normal((int(empty.sum()), block.shape[1]), dtype=np.float32)
        norms[empty] = np.sqrt(block.shape[1])
        block /= norms[:, None]
    for name, state in rows.named_arrays():
        if name == "n_updates":
            state[first:] = 0
