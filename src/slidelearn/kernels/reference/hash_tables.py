"""Hash tables over a layer's neurons, and the candidates they return."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from slidelearn.kernels.reference.random import below_for_sample, random_below
from slidelearn.kernels.types import Csr, Float, Ids


def build_tables(
    codes: Ids, *, n_buckets: int, bucket_size: int | None, fifo: bool, seed: int, n_threads: int
) -> tuple[Ids, Ids]:
    """Offsets (n_tables, n_buckets + 1) and ids (n_tables, most ids of a table) from codes (n_tables, n_neurons)."""
    tables = [
        [
            _keep(np.flatnonzero(row == bucket), bucket_size, fifo, seed, table << 32 | bucket)
            for bucket in range(n_buckets)
        ]
        for table, row in enumerate(codes)
    ]
    offsets = np.zeros((len(codes), n_buckets + 1), np.int32)
    np.cumsum([[len(bucket) for bucket in table] for table in tables], axis=1, out=offsets[:, 1:])
    ids = np.zeros((len(codes), offsets[:, -1].max(initial=0)), np.int32)
    for row, table_buckets, n in zip(ids, tables, offsets[:, -1], strict=True):
        row[:n] = np.concatenate(table_buckets)
    return offsets, ids


def _keep(came: NDArray[np.int64], size: int | None, fifo: bool, seed: int, stream: int) -> NDArray[np.int64]:
    """Who stays in a bucket: the last ones, or a reservoir (Vitter's algorithm R, 1985)."""
    slots = came[:size].copy()
    for before in range(len(slots), len(came)):
        slot = before % len(slots) if fifo else int(random_below(seed, stream, before, before + 1))
        if slot < len(slots):
            slots[slot] = came[before]
    return slots


def vanilla_candidates(
    codes: Ids, offsets: Ids, ids: Ids, *, n_neurons: int, n_candidates: int, seed: int | None, n_threads: int
) -> Csr:
    """Ids from tables in random order, each bucket from a random place on and round, until `n_candidates` are found.

    The order is the same for all samples where the seed is None.
    """

    def choose(buckets: list[Ids], sample: int) -> Ids:
        found: dict[int, None] = {}
        for i in range(len(buckets)):
            j = i + int(below_for_sample(seed, sample, 2 * i, len(buckets) - i))
            buckets[i], buckets[j] = buckets[j], buckets[i]
            if len(buckets[i]):
                start = int(below_for_sample(seed, sample, 2 * i + 1, len(buckets[i])))
                found.update(dict.fromkeys(np.roll(buckets[i], -start).tolist()))
        return np.sort(np.array(list(found)[:n_candidates], np.int32))

    return _candidates(codes, offsets, ids, choose)


def topk_candidates(codes: Ids, offsets: Ids, ids: Ids, *, n_neurons: int, n_candidates: int, n_threads: int) -> Csr:
    """The `n_candidates` ids found in the most tables; of equals, the lowest."""

    def choose(buckets: list[Ids], sample: int) -> Ids:
        found, agreement = np.unique(np.concatenate(buckets), return_counts=True)
        return np.sort(found[np.argsort(-agreement, kind="stable")[:n_candidates]])

    return _candidates(codes, offsets, ids, choose)


def threshold_candidates(codes: Ids, offsets: Ids, ids: Ids, *, n_neurons: int, min_tables: int, n_threads: int) -> Csr:
    """The ids found in at least `min_tables` tables."""

    def choose(buckets: list[Ids], sample: int) -> Ids:
        found, agreement = np.unique(np.concatenate(buckets), return_counts=True)
        return found[agreement >= min_tables]

    return _candidates(codes, offsets, ids, choose)


def _candidates(codes: Ids, offsets: Ids, ids: Ids, choose: Callable[[list[Ids], int], Ids]) -> Csr:
    """What `choose` takes from each sample's buckets, one per table."""
    chosen = [
        choose([ids[t, offsets[t, b] : offsets[t, b + 1]] for t, b in enumerate(sample_codes)], sample)
        for sample, sample_codes in enumerate(codes.T)
    ]
    indptr = np.cumsum([0, *(len(c) for c in chosen)], dtype=np.int64)
    no_data: Float = np.empty(0, np.float32)
    return Csr(indptr, np.concatenate([np.empty(0, np.int32), *chosen]), no_data)
