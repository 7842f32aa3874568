"""SlideClassifier: the scikit-learn face of the engine. No maths here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from slidelearn.callbacks import Callback
from slidelearn.checkpoint import Model, load_model, save_model
from slidelearn.config import PRESETS, Config, make_config
from slidelearn.fitting import begin, new_model, resume
from slidelearn.inference import top_k
from slidelearn.kernels import Float, Ids
from slidelearn.machine import resolve_threads
from slidelearn.matrices import check_features, check_labels, check_same_length, prepared
from slidelearn.metrics import precision_at_k
from slidelearn.model_training import ModelTraining, now
from slidelearn.network import Network
from slidelearn.ranker import Ranker

_NOT_OPTIONS = ("preset", "n_jobs")


class SlideClassifier(BaseEstimator):  # type: ignore[misc]
    """A multi-label classifier for very many labels, trained by computing only the neurons that matter.

    Parameters
    ----------
    preset
        ``recipe``: what is most accurate for its time; ``quick``: a little less accurate in a fraction of it;
        ``paper``: the network, loss, sampler and optimizer of SLIDE (Chen et al., MLSys 2020, arXiv:1903.03129).
    n_jobs
        Threads; None and -1: all processors.
    random_state
        Seed of everything random. The same seed gives the same model, bit for bit, if `deterministic` holds.

    All others are options of the engine (`slidelearn.config.Config` explains each); None leaves the preset's value.

    Attributes
    ----------
    config_ : Config
        The options in force.
    n_features_in_, n_labels_ : int
        Columns of X and of Y.
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
    """

    def __init__(
        self,
        *,
        preset: str = "recipe",
        hidden_sizes: Sequence[int] | None = None,
        hidden_active: Sequence[int] | None = None,
        hidden_activation: str | None = None,
        hidden_bias: bool | None = None,
        logits: str | None = None,
        logit_scale: float | None = None,
        label_init: str | None = None,
        normalize_features: bool | None = None,
        feature_power: float | None = None,
        n_models: int | None = None,
        loss: str | None = None,
        log_q_strength: float | None = None,
        sampler: str | None = None,
        active_set: str | None = None,
        n_negatives: int | None = None,
        frequency_power: float | None = None,
        n_hard_negatives: int | None = None,
        min_active: int | None = None,
        hash_family: str | None = None,
        n_tables: int | None = None,
        hashes_per_table: int | None = None,
        bin_size: int | None = None,
        doph_top_k: int | None = None,
        n_buckets: int | None = None,
        bucket_size: int | None = None,
        insertion: str | None = None,
        center_rows: bool | None = None,
        complete_norms: bool | None = None,
        incremental_codes: bool | None = None,
        lsh_selection: str | None = None,
        lsh_candidates: int | None = None,
        lsh_min_tables: int | None = None,
        rebuild_every: int | None = None,
        rebuild_decay: float | None = None,
        redraw_every: int | None = None,
        objective: str | None = None,
        ranker: bool | None = None,
        classifiers: str | None = None,
        shortlist_length: int | None = None,
        ranker_c: float | None = None,
        ranker_threshold: float | None = None,
        n_neighbours: int | None = None,
        n_suggested: int | None = None,
        ranker_blend: Sequence[float] | None = None,
        answers: str | None = None,
        max_seconds: float | None = None,
        pilot: bool | None = None,
        optimizer: str | None = None,
        learning_rate: float | None = None,
        learning_rate_schedule: str | None = None,
        warmup_fraction: float | None = None,
        beta_1: float | None = None,
        beta_2: float | None = None,
        epsilon: float | None = None,
        n_epochs: int | None = None,
        batch_size: int | None = None,
        precision: str | None = None,
        deterministic: bool | None = None,
        random_state: int | None = None,
        n_jobs: int | None = None,
    ) -> None:
        for name, value in locals().items():
            if name != "self":
                setattr(self, name, value)

    def fit(self, X: Any, Y: Any, *, callbacks: Sequence[Callback] = (), resume_from: str | Path | None = None) -> Self:
        """Train from the start, or go on with a training that was interrupted.

        Parameters
        ----------
        X
            (n_samples, n_features): SciPy sparse matrix or array, or dense array.
        Y
            (n_samples, n_labels): the same; non-zero means relevant.
        callbacks
            What looks on.
        resume_from
            A checkpoint, or the directory in which `slidelearn.callbacks.Checkpointing` keeps them: training goes on
            from the latest. With `deterministic` it ends in the same bits as if it had not been interrupted.

        Raises
        ------
        ValueError
            For an option or a matrix against its rule.
        CheckpointError
            If there is no checkpoint, or it is damaged, or was made with other options or samples.
        MemoryError
            If training would not fit.
        TrainingDiverged
            If the loss is no number any more, or grows beyond all bounds.
        """
        config, left_open = self._options(), self._left_open()
        X, Y = check_features(X), check_labels(Y)
        check_same_length(X, Y)
        if resume_from is None:
            training = begin(config, left_open, X, Y, self._n_threads, callbacks)
        else:
            training = resume(Path(resume_from), config, left_open, X, Y, self._n_threads)
        self._adopt(training.model)
        training.run(callbacks)
        return self

    def partial_fit(self, X: Any, Y: Any, *, callbacks: Sequence[Callback] = ()) -> Self:
        """Go on training: one pass over these samples, at the full learning rate.

        The first call on a new estimator starts a network for as many features and labels as X and Y have columns;
        later calls must have as many. The ranker, if there is one, is brought up to date with these samples alone:
        each classifier of a label that they have, or have on their shortlist, moves as little as fits them.
        """
        began = now()
        X, Y = check_features(X), check_labels(Y)
        check_same_length(X, Y)
        if not hasattr(self, "_model"):
            self._adopt(new_model(self._options(), X, Y))
        else:
            self._check_columns("X", X.shape[1], self.n_features_in_)
            self._check_columns("Y", Y.shape[1], self.n_labels_)
        steady = self.config_.model_copy(update={"learning_rate_schedule": "constant", "warmup_fraction": 0.0})
        X = self._prepared(X, steady)
        ModelTraining(self._model, X, Y, steady, 1, self._n_threads, began).run(callbacks)
        return self

    def predict_topk(
        self, X: Any, k: int = 5, *, method: str = "auto", after_batch: Callable[[int], None] | None = None
    ) -> tuple[Ids, Float]:
        """The k best labels of each sample, best first.

        Parameters
        ----------
        X
            (n_samples, n_features).
        k
            At most `n_labels_`.
        method
            ``exact``: over all labels; ``index``: over those that an index finds, in a time that grows with the square
            root of their number; ``lsh``: over those that the hash tables find; ``auto``: by the index, if training has
            made one (option `answers`), else exact.
        after_batch
            Called with the number of samples answered so far.

        Returns
        -------
        ids
            (n_samples, k) int32: columns of Y; -1 where the index or the tables found fewer than k.
        scores
            (n_samples, k) float32: with a ranker the log-odds of the labels, as `slidelearn.ranker.Ranker.order` has
            them, else logits; -inf beside -1.
        """
        self._check_fitted()
        X = check_features(X)
        self._check_columns("X", X.shape[1], self.n_features_in_)
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k <= self.n_labels_:
            raise ValueError(f"k must be an integer in [1, {self.n_labels_}], but is {k!r}")
        if method not in ("auto", "exact", "index", "lsh"):
            raise ValueError(f"method must be 'auto', 'exact', 'index' or 'lsh', but is {method!r}")
        if method == "index" and self._model.index is None:
            raise ValueError("method='index' needs an index: train with answers='index', or choose method='exact'")
        return top_k(
            self._model.networks,
            self._prepared(X, self.config_),
            int(k),
            ranker=self._model.ranker,
            index=self._model.index if method in ("auto", "index") else None,
            through_tables=method == "lsh",
            n_threads=self._n_threads,
            after_batch=after_batch,
        )

    def score(self, X: Any, Y: Any) -> float:
        """P@1 on these samples."""
        ids, _ = self.predict_topk(X, k=1)
        return precision_at_k(ids, Y, 1)

    def save(self, directory: str | Path, *, inference_only: bool = False) -> None:
        """Write the model to a directory; a crash leaves the old model there, or the new one.

        With `inference_only`, a model is a third as large: weights are rounded to eight bits, and what only training
        needs is left out. Loaded again it takes as much memory as before and answers nearly the same, but cannot go on
        learning: `partial_fit` refuses it.
        """
        self._check_fitted()
        save_model(Path(directory), self._model, inference_only=inference_only)

    @classmethod
    def load(cls, directory: str | Path, *, n_jobs: int | None = None) -> Self:
        """Read a model that `save` wrote.

        Raises
        ------
        CheckpointError
            If it is damaged, naming the file and the array.
        """
        model = load_model(Path(directory))
        made = cls(**model.networks[0].config.model_dump(), n_jobs=n_jobs)
        made._adopt(model)
        return made

    @property
    def network_(self) -> Network:
        """The trained network; of several, the first, which puts labels on the shortlist."""
        self._check_fitted()
        return self._model.networks[0]

    @property
    def networks_(self) -> list[Network]:
        """All `n_models` networks."""
        self._check_fitted()
        return self._model.networks

    @property
    def ranker_(self) -> Ranker | None:
        """What orders the labels on the network's shortlist; None where there is none."""
        self._check_fitted()
        return self._model.ranker

    def named_arrays(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """All arrays of the model, by name: what `save` writes."""
        self._check_fitted()
        return self._model.named_arrays()

    @property
    def documents_(self) -> dict[str, str]:
        """Texts that are saved with the model, by file name, such as ``labels.txt``; add to it freely."""
        self._check_fitted()
        return self._model.documents

    @property
    def training_(self) -> dict[str, Any]:
        """What training reported."""
        self._check_fitted()
        return self._model.training

    @property
    def _n_threads(self) -> int:
        return resolve_threads(self.n_jobs)

    def _options(self) -> Config:
        given = {name: value for name, value in self.get_params().items() if name not in _NOT_OPTIONS}
        return make_config(self.preset, **{name: value for name, value in given.items() if value is not None})

    def _left_open(self) -> set[str]:
        """The options that neither the user nor the preset has given."""
        fixed = PRESETS[self.preset]
        return {name for name, value in self.get_params().items() if value is None and name not in fixed}

    _prepared = staticmethod(prepared)

    def _adopt(self, model: Model) -> None:
        self._model = model
        network = model.networks[0]
        self.config_, self.n_features_in_, self.n_labels_ = network.config, network.n_features, network.n_labels

    def _check_fitted(self) -> None:
        if not hasattr(self, "_model"):
            raise NotFittedError("this SlideClassifier is not trained yet: call fit or partial_fit, or load a model")

    @staticmethod
    def _check_columns(name: str, n: int, expected: int) -> None:
        if n != expected:
            raise ValueError(f"{name} must have {expected} columns, as in training, but has {n}")
