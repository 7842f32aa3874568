"""From texts to features: tf-idf of words, and vectorisers in files without pickle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from slidelearn.datasets import Dataset

WORDS = r"[^\W_]+"
_FORMAT = "slidelearn-tfidf-1"


def fit_vectorizer(
    texts: Iterable[str], vocabulary: Sequence[str] | None = None, token_pattern: str = "[a-z0-9]+"
) -> TfidfVectorizer:
    """Fit tf-idf of words: ``(1 + ln tf) * (1 + ln((1 + n) / (1 + df)))``, rows of Euclidean length 1.

    n counts the texts, df those with the word.

    Parameters
    ----------
    texts
        What the inverse document frequencies are counted on.
    vocabulary
        The word of each feature; None: all words that stand in two texts or more, in alphabetical order.
    token_pattern
        What a word is, in the text in lower case: a run of a-z and 0-9; `WORDS`: of the letters and digits of any
        language.
    """
    vectorizer = TfidfVectorizer(
        token_pattern=token_pattern,
        sublinear_tf=True,
        vocabulary=None if vocabulary is None else list(vocabulary),
        min_df=2 if vocabulary is None else 1,
        dtype=np.float32,
    )
    return vectorizer.fit(texts)


def make_vectorizer(dataset: Dataset) -> TfidfVectorizer:
    """Fit the vectoriser that makes a shipped data set's features from its texts."""
    return fit_vectorizer(dataset.train_texts, dataset.feature_names)


def vectorizer_to_json(vectorizer: TfidfVectorizer) -> dict[str, Any]:
    """Describe a fitted vectoriser in plain values for a JSON file: its parameters, its words and their idf.

    Raises
    ------
    ValueError
        If a parameter is a function (a tokenizer, preprocessor or analyzer), which JSON cannot hold.
    """
    parameters = vectorizer.get_params(deep=False)
    del parameters["vocabulary"]
    parameters["dtype"] = np.dtype(parameters["dtype"]).name
    for name, value in parameters.items():
        if callable(value):
            raise ValueError(f"{name} must be None or a plain value for the vectoriser to be saved, but is {value!r}")
        if isinstance(value, tuple):
            parameters[name] = list(value)
    return {
        "format": _FORMAT,
        "parameters": parameters,
        "vocabulary": sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__),
        "idf": vectorizer.idf_.tolist() if vectorizer.use_idf else None,
    }


def vectorizer_from_json(saved: Mapping[str, Any]) -> TfidfVectorizer:
    """Make the vectoriser that `vectorizer_to_json` described; its features are the same.

    Raises
    ------
    ValueError
        If `saved` is of another format, or its parts do not fit together.
    """
    if saved.get("format") != _FORMAT:
        raise ValueError(f"the format of a saved vectoriser must be {_FORMAT!r}, but is {saved.get('format')!r}")
    parameters, vocabulary, idf = dict(saved["parameters"]), saved["vocabulary"], saved["idf"]
    unknown = sorted(set(parameters) - set(TfidfVectorizer().get_params()))
    if unknown:
        raise ValueError(f"scikit-learn's TfidfVectorizer has no parameter {unknown[0]!r}; update scikit-learn")
    if idf is not None and len(idf) != len(vocabulary):
        raise ValueError(f"idf must have one value per word ({len(vocabulary)}), but has {len(idf)}")
    parameters["dtype"] = np.dtype(parameters["dtype"]).type
    parameters["ngram_range"] = tuple(parameters["ngram_range"])
    vectorizer = TfidfVectorizer(**parameters, vocabulary=vocabulary)
    with np.errstate(divide="ignore"):  # words that no text has; the idf from here goes the next moment
        vectorizer.fit([""])
    if idf is not None:
        vectorizer.idf_ = np.array(idf, vectorizer.dtype)
    return vectorizer
