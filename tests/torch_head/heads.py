"""A small head, a batch for it, and its mathematics in PyTorch's own operations."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional

from slidelearn.torch import SlideOutput  # noqa: E402

Tensor = Any

N_LABELS, WIDTH, N_SAMPLES = 40, 10, 6
LABELS = torch.tensor([[3, 7, -1], [7, -1, -1], [0, 39, 12], [5, -100, -1], [7, 7, 3], [21, 22, -1]])
"""Up to three for each sample; one of them twice."""
N_THREADS = 2


def make(**options: Any) -> SlideOutput:
    head = SlideOutput(WIDTH, N_LABELS, **{"precision": "fp32", "n_jobs": N_THREADS} | options)
    with torch.no_grad():
        head.bias.copy_(torch.linspace(-1, 1, N_LABELS))
    return head


def targets(labels: Tensor) -> Tensor:
    """A distribution over the labels for each sample, (n_samples, N_LABELS)."""
    table = torch.zeros(len(labels), N_LABELS)
    for row, own in zip(table, labels.reshape(len(labels), -1), strict=True):
        row[own[own >= 0]] = 1
    return table / table.sum(1, keepdim=True)


def logits_of(hidden: Tensor, weight: Tensor, bias: Tensor, scale: float) -> Tensor:
    if scale:
        hidden, weight = scale * F.normalize(hidden), F.normalize(weight)
    return hidden @ weight.T + bias
