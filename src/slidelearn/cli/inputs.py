"""The data files that a command is given: read in any format, and made what a model can take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from slidelearn.cli.display import size
from slidelearn.cli.options import parse_layout
from slidelearn.data import SampleSet, read_samples
from slidelearn.formats.labelled_texts import names_of_samples
from slidelearn.machine.resources import resolve_threads
from slidelearn.model.documents import Documents, label_names, vectorizer_of
from slidelearn.text.samples import with_features, with_labels_of
from slidelearn.wording import counted

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer

    from slidelearn.estimator import SlideClassifier


@dataclass(frozen=True)
class Inputs:
    """Reads the data files of a command, and says what it has read."""

    console: Console
    threads: int | None
    format: str | None
    layout: dict[str, Any]

    @classmethod
    def of(cls, console: Console, threads: int | None, format: str | None, settings: Sequence[str] | None) -> Inputs:
        """By the options `From` and `LayoutSettings`."""
        return cls(console, threads, format, parse_layout(settings or []))

    def read(self, what: str, path: Path, *, with_labels: bool = True, **columns: int) -> SampleSet:
        """Read samples; `n_features` and `n_labels` are for files that do not say them."""
        with self.console.status(f"reading {path}"):
            samples = read_samples(
                path,
                format=self.format,
                with_labels=with_labels,
                n_threads=resolve_threads(self.threads),
                **columns | self.layout,
            )
        self.console.print(f"{what}: {_described(samples)}", soft_wrap=True)
        return samples

    def read_for(self, what: str, path: Path, clf: SlideClassifier, model: Path) -> SampleSet:
        """Read samples to judge a saved model by: with its features, and its labels first."""
        return self.read_alike(what, path, Columns.of(clf.documents_, clf.n_features_in_, clf.n_labels_, model))

    def read_alike(self, what: str, path: Path, columns: Columns, *, with_labels: bool = True) -> SampleSet:
        """Read samples that must have the given columns; labels that are not among these come after them.

        With labels they are to judge by, and refused where none has any.
        """
        samples = self.read(
            what, path, with_labels=with_labels, n_features=columns.n_features, n_labels=columns.n_labels
        )
        if with_labels and not samples.Y.nnz:
            found = "has none" if samples.n_samples else "is empty"
            raise ValueError(f"{path} must have labels to judge by, but {found}")
        if samples.X is None:
            samples = columns.of_texts(path, samples)
        assert samples.X is not None
        require_columns(path, samples.X.shape[1], columns.n_features, "features", columns.reference)
        if with_labels and samples.label_names is None:
            require_columns(path, samples.Y.shape[1], columns.n_labels, "labels", columns.reference)
        n_unseen = samples.Y.shape[1] - columns.n_labels
        if with_labels and n_unseen:
            self.console.print(
                f"counted as missed: {counted(n_unseen, 'label')} unknown to {columns.reference}", soft_wrap=True
            )
        return samples


@dataclass(frozen=True)
class Columns:
    """Features and labels that a file must have."""

    n_features: int
    n_labels: int
    reference: str
    """What has them."""
    vectorizer: TfidfVectorizer | None
    """What makes features of texts."""
    label_names: Sequence[str] | None

    @classmethod
    def of(cls, documents: Documents, n_features: int, n_labels: int, model: Path) -> Columns:
        """Those of a saved model."""
        vectorizer, names = vectorizer_of(documents), label_names(documents, n_labels)
        return cls(n_features, n_labels, str(model), vectorizer, names)

    def known(self, samples: SampleSet) -> Any:
        """The labels of samples that training knows, in the form in which it knows them."""
        if self.label_names is None:
            return samples.Y[:, : self.n_labels]
        return list(names_of_samples(samples))

    def of_texts(self, path: Path, samples: SampleSet) -> SampleSet:
        """Make the features of texts, and number their labels.

        Raises
        ------
        ValueError
            If there is nothing to make them by.
        """
        if self.vectorizer is None:
            raise ValueError(f"{path} holds texts, but {self.reference} was trained on features: give it features")
        samples = with_features(samples, self.vectorizer)
        if samples.label_names is None:
            return samples
        if self.label_names is None:
            raise ValueError(f"{path} has names of labels, but {self.reference} has none")
        return with_labels_of(samples, self.label_names)


def _described(samples: SampleSet) -> str:
    n, X, Y = max(samples.n_samples, 1), samples.X, samples.Y
    labels = f"{counted(Y.shape[1], 'label')} ({Y.nnz / n:.1f} each)" if Y.shape[1] else "no labels"
    if samples.unjudged is not None:
        labels += f", {samples.unjudged.nnz:,} pairs of sample and label not to be judged"
    if X is None:
        n_characters = sum(map(len, samples.texts or ()))
        return f"{counted(samples.n_samples, 'text')} ({n_characters / n:.0f} characters each), {labels}"
    return (
        f"{counted(samples.n_samples, 'sample')}, {counted(X.shape[1], 'feature')} ({X.nnz / n:.1f} each), {labels}, "
        f"{size(8 * (X.nnz + Y.nnz))}"
    )


def require_columns(path: Path, n: int, expected: int, what: str, reference: str) -> None:
    """Refuse a file with another number of features or labels than the model has or will have.

    Raises
    ------
    ValueError
        With both numbers.
    """
    if n != expected:
        raise ValueError(f"{path} must have {expected} {what}, as {reference} has, but has {n}")


def read_names(path: Path, n_labels: int) -> list[str]:
    """Read the name of each label, a line each."""
    names = path.read_text(encoding="utf-8").splitlines()
    if len(names) != n_labels:
        raise ValueError(f"{path} must have one line per label ({n_labels}), but has {len(names)}")
    return names
