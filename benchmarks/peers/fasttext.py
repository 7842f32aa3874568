"""fastText's supervised mode: the mean of word vectors, with a hierarchical softmax."""

from __future__ import annotations

import fasttext
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from peers.interface import Peer, padded
from peers.xmc_text import words, write_labelled_words


class Supervised(Peer):
    """Options are those of ``train_supervised``. It reads a file of words (this is timed), so features are counts."""

    packages = ("fasttext-numpy2-wheel",)

    def prepare(self, X: csr_matrix, Y: csr_matrix) -> None:
        self.path = self.folder / "train.txt"
        write_labelled_words(self.path, X, Y)

    def fit(self) -> None:
        self.model = fasttext.train_supervised(
            str(self.path), thread=self.threads, seed=self.seed, verbose=0, **self.options
        )

    def save(self) -> None:
        self.model.save_model(str(self.model_path))

    def predict(self, X: csr_matrix, k: int) -> NDArray[np.int64]:
        labels, _ = self.model.predict(words(X), k=k)
        return padded([[int(label.removeprefix("__label__")) for label in row] for row in labels], k)


PEER = Supervised
