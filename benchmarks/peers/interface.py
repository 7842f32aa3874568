"""What every method is asked to do; `worker.py` asks, in this order, and takes the times."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix


class Peer(ABC):
    """One method with its settings. Modules of peers import nothing but NumPy, SciPy and the peer's own package."""

    packages: ClassVar[Sequence[str]]
    """Distributions whose versions belong to the measurement."""

    def __init__(self, options: Mapping[str, Any], *, threads: int, seed: int, folder: Path) -> None:
        self.options = options
        self.threads = threads
        self.seed = seed
        self.folder = folder
        """Empty at first; for files of its own."""
        self.model_path = folder / "model"
        """The file or folder whose size is the model's."""

    def prepare(self, X: csr_matrix, Y: csr_matrix) -> None:
        """Bring the training samples into the peer's form, before the clock starts.

        Rows of X have length 1; both matrices are float32 with sorted indices.
        """
        self.X = X
        self.Y = Y

    @abstractmethod
    def fit(self) -> None:
        """Make a model that can answer: this is what the training time is of."""

    @abstractmethod
    def save(self) -> None:
        """Write the model to `model_path`; then bring it into the form that answers fastest, as the peer's own program
        does. Not timed."""

    @abstractmethod
    def predict(self, X: csr_matrix, k: int) -> NDArray[np.int64]:
        """(n_samples, k): the best k labels of each sample from the best down, padded with -1."""

    def extrapolated(self) -> dict[str, Any] | None:
        """Times of a whole training where `fit` did only a part of it; such a model is not asked anything."""
        return None


def padded(ranked: Sequence[Sequence[int] | NDArray[np.integer[Any]]], k: int) -> NDArray[np.int64]:
    """Lists of labels as an array of k columns, padded with -1."""
    ids = np.full((len(ranked), k), -1, np.int64)
    for row, labels in zip(ids, ranked, strict=True):
        row[: len(labels)] = labels[:k]
    return ids


def best_columns(scores: csr_matrix, k: int) -> NDArray[np.int64]:
    """The columns of the k highest scores of each row, padded with -1."""
    ranked = []
    for begin, end in zip(scores.indptr[:-1], scores.indptr[1:], strict=True):
        row = scores.data[begin:end]
        best = np.argpartition(-row, k)[:k] if len(row) > k else np.arange(len(row))
        ranked.append(scores.indices[begin:end][best[np.argsort(-row[best], kind="stable")]])
    return padded(ranked, k)
