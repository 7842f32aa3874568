"""What files of texts may look like, and how errors point at the line."""

from __future__ import annotations

import gzip
import lzma
import re
from pathlib import Path

import numpy as np
import pytest

from slidelearn.data import DataError, read_samples


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'id,labels,text\r\n1,"b; a;;",one\r\n\r\n2,,"two\r\nlines, ""quoted"""\r\n3,"[""c;d"", 7]",\r\n'),
        ("a.tsv", 'id\ttext\tlabels\r\n1\tone\tb; a;;\r\n\r\n2\ttwo\t\n3\t\t["c;d", 7]'),
        ("a.jsonl", '{"text": "one", "labels": "b; a;;"}\r\n\r\n{"labels": [], "text": "two"}\n'
                    '{"text": "", "labels": ["c;d", 7, "", "c;d"]}'),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_reads(name: str, content: str, mark: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes((mark + content).encode())
    found = read_samples(tmp_path / name)
    assert found.texts is not None
    assert [found.texts[0], found.texts[1][:3], found.texts[2]] == ["one", "two", ""]
    assert found.label_names == ["7", "a", "b", "c;d"]
    assert found.Y.toarray().tolist() == [[0, 1, 1, 0], [0, 0, 0, 0], [1, 0, 0, 1]]
    assert found.Y.indices.tolist() == [1, 2, 0, 3]  # in order within each row


def test_a_quoted_cell_may_go_over_lines(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b'text,labels\n"two\r\nlines, ""quoted""",a\n' + b"x" * 200_000 + b",a\n")
    texts = read_samples(tmp_path / "a.csv").texts
    assert texts == ['two\r\nlines, "quoted"', "x" * 200_000]


def test_tsv_quotes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text('text\tlabels\n"Ham" he said\ta\n"\tb\n')
    assert read_samples(tmp_path / "a.tsv").texts == ['"Ham" he said', '"']


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
def test_labels_may_be_missing_where_they_are_not_wanted(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text('{"text": "one"}\n' if name == "a.jsonl" else "text\none\n")
    assert read_samples(tmp_path / name, with_labels=False).texts == ["one"]
    with pytest.raises(
        DataError,
        match=r"line 1: expected .*'labels', but found 'text'; label_column, or --layout label_column=NAME, says which",
    ):
        read_samples(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "text,labels\n,\na,b\n"),
        ("a.tsv", "text\tlabels\n\t\na\tb\n"),
        ("a.jsonl", '{"text": null, "labels": null}\n{"text": "a", "labels": ["b"]}\n'),
    ],
)
def test_what_is_not_there_is_empty(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    samples = read_samples(tmp_path / name)
    assert samples.texts == ["", "a"]
    assert np.diff(samples.Y.indptr).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", b"", "line 1: expected the names of the columns, but the file is empty"),
        (
            "a.csv",
            b"title,labels\n",
            "line 1: expected one column 'text', but found 'title', 'labels'; text_column, or --layout ",
        ),
        ("a.csv", b"text,labels,text\n", "line 1: expected one column 'text', but found 'text', 'labels', 'text'"),
        ("a.csv", b"text,labels\n\n1,2,3\n", "line 3: expected 2 cells, as the first line has, but found 3"),
        ("a.csv", b'text,labels\na,b\n"a\nb" c,d\n', "line 3: expected cells with commas between them, but "),
        ("a.csv", b'text,labels\na,b\n"never closed\n\n', "line 3: expected cells with commas between them, but "),
        ("a.csv", b"text,labels\na,[b]\n", "line 2: expected a JSON list of labels, but found '[b]'"),
        ("a.csv", b'text,labels\na,"[[""b""]]"\n', "line 2: expected a JSON list of labels, but found '[[\"b\"]]'"),
        ("a.csv", b"text,labels\na,\xe9\n", "line 2: expected text in UTF-8, but "),
        ("a.tsv", b"text\tlabels\na\tb\nc\n", "line 3: expected 2 cells, as the first line has, but found 1"),
        ("a.jsonl", b'{"text": "", "labels": []}\n[]\n', "line 2: expected a JSON object, but found a list '[]'"),
        ("a.jsonl", b'{"text": ""\n', "line 1: expected a JSON object, but in column 12: Expecting"),
        ("a.json", b'[{"text": "a", "labels": []}]', "line 1: expected a JSON object, but found a list"),
        ("a.jsonl", b'{"text": 3, "labels": []}\n', "line 1: expected a string as 'text', but found 3"),
        ("a.jsonl", b'{"text": "", "labels": {"a": 1}}\n', "line 1: expected a list of labels, but found {'a': 1}"),
        ("a.jsonl", b'{"text": "", "labels": [1.5]}\n', "line 1: expected a list of labels, but found [1.5]"),
        ("a.jsonl", b'{"text": "", "labels": [true]}\n', "line 1: expected a list of labels, but found [True]"),
        ("a.jsonl", b'{"text": "\\ud800", "labels": []}\n', "line 1: expected whole characters, but found a half"),
        ("a.jsonl", b'{"text": "", "labels": ["\\ud800"]}\n', "line 1: expected whole characters, but found a half"),
        (
            "a.jsonl",
            b'{"labels": ["a"], "text": "", "labels": []}\n',
            "line 1: expected a JSON object, but 'labels' is ",
        ),
        ("a.jsonl", b'{"a":' * 100_000, "line 1: expected a JSON object, but "),
    ],
)
def test_refuses(name: str, content: bytes, expected: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match="^" + re.escape(f"{tmp_path / name}, {expected}")):
        read_samples(tmp_path / name)


@pytest.mark.parametrize("packed", [gzip.compress(b"text,labels\na,b\n"), lzma.compress(b"text,labels\na,b\n")])
def test_a_packed_file_by_another_name_is_told_from_another_encoding(packed: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(packed)
    with pytest.raises(DataError, match=r"a\.csv is packed: unpack it, or give it a name that ends in \.gz or \.xz$"):
        read_samples(tmp_path / "a.csv")
