from __future__ import annotations

import json

import numpy as np
import pytest

from slidelearn import CheckpointError
from slidelearn.datasets import Dataset
from slidelearn.metrics import propensities
from slidelearn.model.documents import (
    inverse_propensities,
    label_names,
    put_counts,
    put_label_counts,
    put_label_names,
    put_vectorizer,
    vectorizer_of,
)
from slidelearn.text.vectorizers import make_vectorizer


def test_a_model_may_have_no_documents() -> None:
    assert label_names({}, 3) is None
    assert inverse_propensities({}, 3) is None
    assert vectorizer_of({}) is None


def test_label_names() -> None:
    documents: dict[str, str] = {}
    put_label_names(documents, ["one", "two", ""], 3)
    assert label_names(documents, 3) == ["one", "two", ""]
    with pytest.raises(ValueError, match=r"label names must be one per label \(4\), but are 1"):
        put_label_names(documents, ["one"], 4)
    with pytest.raises(CheckpointError, match=r"labels.txt must have one line per label \(4\), but has 3"):
        label_names(documents, 4)


def test_a_name_is_one_line() -> None:
    documents: dict[str, str] = {}
    put_label_names(documents, ["a\u2028b", "c\x0cd\r", "e"], 3)
    assert label_names(documents, 3) == ["a b", "c d", "e"]


def test_label_counts(tiny: Dataset) -> None:
    documents: dict[str, str] = {}
    put_label_counts(documents, tiny.Y_train)
    np.testing.assert_array_equal(inverse_propensities(documents, 413), 1 / propensities(tiny.Y_train))
    with_unseen = inverse_propensities(documents, 413, n_unseen=2)
    assert with_unseen is not None
    assert with_unseen.shape == (415,)
    assert with_unseen[413] == with_unseen[414] > with_unseen[:413].max()
    counted: dict[str, str] = {}
    put_counts(counted, np.bincount(tiny.Y_train.indices, minlength=413), 2589)
    assert counted == documents


def test_vectorizer(tiny: Dataset) -> None:
    documents: dict[str, str] = {}
    vectorizer = make_vectorizer(tiny)
    put_vectorizer(documents, vectorizer)
    again = vectorizer_of(documents)
    assert again is not None
    assert (again.transform(tiny.test_texts) != vectorizer.transform(tiny.test_texts)).nnz == 0


DAMAGED = ["", "{", "[]", "3", "null", "{}", "[" * 100_000, json.dumps({"n_samples": 3, "counts": [1, -1, 1]})]


@pytest.mark.parametrize("text", [*DAMAGED, json.dumps({"n_samples": 3, "counts": [2**70, 1, 1]})])
def test_damaged_label_counts_are_refused(text: str) -> None:
    with pytest.raises(CheckpointError, match=r"label_counts.json"):
        inverse_propensities({"label_counts.json": text}, 3)


@pytest.mark.parametrize("text", [*DAMAGED, json.dumps({"format": "slidelearn-tfidf-1", "parameters": {"a": 1}})])
def test_a_damaged_vectorizer_is_refused(text: str) -> None:
    with pytest.raises(CheckpointError, match=r"vectorizer.json"):
        vectorizer_of({"vectorizer.json": text})
