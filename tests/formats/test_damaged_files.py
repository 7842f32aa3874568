"""Damaged files end in a DataError that names the file, never in a crash or another error, whatever the damage."""

from __future__ import annotations

import gzip
import lzma
import random
from pathlib import Path

import numpy as np
import pytest
from sample_sets import with_features, with_texts

from slidelearn.data import DataError, SampleSet, read_samples, write_samples

FILES = {
    "a.txt": "features",
    "a.txt.gz": "features",
    "a.txt.xz": "features",
    "tst_X_Xf.txt": "features",
    "a.svm": "features",
    "X.npz": "features",
    "features.parquet": "features",
    "features.arrow": "features",
    "a.csv": "texts",
    "a.tsv": "texts",
    "a.jsonl": "texts",
    "a.jsonl.gz": "texts",
    "texts.parquet": "texts",
    "texts.arrow": "texts",
}
N_TRIALS = 150
LINES = (".txt", ".svm", ".csv", ".tsv", ".jsonl")


def samples_of(kind: str) -> SampleSet:
    return with_features(np.random.default_rng(0)) if kind == "features" else with_texts()


def complaint_about(path: Path, *, with_labels: bool = True) -> str | None:
    """What is said about a file; None if it is a good one, and its matrices are sound."""
    try:
        found = read_samples(path, with_labels=with_labels)
    except DataError as error:
        return str(error)
    for matrix in (found.X, found.Y):
        if matrix is not None:
            matrix.check_format(full_check=True)
            assert np.isfinite(matrix.data).all()
    return None


def damaged(whole: bytes, rng: random.Random) -> bytes:
    """Cut, changed, or with something put in; sometimes many bytes at once."""
    where = rng.randrange(len(whole))
    match rng.randrange(5):
        case 0:
            return whole[:where]
        case 1:
            return whole[:where] + rng.randbytes(rng.choice([1, 1, 4, 40])) + whole[where:]
        case 2:
            return whole[:where] + whole[where + rng.randrange(1, 20) :]
        case 3:
            return whole[:where] + rng.choice([b"-", b"nan", b"\n", b":", b",", b'"', b"\0", b"9" * 30]) + whole[where:]
        case _:
            changed = bytearray(whole)
            for _ in range(rng.choice([1, 1, 3, 30])):
                changed[rng.randrange(len(whole))] = rng.randrange(256)
            return bytes(changed)


@pytest.mark.parametrize("name", FILES)
def test_any_damage(name: str, tmp_path: Path) -> None:
    if Path(name).suffix in (".parquet", ".arrow"):
        pytest.importorskip("pyarrow")
    write_samples(tmp_path / name, samples_of(FILES[name]))
    rng = random.Random(name)
    n_refused = 0
    paths = sorted(tmp_path.iterdir())
    wholes = {path: path.read_bytes() for path in paths}
    for _ in range(N_TRIALS):
        path = rng.choice(paths)
        path.write_bytes(damaged(wholes[path], rng))
        if complaint := complaint_about(tmp_path / name, with_labels=rng.random() < 0.9):
            n_refused += 1
            assert complaint.startswith(str(path))
            assert ", line " in complaint or not name.endswith(LINES)
        path.write_bytes(wholes[path])
    assert n_refused > N_TRIALS // 4


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "content",
    [b"", b"\0", b"\n", b"PK\x03\x04", b"PAR1", b"ARROW1\0\0", b"{" * 5000, b"[" * 200_000, b"\x1f\x8b", b"\xff\xfe"],
)
def test_other_contents(name: str, content: bytes, tmp_path: Path) -> None:
    if Path(name).suffix in (".parquet", ".arrow"):
        pytest.importorskip("pyarrow")
    write_samples(tmp_path / name, samples_of(FILES[name]))
    pack = {".gz": gzip.compress, ".xz": lzma.compress}.get(Path(name).suffix, bytes)
    (tmp_path / name).write_bytes(pack(content))
    complaint = complaint_about(tmp_path / name)
    assert complaint is None or complaint.startswith(str(tmp_path / name))
