"""Reading and writing data files, whatever their format."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from slidelearn.files.packed import DataError
from slidelearn.files.paths import to_path
from slidelearn.formats import (
    FORMATS,
    Format,
    LabelledText,
    Layout,
    Pieces,
    SampleSet,
    format_named,
    format_of,
    require_readable,
)
from slidelearn.machine.resources import saying_what_takes_memory
from slidelearn.matrices import FloatCsr, check_features, check_labels, check_same_length

__all__ = [
    "DataError",
    "Layout",
    "SampleSet",
    "files_of",
    "holds_texts",
    "iter_samples",
    "open_samples",
    "open_texts",
    "read_samples",
    "read_xmc",
    "write_samples",
    "write_xmc",
]


def read_samples(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    with_labels: bool = True,
    n_threads: int = 1,
    **layout: Any,
) -> SampleSet:
    r"""Read the samples of a file.

    Ids may stand in any order; values of the same feature of a sample are added up, a label given twice counts once.
    A sample may lack labels, features, or both.

    Parameters
    ----------
    path
        The file. Of formats with two files it is the one with the features; the other one lies beside it. Files of
        lines may be packed by gzip or xz: then their names end in ``.gz`` or ``.xz``.
    format
        ``xmc``, ``xmc-pair``, ``libsvm``, ``npz``, ``parquet``, ``arrow`` (the extra ``arrow``: pyarrow), ``csv``,
        ``tsv`` or ``jsonl``; None: what the name of the file says, or else its first bytes.
    with_labels
        False: labels are not wanted, and the file may lack them; Y has no columns.
    n_threads
        Threads that parse; the result is the same at any number.
    **layout
        How the file is laid out, where its format leaves that open: see `Layout`.

    Returns
    -------
    SampleSet
        With features or with texts.

    Raises
    ------
    DataError
        If the file is damaged or not in the format, with file, line (or row) and what was expected.
    OSError
        If the file cannot be opened.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("tiny.jsonl").write_text('{"text": "a red fox", "labels": ["animal", "red"]}\n')
    >>> samples = read_samples("tiny.jsonl")
    >>> samples.texts, samples.label_names, samples.Y.shape
    (['a red fox'], ['animal', 'red'], (1, 2))
    """
    path, kind = _path_and_format(path, format)
    require_readable(path, kind)
    _check_threads(n_threads)
    with saying_what_takes_memory(f"reading {path}", "read it in parts: --stream, fit_stream or iter_samples"):
        samples = kind.read(path, make_layout(layout), with_labels=with_labels, n_threads=n_threads)
    if with_labels:
        return samples
    return replace(samples, Y=samples.Y[:, :0], label_names=None, unjudged=None)


def write_samples(
    path: str | os.PathLike[str], samples: SampleSet, *, format: str | None = None, **layout: Any
) -> None:
    """Write samples to a file; `read_samples` gives back the same float32 bits.

    The file appears whole or not at all: it is written under a temporary name beside `path`, then renamed.

    Parameters
    ----------
    path, format, layout
        As in `read_samples`.
    samples
        With features or with texts, as the format holds them.

    Raises
    ------
    ValueError
        If the format cannot hold such samples.
    """
    path, kind = _path_and_format(path, format)
    kind.write(path, _checked(samples), make_layout(layout))


def read_xmc(path: str | os.PathLike[str], *, n_threads: int = 1) -> tuple[FloatCsr, FloatCsr]:
    r"""Read features and labels from a file in the XMC one-file format, whatever its name.

    A header ``n_samples n_features n_labels``, then a line ``label,label feature:value feature:value`` per sample, all
    ids counted from 0. A line begins with a blank or with a feature where there are no labels, and is empty where there
    are no features either.

    Parameters
    ----------
    path, n_threads
        As in `read_samples`, which raises the same errors.

    Returns
    -------
    X : csr_array (n_samples, n_features), float32
        Sorted int32 indices.
    Y : csr_array (n_samples, n_labels), float32
        Ones at the labels of each sample.

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
    samples = read_samples(path, format="xmc", n_threads=n_threads)
    assert samples.X is not None
    return samples.X, samples.Y


def write_xmc(path: str | os.PathLike[str], X: Any, Y: Any) -> None:
    """Write features and labels in the XMC one-file format, as `write_samples` does.

    Parameters
    ----------
    path
        The file; packed by gzip or xz if its name ends in ``.gz`` or ``.xz``.
    X : array or sparse matrix (n_samples, n_features)
    Y : array or sparse matrix (n_samples, n_labels)
        Non-zero where a label is relevant.

    Raises
    ------
    ValueError
        If X or Y is not finite, negative in Y, or of unequal length.
    """
    write_samples(path, SampleSet(Y, X), format="xmc")


def iter_samples(
    path: str | os.PathLike[str],
    n_rows: int,
    *,
    format: str | None = None,
    with_labels: bool = True,
    n_threads: int = 1,
    **layout: Any,
) -> Iterator[SampleSet]:
    """Read a file of features some samples at a time, for files that do not fit in memory.

    Parameters
    ----------
    path, format, with_labels, n_threads, layout
        As in `read_samples`. The formats are those with features; files that do not say how many columns they have
        need the layout's `n_features` and `n_labels`.
    n_rows
        Samples at a time; the last may be fewer.

    Raises
    ------
    DataError
        As in `read_samples`, when the damage is reached; and if the format is one of texts, or is read as a whole.

    Examples
    --------
    A model that keeps learning takes what comes:

    >>> from slidelearn import SlideClassifier, load_dataset
    >>> data = load_dataset("wordnet-tiny")
    >>> write_xmc("large.txt.gz", data.X_train, data.Y_train)
    >>> clf = SlideClassifier(preset="quick", n_jobs=1)
    >>> for some in iter_samples("large.txt.gz", 1000):
    ...     clf = clf.partial_fit(some.X, some.Y)
    """
    if n_rows < 1:
        raise ValueError(f"n_rows must be >= 1, but is {n_rows}")
    pieces = open_samples(path, format=format, with_labels=with_labels, n_threads=n_threads, **layout)
    if pieces.n_features is None or (with_labels and pieces.n_labels is None):
        raise ValueError(f"n_features and n_labels must be given, because {os.fspath(path)} does not say them")
    return pieces.chunks(n_rows)


def open_samples(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    with_labels: bool = True,
    n_threads: int = 1,
    **layout: Any,
) -> Pieces:
    """Open a file of features to read it piece by piece; arguments as of `read_samples`.

    Raises
    ------
    DataError
        If the format is one of texts, or one that is only read as a whole; and as `read_samples` does.
    """
    path, kind = _path_and_format(path, format)
    require_readable(path, kind)
    _check_threads(n_threads)
    if kind.pieces is None:
        if kind.texts:
            raise DataError(f"{path}: {kind.name} holds texts, not features: read it by slidelearn.TextStream")
        names = ", ".join(each.name for each in FORMATS.values() if each.pieces)
        raise DataError(f"{path}: {kind.name} is not read piece by piece: convert it to one of {names}")
    return kind.pieces(path, make_layout(layout), with_labels=with_labels, n_threads=n_threads)


def open_texts(
    path: str | os.PathLike[str], *, format: str | None = None, with_labels: bool = True, **layout: Any
) -> Iterator[LabelledText]:
    """Open a file of texts to read it sample by sample; arguments as of `read_samples`.

    Raises
    ------
    DataError
        If the format is one of features; and as `read_samples` does, while samples are read.
    """
    path, kind = _path_and_format(path, format)
    if kind.texts is None:
        raise DataError(f"{path}: {kind.name} holds features, not texts")
    return kind.texts(path, make_layout(layout), with_labels=with_labels)


def holds_texts(path: str | os.PathLike[str], format: str | None = None) -> bool:
    """Whether a file holds texts rather than features."""
    path, kind = _path_and_format(path, format)
    return kind.texts is not None if kind.holds_texts is None else kind.holds_texts(path)


def files_of(path: str | os.PathLike[str], format: str | None = None) -> list[Path]:
    """The files that `read_samples` reads where this one is named: of some formats there are several."""
    path, kind = _path_and_format(path, format)
    return list(kind.files(path))


def make_layout(given: Mapping[str, Any]) -> Layout:
    """The layout with these values.

    Raises
    ------
    ValueError
        If a name is unknown, or a value against its rule.
    """
    names = [field.name for field in fields(Layout)]
    for name in given:
        if name not in names:
            similar = difflib.get_close_matches(name, names, 1)
            remedy = f"did you mean {similar[0]!r}?" if similar else f"there are {', '.join(names)}"
            raise ValueError(f"nothing in a layout is called {name!r}; {remedy}")
    return Layout(**given)


def _path_and_format(path: str | os.PathLike[str], name: str | None) -> tuple[Path, Format]:
    path = to_path(path)
    return path, format_of(path) if name is None else format_named(name)


def _check_threads(n_threads: int) -> None:
    if n_threads < 1:
        raise ValueError(f"n_threads must be >= 1, but is {n_threads}")


def _checked(samples: SampleSet) -> SampleSet:
    """The same samples with canonical matrices."""
    Y = check_labels(samples.Y)
    X = None if samples.X is None else check_features(samples.X)
    if X is not None:
        check_same_length(X, Y)
    if samples.texts is not None and len(samples.texts) != Y.shape[0]:
        raise ValueError(f"there must be a text per sample ({Y.shape[0]}), but there are {len(samples.texts)}")
    if samples.label_names is not None and len(samples.label_names) != Y.shape[1]:
        raise ValueError(f"there must be a name per label ({Y.shape[1]}), but there are {len(samples.label_names)}")
    return replace(samples, X=X, Y=Y)
