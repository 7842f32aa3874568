"""PECOS XR-Linear: a label tree with linear classifiers and beam search."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pecos.xmc import Indexer, LabelEmbeddingFactory
from pecos.xmc.xlinear.model import XLinearModel
from scipy.sparse import csr_matrix

from peers.interface import Peer, best_columns


class XRLinear(Peer):
    """Options: ``beam_size``, ``negative_sampling`` and ``threshold``, as PECOS has them."""

    packages = ("libpecos", "numpy", "scipy")

    def prepare(self, X: csr_matrix, Y: csr_matrix) -> None:
        self.X = X
        self.samples_of_label = Y.tocsc()

    def fit(self) -> None:
        label_features = LabelEmbeddingFactory.create(
            self.samples_of_label, self.X, method="pifa", threads=self.threads
        )
        tree = Indexer.gen(label_features, seed=self.seed, threads=self.threads)
        self.model = XLinearModel.train(
            self.X,
            self.samples_of_label,
            C=tree,
            negative_sampling_scheme=self.options["negative_sampling"],
            threshold=self.options["threshold"],
            beam_size=self.options["beam_size"],
            threads=self.threads,
        )

    def save(self) -> None:
        self.model.save(str(self.model_path))
        self.model = XLinearModel.load(str(self.model_path), is_predict_only=True)

    def predict(self, X: csr_matrix, k: int) -> NDArray[np.int64]:
        scores = self.model.predict(X, beam_size=self.options["beam_size"], only_topk=k, threads=self.threads)
        return best_columns(scores, k)


PEER = XRLinear
