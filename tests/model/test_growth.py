"""Models that keep learning: what joins works, what stays does not move."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from slidelearn import SlideClassifier
from slidelearn.batches import to_csr
from slidelearn.model.growth import grow, remove_labels
from slidelearn.model.model import Model
from slidelearn.network.layers import Execution

N_FEATURES, N_LABELS = 60, 12


def _data(rng: np.random.Generator, n_features: int, n_labels: int, n: int = 240) -> tuple[Any, Any]:
    """Samples whose label is told by one feature, beside noise."""
    label = rng.integers(0, n_labels, n)
    X = sparse.random_array((n, n_features), density=0.1, rng=rng, dtype=np.float32).tolil()
    X[np.arange(n), label] = 3.0
    Y = sparse.csr_array((np.ones(n, np.float32), label, np.arange(n + 1)), (n, n_labels))
    return sparse.csr_array(X), Y


@pytest.fixture(
    params=[
        {},
        {"sampler": "lsh", "n_tables": 4, "hashes_per_table": 3},
        {"n_networks": 2, "n_models": 2},
        {"ranker": False},
    ]
)
def trained(rng: np.random.Generator, request: pytest.FixtureRequest) -> tuple[SlideClassifier, Any, Any]:
    X, Y = _data(rng, N_FEATURES, N_LABELS)
    options = {"hidden_sizes": (16,), "pilot": False, "answers": "index", "n_jobs": 1, **request.param}
    return SlideClassifier(**options).fit(X, Y), X, Y


def _model(clf: SlideClassifier) -> Model:
    return clf._model


def test_what_was_there_stays(trained: Any, rng: np.random.Generator) -> None:
    clf, _, _ = trained
    model = _model(clf)
    before = {name: array.copy() for name, array in model.named_arrays()}
    wider, more = _data(rng, N_FEATURES + 5, N_LABELS + 3)
    grow(model, wider, more, 1)
    after = dict(model.named_arrays())
    for name in ("input.weights", "output.weights", "output.bias", "output.row_v"):
        np.testing.assert_array_equal(after[name][: len(before[name])], before[name])
        assert len(after[name]) == len(before[name]) + (5 if name.startswith("input") else 3)
    new = after["output.weights"][N_LABELS:]
    np.testing.assert_allclose(np.linalg.norm(new, axis=1), 1, rtol=1e-5)
    assert not after["output.row_v"][N_LABELS:].any()
    assert after["input.weights"][N_FEATURES:].all()
    if model.members[0].ranker:
        assert model.members[0].ranker.is_sound()
        assert len(model.members[0].ranker.counts) == N_LABELS + 3
    assert model.members[0].index
    assert model.members[0].index.is_sound(N_LABELS + 3)


def test_new_labels_start_where_their_samples_are(trained: Any, rng: np.random.Generator) -> None:
    """Without any training, the row of a new label is the mean direction of its samples' hidden vectors."""
    clf, X, Y = trained
    model = _model(clf)
    again = sparse.csr_array(sparse.hstack([Y, Y[:, :2]]))  # two labels that are others under a new number
    grow(model, X, again, 1)
    hidden = model.networks[0].forward_hidden(to_csr(model.prepared(X)), 0, Execution(1)).hidden
    unit = hidden / np.linalg.norm(hidden, axis=1, keepdims=True)
    expected = Y[:, :2].T @ unit
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(model.networks[0].output.neurons.weights[N_LABELS:], expected, rtol=1e-4, atol=1e-5)


def test_removed_labels_leave_the_others_as_they_were(trained: Any) -> None:
    clf, _, _ = trained
    model = _model(clf)
    removed = np.array([0, 5], np.int32)
    kept = np.setdiff1d(np.arange(N_LABELS), removed)
    before = {name: array.copy() for name, array in model.named_arrays()}
    remove_labels(model, removed, 1)
    after = dict(model.named_arrays())
    for name in ("output.weights", "output.bias", "output.row_v"):
        np.testing.assert_array_equal(after[name], before[name][kept])
    np.testing.assert_array_equal(after["input.weights"], before["input.weights"])
    if model.members[0].ranker:
        assert model.members[0].ranker.is_sound()
        np.testing.assert_array_equal(model.members[0].ranker.counts, before["ranker.counts"][kept])
        np.testing.assert_array_equal(after["ranker.biases"], before["ranker.biases"][kept])
    assert model.members[0].index
    assert model.members[0].index.is_sound(N_LABELS - 2)


def test_index_of_a_grown_model_finds_new_labels(trained: Any, rng: np.random.Generator) -> None:
    clf, _, _ = trained
    model = _model(clf)
    X, Y = _data(rng, N_FEATURES, N_LABELS + 4)
    grow(model, X, Y, 1)
    output = model.networks[0].output
    queries = output.neurons.weights.copy()
    assert model.members[0].index
    by_index, _ = model.members[0].index.top_k(output, queries, 3, 1)
    exact, _ = output.top_k(queries, 3, 1)
    np.testing.assert_array_equal(by_index, exact)
