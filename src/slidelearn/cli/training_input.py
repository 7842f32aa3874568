"""What `slidelearn train` learns from: samples with features, texts, or a stream."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from slidelearn.callbacks import Callback
from slidelearn.cli.display import size
from slidelearn.cli.inputs import Columns, Inputs
from slidelearn.config import Config
from slidelearn.data import holds_texts
from slidelearn.estimator import SlideClassifier
from slidelearn.features.known import KnownFeatures
from slidelearn.machine.resources import resolve_threads, saying_what_takes_memory
from slidelearn.model.documents import Documents, put_counts, put_label_counts, put_vectorizer
from slidelearn.sample_stream import SampleStream
from slidelearn.text.samples import vectorizer_for, with_features
from slidelearn.text.stream import TextStream
from slidelearn.text.texts import n_wordless
from slidelearn.text.vectorizers import Vectorizer
from slidelearn.training.footprint import stream_bytes, training_bytes
from slidelearn.wording import counted


class TrainingInput(ABC):
    """Samples to learn from."""

    columns: Columns
    """Theirs, which others must have."""
    known: KnownFeatures
    """Features that are to be learnt from."""

    @abstractmethod
    def training_bytes(self, config: Config) -> int:
        """Memory that training on them takes beside what they take themselves."""

    @abstractmethod
    def fit(
        self, clf: SlideClassifier, callbacks: Sequence[Callback], resume_from: Path | None, documents: Documents
    ) -> None:
        """Train on them, from the start or from a checkpoint."""

    @abstractmethod
    def put_documents(self, documents: Documents) -> None:
        """Put what a model must know of them beside what it learns."""


class SamplesInput(TrainingInput):
    """Samples in memory; texts get their features here."""

    def __init__(self, inputs: Inputs, path: Path) -> None:
        samples, vectorizer = inputs.read("train", path), None
        if samples.X is None:
            with (
                inputs.console.status("counting words"),
                saying_what_takes_memory(f"making features of {path}", "leave the texts in their file: --stream"),
            ):
                vectorizer = vectorizer_for(samples)
                samples = with_features(samples, vectorizer)
            assert samples.X is not None
            _print_words(inputs.console, len(vectorizer.vocabulary_), n_wordless(samples.X, samples.texts or []))
        assert samples.X is not None
        self.X, self.Y, self._samples = samples.X, samples.Y, samples
        self.known = KnownFeatures.of(samples.X, samples.Y)
        self.columns = Columns(samples.X.shape[1], samples.Y.shape[1], str(path), vectorizer, samples.label_names)

    def training_bytes(self, config: Config) -> int:
        """The networks, copies of samples, and the ranker's."""
        return training_bytes(config, self.known.only(self.X), self.Y)

    def fit(
        self, clf: SlideClassifier, callbacks: Sequence[Callback], resume_from: Path | None, documents: Documents
    ) -> None:
        """Train on all of them; labels that have names are known by these."""
        y = self.columns.known(self._samples)
        clf.fit(self.X, y, callbacks=callbacks, resume_from=resume_from, documents=documents)

    def put_documents(self, documents: Documents) -> None:
        """How often each label was seen; of texts, how they become features."""
        put_label_counts(documents, self.Y)
        if self.columns.vectorizer is not None:
            put_vectorizer(documents, self.columns.vectorizer, self._samples.n_samples)


class StreamInput(TrainingInput):
    """Samples that stay in their file; of texts the features are made once, and kept in a temporary file."""

    def __init__(self, inputs: Inputs, path: Path, buffer_size: int) -> None:
        if not path.is_file():
            raise ValueError(f"--stream needs a file that can be read several times, but {path} is a pipe or device")
        given: dict[str, Any] = {"format": inputs.format, "buffer_size": buffer_size, **inputs.layout}
        stream: SampleStream
        vectorizer: Vectorizer | None = None
        with inputs.console.status(f"counting {path}"):
            if holds_texts(path, inputs.format):
                of_texts = TextStream(path, **given).features()
                stream, vectorizer = of_texts, of_texts.vectorizer
                _print_words(inputs.console, stream.n_features, of_texts.n_wordless)
            else:
                stream = SampleStream(path, n_threads=resolve_threads(inputs.threads), **given)
        at_a_time = counted(min(buffer_size, stream.n_samples), "sample")
        inputs.console.print(
            f"train: {counted(stream.n_samples, 'sample')}, {counted(stream.n_features, 'feature')}, "
            f"{counted(stream.n_labels, 'label')}; {at_a_time} at a time ({size(stream.block_bytes)})",
            soft_wrap=True,
        )
        self._stream, self.known = stream, stream.known
        self.columns = Columns(stream.n_features, stream.n_labels, str(path), vectorizer, stream.label_names)

    def training_bytes(self, config: Config) -> int:
        """The same, of the samples that are in memory, and these."""
        return stream_bytes(config, self._stream)

    def fit(
        self, clf: SlideClassifier, callbacks: Sequence[Callback], resume_from: Path | None, documents: Documents
    ) -> None:
        """Train on all of them, in one pass for each epoch."""
        clf.fit_stream(self._stream, callbacks=callbacks, resume_from=resume_from, documents=documents)

    def put_documents(self, documents: Documents) -> None:
        """How often each label was seen; of texts, how they become features."""
        put_counts(documents, self._stream.label_counts(), self._stream.n_samples)
        if self.columns.vectorizer is not None:
            put_vectorizer(documents, self.columns.vectorizer, self._stream.n_samples)


def _print_words(console: Console, n_words: int, n_without: int) -> None:
    without = f"; {counted(n_without, 'text')} without any of them" if n_without else ""
    console.print(f"features: {counted(n_words, 'word')}{without}", soft_wrap=True)
