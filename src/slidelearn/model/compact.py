"""The arrays of a model that is saved for inference only: weights of eight bits, short numbers, no optimizer state.

A row of weights (of a feature, a neuron, or a label's classifier) is stored as integers from -127 to 127 and one scale,
``weights = scale * integers``: a quarter of the bytes, and rounding errors of at most a 254th of the row's largest
weight. The ids in sparse arrays, and the steps from each ``indptr`` to the next, are stored in as many bytes as the
largest of them needs, an (n, n_bytes) array of bytes, the lowest first. All other arrays are stored as they are.
Answers are computed from float32 rows, which loading writes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slidelearn.kernels import Float

Arrays = dict[str, NDArray[Any]]
"""A model's arrays by name, as `slidelearn.model.model.Model.named_arrays` has them."""

_LARGEST = 127
_LARGEST_SCALE = float(np.finfo(np.float32).max) / 128
_BLOCK = 8192
"""Rows rounded at a time: what is computed on the way would otherwise take as much memory as all rows."""


def compact_room(arrays: Arrays, shapes: Mapping[str, tuple[int, ...]]) -> Arrays:
    """Room for the compact form of `arrays`: weights in eight bits, and their scales; the other arrays themselves.

    The `shapes` in the file tell how many bytes numbers have: one dimension, as format version 3 has them, that they
    are stored as they are.
    """
    room: Arrays = {}
    for name, array in arrays.items():
        if _holds_weights(name):
            room[name] = np.zeros(array.shape, np.int8)
            room[_scales_of(name)] = np.zeros(_n_rows(arrays, name), np.float32)
        elif _holds_numbers(name) and len(shapes.get(name, ())) == 2:
            room[name] = np.zeros((len(array), min(shapes[name][1], array.itemsize)), np.uint8)
        else:
            room[name] = array
    return room


def compact(arrays: Arrays) -> Arrays:
    """The compact form of `arrays`, which must not hold an optimizer's state."""
    n_bytes = {name: _bytes_needed(_steps(name, arrays[name])) for name in filter(_holds_numbers, arrays)}
    compacted = compact_room(arrays, {name: (len(arrays[name]), n) for name, n in n_bytes.items()})
    for name, n in n_bytes.items():
        compacted[name][...] = _bytes_of(_steps(name, arrays[name]))[:, :n]
    for name in filter(_holds_weights, arrays):
        weights, integers, scales = arrays[name], compacted[name], compacted[_scales_of(name)]
        if weights.ndim == 1:
            rows = _row_of_each(arrays, name)
            np.maximum.at(scales, rows, np.abs(weights))
            scales[:] = _scales(scales)
            integers[:] = _integers(weights, scales[rows])
        else:
            for begin in range(0, len(weights), _BLOCK):
                block = slice(begin, begin + _BLOCK)
                scales[block] = _scales(np.abs(weights[block]).max(axis=1))
                integers[block] = _integers(weights[block], scales[block, None])
    return compacted


def expand_numbers(compacted: Arrays, arrays: Arrays) -> None:
    """Fill the ids and the ``indptr`` of `arrays` from their compact form, whatever it says."""
    for name in filter(_holds_numbers, arrays):
        if compacted[name] is not arrays[name]:
            short, numbers = compacted[name], arrays[name]
            numbers[...] = 0
            _bytes_of(numbers)[:, : short.shape[1]] = short
            if _is_indptr(name):
                np.cumsum(numbers, out=numbers)


def expand_weights(compacted: Arrays, arrays: Arrays) -> None:
    """Fill the weights of `arrays` from their compact form; sparse ones need their ``indptr`` to be right.

    Raises
    ------
    ValueError
        If a scale makes weights that no float32 holds.
    """
    for name in filter(_holds_weights, arrays):
        weights, scales = arrays[name], compacted[_scales_of(name)]
        largest = np.abs(scales).max(initial=0.0)
        if largest > _LARGEST_SCALE:
            raise ValueError(f"array {_scales_of(name)!r} must be at most {_LARGEST_SCALE:g}, but has {largest:g}")
        spread = scales[_row_of_each(arrays, name)] if weights.ndim == 1 else scales[:, None]
        np.multiply(compacted[name], spread, out=weights)


def _scales(largest: Float) -> Float:
    """The scales of rows whose largest weights have these magnitudes.

    They have 16 significant bits, so that their products with the integers are exact: a model that is loaded and saved
    again is the same, bit for bit.
    """
    scales: Float = ((largest / np.float32(_LARGEST)).view(np.uint32) & np.uint32(0xFFFFFF00)).view(np.float32)
    return scales


def _integers(weights: Float, scales: Float) -> Float:
    """Whole numbers; 0 where the scale is 0."""
    quotients = np.divide(weights, scales, out=np.zeros_like(weights), where=scales > 0)
    return np.clip(np.rint(quotients), -_LARGEST, _LARGEST)


def _holds_numbers(name: str) -> bool:
    return name.rpartition(".")[2] in ("indptr", "features", "labels")


def _is_indptr(name: str) -> bool:
    return name.endswith("indptr")


def _steps(name: str, numbers: NDArray[Any]) -> NDArray[Any]:
    """What is stored: ids themselves, and of an ``indptr`` the step to each from the one before it."""
    return np.diff(numbers, prepend=numbers.dtype.type(0)) if _is_indptr(name) else numbers


def _bytes_needed(numbers: NDArray[Any]) -> int:
    return max(-(-int(numbers.max(initial=0)).bit_length() // 8), 1)


def _bytes_of(numbers: NDArray[Any]) -> NDArray[np.uint8]:
    """(n, itemsize): a view of them, the lowest first as on every machine that slidelearn runs on."""
    return numbers.view(np.uint8).reshape(len(numbers), numbers.itemsize)


def _holds_weights(name: str) -> bool:
    return name.endswith(".weights")


def _scales_of(name: str) -> str:
    return name.removesuffix("weights") + "scales"


def _indptr(arrays: Arrays, name: str) -> NDArray[Any]:
    return arrays[name.removesuffix("weights") + "indptr"]


def _n_rows(arrays: Arrays, name: str) -> int:
    return len(arrays[name]) if arrays[name].ndim > 1 else max(len(_indptr(arrays, name)) - 1, 0)


def _row_of_each(arrays: Arrays, name: str) -> NDArray[np.int64]:
    """The row of each entry of a sparse array."""
    lengths = np.diff(_indptr(arrays, name))
    return np.repeat(np.arange(len(lengths)), lengths)
