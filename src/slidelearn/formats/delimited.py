"""Tables of texts and labels: CSV, where quotes may stand around a cell, and TSV, where nothing is quoted.

The first line has the names of the columns; empty lines do not count.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from slidelearn.files.packed import DataError, open_to_replace, text_lines
from slidelearn.formats.format import Format, Layout, TextReader
from slidelearn.formats.labelled_texts import (
    LabelledText,
    checked_sample,
    names_as_cell,
    names_in,
    names_of_samples,
    which_to_take,
)
from slidelearn.formats.sample_set import SampleSet, texts_of

Rows = Iterator[tuple[int, list[str]]]
"""The cells of each row, with the number of its first line."""


def _samples(path: Path, rows: Rows, layout: Layout, *, with_labels: bool) -> Iterator[LabelledText]:
    header: list[str] = []
    line = 1
    try:
        for line, cells in rows:  # noqa: B007 - where it stands tells an error's line
            if not header:
                header = cells
                text_at = _place_of(layout.text_column, "text_column", header)
                labels_at = _place_of(layout.label_column, "label_column", header) if with_labels else -1
            elif len(cells) != len(header):
                raise ValueError(f"expected {len(header)} cells, as the first line has, but found {len(cells)}")
            else:
                names = names_in(cells[labels_at], layout.label_separator) if with_labels else ()
                yield checked_sample(cells[text_at], names)
        if not header:
            raise ValueError("expected the names of the columns, but the file is empty")
    except DataError:
        raise
    except ValueError as error:
        raise DataError(f"{path}, line {line}: {error}") from None


def _place_of(name: str, option: str, header: list[str]) -> int:
    if header.count(name) != 1:
        there = ", ".join(map(repr, header))
        raise ValueError(f"expected one column {name!r}, but found {there:.200}; {which_to_take(option)}")
    return header.index(name)


def _csv_rows(path: Path) -> Rows:
    line = 0

    def lines() -> Iterator[str]:
        nonlocal line
        for number, text in text_lines(path):
            line = number
            yield text

    reader = csv.reader(lines(), strict=True)
    while True:
        first = line + 1
        try:
            with _cells_of_any_length():
                cells = next(reader, None)
        except csv.Error as error:
            raise DataError(f"{path}, line {first}: expected cells with commas between them, but {error}") from None
        if cells is None:
            return
        if cells:
            yield first, cells


@contextmanager
def _cells_of_any_length() -> Iterator[None]:
    """Lift the limit of the module csv, which is one for the whole process."""
    former = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(former)


def _tsv_rows(path: Path) -> Rows:
    for line, text in text_lines(path):
        row = text.rstrip("\r\n")
        if row:
            yield line, row.split("\t")


def read_csv(path: Path, layout: Layout, *, with_labels: bool) -> Iterator[LabelledText]:
    """Read a table whose cells have commas between them."""
    return _samples(path, _csv_rows(path), layout, with_labels=with_labels)


def read_tsv(path: Path, layout: Layout, *, with_labels: bool) -> Iterator[LabelledText]:
    """Read a table whose cells have tabs between them."""
    return _samples(path, _tsv_rows(path), layout, with_labels=with_labels)


def _write_table(path: Path, samples: SampleSet, layout: Layout, as_line: Callable[[list[str]], str]) -> None:
    texts = texts_of(samples)
    with open_to_replace(path) as file:
        file.write(as_line([layout.text_column, layout.label_column]).encode())
        for text, names in zip(texts, names_of_samples(samples), strict=True):
            file.write(as_line([text, names_as_cell(names, layout.label_separator)]).encode())


def _csv_line(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)  # a cell with \r or \n gets quotes, because the line ends in these
    return line.getvalue().removesuffix("\r\n") + "\n"


def _tsv_line(cells: list[str]) -> str:
    if any(end in cell for cell in cells for end in "\t\r\n"):
        raise ValueError(f"tsv has no tabs or line breaks within texts, but one is {cells[0]!r:.60}: take csv or jsonl")
    return "\t".join(cells) + "\n"


def write_csv(path: Path, samples: SampleSet, layout: Layout) -> None:
    """Write texts and names of labels."""
    _write_table(path, samples, layout, _csv_line)


def write_tsv(path: Path, samples: SampleSet, layout: Layout) -> None:
    """Write texts and names of labels.

    Raises
    ------
    ValueError
        If a text or a name has tabs or line breaks.
    """
    _write_table(path, samples, layout, _tsv_line)


def _format(name: str, ending: str, gap: str, write: Callable[..., None], read: TextReader) -> Format:
    return Format(name, (ending,), f"table of texts and labels, {gap} between cells", write, texts=read)


CSV = _format("csv", ".csv", "commas", write_csv, read_csv)
TSV = _format("tsv", ".tsv", "tabs", write_tsv, read_tsv)
