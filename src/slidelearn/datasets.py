"""What a data set is, and those that come with the package: WordNet 3.0, synsets and their hypernyms.

They are under WordNet's own licence, in ``shipped_data/LICENSE``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from importlib.resources.abc import Traversable

from slidelearn.data import read_xmc
from slidelearn.files.packed import read_bytes
from slidelearn.matrices import FloatCsr

DATASETS = ("wordnet-hyper", "wordnet-tiny")


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set; its texts and names, where it has any, are read when first asked for."""

    name: str
    X_train: FloatCsr
    """(n_train, n_features) float32."""
    Y_train: FloatCsr
    """(n_train, n_labels) float32 ones."""
    X_test: FloatCsr
    Y_test: FloatCsr
    unjudged: FloatCsr | None = None
    """(n_test, n_labels) ones at the pairs that an evaluation leaves out (`slidelearn.metrics.without_pairs`)."""
    lines: Mapping[str, Traversable] = field(default_factory=dict, repr=False)
    """The files with texts and names, a line each, by what they hold."""

    @cached_property
    def label_names(self) -> list[str]:
        """The name of each label; of WordNet synset and words, such as ``n00002137 abstraction, abstract entity``."""
        return self._read_lines("label_names")

    @cached_property
    def feature_names(self) -> list[str]:
        """The name of each feature; of WordNet the word."""
        return self._read_lines("feature_names")

    @cached_property
    def train_texts(self) -> list[str]:
        """The text of each training sample; of WordNet ``words : gloss``."""
        return self._read_lines("train_texts")

    @cached_property
    def test_texts(self) -> list[str]:
        """The text of each test sample."""
        return self._read_lines("test_texts")

    def _read_lines(self, what: str) -> list[str]:
        if what not in self.lines:
            raise ValueError(f"{self.name} has no {what}: there is no file of them beside its samples")
        with resources.as_file(self.lines[what]) as path:
            return read_bytes(path).decode().splitlines()


def load_dataset(name: str) -> Dataset:
    """Load a data set that comes with the package.

    Parameters
    ----------
    name
        ``wordnet-hyper``: the words and gloss of a synset -> its hypernyms up to four levels above; 83,322 training and
        11,986 test samples, 44,550 features (tf-idf of the words, rows of length 1), 19,584 labels. ``wordnet-tiny``: a
        small piece of it, for tests.

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
        raise ValueError(
            f"name must be one of {', '.join(DATASETS)}, but is {name!r}; fetch_dataset has public data sets"
        )
    folder = resources.files("slidelearn") / "shipped_data" / name
    parts = {}
    for part in ("train", "test"):
        with resources.as_file(folder / f"{part}.txt.xz") as path:
            parts[part] = read_xmc(path)
    files = {
        "label_names": "labels.txt.xz",
        "feature_names": "features.txt.xz",
        "train_texts": "train_texts.txt.xz",
        "test_texts": "test_texts.txt.xz",
    }
    return Dataset(
        name, *parts["train"], *parts["test"], lines={what: folder / file_name for what, file_name in files.items()}
    )


def readable_label(label_name: str) -> str:
    """Give the first word of a label of WordNet: ``abstraction`` for ``n00002137 abstraction, abstract entity``."""
    _, _, words = label_name.partition(" ")
    return words.partition(",")[0]
