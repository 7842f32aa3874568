"""The best of all rows, compared exactly or scanned by 8-bit integers first."""

from __future__ import annotations

import numpy as np

from slidelearn.kernels.reference.update import BIAS
from slidelearn.kernels.types import TAIL, WIDEST_QUANTIZED, Codes8, Float, Ids, QuantizedRows, Rows

PANEL = 48
LEAST_SPARE, SPARE_SHARE = 16, 8


def exact_top_k(rows: Rows, scales: Float | None, hidden: Float, k: int, *, n_threads: int) -> tuple[Ids, Float]:
    """Ids and scores ``h . w * scale + bias``, (n_samples, k) each, of the k best of all rows; best first."""
    scores = exact_logits(rows, scales, hidden, n_threads=n_threads)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return best.astype(np.int32), np.take_along_axis(scores, best, axis=1)


def exact_logits(rows: Rows, scales: Float | None, hidden: Float, *, n_threads: int) -> Float:
    """What `exact_top_k` compares: ``h . w * scale + bias`` of all rows, (n_samples, n_rows)."""
    products = hidden.astype(np.float64) @ rows.memory[:, : rows.width].T
    return (products * (1.0 if scales is None else scales) + rows.memory[:, BIAS - TAIL]).astype(np.float32)


def scans_int8() -> bool:
    """Whether `scan_top_k` is quicker than `exact_top_k` on this machine; NumPy never is."""
    return False


def quantize_rows(rows: Rows, scales: Float | None, *, n_threads: int) -> tuple[Codes8, Float, Ids, Float]:
    """`QuantizedRows`: the largest magnitude of each row becomes 127; the factors hold the scales, too."""
    n_rows, width = len(rows.memory), rows.width
    if width > WIDEST_QUANTIZED:
        raise ValueError(f"rows must be at most {WIDEST_QUANTIZED} wide to be rounded, but are {width}")
    rounded, steps = _rounded(rows.memory[:, :width])
    n, depth = -(-n_rows // PANEL) * PANEL, -(-width // 4) * 4
    codes = np.zeros((n, depth), np.int8)
    codes[:n_rows, :width] = rounded
    factors, corrections, biases = np.zeros(n, np.float32), np.zeros(n, np.int32), np.full(n, -np.inf, np.float32)
    factors[:n_rows] = steps if scales is None else steps * scales
    corrections[:n_rows] = -128 * rounded.sum(axis=1)
    biases[:n_rows] = rows.memory[:, BIAS - TAIL]
    panels = codes.reshape(-1, PANEL, depth // 4, 4).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(panels).reshape(-1), factors, corrections, biases


def scan_top_k(
    rows: Rows, scales: Float | None, quantized: QuantizedRows, hidden: Float, k: int, *, n_threads: int
) -> tuple[Ids, Float]:
    """As `exact_top_k`, but among the few more than k rows that are best by products of 8-bit integers."""
    n_rows = len(rows.memory)
    n_scanned = min(n_rows, k + max(k // SPARE_SHARE, LEAST_SPARE))
    panels = quantized.codes.reshape(-1, -(-rows.width // 4), PANEL, 4).transpose(0, 2, 1, 3)
    codes = panels.reshape(-1, -(-rows.width // 4) * 4)[:n_rows, : rows.width]
    rounded, steps = _rounded(hidden)
    sums = (rounded.astype(np.float64) @ codes.T).astype(np.float32)
    rough = steps[:, None] * (quantized.factors[:n_rows] * sums) + quantized.biases[:n_rows]
    scanned = np.argsort(-rough, axis=1, kind="stable")[:, :n_scanned]
    order, logits = exact_top_k(rows, scales, hidden, n_rows, n_threads=n_threads)
    best, scores = np.empty((len(hidden), k), np.int32), np.empty((len(hidden), k), np.float32)
    for i in range(len(hidden)):
        kept = np.flatnonzero(np.isin(order[i], scanned[i]))[:k]
        best[i], scores[i] = order[i, kept], logits[i, kept]
    return best, scores


def _rounded(x: Float) -> tuple[Ids, Float]:
    """Codes in [-127, 127], and what one is worth in each row."""
    highest = np.abs(x).max(axis=1, initial=0.0)
    inverse = np.divide(np.float32(127), highest, out=np.zeros_like(highest), where=highest > 0)
    return np.rint(x * inverse[:, None]).astype(np.int32), highest / np.float32(127)
