"""Verbs over a layer's rows: the layer fed by features, and layers with an active set."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from slidelearn.kernels.reference.dense import matmul
from slidelearn.kernels.reference.update import BIAS, step_row
from slidelearn.kernels.types import TAIL, Columns, Csr, Float, Ids, Offsets, Rows, UpdateRule

TINY_NORM = 1e-6
"""Added to lengths, so that a vector of zeros can be divided by its own."""

Doubles = NDArray[np.float64]


def allocate_rows(n_rows: int, stride: int) -> Float:
    """Rows of zeros, (n_rows, stride)."""
    return np.zeros((n_rows, stride), np.float32)


def touch_rows(rows: Float, ids: Ids, *, n_threads: int) -> None:
    """Add 1 to every element of the rows `ids`, which are distinct: what an update costs that computes nothing."""
    rows[ids] += 1


def gather_rows(rows: Rows, ids: Ids, unit: bool, *, n_threads: int) -> tuple[Float, Float, Float]:
    """The rows `ids`: weights (n, width), biases (n,), and if `unit`, which makes the weights so, lengths (n,)."""
    weights, biases = rows.memory[ids, : rows.width], rows.memory[ids, BIAS - TAIL]
    if not unit:
        return weights, biases, np.empty(0, np.float32)
    weights, norms = unit_rows(weights, n_threads=n_threads)
    return weights, biases, norms


def update_rows(rows: Rows, ids: Ids, d_weights: Float, d_biases: Float, rule: UpdateRule, *, n_threads: int) -> None:
    """One step on each of the distinct rows `ids` with its gradient."""
    for i, d_weight, d_bias in zip(ids, d_weights.astype(np.float64), d_biases, strict=True):
        step_row(rows, i, d_weight, d_bias, rule)


def column_sums(x: Float, *, n_threads: int) -> Float:
    """The sum of the rows of x, (n_columns,)."""
    sums = np.zeros(x.shape[1])
    for row in x:
        sums += row
    return sums.astype(np.float32)


def unit_rows(x: Float, *, n_threads: int) -> tuple[Float, Float]:
    """The rows of x (n, width) divided by their lengths, and their lengths (n,)."""
    norms = _norms(x)
    return (x / norms[:, None]).astype(np.float32), norms.astype(np.float32)


def unit_rows_backward(unit: Float, norms: Float, scale: float, d: Float, *, n_threads: int) -> None:
    """The gradient of x where ``scale * x / |x|`` has the gradient d, in place of d; zero where x is zero."""
    along = np.einsum("ij,ij->i", unit, d, dtype=np.float64)
    factors = np.where(norms > np.float32(TINY_NORM), scale / norms, 0.0)
    d[...] = factors[:, None] * (d - along[:, None] * unit)


def features_forward(x: Csr, rows: Rows, bias: Float | None = None, *, n_threads: int) -> Float:
    """``x W + bias``, (n_samples, width)."""
    hidden = np.zeros((x.n_rows, rows.width))
    for i, features, values in _entries(x):
        hidden[i] = values @ rows.memory[features, : rows.width].astype(np.float64)
    return (hidden if bias is None else hidden + bias).astype(np.float32)


def features_backward(x: Csr, d_hidden: Float, rows: Rows, rule: UpdateRule, *, hogwild: bool, n_threads: int) -> None:
    """One step on the row of each feature that occurs, or under HOGWILD one for each sample that it occurs in."""
    d_hidden = d_hidden.astype(np.float64)
    if hogwild:
        for i, features, values in _entries(x):
            for feature, value in zip(features, values, strict=True):
                step_row(rows, feature, value * d_hidden[i], 0.0, rule)
        return
    samples = np.repeat(np.arange(x.n_rows), np.diff(x.indptr))
    for feature in np.unique(x.indices):
        here = x.indices == feature
        step_row(rows, feature, x.data[here] @ d_hidden[samples[here]], 0.0, rule)


def shared_backward(
    rows: Rows,
    ids: Ids,
    weights: Float,
    norms: Float | None,
    x: Float,
    d_logits: Float,
    scale: float,
    rule: UpdateRule,
    *,
    bf16: bool = False,
    n_threads: int,
) -> Float:
    """One step on each of the distinct rows `ids`, active for all samples; gives ``d_logits weights``.

    `weights` (n, width) are the rows as `gather_rows` gives them, with `norms` where logits are ``scale * cos(x, w)``;
    x (n_samples, width) has rows of length 1 then. `d_logits` is (n_samples, n). `bf16` is that of `matmul`.
    """
    d_x = matmul(d_logits, weights, bf16=bf16, n_threads=n_threads)
    d_weights = matmul(d_logits, x, transpose_a=True, bf16=bf16, n_threads=n_threads)
    if norms is not None:
        unit_rows_backward(weights, norms, scale, d_weights, n_threads=n_threads)
    update_rows(rows, ids, d_weights, column_sums(d_logits, n_threads=n_threads), rule, n_threads=n_threads)
    return d_x


def transpose(matrix: Csr) -> tuple[Ids, Offsets, Ids, Ids]:
    """The `Columns` of a matrix: its entries sorted by column, those of a column by row."""
    entries = np.argsort(matrix.indices, kind="stable").astype(np.int32)
    ids, begins = np.unique(matrix.indices[entries], return_index=True)
    samples = np.repeat(np.arange(matrix.n_rows, dtype=np.int32), np.diff(matrix.indptr))
    return ids, np.append(begins, len(entries)).astype(np.int64), samples[entries], entries


def sampled_forward(
    rows: Rows, active: Csr, hidden: Float, scale: float, columns: Columns | None = None, *, n_threads: int
) -> Float:
    """One logit for each entry of `active`: ``h . w + bias``, or ``scale * h . w / |w| + bias`` if scale > 0.

    `columns`, the transpose of `active`, lets the native verb visit a row once for all samples that have it active.
    """
    logits = [np.empty(0)]
    for i, neurons, _ in _entries(active):
        w = _weights(rows, neurons)
        products = w @ hidden[i].astype(np.float64)
        logits.append((scale * products / _norms(w) if scale else products) + rows.memory[neurons, BIAS - TAIL])
    return np.concatenate(logits).astype(np.float32)


def sampled_forward_sparse(rows: Rows, active: Csr, hidden: Csr, *, n_threads: int) -> Float:
    """One logit for each entry of `active`, from the active neurons of the layer below."""
    return sampled_forward(rows, active, _dense(hidden, rows.width), 0.0, n_threads=n_threads)


def sampled_backward(
    rows: Rows,
    active: Csr,
    d_logits: Float,
    hidden: Float,
    scale: float,
    rule: UpdateRule,
    columns: Columns | None = None,
    *,
    n_threads: int,
) -> Float:
    """The gradient of `hidden`, and one step on each active neuron.

    Without `columns`, the transpose of `active`, HOGWILD: one step on each active neuron for each of its samples.
    """
    d_hidden = np.zeros(hidden.shape)
    steps: dict[int, tuple[Doubles, float]] = {}
    for i, neurons, _ in _entries(active):
        for neuron, d in zip(neurons, d_logits[active.indptr[i] : active.indptr[i + 1]], strict=True):
            d_h, d_w = _d_logit(_weights(rows, neuron), hidden[i].astype(np.float64), scale)
            d_hidden[i] += d * d_h
            if columns is None:
                step_row(rows, neuron, d * d_w, d, rule)
            else:
                weight_sum, bias_sum = steps.get(neuron, (np.zeros(rows.width), 0.0))
                steps[neuron] = weight_sum + d * d_w, bias_sum + float(d)
    for neuron, (d_weights, d_bias) in steps.items():
        step_row(rows, neuron, d_weights, d_bias, rule)
    return d_hidden.astype(np.float32)


def sampled_backward_sparse(
    rows: Rows,
    active: Csr,
    d_logits: Float,
    hidden: Csr,
    rule: UpdateRule,
    columns: Columns | None = None,
    *,
    n_threads: int,
) -> Float:
    """The same from the active neurons of the layer below; only their coordinates are read, changed and given back."""
    d_hidden = np.zeros(len(hidden.data))
    steps: dict[int, tuple[Doubles, float]] = {}
    touched: dict[int, list[Ids]] = {}
    for i, neurons, _ in _entries(active):
        entries = slice(hidden.indptr[i], hidden.indptr[i + 1])
        coordinates, values = hidden.indices[entries], hidden.data[entries].astype(np.float64)
        for neuron, d in zip(neurons, d_logits[active.indptr[i] : active.indptr[i + 1]], strict=True):
            d_hidden[entries] += d * _weights(rows, neuron)[coordinates]
            if columns is None:
                step_row(rows, neuron, d * values, d, rule, coordinates)
            else:
                weight_sum, bias_sum = steps.get(neuron, (np.zeros(rows.width), 0.0))
                weight_sum[coordinates] += d * values
                steps[neuron] = weight_sum, bias_sum + float(d)
                touched.setdefault(neuron, []).append(coordinates)
    for neuron, (d_weights, d_bias) in steps.items():
        coordinates = np.unique(np.concatenate(touched[neuron]))
        step_row(rows, neuron, d_weights[coordinates], d_bias, rule, coordinates)
    return d_hidden.astype(np.float32)


def _d_logit(w: Doubles, h: Doubles, scale: float) -> tuple[Doubles, Doubles]:
    """The gradients of a logit with respect to h and w; h has length 1 where the logit is a cosine."""
    if not scale:
        return w, h
    norm = _norms(w)
    if norm <= TINY_NORM:
        return np.zeros_like(h), np.zeros_like(w)
    return scale * w / norm, scale / norm * (h - (h @ w) / norm * w / norm)


def _norms(x: NDArray[np.floating]) -> Doubles:
    return np.asarray(np.sqrt(np.sum(x.astype(np.float64) ** 2, axis=-1)) + TINY_NORM)


def _weights(rows: Rows, ids: int | Ids) -> Doubles:
    return rows.memory[ids, : rows.width].astype(np.float64)


def _dense(x: Csr, n_columns: int) -> Float:
    dense = np.zeros((x.n_rows, n_columns), np.float32)
    for i, columns, values in _entries(x):
        dense[i, columns] = values
    return dense


def _entries(matrix: Csr) -> Iterator[tuple[int, Ids, Doubles]]:
    """Row by row: its number, its column indices, its values (none where only the pattern matters)."""
    for i in range(matrix.n_rows):
        entries = slice(matrix.indptr[i], matrix.indptr[i + 1])
        yield i, matrix.indices[entries], matrix.data[entries].astype(np.float64)
