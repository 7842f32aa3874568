"""The dense network of the SLIDE paper in PyTorch: a ReLU layer and a full softmax, trained with Adam."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from peers.interface import Peer

TIMED_STEPS = 200
WARM_UP = 5
"""Steps that a timing leaves out."""
ROWS = 256
"""Samples that are answered at a time: their scores are in memory."""


class Network(nn.Module):
    """Sparse features -> ReLU units -> a logit for each label."""

    def __init__(self, n_features: int, n_hidden: int, n_labels: int) -> None:
        super().__init__()
        self.features = nn.EmbeddingBag(n_features, n_hidden, mode="sum", include_last_offset=True)
        nn.init.normal_(self.features.weight, std=(2 / n_hidden) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(n_hidden))
        self.labels = nn.Linear(n_hidden, n_labels)

    def forward(self, X: csr_matrix) -> Tensor:
        hidden = self.features(
            torch.from_numpy(X.indices.astype(np.int64)),
            torch.from_numpy(X.indptr.astype(np.int64)),
            per_sample_weights=torch.from_numpy(X.data),
        )
        return self.labels(torch.relu(hidden + self.bias))


class FullSoftmax(Peer):
    """Options: ``n_hidden``, ``learning_rate``, ``batch_size``, ``n_epochs``, and ``timed_above``, a number of labels
    from which on only some steps are timed."""

    packages = ("torch",)

    def fit(self) -> None:
        torch.set_num_threads(self.threads)
        torch.manual_seed(self.seed)
        self.rng = np.random.default_rng(self.seed)
        n_labels = self.Y.shape[1]
        self.timed_only = n_labels > self.options["timed_above"]
        self.model = Network(self.X.shape[1], self.options["n_hidden"], n_labels)
        optimizer = torch.optim.Adam(self.model.parameters(), lr=self.options["learning_rate"], fused=True)
        self.ends = [_now()]
        for chosen in self._batches():
            _loss(self.model(self.X[chosen]), self.Y[chosen]).backward()
            optimizer.step()
            optimizer.zero_grad()
            self.ends.append(_now())
            if self.timed_only and len(self.ends) > TIMED_STEPS:
                return

    def _batches(self) -> Iterator[NDArray[np.int64]]:
        n_samples, batch_size = self.X.shape[0], self.options["batch_size"]
        for _ in range(self.options["n_epochs"]):
            order = self.rng.permutation(n_samples)
            yield from (order[begin : begin + batch_size] for begin in range(0, n_samples, batch_size))

    def extrapolated(self) -> dict[str, Any] | None:
        if not self.timed_only:
            return None
        wall, cpu = np.diff(np.array(self.ends[WARM_UP:]), axis=0).mean(axis=0)
        n_steps = self.options["n_epochs"] * -(-self.X.shape[0] // self.options["batch_size"])
        return {"wall_seconds": float(wall * n_steps), "cpu_seconds": float(cpu * n_steps)}

    def save(self) -> None:
        torch.save(self.model.state_dict(), self.model_path)

    def predict(self, X: csr_matrix, k: int) -> NDArray[np.int64]:
        with torch.inference_mode():
            parts = [self.model(X[begin : begin + ROWS]).topk(k).indices for begin in range(0, X.shape[0], ROWS)]
            ids: NDArray[np.int64] = torch.cat(parts).numpy()
            return ids


def _loss(logits: Tensor, Y: csr_matrix) -> Tensor:
    """Cross-entropy with the uniform distribution over a sample's labels; samples without labels count nothing."""
    counts = np.diff(Y.indptr)
    rows = np.repeat(np.arange(len(counts)), counts)
    weights = torch.from_numpy((1 / counts[rows] / len(counts)).astype(np.float32))
    log_total = logits.logsumexp(dim=1)
    rows = torch.from_numpy(rows)
    return (weights * (log_total[rows] - logits[rows, torch.from_numpy(Y.indices.astype(np.int64))])).sum()


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


PEER = FullSoftmax
