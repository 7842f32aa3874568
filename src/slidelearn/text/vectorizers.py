"""From texts to features: tf-idf of words, vocabularies that grow, and vectorisers in files without pickle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer

from slidelearn.datasets import Dataset

Vectorizer: TypeAlias = CountVectorizer | HashingVectorizer | TfidfVectorizer

_KINDS = {kind.__name__: kind for kind in (CountVectorizer, HashingVectorizer, TfidfVectorizer)}
_FORMAT, _FORMER_FORMAT = "slidelearn-vectorizer-1", "slidelearn-tfidf-1"
MANY_TEXTS = 1000
"""From so many on, words that stand in one text only are left out: half of all words, which tell nothing."""


def fit_vectorizer(texts: Iterable[str], vocabulary: Sequence[str] | None = None) -> TfidfVectorizer:
    """Fit tf-idf of words: ``(1 + ln tf) * (1 + ln((1 + n) / (1 + df)))``, rows of Euclidean length 1.

    A word is a run of a-z and 0-9 in the text in lower case; n counts the texts, df those with the word.

    Parameters
    ----------
    texts
        What the inverse document frequencies are counted on.
    vocabulary
        The word of each feature; None: all words that stand in two texts or more, in alphabetical order.
    """
    vectorizer = TfidfVectorizer(
        token_pattern="[a-z0-9]+",
        sublinear_tf=True,
        vocabulary=None if vocabulary is None else list(vocabulary),
        min_df=2 if vocabulary is None else 1,
        dtype=np.float32,
    )
    return vectorizer.fit(texts)


def make_vectorizer(dataset: Dataset) -> TfidfVectorizer:
    """Fit the vectoriser that makes a shipped data set's features from its texts."""
    return fit_vectorizer(dataset.train_texts, dataset.feature_names)


def usual_vectorizer(n_texts: int) -> TfidfVectorizer:
    """Tf-idf of words of any script, as scikit-learn finds them, for so many texts; not fitted yet."""
    return TfidfVectorizer(sublinear_tf=True, min_df=2 if n_texts >= MANY_TEXTS else 1, dtype=np.float32)


def parameters_to_save(vectorizer: Vectorizer) -> dict[str, Any]:
    """The parameters of a vectoriser in plain values, without its vocabulary.

    Raises
    ------
    ValueError
        If it is of another kind, or a parameter is a function (a tokenizer, preprocessor or analyzer).
    """
    if type(vectorizer) not in _KINDS.values():
        raise ValueError(f"a vectoriser to be saved must be one of {', '.join(_KINDS)}, but is {vectorizer!r}")
    parameters: dict[str, Any] = vectorizer.get_params(deep=False)
    parameters.pop("vocabulary", None)
    parameters["dtype"] = np.dtype(parameters["dtype"]).name
    for name, value in parameters.items():
        if isinstance(value, np.generic):
            parameters[name] = value.item()
        if callable(value):
            raise ValueError(f"{name} must be None or a plain value for the vectoriser to be saved, but is {value!r}")
        if isinstance(value, tuple | set | frozenset):
            parameters[name] = sorted(value) if isinstance(value, set | frozenset) else list(value)
    return parameters


def vectorizer_to_json(vectorizer: Vectorizer, words: Sequence[str] | None = None) -> dict[str, Any]:
    """Describe a vectoriser in plain values for a JSON file: its parameters, its words and their idf.

    Parameters
    ----------
    vectorizer
        Fitted, unless its words are given.
    words
        What it is to have as its words, whose idf is left out.

    Raises
    ------
    ValueError
        As `parameters_to_save` does.
    """
    saved: dict[str, Any] = {
        "format": _FORMAT,
        "kind": type(vectorizer).__name__,
        "parameters": parameters_to_save(vectorizer),
        "vocabulary": None,
        "vocabulary_was_given": False,
        "idf": None,
    }
    if isinstance(vectorizer, CountVectorizer):
        known = words or sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__)
        saved["vocabulary"], saved["vocabulary_was_given"] = list(known), vectorizer.vocabulary is not None
    if isinstance(vectorizer, TfidfVectorizer) and vectorizer.use_idf and words is None:
        saved["idf"] = vectorizer.idf_.tolist()
    return saved


def vectorizer_from_json(saved: Mapping[str, Any]) -> Vectorizer:
    """Make the vectoriser that `vectorizer_to_json` described; its features are the same.

    Raises
    ------
    ValueError
        If `saved` is of another format, or its parts do not fit together.
    """
    if saved.get("format") == _FORMER_FORMAT:
        saved = {"kind": "TfidfVectorizer", "vocabulary_was_given": False, **saved}
    elif saved.get("format") != _FORMAT:
        raise ValueError(f"the format of a saved vectoriser must be {_FORMAT!r}, but is {saved.get('format')!r}")
    if saved["kind"] not in _KINDS:
        raise ValueError(f"the kind of a saved vectoriser must be one of {', '.join(_KINDS)}, but is {saved['kind']!r}")
    kind, parameters = _KINDS[saved["kind"]], dict(saved["parameters"])
    vocabulary, idf = saved["vocabulary"], saved["idf"]
    unknown = sorted(set(parameters) - set(kind().get_params()))
    if unknown:
        raise ValueError(f"scikit-learn's {kind.__name__} has no parameter {unknown[0]!r}; update scikit-learn")
    parameters["dtype"] = np.dtype(parameters["dtype"]).type
    parameters["ngram_range"] = tuple(parameters["ngram_range"])
    if kind is HashingVectorizer:
        return kind(**parameters)
    if idf is not None and len(idf) != len(vocabulary):
        raise ValueError(f"idf must have one value per word ({len(vocabulary)}), but has {len(idf)}")
    vectorizer = kind(**parameters, vocabulary=vocabulary)
    with np.errstate(divide="ignore"):  # words that no text has; the idf from here goes the next moment
        vectorizer.fit([""])
    if idf is not None:
        vectorizer.idf_ = np.array(idf, vectorizer.dtype)
    if not saved["vocabulary_was_given"]:
        vectorizer.vocabulary = None  # so that it may grow
    return vectorizer


def grown_vectorizer(vectorizer: Vectorizer, texts: Sequence[str], n_before: int) -> Vectorizer:
    """The same vectoriser with the words of more texts behind its own, which keep their place and their idf.

    A new word must stand in as many of these texts as `min_df` says, if that is a number of texts. The vocabulary stays
    as it is where it was given, or is limited by `max_features`; hashing has none.

    Parameters
    ----------
    vectorizer
        Fitted.
    texts
        What new words are looked for in.
    n_before
        Texts that it has seen before.
    """
    if isinstance(vectorizer, HashingVectorizer) or vectorizer.vocabulary is not None or vectorizer.max_features:
        return vectorizer
    analyze = vectorizer.build_analyzer()
    least = vectorizer.min_df if isinstance(vectorizer.min_df, int | np.integer) else 1
    counts = Counter(chain.from_iterable(set(analyze(text)) for text in texts))
    new = sorted(word for word in counts.keys() - vectorizer.vocabulary_.keys() if counts[word] >= least)
    saved = vectorizer_to_json(vectorizer)
    saved["vocabulary"] += new
    if saved["idf"] is not None:
        n, df, smooth = n_before + len(texts), np.array([counts[word] for word in new]), int(vectorizer.smooth_idf)
        saved["idf"] += (np.log((n + smooth) / (df + smooth)) + 1).tolist()
    return vectorizer_from_json(saved)
