"""The native parser of lines with samples against its twin, which is held against Python's own numbers."""

from __future__ import annotations

import locale
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slidelearn import kernels
from slidelearn.kernels import reference
from slidelearn.kernels.reference import data as twin

NUMBERS = {2: 0.5, 3: 100, 4: 0.5, 5: 5, 6: -1, 7: 1}
HUGE = str(2**64 + 1)  # 1 in 64 bits


def parsed(parse, text: bytes, n_threads: int = 1, **options):
    """Features and labels of a text that begins with the header ``n_samples n_features n_labels``, line 1."""
    header, _, lines = text.partition(b"\n")
    counts = dict(zip(("n_samples", "n_features", "n_labels"), map(int, header.split()), strict=True))
    rules = {"first_line": 2, "first_id": 0, "labelled": True, "column": "feature", **counts, **options}
    X, Y = parse(lines, n_threads=n_threads, **rules)
    assert [array.dtype for array in X] == [array.dtype for array in Y] == [np.int64, np.int32, np.float32]
    return X, Y


def outcome(parse, text: bytes, n_threads: int = 1, **options):
    """What a parser makes of a text, in a form that can be compared: the matrices, or the message."""
    try:
        X, Y = parsed(parse, text, n_threads, **options)
    except ValueError as error:
        return str(error)
    return [array.tolist() for array in X[:2]], X[2].view(np.uint32).tolist(), [array.tolist() for array in Y]


@pytest.fixture(params=[kernels.parse_samples, twin.parse_samples], ids=["native", "reference"])
def parse(request):
    return request.param


@pytest.mark.parametrize(
    ("text", "features", "labels"),
    [
        pytest.param(b"1 9 9\n3,5 2:0.5 7:1\n", [{2: 0.5, 7: 1}], [[3, 5]], id="plain"),
        pytest.param(b"1 9 9\n5,3 7:1 2:0.5\n", [{2: 0.5, 7: 1}], [[3, 5]], id="unsorted"),
        pytest.param(b"1 9 9\n3 2:0.5 7:1 2:0.25 2:1\n", [{2: 1.75, 7: 1}], [[3]], id="duplicate features are summed"),
        pytest.param(b"1 9 9\n3,5,3,3 2:1\n", [{2: 1}], [[3, 5]], id="duplicate labels count once"),
        pytest.param(b"2 9 9\n 2:1\n2:1\n", [{2: 1}, {2: 1}], [[], []], id="no labels"),
        pytest.param(b"2 9 9\n3\n3,5 \n", [{}, {}], [[3], [3, 5]], id="no features"),
        pytest.param(b"3 9 9\n\n \n3 2:1\n", [{}, {}, {2: 1}], [[], [], [3]], id="empty lines are samples"),
        pytest.param(b"1 9 9\n3 2:0.5\r\n", [{2: 0.5}], [[3]], id="CRLF"),
        pytest.param(b"1 9 9\n3\t2:0.5   7:1 \t\n", [{2: 0.5, 7: 1}], [[3]], id="blanks"),
        pytest.param(b"1 9 9\n3 2:0.5", [{2: 0.5}], [[3]], id="no newline at the end"),
        pytest.param(b"1 9 9\n3 2:0.5\n\n \r\n\n", [{2: 0.5}], [[3]], id="blank lines at the end"),
        pytest.param(b"1 9 9\n3 2:5e-1 3:1E+2 4:.5 5:5. 6:-1 7:+1\n", [NUMBERS], [[3]], id="numbers"),
        pytest.param(b"1 9 9\n3 2:0 3:1\n", [{2: 0, 3: 1}], [[3]], id="explicit zeros stay"),
        pytest.param(b"1 9 9\n003 002:1\n", [{2: 1}], [[3]], id="leading zeros"),
        pytest.param(b"0 9 9\n", [], [], id="no samples"),
        pytest.param(b"9 9 9\n3 2:1\n", [{2: 1}], [[3]], id="a piece has fewer samples than the file"),
        pytest.param(b"-1 9 9\n3 2:1\n\n", [{2: 1}, {}], [[3], []], id="no header: every line is a sample"),
        pytest.param(b"1 0 0\n\n", [{}], [[]], id="no features, no labels in the header"),
    ],
)  # fmt: skip
def test_reads(parse, text, features, labels):
    X, Y = parsed(parse, text)
    assert Y[2].size == 0
    ends = X[0].tolist()
    rows = [dict(zip(X[1][i:j].tolist(), X[2][i:j].tolist(), strict=True)) for i, j in pairwise(ends)]
    assert rows == features
    assert [list(row) for row in rows] == [sorted(row) for row in rows]
    ends = Y[0].tolist()
    assert [Y[1][i:j].tolist() for i, j in pairwise(ends)] == labels


DAMAGED = [
    (b"1 9 9\n3 2:1\n\n 4 2:x\n", "line 4: the header has n_samples = 1, but here is one more: '4 2:x'"),
    (b"0 9 9\n3 2:1\n", "line 2: the header has n_samples = 0, but here is one more: '3 2:1'"),
    (b"2 9 9\n3 2:1\n9 2:1\n", "line 3: label id must lie in [0, 9), counting from 0, but is '9'"),
    (b"1 9 9\n-1 2:1\n", "line 2: label id must lie in [0, 9), counting from 0, but is '-1'"),
    (f"1 9 9\n{HUGE} 2:1\n".encode(), f"line 2: label id must lie in [0, 9), counting from 0, but is '{HUGE}'"),
    (b"1 9 9\n3,x 2:1\n", "line 2: expected a label id, but found 'x'"),
    (b"1 9 9\n3,,4 2:1\n", "line 2: expected a label id, but found ''"),
    (b"1 9 9\n3, 4 2:1\n", "line 2: expected a label id, but found ''"),
    (b"1 9 9\n,3 2:1\n", "line 2: expected a label id, but found ''"),
    (b"1 9 9\n3;4 2:1\n", "line 2: expected a label id, but found '3;4'"),
    (b"1 9 9\n+3 2:1\n", "line 2: expected a label id, but found '+3'"),
    (b"1 9 9\n3.0 2:1\n", "line 2: expected a label id, but found '3.0'"),
    (b"1 9 9\n- 2:1\n", "line 2: expected a label id, but found '-'"),
    (b"1 9 9\n# note\n", "line 2: expected a label id, but found '#'"),
    (b"1 9 9\n\xc3\xa9 2:1\n", "line 2: expected a label id, but found '\\xc3\\xa9'"),
    (b"1 9 9\n3 9:1\n", "line 2: feature id must lie in [0, 9), counting from 0, but is '9'"),
    (b"1 9 9\n3 -2:1\n", "line 2: feature id must lie in [0, 9), counting from 0, but is '-2'"),
    (b"1 9 9\n3 4294967297:1\n", "line 2: feature id must lie in [0, 9), counting from 0, but is '4294967297'"),
    (b"1 0 9\n3 0:1\n", "line 2: feature id must lie in [0, 0), counting from 0, but is '0'"),
    (b"1 9 9\n3 2\n", "line 2: expected 'feature:value', but found '2'"),
    (b"1 9 9\n 3 2:1\n", "line 2: expected 'feature:value', but found '3'"),
    (b"1 9 9\n3 2=1\n", "line 2: expected 'feature:value', but found '2=1'"),
    (b"1 9 9\n3 2 : 1\n", "line 2: expected 'feature:value', but found '2'"),
    (b"1 9 9\n3 :1\n", "line 2: expected a feature id before ':', but found ':1'"),
    (b"1 9 9\n3 a:1\n", "line 2: expected a feature id before ':', but found 'a:1'"),
    (b"1 9 9\n3,4:1\n", "line 2: expected a feature id before ':', but found '3,4:1'"),
    (b"1 9 9\n3 2.5:1\n", "line 2: expected a feature id before ':', but found '2.5:1'"),
    (b"1 9 9\n3 2: 1\n", "line 2: expected a number after ':', but found '2:'"),
    (b"1 9 9\n3 2:abc\n", "line 2: expected a number after ':', but found '2:abc'"),
    (b"1 9 9\n3 2:1,5\n", "line 2: expected a number after ':', but found '2:1,5'"),
    (b"1 9 9\n3 2:1:4\n", "line 2: expected a number after ':', but found '2:1:4'"),
    (b"1 9 9\n3 2:1e\n", "line 2: expected a number after ':', but found '2:1e'"),
    (b"1 9 9\n3 2:1e+\n", "line 2: expected a number after ':', but found '2:1e+'"),
    (b"1 9 9\n3 2:.\n", "line 2: expected a number after ':', but found '2:.'"),
    (b"1 9 9\n3 2:--1\n", "line 2: expected a number after ':', but found '2:--1'"),
    (b"1 9 9\n3 2:0x10\n", "line 2: expected a number after ':', but found '2:0x10'"),
    (b"1 9 9\n3 2:1_0\n", "line 2: expected a number after ':', but found '2:1_0'"),
    (b"1 9 9\n3 2:1\x00\n", "line 2: expected a number after ':', but found '2:1\\x00'"),
    (b"1 9 9\n3 2:1\r4:1\n", "line 2: expected a number after ':', but found '2:1\\x0d4:1'"),
    (b"1 9 9\n3 2:nan\n", "line 2: feature value must be finite in float32, but is 'nan'"),
    (b"1 9 9\n3 2:-Inf\n", "line 2: feature value must be finite in float32, but is '-Inf'"),
    (b"1 9 9\n3 2:infinity\n", "line 2: feature value must be finite in float32, but is 'infinity'"),
    (b"1 9 9\n3 2:1e39\n", "line 2: feature value must be finite in float32, but is '1e39'"),
    (b"1 9 9\n3 2:-1e999999999999\n", "line 2: feature value must be finite in float32, but is '-1e999999999999'"),
    (b"1 9 9\n3 2:3e38 2:3e38\n", "line 2: the values of feature 2 must add up to a finite float32"),
    (b"3 9 9\n3 2:1\n4 2:bad\n9 9:bad\n", "line 3: expected a number after ':', but found '2:bad'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), DAMAGED)
def test_refuses(parse, text, message):
    assert outcome(parse, text) == message


COUNTED_FROM_1 = b"-1 9 9\n1,9 1:1 9:2\n"


def test_ids_may_count_from_1(parse):
    X, Y = parsed(parse, COUNTED_FROM_1, first_id=1)
    assert (X[1].tolist(), Y[1].tolist()) == ([0, 8], [0, 8])
    for line, what in ((b"0 1:1", "label"), (b"1 0:1", "feature"), (b"10 1:1", "label"), (b"1 10:1", "feature")):
        found = (line.split()[0] if what == "label" else line.split()[1].split(b":")[0]).decode()
        expected = f"line 2: {what} id must lie in [1, 10), counting from 1, but is '{found}'"
        assert outcome(parse, b"-1 9 9\n" + line, first_id=1) == expected
    assert outcome(parse, b"-1 9 9\n3 2:3e38 2:3e38\n", first_id=1).startswith(
        "line 2: the values of feature 2 must add"
    )


def test_lines_without_labels(parse):
    X, Y = parsed(parse, b"2 9 9\n3:1 2:1\n\n", labelled=False, column="label")
    assert (X[0].tolist(), X[1].tolist(), Y[0].tolist()) == ([0, 2, 2], [2, 3], [0, 0, 0])
    for line, expected in (
        (b"3 2:1", "expected 'label:value', but found '3'"),
        (b"9:1", "label id must lie in [0, 9), counting from 0, but is '9'"),
        (b"a:1", "expected a label id before ':', but found 'a:1'"),
        (b"3:nan", "label value must be finite in float32, but is 'nan'"),
        (b"3:3e38 3:3e38", "the values of label 3 must add up to a finite float32"),
    ):
        assert outcome(parse, b"1 9 9\n" + line, labelled=False, column="label") == f"line 2: {expected}"


def test_lines_are_counted_from_the_first_of_the_piece(parse):
    assert outcome(parse, b"99 9 9\n3 2:1\n9 2:1\n", first_line=50).startswith("line 51: label id")
    assert outcome(parse, b"50 9 9\n3 2:1\n3 2:1\n", first_line=51).startswith("line 52: the header has n_samples = 50")


@pytest.mark.parametrize("wrong", [{"n_features": 2**31}, {"n_labels": -1}, {"first_id": 2}, {"n_threads": 0}])
def test_rules_are_checked(wrong):
    with pytest.raises(ValueError, match="|".join(wrong)):
        parsed(kernels.parse_samples, b"1 9 9\n", **wrong)


def long_file(n_copies: int, last_line: bytes) -> bytes:
    rng = np.random.default_rng(0)
    lines = []
    for _ in range(500):
        labels = ",".join(map(str, rng.integers(0, 50, rng.integers(0, 4))))
        lines.append(
            labels + "".join(f" {f}:{v:.6g}" for f, v in zip(rng.integers(0, 99, 9), rng.random(9), strict=True))
        )
    body = "\n".join(lines).encode() + b"\n"
    return f"{500 * n_copies + 1} 99 50\n".encode() + body * n_copies + last_line


@pytest.mark.parametrize(
    "last_line", [b"1 2:3", b"1 2:x", b"1 2:3\n4 5:6\n"], ids=["good", "malformed", "one too many"]
)
def test_many_blocks_on_many_threads(last_line):
    text = long_file(60, last_line)
    assert len(text) > 3 << 20  # the parser works in blocks of 1 MiB
    expected = outcome(twin.parse_samples, text)
    for n_threads in (1, 2, 4):
        assert outcome(kernels.parse_samples, text, n_threads) == expected


PIECES = st.sampled_from(
    [
        "0",
        "1",
        "7",
        "10",
        "-1",
        ",",
        ":",
        " ",
        "\t",
        "\n",
        "\r\n",
        ".5",
        "1e3",
        "e",
        "nan",
        "x",
        "1:2",
        "0:1.5 ",
        "3,4 ",
    ]
)


@given(
    st.lists(PIECES, max_size=30).map("".join),
    st.integers(-1, 4),
    st.binary(max_size=2),
    st.booleans(),
    st.sampled_from([0, 1]),
)
def test_any_text_means_the_same_to_both(body, n_samples, noise, labelled, first_id):
    text = f"{n_samples} 8 8\n{body}".encode() + noise
    rules = {"labelled": labelled, "first_id": first_id}
    assert outcome(kernels.parse_samples, text, **rules) == outcome(twin.parse_samples, text, **rules)


def native_floats(numbers: list[str]) -> np.ndarray:
    text = f"{len(numbers)} 1 0\n" + "".join(f" 0:{number}\n" for number in numbers)
    return parsed(kernels.parse_samples, text.encode())[0][2]


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.array_equal(np.asarray(a, np.float32).view(np.uint32), np.asarray(b, np.float32).view(np.uint32)))


def test_floats_are_those_of_python():
    rng = np.random.default_rng(1)
    doubles = np.concatenate([rng.random(20000), rng.standard_normal(20000) * 10.0 ** rng.integers(-44, 38, 20000)])
    for numbers in ([repr(float(x)) for x in doubles], [f"{x:.6g}" for x in doubles], [f"{x:.12e}" for x in doubles]):
        assert same_bits(native_floats(numbers), np.array([float(number) for number in numbers]).astype(np.float32))


def test_floats_at_the_edges():
    zeros = ["0", "-0", "0e5", "1e-46", "1e-999", "-1e-999", "7e-46"]
    smallest = ["1.401298464e-45", "7.1e-46", "0." + "0" * 44 + "2", "1.17549435e-38"]
    largest = ["3.4028235e38", "3.4028235677973366e38", "1e38", "1" + "0" * 38]
    long = ["123456789012345678901234567890e-20", "1." + "0" * 60 + "1", "16777217", "16777219"]
    numbers = [*zeros, *smallest, *largest, *long]
    assert same_bits(native_floats(numbers), np.array([reference.data.nearest_float32(number) for number in numbers]))


@given(st.integers(1, 2**31 - 2**24), st.sampled_from([-1, 0, 1]), st.integers(1, 40))
def test_floats_beside_a_midpoint_are_rounded_once(bits, side, distance):
    """Halfway between two floats the last digit of forty decides; by way of a double it would be lost."""
    low, high = np.array([bits, bits + 1], np.uint32).view(np.float32).astype(float).tolist()
    if not np.isfinite(high):
        return
    midpoint = (Fraction(low) + Fraction(high)) / 2
    number = midpoint + side * midpoint / 10 ** (16 + distance)
    digits = 200
    decimal = f"{round(number * 10**digits)}e-{digits}"
    even = low if bits % 2 == 0 else high
    assert same_bits(native_floats([decimal]), np.array([{-1: low, 0: even, 1: high}[side]]))
    assert same_bits(np.array([reference.data.nearest_float32(decimal)]), native_floats([decimal]))


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_shortest_text_of_a_float_gives_it_back(value):
    assert same_bits(native_floats([str(np.float32(value))]), np.array([value]))


def test_the_locale_does_not_matter():
    before = locale.setlocale(locale.LC_NUMERIC)
    try:
        locale.setlocale(locale.LC_NUMERIC, "de_DE.UTF-8")
    except locale.Error:
        pytest.skip("this machine has no German locale, which writes 0,5")
    try:
        assert native_floats(["0.5", "0.50000002980232238769531250001"]).tolist() == pytest.approx([0.5, 0.50000006])
    finally:
        locale.setlocale(locale.LC_NUMERIC, before)
