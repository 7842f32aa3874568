"""Samples that are read from a file each time they are needed, for files that do not fit in memory."""

from __future__ import annotations

import copy
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from slidelearn.batches import Block, SampleSource, to_csr
from slidelearn.data import DataError, open_samples
from slidelearn.features.known import KnownFeatures
from slidelearn.files.paths import to_path
from slidelearn.formats.growing_rows import GrowingRows
from slidelearn.kernels import Ids
from slidelearn.matrices import FloatCsr, digest_of_samples
from slidelearn.wording import counted

BUFFER_SIZE = 1 << 17
"""Samples that are in memory at a time, and are shuffled among each other, unless the user says otherwise."""
MOST_IN_PART = 1 << 18
"""Samples in memory for what cannot do with a few at a time: the ranker's, and the pilot's."""


class Part(NamedTuple):
    """Some samples of a stream, in memory."""

    sample_ids: NDArray[np.int64]
    X: FloatCsr
    Y: FloatCsr


class Extent(NamedTuple):
    """How large a matrix will be that is not there yet (`slidelearn.matrices.Extents`)."""

    shape: tuple[int, int]
    nnz: int


class SampleStream(SampleSource):
    """The samples of a file, which is read once now, to count them, and once for each epoch.

    Samples are shuffled within a buffer, blocks of samples that follow one another in the file: those of a file that is
    in some order, by date or by label, should be put in random order before. A file with no more samples than the
    buffer gives the same batches as the same samples in memory.

    Parameters
    ----------
    path
        A file of features, of a format that is read piece by piece (`slidelearn.data.open_samples`).
    format, n_threads, layout
        As in `slidelearn.data.read_samples`.
    buffer_size
        Samples that are in memory at a time.

    Raises
    ------
    DataError
        If the file is damaged, or changes while it is used.

    Examples
    --------
    >>> from slidelearn import SlideClassifier, load_dataset, write_xmc
    >>> data = load_dataset("wordnet-tiny")
    >>> write_xmc("large.txt.gz", data.X_train, data.Y_train)
    >>> stream = SampleStream("large.txt.gz", buffer_size=1000)
    >>> stream.n_samples, stream.n_features, stream.n_labels
    (2589, 3546, 413)
    >>> clf = SlideClassifier(preset="quick", n_jobs=1).fit_stream(stream)
    """

    label_names: list[str] | None = None
    """What the labels are called, where the file has names for them."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        format: str | None = None,
        buffer_size: int = BUFFER_SIZE,
        n_threads: int = 1,
        **layout: Any,
    ) -> None:
        if buffer_size < 1:
            raise ValueError(f"buffer_size must be >= 1, but is {buffer_size}")
        self._path, self._format, self._n_threads, self._layout = to_path(path), format, n_threads, layout
        self._prepare: Callable[[FloatCsr], FloatCsr] = lambda X: X
        self.known = KnownFeatures.nothing()
        """The features of samples that have a label."""
        self.buffer_size = buffer_size
        n_samples = self.n_features = self.block_bytes = self._n_values = 0
        digest = hashlib.blake2b(digest_size=8)
        counts, labelled = np.zeros(0, np.int64), [np.zeros(0, np.int64)]
        for X, Y in self._chunks(buffer_size):
            labelled.append(n_samples + np.flatnonzero(np.diff(Y.indptr)))
            counts = np.pad(counts, (0, max(Y.shape[1] - len(counts), 0)))
            counts += np.bincount(Y.indices, minlength=len(counts))
            n_samples += X.shape[0]
            self.n_features = max(X.shape[1], self.n_features)
            self.known = self.known.with_more(X, Y)
            self._n_values += X.nnz
            self.block_bytes = max(32 * X.nnz, self.block_bytes)
            digest.update(digest_of_samples(X, Y).encode())
        self._width = self.n_features
        self._layout = layout | {"n_features": self.n_features, "n_labels": len(counts)}
        self._counts = counts
        self.digest = digest.hexdigest()
        """Sixteen hexadecimal digits that tell these samples, read with such a buffer, from any others."""
        super().__init__(n_samples, len(counts), buffer_size, np.concatenate(labelled))

    def first_samples(self) -> tuple[FloatCsr, FloatCsr]:
        """X and Y of the first block, as they are in the file."""
        return next(self._chunks(self.buffer_size))

    def prepared(self, prepare: Callable[[FloatCsr], FloatCsr], width: int) -> Self:
        """The same samples, whose features go through a function as they are read, and have so many columns then."""
        stream = copy.copy(self)
        stream.__dict__.pop("part", None)
        stream._prepare, stream._width = prepare, width
        return stream

    def blocks(self) -> Iterator[Block]:
        """Read the file from its beginning."""
        first = 0
        for X, Y in self._chunks(self._block_size):
            if (X.shape[1], Y.shape[1]) != (self.n_features, self.n_labels):
                raise self._changed()
            yield Block(first, to_csr(self._prepare(X)), to_csr(Y, pattern_only=True))
            first += X.shape[0]
        if first != self.n_samples:
            raise self._changed()

    def label_counts(self) -> NDArray[np.int64]:
        """Samples of each label, (n_labels,)."""
        return self._counts

    def room(self, n: int) -> Ids:
        """A file without a name, where temporary files are (``TMPDIR``), mapped to memory."""
        with tempfile.TemporaryFile() as file:  # the map outlives it
            room = np.memmap(file, np.int32, "w+", shape=(self.n_samples, n))
        room.fill(-1)
        return room

    @cached_property
    def part(self) -> Part:
        """Labelled samples drawn at random, all if there are no more than `MOST_IN_PART`; read when first asked for."""
        sample_ids = self.labelled
        if len(sample_ids) > MOST_IN_PART:
            sample_ids = np.sort(np.random.default_rng(0).choice(sample_ids, MOST_IN_PART, replace=False))
        features, labels = GrowingRows(), GrowingRows()
        for block in self.blocks():
            begin, end = np.searchsorted(sample_ids, (block.first, block.first + block.features.n_rows))
            batch = block.take(sample_ids[begin:end])
            features.append(batch.features)
            labels.append(batch.labels)
        return Part(sample_ids, features.matrix(self._width), labels.pattern(self.n_labels))

    def extents_of_part(self) -> tuple[Extent, Extent]:
        """How large X and Y of the part will be, about, as a model has them that knows the features that occur."""
        n = min(len(self.labelled), MOST_IN_PART)
        share = n / max(self.n_samples, 1)
        n_values, n_label_values = round(share * self._n_values), round(share * int(self._counts.sum()))
        return Extent((n, len(self.known)), n_values), Extent((n, self.n_labels), n_label_values)

    def _chunks(self, n_rows: int) -> Iterator[tuple[FloatCsr, FloatCsr]]:
        pieces = open_samples(self._path, format=self._format, n_threads=self._n_threads, **self._layout)
        for samples in pieces.chunks(n_rows):
            assert samples.X is not None
            yield samples.X, samples.Y

    def _changed(self) -> DataError:
        return DataError(
            f"{self._path} has changed while it was used: it had {counted(self.n_samples, 'sample')}, "
            f"{counted(self.n_features, 'feature')} and {counted(self.n_labels, 'label')}"
        )
