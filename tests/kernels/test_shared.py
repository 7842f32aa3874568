from __future__ import annotations

import numpy as np
import pytest
from support import RULES, assert_twins_agree, random_floats, random_rows

from slidelearn import kernels

pytestmark = pytest.mark.usefixtures("isa")

N_ROWS = 3700


@pytest.mark.parametrize("scale", [0.0, 12.0])
@pytest.mark.parametrize("optimizer", RULES)
@pytest.mark.parametrize(("n_samples", "n_ids", "width"), [(1, 1, 1), (5, 16, 33), (40, 3500, 17), (261, 450, 130)])
def test_shared_backward(
    rng: np.random.Generator, n_samples: int, n_ids: int, width: int, optimizer: str, scale: float
) -> None:
    rows = random_rows(rng, N_ROWS, width, optimizer)
    rows.part(0)[...] = np.abs(rows.part(0)) + 1.0  # far from zero, where the gradient of a cosine has no bound
    ids = rng.permutation(N_ROWS)[:n_ids].astype(np.int32)
    weights, _, norms = kernels.gather_rows(rows, ids, unit=scale > 0, n_threads=1)
    x, d_logits = random_floats(rng, n_samples, width), random_floats(rng, n_samples, n_ids) / np.float32(n_samples)
    arguments = (rows, ids, weights, norms if scale else None, x, d_logits, scale, RULES[optimizer])
    assert_twins_agree("shared_backward", *arguments, n_terms=n_samples + n_ids, magnitude=max(scale, 1.0))


def test_no_active_neuron_gives_no_gradient(rng: np.random.Generator) -> None:
    rows, none = random_rows(rng, 3, 8), np.empty((0, 8), np.float32)
    x, d_logits = random_floats(rng, 4, 8), np.empty((4, 0), np.float32)
    assert_twins_agree(
        "shared_backward", rows, np.empty(0, np.int32), none, None, x, d_logits, 0.0, RULES["sgd"], n_terms=1
    )


def test_bf16_rounds_the_factors(rng: np.random.Generator) -> None:
    n_samples, n_ids, width = 64, 300, 48
    x, d_logits = random_floats(rng, n_samples, width), random_floats(rng, n_samples, n_ids)
    weights, ids = random_floats(rng, n_ids, width), np.arange(n_ids, dtype=np.int32)
    of = {}
    for bf16 in (False, True):
        rows = random_rows(np.random.default_rng(0), n_ids, width)
        d_x = kernels.shared_backward(rows, ids, weights, None, x, d_logits, 0.0, RULES["sgd"], bf16=bf16, n_threads=2)
        np.testing.assert_allclose(d_x, kernels.matmul(d_logits, weights, bf16=bf16, n_threads=1), rtol=0, atol=1e-4)
        of[bf16] = d_x
    assert np.array_equal(of[False], of[True]) == ("bf16" not in kernels.isa_in_use())


def test_arguments_must_fit(rng: np.random.Generator) -> None:
    rows, x, d_logits = random_rows(rng, 3, 8), random_floats(rng, 4, 8), random_floats(rng, 4, 2)
    ids, weights = np.array([0, 2], np.int32), random_floats(rng, 2, 8)
    rest = (0.0, RULES["sgd"])
    with pytest.raises(ValueError, match=r"d_logits must have shape \(4, 2\), but has \(4, 1\)"):
        kernels.shared_backward(rows, ids, weights, None, x, d_logits[:, :1].copy(), *rest, n_threads=1)
    with pytest.raises(ValueError, match=r"ids must lie in \[0, 3\)"):
        kernels.shared_backward(rows, ids + 1, weights, None, x, d_logits, *rest, n_threads=1)
    with pytest.raises(ValueError, match="norms must have length 2, but has 3"):
        kernels.shared_backward(rows, ids, weights, np.ones(3, np.float32), x, d_logits, *rest, n_threads=1)
