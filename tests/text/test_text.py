from __future__ import annotations

import json
import re

import numpy as np
import pytest
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer

from slidelearn.datasets import load_dataset
from slidelearn.text.vectorizers import (
    fit_vectorizer,
    grown_vectorizer,
    make_vectorizer,
    parameters_to_save,
    usual_vectorizer,
    vectorizer_from_json,
    vectorizer_to_json,
)

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
        ({"format": "other"}, "the format of a saved vectoriser must be 'slidelearn-vectorizer-1', but is 'other'"),
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


@pytest.mark.parametrize(
    "vectorizer", [CountVectorizer(binary=True), HashingVectorizer(n_features=64, alternate_sign=False)]
)
def test_other_vectorizers_are_saved_too(vectorizer):
    fitted = vectorizer.fit(TEXTS)
    loaded = vectorizer_from_json(json.loads(json.dumps(vectorizer_to_json(fitted))))
    assert type(loaded) is type(vectorizer)
    np.testing.assert_array_equal(loaded.transform(TEXTS).toarray(), fitted.transform(TEXTS).toarray())


def test_what_cannot_be_saved_is_told_before_it_is_used():
    with pytest.raises(ValueError, match="must be one of CountVectorizer, HashingVectorizer, TfidfVectorizer"):
        parameters_to_save(DictVectorizer())
    with pytest.raises(ValueError, match="analyzer must be None or a plain value"):
        parameters_to_save(CountVectorizer(analyzer=str.split))


def test_a_model_of_the_first_format_is_read():
    former = vectorizer_to_json(fit_vectorizer(TEXTS)) | {"format": "slidelearn-tfidf-1"}
    del former["kind"], former["vocabulary_was_given"]
    np.testing.assert_array_equal(
        vectorizer_from_json(former).transform(TEXTS).toarray(), fit_vectorizer(TEXTS).transform(TEXTS).toarray()
    )


@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize("kind", [TfidfVectorizer, CountVectorizer])
def test_new_words_join_behind_the_known_ones(kind, loaded):
    vectorizer = kind(min_df=2).fit(TEXTS)  # cat, dog, sat and the
    if loaded:
        vectorizer = vectorizer_from_json(json.loads(json.dumps(vectorizer_to_json(vectorizer))))
    before = vectorizer.transform(TEXTS).toarray()
    n_words = before.shape[1]
    more = ["a zebra and an ant", "an ant, a zebra, the yak", "cat"]
    vectorizer = grown_vectorizer(vectorizer, more, len(TEXTS))
    after = vectorizer.transform(TEXTS + more).toarray()
    np.testing.assert_array_equal(after[: len(TEXTS), :n_words], before)
    assert list(vectorizer.get_feature_names_out()[n_words:]) == ["an", "ant", "zebra"]  # the yak is there once
    if kind is TfidfVectorizer:
        np.testing.assert_allclose(vectorizer.idf_[n_words:], np.log(8 / 3) + 1)
    again = vectorizer_from_json(vectorizer_to_json(vectorizer))
    np.testing.assert_array_equal(again.transform(more).toarray(), vectorizer.transform(more).toarray())


@pytest.mark.parametrize(
    "vectorizer",
    [TfidfVectorizer(vocabulary=["cat", "dog"]), TfidfVectorizer(max_features=2), HashingVectorizer(n_features=8)],
)
def test_a_vocabulary_that_was_chosen_stays(vectorizer):
    vectorizer.fit(TEXTS)
    before = vectorizer.transform(["cat zebra"]).toarray()
    vectorizer = grown_vectorizer(vectorizer, ["zebra", "zebra"], len(TEXTS))
    np.testing.assert_array_equal(vectorizer.transform(["cat zebra"]).toarray(), before)


def test_words_of_one_text_are_left_out_where_texts_are_many():
    assert (usual_vectorizer(999).min_df, usual_vectorizer(1000).min_df) == (1, 2)
    assert "éléphant" in usual_vectorizer(1).fit(["l'éléphant"]).vocabulary_


def test_numbers_of_numpy_are_saved():
    vectorizer = TfidfVectorizer(min_df=np.int64(2), max_df=np.float64(0.5)).fit(
        ["a cat sat", "a cat ran", "dogs", "no"]
    )
    parameters = json.loads(json.dumps(vectorizer_to_json(vectorizer)))["parameters"]
    assert (parameters["min_df"], parameters["max_df"]) == (2, 0.5)
    assert "dogs" not in grown_vectorizer(vectorizer, ["dogs"], 4).vocabulary_
