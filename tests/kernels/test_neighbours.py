"""The verbs over nearest neighbours against their twins."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from support import assert_twins_agree, random_csr

from slidelearn import kernels
from slidelearn.kernels import Csr, NeighbourIndex, reference

N_FEATURES, N_SAMPLES, N_LABELS = 40, 200, 12


def _index(rng: np.random.Generator, n_strong: int) -> NeighbourIndex:
    features = random_csr(rng, N_SAMPLES, N_FEATURES, 9)
    strong = kernels.strongest(features, N_FEATURES, n_strong)
    by_feature = sparse.csr_array((strong[2], strong[1], strong[0]), (N_SAMPLES, N_FEATURES)).tocsc()
    postings = Csr(by_feature.indptr.astype(np.int64), by_feature.indices.astype(np.int32), by_feature.data)
    return NeighbourIndex(postings, features, random_csr(rng, N_SAMPLES, N_LABELS, 4, data=False), N_LABELS)


@pytest.mark.parametrize("n", [0, 1, 4, 100])
def test_strongest(rng: np.random.Generator, n: int) -> None:
    x = random_csr(rng, 60, N_FEATURES, 9)
    x.data[::3] = -0.5  # of equal magnitude
    twins = (verb(x, N_FEATURES, n) for verb in (kernels.strongest, reference.strongest))
    for ours, expected in zip(*twins, strict=True):
        np.testing.assert_array_equal(ours, expected)
        assert ours.dtype == expected.dtype


@pytest.mark.parametrize("n", [1, 60, 150])
def test_what_is_not_a_number_is_the_weakest(rng: np.random.Generator, n: int) -> None:
    values = np.full(200, np.nan, np.float32)
    values[::3] = rng.standard_normal(67)
    values[90] = -np.inf
    x = Csr(np.array([0, 200]), np.arange(200, dtype=np.int32), values)
    for ours, expected in zip(kernels.strongest(x, 200, n), reference.strongest(x, 200, n), strict=True):
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("n_neighbours", [1, 5, 300])
@pytest.mark.parametrize("n_strong", [2, 9])
@pytest.mark.parametrize("m", [0, 1, 7])
@pytest.mark.parametrize("n_others", [0, 2, 20])
def test_neighbour_votes(rng: np.random.Generator, n_others: int, m: int, n_strong: int, n_neighbours: int) -> None:
    power = {1: 1.0, 5: 2.0, 300: 0.7}[n_neighbours]
    index, x = _index(rng, n_strong), random_csr(rng, 70, N_FEATURES, 9)
    strong = Csr(*kernels.strongest(x, N_FEATURES, n_strong))
    ids = np.array([rng.permutation(np.arange(-1, N_LABELS))[:m] for _ in range(70)], np.int32).reshape(70, m)
    assert_twins_agree("neighbour_votes", x, strong, index, n_neighbours, power, ids, n_others, n_terms=N_SAMPLES)


def test_the_nearest_sample_decides_alone(rng: np.random.Generator) -> None:
    index = _index(rng, 9)
    votes, _ = kernels.neighbour_votes(
        index.features,
        index.features,
        index,
        1,
        2.0,
        np.tile(np.arange(N_LABELS, dtype=np.int32), (N_SAMPLES, 1)),
        0,
        n_threads=2,
    )
    full = sparse.csr_array((index.features.data, index.features.indices, index.features.indptr)).toarray()
    nearest = (full @ full.T).argmax(axis=1)
    own = np.zeros((N_SAMPLES, N_LABELS))
    own[np.repeat(np.arange(N_SAMPLES), np.diff(index.labels.indptr)), index.labels.indices] = 1
    expected = own[nearest] * (full != 0).any(axis=1, keepdims=True)
    np.testing.assert_array_equal(votes, expected)


def test_no_more_neighbours_than_samples(rng: np.random.Generator) -> None:
    index, x = _index(rng, 9), random_csr(rng, 70, N_FEATURES, 9)
    ids = rng.integers(-1, N_LABELS, (70, 2)).astype(np.int32)
    votes, others = kernels.neighbour_votes(x, x, index, 2**60, 2.0, ids, 3, n_threads=2)
    expected, expected_others = kernels.neighbour_votes(x, x, index, N_SAMPLES, 2.0, ids, 3, n_threads=1)
    np.testing.assert_array_equal(votes, expected)
    np.testing.assert_array_equal(others, expected_others)


def test_a_damaged_index_is_refused(rng: np.random.Generator) -> None:
    index, x = _index(rng, 9), random_csr(rng, 70, N_FEATURES, 9)
    ids = np.zeros((70, 2), np.int32)
    for name in ("postings", "features", "labels"):
        for damage in ("indptr", "indices"):
            part = getattr(index, name)
            arrays = part._asdict() | {damage: getattr(part, damage).copy()}
            arrays[damage][1:-1] = 2**30
            damaged = index._replace(**{name: Csr(**arrays)})
            with pytest.raises(ValueError, match="index must have ascending indptr, and indices that lie within"):
                kernels.neighbour_votes(x, x, damaged, 5, 2.0, ids, 3, n_threads=2)
    with pytest.raises(ValueError, match=r"ids must lie in \[-1, 12\)"):
        kernels.neighbour_votes(x, x, index, 5, 2.0, ids + 12, 3, n_threads=1)
    with pytest.raises(ValueError, match=r"index\.labels must have a row for each row of index\.features"):
        kernels.neighbour_votes(x, x, index._replace(labels=x), 5, 2.0, ids, 3, n_threads=1)
    with pytest.raises(ValueError, match="power must be > 0, but is 0"):
        kernels.neighbour_votes(x, x, index, 5, 0.0, ids, 3, n_threads=1)
    with pytest.raises(ValueError, match=r"index\.n_labels must lie in \[0, 2\^31\), but is -1"):
        kernels.neighbour_votes(x, x, index._replace(n_labels=-1), 5, 2.0, ids, 3, n_threads=1)
    with pytest.raises(ValueError, match=rf"n_others must lie in \[0, 2\^31\), but is {2**63 - 1}"):
        kernels.neighbour_votes(x, x, index, 5, 2.0, ids, 2**63 - 1, n_threads=1)
