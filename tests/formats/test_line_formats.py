"""What files of lines may look like, and how errors point at the line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from slidelearn.data import DataError, read_samples
from slidelearn.files import packed

COUNTS = "three counts below 2^31"


def refused(path: Path, content: bytes, **layout: object) -> str:
    """What is said about the content, after the name of the file."""
    path.write_bytes(content)
    with pytest.raises(DataError, match="^" + re.escape(str(path.parent))) as caught:
        read_samples(path, **layout)
    return str(caught.value).removeprefix(str(path.parent) + "/")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b"\n1 9 9\n", "found ''"),
        (b"1 9\n3 2:1\n", "found '1 9'"),
        (b"1 9 9 9\n3 2:1\n", "found '1 9 9 9'"),
        (b"1 -9 9\n3 2:1\n", "found '1 -9 9'"),
        (b"1 9.0 9\n3 2:1\n", "found '1 9.0 9'"),
        (b"1 2147483648 9\n3 2:1\n", "found '1 2147483648 9'"),
        (b"3 2:1\n", "found '3 2:1'"),
        (b"\x1f\x8b\x08\x00ab\xff", "found '\\x1f\\x8b\\x08\\x00ab\\xff'"),
        (b"x" * 50, f"found '{'x' * 40}...'"),
    ],
)
def test_the_header_of_xmc(content: bytes, found: str, tmp_path: Path) -> None:
    expected = f"a.txt, line 1: expected the header 'n_samples n_features n_labels', {COUNTS}, but {found}"
    assert refused(tmp_path / "a.txt", content) == expected


@pytest.mark.parametrize("piece", [8, 1 << 20])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"3 9 9\n3 2:1\n", "line 1: the header has n_samples = 3, but the file has 1"),
        (b"1 9 9\n", "line 1: the header has n_samples = 1, but the file has 0"),
        (b"1 9 9", "line 1: the header has n_samples = 1, but the file has 0"),
        (b"1 9 9\n3 2:1\n\n 4 2:x\n", "line 4: the header has n_samples = 1, but here is one more: '4 2:x'"),
        (b"3 9 9\n3 2:1\n\n3 2:x\n", "line 4: expected a number after ':', but found '2:x'"),
        (
            b"\xef\xbb\xbf 2\t9  9 \r\n1 2:1\r\n9 2:1",
            "line 3: label id must lie in [0, 9), counting from 0, but is '9'",
        ),
    ],
)
def test_lines_of_xmc(content: bytes, expected: str, piece: int, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(packed, "_PIECE", piece)
    assert refused(tmp_path / "a.txt", content) == f"a.txt, {expected}"


def test_libsvm_has_neither_header_nor_order(tmp_path: Path) -> None:
    path = tmp_path / "a.svm"
    path.write_bytes(b"\xef\xbb\xbf# a comment\n#another 1:2\r\n2,0 3:1 1:0.5 3:1 # and one here\r\n\n 4:2\n1\n")
    found = read_samples(path)
    assert found.X is not None
    assert found.X.toarray().tolist() == [[0, 0.5, 0, 2, 0], [0] * 5, [0, 0, 0, 0, 2], [0] * 5]
    assert found.Y.toarray().tolist() == [[1, 0, 1], [0, 0, 0], [0, 0, 0], [0, 1, 0]]
    assert read_samples(path, n_features=9, n_labels=4).Y.shape == (4, 4)
    path.write_bytes(b"")
    assert read_samples(path).Y.shape == (0, 0)


@pytest.mark.parametrize(
    ("content", "layout", "expected"),
    [
        (
            b"#\n1 1:1\n0 1:1\n",
            {"first_id": 1},
            "line 3: label id must lie in [1, 2147483648), counting from 1, but is '0'",
        ),
        (b"1 1:1\n1 9:1\n", {"n_features": 9}, "line 2: feature id must lie in [0, 9), counting from 0, but is '9'"),
        (b"1 1:1 #\n # a comment\n", {}, "line 2: expected 'feature:value', but found '#'"),
        (b"1 1:1\n# a comment\n", {}, "line 2: expected a label id, but found '#'"),
        (b"1.0 1:1\n", {}, "line 1: expected a label id, but found '1.0'"),
        (b"1 qid:3 1:1\n", {}, "line 1: expected a feature id before ':', but found 'qid:3'"),
        (
            b"1 2147483647:1\n",
            {},
            "line 1: feature id must lie in [0, 2147483647), counting from 0, but is '2147483647'",
        ),
    ],
)
def test_lines_of_libsvm(content: bytes, layout: dict[str, int], expected: str, tmp_path: Path) -> None:
    assert refused(tmp_path / "a.svm", content, **layout) == f"a.svm, {expected}"


FEATURES, LABELS = b"2 9\n2:1 1:0.5\n8:1\n", b"2 4\n3:1 0:0\n\n"
HEADER_OF_PAIR = "line 1: expected the header 'n_samples n_columns', two counts below 2^31, but found"


def test_labels_in_a_file_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "trn_X_Xf.txt").write_bytes(FEATURES)
    (tmp_path / "trn_X_Y.txt").write_bytes(LABELS)
    (tmp_path / "filter_labels_train.txt").write_bytes(b"\xef\xbb\xbf1 3\r\n\n0 0\n0 0\n")
    (tmp_path / "filter_labels_test.txt").write_bytes(b"9 9\n")
    found = read_samples(tmp_path / "trn_X_Xf.txt")
    assert found.unjudged is not None
    assert found.Y.toarray().tolist() == [[0, 0, 0, 1], [0, 0, 0, 0]]
    assert found.unjudged.toarray().tolist() == [[1, 0, 0, 0], [0, 0, 0, 1]]
    (tmp_path / "trn_X_Y.txt").unlink()
    assert read_samples(tmp_path / "trn_X_Xf.txt", with_labels=False).n_samples == 2


@pytest.mark.parametrize(
    ("features", "labels", "pairs", "expected"),
    [
        (b"3 9 9\n", LABELS, b"", f"tst_X_Xf.txt, {HEADER_OF_PAIR} '3 9 9'"),
        (
            b"3 9\n1:1\n",
            LABELS,
            b"",
            "tst_X_Y.txt, line 1: expected as many samples as {place}/tst_X_Xf.txt has (3), but found 2",
        ),
        (
            FEATURES,
            b"2 4\n4:1\n\n",
            b"",
            "tst_X_Y.txt, line 2: label id must lie in [0, 4), counting from 0, but is '4'",
        ),
        (
            FEATURES,
            b"2 4\n\n3:1 2:-1\n",
            b"",
            "tst_X_Y.txt, line 3: label value must not be negative (non-zero means relevant), but is '-1'",
        ),
        (FEATURES, b"2 4\n\n3\n", b"", "tst_X_Y.txt, line 3: expected 'label:value', but found '3'"),
        (FEATURES, b"2 4\n\n", b"", "tst_X_Y.txt, line 1: the header has n_samples = 2, but the file has 1"),
        (
            FEATURES,
            b"2 4\n\n\n\n1:1\n",
            b"",
            "tst_X_Y.txt, line 5: the header has n_samples = 2, but here is one more: '1:1'",
        ),
        (FEATURES[:-4], LABELS, b"", "tst_X_Xf.txt, line 1: the header has n_samples = 2, but the file has 1"),
        (FEATURES, LABELS, b"0 0\n2 0\n", "filter_labels_test.txt, line 2: sample id must lie in [0, 2), but is '2'"),
        (FEATURES, LABELS, b"0 4\n", "filter_labels_test.txt, line 1: label id must lie in [0, 4), but is '4'"),
        (
            FEATURES,
            LABELS,
            b"0 -1\n",
            "filter_labels_test.txt, line 1: expected 'sample label', two ids, but found '0 -1'",
        ),
        (
            FEATURES,
            LABELS,
            b"0 1 2\n",
            "filter_labels_test.txt, line 1: expected 'sample label', two ids, but found '0 1 2'",
        ),
    ],
)
def test_damaged_pairs(features: bytes, labels: bytes, pairs: bytes, expected: str, tmp_path: Path) -> None:
    (tmp_path / "tst_X_Y.txt").write_bytes(labels)
    (tmp_path / "filter_labels_test.txt").write_bytes(pairs)
    assert refused(tmp_path / "tst_X_Xf.txt", features) == expected.format(place=tmp_path)


def test_the_name_of_a_pair_says_which_file_is_which(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.txt: expected a name that ends in _X_Xf\.txt or _X_Y\.txt"):
        read_samples(tmp_path / "a.txt", format="xmc-pair")
