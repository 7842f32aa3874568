"""Full and sampled softmax out of PyTorch's own modules and optimizers.

Sparse rows have sparse gradients and ``SparseAdam``; what is dense has the fused ``Adam``. The loss is the quickest of
the stock ones that were tried: ``cross_entropy`` with a share for each label takes one and a half times as long,
``logsumexp`` twice as long.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speed.shapes import Data, Weights, log_inclusion
from speed.torch_batches import TorchBatch, TorchContestant


class _SparseFeatures(TorchContestant):
    """The input layer of both."""

    def make_input(self, weights: Weights | None) -> None:
        shape = self.shape
        self.features = nn.EmbeddingBag(
            shape.n_features, shape.width, mode="sum", sparse=True, include_last_offset=True
        )
        start(self.features.weight, weights and weights.features, 0.1)

    def hidden(self, batch: TorchBatch) -> Tensor:
        return torch.relu(self.features(batch.features, batch.offsets, per_sample_weights=batch.values))

    def logits(self, hidden: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            return F.linear(hidden, weights, bias)


class FullSoftmax(_SparseFeatures):
    """All labels for every sample."""

    def prepare(self, data: Data, weights: Weights | None) -> None:
        self.make_input(weights)
        self.labels = nn.Linear(self.shape.width, self.shape.n_labels)
        start(self.labels.weight, weights and weights.labels, self.shape.width**-0.5)
        nn.init.zeros_(self.labels.bias)
        self.optimizers = [
            torch.optim.SparseAdam(self.features.parameters(), lr=self.learning_rate),
            torch.optim.Adam(self.labels.parameters(), lr=self.learning_rate, fused=True),
        ]

    def step(self, batch: TorchBatch) -> tuple[Tensor, int]:
        loss = softmax_loss(self.logits(self.hidden(batch), self.labels.weight, self.labels.bias), batch.labels)
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        return loss.detach(), self.shape.n_labels


class SampledSoftmax(_SparseFeatures):
    """The batch's labels and drawn ones, with the log-Q correction."""

    def prepare(self, data: Data, weights: Weights | None) -> None:
        self.make_input(weights)
        self.labels = nn.Embedding(self.shape.n_labels, self.shape.width, sparse=True)
        self.bias = nn.Embedding(self.shape.n_labels, 1, sparse=True)
        start(self.labels.weight, weights and weights.labels, self.shape.width**-0.5)
        nn.init.zeros_(self.bias.weight)
        self.log_q = torch.from_numpy(log_inclusion(self.shape, data))
        parameters = [self.features.weight, self.labels.weight, self.bias.weight]
        self.optimizer = torch.optim.SparseAdam(parameters, lr=self.learning_rate)

    def step(self, batch: TorchBatch) -> tuple[Tensor, int]:
        ids, own = self.active_labels(batch)
        log_q = self.log_q[ids]
        logits = self.logits(self.hidden(batch), self.labels(ids), self.bias(ids).squeeze(1) - log_q)
        # a sample's own labels are there with certainty: nothing is to be corrected
        logits.scatter_add_(1, own, log_q[own].to(logits.dtype))
        loss = softmax_loss(logits, own)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.detach(), len(ids)


def softmax_loss(logits: Tensor, own: Tensor) -> Tensor:
    """Cross-entropy with the uniform distribution over a sample's own labels; all samples have as many."""
    return -F.log_softmax(logits, 1, dtype=torch.float32).gather(1, own).mean()


@torch.no_grad()
def start(parameter: Tensor, values: object, deviation: float) -> None:
    """Set the first weights, or draw them."""
    if values is None:
        parameter.normal_(std=deviation)
    else:
        parameter.copy_(torch.as_tensor(values))
