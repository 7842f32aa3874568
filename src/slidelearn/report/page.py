"""The page: what to show of a model, in which order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from string import Template
from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator

from slidelearn import plots
from slidelearn.estimator import SlideClassifier
from slidelearn.estimator.classifier_within import classifier_within, features_for
from slidelearn.model.documents import label_counts
from slidelearn.model.history import History
from slidelearn.plots.training import is_by_last_training
from slidelearn.report.answers import accuracy, mistakes
from slidelearn.report.html import Html, card, join, picture, section, tag, text
from slidelearn.version import __version__
from slidelearn.wording import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_N_NAMED = 5
"""Labels that the model names for a test sample."""


def page(
    model: BaseEstimator,
    title: str,
    tested: tuple[Any, Any] | None = None,
    measured: Mapping[str, Any] | None = None,
    texts: Sequence[str] | None = None,
) -> str:
    """A report on a model as one HTML page that needs nothing else.

    Parameters
    ----------
    model
        A `SlideClassifier` or `SlideTextClassifier`; what its documents know (label names and counts, history) is
        shown.
    title
        Its name.
    tested
        X and Y of test samples, in any form that the model takes, for accuracy by label frequency and for mistakes.
    measured
        Metrics on these, as `slidelearn.metrics.evaluate` names them, and ``predict_ms_per_sample``.
    texts
        The text of each test sample, if X are not the texts themselves; they are shown beside mistakes.
    """
    X_test, model = features_for(model, tested[0]) if tested else None, classifier_within(model)
    if tested and X_test is not tested[0]:
        texts = tested[0]
    history = History.of(model.documents_)
    sections, n_tested = _of_training(model, history), 0
    if tested:
        Y = model.as_indicator(tested[1])
        ids, scores = model.predict_topk(X_test, k=min(_N_NAMED, model.n_labels_))
        n_tested = Y.shape[0]
        sections = [*accuracy(model, ids, Y), *sections, mistakes(model, ids, scores, Y, texts)]
    template = Template((resources.files(__package__) / "page.html").read_text(encoding="utf-8"))
    return template.substitute(
        version=__version__,
        title=text(title),
        subtitle=_subtitle(model, n_tested),
        cards=join(_cards(model, measured or {})),
        sections=join([*sections, _options(model)]),
    )


def _subtitle(model: SlideClassifier, n_tested: int) -> Html:
    n_networks = len(model.networks_)
    parts = [
        f"{counted(model.n_features_in_, 'feature')}, {counted(model.n_labels_, 'label')}",
        f"trained on {counted(n_seen, 'sample')}" if (n_seen := _n_seen(model)) else "",
        f"tested on {n_tested:,}" if n_tested else "",
        f"{n_networks} networks" if n_networks > 1 else "",
    ]
    return tag("span", "; ".join(part for part in parts if part))


def _n_seen(model: SlideClassifier) -> int:
    """How many samples a model has learnt from, in all its trainings where it knows that; 0 where it knows nothing."""
    known = label_counts(model.documents_, model.n_labels_)
    return known[1] if known else model.training_.get("n_samples", 0)


def _cards(model: SlideClassifier, measured: Mapping[str, Any]) -> list[Html]:
    cards = [
        card(f"{100 * measured[name]:.1f} %", meaning, is_main=name == "p@1")
        for name, meaning in (
            ("p@1", "precision at 1"),
            ("p@3", "precision at 3"),
            ("p@5", "precision at 5"),
            ("psp@5", "propensity-scored at 5"),
            ("recall@20", "recall at 20"),
        )
        if measured.get(name) is not None
    ]
    if measured:
        cards.append(card(f"{measured['predict_ms_per_sample']:.2f} ms", "per answer, in batches"))
    training = model.training_
    if not measured and (validation := training.get("validation")):
        cards.append(card(f"{100 * validation['p@1']:.1f} %", "precision at 1 on the validation samples", is_main=True))
    if "train_seconds" in training:
        what = "to train" if is_by_last_training(model) else "for the last samples"
        cards.append(card(f"{training['train_seconds']:,.1f} s", f"{what} ({training['cpu_seconds']:,.1f} s of CPU)"))
        active = training["active_mean"]
        cards.append(
            card(f"{100 * active / model.n_labels_:.2f} %", f"of the labels active ({active:,.0f} per sample)")
        )
    n_bytes = sum(array.nbytes for _, array in model.named_arrays())
    cards.append(card(f"{n_bytes / 1e6:,.1f} MB", "of arrays"))
    return cards


def _of_training(model: SlideClassifier, history: History | None) -> list[Html]:
    if history is None:
        return [
            section("Training", "The model has no history of its training: models that `fit` has trained have one.")
        ]
    network = history.networks[0]
    shown: list[tuple[bool, str, str, Callable[[SlideClassifier], Figure]]] = [
        (
            True,
            "Learning curves",
            _about_curves(model, history),
            plots.learning_curves,
        ),
        (
            True,
            "Active labels",
            "Labels that were computed for each sample, its own among them; the others of the layer cost nothing.",
            plots.active_sets,
        ),
        (
            network.tables.n_rows > 0,
            "Hash tables",
            "Of the output layer, after each rebuild. Long buckets: hash functions that tell few labels apart.",
            plots.table_health,
        ),
        (True, "Speed", "Seconds by the clock.", plots.speed),
    ]
    return [
        section(title, explanation, picture(plot(model), title))
        for is_there, title, explanation, plot in shown
        if is_there
    ]


def _about_curves(model: SlideClassifier, history: History) -> str:
    about = ["Means of the training batches between points."]
    if any(network.epochs.known("step", "p@1")[0] for network in history.networks):
        validation = model.training_.get("validation")
        whole = f"; the whole model has a P@1 of {validation['p@1']:.1%} there" if validation else ""
        about.append(
            "On held-out samples it is the network alone that is measured, before the ranker and without the other "
            f"networks{whole}."
        )
    if not is_by_last_training(model):
        about.append("The model has gone on learning since.")
    return " ".join(about)


def _options(model: SlideClassifier) -> Html:
    options = [
        tag("div", tag("code", name), tag("b", _written(value)))
        for name, value in model.config_.model_dump(mode="json").items()
    ]
    training = model.training_
    chosen = [
        *(f"by the pilot: {option}={getattr(model.config_, option)}" for option in training.get("pilot") or {}),
        *([f"C of the ranker: {training['ranker_c']:.3g}"] if training.get("ranker_c") else []),
        *(
            [f"weights of the evidence: {', '.join(f'{n} {w:.2f}' for n, w in training['ranker_blend'].items())}"]
            if training.get("ranker_blend")
            else []
        ),
    ]
    return section(
        "Options",
        "; ".join(["Chosen while training", *chosen]) + "." if chosen else "All options in force.",
        tag("details", tag("summary", f"All {len(options)} options"), tag("div", join(options), class_="options")),
    )


def _written(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
