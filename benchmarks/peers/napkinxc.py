"""napkinXC: probabilistic label trees."""

from __future__ import annotations

import numpy as np
from napkinxc.models import PLT
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from peers.interface import Peer, padded


class LabelTrees(Peer):
    """Options are those of ``napkinxc.models.PLT``. Training writes the model to disk, so reading it back is timed."""

    packages = ("napkinxc",)

    def fit(self) -> None:
        self.model_path.mkdir()
        self.model = PLT(str(self.model_path), threads=self.threads, seed=self.seed, **self.options)
        self.model.fit(self.X, self.Y)
        self.model.load()

    def save(self) -> None:
        """Training did."""

    def predict(self, X: csr_matrix, k: int) -> NDArray[np.int64]:
        return padded(self.model.predict(X, top_k=k), k)


PEER = LabelTrees
