"""Counter-based random numbers: the n-th draw of a stream is a pure function of (seed, stream, n)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mix64(x: NDArray[np.uint64] | np.uint64) -> NDArray[np.uint64]:
    """SplitMix64's finaliser (Steele et al., 2014)."""
    x = np.asarray(x, np.uint64)
    with np.errstate(over="ignore"):
        x = x + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def mix32(x: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The finaliser lowbias32 (Wellons, 2018)."""
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def random_bits(seed: int, stream: int | NDArray[np.int64], n: int | NDArray[np.int64]) -> NDArray[np.uint64]:
    """64 random bits for each (stream, n)."""
    streams, counters = np.asarray(stream, np.uint64), np.asarray(n, np.uint64)
    return mix64(mix64(mix64(np.uint64(seed)) ^ streams) ^ counters)


def random_below(
    seed: int, stream: int | NDArray[np.int64], n: int | NDArray[np.int64], bound: int | NDArray[np.int64]
) -> NDArray[np.int64]:
    """Uniform over [0, bound), 0 < bound < 2^32."""
    high = random_bits(seed, stream, n) >> np.uint64(32)
    return ((high * np.asarray(bound, np.uint64)) >> np.uint64(32)).astype(np.int64)


def below_for_sample(seed: int | None, sample: int, n: int, bound: int) -> NDArray[np.int64]:
    """The same from the sample's own stream; where the seed is None, from one that is the same for all."""
    return random_below(seed or 0, 0 if seed is None else sample, n, bound)
