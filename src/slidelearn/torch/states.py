"""Arrays of a head in the state of a PyTorch module: as copies, under their names, checked when they come back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray
from torch import Tensor

from slidelearn.torch.arguments import described, tensor_of

Arrays = Mapping[str, NDArray[Any]]
"""By their keys in the state."""


def put_arrays(state: dict[str, Any], arrays: Arrays) -> None:
    """Put copies into a state."""
    for key, array in arrays.items():
        state[key] = tensor_of(array.copy())


def mistakes_in(state: Mapping[str, Any], arrays: Arrays) -> list[str]:
    """What is wrong with the arrays of this kind that are in a state."""
    return [
        f"{key} must be a tensor of the shape {array.shape}, but is {described(state[key])}"
        for key, array in arrays.items()
        if key in state and not (isinstance(state[key], Tensor) and tuple(state[key].shape) == array.shape)
    ]


def take_arrays(state: Mapping[str, Any], arrays: Arrays) -> None:
    """Write those that are in a state over the arrays."""
    for key, array in arrays.items():
        if key in state:
            tensor_of(array).copy_(state[key])
