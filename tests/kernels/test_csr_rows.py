"""Verbs over the rows of sparse matrices that are not part of a batch."""

from __future__ import annotations

import numpy as np
import pytest
from support import random_csr

from slidelearn import kernels
from slidelearn.kernels import reference

N_COLUMNS = 9
DAMAGE = {
    "as it is": lambda indptr, indices, data: None,
    "first": lambda indptr, indices, data: indptr.__setitem__(0, 1),
    "last": lambda indptr, indices, data: indptr.__setitem__(-1, indptr[-1] + 1),
    "falling": lambda indptr, indices, data: indptr.__setitem__(3, 2**31 - 1),
    "negative": lambda indptr, indices, data: indices.__setitem__(5, -1),
    "outside": lambda indptr, indices, data: indices.__setitem__(5, N_COLUMNS),
    "unsorted": lambda indptr, indices, data: indices.__setitem__(slice(None), indices[::-1].copy()),
    "twice": lambda indptr, indices, data: indices.__setitem__(slice(None), 3),
    "not a number": lambda indptr, indices, data: data.__setitem__(-1, np.nan),
    "infinite": lambda indptr, indices, data: data.__setitem__(0, -np.inf),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_is_canonical(rng: np.random.Generator, damage: str) -> None:
    rows = random_csr(rng, 20, N_COLUMNS, 5)
    for begin, end in zip(rows.indptr, rows.indptr[1:], strict=False):
        rows.indices[begin:end].sort()
    arrays = (rows.indptr.astype(np.int32), rows.indices, rows.data)
    DAMAGE[damage](*arrays)
    expected = damage == "as it is"
    assert reference.is_canonical(*arrays, N_COLUMNS) == kernels.is_canonical(*arrays, N_COLUMNS) == expected


def test_nothing_is_in_order() -> None:
    nothing = (np.zeros(1, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32))
    assert kernels.is_canonical(*nothing, 0)
    with pytest.raises(ValueError, match="data must be as long as indices"):
        kernels.is_canonical(*nothing[:2], np.zeros(1, np.float32), 1)
