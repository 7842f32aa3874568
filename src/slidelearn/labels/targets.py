"""The labels as users hand them over, and as they get them back.

Y has one of three forms: a class for each sample (1-d); an indicator with a column for each label, dense or sparse; or
a list of label names for each sample. Training and answers know labels by number.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from slidelearn.columns import first_missing, without_frame
from slidelearn.kernels import Float, Ids
from slidelearn.labels.class_values import (
    LEAVE_OUT,
    joined_classes,
    listed_classes,
    require_classes,
    require_one_kind,
    several,
)
from slidelearn.labels.name_lists import REMEDY, names_of, plain_name, rows_of_names
from slidelearn.matrices import FloatCsr, check_labels, require_no_mask

INDICATORS = ("array", "csr_array", "csr_matrix")
FORMS = ("classes", *INDICATORS, "names")


class Given(NamedTuple):
    """Y as it was given, checked, and which form it has."""

    form: str
    """One of `FORMS`; of an indicator, its container."""
    values: Any
    """Classes (n_samples,); an indicator as canonical CSR; a list of names for each sample."""
    dtype: np.dtype[Any]

    @property
    def has_labels(self) -> bool:
        """Whether some sample has one."""
        if self.form == "names":
            return any(self.values)
        return bool(self.values.nnz) if hasattr(self.values, "nnz") else len(self.values) > 0

    @property
    def n_samples(self) -> int:
        """How many samples it is of."""
        return self.values.shape[0] if hasattr(self.values, "shape") else len(self.values)


def look_at(y: Any) -> Given:
    """Find out which form Y has, and check it.

    Raises
    ------
    ValueError
        If it has none of them, or holds what cannot be a label.
    """
    if y is None:
        raise ValueError("SlideClassifier requires y to be passed, but the target y is None")
    if isinstance(y, str | Iterator):
        raise ValueError(f"y must be a list, an array or a sparse matrix, but is {y!r}; list(...) makes a list of it")
    require_no_mask(y, "y")
    y = without_frame(y)
    is_sparse: bool = sparse.issparse(y)
    if is_sparse:
        container = "csr_matrix" if sparse.isspmatrix(y) else "csr_array"
        return Given(container, check_labels(y, name="y"), np.dtype(y.dtype))
    names = rows_of_names(y)
    if names is not None:
        return Given("names", [list(filter(None, names_of(labels))) for labels in names], np.dtype(object))
    from sklearn.utils import check_array, column_or_1d
    from sklearn.utils.multiclass import check_classification_targets

    least = {"ensure_min_samples": 0, "ensure_min_features": 0}
    values = check_array(_as_array(y), ensure_2d=False, dtype=None, **least, input_name="y")
    if values.ndim == 2 and values.shape[1] != 1:
        _require_indicator(values)
        return Given("array", check_labels(values, name="y"), values.dtype)
    values = column_or_1d(values, warn=True)
    require_classes(values)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The number of unique classes")  # here many are usual
        check_classification_targets(values)
    return Given("classes", values, values.dtype)


@dataclass(frozen=True)
class Targets:
    """What the labels of a model are to its user."""

    form: str
    """As in `Given`: the form of Y in the first call, and of answers."""
    labels: NDArray[Any]
    """(n_labels,): the class or the name of each; of an indicator, its columns."""
    dtype: np.dtype[Any]
    """Of an indicator."""
    threshold: float | None = None
    """Score from which on `answers` gives a label, where a sample may have several."""

    @classmethod
    def of(cls, y: Given, classes: Any = None) -> Targets:
        """The labels of Y and of `classes`, not all of which Y need have; classes and names are in order."""
        return cls(y.form, np.empty(0, y.dtype), y.dtype).joined(y, classes)

    @classmethod
    def in_order(cls, n_labels: int, names: Sequence[str] | None) -> Targets:
        """So many labels, by these names, or as columns of a sparse indicator."""
        if names is None:
            return cls("csr_array", np.arange(n_labels), np.dtype(np.float32))
        return cls("names", np.array(names, object), np.dtype(object))

    def joined(self, y: Given, classes: Any = None) -> Targets:
        """These labels, followed by those of Y and of `classes` that are new, in order.

        Raises
        ------
        ValueError
            If Y has another form, or fewer columns than there are labels.
        """
        self._require_form(y)
        n = len(self.labels)
        if self.is_indicator:
            if y.values.shape[1] < n:
                raise ValueError(f"y must have {n} columns or more, as in training, but has {y.values.shape[1]}")
            if classes is not None and not np.array_equal(classes, np.arange(y.values.shape[1])):
                raise ValueError(f"classes must be the numbers of the columns of y, 0 to {y.values.shape[1] - 1}")
            return replace(self, labels=np.arange(y.values.shape[1]))
        if self.one_each:
            found = y.values
            if classes is not None:
                listed = listed_classes(classes, "classes")
                _require_same_kind(found, listed, "classes")
                found = joined_classes(found, listed, "classes")
            return self.with_labels(np.unique(found))
        names = chain.from_iterable([*y.values, () if classes is None else names_of(several(classes, "classes"))])
        return self.with_labels(np.array(sorted(set(names)), object))

    def with_labels(self, labels: NDArray[Any], name: str = "y") -> Targets:
        """These labels, followed by those of `labels` that are new."""
        known = self._numbers()
        new = labels[[label not in known for label in labels.tolist()]]
        self._require_kind(new, name)
        return replace(self, labels=joined_classes(self.labels, new, name))

    def with_more(self, labels: Any) -> Targets:
        """These labels, followed by others: classes or names, or so many more columns of an indicator.

        Raises
        ------
        ValueError
            If one of them is there already.
        """
        if self.is_indicator:
            if isinstance(labels, bool) or not isinstance(labels, int | np.integer) or labels < 1:
                raise ValueError(f"labels must be a number >= 1, as y is an indicator, but is {labels!r}")
            return replace(self, labels=np.arange(len(self.labels) + labels))
        one_each = self.one_each
        new = listed_classes(labels, "labels") if one_each else np.array(names_of(several(labels, "labels")), object)
        joined = self.with_labels(new, "labels")
        if len(joined.labels) < len(self.labels) + len(new) or len(set(new.tolist())) < len(new):
            raise ValueError(f"labels must be new, each there once, but are {new.tolist()!r}")
        return joined

    def only(self, kept: Ids) -> Targets:
        """The labels `kept` alone; an indicator's columns are numbered anew."""
        return replace(self, labels=np.arange(len(kept)) if self.is_indicator else self.labels[kept])

    def numbers_of(self, labels: Iterable[Any]) -> Ids:
        """The numbers of labels by their class, name or column.

        Raises
        ------
        ValueError
            For one that is not there.
        """
        known, found = self._numbers(), list[int]()
        for label in several(labels, "labels"):
            if isinstance(label, bool | np.bool_) and self.labels.dtype.kind != "b":  # else a mask would name 0 and 1
                raise ValueError(
                    "labels must be classes, names or columns, but are booleans; classes_[mask] are classes"
                )
            if isinstance(label, str) and not self.one_each:
                label = plain_name(label)
            if label not in known:
                raise ValueError(f"labels must be among those of the model, but {label!r} is not")
            found.append(known[label])
        return np.array(found, np.int32)

    def encoded(self, y: Given, name: str = "y") -> FloatCsr:
        """Y as the engine takes it, (n_samples, n_labels); classes and names that are not among these are left out.

        Errors call it by its name.

        Raises
        ------
        ValueError
            If Y has another form, or another number of columns.
        """
        self._require_form(y, name)
        n = len(self.labels)
        if self.is_indicator:
            if y.values.shape[1] != n:
                raise ValueError(f"{name} must have {n} columns, as in training, but has {y.values.shape[1]}")
            indicator: FloatCsr = y.values
            return indicator
        if self.one_each:
            self._require_kind(y.values, name)
        rows = [[label] for label in y.values.tolist()] if self.one_each else y.values
        known = self._numbers()
        numbers = np.array([known.get(label, -1) for label in chain.from_iterable(rows)], np.int32)
        there = np.concatenate([[0], np.cumsum(numbers >= 0)])
        indptr = there[np.cumsum([0, *map(len, rows)])]
        entries = np.ones(there[-1], np.float32), numbers[numbers >= 0], indptr
        return check_labels(sparse.csr_array(entries, (len(rows), n)))

    def answers(self, ids: Ids, scores: Float) -> Any:
        """The best labels, (n_samples, k), best first, with their scores, as answers in the form of Y."""
        if self.form == "classes":
            return self.labels[ids[:, 0]]
        chosen = (ids >= 0) & (scores >= (self.threshold or 0.0))
        if self.form == "names":
            return [self.labels[row[here]].tolist() for row, here in zip(ids, chosen, strict=True)]
        indptr = np.concatenate([[0], np.cumsum(chosen.sum(axis=1))])
        entries = np.ones(indptr[-1], self.dtype), ids[chosen], indptr
        made = getattr(sparse, "csr_array" if self.form == "array" else self.form)(
            entries, (len(ids), len(self.labels))
        )
        made.sort_indices()
        return made.toarray() if self.form == "array" else made

    def named(self, ids: Ids, names: Sequence[str] | None = None) -> NDArray[Any]:
        """The classes, names or columns of labels; None for -1.

        Parameters
        ----------
        ids
            Numbers of labels, in any shape.
        names
            What columns are called, if anything.
        """
        labels = self.labels if names is None else np.array(names, object)
        named = labels[np.maximum(ids, 0)]
        if (ids < 0).any():
            named = named.astype(object)
            named[ids < 0] = None
        return named

    @property
    def one_each(self) -> bool:
        """Whether a sample has one label: then scores are compared with each other, not with a threshold."""
        return self.form == "classes"

    @property
    def is_indicator(self) -> bool:
        """Whether labels are known by their columns."""
        return self.form in INDICATORS

    def _numbers(self) -> dict[Hashable, int]:
        return {label: number for number, label in enumerate(self.labels.tolist())}

    def _require_kind(self, classes: NDArray[Any], name: str = "y") -> None:
        """Refuse strings where classes are numbers, and the other way round: none of them would ever be right."""
        _require_same_kind(self.labels, classes, name)

    def _require_form(self, y: Given, name: str = "y") -> None:
        if y.form != self.form and not {y.form, self.form} <= set(INDICATORS):
            described = {"classes": "a class for each sample", "names": "a list of label names for each sample"}
            expected, given = (described.get(form, "an indicator matrix") for form in (self.form, y.form))
            raise ValueError(f"{name} must be {expected}, as in training, but is {given}")


def _require_same_kind(known: NDArray[Any], classes: NDArray[Any], name: str) -> None:
    if len(known) and len(classes) and isinstance(known[0], str) != isinstance(classes[0], str):
        like, given = known[:1].tolist()[0], classes[:1].tolist()[0]
        raise ValueError(f"{name} must hold classes like {like!r}, as in training, but holds {given!r}")


def _as_array(y: Any) -> Any:
    missing = first_missing(y)
    if missing is not None:
        raise ValueError(f"y must have a class for each sample, but has none for sample {missing}; {LEAVE_OUT}")
    if not isinstance(y, list | tuple):
        return y
    try:
        values = np.asarray(y)
    except ValueError:  # of unequal lengths
        raise ValueError(
            f"y must be an array or sparse matrix, or lists of label names, but is ragged; {REMEDY}"
        ) from None
    if values.ndim == 1 and values.dtype.kind == "U":
        require_one_kind(y)  # NumPy has made strings of the numbers
    return values


def _require_indicator(values: NDArray[Any]) -> None:
    """Refuse what stands in columns, but is no indicator: names, or the numbers of labels."""
    if values.dtype.kind in "US" or any(isinstance(value, str) for value in values[:1].flat):
        raise ValueError(
            "y must have a class or a list of label names for each sample, but has columns of strings; y.tolist() "
            "makes lists of names of an array"
        )
    if values.dtype.kind not in "buif" or not values.size:
        return  # the check of matrices says what is wrong
    highest = values.max()
    others = (values != 0) & (values != highest)
    if others.any() and np.isfinite(highest) and values.min() >= 0:
        raise ValueError(
            f"y must be an indicator where it is dense and 2-d, 0 or one other value, but holds {highest:g} and "
            f"{values[others][0]:g}; {REMEDY}; weights of labels may be in a sparse matrix, and do not count"
        )
