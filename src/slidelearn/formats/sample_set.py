"""What a data file holds."""

from __future__ import annotations

from dataclasses import dataclass

from slidelearn.matrices import FloatCsr


@dataclass(frozen=True, eq=False)
class SampleSet:
    """The samples of a file: with features, or as texts."""

    Y: FloatCsr
    """(n_samples, n_labels) float32 ones at the labels of each sample."""
    X: FloatCsr | None = None
    """(n_samples, n_features) float32; None where the file holds texts."""
    texts: list[str] | None = None
    """The text of each sample; None where the file holds features."""
    label_names: list[str] | None = None
    """The name of each label, in alphabetical order; None where the file has numbers for them."""
    unjudged: FloatCsr | None = None
    """(n_samples, n_labels) ones at the pairs that an evaluation leaves out; None where the file has no such list."""

    @property
    def n_samples(self) -> int:
        """How many there are."""
        return int(self.Y.shape[0])


def features_of(samples: SampleSet) -> FloatCsr:
    """Give the features, for formats that hold these.

    Raises
    ------
    ValueError
        If there are texts instead.
    """
    if samples.X is None:
        raise ValueError(
            "this format holds features, but the samples are texts: write them as csv, tsv, jsonl or parquet, or make "
            "features of them first"
        )
    return samples.X


def texts_of(samples: SampleSet) -> list[str]:
    """Give the texts, for formats that hold these.

    Raises
    ------
    ValueError
        If there are features instead.
    """
    if samples.texts is None:
        raise ValueError(
            "this format holds texts, but the samples have features: write them as xmc, libsvm, npz or parquet"
        )
    return samples.texts
