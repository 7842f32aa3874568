"""Reading and writing data files.

The format is the one-file text format of the Extreme Classification Repository (Bhatia et al., 2016,
http://manikvarma.org/downloads/XC/XMLRepository.html): a header ``n_samples n_features n_labels``, then a line
``label,label feature:value feature:value`` per sample, all ids counted from 0.
"""

from __future__ import annotations

import gzip
import io
import lzma
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from slidelearn import kernels
from slidelearn.matrices import FloatCsr, canonical_csr, check_features, check_labels, check_same_length

_ROWS_PER_WRITE = 16384


class DataError(ValueError):
    """A data file is not what it should be; the message names the file, the line and what was expected there."""


def read_xmc(path: str | os.PathLike[str], *, n_threads: int = 1) -> tuple[FloatCsr, FloatCsr]:
    r"""Read features and labels from a file in the XMC one-file format.

    Ids may stand in any order; values of the same feature in a row are added up, a label given twice counts once.
    A sample may lack labels (its line begins with a blank or with a feature), features, or both (an empty line).

    Parameters
    ----------
    path
        The file; compressed with gzip or xz if its name ends in ``.gz`` or ``.xz``.
    n_threads
        Threads that parse; the result is the same at any number.

    Returns
    -------
    X : csr_array (n_samples, n_features), float32
        Sorted int32 indices.
    Y : csr_array (n_samples, n_labels), float32
        Ones at the labels of each sample.

    Raises
    ------
    DataError
        If the file is damaged or not in this format, with file, line and what was expected.
    OSError
        If the file cannot be opened.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("tiny.txt").write_text("2 3 4\n0,2 1:0.5\n3 0:1 2:2\n")
    >>> X, Y = read_xmc("tiny.txt")
    >>> X.toarray()
    array([[0. , 0.5, 0. ],
           [1. , 0. , 2. ]], dtype=float32)
    >>> Y.indices.tolist()
    [0, 2, 3]
    """
    if n_threads < 1:
        raise ValueError(f"n_threads must be >= 1, but is {n_threads}")
    text = read_bytes(Path(path))
    try:
        *parts, n_features, n_labels = kernels.parse_xmc(text, n_threads=n_threads)
    except ValueError as error:
        raise DataError(f"{os.fspath(path)}, {error}") from None
    features, labels = (kernels.Csr(*part) for part in parts)
    X = canonical_csr(features.data, features.indices, features.indptr, (features.n_rows, n_features))
    ones = np.ones(len(labels.indices), np.float32)
    Y = canonical_csr(ones, labels.indices, labels.indptr, (labels.n_rows, n_labels))
    return X, Y


def read_bytes(path: Path) -> bytes:
    """Read a whole file, decompressed if its name ends in ``.gz`` or ``.xz``.

    Raises
    ------
    DataError
        If the compressed data is truncated or damaged.
    """
    openers: dict[str, Any] = {".gz": gzip.open, ".xz": lzma.open}
    try:
        with openers.get(path.suffix, open)(path, "rb") as file:
            contents: bytes = file.read()
    except (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError) as error:
        reason = str(error).rstrip(".")
        raise DataError(
            f"{path}: expected a whole {path.suffix} file, but it is truncated or damaged ({reason})"
        ) from None
    return contents


def write_xmc(path: str | os.PathLike[str], X: Any, Y: Any) -> None:
    """Write features and labels in the XMC one-file format; `read_xmc` gives back the same float32 bits.

    The file appears whole or not at all: it is written under a temporary name beside `path`, then renamed.

    Parameters
    ----------
    path
        The file; compressed with gzip or xz if its name ends in ``.gz`` or ``.xz``.
    X : array or sparse matrix (n_samples, n_features)
    Y : array or sparse matrix (n_samples, n_labels)
        Non-zero where a label is relevant.

    Raises
    ------
    ValueError
        If X or Y is not finite, negative in Y, or of unequal length.
    """
    X, Y = check_features(X), check_labels(Y)
    check_same_length(X, Y)
    with open_to_replace(Path(path)) as file:
        file.write(f"{X.shape[0]} {X.shape[1]} {Y.shape[1]}\n".encode())
        for first in range(0, X.shape[0], _ROWS_PER_WRITE):
            block = slice(first, first + _ROWS_PER_WRITE)
            file.write(_lines(X[block], Y[block]).encode())


def _lines(X: FloatCsr, Y: FloatCsr) -> str:
    values = X.data.astype("U").tolist()  # NumPy's shortest text that gives back the same float32
    features = [
        f"{feature}:{value.removesuffix('.0')}" for feature, value in zip(X.indices.tolist(), values, strict=True)
    ]
    labels = list(map(str, Y.indices.tolist()))
    x_ends, y_ends = X.indptr.tolist(), Y.indptr.tolist()
    lines = []
    for row in range(X.shape[0]):
        row_labels = ",".join(labels[y_ends[row] : y_ends[row + 1]])
        lines.append(" ".join([row_labels, *features[x_ends[row] : x_ends[row + 1]]]) + "\n")
    return "".join(lines)


@contextmanager
def open_to_replace(path: Path) -> Iterator[io.BufferedIOBase]:
    """Open a file that appears whole, in place of the former one, or not at all; packed if its name asks for it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as raw:
            if path.suffix == ".gz":
                with gzip.GzipFile(path.name, "wb", fileobj=raw, mtime=0) as packed:  # no time: equal data, equal bytes
                    yield packed
            elif path.suffix == ".xz":
                with lzma.open(raw, "wb") as packed:
                    yield packed
            else:
                yield raw
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
