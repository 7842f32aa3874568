"""From texts to features: tf-idf of words, vocabularies that grow, and vectorisers in files without pickle."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse
from scipy.sparse import issparse
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer

from slidelearn.columns import without_frame
from slidelearn.datasets import Dataset

Vectorizer: TypeAlias = CountVectorizer | HashingVectorizer | TfidfVectorizer

_KINDS = {kind.__name__: kind for kind in (CountVectorizer, HashingVectorizer, TfidfVectorizer)}
_FORMAT, _FORMER_FORMAT = "slidelearn-vectorizer-1", "slidelearn-tfidf-1"
MANY_TEXTS = 1000
"""From so many on, words that stand in one text only are left out: half of all words, which tell nothing."""
TOLERATED_WORDLESS = 0.2
"""Share of the texts that may have no feature without a warning."""


def are_texts(X: Any) -> bool:
    """Whether these are meant as texts, not as features: what begins with a string, or is one."""
    if isinstance(X, str):
        return True
    is_flat = hasattr(X, "__iter__") and not issparse(X) and getattr(X, "ndim", 1) == 1
    return is_flat and isinstance(next(iter(X), None), str)


def check_texts(texts: Sequence[str], *, least: int = 1) -> list[str]:
    """Refuse what scikit-learn's vectorisers would take for texts, or fail on without saying where, and too few.

    Raises
    ------
    ValueError
        Naming the first that is no string.
    """
    if isinstance(texts, str):
        raise ValueError("texts must be several strings, but are one; put it in a list")
    shape = getattr(texts, "shape", (0,))
    if len(shape) != 1:  # a frame would give the names of its columns
        raise ValueError(f"texts must be one column of strings, but have shape {shape}; give the column alone")
    texts = without_frame(texts)
    if isinstance(texts, Mapping | Set):
        raise ValueError(f"texts must be strings one after the other, but are a {type(texts).__name__}; give a list")
    if not isinstance(texts, Iterable):
        raise ValueError(f"texts must be strings one after the other, but are {texts!r:.40}; give a list")
    texts = list(texts)
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"texts must be strings, but text {place} is {text!r:.40}")
    if len(texts) < least:
        raise ValueError("texts must be one at least, but there are none")
    return texts


def n_wordless(X: sparse.csr_array, texts: Sequence[str]) -> int:
    """How many texts that are not blank have no feature."""
    return sum(bool(texts[int(place)].strip()) for place in np.flatnonzero(np.diff(X.indptr) == 0))


def warn_of_wordless(X: sparse.csr_array, texts: Sequence[str]) -> None:
    """Say so where nothing can be learnt from many of the texts."""
    n = n_wordless(X, texts)
    if n > TOLERATED_WORDLESS * len(texts):
        warnings.warn(
            f"{n:,} of {len(texts):,} texts have no feature, as no word of theirs is in the vocabulary; for languages "
            "without blanks between words give a vectoriser such as TfidfVectorizer(analyzer='char', "
            "ngram_range=(1, 3), sublinear_tf=True)",
            stacklevel=4,
        )


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
    analyze, least = vectorizer.build_analyzer(), vectorizer.min_df if isinstance(vectorizer.min_df, int) else 1
    counts = Counter(chain.from_iterable(set(analyze(text)) for text in texts))
    new = sorted(word for word in counts.keys() - vectorizer.vocabulary_.keys() if counts[word] >= least)
    saved = vectorizer_to_json(vectorizer)
    saved["vocabulary"] += new
    if saved["idf"] is not None:
        n, df, smooth = n_before + len(texts), np.array([counts[word] for word in new]), int(vectorizer.smooth_idf)
        saved["idf"] += (np.log((n + smooth) / (df + smooth)) + 1).tolist()
    return vectorizer_from_json(saved)
