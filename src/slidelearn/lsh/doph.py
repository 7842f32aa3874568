"""DOPH: MinHash of the set of a vector's largest coordinates."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from slidelearn import kernels
from slidelearn.config import Config
from slidelearn.kernels import Float, Ids
from slidelearn.lsh.family import HashFamily, draw_seed


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

    def redraw(self, rng: np.random.Generator) -> None:
        """See `HashFamily.redraw`."""
        for permutation in self.ranks.T:
            permutation[...] = rng.permutation(self.n_inputs)
        self.borrow_seed[0] = draw_seed(rng)

    def named_arrays(self) -> dict[str, NDArray[Any]]:
        """See `HashFamily.named_arrays`."""
        return {"ranks": self.ranks, "borrow_seed": self.borrow_seed}
