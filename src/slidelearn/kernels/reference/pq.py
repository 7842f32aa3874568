"""Rows as codes of product quantisation, and the best rows by them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from slidelearn.kernels.reference.update import BIAS
from slidelearn.kernels.types import TAIL, Float, Ids, PqRows, Rows

BLOCK, PART, CODEWORDS = 64, 4, 16


def n_parts(width: int) -> int:
    """Parts of four coordinates, an even number."""
    return -(-width // (2 * PART)) * 2


def pq_encode(
    rows: Rows, scales: Float | None, ids: Ids, codewords: Float, *, n_threads: int
) -> tuple[NDArray[np.uint8], Float]:
    """The codes and the biases of the rows `ids`, in blocks of 64; -1 for no row, which has the lowest bias there is.

    A code is the number of the codeword that is nearest to a part of the row times its scale.
    """
    parts, words = n_parts(rows.width), codewords.reshape(-1, PART, CODEWORDS)
    there = ids >= 0
    x = np.zeros((len(ids), parts * PART), np.float32)
    x[:, : rows.width] = rows.memory[ids, : rows.width]
    scale = np.ones(len(ids), np.float32) if scales is None else scales[ids]
    products = np.einsum("npd,pdc->npc", x.reshape(-1, parts, PART), words)
    nearness = scale[:, None, None] * products - np.float32(0.5) * np.square(words).sum(axis=1)
    nearest = nearness.argmax(axis=2).astype(np.uint8)
    nearest[~there] = 0
    both = nearest[:, 0::2] | nearest[:, 1::2] << 4
    in_bytes = both.reshape(-1, 2, BLOCK // 2, parts // 2).transpose(0, 3, 2, 1)
    biases = np.where(there, rows.memory[ids, BIAS - TAIL], np.finfo(np.float32).min).astype(np.float32)
    return np.ascontiguousarray(in_bytes).reshape(-1), biases


def pq_top_k(
    rows: Rows,
    scales: Float | None,
    index: PqRows,
    opened: Ids,
    hidden: Float,
    k: int,
    n_kept: int,
    *,
    n_threads: int,
) -> tuple[Ids, Float]:
    """Ids and exact scores of the k best of the `n_kept` rows that are best by codes, in the clusters `opened`.

    `opened` is (n_samples, n_opened). Gives (n_samples, k) ids and scores ``h . w * scale + bias``, best first, -1 and
    -inf where there are fewer.
    """
    parts = n_parts(rows.width)
    in_bytes = index.codes.reshape(-1, parts // 2, BLOCK // 2, 2)
    both = in_bytes.transpose(0, 3, 2, 1).reshape(-1, parts // 2)
    codes = np.stack([both & 15, both >> 4], axis=2).reshape(-1, parts)
    best, scores = np.full((len(hidden), k), -1, np.int32), np.full((len(hidden), k), -np.inf, np.float32)
    for i, x in enumerate(hidden):
        slots = np.concatenate(
            [np.arange(*(index.starts[cluster : cluster + 2] * BLOCK)) for cluster in np.unique(opened[i])]
        )
        rough = _rough(x, codes[slots], index.codewords) + index.biases[slots]
        kept = index.ids[slots[np.argsort(-rough, kind="stable")[:n_kept]]]
        kept = np.sort(kept[kept >= 0])
        products = (rows.memory[kept, : rows.width].astype(np.float64) @ x).astype(np.float32)
        logits = products * (np.float32(1) if scales is None else scales[kept]) + rows.memory[kept, BIAS - TAIL]
        order = np.argsort(-logits, kind="stable")[:k]
        best[i, : len(order)], scores[i, : len(order)] = kept[order], logits[order]
    return best, scores


def _rough(x: Float, codes: NDArray[np.uint8], codewords: Float) -> Float:
    """The inner products by tables of whole numbers up to 127, but for what is the same for all rows.

    Their sums have 16 bits: in very wide rows the numbers are smaller.
    """
    parts = codes.shape[1]
    highest = np.float32(min(127, 65535 // parts))
    padded = np.zeros(parts * PART, np.float32)
    padded[: len(x)] = x
    products = np.einsum("pd,pdc->pc", padded.reshape(parts, PART), codewords.reshape(parts, PART, CODEWORDS))
    products -= products.min(axis=1, keepdims=True)
    widest = products.max(initial=0)
    inverse = highest / widest if widest > 0 else np.float32(0)
    levels = np.rint(products * inverse).astype(np.int64)
    sums = levels[np.arange(parts), codes].sum(axis=1)
    rough: Float = sums.astype(np.float32) * (widest / highest)
    return rough
