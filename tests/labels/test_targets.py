from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import DataConversionWarning

from slidelearn.labels.targets import Targets, look_at

NAMES = [["b", "a"], [], {"c"}, ("a", "a")]
INDICATOR = np.array([[1, 1, 0], [0, 0, 0], [0, 0, 1], [1, 0, 0]])


def _encoded(y: Any, classes: Any = None) -> list[list[int]]:
    given = look_at(y)
    return Targets.of(given, classes).encoded(given).toarray().astype(int).tolist()


@pytest.mark.parametrize(
    "y",
    [
        NAMES,
        np.array(NAMES, object),
        INDICATOR,
        INDICATOR.tolist(),
        list(INDICATOR),
        INDICATOR.astype(bool),
        7.5 * INDICATOR,
        sparse.csr_array(INDICATOR),
        sparse.coo_matrix(INDICATOR),
    ],
)
def test_labels_of_any_form_are_the_same_to_the_engine(y: Any) -> None:
    assert _encoded(y) == INDICATOR.tolist()


def test_no_columns_are_no_labels() -> None:
    assert _encoded(np.zeros((3, 0))) == [[], [], []]  # which training refuses, as it does rows without labels


@pytest.mark.parametrize("y", [[7, 5, 7], ["b", "a", "b"], np.array(["b", "a", "b"], object), [True, False, True]])
def test_classes_are_numbered_in_order(y: Any) -> None:
    assert _encoded(y) == [[0, 1], [1, 0], [0, 1]]
    targets = Targets.of(look_at(y))
    assert targets.one_each
    assert targets.labels.tolist() == sorted(set(y))


def test_a_column_of_classes_is_taken_with_a_warning() -> None:
    with pytest.warns(DataConversionWarning, match="column-vector"):
        assert _encoded(np.array([[7], [5]])) == [[0, 1], [1, 0]]


def test_lists_in_the_columns_of_tables() -> None:
    pandas = pytest.importorskip("pandas")
    assert _encoded(pandas.Series(NAMES, index=[7, 7, 3, 1])) == INDICATOR.tolist()
    assert _encoded(pandas.Series([np.array(list(names)) for names in NAMES])) == INDICATOR.tolist()  # as Parquet has
    assert _encoded(pandas.Series(pandas.Categorical(["b", "a"]))) == [[0, 1], [1, 0]]
    with pytest.raises(ValueError, match=r"label names must be strings, but 1 is among them; write numbers as strings"):
        look_at(pandas.Series([[1, 2], [3, 4]]))


def test_lists_in_columns_of_polars() -> None:
    polars = pytest.importorskip("polars")
    assert _encoded(polars.Series([list(names) for names in NAMES])) == INDICATOR.tolist()
    with pytest.raises(ValueError, match="a sample without labels has an empty list"):
        look_at(polars.Series([["a"], None]))


@pytest.mark.parametrize("kind", ["Int64", "int64[pyarrow]"])
def test_large_numbers_in_columns_stay_apart(kind: str) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    ids = [2**53 + 1, 2**53, 2**53 + 1]  # one number in float64, which pandas gives to NumPy
    column = pandas.Series(ids, dtype=kind)
    for y in (column, column.array):
        assert Targets.of(look_at(y)).labels.tolist() == [2**53, 2**53 + 1]
    with pytest.warns(DataConversionWarning):
        assert Targets.of(look_at(column.to_frame())).labels.tolist() == [2**53, 2**53 + 1]
    with pytest.raises(ValueError, match="has none for sample 1; leave samples without a class out"):
        look_at(column.where([True, False, True]))


def test_truth_in_columns_stays_truth() -> None:
    pandas = pytest.importorskip("pandas")
    assert look_at(pandas.Series([True, False], dtype="boolean")).dtype == bool
    assert look_at(pandas.DataFrame({"a": [1, 0], "b": [1, 1]}, dtype="Int64")).dtype == np.int64


@pytest.mark.parametrize("kind", ["string", "category", "object"])
def test_the_first_sample_without_a_class_is_named(kind: str) -> None:
    pandas = pytest.importorskip("pandas")
    column = pandas.Series(["a", "b", "a", None], dtype=kind)
    with pytest.raises(ValueError, match="y must have a class for each sample, but has none for sample 3"):
        look_at(column)


def test_a_sparse_frame_of_labels_is_a_sparse_matrix() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame.sparse.from_spmatrix(sparse.csr_array(INDICATOR))
    assert _encoded(frame) == INDICATOR.tolist()
    assert sparse.issparse(Targets.of(look_at(frame)).answers(IDS, SCORES))


def test_columns_of_arrow() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    assert _encoded(pyarrow.array([list(names) for names in NAMES])) == INDICATOR.tolist()
    assert _encoded(pyarrow.chunked_array([["b"], ["a"]])) == [[0, 1], [1, 0]]


def test_many_classes_are_no_regression() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        look_at(np.arange(1000))


def test_classes_of_later_samples() -> None:
    assert _encoded([5, 7], classes=[9, 5, 7]) == [[1, 0, 0], [0, 1, 0]]
    assert _encoded([["a"]], classes=["b", "a"]) == [[1, 0]]
    with pytest.raises(ValueError, match=r"classes must be the numbers of the columns of y, 0 to 2"):
        _encoded(INDICATOR, classes=[0, 1])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed, but the target y is None"),
        ([0.5, 1.5], "continuous"),
        ([np.nan, 1.0], "NaN"),
        ([[1, 2], [3]], r"ragged; write numbers as strings, or make an indicator"),
        ([["a"], ["b", 3]], "label names must be strings, but 3 is among them"),
        ([{1, 2}, {3}], "label names must be strings, but 1 is among them"),
        ([["a"], ["b", None]], "label names must be strings, but None is among them"),
        ([["a"], None], "for sample 1 it is None; a sample without labels has an empty list"),
        ([["a"], float("nan")], "for sample 1 it is nan; a sample without labels has an empty list"),
        (
            [[3, 7], [1, 2]],
            "but holds 7 and 3; write numbers as strings, or make an indicator",
        ),  # numbers of labels, no indicator
        (np.array([[0.2, 0.8], [1.0, 0.0]]), "y must be an indicator where it is dense and 2-d"),
        (np.array([["a", "b"], ["b", "c"]]), "but has columns of strings; y.tolist()"),
        (np.array(["a", None], object), "for sample 1 it holds None; leave samples without a class out"),
        (np.array(["a", 1], object), "y must hold strings or numbers, but holds both"),
        ("abc", "y must be a list, an array or a sparse matrix, but is 'abc'"),
        (iter(["a"]), "y must be a list, an array or a sparse matrix"),
        ([[0, -1], [1, 0]], "y must not be negative"),
        (np.array(["2024-01-01", "2024-01-02"], "datetime64[D]"), "y must hold numbers, strings or booleans"),
    ],
)
def test_what_cannot_be_labels_is_refused(y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        look_at(y)


def test_new_labels_come_behind_the_known_ones() -> None:
    classes = Targets.of(look_at(["m", "z"])).joined(look_at(["z", "b", "a"]))
    assert classes.labels.tolist() == ["m", "z", "a", "b"]
    assert classes.joined(look_at(["m"]), classes=["longer"]).labels.tolist() == ["m", "z", "a", "b", "longer"]
    names = Targets.of(look_at([["m"]])).joined(look_at([["b", "m"], ["a"]]))
    assert names.labels.tolist() == ["m", "a", "b"]
    indicator = Targets.of(look_at(INDICATOR)).joined(look_at(np.ones((2, 5))))
    assert indicator.labels.tolist() == [0, 1, 2, 3, 4]
    assert indicator.form == "array"
    assert indicator.joined(look_at(sparse.csr_array((2, 5)))).form == "array"


@pytest.mark.parametrize(
    ("first", "later", "message"),
    [
        ([1, 2], [["a"]], "y must be a class for each sample, as in training, but is a list of label names"),
        ([["a"]], INDICATOR, "y must be a list of label names for each sample, as in training, but is an indicator"),
        (INDICATOR, [1, 2], "y must be an indicator matrix, as in training, but is a class"),
        (INDICATOR, INDICATOR[:, :2], "y must have 3 columns or more, as in training, but has 2"),
        ([1, 2], ["a", "b"], "y must hold classes like .*1.*, as in training, but holds .*a"),
        (np.array(["a", "b"], object), [1, 2], "y must hold classes like 'a', as in training"),
    ],
)
def test_another_form_is_refused(first: Any, later: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Targets.of(look_at(first)).joined(look_at(later))


def test_unknown_labels_are_nobodys() -> None:
    assert Targets.of(look_at([1, 2])).encoded(look_at([2, 3])).toarray().tolist() == [[0, 1], [0, 0]]
    assert Targets.of(look_at([["a"]])).encoded(look_at([["b", "a"], ["b"]])).toarray().tolist() == [[1], [0]]
    with pytest.raises(ValueError, match="y must hold classes like 1, as in training, but holds '1'"):
        Targets.of(look_at([1, 2])).encoded(look_at(["1", "2"]))  # of which none would ever be right
    with pytest.raises(ValueError, match="y must have 3 columns, as in training, but has 4"):
        Targets.of(look_at(INDICATOR)).encoded(look_at(np.ones((2, 4))))


IDS = np.array([[2, 0], [1, -1], [0, 1]], np.int32)
SCORES = np.array([[3.0, 2.0], [1.0, -np.inf], [0.5, 0.1]], np.float32)


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([["a", "b"], ["c"]], [["c", "a"], ["b"], []]),
        (["a", "b", "c"], ["c", "b", "a"]),
        (INDICATOR, [[1, 0, 1], [0, 1, 0], [0, 0, 0]]),
        (INDICATOR.astype(np.float32), [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]),
        (sparse.csr_array(INDICATOR), [[1, 0, 1], [0, 1, 0], [0, 0, 0]]),
        (sparse.csc_matrix(INDICATOR), [[1, 0, 1], [0, 1, 0], [0, 0, 0]]),
    ],
)
def test_answers_have_the_form_of_y(y: Any, expected: Any) -> None:
    targets = Targets.of(look_at(y))
    answers = Targets(targets.form, targets.labels, targets.dtype, threshold=1.0).answers(IDS, SCORES)
    if sparse.issparse(y):
        assert sparse.isspmatrix(answers) == sparse.isspmatrix(y)
        assert answers.dtype == y.dtype
        answers = answers.toarray()
    elif isinstance(y, np.ndarray):
        assert answers.dtype == y.dtype
    assert (answers if isinstance(answers, list) else answers.tolist()) == expected


def test_names_of_numbers() -> None:
    targets = Targets.of(look_at(["a", "b", "c"]))
    assert targets.named(IDS).tolist() == [["c", "a"], ["b", None], ["a", "b"]]
    assert targets.named(IDS[:1]).dtype == targets.labels.dtype
    assert Targets.of(look_at(INDICATOR)).named(IDS[:1]).tolist() == [[2, 0]]
    assert Targets.of(look_at(INDICATOR)).named(IDS[:1], ["x", "y", "z"]).tolist() == [["z", "x"]]
    assert targets.numbers_of(["c", "a"]).tolist() == [2, 0]
    with pytest.raises(ValueError, match="labels must be among those of the model, but 'd' is not"):
        targets.numbers_of(["d"])


def test_more_labels() -> None:
    names = Targets.of(look_at([["a"]]))
    assert names.with_more(["c", "b"]).labels.tolist() == ["a", "c", "b"]
    for labels in (["a"], ["b", "b"]):
        with pytest.raises(ValueError, match="labels must be new, each there once"):
            names.with_more(labels)
    assert Targets.of(look_at(INDICATOR)).with_more(2).labels.tolist() == [0, 1, 2, 3, 4]
    for number in (0, ["a"], True):
        with pytest.raises(ValueError, match="labels must be a number >= 1, as y is an indicator"):
            Targets.of(look_at(INDICATOR)).with_more(number)


def test_a_text_is_not_a_list_of_labels() -> None:
    for use in (Targets.of(look_at([["a"]])).with_more, Targets.of(look_at(["a"])).numbers_of):
        with pytest.raises(ValueError, match="labels must be several, but are the text 'cat'; put it in a list"):
            use("cat")


def test_fewer_labels() -> None:
    kept = np.array([0, 2], np.int32)
    assert Targets.of(look_at([7, 8, 9])).only(kept).labels.tolist() == [7, 9]
    assert Targets.of(look_at(INDICATOR)).only(kept).labels.tolist() == [0, 1]
