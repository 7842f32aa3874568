"""The table verbs against their twins."""

import numpy as np
import pytest

from slidelearn import kernels
from slidelearn.kernels.reference import hash_tables as reference

N_TABLES, N_BUCKETS, N_NEURONS, N_SAMPLES = 7, 12, 300, 40
THREADS = (1, 2, 4)


@pytest.fixture
def codes() -> kernels.Ids:
    """Buckets of the neurons: low ones crowded, the last one always empty."""
    share = np.random.default_rng(1).random((N_TABLES, N_NEURONS))
    return (share**2 * (N_BUCKETS - 1)).astype(np.int32)


@pytest.fixture
def queries() -> kernels.Ids:
    return np.random.default_rng(2).integers(0, N_BUCKETS, (N_TABLES, N_SAMPLES), np.int32)


@pytest.mark.parametrize("n_threads", THREADS)
@pytest.mark.parametrize("fifo", [False, True])
@pytest.mark.parametrize("bucket_size", [None, 1, 20, 1000])
def test_build_tables(codes: kernels.Ids, bucket_size: int | None, fifo: bool, n_threads: int) -> None:
    options = {"n_buckets": N_BUCKETS, "bucket_size": bucket_size, "fifo": fifo, "seed": 9}
    offsets, ids = kernels.build_tables(codes, **options, n_threads=n_threads)
    expected_offsets, expected_ids = reference.build_tables(codes, **options, n_threads=1)
    np.testing.assert_array_equal(offsets, expected_offsets)
    assert ids.shape == expected_ids.shape
    for row, expected, n in zip(ids, expected_ids, offsets[:, -1], strict=True):
        np.testing.assert_array_equal(row[:n], expected[:n])


@pytest.mark.parametrize("n_threads", THREADS)
@pytest.mark.parametrize("bucket_size", [None, 9])
@pytest.mark.parametrize("n_neurons", [N_NEURONS, 100 * N_NEURONS])
def test_candidates(
    codes: kernels.Ids, queries: kernels.Ids, n_neurons: int, bucket_size: int | None, n_threads: int
) -> None:
    """Of a layer that is narrow beside what its buckets hold, and of one that is wide."""
    tables = kernels.build_tables(codes, n_buckets=N_BUCKETS, bucket_size=bucket_size, fifo=False, seed=9, n_threads=1)
    for n_candidates in (1, 10, 60, 1000):
        found = kernels.topk_candidates(
            queries, *tables, n_neurons=n_neurons, n_candidates=n_candidates, n_threads=n_threads
        )
        expected = reference.topk_candidates(
            queries, *tables, n_neurons=n_neurons, n_candidates=n_candidates, n_threads=1
        )
        assert_same(found, expected)
        for seed in (4, None):
            vanilla = {"n_neurons": n_neurons, "n_candidates": n_candidates, "seed": seed}
            found = kernels.vanilla_candidates(queries, *tables, **vanilla, n_threads=n_threads)
            assert_same(found, reference.vanilla_candidates(queries, *tables, **vanilla, n_threads=1))
    for min_tables in (1, 2, N_TABLES):
        found = kernels.threshold_candidates(
            queries, *tables, n_neurons=n_neurons, min_tables=min_tables, n_threads=n_threads
        )
        expected = reference.threshold_candidates(
            queries, *tables, n_neurons=n_neurons, min_tables=min_tables, n_threads=1
        )
        assert_same(found, expected)


def assert_same(found: tuple[np.ndarray, ...], expected: kernels.Csr) -> None:
    for array, expected_array in zip(found, expected, strict=True):
        np.testing.assert_array_equal(array, expected_array)
        assert array.dtype == expected_array.dtype


@pytest.mark.parametrize("n_tables", [127, 128, 300])
def test_agreement_of_many_tables(n_tables: int) -> None:
    codes = np.random.default_rng(3).integers(0, 2, (n_tables, 50), np.int32)
    codes[:, 7] = 1  # in agreement with the query everywhere
    query = np.ones((n_tables, 1), np.int32)
    tables = kernels.build_tables(codes, n_buckets=2, bucket_size=None, fifo=False, seed=0, n_threads=1)
    for n_candidates in (1, 20, 50):
        options = {"n_neurons": 50, "n_candidates": n_candidates, "n_threads": 1}
        assert_same(
            kernels.topk_candidates(query, *tables, **options), reference.topk_candidates(query, *tables, **options)
        )
    _, found, _ = kernels.threshold_candidates(query, *tables, n_neurons=50, min_tables=n_tables, n_threads=1)
    np.testing.assert_array_equal(found, [7])


def test_ids_come_back_ascending_from_a_wide_layer() -> None:
    """More neurons than one word of the set's summary covers."""
    n_neurons = 300_000
    codes = (np.arange(n_neurons, dtype=np.int32) % 97 == 0).astype(np.int32)[None]
    tables = kernels.build_tables(codes, n_buckets=2, bucket_size=None, fifo=False, seed=0, n_threads=1)
    _, found, _ = kernels.threshold_candidates(
        np.array([[1, 1]], np.int32), *tables, n_neurons=n_neurons, min_tables=1, n_threads=1
    )
    np.testing.assert_array_equal(found, np.tile(np.arange(0, n_neurons, 97), 2))


@pytest.mark.parametrize("code", [-1, N_BUCKETS])
def test_codes_without_a_bucket_are_refused(codes: kernels.Ids, queries: kernels.Ids, code: int) -> None:
    tables = kernels.build_tables(codes, n_buckets=N_BUCKETS, bucket_size=None, fifo=False, seed=0, n_threads=1)
    codes[3, 5] = queries[3, 5] = code
    with pytest.raises(ValueError, match=r"codes must lie in \[0, 12\)"):
        kernels.build_tables(codes, n_buckets=N_BUCKETS, bucket_size=None, fifo=False, seed=0, n_threads=2)
    with pytest.raises(ValueError, match=r"codes must lie in \[0, 12\)"):
        kernels.threshold_candidates(queries, *tables, n_neurons=N_NEURONS, min_tables=1, n_threads=2)


def test_numbers_without_a_meaning_are_refused(codes: kernels.Ids, queries: kernels.Ids) -> None:
    tables = kernels.build_tables(codes, n_buckets=N_BUCKETS, bucket_size=None, fifo=False, seed=0, n_threads=1)
    for n_neurons in (-1, 2**31):
        with pytest.raises(ValueError, match=r"n_neurons must lie in \[0, 2\^31\)"):
            kernels.topk_candidates(queries, *tables, n_neurons=n_neurons, n_candidates=5, n_threads=2)
    with pytest.raises(ValueError, match="min_tables must be >= 1, but is 0"):
        kernels.threshold_candidates(queries, *tables, n_neurons=N_NEURONS, min_tables=0, n_threads=1)


def test_no_neurons(queries: kernels.Ids) -> None:
    tables = kernels.build_tables(
        np.empty((N_TABLES, 0), np.int32), n_buckets=N_BUCKETS, bucket_size=None, fifo=False, seed=0, n_threads=2
    )
    indptr, found, _ = kernels.topk_candidates(queries, *tables, n_neurons=0, n_candidates=5, n_threads=2)
    assert len(found) == 0
    assert not indptr.any()
