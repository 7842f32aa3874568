"""What each piece of the default recipe is worth: every piece taken away, or replaced, in turn.

python benchmarks/ablation.py --data DIR
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common import Results, Row
from judged_training import FREQUENCIES, NO_CLASSIFIERS, train
from report import markdown_table, new_figure, percent, publish, save_figure, seconds, style
from training_job import available, parser, training_job

DATA_SETS = ("WordNet-Hyper", "Debian-Deps", "YSO-Finna-en", "Diginetica", "YSO-Related-3lang")
QUICK_DATA_SETS = ("WordNet-Tiny",)

AS_IT_IS = "as it is"
BATCH = "sampler batch"
PIECES: Mapping[str, Mapping[str, Any]] = {
    AS_IT_IS: {},
    "no ranker": {"ranker": False},
    "no classifiers": {"classifiers": "never"},
    "no neighbours": {"n_neighbours": 0},
    "usual blend, not fitted": {"ranker_blend": (0.7, 1.5, 2.0, 0.0)},
    "no pilot": {"pilot": False},
    "no log-Q": {"log_q_strength": 0.0},
    "feature values as they are": {"feature_power": 1.0},
    # 0.05 is the best of 0.02, 0.05, 0.1 and 0.2 for the network alone on WordNet-Hyper, from either start
    "inner products, not cosines": {"logits": "inner_product", "learning_rate": 0.05},
    "inner products, random start": {"logits": "inner_product", "learning_rate": 0.05, "label_init": "random"},
    "ReLU": {"hidden_activation": "relu"},
    "labels start at random": {"label_init": "random"},
    "Adam, not row-wise Adagrad": {"optimizer": "adam", "learning_rate": 0.002},
    "width 128": {"hidden_sizes": (128,)},
    "width 512": {"hidden_sizes": (512,)},
    "3 networks": {"n_networks": 3},
    "3 models": {"n_models": 3},
    BATCH: {"sampler": "batch"},
    "sampler batch+memory": {"sampler": "batch+memory"},
    "sampler lsh+batch": {"sampler": "lsh+batch", "lsh_candidates": 20},
    "sampler uniform": {"sampler": "uniform"},
    "sampler frequency": {"sampler": "frequency"},
    "sampler full": {"sampler": "full"},
}
"""Name: options beside the defaults."""

AS_MANY_DRAWN = ("sampler uniform", "sampler frequency")
"""They draw as many labels as a batch has of its own."""
MOST_LABELS_OF_FULL = 50_000

HEADER = (
    "data set",
    "recipe",
    "P@1",
    "change",
    "P@3",
    "P@5",
    "PSP@5",
    "recall@20",
    "CPU s",
    "active",
    "pilot's choice",
)
NOTES = """\
All in percent, on the whole test file; P@1 with its standard error over the test samples, *change*: in points of P@1.
*CPU s*: user and system seconds of training, from matrices in memory to a trained model. *active*: labels computed per
sample. *pilot's choice*: the sampler; what a row sets is not open to it. *no classifiers (same
model)*: the model of the first row, with the classifiers' weight in the blend set to 0 and the others as they were.
*sampler uniform* and *frequency* draw as many labels as *batch* has active, beside the batch's own; *lsh+batch* takes
20 candidates for each sample; *full* is for at most 50,000 labels."""

FREQUENCY_NOTES = """\
The model *as it is*, with what orders the network's shortlist weighed by the fitted blend, or by 0: P@k, and the share
of the test samples' labels that are among the first five answers, by how many training samples a label has."""

BARS_CUT_AT = -8.0


@dataclass(frozen=True)
class Line:
    """A line of the table and a bar of the picture."""

    data_set: str
    name: str
    result: Mapping[str, Any]


def measure(results: Results, data_set: str, args: Namespace) -> Iterator[tuple[str, Row]]:
    """The rows of a data set, those measured now and those stored before."""
    batch: Row | None = None
    for name, choice in PIECES.items():
        if name in AS_MANY_DRAWN or choice.get("sampler") == "full":
            if batch is None:
                continue
            if choice["sampler"] == "full" and batch.result["n_labels"] > MOST_LABELS_OF_FULL:
                continue
            if name in AS_MANY_DRAWN:
                choice = {**choice, "n_negatives": round(batch.result["active_mean"])}
        job = training_job(data_set, "recipe", choice, threads=args.threads, seed=args.seed)
        job["by_evidence"] = name == AS_IT_IS
        if (args.sets is None or data_set in args.sets) and args.only in (None, name):
            results.measure(f"{data_set}, {name}", job, train, args.data, threads=args.threads)
        if row := results.find(job):
            batch = row if name == BATCH else batch
            yield name, row


def lines(measured: Sequence[tuple[str, Row]]) -> Iterator[Line]:
    """What table and picture show: every row, and after the one as it is, the same model without classifiers."""
    for name, row in measured:
        yield Line(row.job["data_set"], name, row.result)
        if name == AS_IT_IS:
            judged = row.result["evidence"][NO_CLASSIFIERS]
            yield Line(row.job["data_set"], NO_CLASSIFIERS, {**row.result, **judged})


def table(shown: Sequence[Line], as_it_is: Mapping[str, float]) -> str:
    """All pieces on all data sets."""
    return markdown_table(HEADER, [_cells(line, as_it_is.get(line.data_set)) for line in shown])


def _cells(line: Line, as_it_is: float | None) -> list[str | None]:
    result = line.result
    change = None if as_it_is is None else f"{100 * (result['p@1'] - as_it_is):+.1f}"
    return [
        line.data_set,
        line.name,
        f"{percent(result['p@1'])} ± {percent(result['p@1_error'])}",
        None if line.name == AS_IT_IS else change,
        *(percent(result.get(key)) for key in ("p@3", "p@5", "psp@5", "recall@20")),
        None if line.name == NO_CLASSIFIERS else seconds(result["cpu_seconds"]),
        f"{result['active_mean']:,.0f}",
        result["sampler"] if result["pilot"] else None,
    ]


def frequency_table(measured: Sequence[tuple[str, Row]]) -> str:
    """Accuracy by label frequency, for each set's model as it is."""
    cells: list[list[str | None]] = []
    for row in (row for name, row in measured if name == AS_IT_IS):
        for name, judged in row.result["evidence"].items():
            recalls = [percent(judged["recall_by_frequency"][each]) for each in FREQUENCIES]
            cells.append([row.job["data_set"], name, *(percent(judged[f"p@{k}"]) for k in (1, 3, 5)), *recalls])
        sizes = row.result["evidence"]["all"]["n_by_frequency"]
        cells.append([row.job["data_set"], "labels there are", *[None] * 3, *(f"{sizes[e]:,}" for e in FREQUENCIES)])
    return markdown_table(("data set", "ordered by", "P@1", "P@3", "P@5", *FREQUENCIES), cells)


def plot(shown: Sequence[Line], as_it_is: Mapping[str, float], name: str) -> None:
    """Points of P@1 gained or lost by each change, a panel for each data set."""
    names = [each for each in dict.fromkeys(line.name for line in shown) if each != AS_IT_IS]
    figure, panels = new_figure(1, len(as_it_is), figsize=(3 + 3.2 * len(as_it_is), 7), sharey=True, squeeze=False)
    for panel, (data_set, p_at_1) in zip(panels[0], as_it_is.items(), strict=True):
        here = {line.name: line.result for line in shown if line.data_set == data_set}
        changes = {each: 100 * (here[each]["p@1"] - p_at_1) for each in names if each in here}
        places = [names.index(each) for each in changes]
        widths = [max(change, BARS_CUT_AT) for change in changes.values()]
        panel.barh(places, widths, color=["C3" if width < 0 else "C0" for width in widths])
        for place, width, change in zip(places, widths, changes.values(), strict=True):
            panel.annotate(
                f"{change:+.1f}", (max(width, 0), place), (3, 0), textcoords="offset points", va="center", fontsize=8
            )
        error = 100 * here[AS_IT_IS]["p@1_error"]
        panel.axvspan(-error, error, color="0.9", linewidth=0, zorder=0)
        panel.set_xlim(min([-1.0, *widths]) - 0.2, max([1.0, *widths]) + 1.2)
        panel.set_title(f"{data_set}: {percent(p_at_1)}")
        panel.set_axisbelow(True)
        style(panel, "points of P@1", "")
    panels[0][0].set_yticks(range(len(names)), names)
    panels[0][0].invert_yaxis()
    figure.suptitle("One piece of the recipe changed:\nP@1 minus P@1 as it is (grey: its standard error)")
    save_figure(figure, name)


def main() -> None:
    """Measure what is asked for and missing; show all there is."""
    options = parser(__doc__)
    options.add_argument("--only", choices=PIECES, metavar="NAME", help="measure this change alone")
    args = options.parse_args()
    name = "ablation_quick" if args.quick else "ablation"
    results = Results(name, again=args.again)
    names = dict.fromkeys([*(QUICK_DATA_SETS if args.quick else DATA_SETS), *(args.sets or [])])
    data_sets = available(list(names), args.data)
    measured = [row for data_set in data_sets for row in measure(results, data_set, args)]
    if not measured:
        return
    shown = list(lines(measured))
    as_it_is = {line.data_set: line.result["p@1"] for line in shown if line.name == AS_IT_IS}
    picture = f"![P@1 with one piece changed]({name}.png)"
    parts = [table(shown, as_it_is), NOTES, picture, frequency_table(measured), FREQUENCY_NOTES]
    publish(name, "What each piece of the recipe is worth", parts, [row for _, row in measured])
    if as_it_is:
        plot(shown, as_it_is, name)


if __name__ == "__main__":
    main()
