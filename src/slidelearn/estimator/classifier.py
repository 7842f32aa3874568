"""SlideClassifier: the scikit-learn face of the engine. No maths here."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Self

from scipy import sparse
from sklearn.utils.validation import validate_data

from slidelearn.callbacks import Callback
from slidelearn.callbacks.base import require_callbacks
from slidelearn.callbacks.checkpointing import refuse_checkpointing
from slidelearn.estimator.changing import Changing
from slidelearn.estimator.checked_input import read_samples
from slidelearn.fitting.beginning import begin, begin_updates
from slidelearn.fitting.rehearsal import threshold_of
from slidelearn.fitting.resuming import Interrupted
from slidelearn.fitting.streams import begin_stream
from slidelearn.fitting.updating import changed_options, reconsider, retrain, update
from slidelearn.kernels import Float
from slidelearn.labels.targets import Given, Targets
from slidelearn.machine.resources import saying_what_takes_memory
from slidelearn.matrices import FloatCsr, digest_of_samples
from slidelearn.model.documents import LABEL_COUNTS, add_label_counts, put_counts, put_label_counts
from slidelearn.sample_stream import SampleStream
from slidelearn.training.model_training import Began, ModelTraining, now
from slidelearn.training.prequential import answer_first
from slidelearn.training_set import TrainingSet

_FOR_TRAINING = saying_what_takes_memory(
    "training", "choose smaller hidden_sizes or ranker=False, or give fewer samples (fit_stream, partial_fit)"
)


class SlideClassifier(Changing):
    """A classifier for very many labels, trained by computing only the neurons that matter.

    A sample may have one label or several.

    Parameters
    ----------
    preset
        ``recipe``: what is most accurate for its time; ``quick``: a little less accurate in a fraction of it;
        ``paper``: the network, loss, sampler and optimizer of SLIDE (Chen et al., MLSys 2020, arXiv:1903.03129).
    n_jobs
        Threads; None and -1: all processors that the process, or its container, may use.
    warm_start
        Whether `fit` goes on training the model that is there instead of starting anew. The samples may bring new
        labels and features.
    random_state
        Seed of everything random; None: 0. With `deterministic`, the same seed gives the same model, bit for bit. With
        a ``RandomState``, each training draws a seed of its own from it.
    **options
        All others are options of the engine, which `slidelearn.config.Config` explains; None leaves the preset's value.

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
    known_features_ : array (n_known,)
        The columns of X that occurred in training, ascending; all others take no memory, and answers ignore them.
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

    @_FOR_TRAINING
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        callbacks: Sequence[Callback] = (),
        resume_from: str | Path | None = None,
        documents: Mapping[str, str] | None = None,
    ) -> Self:
        """Train from the start, or go on with an interrupted training, or (`warm_start`) with the trained model.

        Parameters
        ----------
        X
            (n_samples, n_features): SciPy sparse matrix or array, dense array, or data frame.
        y
            One of three forms. A class for each sample: (n_samples,) numbers or strings. Or labels: an indicator
            (n_samples, n_labels), sparse, where non-zero means relevant, or dense, of 0 and 1; or a list of label names
            for each sample.
        sample_weight
            (n_samples,): how much each sample counts, not negative. Only ratios matter, and samples of weight 0 are
            left out. They weight the network's loss; the ranker sees heavy samples several times instead.
        callbacks
            Objects that watch the training, and may end it.
        resume_from
            A checkpoint, or the directory in which `slidelearn.callbacks.Checkpointing` keeps them: training goes on
            from the latest. With `deterministic` it ends in the same bits as if it had not been interrupted.
        documents
            Texts to put into `documents_` before the first step, so that callbacks and checkpoints have them.

        Raises
        ------
        ValueError
            If an option, X or y breaks one of its rules.
        CheckpointError
            If there is no checkpoint, or it is damaged, or was made with other options or samples.
        MemoryError
            If training would not fit.
        TrainingDiverged
            If the loss becomes NaN, or explodes.
        """
        began = now()
        require_callbacks(callbacks)
        given, features, weights = read_samples(X, y, sample_weight)
        interrupted = None if resume_from is None else Interrupted.read(resume_from)
        if self.warm_start and hasattr(self, "_model") and not interrupted:
            return self._trained_once_more(X, given, features, weights, callbacks, began, documents)
        config, left_open, n_threads = self._options(), self._left_open(), self._n_threads
        targets = (interrupted and interrupted.known_targets) or Targets.of(given)
        samples = TrainingSet.of(features, targets.encoded(given), weights)
        if interrupted:
            training = interrupted.resumed(config, left_open, samples, n_threads, began)
        else:
            several = not targets.one_each
            training = begin(
                config, left_open, samples, several=several, n_threads=n_threads, callbacks=callbacks, began=began
            )
        return self._trained(training, targets, X, callbacks, documents)

    @_FOR_TRAINING
    def fit_stream(
        self,
        stream: SampleStream,
        *,
        callbacks: Sequence[Callback] = (),
        resume_from: str | Path | None = None,
        documents: Mapping[str, str] | None = None,
    ) -> Self:
        """Train from the start on a file that need not fit in memory; it is read once for each epoch.

        The networks learn from all samples. The ranker, and the pilot if there is one, learn from a random part that is
        kept in memory, at most 262,144 samples. If neither that limit nor the stream's buffer is smaller than the file,
        the model is the same as from `fit`, bit for bit.

        Parameters
        ----------
        stream
            The file, as `slidelearn.SampleStream` reads it.
        callbacks
            As in `fit`.
        resume_from
            As in `fit`; the file and the stream's buffer must be the same.
        documents
            As in `fit`.

        Raises
        ------
        ValueError
            If an option breaks its rule, the file is damaged, or `max_seconds` or `standardize_features` is given.
        CheckpointError, MemoryError, TrainingDiverged
            As in `fit`.
        """
        began = now()
        require_callbacks(callbacks)
        if not isinstance(stream, SampleStream):
            raise TypeError(f"stream must be a SampleStream, such as SampleStream(path), but is {stream!r:.80}")
        targets = Targets.in_order(stream.n_labels, stream.label_names)
        training = begin_stream(
            self._options(),
            self._left_open(),
            stream,
            n_threads=self._n_threads,
            callbacks=callbacks,
            began=began,
            interrupted=None if resume_from is None else Interrupted.read(resume_from),
        )
        no_samples = sparse.csr_array((0, stream.n_features), dtype="float32")
        return self._trained(training, targets, no_samples, callbacks, documents)

    @_FOR_TRAINING
    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: Any = None,
        sample_weight: Any = None,
        *,
        callbacks: Sequence[Callback] = (),
        documents: Mapping[str, str] | None = None,
    ) -> Self:
        """Learn from more samples, in one pass, in a time that follows their number; the first call begins a model.

        The model answers the samples before it learns from them. How well it does tells how the ranker should blend its
        evidence from now on, and where the threshold of `predict` should lie: 1,000 samples settle both anew, fewer
        move them part of the way. Where the sampler has a memory, the wrong answers become the hard negatives.

        The learning rate is the full one, without warm-up or decay; samples that fill only a part of a batch take the
        same part of the rate. Optimizer states go on. The log-Q correction counts labels in all samples so far. Each
        classifier of the ranker stays as close to its former weights as the new samples that have its label, or list
        it, allow; and the samples join the neighbours. Dense features are standardised as in the first call. If the
        sampler was left open, a pilot chooses it once there are 150,000 samples in all.

        Parameters
        ----------
        X
            (n_samples, n_features). New columns may follow the known ones. Features that occur for the first time join
            the model.
        y
            As in `fit`, in the form of the first call. Classes, names and columns that are not known yet join the
            model after the others; their rows in the network start in the direction of their samples.
        classes
            Classes or names that join even if y does not hold them. None: those in y.
        sample_weight, callbacks, documents
            As in `fit`, but checkpoints are refused: one pass cannot be resumed. Save the model after a call; if a call
            is interrupted, load the model and repeat it.
        """
        require_callbacks(callbacks)
        refuse_checkpointing(callbacks)
        began = now()
        given, features, weights = read_samples(X, y, sample_weight)
        if hasattr(self, "_model"):
            self._options()  # wrong ones are refused before anything has changed
            if not given.has_labels:
                warnings.warn(f"none of the {given.n_samples:,} samples has a label: the model stays", stacklevel=2)
                return self
            n_known = self.n_labels_
            samples = self._grown_for(X, given, features, weights, classes)
            self.documents_.update(documents or {})
            trials = reconsider(self._model, samples, self._left_open(), self._n_threads, callbacks)
            answers = answer_first(self._model, samples.X, samples.Y, n_known, self._n_threads, callbacks)
            update(self._model, samples, self._n_threads, began, answers).run(callbacks)
            add_label_counts(self.documents_, samples.Y)
            self._model.training["pilot"] = trials
            self._targets = replace(self._targets, threshold=answers.moved(self._targets.threshold))
            self._describe()
            return self
        targets = Targets.of(given, classes)
        samples = TrainingSet.of(features, targets.encoded(given), weights)
        training = begin_updates(self._options(), self._left_open(), samples, self._n_threads, callbacks, began)
        return self._trained(training, targets, X, callbacks, documents)

    def _trained(
        self,
        training: ModelTraining,
        targets: Targets,
        X: Any,
        callbacks: Sequence[Callback],
        documents: Mapping[str, str] | None,
    ) -> Self:
        """Take on a new model, train it, and find the score from which on it gives labels; until then it is 0.

        If training fails or is interrupted, the estimator is as it was before: it never keeps a half-trained model.
        """
        former = self.__dict__.copy()
        finds_threshold = not targets.one_each and not training.goes_on
        try:
            self._model, self._targets = training.model, replace(targets, threshold=0.0) if finds_threshold else targets
            validate_data(self, X, skip_check_array=True)
            self.documents_.update(documents or {})
            self._describe()
            training.run(callbacks)
            if training.goes_on:
                put_label_counts(self.documents_, training.samples.Y)
            elif self._model.seen and LABEL_COUNTS not in self.documents_:
                put_counts(self.documents_, self._model.seen.label_counts, int(self._model.seen.n_samples[0]))
            if finds_threshold:
                self._targets = replace(targets, threshold=threshold_of(training, self._n_threads))
                self._describe()
        except BaseException:
            self.__dict__ = former
            raise
        return self

    def _trained_once_more(
        self,
        X: Any,
        given: Given,
        features: FloatCsr,
        weights: Float | None,
        callbacks: Sequence[Callback],
        began: Began,
        documents: Mapping[str, str] | None,
    ) -> Self:
        """Train the model once more, after it has taken on the labels and features that are new."""
        options, left_open = self._options(), self._left_open()
        changed_options(self.config_, options, left_open)  # refuses wrong options before anything has changed
        samples = self._grown_for(X, given, features, weights)
        self.documents_.update(documents or {})

        def digest() -> str:
            return digest_of_samples(*TrainingSet.of(features, self._targets.encoded(given), weights))

        retrain(self._model, samples, options, left_open, self._n_threads, began, cache(digest)).run(callbacks)
        put_label_counts(self.documents_, samples.Y)
        return self
