from __future__ import annotations

import gzip
import lzma
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.sparse import csr_array

from slidelearn import data
from slidelearn.data import DataError, read_xmc, write_xmc

TEXT = b"3 4 5\n4,1 2:0.5 0:-1\n 3:0.1\n\n"
X = np.array([[-1, 0, 0.5, 0], [0, 0, 0, 0.1], [0, 0, 0, 0]], np.float32)
Y = np.array([[0, 1, 0, 0, 1], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]], np.float32)


@pytest.mark.parametrize(("name", "pack"), [("a.txt", bytes), ("a.txt.gz", gzip.compress), ("a.txt.xz", lzma.compress)])
def test_reads_plain_and_compressed(tmp_path, name, pack):
    (tmp_path / name).write_bytes(pack(TEXT))
    X_read, Y_read = read_xmc(tmp_path / name)
    for matrix, expected in ((X_read, X), (Y_read, Y)):
        assert isinstance(matrix, csr_array)
        assert (matrix.dtype, matrix.indices.dtype, matrix.indptr.dtype) == (np.float32, np.int32, np.int32)
        assert matrix.has_canonical_format
        np.testing.assert_array_equal(matrix.toarray(), expected)


def test_a_path_may_be_a_string(tmp_path):
    (tmp_path / "a.txt").write_bytes(TEXT)
    assert read_xmc(str(tmp_path / "a.txt"))[0].shape == (3, 4)


def test_errors_name_the_file_and_the_line(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"1 2 3\n1 5:1\n")
    with pytest.raises(DataError, match="^" + re.escape(f"{path}, line 2: feature id must lie in [0, 2)")):
        read_xmc(path)


def test_a_missing_file_is_an_oserror(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_xmc(tmp_path / "none.txt")


def test_n_threads_is_checked(tmp_path):
    with pytest.raises(ValueError, match=r"^n_threads must be >= 1, but is 0$"):
        read_xmc(tmp_path / "none.txt", n_threads=0)


GZIP, XZ = gzip.compress(TEXT * 50), lzma.compress(TEXT * 50)


@pytest.mark.parametrize(
    ("name", "contents"),
    [
        pytest.param("a.gz", GZIP[: len(GZIP) // 2], id="gzip cut in the middle"),
        pytest.param("a.gz", GZIP[:-1], id="gzip without its last byte"),
        pytest.param("a.gz", GZIP[:5], id="gzip cut in its header"),
        pytest.param("a.gz", GZIP[:-8] + b"\0" * 8, id="gzip with a wrong checksum"),
        pytest.param("a.gz", GZIP[:14] + b"\xff\xff" + GZIP[16:], id="gzip with damaged bytes"),
        pytest.param("a.gz", TEXT, id="not gzip"),
        pytest.param("a.gz", GZIP + b"more", id="gzip with something behind it"),
        pytest.param("a.xz", XZ[: len(XZ) // 2], id="xz cut in the middle"),
        pytest.param("a.xz", TEXT, id="not xz"),
    ],
)
def test_refuses_damaged_compression(tmp_path, name, contents):
    path = tmp_path / name
    path.write_bytes(contents)
    expected = f"{path}: expected a whole {path.suffix} file, but it is truncated or damaged ("
    with pytest.raises(DataError, match="^" + re.escape(expected)):
        read_xmc(path)


def test_an_empty_gzip_file_is_an_empty_file(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b""))
    with pytest.raises(DataError, match=r"but the file is empty$"):
        read_xmc(tmp_path / "a.gz")


def test_writes_short_numbers_in_the_format_of_the_repository(tmp_path):
    write_xmc(tmp_path / "a.txt", X, Y)
    assert (tmp_path / "a.txt").read_bytes() == b"3 4 5\n1,4 0:-1 2:0.5\n 3:0.1\n\n"


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a.txt.xz"])
def test_round_trip_in_many_blocks(tmp_path, name, monkeypatch):
    monkeypatch.setattr(data, "_ROWS_PER_WRITE", 2)
    write_xmc(tmp_path / name, X, csr_array(Y))
    X_read, Y_read = read_xmc(tmp_path / name, n_threads=2)
    np.testing.assert_array_equal(X_read.toarray(), X)
    np.testing.assert_array_equal(Y_read.toarray(), Y)


def test_equal_data_makes_equal_gzip_files(tmp_path):
    (tmp_path / "other").mkdir()
    write_xmc(tmp_path / "a.gz", X, Y)
    write_xmc(tmp_path / "other" / "a.gz", X, Y)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "other" / "a.gz").read_bytes()


FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
SHAPES = st.tuples(st.integers(0, 5), st.integers(0, 5))


@given(arrays.arrays(np.float32, SHAPES, elements=FLOATS), st.integers(0, 4), st.data())
def test_round_trip_keeps_every_bit(tmp_path_factory, features, n_labels, draw):
    labels = draw.draw(arrays.arrays(np.bool_, (len(features), n_labels)))
    path = tmp_path_factory.getbasetemp() / "round-trip.txt"
    write_xmc(path, features, labels)
    X_read, Y_read = read_xmc(path)
    expected = csr_array(features)
    np.testing.assert_array_equal(X_read.data.view(np.uint32), expected.data.view(np.uint32))
    np.testing.assert_array_equal(X_read.toarray(), features)
    np.testing.assert_array_equal(Y_read.toarray(), labels)


def test_what_was_there_stays_when_writing_fails(tmp_path, monkeypatch):
    write_xmc(tmp_path / "a.txt", X, Y)
    before = (tmp_path / "a.txt").read_bytes()
    monkeypatch.setattr(data, "_lines", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_xmc(tmp_path / "a.txt", X[:1], Y[:1])
    assert (tmp_path / "a.txt").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_refuses_to_write_what_it_could_not_read(tmp_path):
    with pytest.raises(ValueError, match=r"^X must be finite in float32, but at row 0, column 1 it is nan$"):
        write_xmc(tmp_path / "a.txt", [[0, np.nan]], [[1]])
    with pytest.raises(ValueError, match=r"^X and Y must have one row per sample, but X has 3 and Y has 2$"):
        write_xmc(tmp_path / "a.txt", X, Y[:2])
    assert not list(tmp_path.iterdir())
