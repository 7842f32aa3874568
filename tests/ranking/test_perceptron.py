from __future__ import annotations

import numpy as np
import pytest

from slidelearn.ranking.perceptron import Perceptron


def _log_odds(network: Perceptron, inputs: np.ndarray) -> np.ndarray:
    return np.maximum(inputs @ network.hidden + network.hidden_biases, 0) @ network.output + network.constant


@pytest.mark.parametrize("n", [100, 511, 512, 5000])
def test_it_learns_what_no_line_divides(n: int) -> None:
    inputs = np.random.default_rng(1).standard_normal((n, 3)).astype(np.float32)
    is_so = inputs[:, 0] * inputs[:, 1] > 0
    found = _log_odds(Perceptron.trained(inputs, is_so, n_threads=1), inputs)
    assert np.mean((found > 0) == is_so) > 0.97


def test_its_answers_are_log_odds() -> None:
    rng = np.random.default_rng(2)
    inputs = rng.standard_normal((20_000, 1)).astype(np.float32)
    truth = 2 * inputs[:, 0] - 1
    is_so = rng.random(len(inputs)) < 1 / (1 + np.exp(-truth))
    network = Perceptron.trained(inputs, is_so, n_threads=1)
    assert np.abs(_log_odds(network, inputs) - truth)[np.abs(inputs[:, 0]) < 2].mean() < 0.15


def test_the_same_samples_give_the_same_bits() -> None:
    inputs = np.random.default_rng(3).standard_normal((700, 2)).astype(np.float32)
    first, second = (Perceptron.trained(inputs, inputs[:, 0] > 0, n_threads=n) for n in (1, 2))
    assert all(np.array_equal(*arrays) for arrays in zip(first, second, strict=True))
    assert all(array.dtype == np.float32 for array in first)


def test_one_kind_alone_is_learnt_too() -> None:
    inputs = np.random.default_rng(4).standard_normal((50, 2)).astype(np.float32)
    assert (_log_odds(Perceptron.trained(inputs, np.ones(50, np.bool_), n_threads=1), inputs) > 2).all()
