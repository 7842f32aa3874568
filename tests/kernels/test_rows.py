from __future__ import annotations

import numpy as np
import pytest
from support import RULES, WIDTHS, assert_twins_agree, random_floats, random_rows

from slidelearn import kernels
from slidelearn.kernels import Labels, Rows

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize("n_ids", [0, 1, 200])
@pytest.mark.parametrize("width", WIDTHS)
def test_gather_rows(rng: np.random.Generator, width: int, n_ids: int, unit: bool) -> None:
    rows = random_rows(rng, 70, width)
    rows.memory[3] = 0.0
    ids = rng.integers(70, size=n_ids, dtype=np.int32)  # repeated, in any order
    assert_twins_agree("gather_rows", rows, ids, unit, n_terms=width)


@pytest.mark.parametrize("optimizer", RULES)
@pytest.mark.parametrize("n_ids", [0, 1, 150])
@pytest.mark.parametrize("width", WIDTHS)
def test_update_rows(rng: np.random.Generator, width: int, n_ids: int, optimizer: str) -> None:
    rows = random_rows(rng, 200, width, optimizer)
    ids = rng.permutation(200)[:n_ids].astype(np.int32)
    gradient, d_bias = random_floats(rng, n_ids, width), random_floats(rng, n_ids)
    assert_twins_agree("update_rows", rows, ids, gradient, d_bias, RULES[optimizer], n_terms=width)


@pytest.mark.parametrize("n_rows", [0, 1, 50])
@pytest.mark.parametrize("width", [0, 1, 1024, 2500])
def test_column_sums(rng: np.random.Generator, width: int, n_rows: int) -> None:
    assert_twins_agree("column_sums", random_floats(rng, n_rows, width + 3)[:, :width], n_terms=n_rows)


@pytest.mark.parametrize("n_rows", [0, 1, 200])
@pytest.mark.parametrize("width", WIDTHS)
def test_unit_rows(rng: np.random.Generator, width: int, n_rows: int) -> None:
    x = random_floats(rng, n_rows, width)
    x[:1] = 0.0
    assert_twins_agree("unit_rows", x, n_terms=width)


@pytest.mark.parametrize("n_rows", [0, 1, 200])
@pytest.mark.parametrize("width", WIDTHS)
def test_unit_rows_backward(rng: np.random.Generator, width: int, n_rows: int) -> None:
    x, d = random_floats(rng, n_rows, width), random_floats(rng, n_rows, width)
    x = np.abs(x) + 1.0  # far from zero, where the gradient has no bound
    unit, norms = kernels.unit_rows(x, n_threads=1)
    assert_twins_agree("unit_rows_backward", unit, norms, 12.0, d, n_terms=12 * width)


def test_a_vector_of_zeros_has_no_gradient(rng: np.random.Generator) -> None:
    unit, norms = kernels.unit_rows(np.zeros((1, 8), np.float32), n_threads=1)
    d = random_floats(rng, 1, 8)
    kernels.unit_rows_backward(unit, norms, 12.0, d, n_threads=1)
    np.testing.assert_array_equal(d, 0.0)


def test_arrays_that_are_written_to_are_never_copies(rng: np.random.Generator) -> None:
    unit, norms = kernels.unit_rows(random_floats(rng, 4, 8), n_threads=1)
    with pytest.raises(TypeError):
        kernels.unit_rows_backward(unit, norms, 1.0, random_floats(rng, 4, 16)[:, ::2], n_threads=1)
    rows = Rows(random_rows(rng, 4, 16).memory.astype(np.float64), 16)
    with pytest.raises(TypeError):
        kernels.update_rows(rows, np.arange(4, dtype=np.int32), unit, norms, RULES["sgd"], n_threads=1)


def test_refuses_what_does_not_fit(rng: np.random.Generator) -> None:
    rows = random_rows(rng, 4, 16)
    ids, gradient, d_bias = np.arange(4, dtype=np.int32), random_floats(rng, 4, 16), random_floats(rng, 4)
    with pytest.raises(ValueError, match=r"ids must lie in \[0, 4\)"):
        kernels.gather_rows(rows, ids + 1, False, n_threads=1)
    with pytest.raises(ValueError, match=r"d_weights must have shape \(4, 16\), but has \(4, 8\)"):
        kernels.update_rows(rows, ids, gradient[:, :8].copy(), d_bias, RULES["sgd"], n_threads=1)
    with pytest.raises(ValueError, match="no room for the state of Adam"):
        kernels.update_rows(rows, ids, gradient, d_bias, RULES["adam"], n_threads=1)
    with pytest.raises(ValueError, match="does not have the layout of rows of width 48"):
        kernels.gather_rows(Rows(rows.memory, 48), ids, False, n_threads=1)
    with pytest.raises(ValueError, match=f"does not have the layout of rows of width {2**63 - 1}"):
        kernels.gather_rows(Rows(rows.memory, 2**63 - 1), ids, False, n_threads=1)


def test_more_than_any_memory_holds_is_refused() -> None:
    with pytest.raises(MemoryError):
        kernels.allocate_rows(2**60, 64)
    logits, labels = np.zeros(8, np.float32), Labels(np.zeros(9, np.int64), np.empty(0, np.int32))
    with pytest.raises(MemoryError):
        kernels.top_others(logits, None, np.zeros(1, np.int32), labels, 2**61, n_threads=1)
    with pytest.raises(MemoryError):  # as many bytes as 64 bits can tell: what is added to them must not be lost
        kernels.draw(1, 2**62 - 1, None, 5, 0)
    with pytest.raises(MemoryError):
        kernels.allocate_rows(2**62 - 1, 1)


def test_new_rows_are_zero_and_begin_on_a_cache_line() -> None:
    memory = kernels.allocate_rows(5, 48)
    assert memory.shape == (5, 48)
    assert memory.ctypes.data % 64 == 0
    np.testing.assert_array_equal(memory, 0.0)
