"""The hash families: functions under which vectors that are alike are likely to fall into the same bucket.

Each table has `hashes_per_table` functions of its own (K in the paper; L is the number of tables), and together they
name the bucket.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from slidelearn import kernels
from slidelearn.config import Config
from slidelearn.kernels import Float, Ids

MAX_DEFAULT_BUCKETS = 2**18
_BLOCK = 4096
_ZERO_SHARE = 2 / 3


class HashFamily(ABC):
    """The hash functions of a layer's tables.

    Parameters
    ----------
    n_inputs
        Coordinates of the vectors.
    config
        `n_tables`, `hashes_per_table`, `n_buckets` and the family's own options are read.
    n_codes
        Different combinations of codes that the hashes of a table can have; None: more than anybody needs.

    Attributes
    ----------
    n_buckets
        Of each table: one for each combination of codes, at most `config.n_buckets` (2^18 by default); where there are
        more combinations, they are hashed.
    """

    def __init__(self, n_inputs: int, config: Config, n_codes: int | None) -> None:
        self.n_inputs = n_inputs
        self.n_tables = config.n_tables
        self.hashes_per_table = config.hashes_per_table
        most = config.n_buckets or MAX_DEFAULT_BUCKETS
        self.n_buckets = most if n_codes is None else min(most, n_codes)

    @property
    def n_hashes(self) -> int:
        """Hash functions of all tables together."""
        return self.n_tables * self.hashes_per_table

    @abstractmethod
    def codes(self, vectors: Float, *, n_threads: int) -> Ids:
        """The buckets, (n_tables, n_vectors) int32, of queries (n_vectors, n_inputs) float32."""

    @abstractmethod
    def neuron_codes(self, rows: Float, *, n_threads: int) -> Ids:
        """The buckets, (n_tables, n_neurons) int32, of weight rows (n_neurons, n_inputs); the rows may lie apart."""

    @abstractmethod
    def redraw(self, rng: np.random.Generator) -> None:
        """Draw new hash functions, into the same arrays."""

    @abstractmethod
    def named_arrays(self) -> dict[str, NDArray[Any]]:
        """What was drawn, by name. Assigning into the arrays of another family of this shape makes it the same."""


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


@final
class Wta(HashFamily):
    """Winner takes all (Yagnik et al., 2011): which of a few coordinates, drawn for each hash, is the largest."""

    def __init__(self, n_inputs: int, config: Config, rng: np.random.Generator) -> None:
        _check_bin_size(n_inputs, config)
        super().__init__(n_inputs, config, config.bin_size**config.hashes_per_table)
        self.bins: Ids = np.empty((self.n_hashes, config.bin_size), np.int32)
        self.redraw(rng)

    def codes(self, vectors: Float, *, n_threads: int) -> Ids:
        """See `HashFamily.codes`."""
        codes: Ids = kernels.wta_codes(
            vectors, self.bins, n_tables=self.n_tables, n_buckets=self.n_buckets, n_threads=n_threads
        )
        return codes

    def neuron_codes(self, rows: Float, *, n_threads: int) -> Ids:
        """See `HashFamily.neuron_codes`."""
        return self.codes(rows, n_threads=n_threads)

    def redraw(self, rng: np.random.Generator) -> None:
        """See `HashFamily.redraw`."""
        for bin_ in self.bins:
            bin_[...] = rng.choice(self.n_inputs, len(bin_), replace=False)

    def named_arrays(self) -> dict[str, NDArray[Any]]:
        """See `HashFamily.named_arrays`."""
        return {"bins": self.bins}


@final
class Dwta(HashFamily):
    """Densified winner takes all (Chen and Shrivastava, 2018), for vectors with many zeros.

    A permutation of the coordinates is cut into bins, one for each hash, and there are as many permutations as it
    takes. Coordinates that are 0 do not compete; a bin without any other borrows the code of another bin.
    """

    def __init__(self, n_inputs: int, config: Config, rng: np.random.Generator) -> None:
        _check_bin_size(n_inputs, config)
        super().__init__(n_inputs, config, config.bin_size**config.hashes_per_table)
        self.bins: Ids = np.empty((self.n_hashes, config.bin_size), np.int32)
        self.borrow_seed = np.empty(1, np.int64)
        self.redraw(rng)

    def codes(self, vectors: Float, *, n_threads: int) -> Ids:
        """See `HashFamily.codes`."""
        codes: Ids = kernels.dwta_codes(
            vectors,
            self.bins,
            borrow_seed=int(self.borrow_seed[0]),
            n_tables=self.n_tables,
            n_buckets=self.n_buckets,
            n_threads=n_threads,
        )
        return codes

    def neuron_codes(self, rows: Float, *, n_threads: int) -> Ids:
        """See `HashFamily.neuron_codes`."""
        return self.codes(rows, n_threads=n_threads)

    def redraw(self, rng: np.random.Generator) -> None:
        """See `HashFamily.redraw`."""
        bin_size = self.bins.shape[1]
        bins_each = self.n_inputs // bin_size
        for first in range(0, self.n_hashes, bins_each):
            share = self.bins[first : first + bins_each]
            share[...] = rng.permutation(self.n_inputs)[: share.size].reshape(share.shape)
        self.borrow_seed[0] = _draw_seed(rng)

    def named_arrays(self) -> dict[str, NDArray[Any]]:
        """See `HashFamily.named_arrays`."""
        return {"bins": self.bins, "borrow_seed": self.borrow_seed}


@final
class Doph(HashFamily):
    """Densified one-permutation MinHash (Shrivastava and Li, 2014; Shrivastava, 2017) of the largest coordinates.

    A vector counts as the set of its `doph_top_k` largest coordinates, 0 being none. A permutation is cut into as many
    bins as the set has members, so that most bins have one, and there are as many permutations as the hashes take. A
    hash's code is the first coordinate of the set in its bin; an empty bin borrows from another.
    """

    def __init__(self, n_inputs: int, config: Config, rng: np.random.Generator) -> None:
        if config.doph_top_k >= n_inputs:
            raise ValueError(
                f"doph_top_k must be below the layer's number of inputs ({n_inputs}), or all rows are the same "
                f"set, but is {config.doph_top_k}"
            )
        super().__init__(n_inputs, config, None)
        self._top_k = config.doph_top_k
        self.ranks: Ids = np.empty((n_inputs, -(-self.n_hashes // config.doph_top_k)), np.int32)
        self.borrow_seed = np.empty(1, np.int64)
        self.redraw(rng)

    def codes(self, vectors: Float, *, n_threads: int) -> Ids:
        """See `HashFamily.codes`."""
        codes: Ids = kernels.doph_codes(
            vectors,
            self.ranks,
            top_k=self._top_k,
            n_hashes=self.n_hashes,
            borrow_seed=int(self.borrow_seed[0]),
            n_tables=self.n_tables,
            n_buckets=self.n_buckets,
            n_threads=n_threads,
        )
        return codes

    def neuron_codes(self, rows: Float, *, n_threads: int) -> Ids:
        """See `HashFamily.neuron_codes`."""
        return self.codes(rows, n_threads=n_threads)

    def redraw(self, rng: np.random.Generator) -> None:
        """See `HashFamily.redraw`."""
        for permutation in self.ranks.T:
            permutation[...] = rng.permutation(self.n_inputs)
        self.borrow_seed[0] = _draw_seed(rng)

    def named_arrays(self) -> dict[str, NDArray[Any]]:
        """See `HashFamily.named_arrays`."""
        return {"ranks": self.ranks, "borrow_seed": self.borrow_seed}


def make_family(config: Config, n_inputs: int, rng: np.random.Generator) -> HashFamily:
    """The family that `config.hash_family` names, its functions drawn from `rng`.

    Raises
    ------
    ValueError
        If the vectors are too short for the family.
    """
    families: dict[str, type[SimHash | Wta | Dwta | Doph]] = {
        "simhash": SimHash,
        "wta": Wta,
        "dwta": Dwta,
        "doph": Doph,
    }
    return families[config.hash_family](n_inputs, config, rng)


def _draw_seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**63))


def _check_bin_size(n_inputs: int, config: Config) -> None:
    if config.bin_size > n_inputs:
        raise ValueError(
            f"bin_size must be at most the layer's number of inputs ({n_inputs}), but is {config.bin_size}"
        )


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
