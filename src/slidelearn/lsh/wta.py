"""WTA and DWTA: which coordinate of a bin is the largest."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from slidelearn import kernels
from slidelearn.config import Config
from slidelearn.kernels import Float, Ids
from slidelearn.lsh.family import HashFamily, draw_seed


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

    def redraw(self, rng: np.random.Generator) -> None:
        """See `HashFamily.redraw`."""
        bin_size = self.bins.shape[1]
        bins_each = self.n_inputs // bin_size
        for first in range(0, self.n_hashes, bins_each):
            share = self.bins[first : first + bins_each]
            share[...] = rng.permutation(self.n_inputs)[: share.size].reshape(share.shape)
        self.borrow_seed[0] = draw_seed(rng)

    def named_arrays(self) -> dict[str, NDArray[Any]]:
        """See `HashFamily.named_arrays`."""
        return {"bins": self.bins, "borrow_seed": self.borrow_seed}


def _check_bin_size(n_inputs: int, config: Config) -> None:
    if config.bin_size > n_inputs:
        raise ValueError(
            f"bin_size must be at most the layer's number of inputs ({n_inputs}), but is {config.bin_size}"
        )
