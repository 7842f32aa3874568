"""The tables: who stays in a bucket, and who is found."""

import itertools
from typing import Any

import numpy as np
import pytest

from slidelearn.kernels import Csr, Ids
from slidelearn.lsh import HashTables


def build(codes: Any, n_buckets: int, **options: Any) -> HashTables:
    return HashTables.build(np.asarray(codes, np.int32), n_buckets, **{"n_threads": 1, **options})


def rows_of(found: Csr) -> list[list[int]]:
    return [found.indices[a:b].tolist() for a, b in itertools.pairwise(found.indptr)]


def bucket(tables: HashTables, table: int, number: int) -> Ids:
    return tables.ids[table, tables.offsets[table, number] : tables.offsets[table, number + 1]]


def test_each_bucket_holds_its_neurons() -> None:
    tables = build([[2, 0, 2, 2], [1, 1, 0, 0]], 3)
    assert [bucket(tables, 0, b).tolist() for b in range(3)] == [[1], [], [0, 2, 3]]
    assert [bucket(tables, 1, b).tolist() for b in range(3)] == [[2, 3], [0, 1], []]


def test_fifo_keeps_the_last() -> None:
    codes = np.arange(90, dtype=np.int32)[None] % 3
    tables = build(codes, 3, bucket_size=4, insertion="fifo")
    for number in range(3):
        assert sorted(bucket(tables, 0, number)) == [78 + number, 81 + number, 84 + number, 87 + number]


def test_reservoir_keeps_each_with_equal_chance() -> None:
    """4,000 buckets (one for each table) to which 40 neurons come, 10 of which may stay."""
    tables = build(np.zeros((4000, 40), np.int32), 1, bucket_size=10)
    assert tables.ids.shape == (4000, 10)
    times_kept = np.bincount(tables.ids.ravel(), minlength=40)
    # 1,000 expected, with a standard deviation of 27
    assert np.all(np.abs(times_kept - 1000) < 120)
    assert all(len(set(ids)) == 10 for ids in tables.ids[:100].tolist())


def test_reservoirs_depend_on_the_seed() -> None:
    codes = np.zeros((5, 100), np.int32)
    one, same, other = (build(codes, 1, bucket_size=10, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.ids, same.ids)
    assert not np.array_equal(one.ids, other.ids)


def test_stats() -> None:
    stats = build([[0, 0, 0, 3], [1, 1, 2, 2]], 4).stats()
    assert (stats.n_tables, stats.n_buckets, stats.longest_bucket) == (2, 4, 3)
    assert stats.mean_bucket == pytest.approx(2.0)
    assert stats.empty_share == pytest.approx(0.5)
    assert stats.dropped_share == 0


@pytest.mark.parametrize("insertion", ["reservoir", "fifo"])
def test_stats_count_who_was_dropped(insertion: str) -> None:
    stats = build([[0, 0, 0, 3], [1, 1, 2, 2]], 4, bucket_size=1, insertion=insertion).stats()
    assert stats.longest_bucket == 1
    assert stats.dropped_share == pytest.approx(0.5)


def test_memory_is_four_bytes_for_each_neuron_and_bucket() -> None:
    assert build(np.zeros((50, 1000), np.int32), 64).n_bytes == 4 * 50 * (1000 + 64 + 1)


# Neuron 0 is found by a sample with codes (0, 0, 0) in three tables, 1 in two, 2 and 3 in one, 4 in none.
AGREEMENT = [[0, 0, 0, 1, 1], [0, 0, 1, 1, 1], [0, 1, 1, 0, 1]]
SAMPLE = np.zeros((3, 1), np.int32)


@pytest.mark.parametrize(("min_tables", "expected"), [(1, [0, 1, 2, 3]), (2, [0, 1]), (3, [0])])
def test_threshold(min_tables: int, expected: list[int]) -> None:
    found = build(AGREEMENT, 2).candidates(SAMPLE, "threshold", min_tables=min_tables, n_threads=1)
    assert rows_of(found) == [expected]


@pytest.mark.parametrize(("n_candidates", "expected"), [(1, [0]), (2, [0, 1]), (3, [0, 1, 2]), (9, [0, 1, 2, 3])])
def test_topk_prefers_agreement_then_low_ids(n_candidates: int, expected: list[int]) -> None:
    found = build(AGREEMENT, 2).candidates(SAMPLE, "topk", n_candidates=n_candidates, n_threads=1)
    assert rows_of(found) == [expected]


def test_vanilla_stops_when_it_has_enough() -> None:
    tables = build(np.zeros((4, 100), np.int32), 1)
    found = tables.candidates(np.zeros((4, 500), np.int32), "vanilla", n_candidates=30, seed=3, n_threads=2)
    rows = rows_of(found)
    assert all(len(row) == 30 and row == sorted(set(row)) for row in rows)
    # 150 expected, with a standard deviation of 10
    times_found = np.bincount(found.indices, minlength=100)
    assert np.all(np.abs(times_found - 150) < 50)


def test_vanilla_looks_up_every_table_when_it_must() -> None:
    found = build(AGREEMENT, 2).candidates(SAMPLE, "vanilla", n_candidates=100, n_threads=1)
    assert rows_of(found) == [[0, 1, 2, 3]]


def test_vanilla_takes_the_tables_in_random_order() -> None:
    """Each table has a neuron of its own in the samples' bucket, and one candidate is asked for."""
    codes = 1 - np.eye(5, dtype=np.int32)
    found = build(codes, 2).candidates(np.zeros((5, 1000), np.int32), "vanilla", n_candidates=1, n_threads=1)
    assert np.all(np.abs(np.bincount(found.indices, minlength=5) - 200) < 60)


@pytest.mark.parametrize("selection", ["vanilla", "topk", "threshold"])
def test_the_number_of_threads_changes_nothing(selection: Any) -> None:
    rng = np.random.default_rng(1)
    codes, queries = rng.integers(0, 8, (10, 3000), np.int32), rng.integers(0, 8, (10, 200), np.int32)
    results = []
    for n_threads in (1, 2, 4):
        tables = build(codes, 8, bucket_size=100, n_threads=n_threads)
        found = tables.candidates(queries, selection, n_candidates=50, min_tables=2, seed=2, n_threads=n_threads)
        results.append((tables.offsets, tables.ids, *found))
    for other in results[1:]:
        for array, expected in zip(other, results[0], strict=True):
            np.testing.assert_array_equal(array, expected)
