from __future__ import annotations

import gzip
import lzma
import os
import re
import threading
from contextlib import nullcontext
from pathlib import Path

import pytest

from slidelearn.files import packed
from slidelearn.files.atomic import write_atomically, write_with_digest
from slidelearn.files.packed import DataError, open_to_replace, pieces_of_lines, read_bytes, text_lines

TEXT = b"3 4 5\n4,1 2:0.5 0:-1\n 3:0.1\n\n"
GZIP, XZ = gzip.compress(TEXT * 50), lzma.compress(TEXT * 50)


@pytest.mark.parametrize(("name", "pack"), [("a", bytes), ("a.gz", gzip.compress), ("a.xz", lzma.compress)])
def test_reads_plain_and_packed(tmp_path, name, pack):
    (tmp_path / name).write_bytes(pack(TEXT))
    assert read_bytes(tmp_path / name) == TEXT


@pytest.mark.parametrize("read", [read_bytes, lambda path: list(pieces_of_lines(path))], ids=["whole", "in pieces"])
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
def test_refuses_damaged_packing(tmp_path, name, contents, read):
    path = tmp_path / name
    path.write_bytes(contents)
    expected = f"{path}: expected a whole {path.suffix} file, but it is truncated or damaged ("
    with pytest.raises(DataError, match="^" + re.escape(expected)):
        read(path)


@pytest.mark.parametrize("n_bytes", [1, 2, 5, 7, 100])
@pytest.mark.parametrize("text", [b"", b"a", b"a\n", b"\n", b"ab\n\ncde\r\nf\n", b"ab\nlast", b"a long line\nx\n"])
def test_pieces_end_where_lines_do(tmp_path, monkeypatch, text, n_bytes):
    monkeypatch.setattr(packed, "_PIECE", n_bytes)
    (tmp_path / "a").write_bytes(text)
    pieces = list(pieces_of_lines(tmp_path / "a"))
    assert b"".join(pieces) == text
    assert all(piece.endswith(b"\n") for piece in pieces[:-1])
    assert len(pieces) <= max(text.count(b"\n") + 1, 1)


def test_a_byte_order_mark_is_no_text(tmp_path):
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfx\r\n\xef\xbb\xbfy")
    assert list(pieces_of_lines(tmp_path / "a")) == [b"x\r\n", b"\xef\xbb\xbfy"]
    assert list(text_lines(tmp_path / "a")) == [(1, "x\r\n"), (2, "\ufeffy")]


def test_lines_must_be_utf_8(tmp_path):
    (tmp_path / "a").write_bytes("fünf\n".encode() + "fünf\n".encode("latin-1"))
    lines = text_lines(tmp_path / "a")
    assert next(lines) == (1, "fünf\n")
    with pytest.raises(DataError, match=r"a, line 2: expected text in UTF-8, but .*; `iconv -f ENCODING -t UTF-8`"):
        next(lines)


def test_what_was_there_stays_when_writing_fails(tmp_path):
    path = tmp_path / "a.gz"
    with open_to_replace(path) as file:
        file.write(b"before")
    with pytest.raises(TypeError), open_to_replace(path) as file:
        file.writelines([b"after", "no bytes"])
    assert read_bytes(path) == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_errors_name_the_file_and_not_its_temporary_name(tmp_path: Path) -> None:
    for write in (open_to_replace, lambda path: nullcontext(write_atomically(path, b"x"))):
        with pytest.raises(OSError, match=r"/no/a'$") as caught, write(tmp_path / "no" / "a"):
            pass
        assert caught.value.filename == str(tmp_path / "no" / "a")
    with pytest.raises(OSError, match=r"No space left on device: .*/a'"), open_to_replace(tmp_path / "a"):
        raise OSError(28, "No space left on device")
    assert not list(tmp_path.iterdir())


def test_interrupted_writing_leaves_nothing(tmp_path: Path) -> None:
    def interrupted(file: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_with_digest(tmp_path, "model.safetensors", interrupted)
    assert not list(tmp_path.iterdir())


def test_nothing_takes_the_place_of_a_device(tmp_path: Path) -> None:
    pipe, heard = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)

    def write_packed() -> None:
        with open_to_replace(pipe) as file:
            file.write(b"x")

    for write in (write_packed, lambda: write_atomically(pipe, b"y")):
        listening = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
        listening.start()
        write()
        listening.join()
    assert heard == [b"x", b"y"]
    assert pipe.is_fifo()


def test_equal_contents_make_equal_files(tmp_path: Path) -> None:
    paths = [tmp_path / "a.gz", tmp_path / "b.gz"]
    for path in paths:
        with open_to_replace(path) as file:
            file.write(TEXT)
    a, b = (path.read_bytes() for path in paths)
    assert gzip.decompress(a) == TEXT
    assert a.replace(b"a", b"b") == b
