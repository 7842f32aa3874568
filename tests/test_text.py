from __future__ import annotations

import json
import re

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from slidelearn.datasets import load_dataset
from slidelearn.text import fit_vectorizer, make_vectorizer, vectorizer_from_json, vectorizer_to_json

TEXTS = ["the cat's 2 hats", "The cat sat", "a dog sat; the dog", ""]


def largest_difference(a, b):
    """Per row."""
    return abs(a - b).max(axis=1).toarray().ravel()


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("wordnet-hyper", 6e-7),  # the shipped values have six digits
        ("wordnet-tiny", 1.1e-4),  # its idf was counted on three more texts, which are not among its samples
    ],
)
def test_makes_the_shipped_features_from_the_shipped_texts(name, tolerance):
    dataset = load_dataset(name)
    vectorizer = make_vectorizer(dataset)
    for texts, X in ((dataset.train_texts, dataset.X_train), (dataset.test_texts, dataset.X_test)):
        made = vectorizer.transform(texts)
        assert made.dtype == np.float32
        np.testing.assert_array_equal(np.diff(made.indptr), np.diff(X.indptr))
        assert largest_difference(made, X).max() < tolerance


def test_words_and_weights_by_hand():
    vectorizer = fit_vectorizer(TEXTS)
    assert vectorizer.get_feature_names_out().tolist() == ["cat", "sat", "the"]
    idf = 1 + np.log(np.array([5 / 3, 5 / 3, 5 / 4]))
    expected = np.array([0, idf[1], idf[2]])
    np.testing.assert_allclose(vectorizer.transform(TEXTS).toarray()[2], expected / np.linalg.norm(expected), rtol=1e-6)
    idf_of_dog = 1 + np.log(5 / 2)
    row = fit_vectorizer(TEXTS, ["sat", "dog"]).transform(TEXTS).toarray()[2]
    expected = np.array([idf[1], (1 + np.log(2)) * idf_of_dog])
    np.testing.assert_allclose(row, expected / np.linalg.norm(expected), rtol=1e-6)


VECTORIZERS = {
    "ours": {"token_pattern": "[a-z0-9]+", "sublinear_tf": True, "dtype": np.float32},
    "default": {},
    "n-grams": {"analyzer": "char_wb", "ngram_range": (2, 4)},
    "stop words": {"stop_words": ["the", "a"]},
    "no idf": {"use_idf": False, "norm": None},
    "no smoothing": {"smooth_idf": False, "strip_accents": "unicode"},
}


@pytest.mark.parametrize("parameters", VECTORIZERS.values(), ids=VECTORIZERS.keys())
def test_saved_and_loaded_it_makes_the_same_features(parameters):
    vectorizer = TfidfVectorizer(**parameters).fit(TEXTS)
    saved = json.loads(json.dumps(vectorizer_to_json(vectorizer)))
    loaded = vectorizer_from_json(saved)
    texts = [*TEXTS, "another cat sat on the dog's hat"]
    before, after = vectorizer.transform(texts), loaded.transform(texts)
    assert (before.dtype, before.shape) == (after.dtype, after.shape)
    np.testing.assert_array_equal(before.toarray(), after.toarray())
    assert loaded.get_feature_names_out().tolist() == vectorizer.get_feature_names_out().tolist()
    assert vectorizer_to_json(loaded) == saved


def test_a_function_cannot_be_saved():
    vectorizer = TfidfVectorizer(tokenizer=str.split, token_pattern=None).fit(TEXTS)
    with pytest.raises(ValueError, match=r"^tokenizer must be None or a plain value for the vectoriser to be saved"):
        vectorizer_to_json(vectorizer)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "other"}, "the format of a saved vectoriser must be 'slidelearn-tfidf-1', but is 'other'"),
        ({"idf": [1.0]}, "idf must have one value per word (3), but has 1"),
        (
            {"parameters": {"colour": 1}},
            "scikit-learn's TfidfVectorizer has no parameter 'colour'; update scikit-learn",
        ),
    ],
)
def test_refuses_what_was_not_saved_so(changes, message):
    saved = vectorizer_to_json(fit_vectorizer(TEXTS)) | changes
    with pytest.raises(ValueError, match="^" + re.escape(message) + "$"):
        vectorizer_from_json(saved)
