"""What the tests share: random arguments for verbs, and comparing native verbs with their NumPy twins."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from slidelearn import kernels
from slidelearn.kernels import NO_DATA, Csr, Float, Rows, UpdateRule, reference
from slidelearn.network.optim import ParameterRows

WIDTHS = [1, 3, 17, 128, 130]
RULES = {
    "sgd": UpdateRule(0, 0.1, 0.0, 0.0, 0.0),
    "adagrad": UpdateRule(1, 0.1, 0.0, 0.0, 1e-6),
    "adam": UpdateRule(2, 0.1, 0.9, 0.999, 1e-6),
}
EPSILON = float(np.finfo(np.float32).eps)


def random_rows(rng: np.random.Generator, n_rows: int, width: int, optimizer: str = "sgd") -> Rows:
    """Rows in the middle of training: with weights, biases and a state."""
    rows = ParameterRows(n_rows, width, optimizer)
    for name, array in rows.named_arrays():
        if name in ("weights", "bias", "m", "bias_m"):
            array[...] = rng.standard_normal(array.shape)
        elif name == "n_updates":
            array[...] = rng.integers(1, 50, array.shape)
        else:
            array[...] = rng.uniform(0.5, 1.5, array.shape)
    return rows.rows


def random_csr(rng: np.random.Generator, n_rows: int, n_columns: int, most: int, *, data: bool = True) -> Csr:
    """Up to `most` distinct columns in each row; some rows have none."""
    rows = [rng.permutation(n_columns)[: rng.integers(0, min(most, n_columns) + 1)] for _ in range(n_rows)]
    if len(rows) > 1:
        rows[0] = rows[0][:0]
    indptr = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    indices = np.concatenate([np.empty(0), *rows]).astype(np.int32)
    return Csr(indptr, indices, random_floats(rng, len(indices)) if data else NO_DATA)


def random_floats(rng: np.random.Generator, *shape: int) -> Float:
    return rng.standard_normal(shape, dtype=np.float32)


def assert_twins_agree(
    name: str, *args: Any, n_terms: int, magnitude: float = 1.0, one_writer: bool = True, **options: Any
) -> None:
    """Hold a native verb against its NumPy twin: what it returns, and what it leaves of its arguments.

    Floats may differ as sums of `n_terms` terms of the given magnitude do that are taken in another order; integers not
    at all. On 2 and 4 threads the native verb must give the same bits as on one, where each row has one writer.
    """
    expected = _outcome(getattr(reference, name), args, n_threads=1, **options)
    actual = _outcome(getattr(kernels, name), args, n_threads=1, **options)
    assert len(actual) == len(expected)
    for a, e in zip(actual, expected, strict=True):
        assert a.dtype == e.dtype
        if a.dtype == np.float32:
            np.testing.assert_allclose(a, e, rtol=8 * EPSILON, atol=(n_terms + 8) * EPSILON * magnitude)
        else:
            np.testing.assert_array_equal(a, e)
    for n_threads in (2, 4) if one_writer else ():
        for a, b in zip(actual, _outcome(getattr(kernels, name), args, n_threads=n_threads, **options), strict=True):
            np.testing.assert_array_equal(b, a)


def _outcome(verb: Any, args: tuple[Any, ...], **options: Any) -> list[np.ndarray]:
    args = copy.deepcopy(args)
    return [*_arrays(verb(*args, **options)), *_arrays(args)]


def _arrays(value: Any) -> list[np.ndarray]:
    if isinstance(value, np.ndarray):
        return [value]
    return [array for part in value for array in _arrays(part)] if isinstance(value, tuple) else []


class Planted(NamedTuple):
    """A small data set in which every label has features of its own, which its samples show among others."""

    X: sparse.csr_array
    Y: sparse.csr_array
    X_test: sparse.csr_array
    Y_test: sparse.csr_array


def planted_samples(rng: np.random.Generator, n_labels: int = 50, n_features: int = 120) -> Planted:
    signs = np.array([rng.choice(n_features, 6, replace=False) for _ in range(n_labels)])

    def samples(n: int) -> tuple[sparse.csr_array, sparse.csr_array]:
        X, Y = np.zeros((n, n_features), np.float32), np.zeros((n, n_labels), np.float32)
        for i in range(n):
            labels = rng.choice(n_labels, rng.integers(1, 4), replace=False)
            Y[i, labels] = 1.0
            for label in labels:
                X[i, rng.choice(signs[label], 5, replace=False)] = 1.0
            X[i, rng.choice(n_features, 3, replace=False)] = 1.0
        return sparse.csr_array(X / np.linalg.norm(X, axis=1, keepdims=True)), sparse.csr_array(Y)

    return Planted(*samples(1200), *samples(300))
