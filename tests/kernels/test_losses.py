from __future__ import annotations

import numpy as np
import pytest
from support import assert_twins_agree, random_csr, random_floats

from slidelearn import kernels
from slidelearn.kernels import Labels, Offsets

LOSSES = ["softmax_loss", "logistic_loss"]


def _labels(rng: np.random.Generator, lengths: list[int]) -> Labels:
    """Up to three of the logits of each sample; the first sample has none."""
    counts = [min(rng.integers(0, 4), n) if i else 0 for i, n in enumerate(lengths)]
    columns = [rng.permutation(n)[:count] for n, count in zip(lengths, counts, strict=True)]
    return Labels(np.cumsum([0, *counts]), np.concatenate([np.empty(0), *columns]).astype(np.int32))


@pytest.mark.parametrize("with_log_q", [False, True])
@pytest.mark.parametrize(("n_samples", "n_columns"), [(0, 5), (3, 0), (1, 1), (20, 3), (20, 17), (9, 130)])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.usefixtures("isa")
def test_shared_active_set(
    rng: np.random.Generator, loss: str, n_samples: int, n_columns: int, with_log_q: bool
) -> None:
    logits = 5 * random_floats(rng, n_samples * n_columns)
    labels = _labels(rng, [n_columns] * n_samples)
    log_q = -np.abs(random_floats(rng, n_columns)) if with_log_q else None
    assert_twins_agree(loss, logits, None, log_q, labels, 0.25, n_terms=n_columns, magnitude=8.0)


@pytest.mark.parametrize("with_log_q", [False, True])
@pytest.mark.parametrize("most", [1, 17, 130])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.usefixtures("isa")
def test_active_set_per_sample(rng: np.random.Generator, loss: str, most: int, with_log_q: bool) -> None:
    indptr: Offsets = random_csr(rng, 20, 200, most).indptr
    logits = 5 * random_floats(rng, indptr[-1])
    labels = _labels(rng, np.diff(indptr).tolist())
    log_q = -np.abs(random_floats(rng, indptr[-1])) if with_log_q else None
    assert_twins_agree(loss, logits, indptr, log_q, labels, 0.25, n_terms=most, magnitude=8.0)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.usefixtures("isa")
def test_no_logit_is_too_large_or_too_small(loss: str) -> None:
    logits = np.array([1e4, -1e4, 0.0, -1e4, 1e4, 88.0, -88.0, 3e38], np.float32)
    labels = Labels(np.array([0, 1, 2]), np.array([0, 0], np.int32))
    losses = getattr(kernels, loss)(logits, None, None, labels, 1.0, n_threads=1)
    assert np.isfinite(losses).all()
    assert np.isfinite(logits).all()
    assert np.abs(logits).max() <= 1.0


@pytest.mark.parametrize("loss", LOSSES)
def test_own_labels_are_not_corrected(loss: str) -> None:
    """A log q of minus infinity lifts a logit above all: that of the own label must not move, that of others must."""
    own, other = (np.array([-50.0, 0.0], np.float32), np.array([0.0, -50.0], np.float32))
    labels = Labels(np.array([0, 1]), np.array([0], np.int32))

    def gradient(log_q: np.ndarray | None) -> np.ndarray:
        logits = np.array([1.0, 2.0], np.float32)
        getattr(kernels, loss)(logits, None, log_q, labels, 1.0, n_threads=1)
        return logits

    np.testing.assert_array_equal(gradient(own), gradient(None))
    assert gradient(other)[1] == pytest.approx(1.0)


def test_a_sample_without_labels_has_no_softmax_loss() -> None:
    logits = np.array([1.0, 2.0], np.float32)
    labels = Labels(np.array([0, 0]), np.empty(0, np.int32))
    np.testing.assert_array_equal(kernels.softmax_loss(logits, None, None, labels, 1.0, n_threads=1), [0.0])
    np.testing.assert_array_equal(logits, 0.0)


@pytest.mark.parametrize("loss", LOSSES)
def test_refuses_what_does_not_fit(loss: str) -> None:
    verb, logits = getattr(kernels, loss), np.zeros(6, np.float32)
    labels = Labels(np.array([0, 1, 2]), np.array([0, 1], np.int32))
    with pytest.raises(ValueError, match="columns must lie among their row's logits"):
        verb(logits, None, None, labels._replace(columns=labels.columns + 2), 1.0, n_threads=1)
    with pytest.raises(ValueError, match="the same number of columns in every row"):
        verb(logits[:5], None, None, labels, 1.0, n_threads=1)
    with pytest.raises(ValueError, match="indptr must lead from 0 to len"):
        verb(logits, np.array([0, 2, 5]), None, labels, 1.0, n_threads=1)
    with pytest.raises(ValueError, match="log_q must have one element per column"):
        verb(logits, None, logits, labels, 1.0, n_threads=1)
