"""SlideTextClassifier: texts in, label names out; a vectoriser of scikit-learn and SlideClassifier in one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import NotFittedError

from slidelearn.callbacks import Callback
from slidelearn.estimator import SlideClassifier
from slidelearn.files.atomic import CheckpointError
from slidelearn.kernels import Float
from slidelearn.machine.resources import saying_what_takes_memory
from slidelearn.matrices import FloatCsr, check_features
from slidelearn.model.documents import VECTORIZER, Documents, n_texts_of, put_vectorizer, vectorizer_of
from slidelearn.text.stream import TextStream
from slidelearn.text.texts import check_texts, n_wordless, warn_of_wordless
from slidelearn.text.vectorizers import (
    Vectorizer,
    grown_vectorizer,
    parameters_to_save,
    usual_vectorizer,
)

_FOR_WORDS = saying_what_takes_memory(
    "making features of texts", "give fewer texts (fit_stream, partial_fit), or a vectoriser with max_features"
)


class SlideTextClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier of texts for very many labels.

    Parameters
    ----------
    classifier
        A `SlideClassifier` with the options to train with; None: with its defaults.
    vectorizer
        What makes features of texts: scikit-learn's TfidfVectorizer, CountVectorizer or HashingVectorizer, its
        parameters plain values, so that they can be saved. None: tf-idf of words, logarithmic in the number of times
        that a word stands in a text; from 1,000 texts on without words that stand in one text only.
    **options
        Instead of a classifier: those of `SlideClassifier`, such as ``preset="quick"``. They are parameters of the
        classifier that is made with them: ``set_params(classifier__preset="paper")``.

    Attributes
    ----------
    classifier_ : SlideClassifier
        The trained classifier; its `threshold_`, `training_` and others tell more.
    vectorizer_
        The vectoriser in use.
    n_texts_ : int
        Texts that the vectoriser has learnt words from.
    classes_ : array (n_labels,)
        The classes or names of the labels.

    Examples
    --------
    >>> texts = ["a small domesticated feline", "the young of a cat", "a boat that travels under water"]
    >>> labels = [["cat"], ["cat"], ["vessel", "boat"]]
    >>> clf = SlideTextClassifier(n_jobs=1).fit(texts, labels)
    >>> clf.predict(["a domesticated cat"])
    [['cat']]
    """

    def __init__(
        self, classifier: SlideClassifier | None = None, vectorizer: Vectorizer | None = None, **options: Any
    ) -> None:
        if options and classifier is not None:
            raise ValueError(
                f"{next(iter(options))} must be given to the classifier, SlideClassifier({next(iter(options))}=...), "
                "where there is one"
            )
        self.classifier = SlideClassifier(**options) if options else classifier
        self.vectorizer = vectorizer

    @_FOR_WORDS
    def fit(
        self,
        texts: Sequence[str],
        y: Any,
        sample_weight: Any = None,
        *,
        callbacks: Sequence[Callback] = (),
        resume_from: str | Path | None = None,
    ) -> Self:
        """Learn words from the texts, and labels.

        Parameters
        ----------
        texts
            (n_samples,): strings.
        y
            Most often a list of label names for each text; or one of the other forms that `SlideClassifier.fit` takes.
        sample_weight, callbacks, resume_from
            As in `SlideClassifier.fit`; `slidelearn.callbacks.Validation` takes texts.
        """
        texts = check_texts(texts)
        classifier, vectorizer, X = self._begin(texts)
        warn_of_wordless(n_wordless(X, texts), len(texts))
        documents = _documents(vectorizer, len(texts))
        classifier.fit(X, y, sample_weight, callbacks=callbacks, resume_from=resume_from, documents=documents)
        self.classifier_, self.vectorizer_, self.n_texts_ = classifier, vectorizer, len(texts)
        return self

    @_FOR_WORDS
    def fit_stream(
        self, stream: TextStream, *, callbacks: Sequence[Callback] = (), resume_from: str | Path | None = None
    ) -> Self:
        """Learn words and labels from a file that need not fit in memory; see `SlideClassifier.fit_stream`.

        The file is read twice, to count words and labels and to make features, which are kept in a temporary file; if
        that would take more than half of the room there (``TMPDIR``), they are made anew for each epoch. In memory are,
        beside the network, all words that there are, the names of the labels and a buffer of samples. A file that fits
        in the buffer gives the same model as `fit`, bit for bit.

        Parameters
        ----------
        stream
            The file, as `slidelearn.TextStream` reads it.
        callbacks, resume_from
            As in `SlideClassifier.fit_stream`.

        Examples
        --------
        >>> from slidelearn import TextStream, load_dataset, write_samples, SampleSet
        >>> data = load_dataset("wordnet-tiny")
        >>> samples = SampleSet(data.Y_train, texts=data.train_texts, label_names=data.label_names)
        >>> write_samples("large.jsonl", samples)
        >>> clf = SlideTextClassifier(preset="quick", n_jobs=1)
        >>> _ = clf.fit_stream(TextStream("large.jsonl", buffer_size=1000))
        """
        if not isinstance(stream, TextStream):
            raise TypeError(f"stream must be a TextStream, such as TextStream(path), but is {stream!r:.80}")
        classifier = self._new_classifier()
        features = stream.features(self.vectorizer)
        warn_of_wordless(features.n_wordless, features.n_samples)
        documents = _documents(features.vectorizer, features.n_samples)
        classifier.fit_stream(features, callbacks=callbacks, resume_from=resume_from, documents=documents)
        self.classifier_, self.vectorizer_, self.n_texts_ = classifier, features.vectorizer, features.n_samples
        return self

    @_FOR_WORDS
    def partial_fit(
        self,
        texts: Sequence[str],
        y: Any,
        classes: Any = None,
        sample_weight: Any = None,
        *,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """Learn from more texts, as `SlideClassifier.partial_fit` does; new words and new labels join the model.

        A new word must stand in as many of these texts as the vectoriser's `min_df` says. A vocabulary that was given
        stays as it is.
        """
        texts = check_texts(texts)
        if not hasattr(self, "classifier_"):
            classifier, vectorizer, X = self._begin(texts)
            warn_of_wordless(n_wordless(X, texts), len(texts))
            documents = _documents(vectorizer, len(texts))
            classifier.partial_fit(X, y, classes, sample_weight, callbacks=callbacks, documents=documents)
            self.classifier_, self.vectorizer_, self.n_texts_ = classifier, vectorizer, len(texts)
            return self
        grown = grown_vectorizer(self.vectorizer_, texts, self.n_texts_)
        X, n_texts = grown.transform(texts), self.n_texts_ + len(texts)
        documents = _documents(grown, n_texts)
        try:
            self.classifier_.partial_fit(X, y, classes, sample_weight, callbacks=callbacks, documents=documents)
        finally:  # if y is refused, all stays as it was; if training is broken off, the new words are known
            if self.classifier_.documents_.get(VECTORIZER) == documents[VECTORIZER]:
                self.vectorizer_, self.n_texts_ = grown, n_texts
        return self

    def predict(self, texts: Sequence[str]) -> Any:
        """The labels of each text, in the form of y; see `SlideClassifier.predict`."""
        return self._fitted().predict(self._features(texts))

    def predict_topk(
        self, texts: Sequence[str], k: int | None = None, *, method: str = "auto", labels: bool = True
    ) -> tuple[Any, Float]:
        """The names and the scores of the k best labels of each text; see `SlideClassifier.predict_topk`."""
        return self._fitted().predict_topk(self._features(texts), k, method=method, labels=labels)

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """The probabilities of all labels; see `SlideClassifier.predict_proba`."""
        return self._fitted().predict_proba(self._features(texts))

    def predict_log_proba(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """The logarithms of these probabilities; see `SlideClassifier.predict_log_proba`."""
        return self._fitted().predict_log_proba(self._features(texts))

    def decision_function(self, texts: Sequence[str]) -> Float:
        """The scores of all labels; see `SlideClassifier.decision_function`."""
        return self._fitted().decision_function(self._features(texts))

    def score(self, texts: Sequence[str], y: Any, sample_weight: Any = None) -> float:
        """Precision at 1; for classes this is the accuracy."""
        return self._fitted().score(self._features(texts), y, sample_weight)

    def as_indicator(self, y: Any) -> FloatCsr:
        """Labels as the functions of `slidelearn.metrics` take them; see `SlideClassifier.as_indicator`."""
        return self._fitted().as_indicator(y)

    def add_labels(self, labels: Any, texts: Sequence[str] | None = None, y: Any = None) -> Self:
        """Take on labels before there are texts to learn them from; see `SlideClassifier.add_labels`.

        Parameters
        ----------
        labels
            Their names.
        texts
            A text for each, from whose words it starts, such as the name itself or a definition; or texts that have
            these labels by `y`. None: the labels start anywhere.
        """
        classifier = self._fitted()
        classifier.add_labels(labels, None if texts is None else self._features(texts), y)
        return self

    def remove_labels(self, labels: Sequence[Any]) -> Self:
        """Remove labels; see `SlideClassifier.remove_labels`."""
        self._fitted().remove_labels(labels)
        return self

    def save(self, directory: str | Path, *, inference_only: bool = False) -> None:
        """Write the model with its vectoriser to a directory; see `SlideClassifier.save`."""
        self._fitted().save(directory, inference_only=inference_only)

    @classmethod
    def load(cls, directory: str | Path, *, n_jobs: int | None = None) -> Self:
        """Read a model that `save` wrote.

        Raises
        ------
        CheckpointError
            If it is damaged, or has no vectoriser.
        """
        classifier = SlideClassifier.load(directory, n_jobs=n_jobs)
        vectorizer = vectorizer_of(classifier.documents_)
        if vectorizer is None:
            raise CheckpointError(
                f"{directory} has no {VECTORIZER}: load it by SlideClassifier.load, and give features"
            )
        made = cls(clone(classifier), clone(vectorizer))
        made.classifier_, made.vectorizer_, made.n_texts_ = classifier, vectorizer, n_texts_of(classifier.documents_)
        return made

    @property
    def classes_(self) -> NDArray[Any]:
        """(n_labels,): the classes or names of the labels."""
        return self._fitted().classes_

    def __sklearn_is_fitted__(self) -> bool:
        """For scikit-learn's `check_is_fitted`."""
        return hasattr(self, "classifier_")

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn should know: X is texts, and a sample may have several labels."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.one_d_array, tags.input_tags.string = False, True, True
        tags.classifier_tags.multi_label = True
        return tags

    def _begin(self, texts: list[str]) -> tuple[SlideClassifier, Vectorizer, FloatCsr]:
        """A classifier to be trained, a vectoriser that knows the words of the texts, and their features."""
        classifier = self._new_classifier()
        vectorizer = usual_vectorizer(len(texts))
        if self.vectorizer is not None:
            parameters_to_save(self.vectorizer)  # before the time for training is spent
            vectorizer = clone(self.vectorizer)
        return classifier, vectorizer, vectorizer.fit_transform(texts)

    def _new_classifier(self) -> SlideClassifier:
        if self.classifier is None:
            return SlideClassifier()
        if not isinstance(self.classifier, SlideClassifier):
            raise TypeError(f"classifier must be a SlideClassifier or None, but is {self.classifier!r:.80}")
        if self.classifier.warm_start:
            raise ValueError(
                "warm_start must be False in a classifier of texts, as fit begins anew with their words; "
                "partial_fit goes on learning"
            )
        untrained: SlideClassifier = clone(self.classifier)
        return untrained

    def _features(self, texts: Sequence[str]) -> FloatCsr:
        classifier = self._fitted()
        texts = check_texts(texts, least=0)
        if not texts:  # a service may be asked about none, which vectorisers refuse
            return check_features(np.empty((0, classifier.n_features_in_)))
        features: FloatCsr = self.vectorizer_.transform(texts)
        return features

    def _fitted(self) -> SlideClassifier:
        if not hasattr(self, "classifier_"):
            raise NotFittedError(
                "this SlideTextClassifier is not trained yet: call fit or partial_fit, or load a model"
            )
        classifier: SlideClassifier = self.classifier_
        return classifier


def _documents(vectorizer: Vectorizer, n_texts: int) -> Documents:
    """What goes with a model of texts."""
    documents = dict[str, str]()
    put_vectorizer(documents, vectorizer, n_texts)
    return documents
