"""The card of a model: what it is, how it is loaded, how it was trained, how good it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from slidelearn.config import Config
from slidelearn.estimator import SlideClassifier
from slidelearn.extras import import_extra
from slidelearn.model.documents import VECTORIZER
from slidelearn.presets import PRESETS
from slidelearn.version import __version__
from slidelearn.wording import counted

_TAGS = ("slidelearn", "extreme-classification", "multi-label-classification")
_METRICS = {"p": "precision", "psp": "propensity-scored precision", "ndcg": "nDCG"}
_REPORTED = {
    "n_samples": "training samples",
    "n_without_labels": "of which without labels, and left out",
    "n_steps": "steps of the last training",
    "train_seconds": "seconds",
    "cpu_seconds": "CPU seconds",
    "loss": "loss of the last step",
    "active_mean": "labels computed for a sample, on average",
}


def model_card(
    clf: SlideClassifier, name: str, metrics: Mapping[str, float], tested_on: str, *, is_compact: bool
) -> str:
    """The text of the card, with its metadata for the Hub.

    Parameters
    ----------
    clf
        The model.
    name
        What it is called.
    metrics, tested_on
        As in `slidelearn.export.hub.to_hub`.
    is_compact
        Whether it is saved for inference only.
    """
    parts = [
        f"---\n{_metadata(clf, name, metrics, tested_on)}\n---",
        f"# {name}",
        f"A model of slidelearn {__version__}, from {counted(clf.n_features_in_, 'feature')} to "
        f"{counted(clf.n_labels_, 'label')}.",
        _how_to_load(clf),
        _what_is_in_it(clf, is_compact=is_compact),
        _how_it_was_trained(clf),
    ]
    if metrics:
        title = f"## Tested on {tested_on}" if tested_on else "## Tested"
        parts.append(title + "\n\n" + _metrics(metrics))
    return "\n\n".join(parts) + "\n"


def _metadata(clf: SlideClassifier, name: str, metrics: Mapping[str, float], tested_on: str) -> str:
    hub = import_extra("huggingface_hub", "hub", "slidelearn export")
    task = "text-classification" if VECTORIZER in clf.documents_ else "tabular-classification"
    results = [
        hub.EvalResult(
            task_type=task,
            dataset_type=tested_on or "unknown",
            dataset_name=tested_on or "unknown",
            metric_type=metric,
            metric_name=f"{_METRICS[metric.partition('@')[0]]} at {metric.partition('@')[2]}",
            metric_value=round(value, 5),
        )
        for metric, value in metrics.items()
    ]
    data = hub.ModelCardData(
        library_name="slidelearn",
        pipeline_tag=task,
        tags=list(_TAGS),
        model_name=name,
        eval_results=results or None,
    )
    return str(data.to_yaml())


def _how_to_load(clf: SlideClassifier) -> str:
    if VECTORIZER in clf.documents_:
        estimator, asked = "SlideTextClassifier", '["a text"]'
    else:
        estimator, asked = "SlideClassifier", "X"
    code = (
        f"from slidelearn import {estimator}\n\n"
        f"clf = {estimator}.load(folder)\n"
        f"labels, scores = clf.predict_topk({asked}, k=5, labels=True)"
    )
    return (
        "## How to load it\n\n"
        "`folder` is this folder, or what `huggingface_hub.snapshot_download` returns for its name.\n\n"
        f"```python\n{code}\n```"
    )


def _what_is_in_it(clf: SlideClassifier, *, is_compact: bool) -> str:
    config, ranker = clf.config_, clf.ranker_
    sizes = " -> ".join(f"{n:,}" for n in (clf.n_features_in_, *config.hidden_sizes, clf.n_labels_))
    rows = [("networks", f"{len(clf.networks_)} of {sizes}"), ("logits", config.logits.replace("_", " "))]
    if ranker:
        rows.append(("ranker", f"orders the best {ranker.shortlist_length} labels of the network"))
    rows.append(("weights", "8 bits, for inference only" if is_compact else "32 bits, with the optimizer's state"))
    text = "## What is in it\n\n" + _table(("part", ""), rows)
    if ranker and clf.neighbours_:
        text += (
            "\n\nThe features and labels of the training samples are in the files, because those near a query vote on "
            "its labels. Publish the model only where you may publish these."
        )
    return text


def _how_it_was_trained(clf: SlideClassifier) -> str:
    training = clf.training_
    rows = [(meaning, _written(training[name])) for name, meaning in _REPORTED.items() if name in training]
    text = "## How it was trained\n\n"
    if rows:
        text += _table(("what", ""), rows) + "\n\n"
    others = _other_options(clf.config_)
    return text + (
        "Options that differ from the preset `recipe`: " + ", ".join(f"`{option}`" for option in others) + "."
        if others
        else "All options are those of the preset `recipe`."
    )


def _other_options(config: Config) -> list[str]:
    usual = Config(**PRESETS["recipe"])
    return [f"{name}={value!r}" for name, value in config.model_dump().items() if value != getattr(usual, name)]


def _metrics(metrics: Mapping[str, float]) -> str:
    ks = sorted({metric.partition("@")[2] for metric in metrics}, key=int)
    kinds = [kind for kind in _METRICS if f"{kind}@{ks[0]}" in metrics]
    rows = [(_METRICS[kind], *(f"{100 * metrics[f'{kind}@{k}']:.2f} %" for k in ks)) for kind in kinds]
    return _table(("metric", *(f"k = {k}" for k in ks)), rows)


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _written(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
