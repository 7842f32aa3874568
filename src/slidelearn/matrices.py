"""The matrices that users hand over: checked, and in one form.

The form is CSR with float32 data, sorted indices and no duplicates. What the caller passed is never changed; the result
may share its arrays, so treat it as read-only.
"""

from __future__ import annotations

import copy
import hashlib
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array, issparse

from slidelearn import kernels
from slidelearn.arrays import pieces
from slidelearn.kernels.types import Float

FloatCsr: TypeAlias = "csr_array[np.float32, tuple[int, int]]"


class Extents(Protocol):
    """How large a sparse matrix is, all that computing the memory for it takes."""

    @property
    def shape(self) -> tuple[int, int]:
        """(n_rows, n_columns)."""

    @property
    def nnz(self) -> int:
        """Number of entries."""


MOST_COLUMNS = 2**31 - 1
"""Ids are int32."""
DENSE = 0.5
"""Share of values that are not zero from which on features are measurements, not counts of what is there."""


def check_features(X: Any, *, name: str = "X") -> FloatCsr:
    """Bring X into canonical CSR.

    Parameters
    ----------
    X : array or sparse matrix (n_samples, n_features)
        Of any real dtype and any sparse format.
    name
        What the messages call it.

    Returns
    -------
    csr_array (n_samples, n_features), float32
        Sorted indices, duplicates summed. Explicit zeros stay.

    Raises
    ------
    ValueError
        If X is not two-dimensional, not real, or not finite in float32.
    """
    if _is_canonical(X):
        same = _with_data(X, X.data)  # a new object, because SciPy writes on matrices what it has found out about them
        same.has_canonical_format = True
        return same
    csr = _to_csr(X, name, "(n_samples, n_features)", f"a single sample is {name}.reshape(1, -1)")
    _refuse_first(~np.isfinite(csr.data), csr, f"{name} must be finite in float32")
    return csr


BINARISER = "lists of labels become one by sklearn.preprocessing.MultiLabelBinarizer(sparse_output=True)"
"""How labels become an indicator, where there is no model that has an order of them."""


def check_labels(Y: Any, *, name: str = "Y", remedy: str = BINARISER) -> FloatCsr:
    """Bring Y into canonical CSR of ones.

    Parameters
    ----------
    Y : array or sparse matrix (n_samples, n_labels)
        Non-zero means relevant. Explicit zeros are dropped.
    name
        What the messages call it.
    remedy
        What they say of labels in another form.

    Returns
    -------
    csr_array (n_samples, n_labels), float32
        Ones at the labels of each sample, sorted indices.

    Raises
    ------
    ValueError
        If Y is not two-dimensional, not real, not finite, or negative anywhere.
    """
    csr = _to_csr(Y, name, "(n_samples, n_labels)", remedy, f"; {remedy}")
    _refuse_first(~np.isfinite(csr.data), csr, f"{name} must be finite")
    rule = f"{name} must not be negative (non-zero means relevant; negative weights are refused)"
    _refuse_first(csr.data < 0, csr, rule)
    if not csr.data.all():
        csr = csr.copy()
        csr.eliminate_zeros()
    return canonical_csr(np.ones(csr.nnz, np.float32), csr.indices, csr.indptr, csr.shape)


def require_no_mask(array: object, name: str) -> None:
    """Refuse a masked array of NumPy: what is under the mask would count like any other value.

    Raises
    ------
    ValueError
        With how many values are masked.
    """
    if isinstance(array, np.ma.MaskedArray) and (n_masked := int(np.ma.getmaskarray(array).sum())):
        raise ValueError(
            f"{name} must have no masked values, but has {n_masked}: fill them, or leave their samples out"
        )


def check_same_length(X: FloatCsr, Y: FloatCsr) -> None:
    """Refuse features and labels of unequal length.

    Raises
    ------
    ValueError
        With both lengths.
    """
    if X.shape[0] != Y.shape[0]:
        raise ValueError(f"X and Y must have one row per sample, but X has {X.shape[0]} and Y has {Y.shape[0]}")


def digest_of_samples(X: FloatCsr, Y: FloatCsr, weights: Float | None = None) -> str:
    """Sixteen hexadecimal digits that tell these samples, in this order and of these weights, from any others."""
    digest = hashlib.blake2b(repr((X.shape, Y.shape)).encode(), digest_size=8)
    arrays = [(X.indptr, "<i8"), (X.indices, "<i8"), (X.data, "<f4"), (Y.indptr, "<i8"), (Y.indices, "<i8")]
    if weights is not None:
        arrays.append((weights, "<f4"))
    for array, kind in arrays:
        for piece in pieces(array):
            digest.update(np.ascontiguousarray(piece, kind).data)
    return digest.hexdigest()


def normalize_rows(X: FloatCsr) -> FloatCsr:
    """Scale the rows of X to Euclidean length 1, in a new matrix; rows of zeros stay as they are."""
    data = X.data.astype(np.float64)
    row_of = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    lengths = np.sqrt(np.bincount(row_of, data * data, minlength=X.shape[0]))
    lengths[lengths == 0] = 1.0
    return _with_data(X, (data / lengths[row_of]).astype(np.float32))


def raise_values(X: FloatCsr, power: float) -> FloatCsr:
    """Take the values of X to a power, signs kept, in a new matrix."""
    data = np.sign(X.data) * np.abs(X.data) ** np.float32(power)
    return _with_data(X, data.astype(np.float32, copy=False))


def are_entries(X: FloatCsr, columns: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Whether each row of X has an entry at its columns, (n_rows, n); it has none at -1."""
    n_rows, n_columns = X.shape
    entries = np.repeat(np.arange(n_rows) * n_columns, np.diff(X.indptr)) + X.indices  # one number each, ascending
    if not len(entries):
        return np.zeros(columns.shape, np.bool_)
    asked = np.arange(n_rows)[:, None] * n_columns + columns
    found = entries[np.minimum(np.searchsorted(entries, asked), len(entries) - 1)] == asked
    return np.asarray(found & (columns >= 0))


def are_dense(X: FloatCsr) -> bool:
    """Whether so many values of X are not zero that its features are measurements."""
    return bool(np.count_nonzero(X.data) >= DENSE * X.shape[0] * X.shape[1] > 0)


def _with_data(X: FloatCsr, data: Float) -> FloatCsr:
    """The same entries with other values; SciPy's checks, which take longer than a query, have nothing to find."""
    changed: FloatCsr = copy.copy(X)
    changed.data = data
    return changed


def canonical_csr(data: Float, indices: Any, indptr: Any, shape: tuple[int, int]) -> FloatCsr:
    """Put arrays that are in canonical order into a matrix, with 32-bit indices wherever its size allows."""
    index_type = np.int32 if len(data) < 2**31 else np.int64  # SciPy wants one type for both
    csr = csr_array((data, indices.astype(index_type, copy=False), indptr.astype(index_type, copy=False)), shape=shape)
    csr.has_canonical_format = True  # so that SciPy need not look
    return csr


def _is_canonical(X: Any) -> bool:
    """Whether X is in the form that is wanted: told by a verb, before SciPy's checks take as long as an answer."""
    if not isinstance(X, csr_array) or len(X.indptr) != X.shape[0] + 1 or len(X.data) != len(X.indices):
        return False
    if X.data.dtype != np.float32 or not X.indices.dtype == X.indptr.dtype == np.int32:
        return False
    return kernels.is_canonical(X.indptr, X.indices, X.data, X.shape[1])


def _to_csr(matrix: Any, name: str, shape: str, remedy: str, of_strings: str = "") -> FloatCsr:
    is_sparse: bool = issparse(matrix)
    if not is_sparse:
        try:
            matrix = np.asarray(matrix)
        except ValueError:  # nested lists of unequal lengths
            raise ValueError(f"{name} must be an array or sparse matrix {shape}, but is ragged; {remedy}") from None
    if matrix.ndim != 2:
        raise ValueError(f"{name} must be 2-d, {shape}, but has shape {matrix.shape}; {remedy}")
    if np.dtype(matrix.dtype).kind not in "biuf":
        raise ValueError(f"{name} must hold real numbers, but its dtype is {matrix.dtype}{of_strings}")
    if matrix.shape[1] > MOST_COLUMNS:
        raise ValueError(f"{name} must have at most {MOST_COLUMNS} columns, but has {matrix.shape[1]}")
    with np.errstate(over="ignore", under="ignore"):  # the callers look for what becomes infinite
        if is_sparse:
            csr = _sparse_to_csr(matrix, name)
            csr = _with_data(csr, csr.data.astype(np.float32, copy=False))
        else:
            csr = csr_array(matrix.astype(np.float32, copy=False))
    if not csr.has_canonical_format:
        csr = csr.copy()
        csr.sum_duplicates()
    if csr.indices.dtype == csr.indptr.dtype == np.int32:
        canonical: FloatCsr = csr
        return canonical
    return canonical_csr(csr.data, csr.indices, csr.indptr, csr.shape)


def _sparse_to_csr(matrix: Any, name: str) -> Any:
    if matrix.format not in ("csr", "csc"):
        return csr_array(matrix.tocsr())  # those formats cannot be out of bounds
    # Under a new object of ours, because SciPy's checks write on the one that they look at.
    kind = csr_array if matrix.format == "csr" else csc_array
    try:
        view = kind((matrix.data, matrix.indices, matrix.indptr), shape=matrix.shape)
        view.check_format(full_check=True)
    except ValueError as error:
        raise ValueError(f"{name} must be a valid {matrix.format.upper()} matrix, but {error}") from None
    return view.tocsr()


def _refuse_first(is_wrong: Any, csr: FloatCsr, rule: str) -> None:
    """Raise for the first entry, in the order of the rows, of which `is_wrong` (n_entries,) is true."""
    if not is_wrong.any():
        return
    entry = int(np.argmax(is_wrong))
    row = int(np.searchsorted(csr.indptr, entry, side="right")) - 1
    raise ValueError(f"{rule}, but at row {row}, column {csr.indices[entry]} it is {csr.data[entry]:g}")
