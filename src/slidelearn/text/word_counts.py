"""Fitting scikit-learn's vectorisers on texts that are not in memory: words are counted text by text."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer

from slidelearn.text.vectorizers import Vectorizer, vectorizer_from_json, vectorizer_to_json


class WordCounts:
    """In how many texts each word stands, and where that is asked for, how often in all of them.

    Parameters
    ----------
    vectorizer
        Tells what a word is; with `max_features`, words are asked for by how often they stand anywhere.
    """

    def __init__(self, vectorizer: Vectorizer) -> None:
        self._looks_at_words = not isinstance(vectorizer, HashingVectorizer)
        self._counts_all = self._looks_at_words and vectorizer.max_features is not None
        self._analyze = vectorizer.build_analyzer()
        self._n_with, self._n_in_all = Counter[str](), Counter[str]()
        self.n_texts = 0

    def add(self, text: str) -> None:
        """Count the words of a text."""
        self.n_texts += 1
        if self._looks_at_words:
            words = self._analyze(text)
            self._n_with.update(set(words))
            if self._counts_all:
                self._n_in_all.update(words)

    def fitted(self, vectorizer: Vectorizer) -> Vectorizer:
        """A vectoriser of these parameters that is fitted on all the texts; its words and idf are scikit-learn's.

        Raises
        ------
        ValueError
            If no words are left.
        """
        if isinstance(vectorizer, HashingVectorizer):
            return vectorizer
        given = vectorizer.vocabulary
        words = self._kept(vectorizer) if given is None else _in_order(given)
        if not words:
            raise ValueError(
                f"there must be words to make features of, but of those in {self.n_texts} texts none is left by "
                "min_df, max_df, stop_words and token_pattern"
            )
        described = vectorizer_to_json(vectorizer, words)
        if isinstance(vectorizer, TfidfVectorizer) and vectorizer.use_idf:
            described["idf"] = self._idf(vectorizer, words).tolist()
        return vectorizer_from_json(described)

    def _kept(self, vectorizer: Vectorizer) -> list[str]:
        """The words that `min_df`, `max_df` and `max_features` leave, in alphabetical order."""
        least, most = (self._as_count(limit) for limit in (vectorizer.min_df, vectorizer.max_df))
        words = sorted(word for word, n in self._n_with.items() if least <= n <= most)
        if vectorizer.max_features is None or vectorizer.max_features >= len(words):
            return words
        in_all = np.array([self._n_in_all[word] for word in words])
        most_frequent = (-in_all).argsort()[: vectorizer.max_features]  # among equals, those that scikit-learn takes
        return [words[place] for place in np.sort(most_frequent)]

    def _as_count(self, limit: float) -> float:
        """A limit of scikit-learn's: a number of texts, or if it is no integer a share of them."""
        return limit if isinstance(limit, int | np.integer) else limit * self.n_texts

    def _idf(self, vectorizer: TfidfVectorizer, words: list[str]) -> NDArray[Any]:
        dtype = vectorizer.dtype if np.dtype(vectorizer.dtype).kind == "f" else np.float64
        n_with = np.array([self._n_with[word] for word in words], dtype) + float(vectorizer.smooth_idf)
        n = np.full_like(n_with, self.n_texts + int(vectorizer.smooth_idf))
        return np.asarray(np.log(n / n_with) + 1)


def _in_order(vocabulary: Any) -> list[str]:
    """The words of a vocabulary that was given: as a mapping to columns, a list, or a set."""
    if isinstance(vocabulary, dict):
        return sorted(vocabulary, key=vocabulary.__getitem__)
    return sorted(vocabulary) if isinstance(vocabulary, set | frozenset) else list(vocabulary)
