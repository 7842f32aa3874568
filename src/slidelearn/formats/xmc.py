"""The one-file format of the Extreme Classification Repository (Bhatia et al., 2016).

A header ``n_samples n_features n_labels``, then a line ``label,label feature:value feature:value`` per sample, all ids
counted from 0 (http://manikvarma.org/downloads/XC/XMLRepository.html).
"""

from __future__ import annotations

import re
from pathlib import Path

from slidelearn.files.packed import open_to_replace
from slidelearn.formats.format import Format, Layout, Pieces
from slidelearn.formats.sample_lines import parsed, split_header, write_lines
from slidelearn.formats.sample_set import SampleSet, features_of


def open_pieces(path: Path, layout: Layout, *, with_labels: bool, n_threads: int) -> Pieces:
    """Read the header; the samples come piece by piece."""
    (n_samples, n_features, n_labels), pieces = split_header(path, "n_samples n_features n_labels")
    rows = parsed(
        path,
        pieces,
        first_line=2,
        n_samples=n_samples,
        n_features=n_features,
        n_labels=n_labels,
        n_threads=n_threads,
    )
    return Pieces(n_features, n_labels, rows)


def write(path: Path, samples: SampleSet, layout: Layout) -> None:
    """Write all samples; `open_pieces` gives back the same float32 bits."""
    X, Y = features_of(samples), samples.Y
    with open_to_replace(path) as file:
        file.write(f"{X.shape[0]} {X.shape[1]} {Y.shape[1]}\n".encode())
        write_lines(file, X, Y)


FORMAT = Format(
    "xmc",
    (".txt",),
    "one file of the Extreme Classification Repository",
    write,
    pieces=open_pieces,
    starts_like=lambda head: re.match(rb"(\xef\xbb\xbf)?[ \t]*\d+[ \t]+\d+[ \t]+\d+[ \t]*\r?\n", head) is not None,
)
