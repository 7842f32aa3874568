"""Measuring on held-out samples while a network trains, and acting on it: ending early, keeping the best network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

from slidelearn.callbacks.base import Callback
from slidelearn.files.paths import to_path
from slidelearn.inference import top_k
from slidelearn.labels.targets import look_at
from slidelearn.matrices import FloatCsr, check_features
from slidelearn.metrics import evaluate
from slidelearn.model.documents import targets_of, vectorizer_of
from slidelearn.model.files import load_model, save_model
from slidelearn.model.model import Member, Model
from slidelearn.progress import Progress
from slidelearn.ranking.neighbours import Neighbours
from slidelearn.text.texts import are_texts, check_texts

_N_RANKS = 20


@final
class Validation(Callback):
    """Measures P@k, nDCG@k and recall@20 on held-out samples: of networks as they are trained, of the model at the end.

    During training each network is measured alone, without the other networks and without the ranker, which is trained
    last. These figures are in `Progress.metrics`, logs and learning curves, and `EarlyStopping` and `KeepBest` go by
    them; the whole model will most often be some points better. When everything is trained, the whole model answers the
    samples: its figures are in ``training_["validation"]``. Measuring changes nothing in the training.

    Parameters
    ----------
    X, Y
        (n_samples, n_features), or (n_samples,) texts with `slidelearn.SlideTextClassifier`; and the labels, in the
        same form as for training. A few thousand samples are enough.
    every_steps
        Steps after which to measure, as well as at the end of each epoch.

    Examples
    --------
    >>> from slidelearn import SlideClassifier, load_dataset
    >>> from slidelearn.model.history import History
    >>> data = load_dataset("wordnet-tiny")
    >>> clf = SlideClassifier(n_epochs=3, n_jobs=1)
    >>> _ = clf.fit(data.X_train, data.Y_train, callbacks=[Validation(data.X_test, data.Y_test)])
    >>> of_network = History.of(clf.documents_).networks[0].epochs.columns["p@1"]
    >>> len(of_network)
    3
    >>> clf.training_["validation"]["p@1"] > of_network[-1]
    True
    """

    def __init__(self, X: Any, Y: Any, *, every_steps: int | None = None) -> None:
        if every_steps is not None and every_steps < 1:
            raise ValueError(f"every_steps must be >= 1, but is {every_steps}")
        self._X, self._y = check_texts(X) if are_texts(X) else check_features(X), look_at(Y)
        n_samples = len(self._X) if isinstance(self._X, list) else self._X.shape[0]
        if self._y.n_samples != n_samples:
            raise ValueError(
                f"X and Y must have one row per sample, but X has {n_samples} and Y has {self._y.n_samples}"
            )
        if not n_samples:
            raise ValueError("X must have samples to look at, but has none")
        self._every_steps = every_steps

    def on_begin(self, progress: Progress) -> None:
        """Check that the samples fit the model."""
        model = progress.model
        if model is None:
            raise ValueError("Validation needs a model that knows its labels, but the network is part of none")
        X = self._features_for(model)
        targets = targets_of(model.documents, progress.network.n_labels)
        self._labels = targets.encoded(self._y, "Y of Validation")
        self._features = model.prepared(X)

    def on_step(self, progress: Progress) -> None:
        """Measure, if it is time, but not at the end of an epoch, which has its own measurement."""
        is_last = progress.step % max(progress.n_steps // progress.n_epochs, 1) == 0
        if self._every_steps and progress.step % self._every_steps == 0 and not is_last:
            self._look(progress)

    def on_epoch(self, progress: Progress) -> None:
        """Measure the network."""
        self._look(progress)

    def on_model(self, model: Model, n_threads: int) -> None:
        """Measure the whole model."""
        model.training["validation"] = self._measured(model.members, n_threads, model.neighbours)

    def _features_for(self, model: Model) -> FloatCsr:
        X = self._X
        if isinstance(X, list):
            vectorizer = vectorizer_of(model.documents)
            if vectorizer is None:
                raise ValueError("X of Validation must be features, as in training, but is texts")
            return check_features(vectorizer.transform(X))
        if X.shape[1] != model.n_features:
            raise ValueError(
                f"X of Validation must have {model.n_features} columns, as in training, but has {X.shape[1]}"
            )
        return X

    def _look(self, progress: Progress) -> None:
        progress.metrics = self._measured([Member([progress.network])], progress.n_threads)
        progress.n_looks += 1

    def _measured(
        self, members: Sequence[Member], n_threads: int, neighbours: Neighbours | None = None
    ) -> dict[str, float]:
        n_labels = members[0].network.n_labels
        k = min(_N_RANKS, n_labels)
        ids, _ = top_k(members, self._features, k, neighbours=neighbours, n_threads=n_threads)
        return evaluate(ids, self._labels, ks=[k for k in (1, 3, 5) if k <= n_labels])


@dataclass
class _Best:
    """The best look at a network so far, by one metric."""

    metric: str
    whose: str
    """Class that asks."""
    value: float = float("-inf")
    step: int = 0
    n_looks: int = 0
    n_since: int = 0
    """Looks since the best."""

    def is_beaten(self, progress: Progress, min_gain: float = 0.0) -> bool:
        """Whether there was a new look, and it is the best."""
        if progress.n_looks == self.n_looks:
            return False
        if self.metric not in progress.metrics:
            known = ", ".join(progress.metrics)
            raise ValueError(f"metric of {self.whose} must be one of {known}, but is {self.metric!r}")
        self.n_looks = progress.n_looks
        value = progress.metrics[self.metric]
        if value > self.value + min_gain:
            self.value, self.step, self.n_since = value, progress.step, 0
            return True
        self.n_since += 1
        return False

    def require_looks(self, progress: Progress) -> None:
        """Refuse to wait for looks that nobody takes."""
        if not progress.n_looks:
            raise ValueError(f"{self.whose} needs a Validation before it among the callbacks, but there is none")

    def afresh(self) -> _Best:
        """Without any look."""
        return _Best(self.metric, self.whose)

    def state(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"value": self.value, "step": self.step, "n_looks": self.n_looks, "n_since": self.n_since}

    def at(self, state: Mapping[str, Any]) -> _Best:
        """With the looks of a state."""
        return replace(self, **state)


@final
class EarlyStopping(Callback):
    """Ends the training of a network when a metric of `Validation` has not grown for some looks.

    A learning rate that falls to zero over `n_epochs` does most for the metric at the end: with it, early stopping
    saves little, and may cost something. It is for ``learning_rate_schedule="constant"``, or for too many epochs. The
    metric is that of the network alone, without the ranker.

    Parameters
    ----------
    metric
        Its name, such as ``p@1``; more is better.
    patience
        Looks without gain that are endured.
    min_gain
        What counts as gain.

    Examples
    --------
    >>> from slidelearn import SlideClassifier, load_dataset
    >>> data = load_dataset("wordnet-tiny")
    >>> looks = [Validation(data.X_test, data.Y_test), EarlyStopping(patience=1)]
    >>> clf = SlideClassifier(n_epochs=40, learning_rate_schedule="constant", ranker=False, n_jobs=1)
    >>> clf.fit(data.X_train, data.Y_train, callbacks=looks).training_["n_steps"] < 40 * 11
    True
    """

    def __init__(self, metric: str = "p@1", *, patience: int = 3, min_gain: float = 0.0) -> None:
        if patience < 1:
            raise ValueError(f"patience must be >= 1, but is {patience}")
        self._patience, self._min_gain = patience, min_gain
        self._best = _Best(metric, "EarlyStopping")

    def on_begin(self, progress: Progress) -> None:
        """Begin to count, for each network."""
        if progress.step == 0:
            self._best = self._best.afresh()

    def on_step(self, progress: Progress) -> None:
        """End training, if there was a look, and it was one too many without gain."""
        self._best.is_beaten(progress, self._min_gain)
        progress.stop = progress.stop or self._best.n_since >= self._patience

    def on_epoch(self, progress: Progress) -> None:
        """The same."""
        self._best.require_looks(progress)
        self.on_step(progress)

    def state(self) -> dict[str, Any]:
        """The best look."""
        return self._best.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Know it."""
        self._best = self._best.at(state)


@final
class KeepBest(Callback):
    """Keeps the model of the best look, and gives its network the place of the last one at the end of training.

    The best network by itself: the ranker is trained after that, with it.

    Parameters
    ----------
    directory
        Where to save it; a model there is replaced. It can be loaded, and has no ranker yet.
    metric
        One of `Validation`, such as ``p@1``; more is better.

    Examples
    --------
    >>> from slidelearn import SlideClassifier, load_dataset
    >>> data = load_dataset("wordnet-tiny")
    >>> looks = [Validation(data.X_test, data.Y_test), KeepBest("best")]
    >>> clf = SlideClassifier(n_epochs=3, n_jobs=1).fit(data.X_train, data.Y_train, callbacks=looks)
    >>> SlideClassifier.load("best").ranker_ is None
    True
    """

    def __init__(self, directory: str | Path, metric: str = "p@1") -> None:
        self._directory, self._best = to_path(directory, "directory"), _Best(metric, "KeepBest")

    def on_begin(self, progress: Progress) -> None:
        """Begin to compare, for each network."""
        if progress.model is None:
            raise ValueError("KeepBest needs a model to keep, but a network is trained that is part of none")
        if progress.step == 0:
            self._best = self._best.afresh()

    def on_step(self, progress: Progress) -> None:
        """Save the model, if there was a look, and it is the best."""
        if self._best.is_beaten(progress):
            assert progress.model
            save_model(self._directory, progress.model)

    def on_epoch(self, progress: Progress) -> None:
        """The same."""
        self._best.require_looks(progress)
        self.on_step(progress)

    def on_end(self, progress: Progress) -> None:
        """Go back to the best network."""
        if self._best.n_looks and self._best.step != progress.step:
            progress.network.copy_from(load_model(self._directory).networks[progress.number - 1])

    def state(self) -> dict[str, Any]:
        """The best look."""
        return self._best.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Know it."""
        self._best = self._best.at(state)
