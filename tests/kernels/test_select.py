"""Scores here are small whole numbers, which no order of summation can change, and which tie often."""

from __future__ import annotations

import numpy as np
import pytest
from support import assert_twins_agree, random_csr, random_floats, random_rows

from slidelearn import kernels
from slidelearn.kernels import WIDEST_QUANTIZED, Float, Labels, reference
from slidelearn.network.layers import MOST_KEPT, NeuronLayer
from slidelearn.network.optim import ParameterRows

pytestmark = pytest.mark.usefixtures("isa")


def _whole(rng: np.random.Generator, *shape: int) -> Float:
    return rng.integers(-4, 5, shape).astype(np.float32)


@pytest.mark.parametrize("k", [1, 3, 64])
@pytest.mark.parametrize("n_columns", [0, 1, 17, 130])
@pytest.mark.parametrize("n_samples", [0, 30])
def test_top_others_of_a_shared_set(rng: np.random.Generator, n_samples: int, n_columns: int, k: int) -> None:
    own = [rng.permutation(n_columns)[: rng.integers(0, 4)] for _ in range(n_samples)]
    labels = Labels(np.cumsum([0, *map(len, own)]), np.concatenate([np.empty(0), *own]).astype(np.int32))
    ids = np.sort(rng.permutation(500)[:n_columns]).astype(np.int32)
    logits = _whole(rng, n_samples * n_columns)
    assert_twins_agree("top_others", logits, None, ids, labels, k, n_terms=0)


@pytest.mark.parametrize("k", [1, 8])
def test_top_others_of_a_set_per_sample(rng: np.random.Generator, k: int) -> None:
    active = random_csr(rng, 40, 500, 150)
    n_own = np.minimum(np.diff(active.indptr), rng.integers(0, 4, 40))
    columns = np.concatenate([np.arange(n) for n in n_own]).astype(np.int32)
    labels = Labels(np.cumsum([0, *n_own]), columns)
    logits = _whole(rng, len(active.indices))
    assert_twins_agree("top_others", logits, active.indptr, active.indices, labels, k, n_terms=0)


@pytest.mark.parametrize("k", [1, 5, 9])
@pytest.mark.parametrize("share", [0.1, 0.95, 1.0])
def test_top_others_among_what_is_not_a_number(rng: np.random.Generator, share: float, k: int) -> None:
    logits = _whole(rng, 20 * 300)
    logits[rng.random(logits.shape) < share] = np.nan
    labels = Labels(np.arange(21), rng.integers(0, 300, 20, dtype=np.int32))
    assert_twins_agree("top_others", logits, None, np.arange(300, dtype=np.int32), labels, k, n_terms=0)


@pytest.mark.parametrize("with_scales", [False, True])
@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("n_rows", [5, 1300])
@pytest.mark.parametrize("n_samples", [0, 1, 20])
def test_exact_top_k(rng: np.random.Generator, n_samples: int, n_rows: int, k: int, with_scales: bool) -> None:
    rows = ParameterRows(n_rows, 9, "sgd")
    rows.weights[...], rows.bias[...] = _whole(rng, n_rows, 9), _whole(rng, n_rows)
    scales = 2.0 ** _whole(rng, n_rows) if with_scales else None
    hidden = _whole(rng, n_samples, 9)
    assert_twins_agree("exact_top_k", rows.rows, scales, hidden, k, n_terms=0)


def test_a_sample_gets_the_same_bits_alone_and_among_others(rng: np.random.Generator) -> None:
    rows, hidden = random_rows(rng, 700, 37), random_floats(rng, 30, 37)
    ids, scores = kernels.exact_top_k(rows, None, hidden, 9, n_threads=2)
    for i in range(30):
        ids_alone, scores_alone = kernels.exact_top_k(rows, None, hidden[i : i + 1], 9, n_threads=1)
        np.testing.assert_array_equal(ids_alone[0], ids[i])
        np.testing.assert_array_equal(scores_alone[0], scores[i])


@pytest.mark.parametrize("with_scales", [False, True])
@pytest.mark.parametrize("n_rows", [5, 1300])
@pytest.mark.parametrize("n_samples", [0, 1, 20])
def test_exact_logits(rng: np.random.Generator, n_samples: int, n_rows: int, with_scales: bool) -> None:
    rows, hidden = random_rows(rng, n_rows, 9), random_floats(rng, n_samples, 9)
    scales = np.abs(random_floats(rng, n_rows)) if with_scales else None
    assert_twins_agree("exact_logits", rows, scales, hidden, n_terms=9, magnitude=3.0)
    ids, scores = kernels.exact_top_k(rows, scales, hidden, n_rows, n_threads=1)
    logits = kernels.exact_logits(rows, scales, hidden, n_threads=1)
    np.testing.assert_array_equal(np.take_along_axis(logits, ids, axis=1), scores)


@pytest.mark.parametrize("n_samples", [1, 70])
def test_very_many_of_the_best_neurons(rng: np.random.Generator, n_samples: int) -> None:
    layer, x = NeuronLayer(8, 3000, "sgd"), random_floats(rng, n_samples, 8)
    layer.neurons.weights[...] = random_floats(rng, 3000, 8)
    layer.neurons.weights[2000:] = layer.neurons.weights[:1000]  # of equal ones the first
    ids, logits = layer.top_k(x, 3000, n_threads=1)
    for k in (1000, MOST_KEPT, MOST_KEPT + 1):
        some_ids, some_logits = layer.top_k(x, k, n_threads=1)
        np.testing.assert_array_equal(some_ids, ids[:, :k])
        np.testing.assert_array_equal(some_logits, logits[:, :k])


def test_exact_top_k_refuses_more_than_there_are() -> None:
    rows = ParameterRows(4, 8, "sgd").rows
    with pytest.raises(ValueError, match=r"k must lie in \[1, 4\], but is 5"):
        kernels.exact_top_k(rows, None, np.zeros((1, 8), np.float32), 5, n_threads=1)


@pytest.mark.parametrize("with_scales", [False, True])
@pytest.mark.parametrize("n_rows", [5, 48, 1300])
@pytest.mark.parametrize("width", [1, 9, 64])
def test_quantize_rows(rng: np.random.Generator, width: int, n_rows: int, with_scales: bool) -> None:
    rows = random_rows(rng, n_rows, width)
    rows.memory[2, :width] = 0.0
    scales = random_floats(rng, n_rows) if with_scales else None
    assert_twins_agree("quantize_rows", rows, scales, n_terms=0)


@pytest.mark.parametrize("with_scales", [False, True])
@pytest.mark.parametrize(("n_rows", "k"), [(5, 1), (5, 5), (1300, 1), (1300, 5), (1300, 70)])
@pytest.mark.parametrize("n_samples", [0, 1, 8, 21])
def test_scan_top_k(rng: np.random.Generator, n_samples: int, n_rows: int, k: int, with_scales: bool) -> None:
    rows, hidden = random_rows(rng, n_rows, 64), random_floats(rng, n_samples, 64)
    scales = np.abs(random_floats(rng, n_rows)) if with_scales else None
    quantized = kernels.QuantizedRows(*kernels.quantize_rows(rows, scales, n_threads=1))
    args = (rows, scales, quantized, hidden, k)
    assert_twins_agree("scan_top_k", *args, n_terms=64, magnitude=3.0)
    ids, _ = kernels.scan_top_k(*args, n_threads=1)
    exact, _ = kernels.exact_top_k(rows, scales, hidden, k, n_threads=1)
    np.testing.assert_array_equal(ids, exact)


@pytest.mark.parametrize("n_better", [0, 3, 60])
def test_of_equal_rows_the_first_are_scanned(rng: np.random.Generator, n_better: int) -> None:
    rows, hidden = ParameterRows(3000, 8, "sgd"), random_floats(rng, 9, 8)
    rows.bias[rng.permutation(3000)[:n_better]] = 1.0
    quantized = kernels.QuantizedRows(*kernels.quantize_rows(rows.rows, None, n_threads=1))
    assert_twins_agree("scan_top_k", rows.rows, None, quantized, hidden, 20, n_terms=0)


def test_the_widest_rows_that_are_scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their sums come up to the ends of 32 bits; wider ones are compared exactly."""
    layers = [NeuronLayer(width, 20, "sgd") for width in (WIDEST_QUANTIZED, WIDEST_QUANTIZED + 1)]
    for layer in layers:
        layer.neurons.weights[...] = np.where(np.arange(20) < 19, -1.0, 1.0)[:, None]
    rows = layers[0].neurons.rows
    hidden = np.stack([np.ones(rows.width, np.float32), np.full(rows.width, -1.0, np.float32)])
    quantized = kernels.QuantizedRows(*kernels.quantize_rows(rows, None, n_threads=1))
    ids, scores = kernels.scan_top_k(rows, None, quantized, hidden, 1, n_threads=1)
    assert ids.tolist() == [[19], [0]]
    np.testing.assert_allclose(scores, rows.width, rtol=1e-5)

    layer = layers[1]
    for verbs in (kernels, reference):
        with pytest.raises(ValueError, match="rows must be at most 132104 wide to be rounded, but are 132105"):
            verbs.quantize_rows(layer.neurons.rows, None, n_threads=1)
    monkeypatch.setattr(kernels, "scans_int8", lambda: True)
    ids, _ = layer.top_k(np.ones((1, layer.n_inputs), np.float32), 1, n_threads=1)
    assert ids.tolist() == [[19]]


def test_rows_that_are_no_numbers_are_never_among_the_best(rng: np.random.Generator) -> None:
    rows, hidden = random_rows(rng, 60, 8), random_floats(rng, 3, 8)
    rows.memory[7] = np.nan
    quantized = kernels.QuantizedRows(*kernels.quantize_rows(rows, None, n_threads=1))
    ids, scores = kernels.scan_top_k(rows, None, quantized, hidden, 59, n_threads=1)
    assert 7 not in ids
    assert np.isfinite(scores).all()
    with pytest.raises(ValueError, match="quantized must be what quantize_rows makes of these rows"):
        kernels.scan_top_k(random_rows(rng, 60, 12), None, quantized, random_floats(rng, 3, 12), 5, n_threads=1)
