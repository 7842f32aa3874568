"""Nearest centroid: a label's score is the cosine of a sample with the sum of the label's samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags, save_npz

from peers.interface import Peer, best_columns

ROWS = 100
"""Samples that are answered at a time: their scores are in memory."""


class NearestCentroid(Peer):
    """There are no options."""

    packages = ("scipy",)

    def fit(self) -> None:
        sums = self.Y.T.tocsr() @ self.X
        lengths = np.sqrt(sums.multiply(sums).sum(axis=1)).A1
        self.centroids = csr_matrix(diags(1 / np.maximum(lengths, 1e-12)) @ sums).T.tocsr()

    def save(self) -> None:
        with self.model_path.open("wb") as file:
            save_npz(file, self.centroids)

    def predict(self, X: csr_matrix, k: int) -> NDArray[np.int64]:
        parts = [best_columns(X[begin : begin + ROWS] @ self.centroids, k) for begin in range(0, X.shape[0], ROWS)]
        return np.concatenate(parts)


PEER = NearestCentroid
