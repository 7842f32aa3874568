"""The hash verbs against their twins."""

import numpy as np
import pytest

from slidelearn import kernels
from slidelearn.kernels.reference import hash_codes as reference

N_ROWS, N_INPUTS, N_TABLES = 150, 37, 5
THREADS = (1, 2, 4)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def sparse_rows(rng: np.random.Generator, share: float, n_rows: int = N_ROWS) -> kernels.Float:
    """Rows of a wider matrix, `share` of their elements 0, some rows wholly, and with equal values among the others."""
    wide = rng.integers(-9, 10, (n_rows, N_INPUTS + 11)).astype(np.float32)
    wide[rng.random(wide.shape) < share] = 0
    wide[::17] = 0
    return wide[:, :N_INPUTS]


def integer_projection(rng: np.random.Generator, n_hashes: int) -> kernels.Float:
    return rng.integers(-1, 2, (N_INPUTS, n_hashes)).astype(np.float32)


@pytest.mark.parametrize("n_threads", THREADS)
@pytest.mark.parametrize(("hashes_per_table", "n_buckets"), [(1, 2), (6, 64), (6, 100), (20, 1000)])
def test_simhash_codes(
    isa: str, rng: np.random.Generator, hashes_per_table: int, n_buckets: int, n_threads: int
) -> None:
    rows = sparse_rows(rng, 0.3, n_rows=500)
    projection = integer_projection(rng, N_TABLES * hashes_per_table)  # of integers, so sums are exact in any order
    thresholds = rng.integers(-3, 4, projection.shape[1]).astype(np.float32)
    options = {"n_tables": N_TABLES, "n_buckets": n_buckets, "n_threads": n_threads}
    expected = reference.simhash_codes(rows, projection, thresholds, **options)
    np.testing.assert_array_equal(kernels.simhash_codes(rows, projection, thresholds, **options), expected)
    np.testing.assert_array_equal(kernels.sign_codes(rows @ projection, thresholds, **options), expected)
    assert expected.min() >= 0
    assert expected.max() < n_buckets


@pytest.mark.parametrize("n_threads", THREADS)
def test_update_projections(isa: str, rng: np.random.Generator, n_threads: int) -> None:
    seen = np.ascontiguousarray(sparse_rows(rng, 0.3))
    projection = integer_projection(rng, 45)
    projections = seen @ projection
    rows = np.where(rng.random(seen.shape) < 0.1, sparse_rows(rng, 0.3), seen)
    kernels.update_projections(rows, projection, seen, projections, n_threads=n_threads)
    np.testing.assert_array_equal(seen, rows)
    np.testing.assert_array_equal(projections, rows @ projection)

    expected_seen, expected = np.zeros_like(rows), np.zeros_like(projections)
    reference.update_projections(rows, projection, expected_seen, expected, n_threads=1)
    np.testing.assert_array_equal(projections, expected)


@pytest.mark.parametrize("n_threads", THREADS)
@pytest.mark.parametrize("share_of_zeros", [0.0, 0.5, 0.97])
@pytest.mark.parametrize(
    ("hashes_per_table", "bin_size", "n_buckets"), [(1, 2, 2), (3, 8, 512), (3, 8, 500), (30, 5, 999)]
)
def test_wta_and_dwta_codes(
    isa: str,
    rng: np.random.Generator,
    hashes_per_table: int,
    bin_size: int,
    n_buckets: int,
    share_of_zeros: float,
    n_threads: int,
) -> None:
    rows = sparse_rows(rng, share_of_zeros)
    bins = rng.integers(0, N_INPUTS, (N_TABLES * hashes_per_table, bin_size), np.int32)
    options = {"n_tables": N_TABLES, "n_buckets": n_buckets, "n_threads": n_threads}
    expected = reference.wta_codes(rows, bins, **options)
    np.testing.assert_array_equal(kernels.wta_codes(rows, bins, **options), expected)
    assert expected.min() >= 0
    assert expected.max() < n_buckets
    expected = reference.dwta_codes(rows, bins, borrow_seed=5, **options)
    np.testing.assert_array_equal(kernels.dwta_codes(rows, bins, borrow_seed=5, **options), expected)


@pytest.mark.parametrize("n_threads", THREADS)
@pytest.mark.parametrize("share_of_zeros", [0.0, 0.5, 0.97])
@pytest.mark.parametrize(("hashes_per_table", "top_k"), [(1, 1), (4, 8), (7, 36)])
def test_doph_codes(
    rng: np.random.Generator, hashes_per_table: int, top_k: int, share_of_zeros: float, n_threads: int
) -> None:
    rows = sparse_rows(rng, share_of_zeros)
    n_hashes = N_TABLES * hashes_per_table
    ranks = np.stack([rng.permutation(N_INPUTS) for _ in range(-(-n_hashes // top_k))], axis=1).astype(np.int32)
    options = {"top_k": top_k, "n_hashes": n_hashes, "borrow_seed": 7, "n_tables": N_TABLES, "n_buckets": 300}
    expected = reference.doph_codes(rows, ranks, **options, n_threads=1)
    np.testing.assert_array_equal(kernels.doph_codes(rows, ranks, **options, n_threads=n_threads), expected)
    assert len(np.unique(expected)) > 10


def test_values_that_are_no_numbers_break_nothing(isa: str) -> None:
    rows = np.full((20, N_INPUTS), np.nan, np.float32)
    bins = np.arange(30, dtype=np.int32).reshape(6, 5)
    options = {"n_tables": 2, "n_buckets": 50, "n_threads": 1}
    for codes in (
        kernels.wta_codes(rows, bins, **options),
        kernels.dwta_codes(rows, bins, borrow_seed=1, **options),
        kernels.doph_codes(
            rows, np.arange(N_INPUTS, dtype=np.int32)[:, None], top_k=5, n_hashes=4, borrow_seed=1, **options
        ),
    ):
        assert codes.min() >= 0
        assert codes.max() < 50


def test_no_rows(isa: str) -> None:
    rows = np.empty((0, N_INPUTS), np.float32)
    bins = np.zeros((6, 2), np.int32)
    assert kernels.wta_codes(rows, bins, n_tables=3, n_buckets=4, n_threads=2).shape == (3, 0)


def test_rows_without_coordinates(isa: str) -> None:
    rows, options = np.empty((20, 0), np.float32), {"n_tables": 2, "n_buckets": 50, "n_threads": 2}
    bins, projection = np.empty((4, 0), np.int32), np.empty((0, 4), np.float32)
    for codes in (
        kernels.wta_codes(rows, bins, **options),
        kernels.dwta_codes(rows, bins, borrow_seed=1, **options),
        kernels.simhash_codes(rows, projection, np.zeros(4, np.float32), **options),
        kernels.doph_codes(rows, np.empty((0, 3), np.int32), top_k=5, n_hashes=4, borrow_seed=1, **options),
    ):
        np.testing.assert_array_equal(codes, np.zeros((2, 20)))


def test_rows_of_another_width_are_refused() -> None:
    rows, projection = np.zeros((3, 5), np.float32), np.zeros((6, 8), np.float32)
    with pytest.raises(ValueError, match="rows must have 6 coordinates, but have 5"):
        kernels.simhash_codes(rows, projection, np.zeros(8, np.float32), n_tables=2, n_buckets=16, n_threads=1)


def test_bins_outside_the_rows_are_refused() -> None:
    with pytest.raises(ValueError, match=r"bins must lie in \[0, 5\)"):
        kernels.wta_codes(
            np.zeros((3, 5), np.float32), np.full((4, 2), 5, np.int32), n_tables=2, n_buckets=4, n_threads=1
        )


def test_projections_that_are_written_to_are_never_copies(rng: np.random.Generator) -> None:
    rows, projection = (rng.standard_normal(shape, np.float32) for shape in ((4, 6), (6, 8)))
    seen, projections = np.zeros((4, 6), np.float32), np.zeros((4, 16), np.float32)
    with pytest.raises(TypeError):
        kernels.update_projections(rows, projection, seen, projections[:, ::2], n_threads=1)
