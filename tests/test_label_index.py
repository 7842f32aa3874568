from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saved_models import rewrite_header
from support import random_floats

from slidelearn import CheckpointError, SlideClassifier, kernels
from slidelearn.datasets import Dataset
from slidelearn.kernels import Float, PqRows
from slidelearn.label_index import LabelIndex
from slidelearn.network.layers import NeuronLayer

SMALL: dict[str, Any] = {"hidden_sizes": (16,), "n_epochs": 2, "n_jobs": 1, "answers": "index"}


def _layer(rng: np.random.Generator, n_neurons: int, width: int, scale: float) -> NeuronLayer:
    """Rows around some directions, as those of a trained layer are."""
    layer = NeuronLayer(width, n_neurons, "none", scale=scale)
    directions = random_floats(rng, 1 + n_neurons // 40, width)
    layer.neurons.weights[...] = directions[rng.integers(0, len(directions), n_neurons)]
    layer.neurons.weights[...] += 0.7 * random_floats(rng, n_neurons, width)
    layer.neurons.bias[...] = 0.2 * random_floats(rng, n_neurons)
    return layer


def _queries(rng: np.random.Generator, layer: NeuronLayer, n: int) -> Float:
    nearest = layer.neurons.weights[rng.integers(0, layer.n_neurons, n)]
    return np.asarray(nearest + random_floats(rng, n, layer.n_inputs), np.float32)


def _recall(index: LabelIndex, layer: NeuronLayer, x: Float, k: int) -> float:
    found, exact = index.top_k(layer, x, k, 1)[0], layer.top_k(x, k, 1)[0]
    return float(np.mean([np.isin(e, f).mean() for e, f in zip(exact, found, strict=True)]))


@pytest.mark.parametrize("scale", [0.0, 12.0])
@pytest.mark.parametrize("width", [30, 64])
def test_it_finds_the_best(rng: np.random.Generator, width: int, scale: float) -> None:
    layer = _layer(rng, 20_000, width, scale)
    index = LabelIndex.of(layer, rng, 1)
    assert index.n_clusters > 500
    x = _queries(rng, layer, 100)
    assert _recall(index, layer, x, 5) > 0.9
    ids, logits = index.top_k(layer, x, 5, 1)
    exact = layer.top_k(x, 100, 1)
    for i in range(5):  # what is found has its exact logits
        of_id = dict(zip(exact[0][i].tolist(), exact[1][i].tolist(), strict=True))
        np.testing.assert_allclose(logits[i], [of_id[int(label)] for label in ids[i]], rtol=1e-5, atol=1e-5)


def test_it_is_the_same_on_any_number_of_threads(rng: np.random.Generator) -> None:
    layer = _layer(rng, 3000, 16, 12.0)
    one, three = (LabelIndex.of(layer, np.random.default_rng(0), n_threads) for n_threads in (1, 3))
    for (name, a), (_, b) in zip(one.named_arrays(), three.named_arrays(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


@pytest.mark.parametrize("n_neurons", [1, 2, 70])
def test_few_labels(rng: np.random.Generator, n_neurons: int) -> None:
    layer = _layer(rng, n_neurons, 8, 12.0)
    x = _queries(rng, layer, 10)
    ids, logits = LabelIndex.of(layer, rng, 1).top_k(layer, x, n_neurons, 1)
    exact, exact_logits = layer.top_k(x, n_neurons, 1)
    np.testing.assert_array_equal(ids, exact)
    np.testing.assert_allclose(logits, exact_logits, rtol=1e-5, atol=1e-5)


def test_it_follows_the_rows(rng: np.random.Generator) -> None:
    layer = _layer(rng, 5000, 32, 12.0)
    index = LabelIndex.of(layer, rng, 1)
    layer = _layer(rng, 5000, 32, 12.0)  # rows in other clusters now
    x = _queries(rng, layer, 100)
    before, after = _recall(index, layer, x, 5), _recall(index.refreshed(layer, 1), layer, x, 5)
    assert after > before + 0.1


def test_every_label_is_in_it_once(rng: np.random.Generator) -> None:
    rows = PqRows(*(array for _, array in list(LabelIndex.of(_layer(rng, 777, 8, 0.0), rng, 1).named_arrays())[2:]))
    np.testing.assert_array_equal(np.sort(rows.ids[rows.ids >= 0]), np.arange(777))


def test_answers_of_a_classifier(tiny: Dataset, tmp_path: Path) -> None:
    clf = SlideClassifier(**SMALL).fit(tiny.X_train, tiny.Y_train)
    for a, b in zip(clf.predict_topk(tiny.X_test), clf.predict_topk(tiny.X_test, method="index"), strict=True):
        np.testing.assert_array_equal(a, b)
    exact, _ = clf.predict_topk(tiny.X_test, method="exact")
    found, scores = clf.predict_topk(tiny.X_test)
    assert np.mean(found[:, 0] == exact[:, 0]) > 0.95
    assert clf.training_["index_seconds"] > 0

    clf.save(tmp_path / "model")
    loaded = SlideClassifier.load(tmp_path / "model", n_jobs=1)
    np.testing.assert_array_equal(loaded.predict_topk(tiny.X_test)[1], scores)
    clf.save(tmp_path / "small", inference_only=True)
    small, _ = SlideClassifier.load(tmp_path / "small", n_jobs=1).predict_topk(tiny.X_test)
    assert np.mean(small[:, 0] == found[:, 0]) > 0.95

    for each in (clf, loaded):
        each.partial_fit(tiny.X_train[:500], tiny.Y_train[:500])
    np.testing.assert_array_equal(loaded.predict_topk(tiny.X_test)[1], clf.predict_topk(tiny.X_test)[1])


def test_without_an_index(trained: SlideClassifier, tiny: Dataset) -> None:
    assert not [name for name, _ in trained.named_arrays() if name.startswith("index.")]
    with pytest.raises(ValueError, match="needs an index: train with answers='index', or choose method='exact'"):
        trained.predict_topk(tiny.X_test, method="index")


def test_arrays_that_do_not_fit_are_refused(tiny: Dataset, tmp_path: Path) -> None:
    clf = SlideClassifier(**SMALL).fit(tiny.X_train[:300], tiny.Y_train[:300])
    for name in ("starts", "ids", "codes", "codewords", "centre_biases"):
        clf.save(tmp_path / "model")

        def shorten(header: dict[str, Any], name: str = name) -> None:
            entry = header[f"index.{name}"]
            begin, end = entry["data_offsets"]
            entry["shape"][0] -= 1
            entry["data_offsets"][1] = end - (end - begin) // (entry["shape"][0] + 1)

        rewrite_header(tmp_path / "model", shorten)
        with pytest.raises(CheckpointError, match="index"):
            SlideClassifier.load(tmp_path / "model")


def test_codes_are_those_of_the_native_layout(rng: np.random.Generator) -> None:
    """The index and the verb agree on how many codes there are."""
    layer = _layer(rng, 100, 20, 0.0)
    arrays = dict(LabelIndex.of(layer, rng, 1).named_arrays())
    assert arrays["codes"].size == arrays["ids"].size * kernels.reference.pq.n_parts(20) // 2
