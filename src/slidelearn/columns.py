"""Columns and frames of pandas and Arrow in the forms that NumPy, SciPy and scikit-learn take without loss."""

from __future__ import annotations

from typing import Any

import numpy as np


def without_frame(values: Any) -> Any:
    """What a column or a frame holds, where NumPy's own conversion would refuse it or make other numbers of it.

    Whole numbers and booleans that may be missing become float64 there, in which 2^53 and 2^53 + 1 are the same.
    Whatever is something else, or has values missing, stays as it is.
    """
    if hasattr(values, "to_pylist") and not hasattr(values, "columns"):  # Arrow, but no table of it
        return values.to_pylist()
    if hasattr(values, "sparse") and values.ndim == 2:  # pandas, all of whose columns are sparse
        return values.sparse.to_coo()
    dtypes = [values.dtype] if hasattr(values, "dtype") else list(getattr(values, "dtypes", ()))
    kinds = {getattr(dtype, "numpy_dtype", None) for dtype in dtypes}
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is None or kind.kind not in "iub" or np.any(values.isna()):
        return values
    return values.to_numpy(kind)


def first_missing(column: Any) -> int | None:
    """The place of the first value that a column of pandas lacks; None: it lacks none, or is no such column."""
    if getattr(column, "ndim", 0) != 1 or not hasattr(column, "isna"):
        return None
    missing = np.flatnonzero(column.isna())
    return int(missing[0]) if len(missing) else None
