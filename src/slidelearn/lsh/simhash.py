"""SimHash: signs of sparse random projections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from slidelearn import kernels
from slidelearn.config import Config
from slidelearn.kernels import Float, Ids
from slidelearn.lsh.family import HashFamily

_BLOCK = 4096
"""Rows looked at at a time."""
_ZERO_SHARE = 2 / 3
"""Of the elements of a projection."""


@final
class SimHash(HashFamily):
    """The sign of a sparse random projection (Charikar, 2002); its elements are +1, -1 (1/6 each) or 0.

    Two vectors at angle theta agree on a hash with chance 1 - theta / pi. With `center_rows`, neurons are hashed by
    their difference from the mean neuron: rows that share a direction would otherwise crowd into one bucket, and what
    all inner products have in common never changes a ranking. Queries are not centred.

    Angles say nothing of lengths, and a long row has the larger inner products. With `complete_norms` every row gets
    one more coordinate, which brings all of them to the same length, and queries a zero there (Neyshabur and Srebro,
    2015): then the smallest angle is the largest inner product. The length is that of all but the longest tenth of the
    rows, lest a few very long ones crowd the others around the new axis.
    """

    def __init__(self, n_inputs: int, config: Config, rng: np.random.Generator) -> None:
        super().__init__(n_inputs, config, 2**config.hashes_per_table)
        self._center_rows = config.center_rows
        self._complete_norms = config.complete_norms
        self.projection: Float = np.empty((n_inputs + int(self._complete_norms), self.n_hashes), np.float32)
        self.redraw(rng)

    def codes(self, vectors: Float, *, n_threads: int) -> Ids:
        """See `HashFamily.codes`."""
        return self._codes(vectors, self._of_inputs, np.zeros(self.n_hashes, np.float32), n_threads)

    def neuron_codes(self, rows: Float, *, n_threads: int) -> Ids:
        """See `HashFamily.neuron_codes`."""
        thresholds = self.neuron_thresholds(rows, n_threads=n_threads)
        if not self._complete_norms or not len(rows):
            return self._codes(rows, self._of_inputs, thresholds, n_threads)
        missing = _missing_lengths(rows, _mean_row(rows) if self._center_rows else None)
        codes = np.empty((self.n_tables, len(rows)), np.int32)
        for begin in range(0, len(rows), _BLOCK):
            block = slice(begin, begin + _BLOCK)
            completed = np.hstack([rows[block], missing[block, None]])
            codes[:, block] = self._codes(completed, self.projection, thresholds, n_threads)
        return codes

    def neuron_thresholds(self, rows: Float, *, n_threads: int) -> Float:
        """What a neuron's projections must exceed, (n_hashes,): the projected mean row. Projecting is linear."""
        if not self._center_rows or not len(rows):
            return np.zeros(self.n_hashes, np.float32)
        return np.asarray(kernels.matmul(_mean_row(rows)[None], self._of_inputs, n_threads=n_threads)[0])

    def redraw(self, rng: np.random.Generator) -> None:
        """See `HashFamily.redraw`."""
        chances = (_ZERO_SHARE, (1 - _ZERO_SHARE) / 2, (1 - _ZERO_SHARE) / 2)
        self.projection[...] = rng.choice(np.array([0, 1, -1], np.int8), self.projection.shape, p=chances)

    def named_arrays(self) -> dict[str, NDArray[Any]]:
        """See `HashFamily.named_arrays`."""
        return {"projection": self.projection}

    @property
    def _of_inputs(self) -> Float:
        """The projection of the layer's own coordinates."""
        return self.projection[: self.n_inputs]

    def _codes(self, rows: Float, projection: Float, thresholds: Float, n_threads: int) -> Ids:
        codes: Ids = kernels.simhash_codes(
            rows,
            projection,
            thresholds,
            n_tables=self.n_tables,
            n_buckets=self.n_buckets,
            n_threads=n_threads,
        )
        return codes


def _missing_lengths(rows: Float, mean: Float | None) -> Float:
    """The coordinate that brings each row, less the mean, to the length that nine in ten of them do not exceed."""
    squares = np.empty(len(rows), np.float32)
    for begin in range(0, len(rows), _BLOCK):
        block = rows[begin : begin + _BLOCK] if mean is None else rows[begin : begin + _BLOCK] - mean
        squares[begin : begin + _BLOCK] = np.einsum("ij,ij->i", block, block)
    missing: Float = np.sqrt(np.maximum(np.quantile(squares, 0.9) - squares, 0)).astype(np.float32)
    return missing


def _mean_row(rows: Float) -> Float:
    """The mean over neurons; blocks are summed in float32, and added up in float64."""
    blocks: Iterator[Float] = (rows[i : i + _BLOCK] for i in range(0, len(rows), _BLOCK))
    total = sum((block.sum(axis=0).astype(np.float64) for block in blocks), start=np.zeros(rows.shape[1]))
    return np.asarray(total / len(rows), np.float32)
