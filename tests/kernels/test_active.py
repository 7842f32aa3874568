from __future__ import annotations

import numpy as np
import pytest
from support import assert_twins_agree, random_csr

from slidelearn import kernels
from slidelearn.kernels import NO_DATA, Csr, Ids, reference

N_NEURONS = 100


@pytest.mark.parametrize("min_active", [0, 20, N_NEURONS, 2 * N_NEURONS])
@pytest.mark.parametrize("n_common", [0, 15])
@pytest.mark.parametrize("n_samples", [0, 1, 50])
def test_assemble(rng: np.random.Generator, n_samples: int, n_common: int, min_active: int) -> None:
    labels = random_csr(rng, n_samples, N_NEURONS, 4, data=False)
    once = random_csr(rng, n_samples, N_NEURONS, 30, data=False)
    repeated = Csr(*kernels.join_rows(once, once))
    common = np.sort(rng.permutation(N_NEURONS)[:n_common]).astype(np.int32)
    drawn = random_csr(rng, n_samples, N_NEURONS, 10, data=False)
    for seed in (2**63 + 5, None):
        assert_twins_agree("assemble", labels, repeated, drawn, common, min_active, N_NEURONS, seed, n_terms=0)


def test_an_assembled_set_is_a_set_with_the_own_labels_first(rng: np.random.Generator) -> None:
    labels, found, drawn = (random_csr(rng, 30, N_NEURONS, n, data=False) for n in (4, 20, 20))
    none: Ids = np.empty(0, np.int32)
    indptr, ids, n_found, n_fill = kernels.assemble(labels, found, drawn, none, 30, N_NEURONS, 1, n_threads=2)
    for i in range(30):
        row = ids[indptr[i] : indptr[i + 1]]
        own, by_tables, by_chance = (
            set(m.indices[m.indptr[i] : m.indptr[i + 1]].tolist()) for m in (labels, found, drawn)
        )
        assert len(set(row.tolist())) == len(row) == max(30, len(row))
        assert set(row[: len(own)].tolist()) == own
        assert set(row[: n_found[i]].tolist()) == own | by_tables
        assert set(row[: len(row) - n_fill[i]].tolist()) == own | by_tables | by_chance


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (1, 1), (7, 300)])
@pytest.mark.parametrize("with_population", [False, True])
def test_draw(rng: np.random.Generator, shape: tuple[int, int], with_population: bool) -> None:
    population = rng.integers(1000, size=77, dtype=np.int32) if with_population else None
    for seed in (0, 2**64 - 1):
        expected = reference.draw(*shape, population, 77, seed)
        np.testing.assert_array_equal(kernels.draw(*shape, population, 77, seed), expected)


def test_draws_are_uniform() -> None:
    counts = np.bincount(kernels.draw(100, 1000, None, 50, seed=3).reshape(-1), minlength=50)
    chi_square = np.sum((counts - 2000.0) ** 2 / 2000.0)
    assert 27.2 < chi_square < 79.2  # 49 degrees of freedom: the middle 99% or so


@pytest.mark.parametrize("n", [0, 1, 5000])
@pytest.mark.parametrize("bound", [1, 100, 2**31 - 1])
def test_distinct(rng: np.random.Generator, n: int, bound: int) -> None:
    ids = rng.integers(bound, size=n, dtype=np.int32)
    for actual, expected in zip(kernels.distinct(ids), reference.distinct(ids), strict=True):
        assert actual.dtype == expected.dtype
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("n_rows", [0, 1, 60])
def test_join_rows_and_count_found(rng: np.random.Generator, n_rows: int) -> None:
    a, b = (random_csr(rng, n_rows, N_NEURONS, n, data=False) for n in (5, 60))
    for actual, expected in zip(kernels.join_rows(a, b), reference.join_rows(a, b), strict=True):
        np.testing.assert_array_equal(actual, expected)
    assert kernels.count_found(a, b) == reference.count_found(a, b)
    assert kernels.count_found(a, a) == len(a.indices)


@pytest.mark.parametrize("data", [False, True])
@pytest.mark.parametrize("n_taken", [0, 1, 100])
def test_take_rows(rng: np.random.Generator, n_taken: int, data: bool) -> None:
    matrix, rows = random_csr(rng, 40, N_NEURONS, 9, data=data), rng.integers(40, size=n_taken)
    for actual, expected in zip(kernels.take_rows(matrix, rows), reference.take_rows(matrix, rows), strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_refuses_rows_that_are_not_there() -> None:
    matrix = Csr(np.array([0, 1, 3]), np.array([4, 5, 6], np.int32), NO_DATA)
    with pytest.raises(ValueError, match=r"rows must lie in \[0, 2\)"):
        kernels.take_rows(matrix, np.array([2]))
    with pytest.raises(ValueError, match="indptr must not decrease"):
        kernels.take_rows(matrix._replace(indptr=np.array([0, 1, 9])), np.array([1]))
    with pytest.raises(ValueError, match="must have as many rows"):
        kernels.join_rows(matrix, matrix._replace(indptr=np.array([0, 3])))
    with pytest.raises(ValueError, match=r"ids must lie in \[0, 2147483648\)"):
        kernels.distinct(np.array([-1], np.int32))


def test_refuses_numbers_that_ids_do_not_hold() -> None:
    nobody, nothing = Csr(np.zeros(2, np.int64), np.empty(0, np.int32), NO_DATA), np.empty(0, np.int32)
    for n in (-1, 2**31):
        with pytest.raises(ValueError, match=r"n_neurons must lie in \[0, 2\^31\)"):
            kernels.assemble(nobody, nobody, nobody, nothing, 3, n, 0, n_threads=1)
    for n in (0, 2**31):
        with pytest.raises(ValueError, match=rf"n must lie in \[1, {2**31}\), but is {n}"):
            kernels.draw(1, 3, None, n, 0)


@pytest.mark.parametrize("n_columns", [1, 30, 2**31 - 1])  # fewer than entries: counted; many more: sorted
@pytest.mark.parametrize("n_rows", [0, 1, 60])
def test_transpose(rng: np.random.Generator, n_rows: int, n_columns: int) -> None:
    lengths = rng.integers(0, 9, n_rows)
    indptr = np.cumsum([0, *lengths], dtype=np.int64)
    matrix = Csr(indptr, rng.integers(n_columns, size=indptr[-1], dtype=np.int32), NO_DATA)
    for actual, expected in zip(kernels.transpose(matrix), reference.transpose(matrix), strict=True):
        assert actual.dtype == expected.dtype
        np.testing.assert_array_equal(actual, expected)
