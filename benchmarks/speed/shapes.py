"""What a step is timed on: the shapes, and samples that every contestant generates alike. NumPy only."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

LABELS_PER_SAMPLE = 5
N_FEATURES = 135_909
"""Those of Amazon-670K."""
SPARE_DRAWS = 4
"""Features drawn for each that is kept: a sample has each once."""


@dataclass(frozen=True)
class Shape:
    """The sizes of a network and of its batches."""

    n_labels: int = 670_091
    width: int = 128
    """Of the hidden layer."""
    batch_size: int = 256
    features_per_sample: int = 75
    n_negatives: int = 10_000
    """Labels drawn for a step, shared by the batch; the batch's own labels are active beside them."""
    n_features: int = N_FEATURES
    n_batches: int = 24
    """That a contestant has at hand, and goes through again and again."""

    def as_job(self) -> dict[str, Any]:
        """As JSON, for a job of `common.Results` and for a worker."""
        return asdict(self)

    @property
    def most_active(self) -> int:
        """Active labels of a step, if none is there twice."""
        return min(self.n_labels, self.n_negatives + LABELS_PER_SAMPLE * self.batch_size)


MIDDLE = Shape()
RECIPES = 1_500 - LABELS_PER_SAMPLE * MIDDLE.batch_size
"""Negatives with which 1,500 labels are active, as with the default recipe."""
SAMPLED_SHAPES = (
    *(replace(MIDDLE, n_labels=n) for n in (23_135, 193_000, 512_000)),
    MIDDLE,
    replace(MIDDLE, n_labels=2_000_000),
    *(replace(MIDDLE, width=width) for width in (256, 512)),
    *(replace(MIDDLE, batch_size=size) for size in (128, 1024)),
    replace(MIDDLE, features_per_sample=10),
    replace(MIDDLE, n_labels=2_000_000, width=512),  # the largest: what does not fit is told with its bytes
)
"""One size at a time differs from the middle."""
RECIPE_SHAPES = tuple(replace(MIDDLE, n_negatives=RECIPES, width=width) for width in (128, 256))


@dataclass(frozen=True)
class Data:
    """Samples with sparse features of length 1 and `LABELS_PER_SAMPLE` labels each."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.int64]
    values: NDArray[np.float32]
    labels: NDArray[np.int64]
    """(n_samples, LABELS_PER_SAMPLE), ascending."""

    @property
    def n_samples(self) -> int:
        return len(self.labels)


def random_data(shape: Shape, seed: int) -> Data:
    """Features by Zipf's law, as words are; labels as evenly as can be, which is hardest on the caches."""
    rng = np.random.default_rng(seed)
    n_samples = shape.batch_size * shape.n_batches
    indptr, indices = _features(shape, n_samples, rng)
    values = (0.5 + rng.random(len(indices))).astype(np.float32)
    lengths = np.sqrt(np.add.reduceat(values**2, indptr[:-1]))
    values /= np.repeat(lengths, np.diff(indptr))
    return Data(indptr, indices, values, _labels(shape.n_labels, n_samples, rng))


def _features(shape: Shape, n_samples: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of distinct features, ascending: the r-th most frequent one is drawn with a chance of about 1 / r."""
    n_draws = SPARE_DRAWS * shape.features_per_sample
    uniform = rng.random((n_samples, n_draws), dtype=np.float32)
    ranks = np.minimum(shape.n_features**uniform, shape.n_features - 1).astype(np.int32)
    order = np.argsort(ranks, axis=1, kind="stable")
    in_order = np.take_along_axis(ranks, order, axis=1)
    is_first = np.ones(ranks.shape, bool)
    np.put_along_axis(is_first, order[:, 1:], in_order[:, 1:] != in_order[:, :-1], axis=1)
    kept = is_first & (is_first.cumsum(axis=1) <= shape.features_per_sample)
    indptr = np.zeros(n_samples + 1, np.int64)
    np.cumsum(kept.sum(axis=1), out=indptr[1:])
    ids = rng.permutation(shape.n_features)[ranks[kept]]
    samples = np.repeat(np.arange(n_samples), np.diff(indptr))
    return indptr, ids[np.lexsort((ids, samples))]


def _labels(n_labels: int, n_samples: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The k-th label of a sample is from the k-th part of all: no sample has one twice."""
    size = n_labels // LABELS_PER_SAMPLE
    columns = [np.resize(rng.permutation(size), n_samples) + k * size for k in range(LABELS_PER_SAMPLE)]
    return np.stack(columns, axis=1)


def log_inclusion(shape: Shape, data: Data) -> NDArray[np.float32]:
    """log q of each label: of the chance that a step's negatives or the batch's labels have it."""
    counts = np.bincount(data.labels.reshape(-1), minlength=shape.n_labels)
    frequencies = np.clip(counts / data.n_samples, 1 / data.n_samples, 0.999)
    log_left_out = shape.batch_size * np.log1p(-frequencies) + shape.n_negatives * np.log1p(-1 / shape.n_labels)
    log_q: NDArray[np.float32] = np.log(-np.expm1(log_left_out)).astype(np.float32)
    return log_q


@dataclass(frozen=True)
class Weights:
    """First weights, the same for every contestant."""

    features: NDArray[np.float32]
    labels: NDArray[np.float32]


def random_weights(shape: Shape, seed: int) -> Weights:
    """For shapes that are small: timing needs no equal weights."""
    rng = np.random.default_rng(seed)

    def normal(n_rows: int, deviation: float) -> NDArray[np.float32]:
        return rng.standard_normal((n_rows, shape.width), dtype=np.float32) * np.float32(deviation)

    return Weights(normal(shape.n_features, 0.5), normal(shape.n_labels, shape.width**-0.5))
