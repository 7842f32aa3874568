"""SlideClassifier: the scikit-learn face of the engine. No maths here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.utils.validation import validate_data

from slidelearn.answering import Answering
from slidelearn.callbacks import Callback
from slidelearn.checked_input import read_features, read_samples
from slidelearn.config import Config
from slidelearn.documents import renumber_labels
from slidelearn.features import prepare
from slidelearn.fitting import begin, begin_updates, reconsider, resume, retrain, threshold_of, update
from slidelearn.growth import grow, remove_labels
from slidelearn.kernels import Float
from slidelearn.matrices import FloatCsr, check_features, check_labels, check_same_length
from slidelearn.model_training import ModelTraining, now
from slidelearn.prequential import answer_first
from slidelearn.sample_stream import SampleStream
from slidelearn.stream_fitting import begin_stream
from slidelearn.targets import Given, Targets, look_at
from slidelearn.training_set import TrainingSet

_MAY_CHANGE = ("n_epochs", "batch_size", "learning_rate", "learning_rate_schedule", "warmup_fraction")
"""Options that may be others when `fit` goes on, with `warm_start`."""


class SlideClassifier(Answering):
    """A classifier for very many labels, trained by computing only the neurons that matter.

    A sample may have one label or several.

    Parameters
    ----------
    preset
        ``recipe``: what is most accurate for its time; ``quick``: a little less accurate in a fraction of it;
        ``paper``: the network, loss, sampler and optimizer of SLIDE (Chen et al., MLSys 2020, arXiv:1903.03129).
    n_jobs
        Threads; None and -1: all processors.
    warm_start
        Whether `fit` goes on from the model that is there, which may have fewer labels and features, instead of
        starting anew.
    random_state
        Seed of everything random. The same seed gives the same model, bit for bit, if `deterministic` holds.

    **options
        All others are options of the engine (`slidelearn.config.Config` explains each); None leaves the preset's value.

    Attributes
    ----------
    classes_ : array (n_labels,)
        The class or name of each label; where Y is an indicator, the numbers of its columns.
    config_ : Config
        The options in force.
    n_features_in_, n_labels_ : int
        Columns of X, and how many labels there are.
    feature_names_in_ : array (n_features,)
        Names of the columns of X, where it was a data frame.
    threshold_ : float or None
        Score from which on `predict` gives a label; None where every sample has one class.
    training_ : dict
        What training reported: seconds, active neurons per sample, samples without labels, and more.

    Examples
    --------
    >>> from slidelearn import SlideClassifier, load_dataset
    >>> data = load_dataset("wordnet-tiny")
    >>> clf = SlideClassifier(n_epochs=3, n_jobs=1).fit(data.X_train, data.Y_train)
    >>> ids, scores = clf.predict_topk(data.X_test, k=5)
    >>> ids.shape
    (608, 5)
    >>> texts = [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    >>> SlideClassifier(n_jobs=1).fit(texts, [["even"], ["odd"], ["even", "odd"]]).predict(texts)
    [['even'], ['odd'], ['even', 'odd']]
    """

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        callbacks: Sequence[Callback] = (),
        resume_from: str | Path | None = None,
    ) -> Self:
        """Train from the start, or go on: with a training that was interrupted, or, with `warm_start`, with the model.

        Parameters
        ----------
        X
            (n_samples, n_features): SciPy sparse matrix or array, dense array, or data frame.
        y
            One of three forms. A class for each sample: (n_samples,) numbers or strings. Or labels: a sparse or dense
            indicator (n_samples, n_labels), where non-zero means relevant, or a list of label names for each sample.
        sample_weight
            (n_samples,): what each sample counts, not negative; only ratios matter, and samples of weight 0 are left
            out. The network's loss is weighted; for the ranker, heavy samples are there several times.
        callbacks
            What looks on.
        resume_from
            A checkpoint, or the directory in which `slidelearn.callbacks.Checkpointing` keeps them: training goes on
            from the latest. With `deterministic` it ends in the same bits as if it had not been interrupted.

        Raises
        ------
        ValueError
            For an option, a matrix or labels against their rule.
        CheckpointError
            If there is no checkpoint, or it is damaged, or was made with other options or samples.
        MemoryError
            If training would not fit.
        TrainingDiverged
            If the loss is no number any more, or grows beyond all bounds.
        """
        began = now()
        given, features, weights = read_samples(X, y, sample_weight)
        if self.warm_start and hasattr(self, "_model") and resume_from is None:
            config = self._changed_options()
            samples = self._grown_for(X, given, features, weights)
            retrain(self._model, samples, config, self._n_threads, began).run(callbacks)
            return self
        config, left_open, n_threads = self._options(), self._left_open(), self._n_threads
        targets = Targets.of(given)
        samples = TrainingSet.of(features, targets.encoded(given), weights)
        if resume_from is None:
            several = not targets.one_each
            training = begin(
                config, left_open, samples, several=several, n_threads=n_threads, callbacks=callbacks, began=began
            )
        else:
            training = resume(Path(resume_from), config, left_open, samples, n_threads, began)
        return self._trained(training, targets, X, callbacks)

    def fit_stream(self, stream: SampleStream, *, callbacks: Sequence[Callback] = ()) -> Self:
        """Train from the start on a file that need not fit in memory; it is read once for each epoch.

        The networks learn from all samples. The ranker, and the pilot if there is one, know a random part of them, at
        most 262,144, which is in memory. A file with no more samples than that, and than the stream's buffer, gives
        the same model as `fit`, bit for bit.

        Parameters
        ----------
        stream
            The file, as `slidelearn.SampleStream` reads it.
        callbacks
            What looks on.

        Raises
        ------
        ValueError
            For an option against its rule, or a file that is damaged; `max_seconds` and `standardize_features` must
            not be given.
        MemoryError
            If training would not fit.
        """
        began = now()
        targets = Targets("csr_array", np.arange(stream.n_labels), np.dtype(np.float32))
        training = begin_stream(
            self._options(), self._left_open(), stream, n_threads=self._n_threads, callbacks=callbacks, began=began
        )
        return self._trained(training, targets, sparse.csr_array((0, stream.n_features), dtype=np.float32), callbacks)

    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: Any = None,
        sample_weight: Any = None,
        *,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """Learn from more samples, in one pass, in a time that follows their number; the first call begins a model.

        The model answers the samples before it learns from them. Their right labels then tell how the ranker blends
        its evidence from now on, and the threshold of `predict`: 1,000 samples settle both anew, fewer move them by as
        much. Where the sampler has a memory, the wrong answers are the hard negatives.

        The learning rate is the full one, without warm-up or decay; samples that do not fill a batch take as much of it
        as they fill. Optimizer states go on. The log-Q correction counts labels in all samples so far. Each classifier
        of the ranker moves as little from its former weights as the new samples with its label, or with it on their
        shortlist, allow; and the samples join the neighbours. Dense features are standardised as in the first call.
        If the sampler was left open, a pilot chooses it once there are 150,000 samples in all.

        Parameters
        ----------
        X
            (n_samples, n_features). It may have more columns than before, behind those known.
        y
            As in `fit`, in the form of the first call. Classes, names and columns that are not known yet join the
            model behind the others; their rows in the network start in the direction of their samples.
        classes
            Classes or names that join even if y does not hold them. None: those in y.
        sample_weight, callbacks
            As in `fit`.
        """
        began = now()
        given, features, weights = read_samples(X, y, sample_weight)
        if hasattr(self, "_model"):
            samples = self._grown_for(X, given, features, weights, classes)
            trials = reconsider(self._model, samples, self._left_open(), self._n_threads, callbacks)
            answers = answer_first(self._model, samples.X, samples.Y, self._n_threads, callbacks)
            update(self._model, samples, self._n_threads, began, answers).run(callbacks)
            self._model.training["pilot"] = trials
            self._targets = replace(self._targets, threshold=answers.moved(self._targets.threshold))
            self._describe()
            return self
        targets = Targets.of(given, classes)
        samples = TrainingSet.of(features, targets.encoded(given), weights)
        training = begin_updates(self._options(), self._left_open(), samples, self._n_threads, callbacks, began)
        return self._trained(training, targets, X, callbacks)

    def add_labels(self, labels: Any, X: Any = None, y: Any = None) -> Self:
        """Take on labels before there are samples to learn them from; all that is there stays as it is, bit for bit.

        Their rows in the network start in the direction of the given samples, so that they can be answers at once;
        without samples, in a random one. The ranker has nothing to say about them yet.

        Parameters
        ----------
        labels
            Their classes or names; where y is an indicator, how many there are.
        X
            (n_samples, n_features): samples of these labels; for a label that has a text of its own, such as its name,
            the features of that.
        y
            Whose samples they are, as in `partial_fit`. None: row i of X is of the i-th of these labels.

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
            own = sparse.eye(n_labels - n_known, n_labels, k=n_known)
            Y = check_labels(own) if y is None else targets.encoded(look_at(y))
            check_same_length(features, Y)
        self._grow(targets, prepare(features, self.config_, self._model.standards), Y)
        return self

    def remove_labels(self, labels: Sequence[Any]) -> Self:
        """Let labels go; all others stay as they are, bit for bit.

        Parameters
        ----------
        labels
            Their classes or names; where y is an indicator, their columns: those behind them move up.
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

    def _trained(self, training: ModelTraining, targets: Targets, X: Any, callbacks: Sequence[Callback]) -> Self:
        """Hold a new model, train it, and find the score from which on it gives labels; until then any will do."""
        self._model, self._targets = training.model, targets if targets.one_each else replace(targets, threshold=0.0)
        validate_data(self, X, skip_check_array=True)
        self._describe()
        training.run(callbacks)
        if not targets.one_each:
            self._targets = replace(targets, threshold=threshold_of(training, self._n_threads))
            self._describe()
        return self

    def _changed_options(self) -> Config:
        """The options in force, with those that may change as they are given now."""
        wanted, given = self._options(), set(Config.model_fields) - self._left_open()
        for name in sorted(given - set(_MAY_CHANGE)):
            now, then = getattr(wanted, name), getattr(self.config_, name)
            if now != then:
                raise ValueError(
                    f"{name} must be {then!r}, as in training, for warm_start to go on, but is {now!r}; "
                    "set warm_start=False to start anew"
                )
        return self.config_.model_copy(update={name: getattr(wanted, name) for name in given & set(_MAY_CHANGE)})

    def _grown_for(
        self, X: Any, given: Given, features: FloatCsr, weights: Float | None, classes: Any = None
    ) -> TrainingSet:
        """Take on the features and labels that are new; the samples as the model is to see them."""
        self._model.require_trainable()
        self._check_columns(X, features.shape[1])
        targets = self._targets.joined(given, classes)
        samples = TrainingSet.of(features, targets.encoded(given), weights)
        standards = self._model.standards
        if standards and features.shape[1] > self.n_features_in_:
            standards = standards.of_more(features)
        samples = samples._replace(X=prepare(samples.X, self.config_, standards))
        self._grow(targets, samples.X, samples.Y)
        self._model.standards = standards
        validate_data(self, X, skip_check_array=True)
        return samples

    def _check_columns(self, X: Any, n_columns: int) -> None:
        """Refuse fewer columns than are known, or others."""
        n_known = self.n_features_in_
        if n_columns <= n_known:
            validate_data(self, X, reset=False, skip_check_array=True)
        elif hasattr(X, "iloc"):
            validate_data(self, X.iloc[:, :n_known], reset=False, skip_check_array=True)

    def _grow(self, targets: Targets, X: FloatCsr, Y: FloatCsr) -> None:
        n_known = self.n_labels_
        if X.shape[1] > self.network_.n_features or Y.shape[1] > n_known:
            grow(self._model, X, Y, self._n_threads)
            renumber_labels(self._model.documents, np.arange(n_known, dtype=np.int32), Y.shape[1])
        self._targets = targets
        self._describe()
