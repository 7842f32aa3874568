"""Reading data files."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import numpy as np

from slidelearn.kernels.types import Csr

_COUNT_LIMIT = 2**31  # ids are int32
_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_NOT_FINITE = re.compile(rb"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_ID = re.compile(rb"\d+")
_BLANKS = re.compile(rb"[ \t]+")


def parse_xmc(text: bytes, *, n_threads: int) -> tuple[Csr, Csr, int, int]:
    """Parse the XMC one-file format into features, labels (without data), n_features and n_labels.

    A header ``n_samples n_features n_labels``, then a line ``label,label feature:value feature:value`` per sample, all
    ids counted from 0. The ids of a row come out in order, values of the same feature added up, a label once.

    Raises
    ------
    ValueError
        ``line N: what is wrong``, for the first line at fault.
    """
    text = text.removeprefix(b"\xef\xbb\xbf")
    first, *lines = text.removesuffix(b"\n").split(b"\n")
    n_samples, n_features, n_labels = _read_header(first.rstrip(b" \t\r"), text)
    features: list[dict[int, np.float32]] = []
    labels: list[set[int]] = []
    for number, raw in enumerate(lines, start=2):
        line = raw.rstrip(b" \t\r")
        try:
            if len(features) == n_samples:
                extra = line.lstrip(b" \t")
                if extra:
                    raise ValueError(f"the header promises {n_samples} samples, but here is one more: {_quoted(extra)}")
                continue
            # The labels stand first, unless the line begins with a blank or with a feature: then there are none.
            field, *tokens = _BLANKS.split(line)
            if b":" in field:
                field, tokens = b"", [field, *tokens]
            labels.append(_read_labels(field, n_labels))
            features.append(_read_features([token for token in tokens if token], n_features))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
    if len(features) < n_samples:
        raise ValueError(f"line 1: the header promises {n_samples} samples, but the file has {len(features)}")
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
    return feature_csr, label_csr, n_features, n_labels


def _read_header(line: bytes, text: bytes) -> tuple[int, int, int]:
    tokens = _BLANKS.split(line.lstrip(b" \t"))
    if len(tokens) != 3 or not all(_ID.fullmatch(token) and int(token) < _COUNT_LIMIT for token in tokens):
        found = f"found {_quoted(line)}" if text else "the file is empty"
        raise ValueError(
            f"line 1: expected the header 'n_samples n_features n_labels', three counts below 2^31, but {found}"
        )
    n_samples, n_features, n_labels = map(int, tokens)
    return n_samples, n_features, n_labels


def _read_labels(field: bytes, n_labels: int) -> set[int]:
    labels = set()
    for token in field.split(b",") if field else []:
        if not _ID.fullmatch(token.removeprefix(b"-")):
            raise ValueError(f"expected a label id, but found {_quoted(token)}")
        labels.add(_checked_id("label", token, n_labels))
    return labels


def _read_features(tokens: list[bytes], n_features: int) -> dict[int, np.float32]:
    row: dict[int, np.float32] = {}
    for token in tokens:
        name, colon, number = token.partition(b":")
        if not colon:
            raise ValueError(f"expected 'feature:value', but found {_quoted(token)}")
        if not _ID.fullmatch(name.removeprefix(b"-")):
            raise ValueError(f"expected a feature id before ':', but found {_quoted(token)}")
        feature = _checked_id("feature", name, n_features)
        is_number = _NUMBER.fullmatch(number)
        if not is_number and not _NOT_FINITE.fullmatch(number):
            raise ValueError(f"expected a number after ':', but found {_quoted(token)}")
        with np.errstate(over="ignore"):
            value = nearest_float32(number.decode()) if is_number else np.float32("nan")
            if not np.isfinite(value):
                raise ValueError(f"feature value must be finite in float32, but is {_quoted(number)}")
            row[feature] = row[feature] + value if feature in row else value
    for feature in sorted(row):
        if not np.isfinite(row[feature]):
            raise ValueError(f"the values of feature {feature} must add up to a finite float32")
    return row


def _checked_id(kind: str, token: bytes, limit: int) -> int:
    if token.startswith(b"-") or int(token) >= limit:
        raise ValueError(f"{kind} id must lie in [0, {limit}), counting from 0, but is {_quoted(token)}")
    return int(token)


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
