"""Plain arrays: walked in pieces, and checked before a verb believes what a file says of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_PIECE = 2**22  # bytes looked at or copied at a time
_BF16_EXPONENT = np.uint16(0x7F80)


def pieces(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Views of the array's rows, a few megabytes each."""
    if array.ndim == 0:
        yield array
        return
    n = max(1, _PIECE // max(array[:1].nbytes, 1))
    for begin in range(0, len(array), n):
        yield array[begin : begin + n]


def is_finite(array: NDArray[Any]) -> bool:
    """Whether there is no NaN and no infinity. Arrays of uint16 are the bits of bfloat16, other integers are finite."""
    if array.dtype == np.uint16:
        return all(bool(((piece & _BF16_EXPONENT) != _BF16_EXPONENT).all()) for piece in pieces(array))
    return array.dtype.kind != "f" or all(bool(np.isfinite(piece).all()) for piece in pieces(array))


def name_of_numbers(dtype: np.dtype[Any]) -> str:
    """What the numbers of an array are: uint16 are the bits of bfloat16."""
    return "bfloat16" if dtype == np.uint16 else dtype.name


def require_array(
    arrays: Mapping[str, NDArray[Any]], name: str, dtype: DTypeLike, shape: tuple[int | None, ...]
) -> NDArray[Any]:
    """The array of that name; None in a shape stands for any number.

    Raises
    ------
    ValueError
        If it is missing, or of another dtype or shape.
    """
    if name not in arrays:
        raise ValueError(f"array {name!r} is missing")
    array = arrays[name]
    fits = len(array.shape) == len(shape) and all(n in (m, None) for m, n in zip(array.shape, shape, strict=True))
    if array.dtype != dtype or not fits:
        raise ValueError(f"array {name!r} must be {np.dtype(dtype)} {shape}, but is {array.dtype} {array.shape}")
    return array


def require_ids(arrays: Mapping[str, NDArray[Any]], name: str, least: int, end: int) -> NDArray[Any]:
    """The array of that name, whose numbers must lie in [least, end); ``ValueError`` if they do not."""
    array = arrays[name]
    if array.size and not least <= array.min() <= array.max() < end:
        raise ValueError(
            f"array {name!r} must hold numbers in [{least}, {end}), but has {array.min()} to {array.max()}"
        )
    return array
