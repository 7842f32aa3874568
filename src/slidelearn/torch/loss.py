"""The loss as PyTorch's autograd sees it: a scalar, of the hidden vectors and, for a user's optimizer, of the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from slidelearn.kernels import Float
from slidelearn.torch.engine import Gradients, LossPass

Differentiate = Callable[[LossPass, float], tuple[Float, Gradients | None]]
"""Gives, for a loss and its own gradient, those of the hidden vectors and of rows."""


class SlideLoss(torch.autograd.Function):  # type: ignore[misc]
    """The loss of a `LossPass`, which has been computed already, and what differentiates it."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, of: LossPass, differentiate: Differentiate
    ) -> Tensor:
        """Hand the loss over."""
        ctx.of, ctx.differentiate = of, differentiate
        ctx.parameters = () if bias is None else ((weight.shape, weight.dtype), (bias.shape, bias.dtype))
        ctx.save_for_backward(hidden)  # so that PyTorch refuses a second pass, and hidden vectors that were overwritten
        return torch.tensor(of.loss, dtype=torch.float32)

    @staticmethod
    def backward(ctx: Any, d_loss: Tensor) -> tuple[Tensor | None, ...]:
        """Hand the gradients over; rows that the head moves itself have none."""
        if torch.is_grad_enabled():
            raise RuntimeError(
                "the loss of SlideOutput can be differentiated once only: call backward() or autograd.grad() "
                "without create_graph=True"
            )
        _ = ctx.saved_tensors
        d_hidden, gradients = ctx.differentiate(ctx.of, float(d_loss))
        d_rows: list[Tensor | None] = [None, None]
        if ctx.parameters and gradients:
            ids, *parts = gradients
            places = torch.from_numpy(ids).long()[None]
            d_rows = [
                torch.sparse_coo_tensor(
                    places, torch.from_numpy(part).to(dtype), shape, is_coalesced=True, check_invariants=False
                )
                for part, (shape, dtype) in zip(parts, ctx.parameters, strict=True)
            ]
        return torch.from_numpy(d_hidden), *d_rows, None, None
