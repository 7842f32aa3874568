"""The texts that go with a model: the names of labels and features, label counts, and how texts become features."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, MutableMapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from slidelearn.files.atomic import CheckpointError
from slidelearn.kernels import Ids
from slidelearn.labels.name_lists import plain_name
from slidelearn.labels.targets import FORMS, Targets
from slidelearn.matrices import FloatCsr
from slidelearn.metrics import propensities_of_counts

if TYPE_CHECKING:
    from slidelearn.text.vectorizers import Vectorizer

LABEL_NAMES = "labels.txt"
LABEL_COUNTS = "label_counts.json"
PARAMETERS = "parameters.json"
TARGETS = "targets.json"
FEATURE_NAMES = "feature_names.json"
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
    documents[LABEL_NAMES] = "".join(f"{plain_name(str(name))}\n" for name in names)


def label_names(documents: Documents, n_labels: int) -> list[str] | None:
    """Give the name of each label: its name or class in training, else its line in `LABEL_NAMES`; None without any."""
    targets = targets_of(documents, n_labels)
    if not targets.is_indicator:
        return [str(label) for label in targets.labels.tolist()]
    if LABEL_NAMES not in documents:
        return None
    names = documents[LABEL_NAMES].splitlines()
    if len(names) != n_labels:
        raise CheckpointError(f"{LABEL_NAMES} must have one line per label ({n_labels}), but has {len(names)}")
    return names


def put_label_counts(documents: Documents, Y_train: FloatCsr) -> None:
    """Keep how many training samples each label has, which propensity-scored precision needs."""
    put_counts(documents, np.bincount(Y_train.indices, minlength=Y_train.shape[1]), Y_train.shape[0])


def put_counts(documents: Documents, counts: NDArray[np.integer[Any]], n_samples: int) -> None:
    """The same, where they have been counted already."""
    documents[LABEL_COUNTS] = json.dumps({"n_samples": n_samples, "counts": counts.tolist()})


def add_label_counts(documents: Documents, Y: FloatCsr) -> None:
    """Count the labels of more samples, if labels are counted; there must be counts of new labels already."""
    if known := label_counts(documents, Y.shape[1]):
        counts, n_samples = known
        put_counts(documents, counts + np.bincount(Y.indices, minlength=Y.shape[1]), n_samples + Y.shape[0])


def inverse_propensities(documents: Documents, n_labels: int, n_unseen: int = 0) -> NDArray[np.float64] | None:
    """1 / propensity of each label, and of as many that were never seen; (n_labels + n_unseen,).

    None where the model does not know how often labels were seen.
    """
    known = label_counts(documents, n_labels)
    if known is None:
        return None
    counts, n_samples = known
    return 1 / propensities_of_counts(np.pad(counts, (0, n_unseen)), n_samples)


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


def renumber_labels(documents: Documents, kept: Ids, n_labels: int) -> None:
    """Keep names and counts of the labels `kept`; new ones behind them have their number for a name, and count 0."""
    new = range(len(kept), n_labels)
    if LABEL_NAMES in documents:
        names = documents[LABEL_NAMES].splitlines()
        documents[LABEL_NAMES] = "".join(f"{name}\n" for name in [*(names[label] for label in kept), *new])
    if LABEL_COUNTS in documents:
        saved = _from_json(documents, LABEL_COUNTS)
        counts = [*(saved["counts"][label] for label in kept), *(0 for _ in new)]
        documents[LABEL_COUNTS] = json.dumps(saved | {"counts": counts})


def put_targets(documents: Documents, targets: Targets) -> None:
    """Keep what the labels are to the user."""
    labels = None if targets.is_indicator else targets.labels.tolist()
    dtype = targets.dtype if targets.is_indicator else targets.labels.dtype
    described = {"form": targets.form, "dtype": dtype.str, "labels": labels, "threshold": targets.threshold}
    documents[TARGETS] = json.dumps(described)


def targets_of(documents: Documents, n_labels: int) -> Targets:
    """Give what the labels are to the user: columns of a sparse matrix, where the model does not say."""
    if TARGETS not in documents:
        return replace(Targets.in_order(n_labels, None), threshold=0.0)
    saved = _from_json(documents, TARGETS)
    try:
        form, dtype, threshold = saved["form"], np.dtype(saved["dtype"]), saved["threshold"]
        labels = np.arange(n_labels) if saved["labels"] is None else np.array(saved["labels"], dtype)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CheckpointError(f"{TARGETS} is damaged: {error!r}") from None
    is_sound = form in FORMS and labels.shape == (n_labels,) and (threshold is None or type(threshold) is float)
    if not is_sound or dtype.kind not in "biufUO":
        raise CheckpointError(f"{TARGETS} is damaged: it does not describe {n_labels} labels")
    return Targets(form, labels, dtype, threshold)


def put_parameters(documents: Documents, parameters: Mapping[str, Any]) -> None:
    """Keep what the user gave the estimator, and so what was left open."""
    documents[PARAMETERS] = json.dumps(dict(parameters), default=_plain)


def _plain(value: Any) -> Any:
    """What JSON has for costs, and for numbers and arrays of NumPy."""
    return value.model_dump() if isinstance(value, BaseModel) else value.tolist()


def parameters_of(documents: Documents, names: Collection[str]) -> dict[str, Any] | None:
    """Give the parameters, which must be among `names`; None where the model does not know of them."""
    if PARAMETERS not in documents:
        return None
    parameters = _from_json(documents, PARAMETERS)
    unknown = sorted(set(parameters) - set(names))
    if unknown:
        raise CheckpointError(f"{PARAMETERS} is damaged: no parameter is called {unknown[0]!r}")
    return parameters


def convert_parameters(documents: Documents, converted: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Have the parameters of a former version as those of this one, if the model knows of them."""
    if PARAMETERS in documents:
        documents[PARAMETERS] = json.dumps(converted(_from_json(documents, PARAMETERS)))


def put_feature_names(documents: Documents, names: Sequence[str] | None) -> None:
    """Keep the names of the columns of X, if they have names."""
    documents.pop(FEATURE_NAMES, None)
    if names is not None:
        documents[FEATURE_NAMES] = json.dumps({"names": list(names)})


def feature_names(documents: Documents, n_features: int) -> NDArray[Any] | None:
    """Give the names of the columns of X; None where they have none."""
    if FEATURE_NAMES not in documents:
        return None
    names = _from_json(documents, FEATURE_NAMES).get("names")
    if not isinstance(names, list) or len(names) != n_features or not all(isinstance(name, str) for name in names):
        raise CheckpointError(f"{FEATURE_NAMES} must have one name per feature ({n_features})")
    return np.array(names, object)


def put_vectorizer(documents: Documents, vectorizer: Vectorizer, n_texts: int = 0) -> None:
    """Keep how texts become features, and how many texts that was learnt from."""
    from slidelearn.text.vectorizers import vectorizer_to_json

    documents[VECTORIZER] = json.dumps(vectorizer_to_json(vectorizer) | {"n_texts": n_texts})


def n_texts_of(documents: Documents) -> int:
    """Give how many texts a vectoriser has seen; 0 where the model does not know."""
    n_texts = _from_json(documents, VECTORIZER).get("n_texts", 0)
    if type(n_texts) is not int or n_texts < 0:
        raise CheckpointError(f"{VECTORIZER} is damaged: n_texts must be >= 0, but is {n_texts!r}")
    return n_texts


def vectorizer_of(documents: Documents) -> Vectorizer | None:
    """What makes features of texts; None where the model was not trained on texts."""
    if VECTORIZER not in documents:
        return None
    from slidelearn.text.vectorizers import vectorizer_from_json  # brings scikit-learn, in a second

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
