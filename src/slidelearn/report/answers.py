"""The part of the page about answers: how right they are by label frequency, and mistakes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from slidelearn.analysis import accuracy_by_group, confusions, labels_of, surest_mistakes
from slidelearn.estimator import SlideClassifier
from slidelearn.kernels import Float, Ids
from slidelearn.matrices import FloatCsr
from slidelearn.model.documents import label_names
from slidelearn.plots.accuracy import plot_accuracy, training_counts
from slidelearn.report.html import Html, excerpt, join, label, picture, section, table, tag

_N_CONFUSIONS, _N_EXAMPLES = 12, 8
_DOTS = {"head": "var(--head)", "middle": "var(--middle)", "tail": "var(--tail)"}


def accuracy(model: SlideClassifier, ids: Ids, Y: FloatCsr) -> list[Html]:
    """Accuracy by label frequency, where the model knows how frequent its labels are."""
    counts = training_counts(model)
    if counts is None:
        return []
    rows = [
        (
            tag("span", tag("span", class_="dot", style=f"background: {_DOTS[group.name]}"), group.name),
            f"{group.n_labels:,}",
            _between(group.least_count, group.most_count),
            f"{group.n_true:,}",
            _percent(group.recall),
            f"{group.n_best:,}",
            _percent(group.precision),
        )
        for group in accuracy_by_group(ids, Y, counts)
    ]
    found = f"recall at {ids.shape[1]}"
    columns = ("group", "labels", "training samples each", "test samples have", found, "put first", "of these right")
    return [
        section(
            "Accuracy by label frequency",
            "Labels by how many training samples they have. Head, middle and tail each hold a third of all labels of "
            "the training samples.",
            picture(plot_accuracy(ids, Y, counts), "Accuracy by label frequency"),
            table(columns, rows, (1, 2, 3, 4, 5, 6)),
        )
    ]


def mistakes(model: SlideClassifier, ids: Ids, scores: Float, Y: FloatCsr, texts: Sequence[str] | None = None) -> Html:
    """Which labels are taken for which, and the mistakes that the model is surest of, with the samples' texts."""
    known = label_names(model.documents_, model.n_labels_)
    names: Callable[[int], str] = known.__getitem__ if known else str
    found = confusions(ids, Y, _N_CONFUSIONS)
    most = max((each.n for each in found), default=1)
    pairs = [
        (
            label(names(each.true)),
            label(names(each.taken_for)),
            _bar(each.n, most),
            f"{each.n / each.n_true:.0%}",
        )
        for each in found
    ]
    own = "its text and labels" if texts else "its labels"

    def own_text(row: int) -> list[Html]:
        return [excerpt(texts[row])] if texts else []

    examples = [
        (
            f"{row:,}",
            f"{scores[row, 0]:.2f}",
            join([*own_text(row), _chips([(names(one), "own") for one in labels_of(Y, row)])]),
            _chips([(names(one), _kind(rank, one in labels_of(Y, row))) for rank, one in enumerate(_there(ids[row]))]),
        )
        for row in surest_mistakes(ids, scores, Y, _N_EXAMPLES)
    ]
    return section(
        "Mistakes",
        "Test samples whose best label is not among their own.",
        tag("h3", "What is taken for what"),
        table(("a label that samples have", "and what came first instead", "samples", "of those with it"), pairs, (3,)),
        tag("h3", "Surest mistakes"),
        tag("p", "Right ones are green; scores are the model's; samples count from 0.", class_="soft"),
        table(("sample", "score", own, f"the best {ids.shape[1]}"), examples, (0, 1)),
    )


def _between(least: int, most: int) -> str:
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def _bar(n: int, most: int) -> Html:
    bar = tag("span", class_="bar", style=f"width: {60 * n // most}px")
    return tag("span", bar, f"{n:,}", class_="whole")


def _chips(labels: Sequence[tuple[str, str]]) -> Html:
    return tag("div", join([label(name, kind) for name, kind in labels]), class_="chips")


def _there(ids: Ids) -> list[int]:
    return [one for one in ids.tolist() if one >= 0]


def _kind(rank: int, is_right: bool) -> str:
    return "right" if is_right else "first" if rank == 0 else "other"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %" if value == value else "none"
