from __future__ import annotations

import numpy as np
import pytest
from support import assert_twins_agree, random_floats

from slidelearn import kernels
from slidelearn.kernels import reference

SHAPES = [(0, 5, 3), (5, 0, 3), (3, 5, 0), (1, 1, 1), (17, 130, 3), (130, 17, 128), (25, 513, 257), (256, 31, 300)]


@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize(("m", "n", "k"), SHAPES)
@pytest.mark.usefixtures("isa")
def test_twins(
    rng: np.random.Generator,
    m: int,
    n: int,
    k: int,
    transpose_a: bool,
    transpose_b: bool,
    with_bias: bool,
) -> None:
    a = random_floats(rng, *((k, m) if transpose_a else (m, k)))
    b = random_floats(rng, *((n, k) if transpose_b else (k, n)))
    bias = random_floats(rng, n) if with_bias else None
    assert_twins_agree("matmul", a, b, transpose_a, transpose_b, bias, n_terms=k, magnitude=4.0)


@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize(("m", "n", "k"), [*SHAPES, (25, 40, 701), (13, 33, 1025)])
def test_bf16(
    rng: np.random.Generator, isa: str, n_threads: int, m: int, n: int, k: int, transpose_a: bool, transpose_b: bool
) -> None:
    a = random_floats(rng, *((k, m) if transpose_a else (m, k)))
    b = random_floats(rng, *((n, k) if transpose_b else (k, n)))
    product = kernels.matmul(a, b, transpose_a, transpose_b, bf16=True, n_threads=n_threads)
    has_bf16 = isa == "avx512bf16"
    expected = reference.matmul(a, b, transpose_a, transpose_b, bf16=has_bf16, n_threads=1)
    tolerance = 4.0 * max(k, 1) * np.finfo(np.float32).eps
    np.testing.assert_allclose(product, expected, rtol=0, atol=tolerance)
    alone = kernels.matmul(a, b, transpose_a, transpose_b, bf16=True, n_threads=1)
    np.testing.assert_array_equal(product, alone)


@pytest.mark.usefixtures("isa")
def test_rows_may_lie_apart(rng: np.random.Generator, n_threads: int) -> None:
    memory = random_floats(rng, 30, 64)
    a, b = memory[::2, 3:20], memory[1:12, 8:25]
    expected = kernels.matmul(a.copy(), b.copy(), transpose_b=True, n_threads=1)
    np.testing.assert_array_equal(kernels.matmul(a, b, transpose_b=True, n_threads=n_threads), expected)


def test_refuses_operands_that_do_not_fit(rng: np.random.Generator) -> None:
    a, b = random_floats(rng, 3, 4), random_floats(rng, 5, 6)
    with pytest.raises(ValueError, match="a has depth 4, but b has 5"):
        kernels.matmul(a, b, n_threads=1)
    with pytest.raises(ValueError, match="bias must have one element per column"):
        kernels.matmul(a, b[:4], bias=a[0], n_threads=1)
    with pytest.raises(ValueError, match="n_threads must be >= 1, but is 0"):
        kernels.matmul(a, b[:4], n_threads=0)
