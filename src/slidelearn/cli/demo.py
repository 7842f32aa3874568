"""The demo: definitions from WordNet, and which kinds of things or acts they define.

A sample is a word and its definition; its labels are the hypernyms up to four levels above: *tea* is a beverage, a
liquid, a food.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text
from scipy.special import expit

from slidelearn.callbacks import Callback
from slidelearn.cli.display import duration, size
from slidelearn.cli.training_display import TrainingDisplay
from slidelearn.config import make_config
from slidelearn.datasets import Dataset, load_dataset, readable_label
from slidelearn.estimator import SlideClassifier
from slidelearn.machine.resources import resolve_threads
from slidelearn.metrics import precision_at_k
from slidelearn.model.description import Description
from slidelearn.model.documents import (
    VECTORIZER,
    label_names,
    put_label_counts,
    put_label_names,
    put_vectorizer,
    vectorizer_of,
)
from slidelearn.model.files import require_place
from slidelearn.network.network import estimated_bytes
from slidelearn.progress import Progress
from slidelearn.text.vectorizers import Vectorizer, make_vectorizer
from slidelearn.wording import counted

DATASET = "wordnet-hyper"
_KS = (1, 3, 5)
_N_WATCHED = 2000
_LOOKS_PER_EPOCH = 4
_N_RANKS = 16
_N_BARS = 8
_DEFINITIONS = (
    "a small domesticated feline",
    "an instrument with strings",
    "a hot drink of roasted beans",
    "a doctor who treats children",
    "a feeling of great happiness",
    "the shaking of the ground",
    "move quickly on foot",
    "cut wood with a saw",
)


def run_demo(console: Console, definition: str | None, out: Path, threads: int | None) -> None:
    """Train on WordNet and label definitions; for one of the caller's own, the model of a former run will do."""
    has_model = _is_demo_model(out)
    if definition is not None and has_model:
        console.print(f"This is by the model in {out}, which a former run has left there.", soft_wrap=True)
        clf = SlideClassifier.load(out, n_jobs=threads)
        _require_known_words(definition, vectorizer_of(clf.documents_))
    else:
        clf = _train(console, definition, out, threads)
    console.print()
    if definition is None:
        _print_labelled(console, clf)
    else:
        _print_bars(console, definition, _best_labels(clf, [definition])[0])
    _print_what_next(console, out)


def _train(console: Console, definition: str | None, out: Path, threads: int | None) -> SlideClassifier:
    with console.status("reading WordNet"):
        data = load_dataset(DATASET)
        vectorizer = make_vectorizer(data)
    if definition is not None:
        _require_known_words(definition, vectorizer)
    clf = SlideClassifier(n_jobs=threads)
    n_features, n_labels = data.X_train.shape[1], data.Y_train.shape[1]
    config = make_config()
    n_bytes = estimated_bytes(config, n_features, n_labels)
    require_place(out, n_bytes)
    console.print(
        f"WordNet: {data.X_train.shape[0]:,} definitions to learn from, {data.X_test.shape[0]:,} to test on.\n"
        f"Network: {n_features:,} words, {config.hidden_sizes[0]} hidden units, {n_labels:,} labels; {size(n_bytes)}; "
        f"{counted(resolve_threads(threads), 'thread')}.\n"
        "Options: none set.\n",
    )
    watch = Watch(console, clf, data)
    with TrainingDisplay(console, watch.latest) as display:
        # without a terminal there is no bar, and what the watch prints is progress enough
        clf.fit(data.X_train, data.Y_train, callbacks=[watch, display] if console.is_terminal else [watch])
    _print_result(console, clf, data, clf.training_["train_seconds"] - watch.seconds)
    put_label_counts(clf.documents_, data.Y_train)
    put_label_names(clf.documents_, data.label_names, clf.n_labels_)
    put_vectorizer(clf.documents_, vectorizer)
    clf.save(out)
    console.print(f"The model is saved in {out}.", soft_wrap=True)
    return clf


class Watch(Callback):
    """Prints P@1, 3 and 5 on some test samples, a line each time, while a model learns."""

    def __init__(self, console: Console, clf: SlideClassifier, data: Dataset) -> None:
        self._console, self._clf = console, clf
        self._X, self._Y = data.X_test[:_N_WATCHED], data.Y_test[:_N_WATCHED]
        self.precisions: list[list[float]] = []
        """P@1, 3 and 5 of each look."""
        self.seconds = 0.0
        """What the looks took."""

    def latest(self) -> str:
        """Give the last P@1, for people."""
        return f"P@1 {self.precisions[-1][0]:.1%}"

    def on_begin(self, progress: Progress) -> None:
        """Print the header of the table, and how well the label rows do that training starts from."""
        header = "  epoch  " + "".join(f"   P@{k}  " for k in _KS)
        self._console.print(Text(f"{header}  on {self._X.shape[0]:,} of the test definitions", style="bold"))
        self._look(0)

    def on_step(self, progress: Progress) -> None:
        """Look, if another part of an epoch is over."""
        steps_per_epoch = progress.n_steps // progress.n_epochs
        n_due = progress.step * _LOOKS_PER_EPOCH // steps_per_epoch
        if n_due >= len(self.precisions):
            self._look(n_due / _LOOKS_PER_EPOCH)

    def _look(self, epoch: float) -> None:
        began = time.perf_counter()
        ids, _ = self._clf.predict_topk(self._X, max(_KS))
        precisions = [precision_at_k(ids, self._Y, k) for k in _KS]
        self.precisions.append(precisions)
        line = f"  {epoch:5.2f}  " + "".join(f"{precision:7.1%} " for precision in precisions)
        self._console.print(line, Text("▇" * round(40 * precisions[0]), style="green"))
        self.seconds += time.perf_counter() - began


def _print_result(console: Console, clf: SlideClassifier, data: Dataset, seconds: float) -> None:
    with console.status("testing"):
        ids, _ = clf.predict_topk(data.X_test, max(_KS))
    precisions = "   ".join(f"P@{k} [bold green]{precision_at_k(ids, data.Y_test, k):.1%}[/]" for k in _KS)
    console.print(f"\n  all {len(ids):,} test definitions:   {precisions}\n")
    active, n_labels = clf.training_["active_mean"], clf.n_labels_
    per_neuron = 3 * clf.config_.hidden_sizes[-1] / 1e6  # its logit, and two gradients: of its row and of its input
    console.print(
        f"Learnt in {duration(seconds)}. Per definition, {active:,.0f} of the {n_labels:,} output neurons were active "
        f"({active / n_labels:.1%}): {active * per_neuron:.1f} million multiply-adds in the output layer, where a full "
        f"softmax takes {n_labels * per_neuron:.1f} million, {n_labels / active:.0f} times as many. (That is learning; "
        "an answer looks at every label.)"
    )
    if clf.ranker_ and clf.ranker_.classifiers:
        n_weights = len(clf.ranker_.classifiers.weights.indices)
        console.print(
            f"Then the ranker, {n_weights / 1e6:.1f} million weights on single words, learnt to order the "
            f"{clf.config_.shortlist_length} labels the network puts highest; the nearest definitions vote on them."
        )


def _best_labels(clf: SlideClassifier, definitions: Sequence[str]) -> list[dict[str, float]]:
    """Give the names of the best labels of each definition, best first, and how likely they are by their log-odds."""
    vectorizer, names = vectorizer_of(clf.documents_), label_names(clf.documents_, clf.n_labels_)
    assert vectorizer is not None
    assert names is not None
    ids, scores = clf.predict_topk(vectorizer.transform(definitions), min(_N_RANKS, clf.n_labels_))
    best: list[dict[str, float]] = [{} for _ in definitions]
    for found, row, chances in zip(best, ids.tolist(), expit(scores).tolist(), strict=True):
        for label, chance in zip(row, chances, strict=True):
            found.setdefault(readable_label(names[label]), chance)  # several labels may begin with the same word
    return best


def _print_labelled(console: Console, clf: SlideClassifier) -> None:
    """Print a line for each definition, with as many of its labels as there is room for."""
    width = max(map(len, _DEFINITIONS))
    console.print(f"[bold]{'definition':{width}}  is a kind of[/] [dim](probability)[/]")
    for definition, best in zip(_DEFINITIONS, _best_labels(clf, _DEFINITIONS), strict=True):
        line = Text(f"{definition:{width}}")
        for name, chance in best.items():
            more = Text.assemble("  ", name, (f" {chance:.2f}", "dim"))
            if len(line) + len(more) > console.width:
                break
            line += more
        console.print(line)


def _print_bars(console: Console, definition: str, best: Mapping[str, float]) -> None:
    """Print a line for each of the best labels."""
    console.print(Text(definition, style="bold"), "is a kind of", soft_wrap=True)
    width, highest = max(map(len, best)), max(*best.values(), 1e-6)
    for name, chance in list(best.items())[:_N_BARS]:
        console.print(f"  {name:{width}}  {chance:4.2f}", Text("▇" * round(30 * chance / highest), style="green"))


def _print_what_next(console: Console, out: Path) -> None:
    where = "" if out == Path("slidelearn-demo") else f" --out {out}"
    console.print("\n[bold]Try next[/]")
    for command, what in (
        (f'slidelearn demo "a vessel that travels under water"{where}', "labels your own words"),
        (f"slidelearn inspect {out}", "what the model consists of"),
        ("slidelearn train TRAIN --test TEST --out MODEL", "your own data"),
    ):
        console.print(Text.assemble("  ", (command, "cyan"), f"  {what}"), soft_wrap=True)


def _is_demo_model(directory: Path) -> bool:
    """Whether a demo left its model there; a model of the user's own is not to be lost."""
    if not (directory / "config.json").exists():
        return False
    if VECTORIZER not in Description.read(directory).values["documents"]:
        raise ValueError(f"{directory} holds a model that is not the demo's: give another place with --out")
    return True


def _require_known_words(definition: str, vectorizer: Vectorizer | None) -> None:
    if vectorizer is None or not vectorizer.transform([definition]).nnz:
        raise ValueError(f"the definition must have a word that WordNet's definitions have, but is {definition!r}")
