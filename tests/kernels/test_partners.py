"""The verb over labels that come together, against its twin."""

from __future__ import annotations

import numpy as np
import pytest
from support import assert_twins_agree, random_csr, random_floats

from slidelearn import kernels
from slidelearn.kernels import Csr

N_LABELS = 30


def _lists(rng: np.random.Generator, m: int) -> np.ndarray:
    return np.array([rng.permutation(np.arange(-3, N_LABELS))[:m] for _ in range(50)], np.int32).clip(-1).reshape(50, m)


@pytest.mark.parametrize("m", [0, 1, 9, 33])
def test_partner_support(rng: np.random.Generator, m: int) -> None:
    partners = random_csr(rng, N_LABELS, N_LABELS, 6)
    assert_twins_agree("partner_support", _lists(rng, m), random_floats(rng, 50, m), partners, n_terms=m)


def test_who_is_certain_speaks_for_its_partners() -> None:
    partners = Csr(np.array([0, 2, 2, 3]), np.array([1, 2, 0], np.int32), np.array([0.5, 0.25, 1.0], np.float32))
    ids = np.array([[2, 0, -1, 1]], np.int32)
    support = kernels.partner_support(ids, np.array([[0.1, 0.8, 9.0, 0.4]], np.float32), partners, n_threads=1)
    np.testing.assert_allclose(support, [[0.8 * 0.25, 0.1 * 1.0, 0, 0.8 * 0.5]], rtol=1e-6)


def test_damage_is_refused(rng: np.random.Generator) -> None:
    partners, ids = random_csr(rng, N_LABELS, N_LABELS, 6), _lists(rng, 9)
    probabilities = random_floats(rng, 50, 9)
    for array in ("indptr", "indices"):
        arrays = partners._asdict() | {array: getattr(partners, array).copy()}
        arrays[array][1:-1] = 2**30
        with pytest.raises(ValueError, match="partners must have ascending indptr, and indices that lie within"):
            kernels.partner_support(ids, probabilities, Csr(**arrays), n_threads=2)
    with pytest.raises(ValueError, match=r"ids must lie in \[-1, 30\)"):
        kernels.partner_support(ids + 30, probabilities, partners, n_threads=1)
    with pytest.raises(ValueError, match="probabilities must have the shape of ids"):
        kernels.partner_support(ids, probabilities[:, :-1].copy(), partners, n_threads=1)
