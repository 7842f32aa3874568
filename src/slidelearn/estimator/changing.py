"""How a trained estimator takes on labels and features, and removes labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.utils.validation import validate_data

from slidelearn.estimator.answering import Answering
from slidelearn.estimator.checked_input import read_features
from slidelearn.kernels import Float
from slidelearn.labels.targets import Given, Targets, look_at
from slidelearn.matrices import FloatCsr, check_features, check_labels, check_same_length
from slidelearn.model.documents import renumber_labels
from slidelearn.model.growth import grow, remove_labels
from slidelearn.training_set import TrainingSet
from slidelearn.wording import counted


class Changing(Answering):
    """The part of the estimator that changes which labels and features there are, and nothing else."""

    def add_labels(self, labels: Any, X: Any = None, y: Any = None) -> Self:
        """Take on labels before there are samples to learn them from; the model is otherwise unchanged, bit for bit.

        Their rows in the network start in the direction of the given samples, so that they can be answers at once;
        without samples, in a random one. The ranker knows nothing about them yet.

        Parameters
        ----------
        labels
            Their classes or names; where y is an indicator, how many there are.
        X
            (n_samples, n_features): samples of these labels. The features of a label's own text, such as its name, will
            do.
        y
            Whose samples they are, as in `partial_fit`. None: row i of X belongs to the i-th of these labels.

        Raises
        ------
        ValueError
            If one of the labels is there already, or X and y do not fit.
        """
        self._check_fitted()
        n_known, targets = self.n_labels_, self._targets.with_more(labels)
        n_labels = len(targets.labels)
        features, Y = check_features(np.empty((0, self.n_features_in_))), check_labels(np.empty((0, n_labels)))
        if X is not None:
            features = read_features(validate_data(self, X, reset=False, skip_check_array=True))
            n_new = n_labels - n_known
            if y is None and features.shape[0] != n_new:
                raise ValueError(
                    f"there must be a sample or text for each of {counted(n_new, 'label')}, unless y says whose they "
                    f"are, but there are {features.shape[0]}"
                )
            own = sparse.eye(n_new, n_labels, k=n_known)
            Y = check_labels(own) if y is None else targets.encoded(look_at(y))
            check_same_length(features, Y)
        self._grow(targets, features, Y)
        self._describe()
        return self

    def remove_labels(self, labels: Sequence[Any]) -> Self:
        """Remove labels; all others stay as they are, bit for bit.

        Parameters
        ----------
        labels
            Their classes or names; where y is an indicator, their columns: the columns after them move up.
        """
        self._check_fitted()
        removed = self._targets.numbers_of(labels)
        kept = np.setdiff1d(np.arange(self.n_labels_, dtype=np.int32), removed)
        if not len(kept):
            raise ValueError("labels must not be all that the model has")
        remove_labels(self._model, removed, self._n_threads)
        renumber_labels(self._model.documents, kept, len(kept))
        self._targets = self._targets.only(kept)
        self._describe()
        return self

    def _grown_for(
        self, X: Any, given: Given, features: FloatCsr, weights: Float | None, classes: Any = None
    ) -> TrainingSet:
        """Take on the features and labels that are new; the samples as the model is to see them."""
        self._model.require_trainable()
        self._check_columns(X, features.shape[1])
        targets = self._targets.joined(given, classes)
        samples = TrainingSet.of(features, targets.encoded(given), weights)
        self._grow(targets, samples.X, samples.Y)
        validate_data(self, X, skip_check_array=True)
        self._describe()  # with the names of new columns
        return samples._replace(X=self._model.prepared(samples.X))

    def _check_columns(self, X: Any, n_columns: int) -> None:
        """Refuse fewer columns than are known, or others."""
        n_known = self.n_features_in_
        if n_columns <= n_known:
            validate_data(self, X, reset=False, skip_check_array=True)
        elif hasattr(X, "iloc"):
            validate_data(self, X.iloc[:, :n_known], reset=False, skip_check_array=True)

    def _grow(self, targets: Targets, X: FloatCsr, Y: FloatCsr) -> None:
        n_known = self.n_labels_
        grow(self._model, X, Y, self._n_threads)
        if Y.shape[1] > n_known:
            renumber_labels(self._model.documents, np.arange(n_known, dtype=np.int32), Y.shape[1])
        self._targets = targets
