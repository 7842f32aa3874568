"""What a hash family is: functions under which vectors that are alike are likely to fall into the same bucket.

Each table has `hashes_per_table` functions of its own (K in the paper; L is the number of tables), and together they
name the bucket.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slidelearn.config import Config
from slidelearn.kernels import Float, Ids

MAX_DEFAULT_BUCKETS = 2**18


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

    def neuron_codes(self, rows: Float, *, n_threads: int) -> Ids:
        """The buckets, (n_tables, n_neurons) int32, of weight rows (n_neurons, n_inputs); the rows may lie apart."""
        return self.codes(rows, n_threads=n_threads)

    @abstractmethod
    def redraw(self, rng: np.random.Generator) -> None:
        """Draw new hash functions, into the same arrays."""

    @abstractmethod
    def named_arrays(self) -> dict[str, NDArray[Any]]:
        """What was drawn, by name. Assigning into the arrays of another family of this shape makes it the same."""


def draw_seed(rng: np.random.Generator) -> int:
    """For what a family draws natively: which hashes borrow from which."""
    return int(rng.integers(2**63))
