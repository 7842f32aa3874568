"""The hash tables of one layer: hash functions, tables, and when to rebuild them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from slidelearn.config import Config
from slidelearn.kernels import Csr, Float, Ids
from slidelearn.lsh.families import make_family
from slidelearn.lsh.incremental import IncrementalSimHash
from slidelearn.lsh.schedule import RebuildSchedule
from slidelearn.lsh.simhash import SimHash
from slidelearn.lsh.tables import HashTables, TableStats


@final
class LshIndex:
    """Finds the neurons of a layer that are likely to answer a query strongly, without looking at the others.

    The hash functions are saved with a model, by `named_arrays`; the tables are not, and are rebuilt from the rows.

    Parameters
    ----------
    config
        The options on locality-sensitive hashing.
    n_inputs, n_neurons
        Shape of the layer's weights.
    rng
        Draws the hash functions, and the seed of all that is drawn later.

    Raises
    ------
    ValueError
        If the options do not suit the layer or each other.

    Examples
    --------
    >>> import numpy as np
    >>> from slidelearn.config import make_config
    >>> rows = np.random.default_rng(0).standard_normal((1000, 64), np.float32)
    >>> index = LshIndex(make_config(center_rows=False), 64, 1000, np.random.default_rng(1))
    >>> index.rebuild(rows, n_threads=1)
    >>> found = index.candidates(rows[:5], n_candidates=10, seed=0, n_threads=1)
    >>> [i in found.indices[found.indptr[i] : found.indptr[i + 1]] for i in range(5)]
    [True, True, True, True, True]
    """

    def __init__(self, config: Config, n_inputs: int, n_neurons: int, rng: np.random.Generator) -> None:
        self._config = config
        self.n_neurons = n_neurons
        self.family = make_family(config, n_inputs, rng)
        self.schedule = RebuildSchedule(config.rebuild_every, config.rebuild_decay, config.redraw_every)
        self._incremental: IncrementalSimHash | None = None
        if config.incremental_codes:
            if not isinstance(self.family, SimHash):
                raise ValueError(
                    "incremental_codes must be False unless hash_family is 'simhash', "
                    f"but is True with {config.hash_family!r}"
                )
            if config.complete_norms:
                raise ValueError("incremental_codes must be False with complete_norms, which may change every code")
            self._incremental = IncrementalSimHash(self.family)
        self._seed = rng.integers(2**63, size=1)
        self._n_rebuilds = np.zeros(1, np.int64)
        self._tables: HashTables | None = None

    @property
    def n_rebuilds(self) -> int:
        """Rebuilds that the schedule has asked for so far."""
        return int(self._n_rebuilds[0])

    def rebuild(self, rows: Float, *, n_threads: int) -> None:
        """Fill the tables from `rows` (n_neurons, n_inputs) float32, whose rows may lie apart.

        Nothing of earlier rows enters, so two indexes with the same `named_arrays` have the same tables afterwards.
        """
        if self._incremental:
            codes = self._incremental.afresh(rows, n_threads=n_threads)
        else:
            codes = self.family.neuron_codes(rows, n_threads=n_threads)
        self._fill(codes, n_threads)

    def rebuild_if_due(self, step: int, rows: Float, *, n_threads: int) -> bool:
        """Rebuild if the schedule says so after `step` steps, with new hash functions when their turn has come.

        Returns whether it did.
        """
        if not self.schedule.due(step, self.n_rebuilds):
            return False
        self._n_rebuilds += 1
        redraw = self.schedule.redraws(self.n_rebuilds)
        if redraw:
            self.family.redraw(np.random.default_rng((int(self._seed[0]), self.n_rebuilds)))
        if self._incremental and not redraw:
            self._fill(self._incremental.updated(rows, n_threads=n_threads), n_threads)
        else:
            self.rebuild(rows, n_threads=n_threads)
        return True

    def candidates(self, queries: Float, *, n_candidates: int, seed: int | None, n_threads: int) -> Csr:
        """The neurons found for each query (n_queries, n_inputs) float32, selected as `config.lsh_selection` says.

        Returns
        -------
        Csr
            A row for each query: ids without repetition, ascending; no data. See `HashTables.candidates`.

        Raises
        ------
        RuntimeError
            Before the first rebuild.
        """
        return self._built().candidates(
            self.family.codes(queries, n_threads=n_threads),
            self._config.lsh_selection,
            n_candidates=n_candidates,
            min_tables=self._config.lsh_min_tables,
            seed=seed,
            n_threads=n_threads,
        )

    def resize(self, n_neurons: int) -> None:
        """Hold so many neurons from now on; a `rebuild` from their rows must follow."""
        self.n_neurons, self._tables = n_neurons, None

    def stats(self) -> TableStats:
        """How evenly the tables are filled; `RuntimeError` before the first rebuild."""
        return self._built().stats()

    def named_arrays(self) -> dict[str, NDArray[Any]]:
        """The hash functions, and what later draws depend on; assign into these arrays to load, then `rebuild`."""
        return {**self.family.named_arrays(), "seed": self._seed, "n_rebuilds": self._n_rebuilds}

    def named_tables(self) -> dict[str, NDArray[Any]]:
        """The tables, and what `incremental_codes` keeps: what a training that is resumed cannot make anew."""
        kept = self._incremental.named_arrays() if self._incremental else {}
        return {**self._built().named_arrays(), **kept}

    def restore_tables(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `named_tables` gave.

        Raises
        ------
        ValueError
            If an array is missing, or cannot be one of these.
        """
        if self._incremental:
            self._incremental.restore(arrays, self.n_neurons)
        self._tables = HashTables.restored(arrays, self.n_neurons, self.family.n_tables, self.family.n_buckets)

    @property
    def n_bytes(self) -> int:
        """Memory of hash functions, tables, and what `incremental_codes` keeps."""
        return (
            sum(array.nbytes for array in self.named_arrays().values())
            + (self._tables.n_bytes if self._tables else 0)
            + (self._incremental.n_bytes if self._incremental else 0)
        )

    def _fill(self, codes: Ids, n_threads: int) -> None:
        if codes.shape[1] != self.n_neurons:
            raise ValueError(f"rows must be one for each of the {self.n_neurons} neurons, but are {codes.shape[1]}")
        self._tables = None  # two sets of tables at once may be more than memory holds
        self._tables = HashTables.build(
            codes,
            self.family.n_buckets,
            bucket_size=self._config.bucket_size,
            insertion=self._config.insertion,
            seed=int(self._seed[0]) ^ self.n_rebuilds,
            n_threads=n_threads,
        )

    def _built(self) -> HashTables:
        if self._tables is None:
            raise RuntimeError("the hash tables are empty: call rebuild() first")
        return self._tables
