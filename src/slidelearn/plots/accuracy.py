"""What a model gets right, by how frequent labels are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from slidelearn.analysis import (
    GROUPS,
    GroupAccuracy,
    accuracy_by_group,
    count_bands,
    frequency_groups,
    recall_by_group,
)
from slidelearn.estimator import SlideClassifier
from slidelearn.estimator.classifier_within import classifier_within, features_for
from slidelearn.kernels import Ids
from slidelearn.matrices import FloatCsr
from slidelearn.model.documents import label_counts
from slidelearn.plots.figure import COLOURS, FAINT, INK, in_percent, new_figure, titled
from slidelearn.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def accuracy_by_frequency(model: BaseEstimator, X: Any, Y: Any, *, k: int = 5) -> Figure:
    """Which of the true labels of test samples are among the k best, by how many training samples the label has.

    Parameters
    ----------
    model
        A `SlideClassifier` or `SlideTextClassifier` that knows its label counts: it has a ranker, or they were put
        among its documents, as the command line does (`slidelearn.model.documents.put_label_counts`).
    X, Y
        The test samples, in any form that the model takes.
    k
        Labels that the model names.

    Raises
    ------
    ValueError
        If the model does not know its label counts.
    """
    X, model = features_for(model, X), classifier_within(model)
    counts = training_counts(model)
    if counts is None:
        raise ValueError(
            "the model does not know how many training samples its labels have: "
            "slidelearn.model.documents.put_label_counts(model.documents_, Y_train) tells it"
        )
    ids, _ = model.predict_topk(X, k=min(k, model.n_labels_))
    return plot_accuracy(ids, model.as_indicator(Y), counts)


def training_counts(model: SlideClassifier) -> NDArray[np.int64] | None:
    """How many training samples each label of a model has, (n_labels,); None where it does not know that."""
    if known := label_counts(model.documents_, model.n_labels_):
        return known[0]
    return model.ranker_.counts.astype(np.int64) if model.ranker_ else None


def plot_accuracy(ids: Ids, Y: FloatCsr, counts: NDArray[np.int64]) -> Figure:
    """The figure of `accuracy_by_frequency`, for answers that are there: (n_samples, k), best first."""
    k = ids.shape[1]
    bands, names = count_bands(counts)
    n_true, n_found = recall_by_group(ids, Y, bands, len(names))
    groups = frequency_groups(counts)
    shown = [band for band in range(len(names)) if n_true[band]]
    shares = [n_found[band] / n_true[band] for band in shown]
    colours = [COLOURS[round(float(np.median(groups[bands == band])))] for band in shown]
    with new_figure(1, 2, height=3.1, width_ratios=(3, 2)) as (figure, axes):
        bars = axes[0].bar(range(len(shown)), shares, color=colours, width=0.78)
        axes[0].bar_label(bars, [f"{n_true[band]:,}" for band in shown], fontsize=7.5, color=FAINT, padding=2)
        axes[0].set_xticks(
            range(len(shown)), [names[band] for band in shown], rotation=35, ha="right", rotation_mode="anchor"
        )
        axes[0].grid(axis="x", visible=False)
        in_percent(axes[0])
        titled(axes[0], f"True labels among the best {k}, and how many there are", "training samples of the label")
        _group_bars(axes[1], accuracy_by_group(ids, Y, counts), k)
    return figure


def _group_bars(axes: Axes, groups: Sequence[GroupAccuracy], k: int) -> None:
    recalls = [group.recall for group in groups]
    bars = axes.bar(range(len(GROUPS)), np.nan_to_num(recalls), width=0.62, color=COLOURS[: len(GROUPS)])
    axes.bar_label(bars, [f"{100 * r:.1f} %" if r == r else "none" for r in recalls], color=INK, padding=2)
    axes.set_xticks(range(len(GROUPS)), [f"{group.name}\n{counted(group.n_labels, 'label')}" for group in groups])
    axes.grid(axis="x", visible=False)
    axes.margins(y=0.15)
    in_percent(axes)
    titled(axes, "By thirds of the training labels", "")
