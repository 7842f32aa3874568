from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sample_sets import NAMES, with_texts

from slidelearn.text.samples import vectorizer_for, with_features, with_labels_of
from slidelearn.text.vectorizers import vectorizer_from_json, vectorizer_to_json


def test_words_of_any_language() -> None:
    samples = replace(
        with_texts(), texts=["Ääkköset 漢字_x2", "ÄÄKKÖSET, ääkköset", "漢字! x2", "", "über", "Über", ""]
    )
    vectorizer = vectorizer_for(samples)
    assert vectorizer.get_feature_names_out().tolist() == ["x2", "ääkköset", "über", "漢字", "漢字_x2"]
    X = with_features(samples, vectorizer).X
    assert X is not None
    assert X.dtype == np.float32
    assert np.diff(X.indptr).tolist() == [2, 1, 2, 0, 1, 1, 0]
    again = vectorizer_from_json(json.loads(json.dumps(vectorizer_to_json(vectorizer))))
    assert (again.transform(samples.texts) != X).nnz == 0


def test_there_must_be_words_to_learn() -> None:
    with pytest.raises(ValueError, match=r"^there must be words, in two texts or more where there are many, but: "):
        vectorizer_for(replace(with_texts(), texts=list("abcdefg")))


def test_labels_take_the_numbers_of_the_model() -> None:
    samples = with_texts()
    assert samples.label_names is not None
    names = ["zebra", *reversed(samples.label_names[2:])]
    found = with_labels_of(samples, names)
    assert found.label_names == names + samples.label_names[:2]
    assert found.Y.has_canonical_format
    rows = [{found.label_names[label] for label in found.Y[[row]].indices} for row in range(7)]
    assert rows == [set(labels) for labels in NAMES]
