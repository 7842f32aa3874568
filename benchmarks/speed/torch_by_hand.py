"""Sampled softmax in PyTorch as quick as it gets without a kernel of one's own.

Active rows are gathered into dense ones, their gradients are matrix products, the fused Adam of PyTorch runs over the
gathered rows, which are then written back. What was tried and left out as slower: w, m and v side by side in one row,
autograd through ``embedding_bag``, ``torch.unique`` for the features.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from speed.shapes import LABELS_PER_SAMPLE, Data, Weights, log_inclusion
from speed.torch_batches import TorchBatch, TorchContestant
from speed.torch_stock import start

ALIGNED = 16
"""Rows of logits begin at multiples of so many floats: unaligned ones make their product a third slower."""

warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta state")


class Rows:
    """Parameters with Adam's state, of which some rows are gathered, moved and written back."""

    def __init__(self, *shape: int) -> None:
        self.weights, self.m, self.v = (torch.zeros(shape) for _ in range(3))

    def adam(self, ids: Tensor, weights: Tensor, gradient: Tensor, step: Tensor, learning_rate: float) -> None:
        """One step on distinct rows, whose gathered weights are given and overwritten."""
        m, v = self.m.index_select(0, ids), self.v.index_select(0, ids)
        torch._fused_adam_(  # what torch.optim.Adam(fused=True) calls
            [weights],
            [gradient],
            [m],
            [v],
            [],
            [step],
            lr=learning_rate,
            beta1=0.9,
            beta2=0.999,
            weight_decay=0.0,
            eps=1e-8,
            amsgrad=False,
            maximize=False,
        )
        for whole, part in ((self.weights, weights), (self.m, m), (self.v, v)):
            whole.index_copy_(0, ids, part)


class SampledSoftmaxByHand(TorchContestant):
    """The same mathematics as `SampledSoftmax`."""

    def prepare(self, data: Data, weights: Weights | None) -> None:
        shape = self.shape
        self.features = Rows(shape.n_features, shape.width)
        self.labels = Rows(shape.n_labels, shape.width)
        self.bias = Rows(shape.n_labels)
        start(self.features.weights, weights and weights.features, 0.1)
        start(self.labels.weights, weights and weights.labels, shape.width**-0.5)
        self.log_q = torch.from_numpy(log_inclusion(shape, data))
        self.n_updates = torch.zeros(())
        self.place_of_feature = torch.zeros(shape.n_features, dtype=torch.int64)
        self.workspace = torch.empty(shape.batch_size * (shape.most_active + ALIGNED))

    @torch.inference_mode()
    def step(self, batch: TorchBatch) -> tuple[Tensor, int]:
        self.n_updates += 1
        ids, own = self.active_labels(batch)
        feature_ids, places = self._distinct_features(batch)
        features = self.features.weights.index_select(0, feature_ids)
        n_samples, n_features = len(batch.labels), len(feature_ids)
        X = torch.sparse_csr_tensor(
            batch.offsets, places, batch.values, (n_samples, n_features), check_invariants=False
        )
        hidden = (X @ features).relu_()

        labels, bias = self.labels.weights.index_select(0, ids), self.bias.weights.index_select(0, ids)
        rounded_hidden, rounded_labels = self._rounded(hidden), self._rounded(labels)
        loss, d_logits = self._loss(rounded_hidden, rounded_labels, bias, own, self.log_q.index_select(0, ids))
        d_bias = d_logits.sum(0) / n_samples
        d_logits = self._rounded(d_logits)
        d_hidden = (d_logits @ rounded_labels).float() * (hidden > 0) / n_samples
        d_labels = (d_logits.T @ self._rounded(hidden / n_samples)).float()
        self.labels.adam(ids, labels, d_labels, self.n_updates, self.learning_rate)
        self.bias.adam(ids, bias, d_bias, self.n_updates, self.learning_rate)

        transposed = torch.sparse_coo_tensor(
            torch.stack([places, batch.sample_of_feature]),
            batch.values,
            (n_features, n_samples),
            check_invariants=False,
        )
        d_features = torch.sparse.mm(transposed, d_hidden)
        self.features.adam(feature_ids, features, d_features, self.n_updates, self.learning_rate)
        return loss, len(ids)

    def _loss(self, hidden: Tensor, labels: Tensor, bias: Tensor, own: Tensor, log_q: Tensor) -> tuple[Tensor, Tensor]:
        """The mean cross-entropy, and the gradient of their sum by the logits (a view of the workspace)."""
        n_samples, n_active = len(hidden), len(labels)
        n_columns = -(-n_active // ALIGNED) * ALIGNED
        probabilities = self.workspace[: n_samples * n_columns].view(n_samples, n_columns)
        probabilities[:, n_active:] = -torch.inf
        logits = probabilities[:, :n_active]
        if self.bf16:
            torch.add(hidden @ labels.T, bias - log_q, out=logits)
        else:
            torch.addmm(bias - log_q, hidden, labels.T, out=logits)
        logits.scatter_add_(1, own, log_q[own])
        torch.softmax(probabilities, 1, out=probabilities)
        loss = -probabilities.gather(1, own).log().mean()
        probabilities.scatter_add_(1, own, torch.full(own.shape, -1 / LABELS_PER_SAMPLE))
        return loss, logits

    def _distinct_features(self, batch: TorchBatch) -> tuple[Tensor, Tensor]:
        """The features of the batch, each once, and where each entry's stands among them; without sorting."""
        features, place_of = batch.features, self.place_of_feature
        entries = torch.arange(len(features))
        place_of[features] = entries
        ids = features[place_of[features] == entries]  # of the entries of a feature, one has won
        place_of[ids] = torch.arange(len(ids))
        return ids, place_of[features]

    def _rounded(self, factor: Tensor) -> Tensor:
        return factor.bfloat16() if self.bf16 else factor
