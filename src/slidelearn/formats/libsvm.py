"""The multi-label format of LIBSVM: a line ``label,label feature:value feature:value`` per sample, and no header.

An empty line is a sample without labels and features. Comments begin with ``#``: at the end of a line, or on lines of
their own before the first sample.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from slidelearn.files.packed import open_to_replace, pieces_of_lines
from slidelearn.formats.format import Format, Layout, Pieces
from slidelearn.formats.sample_lines import parsed, write_lines
from slidelearn.formats.sample_set import SampleSet, features_of
from slidelearn.kernels.types import Csr
from slidelearn.matrices import MOST_COLUMNS

_COMMENT = re.compile(rb"^([^\n#]*[^\s#])[ \t]*#[^\n]*", re.MULTILINE)


def open_pieces(path: Path, layout: Layout, *, with_labels: bool, n_threads: int) -> Pieces:
    """Nothing is read yet: the samples come piece by piece."""
    return Pieces(layout.n_features, layout.n_labels, _rows(path, layout, n_threads))


def _rows(path: Path, layout: Layout, n_threads: int) -> Iterator[tuple[Csr, Csr]]:
    first_line, pieces = 1, pieces_of_lines(path)
    begin = next(pieces, b"")
    while begin.startswith(b"#"):
        _, _, begin = begin.partition(b"\n")
        first_line += 1
    yield from parsed(
        path,
        (_COMMENT.sub(rb"\1", piece) if b"#" in piece else piece for piece in chain((begin,), pieces)),
        first_line=first_line,
        n_samples=-1,
        n_features=MOST_COLUMNS if layout.n_features is None else layout.n_features,
        n_labels=MOST_COLUMNS if layout.n_labels is None else layout.n_labels,
        first_id=layout.first_id,
        n_threads=n_threads,
    )


def write(path: Path, samples: SampleSet, layout: Layout) -> None:
    """Write all samples, counted from the layout's `first_id`."""
    with open_to_replace(path) as file:
        write_lines(file, features_of(samples), samples.Y, first_id=layout.first_id)


FORMAT = Format(
    "libsvm",
    (".svm", ".libsvm", ".svmlight"),
    "multi-label lines without a header, as of LIBSVM",
    write,
    pieces=open_pieces,
    starts_like=lambda head: re.match(rb"(\d+(,\d+)*)?([ \t]+\d+:[^ \t:\n]+)+[ \t]*\r?\n", head) is not None,
)
