"""The command ``predict``."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Annotated

import typer

from slidelearn.cli.arguments import (
    From,
    HowFound,
    LayoutSettings,
    Method,
    Model,
    Quiet,
    Threads,
    flag,
    samples_argument,
)
from slidelearn.cli.display import counting, make_console
from slidelearn.cli.places import require_file_place
from slidelearn.files.packed import open_to_replace
from slidelearn.machine.resources import resolve_threads

_ROWS_PER_WRITE = 8192
_JSON_LINES = {".jsonl", ".ndjson"}
_Output = IO[bytes] | io.BufferedIOBase
_Answers = Iterable[tuple[list[int], list[float]]]
_USUAL_K = 5


def predict(
    model: Model,
    input_file: Annotated[Path, samples_argument("INPUT", "Samples; their labels, if any, are ignored.")],
    top_k: Annotated[
        int | None, typer.Option(min=1, help=f"Labels per sample; {_USUAL_K} if not given, or all if there are fewer.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="File to write instead of standard output (-); packed if its name ends in .gz or .xz.",
            show_default=False,
        ),
    ] = None,
    names: Annotated[bool, flag("--names", meaning="Names of labels, with tabs between the pairs.")] = False,
    json_lines: Annotated[
        bool,
        flag(
            "--json-lines",
            meaning='Write {"labels": [...], "scores": [...]} for each sample; also if --output is called .jsonl.',
        ),
    ] = False,
    method: HowFound = Method.AUTO,
    from_format: From = None,
    layout: LayoutSettings = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Write the best labels of each sample, a line each: label:score label:score ..."""
    from slidelearn.cli.inputs import Columns, Inputs
    from slidelearn.inference import top_k as best_labels
    from slidelearn.model.documents import label_names
    from slidelearn.model.files import load_model

    console = make_console(json=True, quiet=quiet)  # standard output is for the answers
    output = None if output == Path("-") else output
    require_file_place("--output", output, [input_file, model])
    if output is None and sys.stdout is None:
        raise ValueError("the answers need --output, as standard output is closed")
    asked = load_model(model)  # not SlideClassifier, which brings scikit-learn, in a second
    n_labels, n_threads = asked.network.n_labels, resolve_threads(threads)
    if top_k is None:
        top_k = min(_USUAL_K, n_labels)
    if top_k > n_labels:
        raise ValueError(f"--top-k must be at most {n_labels}, the labels that {model} has, but is {top_k}")
    written_as = label_names(asked.documents, n_labels) if names else [str(label) for label in range(n_labels)]
    if written_as is None:
        raise ValueError(f"--names needs the names of the labels, but {model} has none: train it with --labels")
    inputs = Inputs.of(console, threads, from_format, layout)
    columns = Columns.of(asked.documents, asked.n_features, n_labels, model)
    X = inputs.read_alike("input", input_file, columns, with_labels=False).X
    assert X is not None
    as_objects = json_lines or (output is not None and _JSON_LINES.intersection(output.suffixes[-2:]))
    with (
        open_to_replace(output) if output else nullcontext(sys.stdout.buffer) as file,
        counting(console, "labelling", X.shape[0]) as after_batch,
    ):
        for begin in range(0, X.shape[0], _ROWS_PER_WRITE):
            ids, scores = best_labels(
                asked.members,
                asked.prepared(X[begin : begin + _ROWS_PER_WRITE]),
                top_k,
                neighbours=asked.neighbours,
                method=method,
                n_threads=n_threads,
            )
            answers = zip(ids.tolist(), scores.tolist(), strict=True)
            if as_objects:
                _write_objects(file, answers, written_as if names else range(n_labels))
            else:
                _write_lines(file, answers, written_as, "\t" if names else " ")
            after_batch(begin + len(ids))


def _write_lines(file: _Output, answers: _Answers, names: Sequence[str], gap: str) -> None:
    for ids, scores in answers:
        found = (pair for pair in zip(ids, scores, strict=True) if pair[0] >= 0)
        pairs = (f"{names[label]}:{score:.6g}" for label, score in found)
        file.write((gap.join(pairs) + "\n").encode())


def _write_objects(file: _Output, answers: _Answers, names: Sequence[str | int]) -> None:
    """Names may hold what separates the pairs of a line, and line ends: JSON quotes them."""
    for ids, scores in answers:
        found = [pair for pair in zip(ids, scores, strict=True) if pair[0] >= 0]
        labels = [names[label] for label, _ in found]
        answer = {"labels": labels, "scores": [float(f"{score:.6g}") for _, score in found]}
        file.write((json.dumps(answer, ensure_ascii=False) + "\n").encode())
