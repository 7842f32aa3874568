"""The layers, each with its backward pass right under its forward pass.

A backward pass also takes the optimizer's step on the rows it touches: gradients of parameters are never stored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slidelearn import kernels
from slidelearn.kernels import NO_DATA, WIDEST_QUANTIZED, Csr, Float, Ids, QuantizedRows, UpdateRule
from slidelearn.network.active import ActiveSet
from slidelearn.network.optim import ParameterRows

MANY = 2048
"""Active neurons of a shared set above which one verb does the whole backward pass, block by block, so that the logits
and gradients of a block stay in cache."""
MOST_KEPT = 1024
"""The most neurons that a scan keeps in order as it goes: if more are asked for, it is quicker to sort all of them."""
SORTED_TOGETHER = 64
"""Samples whose logits of all neurons are held in memory to be sorted."""


@dataclass(frozen=True)
class Execution:
    """How a step runs: on how many threads, and whether they may write to the same row unlocked."""

    n_threads: int
    hogwild: bool = False


class SparseInput:
    """``hidden = X W + bias``: one row of W per feature, read and updated for the features that occur only."""

    def __init__(self, n_features: int, width: int, optimizer: str, *, bias: bool) -> None:
        self.features = ParameterRows(n_features, width, optimizer)
        self.bias = ParameterRows(1, width, optimizer) if bias else None

    def grow(self, places: Ids, n_features: int) -> None:
        """Have so many features: the rows so far move to their places, those of the others are zero."""
        self.features = self.features.spread(places, n_features)

    def forward(self, x: Csr, run: Execution) -> Float:
        """(n_samples, width) float32."""
        bias = self.bias.weights[0] if self.bias else None
        return kernels.features_forward(x, self.features.rows, bias, n_threads=run.n_threads)

    def backward(self, x: Csr, d_hidden: Float, rule: UpdateRule, run: Execution) -> None:
        """One step on the rows of the features in `x`."""
        kernels.features_backward(x, d_hidden, self.features.rows, rule, hogwild=run.hogwild, n_threads=run.n_threads)
        if self.bias:
            d_bias = d_hidden.sum(axis=0, keepdims=True)
            self.bias.update(np.zeros(1, np.int32), d_bias, np.zeros(1, np.float32), rule, run.n_threads)


@dataclass(frozen=True)
class LayerPass:
    """What a forward pass leaves for the backward pass."""

    active: ActiveSet
    logits: Float
    """(n_samples, n_ids) for a shared active set, (n_entries,) for one set per sample."""
    x: Float | Csr
    """The layer's input; of length 1 where logits are cosines."""
    x_norms: Float
    weights: Float
    """The active rows, of length 1 where logits are cosines; empty where every sample has its own."""
    weight_norms: Float


class NeuronLayer:
    """A layer whose neurons are rows, computed where they are active: hidden layers and the wide output.

    Logits are inner products ``x . w + bias``, or cosines ``scale * cos(x, w) + bias`` if `scale` > 0. The input is
    dense (n_samples, n_inputs), or a `Csr` of the active neurons of a sampled layer below: then gradients touch active
    neurons x active inputs only. `bf16`: products of a shared active set round their factors to bfloat16.
    """

    def __init__(
        self, n_inputs: int, n_neurons: int, optimizer: str, *, scale: float = 0.0, bf16: bool = False
    ) -> None:
        self.neurons = ParameterRows(n_neurons, n_inputs, optimizer)
        self.scale = scale
        self._bf16 = bf16
        self._scales: Float | None = None
        self._quantized: QuantizedRows | None = None
        """With the scales, what answers need beside the rows; kept until the rows change."""

    @property
    def n_inputs(self) -> int:
        """Width of a row."""
        return self.neurons.rows.width

    @property
    def n_neurons(self) -> int:
        """Number of rows."""
        return self.neurons.n_rows

    def resize(self, kept: Ids, n_neurons: int) -> None:
        """Have so many neurons: those of `kept`, and then new ones, whose rows are zero."""
        self.neurons = self.neurons.resized(kept, n_neurons)
        self.rows_changed()

    def rows_changed(self) -> None:
        """Drop what was made of the rows for answers, as it is out of date."""
        self._scales = self._quantized = None

    def forward(self, x: Float | Csr, active: ActiveSet, run: Execution) -> LayerPass:
        """The logits of the active neurons."""
        rows, threads = self.neurons.rows, run.n_threads
        if isinstance(x, Csr):
            if not self.scale:
                logits = kernels.sampled_forward_sparse(rows, active.csr, x, n_threads=threads)
                return LayerPass(active, self._shaped(logits, active), x, NO_DATA, NO_DATA, NO_DATA)
            x = densify(x, rows.width)  # a cosine needs the whole of both vectors
        x_norms = NO_DATA
        if self.scale:
            x, x_norms = kernels.unit_rows(x, n_threads=threads)
        if not active.shared:
            columns = None if run.hogwild else active.columns
            logits = kernels.sampled_forward(rows, active.csr, x, self.scale, columns, n_threads=threads)
            return LayerPass(active, logits, x, x_norms, NO_DATA, NO_DATA)
        weights, bias, norms = kernels.gather_rows(rows, active.ids, unit=self.scale > 0, n_threads=threads)
        scaled = x * np.float32(self.scale) if self.scale else x
        logits = kernels.matmul(scaled, weights, transpose_b=True, bias=bias, bf16=self._bf16, n_threads=threads)
        return LayerPass(active, logits, x, x_norms, weights, norms)

    def backward(self, done: LayerPass, d_logits: Float, rule: UpdateRule, run: Execution) -> Float | Csr:
        """Take one step on the active rows; return the gradient of the layer's input, in the input's form."""
        self.rows_changed()
        rows, threads = self.neurons.rows, run.n_threads
        # neuron by neuron, each row has one writer; without columns, samples write unlocked
        columns = None if run.hogwild or (done.active.shared and not isinstance(done.x, Csr)) else done.active.columns
        if isinstance(done.x, Csr):
            d_data = kernels.sampled_backward_sparse(
                rows, done.active.csr, d_logits.reshape(-1), done.x, rule, columns, n_threads=threads
            )
            return Csr(done.x.indptr, done.x.indices, d_data)
        if done.active.shared and len(done.active.ids) > MANY:
            return self._backward_by_blocks(done, d_logits, rule, threads)
        if done.active.shared:
            d_x, d_weights, d_bias = self.shared_gradients(done, d_logits, threads)
            self.neurons.update(done.active.ids, d_weights, d_bias, rule, threads)
            return d_x
        d_x = kernels.sampled_backward(
            rows, done.active.csr, d_logits, done.x, self.scale, rule, columns, n_threads=threads
        )
        if self.scale:  # the verb has applied it; the length of x is left
            kernels.unit_rows_backward(done.x, done.x_norms, 1.0, d_x, n_threads=threads)
        return d_x

    def shared_gradients(self, done: LayerPass, d_logits: Float, n_threads: int) -> tuple[Float, Float, Float]:
        """The gradients of the layer's dense input, of the rows of a shared active set, and of their biases."""
        assert not isinstance(done.x, Csr)
        d_x = kernels.matmul(d_logits, done.weights, bf16=self._bf16, n_threads=n_threads)
        d_weights = kernels.matmul(d_logits, done.x, transpose_a=True, bf16=self._bf16, n_threads=n_threads)
        if self.scale:
            kernels.unit_rows_backward(done.x, done.x_norms, self.scale, d_x, n_threads=n_threads)
            kernels.unit_rows_backward(done.weights, done.weight_norms, self.scale, d_weights, n_threads=n_threads)
        return d_x, d_weights, kernels.column_sums(d_logits, n_threads=n_threads)

    def _backward_by_blocks(self, done: LayerPass, d_logits: Float, rule: UpdateRule, n_threads: int) -> Float:
        """Take the step and return the gradient of the input, each thread working through blocks of rows of its own."""
        assert not isinstance(done.x, Csr)
        norms = done.weight_norms if self.scale else None
        d_x = kernels.shared_backward(
            self.neurons.rows,
            done.active.ids,
            done.weights,
            norms,
            done.x,
            d_logits,
            self.scale,
            rule,
            bf16=self._bf16,
            n_threads=n_threads,
        )
        if self.scale:
            kernels.unit_rows_backward(done.x, done.x_norms, self.scale, d_x, n_threads=n_threads)
        return d_x

    def top_k(self, x: Float, k: int, n_threads: int) -> tuple[Ids, Float]:
        """The k of all neurons with the highest logits, and these logits, (n_samples, k) each, best first."""
        x = self.as_query(x, n_threads)
        if k > MOST_KEPT:
            return self._top_of_many(x, k, n_threads)
        if not kernels.scans_int8() or self.n_inputs > WIDEST_QUANTIZED:
            return kernels.exact_top_k(self.neurons.rows, self.scales, x, k, n_threads=n_threads)
        return kernels.scan_top_k(self.neurons.rows, self.scales, self.quantized(n_threads), x, k, n_threads=n_threads)

    def _top_of_many(self, x: Float, k: int, n_threads: int) -> tuple[Ids, Float]:
        ids, logits = np.empty((len(x), k), np.int32), np.empty((len(x), k), np.float32)
        neurons = np.arange(self.n_neurons, dtype=np.int32)
        for begin in range(0, len(x), SORTED_TOGETHER):
            some = slice(begin, begin + SORTED_TOGETHER)
            found = kernels.exact_logits(self.neurons.rows, self.scales, x[some], n_threads=n_threads)
            ids[some] = kernels.best_places(np.tile(neurons, (len(found), 1)), found, k, n_threads=n_threads)
            logits[some] = np.take_along_axis(found, ids[some], axis=1)
        return ids, logits

    def as_query(self, x: Float, n_threads: int) -> Float:
        """The input as it is multiplied with rows: of length 1 where logits are cosines."""
        return kernels.unit_rows(x, n_threads=n_threads)[0] if self.scale else x

    def quantized(self, n_threads: int) -> QuantizedRows:
        """The rows in eight bits, for scanning."""
        if self._quantized is None:
            self._quantized = QuantizedRows(*kernels.quantize_rows(self.neurons.rows, self.scales, n_threads=n_threads))
        return self._quantized

    @property
    def scales(self) -> Float | None:
        """What turns ``x . w`` of a query x into a logit, (n_neurons,); None: 1."""
        if self.scale and self._scales is None:
            norms = np.sqrt(np.einsum("ij,ij->i", self.neurons.weights, self.neurons.weights)) + np.float32(1e-6)
            self._scales = (self.scale / norms).astype(np.float32)
        return self._scales

    @staticmethod
    def _shaped(logits: Float, active: ActiveSet) -> Float:
        return logits.reshape(active.n_samples, -1) if active.shared else logits


def densify(x: Csr, n_columns: int) -> Float:
    """The dense form of a sampled layer's activations, (n_samples, n_columns)."""
    dense = np.zeros((x.n_rows, n_columns), np.float32)
    dense[np.repeat(np.arange(x.n_rows), np.diff(x.indptr)), x.indices] = x.data
    return dense
