"""Which features a model knows: those that occurred in the samples that it has learnt from. Only they have rows in it.

A vectoriser that hashes words has a million columns, of which a corpus fills some ten thousand. Nothing has been learnt
about a feature that never occurred, so answers ignore it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from slidelearn.kernels import Ids
from slidelearn.matrices import MOST_COLUMNS, FloatCsr, canonical_csr


@dataclass(frozen=True)
class KnownFeatures:
    """The known features, which networks and rankers number from 0 on in the order of their columns."""

    ids: Ids
    """(n_known,): their columns in X, ascending."""
    n_columns: int
    """Of X."""

    @classmethod
    def of(cls, X: FloatCsr, Y: FloatCsr) -> Self:
        """The features that occur in samples with a label."""
        return cls.nothing().with_more(X, Y)

    @classmethod
    def nothing(cls) -> Self:
        """None yet."""
        return cls(np.zeros(0, np.int32), 0)

    @classmethod
    def all_of(cls, n_columns: int) -> Self:
        """Every column is one."""
        return cls(np.arange(n_columns, dtype=np.int32), n_columns)

    def with_more(self, X: FloatCsr, Y: FloatCsr) -> Self:
        """These, and the features that occur in further samples with a label; X may have more columns than before."""
        labelled = np.flatnonzero(np.diff(Y.indptr))
        occurring = (X if len(labelled) == X.shape[0] else X[labelled]).indices
        ids = np.union1d(self.ids, occurring).astype(np.int32, copy=False)
        return type(self)(ids, max(X.shape[1], self.n_columns))

    def places_of(self, former: KnownFeatures) -> Ids:
        """The places that the features in `former`, which are all known still, have among these."""
        return np.searchsorted(self.ids, former.ids).astype(np.int32)

    def only(self, X: FloatCsr) -> FloatCsr:
        """X without the features that are not known: (n_samples, n_known)."""
        if self.are_all:
            return X
        places = np.searchsorted(self.ids, X.indices)
        known = places < len(self)
        known[known] = self.ids[places[known]] == X.indices[known]
        indptr = np.concatenate([[0], np.cumsum(known)])[X.indptr]
        return canonical_csr(X.data[known], places[known], indptr, (X.shape[0], len(self)))

    @property
    def are_all(self) -> bool:
        """Whether every column of X is one of them."""
        return len(self) == self.n_columns

    def __len__(self) -> int:
        """How many there are."""
        return len(self.ids)

    def is_sound(self) -> bool:
        """Whether they are columns of X, in ascending order."""
        return self.n_columns <= MOST_COLUMNS and bool((np.diff(self.ids, prepend=-1, append=self.n_columns) > 0).all())

    def named_arrays(self) -> Iterator[tuple[str, Ids]]:
        """What is saved: nothing where every column is known."""
        if not self.are_all:
            yield "features", self.ids
