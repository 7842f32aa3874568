"""What happened while a model was trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sklearn.base import BaseEstimator

from slidelearn.estimator import SlideClassifier
from slidelearn.estimator.classifier_within import classifier_within
from slidelearn.model.history import HISTORY, Curves, History
from slidelearn.plots.figure import COLOURS, INK, from_zero, in_percent, new_figure, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_METRICS = {"p@1": "P@1", "p@3": "P@3", "p@5": "P@5"}


def learning_curves(model: BaseEstimator) -> Figure:
    """Loss and learning rate over the steps, and P@k on held-out samples, if there was a `Validation`.

    Raises
    ------
    ValueError
        If the model has no history: it was not trained by `fit`.

    Examples
    --------
    >>> from slidelearn import SlideClassifier, load_dataset
    >>> data = load_dataset("wordnet-tiny")
    >>> clf = SlideClassifier(n_epochs=3, ranker=False, n_jobs=1).fit(data.X_train, data.Y_train)
    >>> learning_curves(clf).savefig("curves.png")
    """
    model = classifier_within(model)
    history = _history(model)
    is_validated = any(network.epochs.known("step", "p@1")[0] for network in history.networks)
    with new_figure(1, 3 if is_validated else 2, height=2.9) as (figure, axes):
        for number, network in enumerate(history.networks):
            colour, label = COLOURS[number], _name(history, number)
            axes[0].plot(*network.points.known("step", "loss"), color=colour, label=label)
            axes[1].plot(*network.points.known("step", "learning_rate"), color=colour)
        titled(axes[0], "Loss of the training batches", "step")
        titled(axes[1], "Learning rate", "step")
        from_zero(axes[0])
        from_zero(axes[1])
        if len(history.networks) > 1:
            axes[0].legend()
        if is_validated:
            _validation(axes[2], history)
    return figure


def active_sets(model: BaseEstimator) -> Figure:
    """How many labels were active per sample, and what share of the true ones the samplers found by themselves.

    The second is there for samplers that do not look at the labels of the batch: hash tables and drawn labels.
    """
    model = classifier_within(model)
    history = _history(model)
    has_recall = any(network.points.known("step", "candidate_recall")[0] for network in history.networks)
    with new_figure(1, 1 + has_recall, height=2.7) as (figure, axes):
        for number, network in enumerate(history.networks):
            label = _name(history, number)
            axes[0].plot(*network.points.known("step", "active"), color=COLOURS[number], label=label)
            if has_recall:
                axes[1].plot(*network.points.known("step", "candidate_recall"), color=COLOURS[number])
        from_zero(axes[0])
        titled(axes[0], f"Active labels per sample, of {model.n_labels_:,}", "step")
        if len(history.networks) > 1:
            axes[0].legend()
        if has_recall:
            in_percent(axes[1])
            titled(axes[1], "Candidate recall: true labels found unseen", "step")
    return figure


def table_health(model: BaseEstimator) -> Figure:
    """How evenly the output layer's hash tables were filled after each rebuild.

    Raises
    ------
    ValueError
        If the model was trained without any.
    """
    from matplotlib.ticker import LogFormatter

    model = classifier_within(model)
    history = _history(model)
    tables = history.networks[0].tables
    if not tables.n_rows:
        raise ValueError("the model was trained without hash tables: sampler must name 'lsh' for that")
    with new_figure(1, 3, height=2.6) as (figure, axes):
        for column, title, ax in (
            ("mean_bucket", "Neurons in a bucket", axes[0]),
            ("longest_bucket", "Neurons in the longest", axes[1]),
            ("empty_share", "Empty, and dropped", axes[2]),
        ):
            _steps(ax, tables, column, COLOURS[0], "buckets empty")
            titled(ax, title, "step")
        from_zero(axes[0])
        axes[1].set_yscale("log")
        for write in (axes[1].yaxis.set_major_formatter, axes[1].yaxis.set_minor_formatter):
            write(LogFormatter(labelOnlyBase=False))  # plain numbers instead of powers of ten
        _steps(axes[2], tables, "dropped_share", COLOURS[1], "neurons dropped")
        in_percent(axes[2])
        axes[2].set_ylim(-0.02, 1.02)
        axes[2].legend()
    return figure


def speed(model: BaseEstimator) -> Figure:
    """What the parts of training took, and those of a step, and samples per second over the steps.

    Of a model that has gone on learning since, what the networks took.

    Looks at held-out samples are a part of the networks' time, and of the seconds that samples are divided by.
    """
    model = classifier_within(model)
    history, training = _history(model), model.training_
    of_training = {"networks": sum((network.points.known("seconds", "seconds")[0])[-1] for network in history.networks)}
    if is_by_last_training(model):
        of_training = {
            "choosing options": training["choosing_seconds"],
            **of_training,
            "index": training["index_seconds"],
            "ranker": training["ranker_seconds"],
        }
    of_steps: dict[str, float] = {}
    for network in history.networks:
        for phase, seconds in network.phase_seconds.items():
            of_steps[phase] = of_steps.get(phase, 0.0) + seconds
    with new_figure(1, 3, height=2.7) as (figure, axes):
        _parts(axes[0], "Parts of training", of_training, COLOURS[0])
        _parts(axes[1], "Parts of the steps", of_steps, COLOURS[2])
        for number, network in enumerate(history.networks):
            axes[2].plot(*network.points.known("step", "samples_per_second"), color=COLOURS[number])
        axes[2].yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        from_zero(axes[2])
        titled(axes[2], "Samples per second", "step")
    return figure


def is_by_last_training(model: SlideClassifier) -> bool:
    """Whether the history is of the training that `training_` tells of; `partial_fit` makes none."""
    return HISTORY not in model.documents_ or "choosing_seconds" in model.training_


def _parts(axes: Axes, title: str, seconds: dict[str, float], colour: str) -> None:
    """A bar for each part, with its seconds and its share."""
    whole = sum(seconds.values()) or 1.0
    bars = axes.barh(list(seconds), list(seconds.values()), color=colour, height=0.62)
    axes.bar_label(
        bars, [f"{s:.3g} s, {100 * s / whole:.0f} %" for s in seconds.values()], fontsize=8, color=INK, padding=3
    )
    axes.invert_yaxis()
    axes.margins(x=0.5)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    axes.grid(visible=False)
    axes.tick_params(left=False)
    titled(axes, title, "")


def _validation(axes: Axes, history: History) -> None:
    """P@k at the ends of epochs: for one network a colour for each k, for several a colour for each network."""
    for number, network in enumerate(history.networks):
        for n, (metric, line) in enumerate(zip(_METRICS, ("-", "--", ":"), strict=True)):
            x, y = network.epochs.known("step", metric)
            colour, style = (COLOURS[n], "-") if len(history.networks) == 1 else (COLOURS[number], line)
            axes.plot(x, y, style, color=colour, marker="o", markersize=3)
            if number == 0 and x:
                axes.annotate(_METRICS[metric], (x[-1], y[-1]), (5, 0), textcoords="offset points", va="center")
    axes.margins(x=0.2)
    in_percent(axes)
    titled(axes, "On held-out samples", "step")


def _steps(axes: Axes, tables: Curves, column: str, colour: str, label: str) -> None:
    axes.step(*tables.known("step", column), where="post", color=colour, marker="o", markersize=3, label=label)


def _name(history: History, number: int) -> str | None:
    return f"network {number + 1}" if len(history.networks) > 1 else None


def _history(model: SlideClassifier) -> History:
    history = History.of(model.documents_)
    if history is None or not all(network.points.n_rows for network in history.networks):
        raise ValueError("the model has no history of its training: models have one that `fit` has trained since 0.1")
    return history
