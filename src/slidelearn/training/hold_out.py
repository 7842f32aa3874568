"""Held-out samples: some that nothing is trained on, so that they can tell what serves new samples best.

Near-duplicates on both sides of a random split (packages built from one source, prefixes of one session) would make
them too hopeful: what only remembers would look as good as what has learnt. So the near-duplicates of a held-out sample
are left out as well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from slidelearn import kernels
from slidelearn.batches import to_csr
from slidelearn.features.standards import Standards
from slidelearn.matrices import FloatCsr, are_dense, normalize_rows
from slidelearn.ranking.neighbours import N_STRONGEST, shortened

NEAR, NEAR_OF_DENSE = 0.8, 0.999
"""Cosine from which on two samples are near-duplicates: of dense ones, which all come near each other, only copies."""
_ROUGHLY = 0.3
"""Inner product over their strongest features from which on two samples are compared in full."""
_LONGEST = 2048
"""Samples that a feature finds at most: near-duplicates share rarer ones as well."""
_BLOCK, _PAIRS = 4096, 100_000
"""Rows that others are compared with at a time, or pairs of rows."""


def hold_out(
    X: sparse.csr_array, rows: NDArray[np.int64], n: int, most_left_out: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Take the first of some samples, which are in random order, and leave out what is nearly the same.

    Parameters
    ----------
    X
        (n_samples, n_features).
    rows
        The samples to choose from.
    n
        Samples to hold out, at most.
    most_left_out
        Samples that may be missing afterwards, held out or left out.

    Returns
    -------
    held_out, left_out
        Numbers of samples, ascending; both are among `rows`, and no sample is in both.
    """
    n = min(n, most_left_out, len(rows))
    first, second = _near_pairs(X, rows, n, most_left_out)
    n_near = np.bincount(first, minlength=n)  # some may be counted twice: then fewer samples are held out
    n = int(np.searchsorted(np.cumsum(1 + n_near), most_left_out, side="right"))
    left_out = np.unique(second[(first < n) & (second >= n)])
    return np.sort(rows[:n]), np.sort(rows[left_out])


def near_groups(X: sparse.csr_array, rows: NDArray[np.int64]) -> NDArray[np.int32]:
    """Number the groups of some samples: near-duplicates of each other have the same number, and so have theirs."""
    first, second = _near_pairs(X, rows, len(rows), len(rows) ** 2)
    pairs = sparse.coo_array((np.ones(len(first), np.int8), (first, second)), (len(rows), len(rows)))
    groups: NDArray[np.int32] = csgraph.connected_components(pairs, directed=False)[1]
    return groups


def _near_pairs(
    X: sparse.csr_array, rows: NDArray[np.int64], n: int, most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of one of the first n rows and another row that is its near-duplicate, by their places in `rows`.

    The search may give up rows before which it has counted more than `most` near-duplicates: they cannot be held out.
    """
    some = X[rows]
    return _near_pairs_of_dense(some, n, most) if are_dense(some) else _near_pairs_of_sparse(normalize_rows(some), n)


def _near_pairs_of_sparse(unit: FloatCsr, n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    indptr, indices, data = kernels.strongest(to_csr(unit), unit.shape[1], N_STRONGEST)
    strong = sparse.csr_array((data, indices, indptr), unit.shape)
    rows, columns, weights = shortened(to_csr(strong.T.tocsr()), _LONGEST)
    rough = strong[:n] @ sparse.csr_array((weights, columns, rows), strong.shape[::-1])
    likely = np.flatnonzero(rough.data >= _ROUGHLY)  # few, of millions: only these are told which rows they are of
    first, second = np.searchsorted(rough.indptr, likely, side="right") - 1, rough.indices[likely]
    first, second = first[first != second], second[first != second]
    near = np.zeros(len(first), bool)
    for begin in range(0, len(first), _PAIRS):
        some = slice(begin, begin + _PAIRS)
        near[some] = unit[first[some]].multiply(unit[second[some]]).sum(axis=1).ravel() >= NEAR
    return first[near].astype(np.int64), second[near].astype(np.int64)


def _near_pairs_of_dense(X: FloatCsr, n: int, most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Compare all rows with each other, since every feature is strong in many.

    Cosines are of standardised rows: with the common mean in them, all rows would look alike.
    """
    standards = Standards.of(X)
    some, counts = standards.directions(X[:n]), np.zeros(n, np.int64)
    firsts, seconds = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for begin in range(0, X.shape[0], _BLOCK):
        block = standards.directions(X[begin : begin + _BLOCK])
        cosines = kernels.matmul(some, block, transpose_b=True, n_threads=1)
        in_some, in_block = np.nonzero(cosines >= NEAR_OF_DENSE)
        firsts.append(in_some)
        seconds.append(begin + in_block)
        counts += np.bincount(in_some, minlength=len(some))
        n_left = int(np.searchsorted(np.cumsum(counts), most, side="right"))
        if n_left == 0:
            break
        some, counts = some[:n_left], counts[:n_left]
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    return first[first != second], second[first != second]
