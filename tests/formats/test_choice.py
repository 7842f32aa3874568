"""Which format a file has."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from sample_sets import assert_same, with_features, with_texts

from slidelearn.data import DataError, make_layout, read_samples, write_samples
from slidelearn.formats import FORMATS, format_of

NAMES = {
    "a.txt": "xmc",
    "A.TXT": "xmc",
    "trn_X_Xf.txt": "xmc-pair",
    "tst_X_Y.txt.xz": "xmc-pair",
    "X_Xf.txt": "xmc",
    "a.svm": "libsvm",
    "X.npz": "npz",
    "a.parquet": "parquet",
    "a.b.feather": "arrow",
    "a.csv.gz": "csv",
    "a.tsv": "tsv",
    "a.jsonl.xz": "jsonl",
}


@pytest.mark.parametrize("name", NAMES)
def test_the_name_says_it(name: str) -> None:
    assert format_of(Path(name)).name == NAMES[name]


@pytest.mark.parametrize(
    ("start", "format"),
    [
        (b"2 3 4\n0 1:1\n\n", "xmc"),
        (b"\xef\xbb\xbf2 3 4\r\n", "xmc"),
        (b"0,2 1:0.5\n", "libsvm"),
        (b" 1:1e-3 2:-4\n", "libsvm"),
        (b'{"text": ""}', "jsonl"),
        (b"PAR1...", "parquet"),
        (b"ARROW1\0\0", "arrow"),
    ],
)
def test_else_the_first_bytes_do(start: bytes, format: str, tmp_path: Path) -> None:
    for name in ("data", "data.dat"):
        (tmp_path / name).write_bytes(start)
        assert format_of(tmp_path / name).name == format


@pytest.mark.parametrize("start", [b"", b"2 3\n", b"text,labels\n", b"1 2 3 4\n", b"0,2\n", b"a 1:2\n", b"2 3 4:5 x\n"])
def test_nothing_is_guessed(start: bytes, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(start)
    with pytest.raises(DataError, match=r"data: cannot tell its format by its name: give it one of xmc, xmc-pair, "):
        format_of(tmp_path / "data")


def test_packed_files_are_told_by_their_names_alone(tmp_path: Path) -> None:
    for name in ("data.gz", "X.npz.gz", "a.parquet.gz"):
        (tmp_path / name).write_bytes(gzip.compress(b"2 3 4\n"))
        with pytest.raises(DataError, match="cannot tell its format"):
            read_samples(tmp_path / name)


def test_a_format_may_be_forced(tmp_path: Path) -> None:
    samples = with_features(np.random.default_rng(0))
    write_samples(tmp_path / "a.csv", samples, format="xmc")
    assert_same(read_samples(tmp_path / "a.csv", format="xmc"), samples)
    with pytest.raises(ValueError, match=r"^format must be one of xmc, xmc-pair, .*jsonl, but is 'xml'$"):
        read_samples(tmp_path / "a.csv", format="xml")


def test_a_missing_file_is_missing_in_every_format(tmp_path: Path) -> None:
    for name in ("a.txt", "trn_X_Xf.txt", "a.svm", "X.npz", "a.csv", "a.tsv.gz", "a.jsonl.xz"):
        with pytest.raises(FileNotFoundError):
            read_samples(tmp_path / name)


def test_a_layout_is_checked() -> None:
    for given, message in (
        ({"first_id": 2}, r"first_id must be 0 or 1, but is 2"),
        ({"label_separator": ""}, r"label_separator must have at least one character, but is empty"),
        ({"n_labels": -1}, r"n_labels must lie in \[0, 2\^31\), but is -1"),
        ({"text_colum": "a"}, r"nothing in a layout is called 'text_colum'; did you mean 'text_column'\?"),
        ({"zzz": "a"}, r"nothing in a layout is called 'zzz'; there are n_features, "),
    ):
        with pytest.raises(ValueError, match=message):
            make_layout(given)


def test_every_format_says_what_it_is() -> None:
    assert all(
        each.about and each.endings and each.write and (each.whole or each.pieces or each.texts)
        for each in FORMATS.values()
    )
    assert with_texts().n_samples == 7
