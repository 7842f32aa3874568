"""Verbs over dense matrices."""

from __future__ import annotations

import numpy as np

from slidelearn.kernels.types import Float


def matmul(
    a: Float,
    b: Float,
    transpose_a: bool = False,
    transpose_b: bool = False,
    bias: Float | None = None,
    *,
    n_threads: int,
) -> Float:
    """``a b + bias``, (m, n); a (m, k) or its transpose, b (k, n) or its transpose, bias (n,)."""
    product = (a.T if transpose_a else a).astype(np.float64) @ (b.T if transpose_b else b)
    return (product if bias is None else product + bias).astype(np.float32)
