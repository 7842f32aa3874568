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
    bf16: bool = False,
    n_threads: int,
) -> Float:
    """``a b + bias``, (m, n); a (m, k) or its transpose, b (k, n) or its transpose, bias (n,).

    `bf16` rounds the elements of a and b to bfloat16 before they are multiplied, where the instruction set has it.
    """
    if bf16:
        a, b = _rounded_to_bf16(a), _rounded_to_bf16(b)
    product = (a.T if transpose_a else a).astype(np.float64) @ (b.T if transpose_b else b)
    return (product if bias is None else product + bias).astype(np.float32)


def _rounded_to_bf16(x: Float) -> Float:
    """The nearest number with 8 bits of mantissa; of two that are as near, the one that ends in 0."""
    bits = np.ascontiguousarray(x).view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
    return rounded.view(np.float32)
