"""Where the rows of labels start: in the direction of the sum of their samples' hidden vectors."""

from __future__ import annotations

import numpy as np

from slidelearn import kernels
from slidelearn.batches import SampleSource
from slidelearn.kernels import UpdateRule
from slidelearn.layers import Execution, densify
from slidelearn.network import Network


def start_label_rows(
    network: Network, samples: SampleSource, rng: np.random.Generator, run: Execution, first: int = 0
) -> None:
    """Give each label the direction of the sum of its samples' hidden vectors (PIFA of Chang et al., PECOS, 2020).

    Labels without samples start in a random direction. The labels before `first` stay as they are; `samples` must have
    none of them.
    """
    network.rebuild_tables(run.n_threads)  # sampled hidden layers need theirs to be computed at all
    rows = network.output.neurons
    everything = Execution(run.n_threads)
    add = UpdateRule(kind=0, learning_rate=1.0, beta_1=0.0, beta_2=0.0, epsilon=0.0)
    for batch in samples.in_order(8192):
        hidden = network.forward_hidden(batch.features, seed=0, run=everything).hidden
        dense = densify(hidden, network.output.n_inputs) if isinstance(hidden, kernels.Csr) else hidden
        unit, _ = kernels.unit_rows(dense, n_threads=run.n_threads)
        weights = np.ones(len(unit), np.float32) if batch.weights is None else batch.weights
        labels = batch.labels._replace(data=np.repeat(weights, np.diff(batch.labels.indptr)))
        kernels.features_backward(labels, -unit, rows.rows, add, hogwild=False, n_threads=run.n_threads)
    for begin in range(first, rows.n_rows, 8192):
        block = rows.weights[begin : begin + 8192]
        norms = np.sqrt(np.einsum("ij,ij->i", block, block))
        empty = norms == 0
        block[empty] = rng.standard_normal((int(empty.sum()), block.shape[1]), dtype=np.float32)
        norms[empty] = np.sqrt(block.shape[1])
        block /= norms[:, None]
    for name, state in rows.named_arrays():
        if name == "n_updates":
            state[first:] = 0
