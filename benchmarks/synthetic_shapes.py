"""Generated data sets, each with something about its shape that a classifier might not bear."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.datasets import load_digits, make_classification, make_multilabel_classification
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

from slidelearn.matrices import FloatCsr, check_features, check_labels

Samples: TypeAlias = tuple[Any, Any]
"""X, Y: matrices of any kind."""

SYLLABLES = np.array([a + b for a in "bdfgklmnprstvz" for b in "aeiou"])


def documents(
    rng: np.random.Generator,
    n: int,
    *,
    n_labels: int,
    length: int,
    n_features: int = 10_000,
    labels_per_sample: int = 3,
    words_per_label: int = 20,
    background: float = 0.6,
    counts: bool = False,
    common_label: float = 0.0,
) -> Samples:
    """Bags of words: each word from the words of one of the sample's labels, or from a background of Zipf's law.

    Parameters
    ----------
    length
        Words of a sample, with repetition.
    background
        Share of the words that come from the background.
    counts
        Features are the counts themselves, not tf-idf.
    common_label
        Share of the samples that have label 0.
    """
    word_chances = _zipf(n_features, 3)
    words = rng.choice(n_features, (n_labels, words_per_label), p=_shares(word_chances**0.5))
    own = rng.choice(n_labels, (n, labels_per_sample), p=_shares(_zipf(n_labels, 10) ** 0.7))
    speaker = own[np.arange(n)[:, None], rng.integers(labels_per_sample, size=(n, length))]
    said = words[speaker, rng.integers(words_per_label, size=(n, length))]
    noise = rng.choice(n_features, (n, length), p=word_chances)
    X = _counted(np.where(rng.random((n, length)) < background, noise, said), n_features)
    if common_label:
        own = np.column_stack([own, np.where(rng.random(n) < common_label, 0, own[:, 0])])
    return X if counts else TfidfTransformer(sublinear_tf=True).fit_transform(X), _counted(own, n_labels)


def rare_labels(rng: np.random.Generator, n: int, *, samples_per_label: float, length: int) -> Samples:
    """Documents of one label each, all labels equally frequent."""
    n_labels, n_features = round(n / samples_per_label), 10_000
    label = rng.integers(n_labels, size=n)
    words = rng.integers(n_features, size=(n_labels, 20))
    said = words[label[:, None], rng.integers(20, size=(n, length))]
    noise = rng.choice(n_features, (n, length), p=_zipf(n_features, 3))
    X = _counted(np.where(rng.random((n, length)) < 0.5, noise, said), n_features)
    return TfidfTransformer(sublinear_tf=True).fit_transform(X), _counted(label[:, None], n_labels)


def nearest_points(
    rng: np.random.Generator, n: int, *, n_features: int, n_labels: int, offset: float = 0.0, unequal: bool = False
) -> Samples:
    """Dense points, each with the three labels whose points are nearest.

    Parameters
    ----------
    offset
        Added to every feature.
    unequal
        Features in units of their own: from a hundredth to a hundred times as large.
    """
    places, X = rng.standard_normal((n_labels, n_features)), rng.standard_normal((n, n_features))
    nearest = [
        np.argpartition((places**2).sum(axis=1) - 2 * some @ places.T, 3, axis=1)[:, :3]
        for some in np.array_split(X, max(1, n // 500))
    ]
    units = 10.0 ** rng.uniform(-2, 2, n_features) if unequal else 1.0
    return (X + offset) * units, _counted(np.concatenate(nearest), n_labels)


def misspelt_words(rng: np.random.Generator, n: int, *, n_labels: int) -> Samples:
    """Words of three to five syllables with two letters changed, as n-grams of characters; the label: which word."""
    words = ["".join(rng.choice(SYLLABLES, rng.integers(3, 6))) for _ in range(n_labels)]
    label = rng.integers(n_labels, size=n)
    misspelt = []
    for word in (words[each] for each in label):
        letters = np.array(list(word))
        letters[rng.integers(len(letters), size=2)] = rng.choice(list("abcdefghijklmnopqrstuvwxyz"), 2)
        misspelt.append("".join(letters))
    grams = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 4), n_features=2**16)
    return grams.transform(misspelt), _counted(label[:, None], n_labels)


def multilabel_classification(rng: np.random.Generator, n: int, **options: Any) -> Samples:
    """scikit-learn's: counts of words, of several labels together."""
    return make_multilabel_classification(n, sparse=True, return_indicator="sparse", random_state=_seed(rng), **options)


def classification(rng: np.random.Generator, n: int, *, n_classes: int, **options: Any) -> Samples:
    """scikit-learn's: dense clusters at the corners of a hypercube; one label for each sample."""
    X, label = make_classification(n, n_classes=n_classes, random_state=_seed(rng), **options)
    return X, _counted(label[:, None], n_classes)


def digits(rng: np.random.Generator, n: int) -> Samples:
    """scikit-learn's handwritten digits: 64 grey values; one label of ten for each sample."""
    X, label = load_digits(return_X_y=True)
    some = rng.permutation(len(X))[:n]
    return X[some], _counted(label[some, None], 10)


MAKERS: Mapping[str, Callable[..., Samples]] = {
    maker.__name__: maker
    for maker in (
        documents,
        rare_labels,
        nearest_points,
        misspelt_words,
        multilabel_classification,
        classification,
        digits,
    )
}


def make(maker: str, options: Mapping[str, Any], sizes: tuple[int, int], seed: int) -> tuple[FloatCsr, ...]:
    """X_train, Y_train, X_test, Y_test, with so many samples for training and for testing."""
    n_train, n_test = sizes
    X, Y = MAKERS[maker](np.random.default_rng(seed), n_train + n_test, **options)
    X, Y = check_features(X), check_labels(Y)
    return X[:n_train], Y[:n_train], X[n_train:], Y[n_train:]


def _zipf(n: int, shift: int) -> NDArray[np.float64]:
    return _shares(1.0 / (np.arange(n) + shift))


def _shares(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    return weights / weights.sum()


def _counted(columns: NDArray[np.int64], n_columns: int) -> sparse.csr_array:
    """How often each column is named in each row."""
    n, m = columns.shape
    counts = sparse.csr_array((np.ones(n * m, np.float32), columns.reshape(-1), np.arange(n + 1) * m), (n, n_columns))
    counts.sum_duplicates()
    return counts


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))
