"""The data sets of the Extreme Classification Repository, from where they were unpacked to: nothing is fetched here."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

from slidelearn.data import SampleSet, files_of, read_samples
from slidelearn.datasets import Dataset
from slidelearn.files.checksums import check_files
from slidelearn.files.packed import PACKED
from slidelearn.files.paths import to_path

REPOSITORY = "http://manikvarma.org/downloads/XC/XMLRepository.html"
PLACE = "SLIDELEARN_DATA"
"""The environment variable with the folder that has a folder for each public data set."""

PUBLIC_DATASETS: Mapping[str, Sequence[tuple[int, int, int]]] = {
    "EURLex-4K": ((15_539, 5_000, 3_993), (15_449, 186_104, 3_956)),
    "Wiki10-31K": ((14_146, 101_938, 30_938),),
    "AmazonCat-13K": ((1_186_239, 203_882, 13_330),),
    "Delicious-200K": ((196_606, 782_585, 205_443),),
    "WikiLSHTC-325K": ((1_778_351, 1_617_899, 325_056),),
    "Wikipedia-500K": ((1_813_391, 2_381_304, 501_070), (1_779_881, 2_381_304, 501_070)),
    "Amazon-670K": ((490_449, 135_909, 670_091),),
    "Amazon-3M": ((1_717_899, 337_067, 2_812_281),),
    "LF-AmazonTitles-131K": (),
    "LF-Amazon-131K": (),
    "LF-WikiSeeAlsoTitles-320K": (),
    "LF-WikiSeeAlso-320K": (),
    "LF-WikiTitles-500K": (),
    "LF-AmazonTitles-1.3M": (),
}
"""Names as in the repository, and training samples, features and labels of the versions that are in use, where we know
them. The repository gives no checksums: these counts are what a set is known by at first."""

TRAIN_NAMES = ("train.txt", "trn.txt", "trn_X_Xf.txt", "train_X_Xf.txt", "X.trn.npz", "*_train.txt")
TEST_NAMES = ("test.txt", "tst.txt", "tst_X_Xf.txt", "test_X_Xf.txt", "X.tst.npz", "*_test.txt")
"""What the files of public data sets are called; they may be packed."""


def fetch_dataset(
    name: str,
    path: str | os.PathLike[str] | None = None,
    *,
    sha256: Mapping[str, str] | None = None,
    n_threads: int = 1,
) -> Dataset:
    """Read a data set of the Extreme Classification Repository that was downloaded and unpacked before.

    Parameters
    ----------
    name
        Such as ``amazon-670k``, ``wiki10-31k``, ``eurlex-4k`` or ``amazoncat-13k`` (`PUBLIC_DATASETS` has all), in
        small or capital letters.
    path
        The folder it was unpacked to, or one above it; None: the one that the environment variable ``SLIDELEARN_DATA``
        has. The files may be in the one-file or in the two-file format, and packed by gzip or xz.
    sha256
        SHA-256 of the files, or of some of them, by their names, where somebody has told you: hexadecimal digits, as
        ``sha256sum`` prints them. The repository has none. Whether given or not, what the files have is recorded beside
        them, in ``SHA256SUMS``, when they are read first, if that can be written; from then on a file that has changed
        is refused.
    n_threads
        Threads that parse.

    Warns
    -----
    UserWarning
        If there are other numbers of samples, features or labels than the repository says: then it is another version,
        with which published results cannot be compared.

    Raises
    ------
    FileNotFoundError
        If it is not there, saying what to download and where to put it.
    ValueError
        If there is no such data set; if `path` is a file, such as the archive that was downloaded, or has several other
        data sets; or if a file is damaged or has not the digest that it should have (`DataError`).

    Examples
    --------
    >>> from slidelearn import load_dataset, write_xmc
    >>> tiny = load_dataset("wordnet-tiny")  # stands for what was unpacked
    >>> Path("LF-Amazon-131K").mkdir()
    >>> write_xmc("LF-Amazon-131K/train.txt", tiny.X_train, tiny.Y_train)
    >>> write_xmc("LF-Amazon-131K/test.txt", tiny.X_test, tiny.Y_test)
    >>> data = fetch_dataset("lf-amazon-131k", ".")
    >>> data.X_train.shape, Path("LF-Amazon-131K/SHA256SUMS").exists()
    ((2589, 3546), True)
    """
    known = {each.lower(): each for each in PUBLIC_DATASETS}
    if name.lower() not in known:
        raise ValueError(f"name must be one of {', '.join(known)}, but is {name!r}")
    name = known[name.lower()]
    paths = _files_of(name, path)
    names = {"label_names": ("labels.txt", "Yf.txt"), "feature_names": ("features.txt", "Xf.txt")}
    lines = {what: found for what, those in names.items() if (found := find_file(paths[0].parent, those))}
    check_files([*chain.from_iterable(map(files_of, paths)), *lines.values()], sha256)
    train, test = (read_samples(each, n_threads=n_threads) for each in paths)
    _warn_of_other_version(name, train)
    assert train.X is not None
    assert test.X is not None
    return Dataset(name, train.X, train.Y, test.X, test.Y, test.unjudged, lines)


def find_file(folder: Path, names: Sequence[str]) -> Path | None:
    """The first file of a folder that has one of the names, packed or not; ``*`` stands for any text.

    Lists of pairs to be left out, filter_labels_test.txt, are no samples.
    """
    wanted = (name + end for name in names for end in ("", *PACKED))
    found = (path for name in wanted for path in sorted(folder.glob(name)))
    return next((path for path in found if path.is_file() and not path.name.startswith("filter_labels")), None)


def find_split(
    folder: Path, train_names: Sequence[str] = TRAIN_NAMES, test_names: Sequence[str] = TEST_NAMES
) -> tuple[Path, Path] | None:
    """The files to train and to test on in a folder, or in the first folder in it that has both; None if none has."""
    for place in (folder, *sorted(path for path in folder.glob("*") if path.is_dir())):
        train, test = find_file(place, train_names), find_file(place, test_names)
        if train and test:
            return train, test
    return None


def _files_of(name: str, path: str | os.PathLike[str] | None) -> tuple[Path, Path]:
    """The files of a public data set.

    Raises
    ------
    FileNotFoundError
        If they are not there: what to do about it.
    """
    above = os.environ.get(PLACE) if path is None else to_path(path)
    if above and Path(above).is_file():
        raise ValueError(f"path must be the folder that {name} was unpacked to, but {above} is a file: unpack it first")
    inside = sorted(Path(above).glob("*")) if above else []
    folders = [each for each in inside if each.is_dir() and each.name.lower() == name.lower()]
    for folder in folders:
        if found := find_split(folder):
            return found
    if path is not None and (found := find_split(Path(path))):
        others = [each.name for each in inside if each.is_dir() and find_split(each)]
        if found[0].parent != Path(path) and len(others) > 1:
            raise ValueError(f"path must be the folder of {name}, but {path} has several: {', '.join(others)}")
        return found
    where = f" in {above}" if above else ""
    folder = folders[0] if folders else Path(above or "DIRECTORY") / name
    then = "" if above else f", and set the environment variable {PLACE} to DIRECTORY or give it as path"
    raise FileNotFoundError(
        f"{name} is not there{where}: download its bag-of-words features from {REPOSITORY} and unpack them into "
        f"{folder}, so that it has files such as train.txt and test.txt, or trn_X_Xf.txt, trn_X_Y.txt, tst_X_Xf.txt "
        f"and tst_X_Y.txt{then}"
    )


def _warn_of_other_version(name: str, train: SampleSet) -> None:
    assert train.X is not None
    found = (train.n_samples, train.X.shape[1], train.Y.shape[1])
    known = PUBLIC_DATASETS[name]
    if known and found not in known:
        numbers = " or ".join("{:,} samples, {:,} features and {:,} labels".format(*each) for each in known)
        warnings.warn(
            f"{name} has {numbers} to train on, but these are {found[0]:,}, {found[1]:,} and {found[2]:,}: another "
            "version, with which published results cannot be compared",
            stacklevel=3,
        )
