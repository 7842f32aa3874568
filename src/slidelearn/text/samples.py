"""Samples that are texts, as a model sees them: features by a vectoriser, labels in the order of the model's names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from slidelearn.data import SampleSet
from slidelearn.matrices import check_features, check_labels

if TYPE_CHECKING:
    from slidelearn.text.vectorizers import Vectorizer


def vectorizer_for(samples: SampleSet) -> Vectorizer:
    """Fit the vectoriser that makes features of texts: tf-idf of the words of any language.

    Raises
    ------
    ValueError
        If there are no words, or of many texts no word that stands in two.
    """
    from slidelearn.text.vectorizers import usual_vectorizer

    assert samples.texts is not None
    if not samples.texts:
        raise ValueError("there must be texts to make features of, but there are none")
    try:
        return usual_vectorizer(len(samples.texts)).fit(samples.texts)
    except ValueError as error:  # scikit-learn's, that nothing is left
        raise ValueError(f"there must be words, in two texts or more where there are many, but: {error}") from None


def with_features(samples: SampleSet, vectorizer: Vectorizer) -> SampleSet:
    """The same samples, with features as well as texts."""
    assert samples.texts is not None
    features = vectorizer.transform(samples.texts or [""])  # which refuses to make features of no texts
    return replace(samples, X=check_features(features[: len(samples.texts)]))


def with_labels_of(samples: SampleSet, names: Sequence[str]) -> SampleSet:
    """The same samples, their labels numbered as in `names`; those that are not among them come last."""
    assert samples.label_names is not None
    numbers = {name: number for number, name in enumerate(names)}
    others = [name for name in samples.label_names if name not in numbers]
    numbers |= {name: len(names) + number for number, name in enumerate(others)}
    renumbered = np.array([numbers[name] for name in samples.label_names], np.int32)
    Y = samples.Y
    shape = (Y.shape[0], len(names) + len(others))
    sorted_rows = csr_array((Y.data, renumbered[Y.indices], Y.indptr), shape)
    return replace(samples, Y=check_labels(sorted_rows), label_names=[*names, *others])
