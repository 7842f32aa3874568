"""The two-file format of the Extreme Classification Repository, with lists of pairs that evaluations leave out.

``trn_X_Xf.txt`` has the features, ``trn_X_Y.txt`` beside it the labels: a header ``rows columns``, then a line
``column:value column:value`` per sample, counted from 0. ``filter_labels_train.txt`` and ``filter_labels_test.txt`` in
the same folder, where there are any, have a line ``sample label`` for each pair that says nothing about a model, as the
label is the sample itself: it counts neither among the answers nor among the labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array

from slidelearn.files.packed import DataError, open_to_replace, text_lines
from slidelearn.formats.format import Format, Layout, Pieces
from slidelearn.formats.growing_rows import empty_rows
from slidelearn.formats.sample_lines import parsed, quoted, split_header, write_lines
from slidelearn.formats.sample_set import SampleSet, features_of
from slidelearn.kernels.types import NO_DATA, Csr
from slidelearn.matrices import FloatCsr, check_labels

_END = re.compile(r"(?<=_X_)(Xf|Y)(?=\.txt(\.gz|\.xz)?$)", re.IGNORECASE)
_FILTERS = {"tr": "filter_labels_train.txt", "te": "filter_labels_test.txt", "ts": "filter_labels_test.txt"}
"""By how the names of the two files begin."""


def paths_of(path: Path) -> tuple[Path, Path]:
    """The file of features and the file of labels, of which `path` is one."""
    if not _END.search(path.name):
        raise DataError(f"{path}: expected a name that ends in _X_Xf.txt or _X_Y.txt, plain or packed")
    return path.with_name(_END.sub("Xf", path.name)), path.with_name(_END.sub("Y", path.name))


def _filters_beside(path: Path) -> Path | None:
    """Where the pairs to be left out are; None where the name does not say whether `path` is to train or to test on."""
    name = _FILTERS.get(path.name[:2].lower())
    return path.with_name(name) if name else None


def files_of(path: Path) -> list[Path]:
    """Both files, and the pairs to be left out, if there are any."""
    filters = _filters_beside(path)
    return [*paths_of(path), *([filters] if filters and filters.is_file() else [])]


def open_pieces(path: Path, layout: Layout, *, with_labels: bool, n_threads: int) -> Pieces:
    """Read both headers; the samples come piece by piece."""
    features_path, labels_path = paths_of(path)
    n_samples, n_features, features = _open(features_path, "feature", n_threads)
    if not with_labels:
        return Pieces(n_features, 0, ((rows, empty_rows(rows.n_rows)) for rows in features))
    n_labelled, n_labels, labels = _open(labels_path, "label", n_threads)
    if n_labelled != n_samples:
        raise DataError(
            f"{labels_path}, line 1: expected as many samples as {features_path} has ({n_samples}), "
            f"but found {n_labelled}"
        )
    filters = _filters_beside(path)
    unjudged = read_pairs(filters, (n_samples, n_labels)) if filters and filters.is_file() else None
    return Pieces(n_features, n_labels, _side_by_side(features, _relevant(labels_path, labels)), unjudged)


def _open(path: Path, column: str, n_threads: int) -> tuple[int, int, Iterator[Csr]]:
    (n_samples, n_columns), pieces = split_header(path, "n_samples n_columns")
    rows = parsed(
        path,
        pieces,
        first_line=2,
        n_samples=n_samples,
        n_features=n_columns,
        n_labels=0,
        labelled=False,
        column=column,
        n_threads=n_threads,
    )
    return n_samples, n_columns, (features for features, _ in rows)


def _relevant(path: Path, pieces: Iterator[Csr]) -> Iterator[Csr]:
    """The labels whose value is not 0."""
    line = 2
    for rows in pieces:
        wrong = rows.data < 0
        if wrong.any():
            entry = int(np.argmax(wrong))
            line += int(np.searchsorted(rows.indptr, entry, side="right")) - 1
            raise DataError(
                f"{path}, line {line}: label value must not be negative (non-zero means relevant), "
                f"but is '{rows.data[entry]:g}'"
            )
        there = rows.data != 0
        indptr = np.concatenate([[0], np.cumsum(there)])[rows.indptr]
        line += rows.n_rows
        yield Csr(indptr, rows.indices[there], NO_DATA)


def _side_by_side(features: Iterator[Csr], labels: Iterator[Csr]) -> Iterator[tuple[Csr, Csr]]:
    """Pieces of two files with as many samples, cut at the same samples."""
    y = empty_rows(0)
    for x in features:
        while x.n_rows:
            while not y.n_rows:
                y = next(labels)  # there is one: both files have the samples that both headers promise
            n = min(x.n_rows, y.n_rows)
            yield x.between(0, n), y.between(0, n)
            x, y = x.between(n, x.n_rows), y.between(n, y.n_rows)
    for _ in labels:  # blank lines; anything else is refused
        pass


def read_pairs(path: Path, shape: tuple[int, int]) -> FloatCsr:
    """Read pairs ``sample label``, a line each, as ones in a matrix of the given shape.

    Raises
    ------
    DataError
        If a line is anything else, or a number out of range.
    """
    pairs: list[list[int]] = []
    for number, line in text_lines(path):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 2 or not all(field.isascii() and field.isdigit() for field in fields):
            shown = quoted(line.strip().encode())
            raise DataError(f"{path}, line {number}: expected 'sample label', two ids, but found {shown}")
        pair = [int(field) for field in fields]
        for what, value, end in zip(("sample", "label"), pair, shape, strict=True):
            if value >= end:
                raise DataError(f"{path}, line {number}: {what} id must lie in [0, {end}), but is '{value}'")
        pairs.append(pair)
    samples, labels = np.array(pairs, np.int64).reshape(-1, 2).T
    return check_labels(coo_array((np.ones(len(samples), np.float32), (samples, labels)), shape))


def write(path: Path, samples: SampleSet, layout: Layout) -> None:
    """Write both files, whichever of them `path` is, and the pairs to be left out, if there are any."""
    features_path, labels_path = paths_of(path)
    for file_path, matrix in ((features_path, features_of(samples)), (labels_path, samples.Y)):
        with open_to_replace(file_path) as file:
            file.write(f"{matrix.shape[0]} {matrix.shape[1]}\n".encode())
            write_lines(file, matrix)
    filters = _filters_beside(path)
    if samples.unjudged is not None and filters:
        pairs = samples.unjudged.tocoo()
        with open_to_replace(filters) as file:
            file.writelines(f"{sample} {label}\n".encode() for sample, label in zip(pairs.row, pairs.col, strict=True))


FORMAT = Format(
    "xmc-pair",
    ("_x_xf.txt", "_x_y.txt"),
    "two files of the Extreme Classification Repository, such as trn_X_Xf.txt and trn_X_Y.txt",
    write,
    pieces=open_pieces,
    files=files_of,
)
