"""Hash codes: the buckets that vectors fall into, by SimHash, WTA, DWTA and DOPH."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from slidelearn.kernels.reference.random import mix32, random_below
from slidelearn.kernels.types import Float, Ids

EMPTY = -1
BORROW_ATTEMPTS = 100


def simhash_codes(
    rows: Float, projection: Float, thresholds: Float, *, n_tables: int, n_buckets: int, n_threads: int
) -> Ids:
    """Buckets (n_tables, n_rows) by the signs of ``rows @ projection - thresholds``, see `sign_codes`."""
    return sign_codes(rows @ projection, thresholds, n_tables=n_tables, n_buckets=n_buckets, n_threads=n_threads)


def sign_codes(projections: Float, thresholds: Float, *, n_tables: int, n_buckets: int, n_threads: int) -> Ids:
    """Buckets (n_tables, n_rows); the k-th hash of table t is column ``k * n_tables + t`` of the projections."""
    bits = (projections > thresholds).reshape(len(projections), -1, n_tables)
    return _buckets(bits.transpose(0, 2, 1), 2, n_buckets)


def update_projections(rows: Float, projection: Float, seen: Float, projections: Float, *, n_threads: int) -> None:
    """Bring `projections` of `seen` up to `rows`, and `seen` with them."""
    projections += (rows - seen) @ projection
    seen[...] = rows


def wta_codes(rows: Float, bins: Ids, *, n_tables: int, n_buckets: int, n_threads: int) -> Ids:
    """Buckets by the place of the largest coordinate in each bin (n_hashes, bin_size), the first of equals."""
    winners = rows[:, bins].argmax(axis=2)
    return _buckets(_by_table(winners, n_tables), bins.shape[1], n_buckets)


def dwta_codes(rows: Float, bins: Ids, *, borrow_seed: int, n_tables: int, n_buckets: int, n_threads: int) -> Ids:
    """As `wta_codes`, but coordinates that are 0 are missing, and bins without any other borrow their code."""
    contests = np.where(rows[:, bins] == 0, -np.inf, rows[:, bins])
    winners = np.where(contests.max(axis=2) == -np.inf, EMPTY, contests.argmax(axis=2))
    _borrow_codes(winners, borrow_seed)
    return _buckets(_by_table(winners, n_tables), bins.shape[1], n_buckets)


def doph_codes(
    rows: Float,
    ranks: Ids,
    *,
    top_k: int,
    n_hashes: int,
    borrow_seed: int,
    n_tables: int,
    n_buckets: int,
    n_threads: int,
) -> Ids:
    """Buckets by MinHash of the set of a row's `top_k` largest coordinates; 0 is missing, of equals the first is in.

    Each column of `ranks` (n_inputs, n_permutations) is cut into bins, one for each hash in its share; a hash's code is
    the lowest rank of the set in its bin.
    """
    n_inputs, n_permutations = ranks.shape
    n_bins = -(-n_hashes // n_permutations)
    hashes = np.arange(n_permutations) * n_bins + ranks.astype(np.int64) * n_bins // n_inputs
    codes = np.full((len(rows), n_permutations * n_bins), n_inputs)
    for row, code in zip(rows, codes, strict=True):
        present = np.flatnonzero((row < 0) | (row > 0))
        top = present[np.argsort(-row[present], kind="stable")[:top_k]]
        np.minimum.at(code, hashes[top], ranks[top])
    codes = codes[:, :n_hashes]
    codes[codes == n_inputs] = EMPTY
    _borrow_codes(codes, borrow_seed)
    return _buckets(_by_table(codes, n_tables), None, n_buckets)


def _by_table(codes: NDArray[np.int64], n_tables: int) -> NDArray[np.int64]:
    return codes.reshape(len(codes), n_tables, -1)


def _borrow_codes(codes: NDArray[np.int64], seed: int) -> None:
    """Fill the empty hashes (n_rows, n_hashes) from others, found by universal hashing of (hash, attempt)."""
    n_hashes = codes.shape[1]
    donors = random_below(seed, np.arange(n_hashes)[:, None], np.arange(BORROW_ATTEMPTS)[None, :], n_hashes)
    for code in codes:
        empty = np.flatnonzero(code == EMPTY)
        offered = code[donors[empty]]
        first_full = (offered != EMPTY).argmax(axis=1)
        code[empty] = np.maximum(offered[np.arange(len(empty)), first_full], 0)


def _buckets(digits: NDArray[np.bool_] | NDArray[np.int64], n_values: int | None, n_buckets: int) -> Ids:
    """Buckets (n_tables, n_rows) of digits (n_rows, n_tables, hashes_per_table): the number they spell, or its hash."""
    folded = n_values is None or n_values ** digits.shape[2] > n_buckets
    base = np.uint32(2654435761 if n_values is None or folded else n_values)
    numbers = np.zeros(digits.shape[:2], np.uint32)
    for k in range(digits.shape[2]):
        numbers = numbers * base + digits[:, :, k].astype(np.uint32)
    if folded:
        numbers = ((mix32(numbers).astype(np.uint64) * np.uint64(n_buckets)) >> np.uint64(32)).astype(np.uint32)
    return np.ascontiguousarray(numbers.T.astype(np.int32))
