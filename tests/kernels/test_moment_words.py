"""Adam with its moments as bfloat16: the same in NumPy, rounded so that small steps count in the mean."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support import RULES, WIDTHS, random_csr, random_floats

from slidelearn import kernels
from slidelearn.kernels import Columns, Rows, UpdateRule, reference
from slidelearn.network.optim import ParameterRows

pytestmark = pytest.mark.usefixtures("isa")

ADAM = RULES["adam"]
N_ROWS, N_SAMPLES = 60, 30
BF16_STEP = 2.0**-7
"""The largest distance of a bfloat16 from the next, relative to it."""

Update = Callable[[Any, Rows, int], object]
"""Steps on rows, by the verbs of a module, on so many threads."""


def _floats(bits: np.ndarray) -> np.ndarray:
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def _bits(values: np.ndarray) -> np.ndarray:
    return (values.astype(np.float32).view(np.uint32) >> np.uint32(16)).astype(np.uint16)


def _rows_in_training(rng: np.random.Generator, width: int) -> ParameterRows:
    rows = ParameterRows(N_ROWS, width, "adam_bf16")
    arrays = dict(rows.named_arrays())
    arrays["weights"][...] = random_floats(rng, N_ROWS, width)
    arrays["m"][...] = _bits(random_floats(rng, N_ROWS, width))
    arrays["v"][...] = _bits(rng.uniform(0.5, 1.5, (N_ROWS, width)))
    arrays["bias_v"][...] = 1.0
    arrays["n_updates"][...] = rng.integers(1, 50, N_ROWS)
    return rows


def _update_rows(rng: np.random.Generator, width: int) -> Update:
    ids = rng.permutation(N_ROWS)[:50].astype(np.int32)
    gradient, d_bias = random_floats(rng, 50, width), random_floats(rng, 50)
    return lambda verbs, rows, threads: verbs.update_rows(rows, ids, gradient, d_bias, ADAM, n_threads=threads)


def _features(rng: np.random.Generator, width: int) -> Update:
    x, d = random_csr(rng, N_SAMPLES, N_ROWS, 20), random_floats(rng, N_SAMPLES, width)
    return lambda verbs, rows, threads: verbs.features_backward(x, d, rows, ADAM, hogwild=False, n_threads=threads)


def _sampled(rng: np.random.Generator, width: int) -> Update:
    active = random_csr(rng, N_SAMPLES, N_ROWS, 20, data=False)
    columns, d = Columns(*kernels.transpose(active)), random_floats(rng, len(active.indices))
    hidden = random_floats(rng, N_SAMPLES, width)
    return lambda verbs, rows, threads: verbs.sampled_backward(
        rows, active, d, hidden, 0.0, ADAM, columns, n_threads=threads
    )


def _sampled_sparse(rng: np.random.Generator, width: int) -> Update:
    active, hidden = random_csr(rng, N_SAMPLES, N_ROWS, 20, data=False), random_csr(rng, N_SAMPLES, width, 20)
    columns, d = Columns(*kernels.transpose(active)), random_floats(rng, len(active.indices))
    return lambda verbs, rows, threads: verbs.sampled_backward_sparse(
        rows, active, d, hidden, ADAM, columns, n_threads=threads
    )


@pytest.mark.parametrize("make", [_update_rows, _features, _sampled, _sampled_sparse])
@pytest.mark.parametrize("width", WIDTHS)
def test_twins_agree(rng: np.random.Generator, width: int, make: Callable[..., Update]) -> None:
    """But for moments whose last bits in 32 decide on which side of a random number they fall: one in thousands."""
    before, update = _rows_in_training(rng, width), make(rng, width)
    expected, actual, *others = (copy.deepcopy(before) for _ in range(4))
    update(reference, expected.rows, 1)
    update(kernels, actual.rows, 1)
    for (name, a), (_, e) in zip(actual.named_arrays(), expected.named_arrays(), strict=True):
        if a.dtype == np.uint16:
            assert np.count_nonzero(a != e) <= 1 + a.size // 500
            np.testing.assert_allclose(_floats(a), _floats(e), rtol=BF16_STEP, atol=1e-3)
            assert (a != dict(before.named_arrays())[name]).any()
        else:
            np.testing.assert_allclose(a, e, rtol=1e-4, atol=1e-4)
    for n_threads, other in zip((2, 4), others, strict=True):
        update(kernels, other.rows, n_threads)
        np.testing.assert_array_equal(other.rows.memory.view(np.uint32), actual.rows.memory.view(np.uint32))


def test_draws_do_not_depend_on_the_width_of_vectors(rng: np.random.Generator) -> None:
    """Coordinates that are updated alone are rounded as they are in a whole row."""
    width = 37
    whole = _rows_in_training(rng, width)
    single = copy.deepcopy(whole)
    gradient = random_floats(rng, 1, width)
    hidden = kernels.Csr(np.array([0, width]), np.arange(width, dtype=np.int32), gradient[0])
    active, one = kernels.Csr(np.array([0, 1]), np.array([7], np.int32), kernels.NO_DATA), np.ones(1, np.float32)
    kernels.sampled_backward_sparse(single.rows, active, one, hidden, ADAM, None, n_threads=1)
    kernels.update_rows(whole.rows, np.array([7], np.int32), gradient, one, ADAM, n_threads=1)
    for (_, a), (_, b) in zip(whole.named_arrays(), single.named_arrays(), strict=True):
        np.testing.assert_array_equal(a[7], b[7])


@pytest.mark.parametrize("verbs", [kernels, reference])
def test_means_of_small_steps_are_right(verbs: Any) -> None:
    """v goes from 1 towards g^2 = 0.25 by a thousandth at a step; rounded to the nearest, it would stay at 1."""
    width, n_steps = 500, 300
    rows = ParameterRows(1, width, "adam_bf16")
    arrays = dict(rows.named_arrays())
    arrays["v"][...] = _bits(np.ones(width))
    one, gradient = np.zeros(1, np.int32), np.full((1, width), 0.5, np.float32)
    rule = UpdateRule(2, 0.0, 0.9, 0.999, 1e-8)
    for _ in range(n_steps):
        verbs.update_rows(rows.rows, one, gradient, np.zeros(1, np.float32), rule, n_threads=1)
    v, m = _floats(arrays["v"]), _floats(arrays["m"])
    # the mean of 500 has a standard error of about 0.001
    assert v.mean() == pytest.approx(0.25 + 0.75 * 0.999**n_steps, abs=0.006)
    assert m.mean() == pytest.approx(0.5, abs=0.002)
    assert len(np.unique(v)) > 10


def test_both_moments_have_draws_of_their_own() -> None:
    rows = ParameterRows(40, 100, "adam_bf16")
    gradient = np.full((40, 100), np.sqrt(1.003), np.float32)
    rule = UpdateRule(2, 0.0, 0.0, 0.0, 1e-8)  # m = g, v = g^2
    rows.update(np.arange(40, dtype=np.int32), gradient, np.zeros(40, np.float32), rule, 1)
    arrays = dict(rows.named_arrays())
    m_up, v_up = (arrays[name] > arrays[name].min() for name in ("m", "v"))
    for up in (m_up, v_up):
        assert 0.1 < up.mean() < 0.5
        rates = [*up.mean(axis=0), *up.mean(axis=1)]
        assert min(rates) > 0
        assert max(rates) < 0.8  # no row and no coordinate goes one way
    assert abs(np.corrcoef(m_up.ravel(), v_up.ravel())[0, 1]) < 0.06


def test_rows_without_room_for_moments_are_refused() -> None:
    rows, one = ParameterRows(1, 16, "sgd"), np.zeros(1, np.int32)
    with pytest.raises(ValueError, match="no room for the state of Adam"):
        rows.update(one, np.zeros((1, 16), np.float32), np.zeros(1, np.float32), ADAM, 1)
