"""The texts that go with a model: the names of its labels, how often each was seen, and how texts become features."""

from __future__ import annotations

import json
from collections.abc import MutableMapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from slidelearn.atomic_files import CheckpointError
from slidelearn.matrices import FloatCsr
from slidelearn.metrics import propensities_of_counts
from slidelearn.text import vectorizer_from_json, vectorizer_to_json

LABEL_NAMES = "labels.txt"
LABEL_COUNTS = "label_counts.json"
VECTORIZER = "vectorizer.json"

Documents = MutableMapping[str, str]
"""Texts by file name: `SlideClassifier.documents_`."""


def put_label_names(documents: Documents, names: Sequence[str], n_labels: int) -> None:
    """Keep the name of each label, a line each.

    Raises
    ------
    ValueError
        If there is not one name per label.
    """
    if len(names) != n_labels:
        raise ValueError(f"label names must be one per label ({n_labels}), but are {len(names)}")
    documents[LABEL_NAMES] = "".join(f"{name}\n" for name in names)


def label_names(documents: Documents, n_labels: int) -> list[str] | None:
    """Give the name of each label; None where the model has no names."""
    if LABEL_NAMES not in documents:
        return None
    names = documents[LABEL_NAMES].splitlines()
    if len(names) != n_labels:
        raise CheckpointError(f"{LABEL_NAMES} must have one line per label ({n_labels}), but has {len(names)}")
    return names


def put_label_counts(documents: Documents, Y_train: FloatCsr) -> None:
    """Keep how many training samples each label has, which propensity-scored precision needs."""
    counts = np.bincount(Y_train.indices, minlength=Y_train.shape[1])
    documents[LABEL_COUNTS] = json.dumps({"n_samples": Y_train.shape[0], "counts": counts.tolist()})


def inverse_propensities(documents: Documents, n_labels: int) -> NDArray[np.float64] | None:
    """1 / propensity of each label, (n_labels,); None where the model does not know how often labels were seen."""
    known = label_counts(documents, n_labels)
    return None if known is None else 1 / propensities_of_counts(*known)


def label_counts(documents: Documents, n_labels: int) -> tuple[NDArray[np.int64], int] | None:
    """How many training samples each label has, (n_labels,), and how many there were; None where nobody has said so."""
    if LABEL_COUNTS not in documents:
        return None
    saved = _from_json(documents, LABEL_COUNTS)
    try:
        counts, n_samples = np.array(saved["counts"], np.int64), int(saved["n_samples"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CheckpointError(f"{LABEL_COUNTS} is damaged: {error!r}") from None
    if counts.shape != (n_labels,) or (counts < 0).any():
        raise CheckpointError(f"{LABEL_COUNTS} must have one number >= 0 per label ({n_labels})")
    return counts, n_samples


def put_vectorizer(documents: Documents, vectorizer: TfidfVectorizer) -> None:
    """Keep how texts become features."""
    documents[VECTORIZER] = json.dumps(vectorizer_to_json(vectorizer))


def vectorizer_of(documents: Documents) -> TfidfVectorizer | None:
    """What makes features of texts; None where the model was not trained on texts."""
    if VECTORIZER not in documents:
        return None
    try:
        return vectorizer_from_json(_from_json(documents, VECTORIZER))
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{VECTORIZER} is damaged: {error}") from None


def _from_json(documents: Documents, name: str) -> dict[str, Any]:
    try:
        saved = json.loads(documents[name])
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{name} is damaged: {error}") from None
    if not isinstance(saved, dict):
        raise CheckpointError(f"{name} is damaged: it must hold a JSON object")
    return saved
