"""slidelearn itself, in the same harness as its peers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from peers.interface import Peer
from slidelearn import SlideClassifier


class Slidelearn(Peer):
    """Options are those of `SlideClassifier`."""

    packages = ("slidelearn",)

    def fit(self) -> None:
        self.model = SlideClassifier(random_state=self.seed, n_jobs=self.threads, **self.options)
        self.model.fit(self.X, self.Y)

    def save(self) -> None:
        self.model.save(self.model_path)

    def predict(self, X: csr_matrix, k: int) -> NDArray[np.int64]:
        ids, _ = self.model.predict_topk(X, k=k)
        return ids.astype(np.int64)


PEER = Slidelearn
