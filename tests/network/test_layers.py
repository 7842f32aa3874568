"""Gradients against finite differences of losses written out here in double precision."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from support import RULES, random_csr, random_floats

from slidelearn.kernels import NO_DATA, Csr, Labels
from slidelearn.network.active import ActiveSet, all_neurons, shared_set
from slidelearn.network.layers import Execution, NeuronLayer, SparseInput, densify
from slidelearn.network.losses import loss_and_gradient

Doubles = NDArray[np.float64]

RUN = Execution(n_threads=2)
SGD = RULES["sgd"]
N_SAMPLES, N_INPUTS, N_NEURONS = 4, 5, 9
LABELS = Csr(np.array([0, 1, 3, 3, 4]), np.array([2, 0, 7, 5], np.int32), NO_DATA)


def _active_set(kind: str, log_q: bool) -> ActiveSet:
    chosen = shared_set(LABELS, [np.array([1, 4], np.int32)])
    if kind == "per_sample":
        # the same ids in every sample, but its own labels first
        rows = []
        for i in range(N_SAMPLES):
            own = LABELS.indices[LABELS.indptr[i] : LABELS.indptr[i + 1]]
            rows.append([*own, *(id_ for id_ in chosen.ids if id_ not in own)])
        columns = np.concatenate([np.arange(n) for n in np.diff(LABELS.indptr)]).astype(np.int32)
        indptr = np.arange(N_SAMPLES + 1) * len(chosen.ids)
        chosen = ActiveSet(np.concatenate(rows).astype(np.int32), indptr, Labels(LABELS.indptr, columns))
    q = np.log(0.1 + 0.1 * chosen.ids.astype(np.float32)) if log_q else None
    return ActiveSet(chosen.ids, chosen.indptr, chosen.labels, q)


def _layer(rng: np.random.Generator, scale: float, optimizer: str = "sgd") -> NeuronLayer:
    layer = NeuronLayer(N_INPUTS, N_NEURONS, optimizer, scale=scale)
    layer.neurons.weights[...] = random_floats(rng, N_NEURONS, N_INPUTS)
    layer.neurons.bias[...] = random_floats(rng, N_NEURONS)
    return layer


def _loss(kind: str, x: Doubles, weights: Doubles, bias: Doubles, active: ActiveSet, scale: float) -> float:
    """The mean loss over the samples, by the book."""
    if scale:
        x = scale * x / np.linalg.norm(x, axis=1, keepdims=True)
        weights = weights / np.linalg.norm(weights, axis=1, keepdims=True)
    total = 0.0
    csr = active.csr
    for i in range(N_SAMPLES):
        begin, end = csr.indptr[i], csr.indptr[i + 1]
        ids = csr.indices[begin:end]
        own = np.isin(ids, LABELS.indices[LABELS.indptr[i] : LABELS.indptr[i + 1]])
        logits = weights[ids] @ x[i] + bias[ids]
        if active.log_q is not None:
            log_q = active.log_q if active.shared else active.log_q[begin:end]
            logits = logits - np.where(own, 0.0, log_q)
        if kind == "softmax":
            total += np.mean(np.log(np.sum(np.exp(logits))) - logits[own]) if own.any() else 0.0
        else:
            total += np.sum(np.log(1 + np.exp(np.where(own, -logits, logits))))
    return total / N_SAMPLES


def _numeric_gradient(loss: Callable[[Doubles], float], at: Doubles) -> Doubles:
    gradient = np.empty(at.shape)
    for place in np.ndindex(at.shape):
        step = np.zeros(at.shape)
        step[place] = 1e-5
        gradient[place] = (loss(at + step) - loss(at - step)) / 2e-5
    return gradient


@pytest.mark.parametrize("log_q", [False, True])
@pytest.mark.parametrize("active_kind", ["shared", "per_sample"])
@pytest.mark.parametrize("scale", [0.0, 3.0])
@pytest.mark.parametrize("kind", ["softmax", "logistic"])
def test_gradients(rng: np.random.Generator, kind: str, scale: float, active_kind: str, log_q: bool) -> None:
    layer, x, active = _layer(rng, scale), random_floats(rng, N_SAMPLES, N_INPUTS), _active_set(active_kind, log_q)
    w, b, x64 = (a.astype(np.float64) for a in (layer.neurons.weights, layer.neurons.bias, x))

    done = layer.forward(x, active, RUN)
    loss, d_logits = loss_and_gradient(kind, done.logits, active, RUN.n_threads)
    d_x = layer.backward(done, d_logits, SGD, RUN)

    def exact(x: Doubles, w: Doubles, b: Doubles) -> float:
        return _loss(kind, x, w, b, active, scale)

    assert loss == pytest.approx(exact(x64, w, b), rel=1e-5)
    np.testing.assert_allclose(d_x, _numeric_gradient(lambda x: exact(x, w, b), x64), atol=2e-5)
    d_w, d_b = _numeric_gradient(lambda w: exact(x64, w, b), w), _numeric_gradient(lambda b: exact(x64, w, b), b)
    np.testing.assert_allclose(layer.neurons.weights, w - SGD.learning_rate * d_w, atol=2e-5)
    np.testing.assert_allclose(layer.neurons.bias, b - SGD.learning_rate * d_b, atol=2e-5)


@pytest.mark.parametrize("scale", [0.0, 3.0])
def test_gradients_with_a_sampled_layer_below(rng: np.random.Generator, scale: float) -> None:
    layer, active = _layer(rng, scale), _active_set("per_sample", log_q=False)
    x = Csr(np.array([0, 2, 3, 5, 8]), np.array([1, 4, 0, 2, 3, 0, 1, 4], np.int32), random_floats(rng, 8))
    w, b, data = (a.astype(np.float64) for a in (layer.neurons.weights, layer.neurons.bias, x.data))

    def exact(data: Doubles, w: Doubles) -> float:
        dense = densify(x._replace(data=np.zeros(8, np.float32)), N_INPUTS).astype(np.float64)
        dense[np.repeat(np.arange(N_SAMPLES), np.diff(x.indptr)), x.indices] = data
        return _loss("softmax", dense, w, b, active, scale)

    done = layer.forward(x, active, RUN)
    _, d_logits = loss_and_gradient("softmax", done.logits, active, RUN.n_threads)
    d_x = layer.backward(done, d_logits, SGD, RUN)

    expected = _numeric_gradient(lambda data: exact(data, w), data)
    if isinstance(d_x, Csr):
        np.testing.assert_allclose(d_x.data, expected, atol=2e-5)
    else:  # a cosine needs the whole vector
        samples = np.repeat(np.arange(N_SAMPLES), np.diff(x.indptr))
        np.testing.assert_allclose(d_x[samples, x.indices], expected, atol=2e-5)
    d_w = _numeric_gradient(lambda w: exact(data, w), w)
    np.testing.assert_allclose(layer.neurons.weights, w - SGD.learning_rate * d_w, atol=2e-5)


@pytest.mark.parametrize("optimizer", RULES)
@pytest.mark.parametrize("scale", [0.0, 3.0])
def test_a_shared_set_equals_the_same_set_written_out_per_sample(
    rng: np.random.Generator, scale: float, optimizer: str
) -> None:
    x = random_floats(rng, N_SAMPLES, N_INPUTS)
    shared, per_sample = (_layer(np.random.default_rng(0), scale, optimizer) for _ in range(2))
    outcomes = []
    for layer, active in ((shared, _active_set("shared", True)), (per_sample, _active_set("per_sample", True))):
        done = layer.forward(x, active, RUN)
        loss, d_logits = loss_and_gradient("softmax", done.logits, active, RUN.n_threads)
        outcomes.append((loss, layer.backward(done, d_logits, RULES[optimizer], RUN)))
    assert outcomes[0][0] == pytest.approx(outcomes[1][0], rel=1e-6)
    np.testing.assert_allclose(outcomes[0][1], outcomes[1][1], atol=1e-6)
    np.testing.assert_allclose(shared.neurons.rows.memory, per_sample.neurons.rows.memory, rtol=1e-4, atol=1e-5)


def test_sparse_input_gradients(rng: np.random.Generator) -> None:
    layer = SparseInput(12, 5, "sgd", bias=True)
    assert layer.bias is not None
    layer.features.weights[...], layer.bias.weights[...] = random_floats(rng, 12, 5), random_floats(rng, 1, 5)
    w, b = layer.features.weights.astype(np.float64), layer.bias.weights.astype(np.float64)
    x = random_csr(rng, 6, 12, 7)
    dense = densify(x, 12).astype(np.float64)
    hidden = layer.forward(x, RUN)
    np.testing.assert_allclose(hidden, dense @ w + b, atol=1e-5)
    d_hidden = random_floats(rng, 6, 5)
    layer.backward(x, d_hidden, SGD, RUN)
    np.testing.assert_allclose(layer.features.weights, w - SGD.learning_rate * dense.T @ d_hidden, atol=1e-5)
    np.testing.assert_allclose(layer.bias.weights[0], b[0] - SGD.learning_rate * d_hidden.sum(axis=0), atol=1e-5)


@pytest.mark.parametrize("active_kind", ["shared", "per_sample"])
@pytest.mark.parametrize("optimizer", RULES)
def test_rows_that_are_not_active_do_not_change_by_a_bit(
    rng: np.random.Generator, optimizer: str, active_kind: str
) -> None:
    layer, active = _layer(rng, 3.0, optimizer), _active_set(active_kind, log_q=False)
    before = layer.neurons.rows.memory.copy()
    done = layer.forward(random_floats(rng, N_SAMPLES, N_INPUTS), active, RUN)
    _, d_logits = loss_and_gradient("softmax", done.logits, active, RUN.n_threads)
    layer.backward(done, d_logits, RULES[optimizer], RUN)
    changed = (layer.neurons.rows.memory != before).any(axis=1)
    np.testing.assert_array_equal(np.flatnonzero(changed), np.unique(active.ids))


def test_many_active_neurons_go_back_block_by_block(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    x, memories, gradients = random_floats(rng, N_SAMPLES, N_INPUTS), [], []
    for many in (8192, 4):
        monkeypatch.setattr("slidelearn.network.layers.MANY", many)
        layer, active = _layer(np.random.default_rng(0), 3.0, "adam"), all_neurons(N_NEURONS, LABELS)
        done = layer.forward(x, active, RUN)
        _, d_logits = loss_and_gradient("logistic", done.logits, active, RUN.n_threads)
        gradients.append(layer.backward(done, d_logits, RULES["adam"], RUN))
        memories.append(layer.neurons.rows.memory)
    np.testing.assert_array_equal(*memories)
    np.testing.assert_allclose(*gradients, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("scale", [0.0, 3.0])
def test_top_k_follows_the_rows(rng: np.random.Generator, scale: float) -> None:
    layer, x = _layer(rng, scale), random_floats(rng, N_SAMPLES, N_INPUTS)
    everything = all_neurons(N_NEURONS, LABELS)
    for _ in range(2):
        ids, scores = layer.top_k(x, 3, n_threads=2)
        done = layer.forward(x, everything, RUN)
        np.testing.assert_allclose(scores, -np.sort(-done.logits, axis=1)[:, :3], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(np.take_along_axis(done.logits, ids, axis=1), scores, rtol=1e-5, atol=1e-5)
        _, d_logits = loss_and_gradient("softmax", done.logits, everything, 2)
        layer.backward(done, 100 * d_logits, SGD, RUN)
