from __future__ import annotations

import gzip
import lzma
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.sparse import csr_array

from slidelearn.data import DataError, read_xmc, write_xmc
from slidelearn.files import packed
from slidelearn.formats import sample_lines

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


def test_an_empty_gzip_file_is_an_empty_file(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b""))
    with pytest.raises(DataError, match=r"but the file is empty$"):
        read_xmc(tmp_path / "a.gz")


def test_writes_short_numbers_in_the_format_of_the_repository(tmp_path):
    write_xmc(tmp_path / "a.txt", X, Y)
    assert (tmp_path / "a.txt").read_bytes() == b"3 4 5\n1,4 0:-1 2:0.5\n 3:0.1\n\n"


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a.txt.xz"])
def test_round_trip_in_many_blocks(tmp_path, name, monkeypatch):
    monkeypatch.setattr(sample_lines, "_ROWS_PER_WRITE", 2)
    monkeypatch.setattr(packed, "_PIECE", 16)
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
    monkeypatch.setattr(sample_lines, "_lines", lambda *_: 1 / 0)
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


READ_AND_MEASURE = """
import resource, sys
from slidelearn import read_xmc
from slidelearn.files import packed
packed._PIECE = 1 << 20
read_xmc(sys.argv[1])  # what the first reading needs once
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
X, Y = read_xmc(sys.argv[2])
arrays = [array for matrix in (X, Y) for array in (matrix.data, matrix.indices, matrix.indptr)]
print(1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / sum(array.nbytes for array in arrays))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read as Linux gives it")
def test_reading_takes_the_memory_of_the_matrices(tmp_path):
    line = b"1,2 " + b" ".join(b"%d:0.123456" % feature for feature in range(50)) + b"\n"
    for name, n in (("small.txt", 4000), ("large.txt", 80_000)):
        (tmp_path / name).write_bytes(b"%d 50 3\n" % n + line * n)
    command = [sys.executable, "-c", READ_AND_MEASURE, str(tmp_path / "small.txt"), str(tmp_path / "large.txt")]
    times_the_data = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert times_the_data < 1.5
