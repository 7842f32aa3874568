"""The hash families: their laws of collision."""

import itertools
from typing import Any

import numpy as np
import pytest

from slidelearn.config import Config, make_config
from slidelearn.kernels import Float
from slidelearn.lsh import Doph, Dwta, HashFamily, SimHash, Wta, make_family

FAMILIES = ("simhash", "wta", "dwta", "doph")
N_INPUTS = 64


def family(name: str, n_inputs: int = N_INPUTS, seed: int = 0, **options: Any) -> HashFamily:
    config = make_config(**{"hash_family": name, "n_tables": 20, "hashes_per_table": 3, **options})
    return make_family(config, n_inputs, np.random.default_rng(seed))


def agreement(hashes: HashFamily, a: Float, b: Float) -> float:
    """Share of the (pair, table) in which a row of `a` and that of `b` fall into the same bucket."""
    return float(np.mean(hashes.codes(a, n_threads=1) == hashes.codes(b, n_threads=1)))


def vectors(n: int, n_inputs: int = N_INPUTS, seed: int = 5) -> Float:
    return np.random.default_rng(seed).standard_normal((n, n_inputs)).astype(np.float32)


def at_cosine(a: Float, cosine: float) -> Float:
    """For each row of `a`, a vector at this cosine to it."""
    a = a / np.linalg.norm(a, axis=1, keepdims=True)
    b = vectors(len(a), a.shape[1], seed=6)
    b -= a * np.sum(a * b, axis=1, keepdims=True)
    b /= np.linalg.norm(b, axis=1, keepdims=True)
    return (cosine * a + np.sqrt(1 - cosine**2) * b).astype(np.float32)


@pytest.mark.parametrize("cosine", [-0.5, 0.0, 0.5, 0.9])
def test_simhash_collides_as_the_angle_says(cosine: float) -> None:
    hashes = family("simhash", n_inputs=256, n_tables=400, hashes_per_table=1)
    a = vectors(200, 256)
    assert agreement(hashes, a, at_cosine(a, cosine)) == pytest.approx(1 - np.arccos(cosine) / np.pi, abs=0.01)


@pytest.mark.parametrize("name", FAMILIES)
def test_agreement_rises_with_similarity(name: str) -> None:
    hashes = family(name)
    a = vectors(500)
    rates = [agreement(hashes, a, at_cosine(a, cosine)) for cosine in (0.0, 0.4, 0.8, 0.95)]
    assert all(low < high for low, high in itertools.pairwise(rates)), rates
    assert agreement(hashes, a, a) == 1.0


def test_wta_winners_are_spread_evenly() -> None:
    """A single hash of a vector without structure is won by each place of the bin equally often."""
    hashes = family("wta", n_tables=1, hashes_per_table=1, bin_size=8)
    counts = np.bincount(hashes.codes(vectors(8000), n_threads=1)[0], minlength=8)
    assert np.all(np.abs(counts - 1000) < 150)


def test_wta_depends_on_the_order_of_the_coordinates_alone() -> None:
    hashes, a = family("wta"), vectors(100)
    np.testing.assert_array_equal(hashes.codes(a, n_threads=1), hashes.codes(np.exp(a), n_threads=1))


def test_dwta_is_wta_where_nothing_is_zero() -> None:
    dense, densified = family("wta"), family("dwta")
    densified.named_arrays()["bins"][...] = dense.named_arrays()["bins"]
    a = vectors(100)
    np.testing.assert_array_equal(dense.codes(a, n_threads=1), densified.codes(a, n_threads=1))


def test_dwta_bins_are_cut_from_permutations() -> None:
    bins = family("dwta", n_inputs=30, bin_size=8).named_arrays()["bins"]
    assert bins.shape == (60, 8)
    for first in range(0, 60, 3):
        assert len(np.unique(bins[first : first + 3])) == 24


def test_dwta_tells_sparse_vectors_apart_where_wta_does_not() -> None:
    """Two vectors that share no coordinate agree under WTA, by their common zeros."""
    a = np.zeros((200, N_INPUTS), np.float32)
    b = a.copy()
    rng = np.random.default_rng(8)
    for row_a, row_b in zip(a, b, strict=True):
        order = rng.permutation(N_INPUTS)
        row_a[order[:4]], row_b[order[4:8]] = 1, 1
    assert agreement(family("wta", hashes_per_table=1), a, b) > 0.3
    assert agreement(family("dwta", hashes_per_table=1), a, b) < 0.15  # 1 in 8 by chance


@pytest.mark.parametrize("n_shared", [0, 8, 12])
def test_doph_collides_as_the_sets_overlap(n_shared: int) -> None:
    """A hash agrees with the chance of the sets' Jaccard similarity."""
    hashes = family("doph", n_inputs=200, n_tables=300, hashes_per_table=1, doph_top_k=16, n_buckets=2**20)
    a = np.zeros((300, 200), np.float32)
    b = a.copy()
    rng = np.random.default_rng(9)
    for row_a, row_b in zip(a, b, strict=True):
        order = rng.permutation(200)
        row_a[order[:16]], row_b[order[16 - n_shared : 32 - n_shared]] = 1, 1
    assert agreement(hashes, a, b) == pytest.approx(n_shared / (32 - n_shared), abs=0.02)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_query_of_zeros_has_a_bucket(name: str) -> None:
    hashes = family(name)
    codes = hashes.codes(np.zeros((3, N_INPUTS), np.float32), n_threads=2)
    assert codes.shape == (20, 3)
    assert np.all((codes >= 0) & (codes < hashes.n_buckets))


@pytest.mark.parametrize(
    ("options", "n_buckets"),
    [
        ({"hash_family": "simhash", "hashes_per_table": 9}, 512),
        ({"hash_family": "simhash", "hashes_per_table": 30}, 2**18),
        ({"hash_family": "simhash", "hashes_per_table": 9, "n_buckets": 100}, 100),
        ({"hash_family": "simhash", "hashes_per_table": 9, "n_buckets": 1000}, 512),
        ({"hash_family": "dwta", "hashes_per_table": 4, "bin_size": 8}, 4096),
        ({"hash_family": "wta", "hashes_per_table": 30, "bin_size": 8}, 2**18),
        ({"hash_family": "doph"}, 2**18),
    ],
)
def test_there_are_no_more_buckets_than_codes(options: dict[str, Any], n_buckets: int) -> None:
    assert make_family(make_config(**options), N_INPUTS, np.random.default_rng(0)).n_buckets == n_buckets


@pytest.mark.parametrize("name", FAMILIES)
def test_folded_codes_fill_the_buckets_evenly(name: str) -> None:
    hashes = family(name, n_tables=2, hashes_per_table=25, n_buckets=64)
    counts = np.bincount(hashes.codes(vectors(6400), n_threads=1)[0], minlength=64)
    assert counts.min() > 40
    assert counts.max() < 160


@pytest.mark.parametrize("name", FAMILIES)
def test_neurons_and_queries_share_buckets(name: str) -> None:
    """Rows that lie apart, as a layer's do, have the codes of the same rows side by side."""
    wide = vectors(70, 3 * N_INPUTS)
    rows = wide[:, :N_INPUTS]
    hashes = family(name, center_rows=False)
    codes = hashes.neuron_codes(rows, n_threads=1)
    np.testing.assert_array_equal(codes, hashes.codes(rows.copy(), n_threads=1))
    for n_threads in (2, 4):
        np.testing.assert_array_equal(codes, hashes.neuron_codes(rows, n_threads=n_threads))


def test_centring_spreads_rows_that_share_a_direction() -> None:
    rows = vectors(5000) + 5
    crowded = [
        np.bincount(family("simhash", center_rows=centred).neuron_codes(rows, n_threads=1)[0]).max()
        for centred in (False, True)
    ]
    assert crowded[0] > 3000
    assert crowded[1] < 2000


def test_centring_subtracts_the_mean_row() -> None:
    rows = np.random.default_rng(4).integers(-8, 8, (4096, N_INPUTS)).astype(np.float32)
    rows[2048:] = 2 - rows[:2048]  # the mean is exactly 1
    centred, plain = family("simhash", center_rows=True), family("simhash", center_rows=False)
    np.testing.assert_array_equal(centred.neuron_codes(rows, n_threads=1), plain.codes(rows - 1, n_threads=1))


def test_completed_norms_find_large_inner_products_rather_than_small_angles() -> None:
    rows = vectors(9000) * np.random.default_rng(8).uniform(0.2, 2, (9000, 1)).astype(np.float32)
    queries = vectors(200, seed=9)
    best = np.argsort(-(queries @ rows.T), axis=1)[:, :10]

    def agreement_on_best(**options: Any) -> float:
        hashes = family("simhash", n_tables=200, hashes_per_table=1, center_rows=False, **options)
        agreed = hashes.codes(queries, n_threads=1)[:, :, None] == hashes.neuron_codes(rows, n_threads=1)[:, None, :]
        share = agreed.mean(axis=0)
        found = np.argsort(-share, axis=1)[:, :100]
        return float(np.mean([np.isin(b, f).mean() for b, f in zip(best, found, strict=True)]))

    assert agreement_on_best(complete_norms=True) > 1.2 * agreement_on_best()


@pytest.mark.parametrize("centred", [False, True])
def test_completed_norms_change_nothing_where_rows_are_as_long(centred: bool) -> None:
    rows = vectors(50)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows = np.concatenate([rows, -rows])  # with a mean of zero
    plain, completed = (family("simhash", center_rows=centred, complete_norms=c) for c in (False, True))
    assert isinstance(plain, SimHash)
    assert isinstance(completed, SimHash)
    plain.projection[...] = completed.projection[:N_INPUTS]
    codes = completed.neuron_codes(rows, n_threads=1)
    assert np.mean(codes == plain.neuron_codes(rows, n_threads=1)) > 0.99  # lengths are equal up to rounding


def test_simhash_projection_is_two_thirds_zero() -> None:
    projection = family("simhash", n_inputs=1000).named_arrays()["projection"]
    shares = [np.mean(projection == value) for value in (0, 1, -1)]
    assert shares == pytest.approx([2 / 3, 1 / 6, 1 / 6], abs=0.01)


@pytest.mark.parametrize("name", FAMILIES)
def test_named_arrays_carry_the_hash_functions(name: str) -> None:
    one, other, a = family(name, seed=1), family(name, seed=2), vectors(50)
    assert not np.array_equal(one.codes(a, n_threads=1), other.codes(a, n_threads=1))
    for key, array in other.named_arrays().items():
        array[...] = one.named_arrays()[key]
    sparse = np.where(np.random.default_rng(0).random(a.shape) < 0.9, 0, a).astype(np.float32)
    for queries in (a, sparse):
        np.testing.assert_array_equal(one.codes(queries, n_threads=1), other.codes(queries, n_threads=1))


@pytest.mark.parametrize("name", FAMILIES)
def test_redraw_draws_other_functions_into_the_same_arrays(name: str) -> None:
    hashes, a = family(name), vectors(50)
    before, arrays = hashes.codes(a, n_threads=1), hashes.named_arrays()
    hashes.redraw(np.random.default_rng(7))
    assert np.mean(hashes.codes(a, n_threads=1) == before) < 0.5
    assert all(array is arrays[key] for key, array in hashes.named_arrays().items())
    again = family(name)
    again.redraw(np.random.default_rng(7))
    np.testing.assert_array_equal(again.codes(a, n_threads=1), hashes.codes(a, n_threads=1))


@pytest.mark.parametrize(("name", "made"), [("simhash", SimHash), ("wta", Wta), ("dwta", Dwta), ("doph", Doph)])
def test_make_family(name: str, made: type[HashFamily]) -> None:
    assert isinstance(family(name), made)


@pytest.mark.parametrize("name", ["wta", "dwta"])
def test_bins_wider_than_the_input_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"bin_size must be at most the layer's number of inputs \(5\), but is 8"):
        family(name, n_inputs=5)


def test_sets_of_all_coordinates_are_refused() -> None:
    with pytest.raises(ValueError, match=r"doph_top_k must be below .* \(32\).* but is 32"):
        family("doph", n_inputs=32)


def test_queries_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match="rows must have 64 coordinates, but have 63"):
        family("simhash").codes(vectors(2, 63), n_threads=1)


def test_defaults_are_valid_for_the_default_network() -> None:
    config = Config()
    for name in FAMILIES:
        make_family(config.model_copy(update={"hash_family": name}), config.hidden_sizes[-1], np.random.default_rng(0))
