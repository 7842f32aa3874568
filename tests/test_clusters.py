from __future__ import annotations

import numpy as np
import pytest
from support import random_floats

from slidelearn.clusters import LabelClusters
from slidelearn.kernels import Float
from slidelearn.layers import NeuronLayer


def _layer(rng: np.random.Generator, n_neurons: int, *, scale: float = 5.0) -> NeuronLayer:
    """Rows that crowd around twenty directions."""
    layer = NeuronLayer(16, n_neurons, "sgd", scale=scale)
    directions = random_floats(rng, 20, 16)
    layer.neurons.weights[...] = directions[rng.integers(0, 20, n_neurons)] + 0.3 * random_floats(rng, n_neurons, 16)
    layer.neurons.bias[...] = 0.1 * random_floats(rng, n_neurons)
    return layer


def _near_rows(rng: np.random.Generator, layer: NeuronLayer, n: int) -> Float:
    rows = layer.neurons.weights[rng.integers(0, layer.n_neurons, n)]
    return np.ascontiguousarray(rows + 0.2 * random_floats(rng, n, 16))


@pytest.mark.parametrize("scale", [0.0, 5.0])
def test_a_few_clusters_have_most_of_the_best(rng: np.random.Generator, scale: float) -> None:
    layer = _layer(rng, 3000, scale=scale)
    clusters = LabelClusters(layer, rng, n_threads=2)
    x = _near_rows(rng, layer, 200)
    exact, exact_logits = layer.top_k(x, 10, 1)
    ids, logits = clusters.top_k(x, 10, clusters.n_clusters // 10, 1)
    assert 150 < clusters.n_clusters < 300
    recall = np.mean([np.isin(a, b).mean() for a, b in zip(exact, ids, strict=True)])
    assert recall > 0.7
    assert (np.diff(logits, axis=1) <= 0).all()
    same = exact[:, 0] == ids[:, 0]
    np.testing.assert_allclose(logits[same, 0], exact_logits[same, 0], rtol=1e-5)


def test_all_clusters_have_all_neurons(rng: np.random.Generator) -> None:
    layer = _layer(rng, 300)
    clusters = LabelClusters(layer, rng, n_threads=1)
    x = _near_rows(rng, layer, 20)
    ids, _ = clusters.top_k(x, 300, clusters.n_clusters, 1)
    assert (np.sort(ids, axis=1)[:, -300:] == np.arange(300)).all()


@pytest.mark.parametrize("n_neurons", [1, 2, 7])
def test_few_neurons(rng: np.random.Generator, n_neurons: int) -> None:
    layer = _layer(rng, n_neurons)
    layer.neurons.weights[0] = 0.0  # has no direction
    clusters = LabelClusters(layer, rng, n_threads=1)
    ids, logits = clusters.top_k(_near_rows(rng, layer, 3), 4, 2, 1)
    assert ids.shape == logits.shape == (3, 4)
    assert (ids[:, 0] >= 0).all()
    assert np.isneginf(logits[ids < 0]).all()


def test_the_same_at_any_number_of_threads(rng: np.random.Generator) -> None:
    layer = _layer(rng, 1000)
    x = _near_rows(rng, layer, 50)
    one, three = (LabelClusters(layer, np.random.default_rng(3), n).top_k(x, 10, 4, n) for n in (1, 3))
    for a, b in zip(one, three, strict=True):
        np.testing.assert_array_equal(a, b)
