"""Parquet and Arrow files, by pyarrow: a row for each sample, with lists of ids, or with a text.

Features: the columns ``features`` (lists of ids), ``values`` (as long lists of numbers; all are 1 without this column)
and ``labels`` (lists of ids); the file's metadata may say ``n_features`` and ``n_labels``. Texts: the columns that the
layout names, labels as lists of names or as one string with separators between them. Null is an empty list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from slidelearn.extras import import_extra
from slidelearn.files.packed import DataError, open_to_replace
from slidelearn.formats.format import Format, Layout, Pieces
from slidelearn.formats.growing_rows import empty_rows
from slidelearn.formats.labelled_texts import (
    LabelledText,
    checked_names,
    checked_sample,
    checked_text,
    collected,
    names_in,
    names_of_samples,
    which_to_take,
)
from slidelearn.formats.sample_set import SampleSet
from slidelearn.kernels.types import NO_DATA, Csr
from slidelearn.matrices import MOST_COLUMNS

_FEATURES, _VALUES, _LABELS = "features", "values", "labels"
_ROWS_PER_BATCH = 16384

_Batches: TypeAlias = Callable[[Any, Any], Iterator[Any]]
"""What reads an open file: pyarrow, the file -> the schema, then record batches."""


class _Head(NamedTuple):
    """What the schema of a file says."""

    columns: list[str]
    metadata: Mapping[bytes, bytes]


def _pyarrow() -> Any:
    for submodule in ("pyarrow.ipc", "pyarrow.parquet"):
        import_extra(submodule, "arrow", "a Parquet or Arrow file")
    return import_extra("pyarrow", "arrow", "a Parquet or Arrow file")


def _parquet_batches(pa: Any, file: Any) -> Iterator[Any]:
    parquet = pa.parquet.ParquetFile(file)
    yield parquet.schema_arrow
    yield from parquet.iter_batches(_ROWS_PER_BATCH)


def _ipc_batches(pa: Any, file: Any) -> Iterator[Any]:
    reader = pa.ipc.open_file(file)
    yield reader.schema
    yield from map(reader.get_batch, range(reader.num_record_batches))


def _opened(path: Path, batches: _Batches) -> tuple[_Head, Iterator[Any]]:
    """What the schema says, and the batches, which are sound."""

    def explained() -> Iterator[Any]:
        pa = _pyarrow()
        with path.open("rb") as file:
            try:
                found = batches(pa, file)
                schema = next(found)
                yield _Head(schema.names, schema.metadata or {})
                for batch in found:
                    batch.validate(full=True)
                    yield batch
            except Exception as error:  # pyarrow raises a dozen kinds of errors for damaged bytes
                reason = str(error).partition("\n")[0] or type(error).__name__
                raise DataError(f"{path}: expected a whole Parquet or Arrow file, but {reason}") from None

    found = explained()
    return next(found), found


def _read(path: Path, layout: Layout, *, with_labels: bool, batches: _Batches) -> SampleSet:
    head, found = _opened(path, batches)
    if _FEATURES in head.columns:
        return _pieces(path, head, found, layout, with_labels=with_labels).joined()
    return collected(_texts(path, head, found, layout, with_labels=with_labels))


def _holds_texts(path: Path, *, batches: _Batches) -> bool:
    return _FEATURES not in _opened(path, batches)[0].columns


def _open_texts(path: Path, layout: Layout, *, with_labels: bool, batches: _Batches) -> Iterator[LabelledText]:
    return _texts(path, *_opened(path, batches), layout, with_labels=with_labels)


def _texts(
    path: Path, head: _Head, batches: Iterator[Any], layout: Layout, *, with_labels: bool
) -> Iterator[LabelledText]:
    options = ("text_column", "label_column") if with_labels else ("text_column",)
    columns = [getattr(layout, option) for option in options]
    for option, column in zip(options, columns, strict=True):
        if column not in head.columns:
            there = ", ".join(map(repr, head.columns))
            raise DataError(
                f"{path}: expected the column {column!r} or {_FEATURES!r}, but found {there:.200}; "
                f"{which_to_take(option)}"
            )
    row = 0
    for batch in batches:
        for text, *names in zip(*(batch.column(column).to_pylist() for column in columns), strict=True):
            try:
                found = _names(names[0], layout) if names else ()
                sample = checked_sample(checked_text(text, layout.text_column), found)
            except ValueError as error:
                raise DataError(f"{path}, row {row} (counting from 0): {error}") from None
            yield sample
            row += 1


def _names(names: Any, layout: Layout) -> list[str]:
    if isinstance(names, str):
        return list(names_in(names, layout.label_separator))
    return checked_names(names)


def _open_pieces(path: Path, layout: Layout, *, with_labels: bool, n_threads: int, batches: _Batches) -> Pieces:
    head, found = _opened(path, batches)
    if _FEATURES not in head.columns:
        raise DataError(f"{path}: expected a column {_FEATURES!r}, but found {', '.join(map(repr, head.columns)):.200}")
    return _pieces(path, head, found, layout, with_labels=with_labels)


def _pieces(path: Path, head: _Head, batches: Iterator[Any], layout: Layout, *, with_labels: bool) -> Pieces:
    if with_labels and _LABELS not in head.columns:
        raise DataError(f"{path}: expected a column {_LABELS!r}, but found {', '.join(map(repr, head.columns)):.200}")
    n_features = _count(path, head, "n_features", layout.n_features)
    n_labels = _count(path, head, "n_labels", layout.n_labels) if with_labels else 0

    def rows() -> Iterator[tuple[Csr, Csr]]:
        first = 0
        for batch in batches:
            lists = _Lists(path, batch, first)
            labels = lists.rows(_LABELS, n_labels) if with_labels else empty_rows(batch.num_rows)
            yield lists.rows(_FEATURES, n_features, _VALUES), labels._replace(data=NO_DATA)
            first += batch.num_rows

    return Pieces(n_features, n_labels, rows())


def _count(path: Path, head: _Head, name: str, otherwise: int | None) -> int | None:
    """What the metadata says, if anything."""
    text = head.metadata.get(name.encode())
    if text is None:
        return otherwise
    if not text.isdigit() or len(text) > 10 or int(text) > MOST_COLUMNS:
        raise DataError(f"{path}: {name} in the metadata must be a count below 2^31, but is {text!r:.40}")
    return int(text)


class _Lists:
    """The columns of a batch of rows, the first of which has the given number in the file."""

    def __init__(self, path: Path, batch: Any, first: int) -> None:
        self._path, self._batch, self._first = path, batch, first

    def rows(self, ids_column: str, n_columns: int | None, values_column: str = "") -> Csr:
        indptr, ids = self._flat(ids_column, "iu")
        end = MOST_COLUMNS if n_columns is None else n_columns
        self._refuse(indptr, (ids < 0) | (ids >= end), ids, f"{ids_column}: ids must lie in [0, {end})")
        data = np.ones(len(ids), np.float32)
        if values_column in self._batch.schema.names:
            values_indptr, values = self._flat(values_column, "iuf")
            if not np.array_equal(values_indptr, indptr):
                row = self._first + int(np.argmax(values_indptr != indptr)) - 1
                raise DataError(self._at(row) + f"{values_column} must be as many as {ids_column}, but are not")
            with np.errstate(over="ignore"):
                data = values.astype(np.float32)
        rows = csr_array((data, ids.astype(np.int32), indptr), (len(indptr) - 1, MOST_COLUMNS))
        rows.sum_duplicates()
        ends = rows.indptr.astype(np.int64)
        self._refuse(ends, ~np.isfinite(rows.data), rows.data, f"{values_column} must be finite in float32")
        return Csr(ends, rows.indices.astype(np.int32, copy=False), rows.data)

    def _flat(self, column: str, kinds: str) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Where the rows' values begin, and the values one after the other."""
        pa, lists = _pyarrow(), self._batch.column(column)
        if not (pa.types.is_list(lists.type) or pa.types.is_large_list(lists.type)):
            raise DataError(f"{self._path}: {column} must be lists of numbers, but are {lists.type}")
        lengths = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
        indptr = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        found = lists.flatten()
        values = found.to_numpy(zero_copy_only=False)
        if found.null_count:
            self._refuse(indptr, found.is_null().to_numpy(zero_copy_only=False), values, f"{column} must have no nulls")
        if values.dtype.kind not in kinds:
            raise DataError(f"{self._path}: {column} must be lists of numbers, but are {lists.type}")
        return indptr, values

    def _refuse(self, indptr: NDArray[np.int64], wrong: NDArray[np.bool_], values: NDArray[Any], rule: str) -> None:
        if wrong.any():
            entry = int(np.argmax(wrong))
            row = self._first + int(np.searchsorted(indptr, entry, side="right")) - 1
            raise DataError(self._at(row) + f"{rule}, but one is {values[entry]}")

    def _at(self, row: int) -> str:
        return f"{self._path}, row {row} (counting from 0): "


def _write(path: Path, samples: SampleSet, layout: Layout, writer: Callable[[Any, Any, Any], Any]) -> None:
    pa = _pyarrow()
    as_batch = _texts_batch if samples.X is None else _features_batch
    first = as_batch(pa, samples, layout, slice(0, _ROWS_PER_BATCH))
    with open_to_replace(path) as file, writer(pa, file, first.schema) as out:
        out.write_batch(first)
        for begin in range(_ROWS_PER_BATCH, samples.n_samples, _ROWS_PER_BATCH):
            out.write_batch(as_batch(pa, samples, layout, slice(begin, begin + _ROWS_PER_BATCH)))


def _features_batch(pa: Any, samples: SampleSet, layout: Layout, rows: slice) -> Any:
    assert samples.X is not None
    X, Y = samples.X[rows], samples.Y[rows]
    columns = {
        _FEATURES: pa.ListArray.from_arrays(X.indptr, X.indices),
        _VALUES: pa.ListArray.from_arrays(X.indptr, X.data),
        _LABELS: pa.ListArray.from_arrays(Y.indptr, Y.indices),
    }
    counts = {"n_features": str(X.shape[1]), "n_labels": str(Y.shape[1])}
    return _record_batch(pa, columns, counts)


def _texts_batch(pa: Any, samples: SampleSet, layout: Layout, rows: slice) -> Any:
    assert samples.texts is not None
    part = SampleSet(samples.Y[rows], label_names=samples.label_names)
    columns = {
        layout.text_column: pa.array(samples.texts[rows], pa.string()),
        layout.label_column: pa.array(list(names_of_samples(part)), pa.list_(pa.string())),
    }
    return _record_batch(pa, columns, {})


def _record_batch(pa: Any, columns: Mapping[str, Any], metadata: Mapping[str, str]) -> Any:
    schema = pa.schema([(name, array.type) for name, array in columns.items()], metadata)
    return pa.record_batch(list(columns.values()), schema=schema)


def _parquet_writer(pa: Any, file: Any, schema: Any) -> Any:
    return pa.parquet.ParquetWriter(file, schema)


def _ipc_writer(pa: Any, file: Any, schema: Any) -> Any:
    return pa.ipc.new_file(file, schema)


def _format(name: str, endings: tuple[str, ...], magic: bytes, batches: _Batches, writer: Any) -> Format:
    return Format(
        name,
        endings,
        f"{name.capitalize()} file with lists of ids, or with texts and labels",
        partial(_write, writer=writer),
        whole=partial(_read, batches=batches),
        pieces=partial(_open_pieces, batches=batches),
        texts=partial(_open_texts, batches=batches),
        holds_texts=partial(_holds_texts, batches=batches),
        starts_like=lambda head: head.startswith(magic),
        packs=False,
    )


PARQUET = _format("parquet", (".parquet", ".pq"), b"PAR1", _parquet_batches, _parquet_writer)
ARROW = _format("arrow", (".arrow", ".feather", ".ipc"), b"ARROW1", _ipc_batches, _ipc_writer)
