"""A perceptron with one small hidden layer: tells from a few numbers whether something is so.

Trained in place of scikit-learn's `MLPClassifier`, which takes more than ten times as long for networks this small.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from slidelearn import kernels
from slidelearn.kernels import Float

WIDTH = 32
"""Hidden units: more gain nothing."""
N_STEPS, BATCH_SIZE = 1500, 512
LEARNING_RATE, BETA_1, BETA_2, EPSILON = 0.02, 0.9, 0.999, 1e-8
"""Of Adam; the learning rate falls to 0 linearly."""
_DECAYS = 1e-4, 0.0, 1e-4, 0.0
"""Weights of half the squares of the arrays in the loss."""


class Perceptron(NamedTuple):
    """Log-odds from numbers, by rectified linear units."""

    hidden: Float
    """(n_inputs, width): from the inputs to the hidden units."""
    hidden_biases: Float
    """(width,)."""
    output: Float
    """(width,)."""
    constant: Float
    """(1,)."""

    @classmethod
    def trained(cls, inputs: Float, is_so: NDArray[np.bool_], *, n_threads: int) -> Self:
        """Learn by logistic loss, with Adam (Kingma and Ba, 2015).

        Parameters
        ----------
        inputs
            (n, n_inputs): of mean 0 and variance 1, about.
        is_so
            (n,).
        """
        rng = np.random.default_rng(0)
        network, weights = cls._drawn(inputs.shape[1], rng)
        decay = _side_by_side([np.full(array.shape, rate) for array, rate in zip(network, _DECAYS, strict=True)])
        mean, square = np.zeros_like(weights), np.zeros_like(weights)
        signs = np.where(is_so, np.float32(1), np.float32(-1))
        for step, samples in enumerate(_batches(len(inputs), rng), 1):
            rate = LEARNING_RATE * (1 - step / (N_STEPS + 1)) * np.sqrt(1 - BETA_2**step) / (1 - BETA_1**step)
            gradient = kernels.perceptron_gradient(network, inputs, signs, samples, n_threads=n_threads)
            gradient += decay * weights
            mean += (1 - BETA_1) * (gradient - mean)
            square += (1 - BETA_2) * (gradient * gradient - square)
            weights -= np.float32(rate) * mean / (np.sqrt(square) + EPSILON)
        return network

    def of_inputs(self, middle: Float, scale: Float) -> Self:
        """The same for inputs of this mean and standard deviation, instead of 0 and 1."""
        hidden = (self.hidden / scale[:, None]).astype(np.float32)
        hidden_biases = (self.hidden_biases - middle @ hidden).astype(np.float32)
        return self._replace(hidden=hidden, hidden_biases=hidden_biases)

    @classmethod
    def empty(cls, n_inputs: int, width: int) -> Self:
        """Room for one that is to be read from a file."""
        shapes = ((n_inputs, width), (width,), (width,), (1,))
        return cls(*(np.zeros(shape, np.float32) for shape in shapes))

    @classmethod
    def _drawn(cls, n_inputs: int, rng: np.random.Generator) -> tuple[Self, Float]:
        """First weights, as Glorot and Bengio (2010) draw them, and the one array that they are views of."""

        def drawn(n_from: int, n_to: int, shape: tuple[int, ...]) -> Float:
            bound = np.sqrt(6 / (n_from + n_to))
            return rng.uniform(-bound, bound, shape).astype(np.float32)

        hidden, output = drawn(n_inputs, WIDTH, (n_inputs, WIDTH)), drawn(WIDTH, 1, (WIDTH,))
        weights = _side_by_side((hidden, np.zeros(WIDTH, np.float32), output, np.zeros(1, np.float32)))
        parts = np.split(weights, np.cumsum([hidden.size, WIDTH, WIDTH]))
        return cls(parts[0].reshape(hidden.shape), *parts[1:]), weights


def _side_by_side(arrays: Sequence[Float]) -> Float:
    """The elements of all of them in one array: an operation on it costs a fraction of one on each."""
    return np.concatenate([array.reshape(-1) for array in arrays], dtype=np.float32)


def _batches(n: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """The samples of each step: all of them in a random order, then in another one."""
    size, n_left = min(BATCH_SIZE, n), N_STEPS
    while n_left:
        order = rng.permutation(n)
        for begin in range(0, min(n_left, n // size) * size, size):
            yield order[begin : begin + size]
        n_left -= min(n_left, n // size)
