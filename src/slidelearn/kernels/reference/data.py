"""Samples as they come: from files, and from users."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import numpy as np

from slidelearn.kernels.types import Csr, Float, Ids

_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_NOT_FINITE = re.compile(rb"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_ID = re.compile(rb"\d+")
_BLANKS = re.compile(rb"[ \t]+")


def is_canonical(indptr: Ids, indices: Ids, data: Float, n_columns: int) -> bool:
    """Whether these arrays are a matrix of so many columns whose rows are sorted, without duplicates, and finite."""
    steps = np.diff(indptr)
    if indptr[0] != 0 or indptr[-1] != len(indices) or (steps < 0).any():
        return False
    row = np.repeat(np.arange(len(steps)), steps)
    inside = (indices >= 0) & (indices < n_columns)
    ascending = (np.diff(row) > 0) | (np.diff(indices) > 0)
    return bool(inside.all() and ascending.all() and np.isfinite(data).all())


def parse_samples(
    text: bytes,
    *,
    first_line: int,
    n_samples: int,
    n_features: int,
    n_labels: int,
    first_id: int,
    labelled: bool,
    column: str,
    n_threads: int,
) -> tuple[Csr, Csr]:
    """Parse lines ``label,label feature:value feature:value`` into features and labels (without data).

    One line per sample. The ids of a row come out in order and counted from 0, values of the same feature added up, a
    label once.

    Parameters
    ----------
    first_line
        The number of the first of the lines in its file.
    n_samples
        Lines with a sample after the header, which is line 1: those after them must be blank. -1: there is no header.
    first_id
        What features and labels in the lines are counted from.
    labelled
        Whether labels stand first; else there are features only.
    column
        What errors call a feature.

    Raises
    ------
    ValueError
        ``line N: what is wrong``, for the first line at fault.
    """
    features: list[dict[int, np.float32]] = []
    labels: list[set[int]] = []
    for number, raw in enumerate(text.removesuffix(b"\n").split(b"\n") if text else [], start=first_line):
        line = raw.rstrip(b" \t\r")
        try:
            if 0 <= n_samples <= number - 2:
                extra = line.lstrip(b" \t")
                if extra:
                    raise ValueError(f"the header has n_samples = {n_samples}, but here is one more: {_quoted(extra)}")
                continue
            # The labels stand first, unless the line begins with a blank or with a feature: then there are none.
            field, *tokens = _BLANKS.split(line)
            if b":" in field or not labelled:
                field, tokens = b"", [field, *tokens]
            labels.append(_read_labels(field, n_labels, first_id))
            features.append(_read_features([token for token in tokens if token], n_features, first_id, column))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
    rows = [sorted(row.items()) for row in features]
    feature_csr = Csr(
        np.cumsum([0, *map(len, rows)], dtype=np.int64),
        np.array([feature for row in rows for feature, _ in row], np.int32),
        np.array([value for row in rows for _, value in row], np.float32),
    )
    label_csr = Csr(
        np.cumsum([0, *map(len, labels)], dtype=np.int64),
        np.array([label for row in labels for label in sorted(row)], np.int32),
        np.zeros(0, np.float32),
    )
    return feature_csr, label_csr


def _read_labels(field: bytes, n_labels: int, first_id: int) -> set[int]:
    labels = set()
    for token in field.split(b",") if field else []:
        if not _ID.fullmatch(token.removeprefix(b"-")):
            raise ValueError(f"expected a label id, but found {_quoted(token)}")
        labels.add(_checked_id("label", token, n_labels, first_id))
    return labels


def _read_features(tokens: list[bytes], n_features: int, first_id: int, column: str) -> dict[int, np.float32]:
    row: dict[int, np.float32] = {}
    for token in tokens:
        name, colon, number = token.partition(b":")
        if not colon:
            raise ValueError(f"expected '{column}:value', but found {_quoted(token)}")
        if not _ID.fullmatch(name.removeprefix(b"-")):
            raise ValueError(f"expected a {column} id before ':', but found {_quoted(token)}")
        feature = _checked_id(column, name, n_features, first_id)
        is_number = _NUMBER.fullmatch(number)
        if not is_number and not _NOT_FINITE.fullmatch(number):
            raise ValueError(f"expected a number after ':', but found {_quoted(token)}")
        with np.errstate(over="ignore"):
            value = nearest_float32(number.decode()) if is_number else np.float32("nan")
            if not np.isfinite(value):
                raise ValueError(f"{column} value must be finite in float32, but is {_quoted(number)}")
            row[feature] = row[feature] + value if feature in row else value
    for feature in sorted(row):
        if not np.isfinite(row[feature]):
            raise ValueError(f"the values of {column} {feature + first_id} must add up to a finite float32")
    return row


def _checked_id(kind: str, token: bytes, n_columns: int, first_id: int) -> int:
    end = first_id + n_columns
    if token.startswith(b"-") or not first_id <= int(token) < end:
        shown = _quoted(token)
        raise ValueError(f"{kind} id must lie in [{first_id}, {end}), counting from {first_id}, but is {shown}")
    return int(token) - first_id


def nearest_float32(number: str) -> np.float32:
    """Round a decimal number to float32.

    Rounding a double once more can miss it. It cannot once the double is rounded to odd: of the two doubles around the
    number, the one with an odd last bit, which is never halfway between two float32 (Boldo and Melquiond, 2008).
    """
    double = float(number)
    if double != 0 and math.isfinite(double):
        error = Fraction(number) - Fraction(double)
        is_odd = bool(np.float64(double).view(np.int64) & 1)
        if error and not is_odd:
            double = math.nextafter(double, math.copysign(math.inf, error))
    with np.errstate(over="ignore", under="ignore"):
        return np.float32(double)


def _quoted(token: bytes) -> str:
    r"""Quote text from the file for an error message: cut when long, other than printable ASCII as \xNN."""
    shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}" for byte in token[:40])
    return f"'{shown}...'" if len(token) > 40 else f"'{shown}'"
