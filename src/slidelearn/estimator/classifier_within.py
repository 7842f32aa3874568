"""What a user calls a model may be a classifier of texts: the classifier of features that is within."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from slidelearn.estimator.classifier import SlideClassifier


def classifier_within(model: BaseEstimator) -> SlideClassifier:
    """The classifier of features: a `SlideClassifier` itself, or that of a trained `SlideTextClassifier`.

    Raises
    ------
    TypeError
        If the model is neither.
    sklearn.exceptions.NotFittedError
        If a classifier of texts is not trained.
    """
    if isinstance(model, SlideClassifier):
        return model
    check_is_fitted(model)
    within = getattr(model, "classifier_", None)
    if not isinstance(within, SlideClassifier):
        raise TypeError(f"the model must be a SlideClassifier or a SlideTextClassifier, but is {model!r:.80}")
    return within


def features_for(model: BaseEstimator, X: Any) -> Any:
    """What `classifier_within` takes in place of the X that the model takes: the features of texts."""
    return X if isinstance(model, SlideClassifier) else model.vectorizer_.transform(X)
