"""The index of a layer: finding, rebuilding, saving."""

from typing import Any

import numpy as np
import pytest

from slidelearn.config import make_config
from slidelearn.kernels import Csr, Float
from slidelearn.lsh import LshIndex

N_NEURONS, N_INPUTS = 2000, 64
FAMILIES = ("simhash", "wta", "dwta", "doph")


@pytest.fixture
def rows() -> Float:
    """Rows of a layer whose optimizer keeps its state beside them."""
    return np.random.default_rng(2).standard_normal((N_NEURONS, 2 * N_INPUTS)).astype(np.float32)[:, :N_INPUTS]


def make_index(seed: int = 0, **options: Any) -> LshIndex:
    config = make_config(**{"n_tables": 30, "hashes_per_table": 4, "bin_size": 4, "rebuild_every": 10, **options})
    return LshIndex(config, N_INPUTS, N_NEURONS, np.random.default_rng(seed))


def find(index: LshIndex, queries: Float, n_candidates: int = 50, n_threads: int = 1) -> Csr:
    return index.candidates(queries, n_candidates=n_candidates, seed=1, n_threads=n_threads)


def assert_same(a: Csr, b: Csr) -> None:
    for one, other in zip(a, b, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("selection", ["vanilla", "topk", "threshold"])
@pytest.mark.parametrize("family", FAMILIES)
def test_neighbours_are_found_far_more_often_than_others(rows: Float, family: str, selection: str) -> None:
    index = make_index(hash_family=family, lsh_selection=selection, lsh_min_tables=5)
    index.rebuild(rows, n_threads=2)
    noise = np.random.default_rng(3).standard_normal((200, N_INPUTS)).astype(np.float32)
    found = find(index, rows[:200] + 0.4 * noise, n_candidates=100)
    sample = np.repeat(np.arange(200), np.diff(found.indptr))
    recall = np.count_nonzero(found.indices == sample) / 200
    by_chance = len(found.indices) / 200 / N_NEURONS
    assert recall > 5 * by_chance, (recall, by_chance)
    assert recall > (0.3 if selection == "vanilla" else 0.9)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_number_of_threads_changes_nothing(rows: Float, family: str) -> None:
    results = []
    for n_threads in (1, 2, 4):
        index = make_index(hash_family=family, bucket_size=20)
        index.rebuild(rows, n_threads=n_threads)
        results.append(find(index, np.maximum(rows[:50], 0), n_threads=n_threads))
    assert_same(results[0], results[1])
    assert_same(results[0], results[2])


def test_rebuilds_follow_the_schedule(rows: Float) -> None:
    index = make_index(rebuild_decay=0.5)
    index.rebuild(rows, n_threads=1)
    rebuilt = [step for step in range(1, 60) if index.rebuild_if_due(step, rows, n_threads=1)]
    assert rebuilt == [10, 27, 54]
    assert index.n_rebuilds == 3


def test_a_rebuild_sees_the_rows_as_they_are(rows: Float) -> None:
    index, fresh = make_index(), make_index()
    index.rebuild(rows, n_threads=1)
    before = find(index, rows[:20])
    changed = np.ascontiguousarray(rows[::-1])
    assert not index.rebuild_if_due(9, changed, n_threads=1)
    assert_same(find(index, rows[:20]), before)
    assert index.rebuild_if_due(10, changed, n_threads=1)
    fresh.rebuild(changed, n_threads=1)
    assert_same(find(index, rows[:20]), find(fresh, rows[:20]))


def test_hash_functions_are_redrawn_when_it_is_their_turn(rows: Float) -> None:
    index = make_index(redraw_every=2, rebuild_decay=0.0)
    draws = []
    for step in (10, 20, 30, 40):
        index.rebuild_if_due(step, rows, n_threads=1)
        draws.append(index.family.named_arrays()["projection"].copy())
    assert not np.array_equal(draws[0], draws[1])
    np.testing.assert_array_equal(draws[1], draws[2])
    assert not np.array_equal(draws[2], draws[3])
    assert not np.array_equal(draws[1], draws[3])


@pytest.mark.parametrize("family", FAMILIES)
def test_named_arrays_restore_an_index_and_its_future(rows: Float, family: str) -> None:
    options = {"hash_family": family, "bucket_size": 10, "redraw_every": 2, "rebuild_decay": 0.0}
    index, loaded = make_index(seed=1, **options), make_index(seed=2, **options)
    index.rebuild_if_due(10, rows, n_threads=1)
    for name, array in loaded.named_arrays().items():
        array[...] = index.named_arrays()[name]
    loaded.rebuild(rows, n_threads=1)
    assert_same(find(loaded, rows[:30]), find(index, rows[:30]))
    assert index.rebuild_if_due(20, rows, n_threads=1)  # draws new functions
    assert loaded.rebuild_if_due(20, rows, n_threads=1)
    assert_same(find(loaded, rows[:30]), find(index, rows[:30]))


@pytest.mark.parametrize("center_rows", [False, True])
def test_incremental_codes_are_those_of_a_recomputation(center_rows: bool) -> None:
    """Small integers, so that no sum is rounded, and rows whose mean is 0."""
    rng = np.random.default_rng(5)
    half = rng.integers(-9, 10, (N_NEURONS // 2, N_INPUTS)).astype(np.float32)
    rows = np.concatenate([half, -half])
    index = make_index(incremental_codes=True, center_rows=center_rows, rebuild_decay=0.0)
    plain = make_index(center_rows=center_rows)
    index.rebuild(rows, n_threads=1)
    for step in (10, 20, 30):
        change = np.where(rng.random(half.shape) < 0.05, rng.integers(-3, 4, half.shape), 0).astype(np.float32)
        rows += np.concatenate([change, -change])
        assert index.rebuild_if_due(step, rows, n_threads=2)
        plain.rebuild(rows, n_threads=2)
        assert_same(find(index, rows[:50]), find(plain, rows[:50]))


def test_incremental_codes_drift_by_rounding_only(rows: Float) -> None:
    rng = np.random.default_rng(5)
    rows = rows.copy()
    index, plain = make_index(incremental_codes=True, rebuild_decay=0.0), make_index()
    index.rebuild(rows, n_threads=1)
    for step in range(10, 110, 10):
        rows[rng.choice(N_NEURONS, 100)] += 0.1 * rng.standard_normal(N_INPUTS, np.float32)
        index.rebuild_if_due(step, rows, n_threads=1)
    plain.rebuild(rows, n_threads=1)
    found, expected = (find(i, rows[:100], n_candidates=200) for i in (index, plain))
    assert np.intersect1d(_keys(found), _keys(expected)).size > 0.999 * len(expected.indices)


def _keys(found: Csr) -> np.ndarray:
    return np.repeat(np.arange(found.n_rows), np.diff(found.indptr)) * N_NEURONS + found.indices


def test_incremental_codes_survive_a_redraw(rows: Float) -> None:
    index = make_index(incremental_codes=True, redraw_every=1)
    index.rebuild(rows, n_threads=1)
    index.rebuild_if_due(10, rows, n_threads=1)
    plain = make_index()
    plain.family.named_arrays()["projection"][...] = index.family.named_arrays()["projection"]
    plain.rebuild(rows, n_threads=1)
    assert_same(find(index, rows[:50]), find(plain, rows[:50]))


def test_incremental_codes_need_simhash() -> None:
    with pytest.raises(ValueError, match="incremental_codes must be False unless hash_family is 'simhash'"):
        make_index(incremental_codes=True, hash_family="dwta")


def test_stats_and_memory(rows: Float) -> None:
    index, incremental = make_index(), make_index(incremental_codes=True)
    before = index.n_bytes
    for each in (index, incremental):
        each.rebuild(rows, n_threads=1)
    assert index.stats().n_tables == 30
    assert index.stats().dropped_share == 0
    assert index.n_bytes - before == 4 * 30 * (N_NEURONS + 16 + 1)
    assert incremental.n_bytes - index.n_bytes == 4 * N_NEURONS * (N_INPUTS + 30 * 4)


def test_nothing_is_found_before_the_first_rebuild(rows: Float) -> None:
    with pytest.raises(RuntimeError, match=r"call rebuild\(\) first"):
        find(make_index(), rows)


def test_another_number_of_rows_is_refused(rows: Float) -> None:
    with pytest.raises(ValueError, match="rows must be one for each of the 2000 neurons, but are 1999"):
        make_index().rebuild(rows[1:], n_threads=1)
