"""How a trained estimator answers: ranked labels, labels in Y's own form, scores and probabilities of all labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from scipy.special import log_expit, log_softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import validate_data

from slidelearn.estimator.checked_input import read_features
from slidelearn.estimator.fitted import Fitted
from slidelearn.inference import top_k
from slidelearn.kernels import Float, Ids
from slidelearn.labels.targets import INDICATORS, look_at
from slidelearn.machine.resources import require_memory, saying_what_takes_memory
from slidelearn.matrices import FloatCsr, check_same_length
from slidelearn.metrics import precision_at_k
from slidelearn.model.documents import label_names


class Answering(ClassifierMixin, Fitted):  # type: ignore[misc]
    """The part of the estimator that only reads the model."""

    def predict(self, X: Any) -> Any:
        """The class of each sample, or its labels, in the form that y had in training.

        A sample has the labels whose scores are at least `threshold_`, of those on its shortlist. There may be none.
        The threshold is the one with the highest F1, over all pairs of sample and label, on samples held out for that:
        the ranker's where there are 300 samples or more; with fewer, a third, by a model of the others, which is then
        trained again on all. Without a ranker, it is by up to 1,000 training samples.

        Parameters
        ----------
        X
            (n_samples, n_features).

        Returns
        -------
        array (n_samples,), indicator (n_samples, n_labels) as dense or sparse as y was, or a list of names, best first,
        for each sample
        """
        self._check_fitted()
        return self._targets.answers(*self.predict_topk(X, 1 if self._targets.one_each else self._model.n_listed))

    def predict_topk(
        self,
        X: Any,
        k: int | None = None,
        *,
        method: str = "auto",
        labels: bool = False,
        after_batch: Callable[[int], None] | None = None,
    ) -> tuple[Any, Float]:
        """The k best labels of each sample, best first.

        Parameters
        ----------
        X
            (n_samples, n_features).
        k
            At most `n_labels_`. None: 5, or all if there are fewer.
        method
            ``exact``: over all labels; ``index``: over those that an index finds, in a time that grows with the square
            root of their number; ``lsh``: over those that the hash tables find; ``auto``: by the index, if training has
            made one (option `answers`), else exact.
        labels
            Whether to give classes or names instead of numbers: those that y had, or those in ``labels.txt`` of
            `documents_`.
        after_batch
            Called with the number of samples answered so far.

        Returns
        -------
        ids
            (n_samples, k) int32: numbers of labels, which are places in `classes_`; -1 where the index or the tables
            found fewer than k. With `labels`, (n_samples, k) classes or names, and None.
        scores
            (n_samples, k) float32: with a ranker the log-odds of the labels, as
            `slidelearn.ranking.ranker.Ranker.order` has them, which can be compared across samples; else logits, which
            can be compared within a sample; of an ensemble the log-odds of the mean of its models' probabilities; -inf
            beside -1.
        """
        ids, scores = self._best(X, min(5, self.n_labels_) if k is None else k, method, after_batch)
        if not labels:
            return ids, scores
        names = label_names(self._model.documents, self.n_labels_) if self._targets.is_indicator else None
        return self._targets.named(ids, names), scores

    def decision_function(self, X: Any) -> Float:
        """The scores of all labels, as `predict_topk` has them; those not on a sample's shortlist lie below all others.

        Returns
        -------
        array (n_samples, n_labels), float32
            For two classes (n_samples,): how much higher the second one's score is.

        Raises
        ------
        MemoryError
            If so many scores would not fit in memory; `predict_topk` gives the best ones.
        """
        scores = self._all_scores(X)
        return scores[:, 1] - scores[:, 0] if self._targets.one_each and self.n_labels_ == 2 else scores

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """The probabilities of all labels.

        Classes, of which each sample has one: the softmax of their scores, which sums to 1. Labels: how likely each is
        by itself, by its log-odds; but without a ranker, after training by the loss ``softmax``, the softmax over all
        labels, which is the share of each among the labels of a sample. Labels that are not on a sample's shortlist
        (`shortlist_length`) are less likely than those on it; by how much, their probabilities do not tell.

        Returns
        -------
        array (n_samples, n_labels), float64
            In the order of `classes_`.

        Raises
        ------
        MemoryError
            If so many would not fit in memory; `predict_topk` gives the best ones.
        """
        return np.asarray(np.exp(self.predict_log_proba(X)))

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """The logarithms of what `predict_proba` gives, which tell small probabilities apart.

        Returns
        -------
        array (n_samples, n_labels), float64
            In the order of `classes_`.

        Raises
        ------
        MemoryError
            As `predict_proba` does.
        """
        scores = self._all_scores(X).astype(np.float64)
        ranker = self.ranker_
        if self._targets.one_each or (ranker is None and self.config_.loss == "softmax"):
            return np.asarray(log_softmax(scores, axis=1))
        if ranker is None or ranker.gains is None:
            return np.asarray(log_expit(scores))
        return np.asarray(np.minimum(scores - ranker.gains, 0))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Precision at 1: how often the best label is right; for classes this is the accuracy.

        Parameters
        ----------
        X, y
            As in `fit`; classes and names that the model does not know are never right.
        sample_weight
            (n_samples,): what each sample counts.
        """
        self._check_fitted()
        Y = self._targets.encoded(look_at(y))
        ids, _ = self.predict_topk(X, 1)
        check_same_length(ids, Y)
        return precision_at_k(ids, Y, 1, sample_weight)

    def as_indicator(self, y: Any) -> FloatCsr:
        """Labels as the functions of `slidelearn.metrics` take them, beside the numbers that `predict_topk` gives.

        Parameters
        ----------
        y
            As in `fit`; classes and names that the model does not know are left out. Or an indicator whose columns are
            in the order of `classes_`.

        Returns
        -------
        csr_array (n_samples, n_labels), float32
            Its columns are in the order of `classes_`.

        Examples
        --------
        >>> from slidelearn import SlideClassifier
        >>> X = [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
        >>> clf = SlideClassifier(n_jobs=1).fit(X, [["even"], ["odd"], ["even", "odd"]])
        >>> clf.as_indicator([["odd"], ["even", "prime"]]).toarray()
        array([[0., 1.],
               [1., 0.]], dtype=float32)
        """
        self._check_fitted()
        given = look_at(y)
        if given.form in INDICATORS and given.values.shape[1] == self.n_labels_:
            indicator: FloatCsr = given.values
            return indicator
        return self._targets.encoded(given)

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn should know: sparse X and several labels for a sample are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.classifier_tags.multi_label = True
        return tags

    @saying_what_takes_memory("answering", "ask about fewer samples at a time")
    def _best(self, X: Any, k: int, method: str, after_batch: Callable[[int], None] | None) -> tuple[Ids, Float]:
        self._check_fitted()
        checked = read_features(X, least=0)
        if not issparse(X) or hasattr(self, "feature_names_in_") or checked.shape[1] != self.n_features_in_:
            validate_data(self, X, reset=False, skip_check_array=True)  # else it has nothing to find, and takes long
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k <= self.n_labels_:
            raise ValueError(f"k must be an integer in [1, {self.n_labels_}], but is {k!r}")
        if method not in ("auto", "exact", "index", "lsh"):
            raise ValueError(f"method must be 'auto', 'exact', 'index' or 'lsh', but is {method!r}")
        return top_k(
            self._model.members,
            self._model.prepared(checked),
            int(k),
            neighbours=self._model.neighbours,
            method=method,
            n_threads=self._n_threads,
            after_batch=after_batch,
        )

    def _all_scores(self, X: Any) -> Float:
        self._check_fitted()
        n_bytes = _BYTES_PER_SCORE * np.shape(X)[0] * self.n_labels_
        require_memory(n_bytes, "the scores of all labels", "predict_topk gives those of the best k labels")
        ids, found = self._best(X, self.n_labels_, "exact", None)
        scores = np.empty_like(found)
        np.put_along_axis(scores, ids, found, axis=1)
        return scores


_BYTES_PER_SCORE = 24
"""Numbers and scores of labels in their order, scores in the order of the labels, and probabilities."""
