from __future__ import annotations

import numpy as np
import pytest
from support import RULES, WIDTHS, assert_twins_agree, random_csr, random_floats, random_rows

from slidelearn import kernels
from slidelearn.kernels import Csr

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("n_samples", [0, 1, 70])
@pytest.mark.parametrize("width", WIDTHS)
def test_features_forward(rng: np.random.Generator, width: int, n_samples: int, with_bias: bool) -> None:
    rows, x = random_rows(rng, 90, width), random_csr(rng, n_samples, 90, 30)
    bias = random_floats(rng, width) if with_bias else None
    assert_twins_agree("features_forward", x, rows, bias, n_terms=30, magnitude=4.0)


@pytest.mark.parametrize("optimizer", RULES)
@pytest.mark.parametrize("hogwild", [False, True])
@pytest.mark.parametrize("n_samples", [0, 1, 70])
@pytest.mark.parametrize("width", WIDTHS)
def test_features_backward(rng: np.random.Generator, width: int, n_samples: int, hogwild: bool, optimizer: str) -> None:
    rows, x = random_rows(rng, 90, width, optimizer), random_csr(rng, n_samples, 90, 20)
    assert_twins_agree(
        "features_backward",
        x,
        random_floats(rng, n_samples, width),
        rows,
        RULES[optimizer],
        n_terms=n_samples + width,
        magnitude=4.0,
        one_writer=not hogwild,
        hogwild=hogwild,
    )


@pytest.mark.parametrize("optimizer", RULES)
def test_hogwild_on_rows_of_their_own_equals_one_thread(
    rng: np.random.Generator, optimizer: str, n_threads: int
) -> None:
    x = Csr(np.arange(0, 201, 2), rng.permutation(200).astype(np.int32), random_floats(rng, 200))
    d_hidden = random_floats(rng, 100, 17)
    alone, together = (random_rows(np.random.default_rng(0), 200, 17, optimizer) for _ in range(2))
    kernels.features_backward(x, d_hidden, alone, RULES[optimizer], hogwild=True, n_threads=1)
    kernels.features_backward(x, d_hidden, together, RULES[optimizer], hogwild=True, n_threads=n_threads)
    np.testing.assert_array_equal(together.memory, alone.memory)


def test_a_feature_given_twice_counts_twice(rng: np.random.Generator) -> None:
    rows = random_rows(rng, 5, 8)
    twice = Csr(np.array([0, 2]), np.array([3, 3], np.int32), np.array([1.0, 2.0], np.float32))
    once = Csr(np.array([0, 1]), np.array([3], np.int32), np.array([3.0], np.float32))
    np.testing.assert_allclose(
        kernels.features_forward(twice, rows, n_threads=1), kernels.features_forward(once, rows, n_threads=1), rtol=1e-6
    )


def test_refuses_matrices_that_are_not_csr(rng: np.random.Generator) -> None:
    rows = random_rows(rng, 5, 8)
    good = Csr(np.array([0, 2]), np.array([1, 3], np.int32), np.ones(2, np.float32))
    for bad, message in [
        (good._replace(indices=good.indices + 2), r"csr.indices must lie in \[0, 5\)"),
        (good._replace(indptr=np.array([0, 3])), "csr.indptr must end with"),
        (good._replace(indptr=np.array([0, 2, 1, 2])), "csr.indptr must not decrease"),
        (good._replace(indptr=np.array([1, 2])), "csr.indptr must begin with 0"),
        (good._replace(data=good.data[:1]), "csr.data must be empty or as long as"),
        (good._replace(data=good.data[:0]), "x must have data"),
    ]:
        with pytest.raises(ValueError, match=message):
            kernels.features_forward(bad, rows, n_threads=1)
