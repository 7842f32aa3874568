"""The arrays of a model that is saved for inference only: weights of eight bits, and no optimizer state.

A row of weights (of a feature, a neuron, or a label's classifier) is stored as integers from -127 to 127 and one scale,
``weights = scale * integers``: a quarter of the bytes, and rounding errors of at most a 254th of the row's largest
weight. All other arrays are stored as they are. Answers are computed from float32 rows, which loading writes out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from slidelearn.kernels import Float

Arrays = dict[str, NDArray[Any]]
"""A model's arrays by name, as `slidelearn.checkpoint.Model.named_arrays` has them."""

_LARGEST = 127
_LARGEST_SCALE = float(np.finfo(np.float32).max) / 128
_BLOCK = 8192
"""Rows rounded at a time: what is computed on the way would otherwise take as much memory as all rows."""


def compact_room(arrays: Arrays) -> Arrays:
    """Room for the compact form of `arrays`: weights in eight bits, and their scales; the other arrays themselves."""
    room: Arrays = {}
    for name, array in arrays.items():
        if _holds_weights(name):
            room[name] = np.zeros(array.shape, np.int8)
            room[_scales_of(name)] = np.zeros(_n_rows(arrays, name), np.float32)
        else:
            room[name] = array
    return room


def compact(arrays: Arrays) -> Arrays:
    """The compact form of `arrays`, which must not hold an optimizer's state."""
    compacted = compact_room(arrays)
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


def expand(compacted: Arrays, arrays: Arrays) -> None:
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
