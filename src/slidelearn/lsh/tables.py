"""Hash tables over a layer's neurons: who shares a sample's buckets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from slidelearn import kernels
from slidelearn.arrays import require_array, require_ids
from slidelearn.kernels import Csr, Ids

Insertion = Literal["reservoir", "fifo"]
Selection = Literal["vanilla", "topk", "threshold"]


@dataclass(frozen=True)
class TableStats:
    """How evenly the tables are filled. Few buckets with most neurons: hash functions that tell nothing apart."""

    n_tables: int
    n_buckets: int
    """Of each table."""
    mean_bucket: float
    """Neurons of a bucket that is not empty."""
    longest_bucket: int
    empty_share: float
    """Of the buckets."""
    dropped_share: float
    """Of the neurons, averaged over the tables: those that found their bucket full, or had to leave it."""


@dataclass(frozen=True, eq=False)
class HashTables:
    """For each table, the ids of the neurons sorted by bucket.

    A table is built whole, by counting sort, which is quicker than inserting into buckets of a fixed size, and takes
    four bytes for each neuron and each bucket.
    """

    n_neurons: int
    offsets: Ids
    """(n_tables, n_buckets + 1): where each bucket begins in `ids`."""
    ids: Ids
    """(n_tables, most ids that a table holds)."""

    @classmethod
    def build(
        cls,
        codes: Ids,
        n_buckets: int,
        *,
        bucket_size: int | None = None,
        insertion: Insertion = "reservoir",
        seed: int = 0,
        n_threads: int,
    ) -> HashTables:
        """Tables of the neurons whose buckets are `codes`.

        Parameters
        ----------
        codes
            (n_tables, n_neurons) int32, in [0, n_buckets).
        n_buckets
            Buckets of each table.
        bucket_size
            Neurons that a bucket holds at most; None: all that come.
        insertion
            Who stays when a bucket is full: ``reservoir``, each that came with equal chance; ``fifo``, the last ones.
        seed
            For the reservoir.
        n_threads
            Threads to use; the tables do not depend on it.
        """
        offsets, ids = kernels.build_tables(
            codes,
            n_buckets=n_buckets,
            bucket_size=bucket_size,
            fifo=insertion == "fifo",
            seed=seed,
            n_threads=n_threads,
        )
        return cls(codes.shape[1], offsets, ids)

    def candidates(
        self,
        codes: Ids,
        selection: Selection,
        *,
        n_candidates: int = 1,
        min_tables: int = 1,
        seed: int | None = 0,
        n_threads: int,
    ) -> Csr:
        """The neurons found for samples whose buckets are `codes` (n_tables, n_samples).

        Chen et al. (2020), section 4.1, has the three ways of selecting:

        - ``vanilla``: tables are looked up in random order until `n_candidates` neurons are found, or no table is left.
          A bucket is read from a random place on, and round, so that being cut short favours nobody.
        - ``topk``: the `n_candidates` neurons found in the most tables; of equals, the lowest ids.
        - ``threshold``: all neurons found in at least `min_tables` tables.

        Returns
        -------
        Csr
            A row for each sample: ids without repetition, ascending; no data. `seed` decides the random order;
            None: it is the same for all samples.
        """
        where = (codes, self.offsets, self.ids)
        if selection == "vanilla":
            found = kernels.vanilla_candidates(
                *where, n_neurons=self.n_neurons, n_candidates=n_candidates, seed=seed, n_threads=n_threads
            )
        elif selection == "topk":
            found = kernels.topk_candidates(
                *where, n_neurons=self.n_neurons, n_candidates=n_candidates, n_threads=n_threads
            )
        else:
            found = kernels.threshold_candidates(
                *where, n_neurons=self.n_neurons, min_tables=min_tables, n_threads=n_threads
            )
        return Csr(*found)

    def named_arrays(self) -> dict[str, Ids]:
        """Both arrays."""
        return {"offsets": self.offsets, "ids": self.ids}

    @classmethod
    def restored(cls, arrays: Mapping[str, NDArray[Any]], n_neurons: int, n_tables: int, n_buckets: int) -> HashTables:
        """Tables from their arrays; ``ValueError`` if a bucket would reach beyond them, or name no neuron."""
        offsets = require_array(arrays, "offsets", np.int32, (n_tables, n_buckets + 1))
        ids = require_array(arrays, "ids", np.int32, (n_tables, None))
        lengths = np.diff(offsets.astype(np.int64), axis=1)
        if offsets[:, 0].any() or (lengths < 0).any() or (offsets[:, -1] > ids.shape[1]).any():
            raise ValueError("array 'offsets' must rise from 0 to at most the width of 'ids' in every row")
        for row, end in zip(ids, offsets[:, -1], strict=True):
            require_ids({"ids": row[:end]}, "ids", 0, n_neurons)
        return cls(n_neurons, offsets, ids)

    def stats(self) -> TableStats:
        """How evenly the tables are filled."""
        lengths = np.diff(self.offsets, axis=1)
        n_tables, n_buckets = lengths.shape
        n_held, n_used = int(lengths.sum(dtype=np.int64)), int(np.count_nonzero(lengths))
        return TableStats(
            n_tables=n_tables,
            n_buckets=n_buckets,
            mean_bucket=n_held / max(1, n_used),
            longest_bucket=int(lengths.max(initial=0)),
            empty_share=1 - n_used / lengths.size,
            dropped_share=1 - n_held / max(1, n_tables * self.n_neurons),
        )

    @property
    def n_bytes(self) -> int:
        """Memory of the tables."""
        return self.offsets.nbytes + self.ids.nbytes
