"""Omikuji: Parabel and Bonsai, label trees with linear classifiers."""

from __future__ import annotations

import numpy as np
import omikuji
from numpy.typing import NDArray
from omikuji import ffi, lib
from scipy.sparse import csr_matrix

from peers.interface import Peer, padded
from peers.xmc_text import write_xmc

DENSE_ABOVE = 0.1
"""Density from which weight vectors are stored densely for answering: what Omikuji's own program does by default."""


class OmikujiTrees(Peer):
    """Options are Omikuji's hyper-parameters. It takes no seed."""

    packages = ("omikuji",)

    def prepare(self, X: csr_matrix, Y: csr_matrix) -> None:
        path = self.folder / "train.txt"
        write_xmc(path, X, Y)
        self.pool = lib.init_omikuji_thread_pool(self.threads)
        self.data = lib.load_omikuji_data_set(ffi.new("char[]", str(path).encode()), self.pool)
        path.unlink()

    def fit(self) -> None:
        parameters = omikuji.Model.default_hyper_param()
        for name, value in self.options.items():
            setattr(parameters, name, value)
        self.model = omikuji.Model(lib.train_omikuji_model(self.data, parameters, self.pool))

    def save(self) -> None:
        self.model.save(str(self.model_path))
        self.model.init_prediction_thread_pool(self.threads)
        self.model.densify_weights(DENSE_ABOVE)

    def predict(self, X: csr_matrix, k: int) -> NDArray[np.int64]:
        ranked = []
        for begin, end in zip(X.indptr[:-1], X.indptr[1:], strict=True):
            pairs = list(zip(X.indices[begin:end].tolist(), X.data[begin:end].tolist(), strict=True))
            ranked.append([label for label, _ in self.model.predict(pairs, top_k=k)])
        return padded(ranked, k)


PEER = OmikujiTrees
