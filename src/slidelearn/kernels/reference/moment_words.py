"""Both moments of Adam in a word, as bfloat16, rounded at random: native/kernels/moment_words.h says why."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from slidelearn.kernels.reference.random import mix32, random_bits
from slidelearn.kernels.types import Float

Words = NDArray[np.uint32]


def unpacked_moments(words: Words) -> tuple[Float, Float]:
    """m, from the upper halves, and v."""
    return (words & np.uint32(0xFFFF0000)).view(np.float32), (words << np.uint32(16)).view(np.float32)


def packed_moments(m: NDArray[Any], v: NDArray[Any], draws: Words) -> Words:
    """Rounds down what has 16 random bits added to the 16 that go: the upper half of a draw for m, the lower for v."""
    m_bits = m.astype(np.float32).view(np.uint32) + (draws >> np.uint32(16))
    v_bits = v.astype(np.float32).view(np.uint32) + (draws & np.uint32(0xFFFF))
    return (m_bits & np.uint32(0xFFFF0000)) | (v_bits >> np.uint32(16))


def rounding_draws(row: int, n_updates: int, coordinates: NDArray[np.int64]) -> Words:
    """32 random bits for each coordinate of a row at its n-th update."""
    count = int(np.float32(n_updates).view(np.uint32))  # as it is kept
    return mix32(random_bits(0, row, count).astype(np.uint32) + coordinates.astype(np.uint32))
