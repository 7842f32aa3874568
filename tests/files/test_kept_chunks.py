"""Chunks of samples come a second time from a temporary file, if all of them fit into it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from slidelearn.files.kept_chunks import Chunk, KeptChunks
from slidelearn.matrices import FloatCsr, check_features, check_labels


@pytest.fixture
def chunks(rng: np.random.Generator) -> list[Chunk]:
    """One without features, one without labels, and others."""
    densities = [(0.2, 0.1), (0.0, 0.2), (0.1, 0.0), (0.3, 0.3)]
    return [
        (
            check_features(sparse.random(7, 30, x, random_state=rng)),
            check_labels(sparse.random(7, 9, y, random_state=rng)),
        )
        for x, y in densities
    ]


def assert_same(found: Iterator[Chunk], expected: list[Chunk]) -> None:
    for pair, same in zip(found, expected, strict=True):
        for a, b in zip(pair, same, strict=True):
            assert_same_matrix(a, b)


def assert_same_matrix(a: FloatCsr, b: FloatCsr) -> None:
    assert a.shape == b.shape
    for name in ("data", "indices", "indptr"):
        assert getattr(a, name).dtype == getattr(b, name).dtype
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def never() -> Iterator[Chunk]:
    raise AssertionError("made again")
    yield


def test_they_are_made_once(chunks: list[Chunk]) -> None:
    kept = KeptChunks()
    assert_same(kept.read(chunks), chunks)
    for _ in range(2):
        assert_same(kept.read(never()), chunks)
    first, second = kept.read(never()), kept.read(never())  # at the same time
    assert_same_matrix(next(first)[0], next(second)[0])


def test_what_was_not_read_to_its_end_is_made_again(chunks: list[Chunk]) -> None:
    kept = KeptChunks()
    next(kept.read(chunks))
    assert_same(kept.read(chunks), chunks)
    assert_same(kept.read(never()), chunks)


@pytest.mark.parametrize("free", [0, 3000])
def test_without_room_they_are_made_each_time(free: int, chunks: list[Chunk], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    kept = KeptChunks()
    for _ in range(3):
        assert_same(kept.read(chunks), chunks)
    with pytest.raises(AssertionError, match="made again"):
        next(kept.read(never()))


def test_the_file_has_no_name(chunks: list[Chunk], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept = KeptChunks()
    list(kept.read(chunks))
    assert not list(tmp_path.iterdir())
    assert_same(kept.read(never()), chunks)
