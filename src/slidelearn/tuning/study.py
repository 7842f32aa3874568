"""Trials with other options, each trained on a part of the samples and judged on others.

Near-duplicates of the samples that judge are left out of training, as `slidelearn.training.hold_out` finds them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slidelearn.callbacks import Callback
from slidelearn.config import Config, make_config
from slidelearn.estimator import SlideClassifier
from slidelearn.extras import import_extra
from slidelearn.features.known import KnownFeatures
from slidelearn.features.prepared import prepare
from slidelearn.labels.targets import Targets, look_at
from slidelearn.matrices import FloatCsr, check_features, check_labels, check_same_length
from slidelearn.metrics import evaluate, propensities
from slidelearn.progress import Progress, TrainingDiverged
from slidelearn.training.hold_out import hold_out
from slidelearn.tuning.space import Options, Space

MOST_HELD_OUT, LEAST_HELD_OUT = 2000, 30
METRIC = "p@1+p@3+p@5"
N_TRIALS = 20
_N_RANKS = 20


@dataclass(frozen=True)
class Trial:
    """One training, and how its model was judged."""

    number: int
    """From 0 up, which is the trial of the defaults."""
    options: Options
    """Those that were tuned; options that training finds by itself are left out."""
    score: float
    """Mean of the metrics asked for; NaN where the trial has none."""
    metrics: dict[str, float]
    seconds: float
    outcome: str
    """``trained``; ``cut`` by the end of the time; or ``diverged``."""


@dataclass(frozen=True)
class Tuning:
    """What was tried, and what to take."""

    trials: list[Trial]
    n_held_out: int
    standard_error: float
    """Of the best trial's P@1, by the choice of the samples that judge: smaller differences may be chance."""
    interrupt: KeyboardInterrupt | None = None
    """What ended tuning, Ctrl-C or SIGTERM, but not before there was a result."""

    @property
    def best(self) -> Trial:
        """The trial with the highest score."""
        return max(self.trials, key=lambda trial: -math.inf if trial.score != trial.score else trial.score)


@dataclass(frozen=True)
class Judges:
    """Samples to train on, and samples to judge by."""

    X: FloatCsr
    Y: FloatCsr
    X_held_out: FloatCsr
    Y_held_out: FloatCsr

    @classmethod
    def hold_out(cls, X: FloatCsr, Y: FloatCsr, config: Config) -> Judges:
        """Hold some of the samples out, up to a tenth, and leave out what is nearly the same.

        Raises
        ------
        ValueError
            If there are too few, or too many are nearly the same.
        """
        labelled = np.flatnonzero(np.diff(Y.indptr))
        order = np.random.default_rng(config.random_state).permutation(labelled)
        n = len(order)
        prepared = prepare(KnownFeatures.of(X, Y).only(X), config, None)
        held_out, left_out = hold_out(prepared, order, min(MOST_HELD_OUT, n // 10), n // 5)
        if len(held_out) < LEAST_HELD_OUT:
            raise ValueError(
                f"samples to judge by must be >= {LEAST_HELD_OUT}, but of {n:,} only {len(held_out)} can be held out: "
                "give samples for validation"
            )
        rest = np.setdiff1d(labelled, np.concatenate([held_out, left_out]))
        return cls(*_rows(X, Y, rest), *_rows(X, Y, held_out))


def tune(
    X: Any,
    Y: Any,
    *,
    given: Mapping[str, Any] | None = None,
    validation: tuple[Any, Any] | None = None,
    metric: str = METRIC,
    n_trials: int | None = None,
    max_seconds: float | None = None,
    n_jobs: int | None = None,
    callbacks: Sequence[Callback] = (),
    after_trial: Callable[[Trial], None] = lambda _: None,
) -> Tuning:
    """Find options that serve samples like these better than the defaults.

    The first trial has the defaults; the others are chosen by Optuna's tree-structured Parzen estimator (Bergstra et
    al., 2011). There is one network in trials, unless `n_networks` is given.

    Parameters
    ----------
    X, Y
        Features, and labels in every form that `SlideClassifier.fit` takes.
    given
        Options, `preset` among them, that are not to be tuned.
    validation
        X and Y of samples to judge by; None: some of the training samples.
    metric
        What to maximise: names of `slidelearn.metrics.evaluate`, several joined by +, whose mean counts.
    n_trials, max_seconds
        When to end; by the seconds, a trial that is not ready is cut off. Neither: after `N_TRIALS` trials.
    n_jobs
        Threads.
    callbacks
        What looks on in every trial.
    after_trial
        Called after each.

    Raises
    ------
    ValueError
        For an option or a metric against its rule, or if no trial could be ended.

    Examples
    --------
    >>> from slidelearn import load_dataset
    >>> data = load_dataset("wordnet-tiny")
    >>> tuning = tune(data.X_train, data.Y_train, given={"preset": "quick", "n_epochs": 3}, n_trials=2, n_jobs=1)
    >>> tuning.best.score >= tuning.trials[0].score
    True
    """
    for name, value in (("n_trials", n_trials), ("max_seconds", max_seconds)):
        if value is not None and not value > 0:
            raise ValueError(f"{name} must be > 0, but is {value}")
    optuna = import_extra("optuna", "tune", "slidelearn.tuning")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    began, fixed = time.perf_counter(), dict(given or {})
    given_labels = look_at(Y)
    targets = Targets.of(given_labels)
    X, Y = check_features(X), targets.encoded(given_labels)
    check_same_length(X, Y)
    config = make_config(**fixed)
    judges = Judges(X, Y, *_checked(validation, targets)) if validation else Judges.hold_out(X, Y, config)
    names = _metrics(metric, judges)
    space = Space.of(fixed, judges.X, judges.Y)
    deadline = math.inf if max_seconds is None else began + max_seconds
    most = n_trials or (N_TRIALS if max_seconds is None else 10**6)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=config.random_state))
    study.enqueue_trial(space.defaults)
    trials: list[Trial] = []
    interrupt: KeyboardInterrupt | None = None
    while len(trials) < most and time.perf_counter() < deadline:
        asked = study.ask()
        options = space.suggest(asked)
        try:
            trial = _tried(len(trials), options, fixed, judges, names, n_jobs, [*callbacks, _Cut(deadline)])
        except KeyboardInterrupt as heard:
            if not trials:
                raise
            interrupt = heard
            break
        failed = trial.outcome != "trained"
        study.tell(asked, None if failed else trial.score, optuna.trial.TrialState.FAIL if failed else None)
        trials.append(trial)
        after_trial(trial)
    best = [trial.metrics["p@1"] for trial in trials if trial.outcome == "trained"]
    if not best:
        raise ValueError("no trial could be ended: give more seconds (max_seconds), or a lower learning_rate")
    n = judges.Y_held_out.shape[0]
    return Tuning(trials, n, math.sqrt(max(best) * (1 - max(best)) / n), interrupt)


class _TimeIsOver(Exception):
    """Cuts a trial off."""


class _Cut(Callback):
    def __init__(self, deadline: float) -> None:
        self._deadline = deadline

    def on_step(self, progress: Progress) -> None:
        self._look()

    def on_shortlists(self, n_done: int, n_samples: int) -> None:
        self._look()

    def _look(self) -> None:
        if time.perf_counter() > self._deadline:
            raise _TimeIsOver


def _tried(
    number: int,
    options: Options,
    fixed: Mapping[str, Any],
    judges: Judges,
    names: Sequence[str],
    n_jobs: int | None,
    callbacks: Sequence[Callback],
) -> Trial:
    began, metrics, outcome = time.perf_counter(), {}, "trained"
    clf = SlideClassifier(**{"n_networks": 1, **fixed, **options, "n_jobs": n_jobs})
    try:
        clf.fit(judges.X, judges.Y, callbacks=callbacks)
    except _TimeIsOver:
        outcome = "cut"
    except TrainingDiverged:
        outcome = "diverged"
    else:
        metrics = _measured(clf, judges)
    score = float(np.mean([metrics[name] for name in names])) if metrics else math.nan
    return Trial(number, options, score, metrics, time.perf_counter() - began, outcome)


def _measured(clf: SlideClassifier, judges: Judges) -> dict[str, float]:
    ids, _ = clf.predict_topk(judges.X_held_out, min(_N_RANKS, clf.n_labels_))
    ks = [k for k in (1, 3, 5) if k <= clf.n_labels_]
    return evaluate(ids, judges.Y_held_out, 1 / propensities(judges.Y), ks)


def _metrics(metric: str, judges: Judges) -> list[str]:
    n_labels = judges.Y.shape[1]
    names = metric.split("+")
    if metric == METRIC:
        return [name for name in names if int(name[2:]) <= n_labels]
    known = [f"{kind}@{k}" for kind in ("p", "psp", "ndcg") for k in (1, 3, 5) if k <= n_labels]
    known += ["recall@20"] * (n_labels >= _N_RANKS)
    for name in names:
        if name not in known:
            raise ValueError(f"metric must be of {', '.join(known)}, or several joined by +, but is {metric!r}")
    return names


def _checked(samples: tuple[Any, Any], targets: Targets) -> tuple[FloatCsr, FloatCsr]:
    X = check_features(samples[0], name="X of validation")
    Y = targets.encoded(look_at(samples[1]), name="Y of validation")
    check_same_length(X, Y)
    return X, Y


def _rows(X: FloatCsr, Y: FloatCsr, rows: NDArray[np.int64]) -> tuple[FloatCsr, FloatCsr]:
    return check_features(X[rows]), check_labels(Y[rows])
