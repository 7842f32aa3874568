"""Batches as PyTorch takes them, and the clock; shared by the steps in PyTorch."""

from __future__ import annotations

import time
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from speed.contestant import Contestant
from speed.shapes import Data, Shape, Weights


@dataclass(frozen=True)
class TorchBatch:
    """A batch that lies ready as tensors: a loader has put it together before the clock starts."""

    features: Tensor
    offsets: Tensor
    values: Tensor
    sample_of_feature: Tensor
    labels: Tensor
    """(batch_size, LABELS_PER_SAMPLE)."""


def batches_of(shape: Shape, data: Data) -> list[TorchBatch]:
    """All batches of the samples, in order."""
    return [_batch(data, begin, begin + shape.batch_size) for begin in range(0, data.n_samples, shape.batch_size)]


def _batch(data: Data, begin: int, end: int) -> TorchBatch:
    offsets = data.indptr[begin : end + 1]
    entries = slice(offsets[0], offsets[-1])
    return TorchBatch(
        torch.from_numpy(data.indices[entries]),
        torch.from_numpy(offsets - offsets[0]),
        torch.from_numpy(data.values[entries]),
        torch.from_numpy(np.repeat(np.arange(end - begin), np.diff(offsets))),
        torch.from_numpy(data.labels[begin:end]),
    )


class TorchContestant(Contestant):
    """Goes through the batches again and again."""

    packages = ("torch",)

    def __init__(
        self,
        shape: Shape,
        data: Data,
        weights: Weights | None,
        options: dict[str, Any],
        *,
        learning_rate: float,
        threads: int,
        seed: int,
    ) -> None:
        torch.set_num_threads(threads)
        torch.manual_seed(seed)
        self.shape = shape
        self.bf16 = options["precision"] == "bf16"
        self.learning_rate = learning_rate
        self.negatives = torch.Generator().manual_seed(seed)
        self._batches = batches_of(shape, data)
        self._n_steps = 0
        self._active: list[int] = []
        self.prepare(data, weights)

    @abstractmethod
    def prepare(self, data: Data, weights: Weights | None) -> None:
        """Make parameters and optimizers."""

    @abstractmethod
    def step(self, batch: TorchBatch) -> tuple[Tensor, int]:
        """Forward, loss, backward, update; the loss, and how many labels were active."""

    def run(self, n_steps: int) -> tuple[list[float], list[float]]:
        seconds, losses = [], []
        for _ in range(n_steps):
            batch = self._batches[self._n_steps % len(self._batches)]
            self._n_steps += 1
            began = time.perf_counter()
            loss, n_active = self.step(batch)
            seconds.append(time.perf_counter() - began)
            losses.append(float(loss))
            self._active.append(n_active)
        return seconds, losses

    @property
    def n_active(self) -> float:
        return float(np.mean(self._active))

    def active_labels(self, batch: TorchBatch) -> tuple[Tensor, Tensor]:
        """The batch's labels and drawn ones, each once; and where the samples' own labels stand among them."""
        drawn = torch.randint(self.shape.n_labels, (self.shape.n_negatives,), generator=self.negatives)
        own = batch.labels.flatten()
        ids, places = torch.unique(torch.cat([own, drawn]), return_inverse=True)
        return ids, places[: len(own)].view_as(batch.labels)
