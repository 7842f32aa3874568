"""Lists of label names, a list for each sample, in whatever the users keep them: lists, columns of pandas or Polars."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np

REMEDY = (
    "write numbers as strings, or make an indicator of lists of them by "
    "sklearn.preprocessing.MultiLabelBinarizer(sparse_output=True)"
)
"""What to do where labels are numbers."""

_LISTS = (list, tuple, set, frozenset)


def rows_of_names(y: Any) -> list[Any] | None:
    """The list of each sample; None where y is something else, such as an indicator written as lists.

    Raises
    ------
    ValueError
        If some samples have a list of names and others have none, or a column of a table has lists of numbers.
    """
    if not hasattr(y, "__len__") or len(getattr(y, "shape", (0,))) != 1:
        return None  # a frame would give its columns
    dtype = getattr(y, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind != "O":
        return None
    rows = [_as_list(row) for row in y]
    lists = [row for row in rows if isinstance(row, _LISTS)]
    if not lists:
        return None
    first = next(chain.from_iterable(lists), "")
    is_names = isinstance(first, str) or any(isinstance(label, str) for label in chain.from_iterable(lists))
    if not is_names and not any(isinstance(labels, set | frozenset) for labels in lists):
        if isinstance(y, list | tuple):
            return None  # an indicator, perhaps
        raise ValueError(f"label names must be strings, but {first!r} is among them; {REMEDY}")
    if len(lists) < len(rows):
        sample = next(place for place, row in enumerate(rows) if not isinstance(row, _LISTS))
        raise ValueError(
            f"y must be a list of label names for each sample, but for sample {sample} it is {rows[sample]!r}; "
            "a sample without labels has an empty list"
        )
    return rows


def plain_name(name: str) -> str:
    """The name with one blank for each run of white space, and none around it: in files and tables nobody sees more."""
    return " ".join(name.split())


def names_of(labels: Iterable[Any]) -> list[str]:
    """The names of some labels, as `plain_name` has them.

    Raises
    ------
    ValueError
        For one that is no string.
    """
    names = list(labels)
    for name in names:
        if not isinstance(name, str):
            raise ValueError(f"label names must be strings, but {name!r} is among them; {REMEDY}")
    return list(map(plain_name, names))


def _as_list(row: Any) -> Any:
    """A cell of a table: pandas has arrays there, if it has read them from a file, Polars its own columns."""
    if isinstance(row, (*_LISTS, str, np.generic)):
        return row
    if isinstance(row, np.ndarray):
        return row.tolist() if row.ndim == 1 else row
    return row.to_list() if hasattr(row, "to_list") else row
