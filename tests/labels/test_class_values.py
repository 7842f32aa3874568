from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from slidelearn.labels.class_values import joined_classes, listed_classes
from slidelearn.labels.targets import Targets, look_at

LARGE = 10**15 + np.arange(4) + 2**60  # float64 has one number for all of these


def _targets(y: Any) -> Targets:
    return Targets.of(look_at(y))


@pytest.mark.parametrize(
    "new",
    [[], [7], [7.0], np.array([7], np.uint64), np.array([7], np.int8), {7}, (label for label in [7]), range(7, 8)],
)
def test_whole_numbers_stay_whole_whatever_joins_them(new: Any) -> None:
    joined = _targets(LARGE).with_more(new).labels
    assert joined.dtype == LARGE.dtype
    assert joined.tolist() in (LARGE.tolist(), [*LARGE.tolist(), 7])


def test_samples_whose_classes_pandas_has_made_floats_of_leave_the_classes_whole() -> None:
    joined = _targets(LARGE).joined(look_at(np.array([7.0, 8.0])))
    assert joined.labels.tolist() == [*LARGE.tolist(), 7, 8]
    assert joined.encoded(look_at(np.array([8.0]))).indices.tolist() == [5]


@pytest.mark.parametrize("y", [[3, 5], ["a", "b"]])
def test_no_further_classes_change_nothing(y: Any) -> None:
    targets = _targets(y)
    for same in (targets.with_more([]), targets.joined(look_at(y), classes=[])):
        assert same.labels.dtype == targets.labels.dtype
        assert same.labels.tolist() == y


@pytest.mark.parametrize(
    ("known", "new"), [(LARGE, [1.5]), (LARGE, [2**63]), (LARGE, [1e30]), (np.array([0.5]), [2**53 + 1])]
)
def test_classes_that_would_be_rounded_are_refused(known: Any, new: Any) -> None:
    with pytest.raises(ValueError, match=r"must hold classes that (int|float)64 can hold"):
        joined_classes(known, np.array(new))


@pytest.mark.parametrize("wrong", [7, np.int64(7), np.array(7), None, "seven"])
def test_one_label_is_no_list(wrong: Any) -> None:
    targets = _targets([7, 8])
    for ask in (targets.with_more, targets.numbers_of):
        with pytest.raises(ValueError, match=r"labels must be several, but are .*; put it in a list"):
            ask(wrong)


def test_a_mask_does_not_name_the_labels_0_and_1() -> None:
    with pytest.raises(ValueError, match=r"booleans; classes_\[mask\] are classes"):
        _targets([0, 1, 2]).numbers_of(np.array([True, False, True]))
    assert _targets([True, False]).numbers_of([True]).tolist() == [1]


@pytest.mark.parametrize("listed", [[None], ["a", 1], ["a", float("nan")], [float("nan")], [b"a"]])
def test_what_is_no_class_cannot_join(listed: Any) -> None:
    with pytest.raises(ValueError, match=r"labels must hold|labels contains NaN"):
        listed_classes(listed, "labels")


@pytest.mark.parametrize(
    ("y", "message"),
    [(["a", 1], "str.label. for label in y. are strings"), (["a", float("nan")], "such as nan; leave samples without")],
)
def test_lists_of_strings_and_numbers_are_refused_before_numpy_makes_strings_of_all(y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        look_at(y)


def test_classes_of_another_kind_than_y_are_refused() -> None:
    with pytest.raises(ValueError, match="classes must hold classes like 'a', as in training, but holds 1"):
        Targets.of(look_at(["a", "b"]), classes=[1, 2])


def test_names_are_plain_strings() -> None:
    names = _targets([[np.str_("a")], {np.str_("b")}]).labels.tolist()
    assert [type(name) for name in names] == [str, str]


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="it is the usual double here")
def test_numbers_of_more_bits_than_json_holds_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^y must hold numbers, strings or booleans, but holds float\d+$"):
        look_at(np.array([1, 2], np.longdouble))
