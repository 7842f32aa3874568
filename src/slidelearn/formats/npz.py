"""Pairs of SciPy's files of sparse matrices: ``X.npz`` with the features and ``Y.npz`` beside it with the labels."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from scipy.sparse import load_npz, save_npz

from slidelearn.files.packed import DataError, open_to_replace
from slidelearn.formats.format import Format, Layout
from slidelearn.formats.sample_set import SampleSet, features_of
from slidelearn.matrices import check_features, check_labels

_X = re.compile(r"(?<![A-Za-z0-9])X(?![A-Za-z0-9])(?=.*\.npz$)")


def paths_of(path: Path) -> tuple[Path, Path]:
    """The file of features, which is `path`, and the file of labels: Y stands in its name where X does here."""
    if not _X.search(path.name):
        raise DataError(f"{path}: expected a name with an X by itself, such as X.npz, X.trn.npz or train_X.npz")
    return path, path.with_name(_X.sub("Y", path.name, count=1))


def read(path: Path, layout: Layout, *, with_labels: bool) -> SampleSet:
    """Read both files."""
    features_path, labels_path = paths_of(path)
    X = _checked(features_path, _load(features_path), check_features, "X")
    if not with_labels:
        return SampleSet(X[:, :0], X)
    Y = _checked(labels_path, _load(labels_path), check_labels, "Y")
    if Y.shape[0] != X.shape[0]:
        raise DataError(f"{labels_path}: expected as many samples as {path} has ({X.shape[0]}), but found {Y.shape[0]}")
    return SampleSet(Y, X)


def _load(path: Path) -> Any:
    with path.open("rb") as file:
        try:
            return load_npz(file)
        except Exception as error:  # zipfile, NumPy and SciPy raise a dozen kinds of errors for damaged bytes
            reason = str(error) or type(error).__name__
            raise DataError(f"{path}: expected a file of scipy.sparse.save_npz, but {reason}") from None


def _checked(path: Path, matrix: Any, check: Any, name: str) -> Any:
    try:
        return check(matrix, name=name)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None


def write(path: Path, samples: SampleSet, layout: Layout) -> None:
    """Write both files."""
    for file_path, matrix in zip(paths_of(path), (features_of(samples), samples.Y), strict=True):
        with open_to_replace(file_path) as file:
            save_npz(file, matrix)


FORMAT = Format(
    "npz",
    (".npz",),
    "two files of scipy.sparse.save_npz, such as X.npz and Y.npz",
    write,
    whole=read,
    files=paths_of,
    packs=False,
)
