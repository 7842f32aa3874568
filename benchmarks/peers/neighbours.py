"""k nearest neighbours by cosine, each of which votes for its labels with the weight of its similarity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, save_npz

from peers.interface import Peer, best_columns

ROWS = 100
"""Samples that are answered at a time: their similarities are in memory."""


class NearestNeighbours(Peer):
    """Options: ``n_neighbours``."""

    packages = ("scipy",)

    def fit(self) -> None:
        self.samples_of_feature = self.X.T.tocsr()

    def save(self) -> None:
        self.model_path.mkdir()
        save_npz(self.model_path / "X.npz", self.X)
        save_npz(self.model_path / "Y.npz", self.Y)

    def predict(self, X: csr_matrix, k: int) -> NDArray[np.int64]:
        parts = [self._predict_part(X[begin : begin + ROWS], k) for begin in range(0, X.shape[0], ROWS)]
        return np.concatenate(parts)

    def _predict_part(self, X: csr_matrix, k: int) -> NDArray[np.int64]:
        similarities = X @ self.samples_of_feature
        similarities.sort_indices()
        neighbours = best_columns(similarities, self.options["n_neighbours"])
        rows, ranks = np.nonzero(neighbours >= 0)
        chosen = neighbours[rows, ranks]
        weights = np.asarray(similarities[rows, chosen]).ravel()
        votes = csr_matrix((weights, (rows, chosen)), shape=similarities.shape) @ self.Y
        return best_columns(votes, k)


PEER = NearestNeighbours
