"""The steps in PyTorch, by kind."""

from __future__ import annotations

from speed.torch_batches import TorchContestant
from speed.torch_by_hand import SampledSoftmaxByHand
from speed.torch_stock import FullSoftmax, SampledSoftmax

KINDS: dict[str, type[TorchContestant]] = {
    "sampled": SampledSoftmax,
    "by_hand": SampledSoftmaxByHand,
    "full": FullSoftmax,
}


def contestant_class(kind: str) -> type[TorchContestant]:
    """What takes steps of this kind."""
    return KINDS[kind]
