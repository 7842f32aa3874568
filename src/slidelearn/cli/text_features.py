"""Features of the texts that `slidelearn convert` reads, and what is written beside the file that has them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rich.console import Console

from slidelearn.cli.inputs import Columns
from slidelearn.data import SampleSet
from slidelearn.files.packed import open_to_replace, unpacked_name
from slidelearn.model.documents import (
    LABEL_NAMES,
    VECTORIZER,
    Documents,
    label_names,
    put_label_names,
    put_vectorizer,
    vectorizer_of,
)
from slidelearn.text import samples as text_samples
from slidelearn.wording import counted


def _beside(path: Path, name: str) -> Path:
    """Where a converted file has what goes with it: train.labels.txt beside train.txt.gz."""
    return path.with_name(f"{Path(unpacked_name(path)).stem}.{name}")


def with_features(samples: SampleSet, target: Path) -> SampleSet:
    """Make features of texts; how, and the names of the labels, are written beside the target."""
    vectorizer, documents = text_samples.vectorizer_for(samples), dict[str, str]()
    assert samples.label_names is not None
    put_vectorizer(documents, vectorizer)
    put_label_names(documents, samples.label_names, samples.Y.shape[1])
    for name, text in documents.items():
        with open_to_replace(_beside(target, name)) as file:
            file.write(text.encode())
    return text_samples.with_features(samples, vectorizer)


def with_features_like(console: Console, source: Path, samples: SampleSet, like: Path) -> SampleSet:
    """Make features of texts as another file has them, and leave out labels that it has not."""
    documents: Documents = {name: _beside(like, name).read_text("utf-8") for name in (VECTORIZER, LABEL_NAMES)}
    vectorizer, n_labels = vectorizer_of(documents), len(documents[LABEL_NAMES].splitlines())
    assert vectorizer is not None
    names = label_names(documents, n_labels)
    samples = Columns(len(vectorizer.vocabulary_), n_labels, str(like), vectorizer, names).of_texts(source, samples)
    unseen = samples.Y[:, n_labels:]
    if unseen.shape[1]:
        labels, times = counted(unseen.shape[1], "label"), counted(unseen.nnz, "time")
        console.print(f"left out: {labels} that {like} has not, {times}", soft_wrap=True)
    return replace(samples, Y=samples.Y[:, :n_labels], label_names=names)
