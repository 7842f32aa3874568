"""The classes of a model, by their values: numbers, strings or booleans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAVE_OUT = "leave samples without a class out"


def several(labels: Any, name: str) -> Any:
    """Labels that a user lists, as something that has a length and an order.

    Raises
    ------
    ValueError
        If it is one label instead.
    """
    if isinstance(labels, str) or not isinstance(labels, Iterable) or getattr(labels, "shape", None) == ():
        what = "the text " if isinstance(labels, str) else ""
        raise ValueError(f"{name} must be several, but are {what}{labels!r}; put it in a list")
    return labels if hasattr(labels, "__array__") else list(labels)


def listed_classes(labels: Any, name: str) -> NDArray[Any]:
    """Classes that a user lists, as a column.

    Raises
    ------
    ValueError
        If it is no list, or holds what cannot be a class.
    """
    from sklearn.utils import check_array, column_or_1d

    listed = several(labels, name)
    if isinstance(listed, list):
        require_one_kind(listed, name)
    least = {"ensure_min_samples": 0, "ensure_min_features": 0}
    values: NDArray[Any] = column_or_1d(
        check_array(np.asarray(listed), ensure_2d=False, dtype=None, **least, input_name=name)
    )
    require_classes(values, name)
    return values


def joined_classes(known: NDArray[Any], new: NDArray[Any], name: str = "y") -> NDArray[Any]:
    """The known classes, and others behind them, all with their exact values.

    Integers stay integers: pandas makes floats of them where some are missing, and NumPy where signed ones meet
    unsigned ones, in which 2^53 and 2^53 + 1 are the same.

    Raises
    ------
    ValueError
        If no type of numbers holds them all.
    """
    if not len(known) or not len(new):
        return known if len(known) else new
    joined = np.concatenate([known, new])
    if joined.dtype.kind != "f":
        return joined
    if known.dtype.kind in "iu":
        with np.errstate(invalid="ignore"):  # what does not fit is found below
            joined = np.concatenate([known, new.astype(known.dtype)])
    for value, was in zip(joined.tolist(), known.tolist() + new.tolist(), strict=True):
        if value != was:
            raise ValueError(
                f"{name} must hold classes that {joined.dtype} can hold, as that is the type of those in training, "
                f"but {was!r} is among them"
            )
    return joined


def require_classes(values: NDArray[Any], name: str = "y") -> None:
    """Refuse what is not of one kind that JSON can hold, before it is put in order."""
    if values.dtype.kind == "U" or (values.dtype.kind in "biuf" and values.dtype.itemsize <= 8):
        return
    if values.dtype.kind != "O":
        raise ValueError(f"{name} must hold numbers, strings or booleans, but holds {values.dtype}")
    for place, value in enumerate(values):
        if not isinstance(value, str | int | float | bool | np.number | np.bool_):
            where = f"for sample {place} it holds {value!r}; {LEAVE_OUT}" if name == "y" else f"holds {value!r}"
            raise ValueError(f"{name} must hold numbers, strings or booleans, but {where}")
    require_one_kind(values, name)


def require_one_kind(values: Sequence[Any] | NDArray[Any], name: str = "y") -> None:
    """Refuse numbers among strings."""
    strings = [isinstance(value, str) for value in values]
    if not all(strings) and any(strings):
        number = next(value for value in values if not isinstance(value, str))
        remedy = LEAVE_OUT if number != number else f"[str(label) for label in {name}] are strings"  # NaN: missing
        raise ValueError(f"{name} must hold strings or numbers, but holds both, such as {number!r}; {remedy}")
