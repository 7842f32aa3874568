"""Texts that stay in their file, and their features in another one, for files that do not fit in memory."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import clone

from slidelearn.data import open_texts
from slidelearn.files.kept_chunks import Chunk, KeptChunks
from slidelearn.files.paths import to_path
from slidelearn.formats.labelled_texts import LabelledText, labels_matrix
from slidelearn.matrices import check_features
from slidelearn.sample_stream import BUFFER_SIZE, SampleStream
from slidelearn.text.texts import n_wordless
from slidelearn.text.vectorizers import Vectorizer, parameters_to_save, usual_vectorizer
from slidelearn.text.word_counts import WordCounts


class TextStream:
    r"""The texts of a file, with the names of their labels.

    Parameters
    ----------
    path
        A CSV, TSV or JSON lines file, or a Parquet or Arrow file with a column of texts (`slidelearn.read_samples`).
    format, layout
        As in `slidelearn.read_samples`.
    buffer_size
        As of `slidelearn.SampleStream`.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("large.jsonl").write_text('{"text": "a red fox", "labels": ["animal", "red"]}\n')
    >>> for text, names in TextStream("large.jsonl"):
    ...     print(text, names)
    a red fox ['animal', 'red']
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        format: str | None = None,
        buffer_size: int = BUFFER_SIZE,
        **layout: Any,
    ) -> None:
        if buffer_size < 1:
            raise ValueError(f"buffer_size must be >= 1, but is {buffer_size}")
        self.path, self.buffer_size = to_path(path), buffer_size
        self._format, self._layout = format, layout
        self._read()  # what is no file of texts is refused now

    def __iter__(self) -> Iterator[LabelledText]:
        """Read the file from its beginning.

        Raises
        ------
        DataError
            With file and line, where it is not in its format.
        """
        return self._read()

    def _read(self) -> Iterator[LabelledText]:
        return open_texts(self.path, format=self._format, **self._layout)

    def features(self, vectorizer: Vectorizer | None = None) -> TextFeatures:
        """The same samples with features, which a vectoriser makes of the texts.

        It takes two passes: one to count words and to find the names of labels, one to count features.

        Parameters
        ----------
        vectorizer
            As of `slidelearn.SlideTextClassifier`; it stays as it is.

        Raises
        ------
        ValueError
            If no words are left, or the vectoriser could not be saved.
        """
        if vectorizer is not None:
            parameters_to_save(vectorizer)
        counts, names = WordCounts(vectorizer or usual_vectorizer(0)), set[str]()
        for text, own in self:
            counts.add(text)
            names.update(own)
        fitted = counts.fitted(clone(vectorizer) if vectorizer is not None else usual_vectorizer(counts.n_texts))
        return TextFeatures(self, fitted, sorted(names))


class TextFeatures(SampleStream):
    """Samples whose features are made of texts; labels are numbered in the order of their names.

    They are made once, and kept in a temporary file as far as there is room (`slidelearn.files.kept_chunks`).
    """

    def __init__(self, texts: TextStream, vectorizer: Vectorizer, label_names: list[str]) -> None:
        self._texts, self.vectorizer = texts, vectorizer
        self._numbers = {name: number for number, name in enumerate(label_names)}
        self._kept = KeptChunks()
        self.n_wordless = 0
        """Texts that are not blank and have no feature."""
        super().__init__(texts.path, buffer_size=texts.buffer_size)
        self.label_names = label_names

    def _chunks(self, n_rows: int) -> Iterator[Chunk]:
        return self._kept.read(self._made(n_rows))

    def _made(self, n_rows: int) -> Iterator[Chunk]:
        texts, ends, labels = list[str](), array("q", [0]), array("i")
        self.n_wordless = 0
        for text, names in self._texts:
            texts.append(text)
            try:
                labels.extend([self._numbers[name] for name in names])
            except KeyError:
                raise self._changed() from None
            ends.append(len(labels))
            if len(texts) == n_rows:
                yield self._with_features(texts, ends, labels)
                texts, ends, labels = [], array("q", [0]), array("i")
        if texts:
            yield self._with_features(texts, ends, labels)

    def _with_features(self, texts: list[str], ends: array[int], labels: array[int]) -> Chunk:
        Y = labels_matrix(ends, np.frombuffer(labels, np.int32), len(self._numbers))
        X = check_features(self.vectorizer.transform(texts))
        self.n_wordless += n_wordless(X, texts)
        return X, Y
