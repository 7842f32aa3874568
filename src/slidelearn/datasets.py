"""The data sets that come with the package: WordNet 3.0, synsets and their hypernyms.

They are under WordNet's own licence, in ``shipped_data/LICENSE``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib import resources

from slidelearn.data import read_xmc
from slidelearn.matrices import FloatCsr
from slidelearn.packed_files import read_bytes

DATASETS = ("wordnet-hyper", "wordnet-tiny")


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set with its texts and names; the texts and names are read when first asked for."""

    name: str
    X_train: FloatCsr
    """(n_train, n_features) float32: tf-idf of the words, rows of length 1."""
    Y_train: FloatCsr
    """(n_train, n_labels) float32 ones."""
    X_test: FloatCsr
    Y_test: FloatCsr

    @cached_property
    def label_names(self) -> list[str]:
        """Synset and words of each label, such as ``n00002137 abstraction, abstract entity``."""
        return _read_lines(self.name, "labels.txt")

    @cached_property
    def feature_names(self) -> list[str]:
        """The word of each feature."""
        return _read_lines(self.name, "features.txt")

    @cached_property
    def train_texts(self) -> list[str]:
        """The text of each training sample: ``words : gloss``."""
        return _read_lines(self.name, "train_texts.txt")

    @cached_property
    def test_texts(self) -> list[str]:
        """The text of each test sample."""
        return _read_lines(self.name, "test_texts.txt")


def load_dataset(name: str) -> Dataset:
    """Load a data set that comes with the package.

    Parameters
    ----------
    name
        ``wordnet-hyper``: the words and gloss of a synset -> its hypernyms up to four levels above; 83,322 training and
        11,986 test samples, 44,550 features, 19,584 labels. ``wordnet-tiny``: a small piece of it, for tests.

    Raises
    ------
    ValueError
        If there is no such data set.

    Examples
    --------
    >>> data = load_dataset("wordnet-tiny")
    >>> data.X_train.shape, data.Y_train.shape
    ((2589, 3546), (2589, 413))
    >>> data.test_texts[1]
    'bell, bell shape, campana : the shape of a bell'
    >>> [readable_label(data.label_names[label]) for label in data.Y_test[[1]].indices]
    ['attribute', 'shape', 'line']
    """
    if name not in DATASETS:
        raise ValueError(f"name must be one of {', '.join(DATASETS)}, but is {name!r}")
    parts = {}
    for part in ("train", "test"):
        with resources.as_file(_file(name, f"{part}.txt")) as path:
            parts[part] = read_xmc(path)
    return Dataset(name, *parts["train"], *parts["test"])


def readable_label(label_name: str) -> str:
    """Give the first word of a label of WordNet: ``abstraction`` for ``n00002137 abstraction, abstract entity``."""
    _, _, words = label_name.partition(" ")
    return words.partition(",")[0]


def _file(dataset: str, name: str) -> resources.abc.Traversable:
    return resources.files("slidelearn") / "shipped_data" / dataset / f"{name}.xz"


def _read_lines(dataset: str, name: str) -> list[str]:
    with resources.as_file(_file(dataset, name)) as path:
        return read_bytes(path).decode().splitlines()
