"""Files with a line ``label,label feature:value feature:value`` per sample: what their formats share."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path

from slidelearn import kernels
from slidelearn.files.packed import DataError, pieces_of_lines
from slidelearn.kernels.types import Csr
from slidelearn.matrices import MOST_COLUMNS, FloatCsr

_BLANKS = re.compile(rb"[ \t]+")
_COUNT = re.compile(rb"[0-9]{1,10}")
_WORDS = {2: "two counts", 3: "three counts"}
_LONGEST_QUOTE = 40
_ROWS_PER_WRITE = 16384


def split_header(path: Path, names: str) -> tuple[list[int], Iterator[bytes]]:
    """Read the counts in the first line of a file; returns them and the pieces of the lines after it."""
    pieces = pieces_of_lines(path)
    first = next(pieces, b"")
    line, _, rest = first.partition(b"\n")
    line = line.rstrip(b" \t\r")
    tokens, n = _BLANKS.split(line.lstrip(b" \t")), len(names.split())
    if len(tokens) != n or not all(_COUNT.fullmatch(token) and int(token) <= MOST_COLUMNS for token in tokens):
        found = f"found {quoted(line)}" if first else "the file is empty"
        raise DataError(f"{path}, line 1: expected the header '{names}', {_WORDS[n]} below 2^31, but {found}")
    return list(map(int, tokens)), chain((rest,), pieces)


def parsed(
    path: Path,
    pieces: Iterator[bytes],
    *,
    first_line: int,
    n_samples: int,
    n_features: int,
    n_labels: int,
    n_threads: int,
    first_id: int = 0,
    labelled: bool = True,
    column: str = "feature",
) -> Iterator[tuple[Csr, Csr]]:
    """Parse pieces of whole lines; arguments as of `kernels.parse_samples`.

    Raises
    ------
    DataError
        For the first line at fault, and if there are fewer samples than the header promises.
    """
    n_found, line = 0, first_line
    for text in pieces:
        try:
            features, labels = kernels.parse_samples(
                text,
                first_line=line,
                n_samples=n_samples,
                n_features=n_features,
                n_labels=n_labels,
                first_id=first_id,
                labelled=labelled,
                column=column,
                n_threads=n_threads,
            )
        except ValueError as error:
            raise DataError(f"{path}, {error}") from None
        line += text.count(b"\n")
        n_found += len(features[0]) - 1
        yield Csr(*features), Csr(*labels)
    if n_found < n_samples:
        raise DataError(f"{path}, line 1: the header has n_samples = {n_samples}, but the file has {n_found}")


def write_lines(file: io.BufferedIOBase, X: FloatCsr, Y: FloatCsr | None = None, *, first_id: int = 0) -> None:
    """Write a line per sample: labels by comma, if there is Y, then ``column:value`` for X, counted from `first_id`."""
    for first in range(0, X.shape[0], _ROWS_PER_WRITE):
        block = slice(first, first + _ROWS_PER_WRITE)
        file.write(_lines(X[block], None if Y is None else Y[block], first_id).encode())


def _lines(X: FloatCsr, Y: FloatCsr | None, first_id: int) -> str:
    values = X.data.astype("U").tolist()  # NumPy's shortest text that gives back the same float32
    columns = (X.indices + first_id).tolist()
    cells = [f"{column}:{value.removesuffix('.0')}" for column, value in zip(columns, values, strict=True)]
    ends = X.indptr.tolist()
    rows = [cells[begin:end] for begin, end in pairwise(ends)]
    if Y is not None:
        labels, ends = list(map(str, (Y.indices + first_id).tolist())), Y.indptr.tolist()
        rows = [[",".join(labels[begin:end]), *row] for (begin, end), row in zip(pairwise(ends), rows, strict=True)]
    return "".join(" ".join(row) + "\n" for row in rows)


def quoted(text: bytes) -> str:
    r"""Quote text from a file for an error message: cut when long, other than printable ASCII as \xNN."""
    shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}" for byte in text[:_LONGEST_QUOTE])
    return f"'{shown}...'" if len(text) > _LONGEST_QUOTE else f"'{shown}'"
