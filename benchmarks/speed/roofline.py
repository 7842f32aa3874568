"""The least time that a step can take on the machine as it was measured."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from speed.contestants import Entry
from speed.shapes import Shape, random_data

N_PRODUCTS = 3
"""Of the output layer: logits, the gradient of the hidden layer, that of the active rows."""


def bytes_of_row(width: int, optimizer: str) -> int:
    """Weights, bias and the optimizer's state: m and v as large for Adam, a number for each for row-wise Adagrad."""
    return 4 * (3 * (width + 1) if optimizer == "adam" else width + 3)


def output_seconds(entry: Entry, shape: Shape, n_active: float, ceilings: Mapping[str, Any]) -> float:
    """Products at the processor's peak, then every active row read and written once; nothing overlaps.

    Rows of a full softmax lie side by side, those of a sampled one anywhere.
    """
    flops = N_PRODUCTS * 2 * shape.batch_size * n_active * shape.width
    peak = (ceilings["bf16_flops"] if entry.precision == "bf16" else None) or ceilings["fp32_flops"]
    bandwidth = ceilings["sequential_bytes" if entry.kind == "full" else "row_bytes"]
    return float(flops / peak + 2 * n_active * _row(entry, shape) / bandwidth)


def input_seconds(entry: Entry, shape: Shape, n_features: float, ceilings: Mapping[str, Any]) -> float:
    """The same for the rows of a batch's features; there are two products, and their factor is sparse."""
    flops = 2 * 2 * shape.batch_size * shape.features_per_sample * shape.width
    return float(flops / ceilings["fp32_flops"] + 2 * n_features * _row(entry, shape) / ceilings["row_bytes"])


def _row(entry: Entry, shape: Shape) -> int:
    return bytes_of_row(shape.width, "adagrad" if entry.kind == "recipe" else "adam")


def distinct_features(shape: Shape, seed: int) -> float:
    """Of a batch, on average."""
    data = random_data(shape, seed)
    ends = data.indptr[:: shape.batch_size]
    return float(np.mean([len(np.unique(data.indices[i:j])) for i, j in pairwise(ends)]))
