"""Training from end to end, on a small data set that can be learned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from support import Planted

from slidelearn.batches import Samples, to_csr
from slidelearn.callbacks import Callback
from slidelearn.config import make_config
from slidelearn.network.label_rows import start_label_rows
from slidelearn.network.layers import Execution, densify
from slidelearn.network.network import Network
from slidelearn.training.trainer import Progress, Trainer

SMALL = {"hidden_sizes": (32,), "batch_size": 32, "n_negatives": 20}
PLAIN = {
    "logits": "inner_product",
    "hidden_activation": "relu",
    "hidden_bias": True,
    "label_init": "random",
    "n_epochs": 12,
}
RATES = {"sgd": 1.0, "adagrad": 0.1, "adam": 0.03}


def _train(data: Planted, n_threads: int = 2, **options: Any) -> tuple[Network, Progress]:
    config = make_config(**{**SMALL, **options})
    rng = np.random.default_rng(config.random_state)
    network = Network(config, data.X.shape[1], data.Y.shape[1], rng)
    samples = Samples(data.X, data.Y)
    if config.label_init == "samples":
        start_label_rows(network, samples, rng, Execution(n_threads))
    return network, Trainer(network, config, samples, n_threads, rng).fit(config.n_epochs)


def _precision_at_1(network: Network, data: Planted) -> float:
    hidden = network.forward_hidden(to_csr(data.X_test), seed=0, run=Execution(2)).hidden
    assert not isinstance(hidden, tuple)
    best, _ = network.output.top_k(hidden, 1, n_threads=2)
    return float(data.Y_test.toarray()[np.arange(len(best)), best[:, 0]].mean())


def _assert_same(a: Network, b: Network) -> None:
    for (name, x), (same_name, y) in zip(a.named_arrays(), b.named_arrays(), strict=True):
        assert name == same_name
        np.testing.assert_array_equal(x, y)


def test_the_recipe_learns(planted: Planted) -> None:
    network, progress = _train(planted)
    assert _precision_at_1(network, planted) > 0.97
    assert progress.step == progress.n_steps == 4 * 38
    assert progress.n_samples == 4 * 1200
    assert 32 < progress.active <= 50


@pytest.mark.parametrize("optimizer", RATES)
@pytest.mark.parametrize("loss", ["softmax", "logistic"])
@pytest.mark.parametrize("logits", ["cosine", "inner_product"])
def test_every_optimizer_and_loss_learns(planted: Planted, logits: str, loss: str, optimizer: str) -> None:
    rate = 0.1 if (logits, optimizer) == ("cosine", "sgd") else RATES[optimizer]  # logit_scale multiplies gradients
    network, _ = _train(
        planted, **{**PLAIN, "logits": logits}, loss=loss, optimizer=optimizer, learning_rate=rate, sampler="full"
    )
    assert _precision_at_1(network, planted) > 0.9


@pytest.mark.parametrize("activation", ["relu", "linear"])
@pytest.mark.parametrize("hidden_sizes", [(32,), (32, 24)])
@pytest.mark.parametrize("active_set", ["shared", "per_sample"])
def test_every_shape_learns(planted: Planted, active_set: str, hidden_sizes: tuple[int, ...], activation: str) -> None:
    network, _ = _train(
        planted,
        hidden_sizes=hidden_sizes,
        hidden_activation=activation,
        active_set=active_set,
        sampler="batch+uniform",
        n_epochs=8,
    )
    assert _precision_at_1(network, planted) > 0.85


@pytest.mark.parametrize("active_set", ["shared", "per_sample"])
@pytest.mark.parametrize("optimizer", RATES)
def test_hogwild_learns(planted: Planted, optimizer: str, active_set: str) -> None:
    network, _ = _train(
        planted,
        **PLAIN,
        n_threads=4,
        deterministic=False,
        optimizer=optimizer,
        learning_rate=RATES[optimizer],
        active_set=active_set,
        sampler="frequency",
    )
    assert _precision_at_1(network, planted) > 0.85


@pytest.mark.parametrize(
    "options",
    [
        {},
        {**PLAIN, "active_set": "per_sample", "sampler": "uniform+memory", "optimizer": "adam", "learning_rate": 0.01},
        {"hidden_sizes": (32, 24), "loss": "logistic", "sampler": "full", "optimizer": "sgd"},
    ],
)
def test_deterministic_training_gives_the_same_bits_on_any_number_of_threads(
    planted: Planted, options: dict[str, Any]
) -> None:
    options = {**options, "n_epochs": 2}
    first, _ = _train(planted, n_threads=1, **options)
    for n_threads in (1, 2, 4):
        again, _ = _train(planted, n_threads=n_threads, **options)
        _assert_same(first, again)
    other, _ = _train(planted, **options, random_state=1)
    assert (first.output.neurons.weights != other.output.neurons.weights).any()


def test_label_rows_start_as_the_direction_of_their_samples(planted: Planted) -> None:
    Y = sparse.csr_array(planted.Y.toarray() * (np.arange(50) != 7))  # label 7 has no sample
    samples = Samples(planted.X, Y)
    config = make_config(**SMALL)
    network = Network(config, planted.X.shape[1], 50, np.random.default_rng(0))
    start_label_rows(network, samples, np.random.default_rng(1), Execution(2))
    hidden = network.forward_hidden(samples.features, seed=0, run=Execution(1)).hidden
    assert isinstance(hidden, np.ndarray)
    expected = Y.toarray().T @ (hidden / np.linalg.norm(hidden, axis=1, keepdims=True))
    others = np.arange(50) != 7
    expected = expected[others] / np.linalg.norm(expected[others], axis=1, keepdims=True)
    np.testing.assert_allclose(network.output.neurons.weights[others], expected, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(network.output.neurons.weights[7]), 1.0, atol=0.5)
    np.testing.assert_array_equal(network.output.neurons.bias, 0.0)


def test_samples_without_features_do_no_harm(planted: Planted) -> None:
    """Their hidden vector is zero at first: the gradient of a cosine there must not swamp the hidden biases."""
    empty = planted.X.toarray()
    empty[::10] = 0.0
    data = planted._replace(X=sparse.csr_array(empty))
    for options in ({"hidden_sizes": (32, 24)}, {"hidden_bias": True}):
        network, _ = _train(data, **options, n_epochs=6)
        assert _precision_at_1(network, planted) > 0.9
        assert all(np.abs(array).max(initial=0.0) < 1e4 for _, array in network.named_arrays())


class _Log(Callback):
    def __init__(self) -> None:
        self.calls: list[str] = []

    def on_begin(self, progress: Progress) -> None:
        self.calls.append("begin")

    def on_step(self, progress: Progress) -> None:
        self.calls.append(f"step {progress.step}")

    def on_epoch(self, progress: Progress) -> None:
        self.calls.append(f"epoch {progress.epoch}")

    def on_end(self, progress: Progress) -> None:
        self.calls.append("end")


def test_callbacks_see_every_step_and_epoch(planted: Planted) -> None:
    config = make_config(**SMALL)
    rng, log = np.random.default_rng(0), _Log()
    network = Network(config, planted.X.shape[1], planted.Y.shape[1], rng)
    samples = Samples(planted.X[:80], planted.Y[:80])
    Trainer(network, config, samples, 1, rng).fit(2, callbacks=[log])
    assert log.calls == [
        "begin", "step 1", "step 2", "step 3", "epoch 1", "step 4", "step 5", "step 6", "epoch 2", "end",
    ]  # fmt: skip


def test_densify() -> None:
    x = to_csr(sparse.csr_array(np.array([[0, 2, 0], [1, 0, 3]], np.float32)))
    np.testing.assert_array_equal(densify(x, 3), [[0, 2, 0], [1, 0, 3]])
