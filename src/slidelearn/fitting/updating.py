"""Training of a model that is there already: it learns from more samples, or goes on as it began."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from slidelearn.callbacks.base import Callback
from slidelearn.config import Config
from slidelearn.fitting.pilot import LEAST_SAMPLES, Trials, choose_options
from slidelearn.model.model import Model
from slidelearn.model.snapshot import Origin
from slidelearn.ranking.settled import Settled
from slidelearn.training.model_training import Began, ModelTraining
from slidelearn.training.prequential import Answers
from slidelearn.training_set import TrainingSet

_MAY_CHANGE = ("n_epochs", "batch_size", "learning_rate", "learning_rate_schedule", "warmup_fraction")
"""Options that may be others when a model is trained once more."""


def update(
    model: Model, samples: TrainingSet, n_threads: int, began: Began, answers: Answers | None = None
) -> ModelTraining:
    """Make ready a model to learn from more samples, features as its networks are to see them, in one pass.

    Nothing looks back at former samples, so the time follows the new ones. The model has given its `answers` before it
    learns from them (`slidelearn.training.prequential`). Log-Q counts labels in all samples there ever were. The
    learning rate is the full one: Adagrad's accumulators go on, so that it moves far what is new, and little what has
    been learnt well. But samples that do not fill a batch move it by their share of one, for fewer tell less.
    """
    config = model.network.config
    share_of_batch = min(len(samples.labelled) / config.batch_size, 1.0) if model.n_steps else 1.0
    steady = {
        "learning_rate": config.learning_rate * share_of_batch,
        "learning_rate_schedule": "constant",
        "warmup_fraction": 0.0,
    }
    return ModelTraining(model, samples, config.model_copy(update=steady), 1, n_threads, began, answers=answers)


def reconsider(
    model: Model, samples: TrainingSet, left_open: set[str], n_threads: int, callbacks: Sequence[Callback]
) -> Trials:
    """Have a pilot choose options of a model that were left open, if new samples complete what it takes.

    So a model that has learnt from samples as they came has the options that it would have for all at once. The former
    samples are those that the ranker keeps as neighbours.
    """
    neighbours = model.neighbours
    if not neighbours or not neighbours.n_samples < LEAST_SAMPLES <= neighbours.n_samples + samples.X.shape[0]:
        return {}
    X, Y = neighbours.with_more(samples.X, samples.Y).samples()
    chosen, trials = choose_options(model.network.config, left_open, X, Y, n_threads, callbacks)
    for network in model.networks:
        network.config = chosen
    return trials


def retrain(
    model: Model,
    samples: TrainingSet,
    given: Config,
    left_open: set[str],
    n_threads: int,
    began: Began,
    digest: Callable[[], str],
) -> ModelTraining:
    """Make ready a model to be trained as from the start, but from where it is.

    Its ranker is made anew, and keeps its choices.

    Parameters
    ----------
    model, samples, n_threads, began, digest
        As of `ModelTraining`.
    given, left_open
        The options as the user has them now, and those that the user has not given.
    """
    config = changed_options(model.network.config, given, left_open)
    ranker = model.members[0].ranker
    settled = Settled.of(ranker, None) if ranker else None
    origin = Origin(given=given.model_dump(mode="json"), left_open=frozenset(left_open), settled=settled is not None)
    return ModelTraining(
        model, samples, config, config.n_epochs, n_threads, began, settled=settled, origin=origin, digest=digest
    )


def changed_options(then: Config, given: Config, left_open: set[str]) -> Config:
    """The options of a model, with those that may change as they are given now.

    Raises
    ------
    ValueError
        If another is given, too, and is not as it was.
    """
    names = set(Config.model_fields) - left_open
    for name in sorted(names - set(_MAY_CHANGE)):
        if getattr(given, name) != getattr(then, name):
            raise ValueError(
                f"{name} must be {getattr(then, name)!r}, as in training, for warm_start to go on, but is "
                f"{getattr(given, name)!r}; set warm_start=False to start anew"
            )
    return then.model_copy(update={name: getattr(given, name) for name in names & set(_MAY_CHANGE)})
