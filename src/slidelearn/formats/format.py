"""What a format is, and how a file is laid out where its format leaves that open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from slidelearn.formats.growing_rows import GrowingRows
from slidelearn.formats.labelled_texts import LabelledText, collected
from slidelearn.formats.sample_set import SampleSet
from slidelearn.kernels.types import Csr
from slidelearn.matrices import FloatCsr


@dataclass(frozen=True)
class Layout:
    """How a file is laid out; each format looks at what concerns it.

    Raises
    ------
    ValueError
        If a value is against its rule.
    """

    n_features: int | None = None
    """Columns of X, where the file does not say; None: as many as the highest id needs."""
    n_labels: int | None = None
    """Columns of Y, where the file does not say; None: as many as the highest id needs."""
    first_id: int = 0
    """``libsvm``: the id of the first column, 0 or 1. A file that counts from 1 can be read with 0 as well: its first
    column is empty then. Which of the two a file does cannot be told from every file, so it is not guessed."""
    text_column: str = "text"
    """Formats of texts: the name of the column with the text."""
    label_column: str = "labels"
    """Formats of texts: the name of the column with the names of the labels."""
    label_separator: str = ";"
    """Formats of texts: what stands between the names of labels, where they are not a list."""

    def __post_init__(self) -> None:
        if self.first_id not in (0, 1):
            raise ValueError(f"first_id must be 0 or 1, but is {self.first_id!r}")
        if not self.label_separator:
            raise ValueError("label_separator must have at least one character, but is empty")
        for name in ("n_features", "n_labels"):
            n = getattr(self, name)
            if n is not None and not 0 <= n < 2**31:
                raise ValueError(f"{name} must lie in [0, 2^31), but is {n!r}")


@dataclass(frozen=True)
class Pieces:
    """A file that is read piece by piece."""

    n_features: int | None
    """Columns of X; None where nothing says: as many as the highest id needs."""
    n_labels: int | None
    rows: Iterable[tuple[Csr, Csr]]
    """Features and labels (without data) of samples that follow one another."""
    unjudged: FloatCsr | None = None
    """As in `SampleSet`."""

    def joined(self) -> SampleSet:
        """All samples, in memory."""
        features, labels = GrowingRows(), GrowingRows()
        for x, y in self.rows:
            features.append(x)
            labels.append(y)
        return replace(self._samples(features, labels), unjudged=self.unjudged)

    def chunks(self, n_rows: int) -> Iterator[SampleSet]:
        """So many samples at a time; the last may be fewer."""
        features, labels = GrowingRows(), GrowingRows()
        for x, y in self.rows:
            while features.n_rows + x.n_rows >= n_rows:
                n = n_rows - features.n_rows
                features.append(x.between(0, n))
                labels.append(y.between(0, n))
                yield self._samples(features, labels)
                features, labels = GrowingRows(), GrowingRows()
                x, y = x.between(n, x.n_rows), y.between(n, y.n_rows)
            features.append(x)
            labels.append(y)
        if features.n_rows:
            yield self._samples(features, labels)

    def _samples(self, features: GrowingRows, labels: GrowingRows) -> SampleSet:
        return SampleSet(labels.pattern(self.n_labels), features.matrix(self.n_features))


class Reader(Protocol):
    """Reads a whole file; without labels it may lack them, and Y has no columns."""

    def __call__(self, path: Path, layout: Layout, *, with_labels: bool) -> SampleSet:
        """Raise DataError with file, line and what was expected, where the file is not in the format."""


class PieceReader(Protocol):
    """Opens a file to read it piece by piece."""

    def __call__(self, path: Path, layout: Layout, *, with_labels: bool, n_threads: int) -> Pieces:
        """Raise errors as `Reader` does, most of them only while the pieces are read."""


class TextReader(Protocol):
    """Reads texts and the names of their labels, sample by sample."""

    def __call__(self, path: Path, layout: Layout, *, with_labels: bool) -> Iterator[LabelledText]:
        """Raise errors as `Reader` does, while samples are read."""


@dataclass(frozen=True)
class Format:
    """A file format, with at least one of three ways to read it."""

    name: str
    endings: tuple[str, ...]
    """How the names of such files end, in lower case and unpacked."""
    about: str
    """What it is, in a few words."""
    write: Callable[[Path, SampleSet, Layout], None]
    whole: Reader | None = None
    pieces: PieceReader | None = None
    texts: TextReader | None = None
    """None: it holds features alone."""
    holds_texts: Callable[[Path], bool] | None = None
    """Whether a file holds texts, where the format can hold either."""
    starts_like: Callable[[bytes], bool] = lambda _: False
    """Whether a file that begins with these bytes is of this format and no other."""
    files: Callable[[Path], Sequence[Path]] = lambda path: (path,)
    """All files that are read where this one is named."""
    packs: bool = True
    """Whether its files may be packed by gzip or xz."""

    def read(self, path: Path, layout: Layout, *, with_labels: bool, n_threads: int) -> SampleSet:
        """Read all samples into memory."""
        if self.whole:
            return self.whole(path, layout, with_labels=with_labels)
        if not self.pieces:
            assert self.texts
            return collected(self.texts(path, layout, with_labels=with_labels))
        return self.pieces(path, layout, with_labels=with_labels, n_threads=n_threads).joined()
