"""The command ``train``."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from slidelearn.callbacks import Callback, Checkpointing, EarlyStopping, KeepBest, Validation, latest_checkpoint
from slidelearn.callbacks.checkpointing import remove_checkpoints
from slidelearn.callbacks.logs import log_for
from slidelearn.cli.arguments import Json, Seed, Settings, Threads, file_argument, file_option
from slidelearn.cli.display import TrainingDisplay, duration, make_console, print_json, size
from slidelearn.cli.inputs import From, Inputs, LayoutSettings, read_names
from slidelearn.cli.measuring import KS, footprint, measure, print_measured
from slidelearn.cli.options import gather_options
from slidelearn.cli.places import require_file_place
from slidelearn.cli.training_input import SamplesInput, StreamInput
from slidelearn.config import make_config
from slidelearn.estimator import SlideClassifier
from slidelearn.machine import available_bytes, resolve_threads
from slidelearn.model.documents import put_label_names
from slidelearn.model.files import require_place
from slidelearn.network.network import estimated_bytes
from slidelearn.sample_stream import BUFFER_SIZE
from slidelearn.wording import counted

CHECKPOINTS = "checkpoints"
"""Where a model's directory has those of its training, until it is finished."""
KEEP = 2
_IN_JSON = (
    "train_seconds",
    "cpu_seconds",
    "ranker_seconds",
    "ranker_c",
    "ranker_blend",
    "n_suggested",
    "pilot",
    "plans",
    "active_mean",
    "candidate_recall",
    "n_without_labels",
    "validation",
)


def train(
    train_file: Annotated[Path, file_argument("TRAIN", "Samples to learn from.")],
    test: Annotated[Path | None, file_option("Samples to test the model on.")] = None,
    out: Annotated[Path | None, typer.Option(help="Directory to save the model in.", show_default=False)] = None,
    config: Annotated[Path | None, file_option("TOML file of options; --set wins over it.")] = None,
    settings: Settings = None,
    from_format: From = None,
    layout: LayoutSettings = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="Leave the samples in their file, which is read once for each epoch.")
    ] = False,
    buffer: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help=f"Samples in memory at a time with --stream, shuffled among each other; {BUFFER_SIZE:,} if not given.",
        ),
    ] = None,
    labels: Annotated[Path | None, file_option("Names of the labels, a line each, to keep with the model.")] = None,
    inference_only: Annotated[
        bool, typer.Option("--inference-only", help="Save a model of a third of the size, which cannot go on learning.")
    ] = False,
    validation: Annotated[
        Path | None,
        file_option(
            "Samples to measure on: the network alone after each epoch, the whole model at the end; nothing is learnt "
            "from them."
        ),
    ] = None,
    early_stopping: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="End after N epochs without gain in the network's own P@1 on --validation; the best network stays.",
        ),
    ] = None,
    log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a log while training: FILE.jsonl or FILE.csv.")
    ] = None,
    checkpoint_every_steps: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Keep a checkpoint every N steps, in OUT/checkpoints.")
    ] = None,
    checkpoint_every_minutes: Annotated[
        float | None, typer.Option(metavar="M", help="Keep a checkpoint every M minutes.")
    ] = None,
    keep: Annotated[
        int | None, typer.Option(min=1, metavar="K", help=f"How many checkpoints to keep; {KEEP} if not given.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the latest checkpoint, if there is one, else begin.")
    ] = False,
    threads: Threads = None,
    seed: Seed = None,
    max_seconds: Annotated[
        float | None,
        typer.Option(help="Seconds that training may take; reading the data does not count.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Train a model; test it, and save it."""
    console = make_console(json=json)
    if inference_only and not out:
        raise ValueError("--inference-only needs --out, the directory to save the model in")
    if buffer and not stream:
        raise ValueError("--buffer needs --stream: without it all samples are in memory")
    if early_stopping and not validation:
        raise ValueError("--early-stopping needs --validation, the samples to measure the gain on")
    kept = _checkpointing(out, checkpoint_every_steps, checkpoint_every_minutes, keep, resume=resume)
    require_file_place("--log", log, [train_file, test, validation, labels, config])
    logs = [log_for(log)] if log else []
    options = gather_options(config, settings or [], random_state=seed, max_seconds=max_seconds)
    resolved = make_config(**options)
    if out:
        require_place(out, 0)
    resume_from = _checkpoint(console, out) if resume and out else None
    began = time.perf_counter()
    inputs = Inputs.of(console, threads, from_format, layout)
    samples = StreamInput(inputs, train_file, buffer or BUFFER_SIZE) if stream else SamplesInput(inputs, train_file)
    columns = samples.columns
    if labels and columns.label_names:
        raise ValueError(f"--labels is for files that number their labels, but {train_file} has names for them")
    names = read_names(labels, columns.n_labels) if labels else None
    tested, validated = (
        inputs.read_alike(what, path, columns) if path else None
        for what, path in (("test", test), ("validation", validation))
    )
    read_seconds = time.perf_counter() - began
    if out:
        n_copies = 1 + bool(early_stopping) + (keep or KEEP) * bool(kept)
        require_place(out, n_copies * estimated_bytes(resolved, len(samples.known), columns.n_labels))
    free = available_bytes()
    console.print(
        f"training: {size(samples.training_bytes(resolved))} of memory"
        + (f" ({size(free)} are free)" if free else "")
        + f"; {counted(resolve_threads(threads), 'thread')}"
    )

    documents = dict[str, str]()
    samples.put_documents(documents)
    if names:
        put_label_names(documents, names, columns.n_labels)
    clf = SlideClassifier(n_jobs=threads, **options)
    with _saying_how_to_resume(kept), _place_of_best(out if early_stopping else None) as best:
        looks: list[Callback] = []
        if validated:
            looks = [Validation(validated.X, columns.known(validated))]
        if early_stopping:
            looks += [EarlyStopping(patience=early_stopping), KeepBest(best)]
        with TrainingDisplay(console) as display:
            callbacks = [*looks, *logs, display, *([kept] if kept else [])]
            samples.fit(clf, callbacks, resume_from, documents)
        _print_training(console, clf)
        if out:
            clf.save(out, inference_only=inference_only)
            console.print(f"saved {out}", soft_wrap=True)
    if out:
        remove_checkpoints(out / CHECKPOINTS)  # they are of this training, which is finished
    measured = measure(clf, tested, console) if tested else {}
    if measured:
        print_measured(console, measured)
    if json:
        training = {name: clf.training_.get(name) for name in _IN_JSON}
        print_json(measured | training | {"read_seconds": read_seconds} | footprint(clf, out))


def _checkpointing(
    out: Path | None, every_steps: int | None, every_minutes: float | None, keep: int | None, *, resume: bool
) -> Checkpointing | None:
    """What keeps checkpoints, if they are wanted; those that are there are not to be lost by mistake."""
    if every_minutes is not None and not every_minutes > 0:
        raise ValueError(f"--checkpoint-every-minutes must be > 0, but is {every_minutes}")
    is_wanted = bool(every_steps or every_minutes or resume)
    if keep and not is_wanted:
        raise ValueError("--keep needs --checkpoint-every-steps or --checkpoint-every-minutes")
    if not out:
        if is_wanted:
            raise ValueError("checkpoints and --resume need --out, in whose directory they are kept")
        return None
    directory = out / CHECKPOINTS
    if not resume and (latest := latest_checkpoint(directory)):
        raise ValueError(
            f"{directory} has checkpoints of a training that was interrupted, the latest {latest.name}: "
            "go on with it by --resume, or remove them to begin anew"
        )
    if not is_wanted:
        return None
    return Checkpointing(directory, every_steps=every_steps, every_minutes=every_minutes, keep=keep or KEEP)


def _checkpoint(console: Console, out: Path) -> Path | None:
    """The checkpoint to go on from; None where training was interrupted before there was one, or never began."""
    directory = out / CHECKPOINTS
    latest = latest_checkpoint(directory)
    if latest:
        console.print(f"going on from {latest}", soft_wrap=True)
    elif directory.exists():
        console.print("interrupted before the first checkpoint: training from the start", soft_wrap=True)
    elif (out / "config.json").exists():
        raise ValueError(f"{out} has a finished model, and no checkpoint to go on from: leave out --resume")
    else:
        console.print("no checkpoint to go on from: training from the start")
    return latest


@contextmanager
def _saying_how_to_resume(kept: Checkpointing | None) -> Iterator[None]:
    """Have a directory for checkpoints from the beginning, by which `--resume` knows that a training has begun."""
    try:
        if kept:
            kept.directory.mkdir(parents=True, exist_ok=True)
        yield
    except KeyboardInterrupt as interrupt:
        if not kept:
            raise
        latest = latest_checkpoint(kept.directory)
        how = f"goes on from {latest}" if latest else "begins anew, as there was no checkpoint yet"
        raise type(interrupt)(f"the same command with --resume {how}") from None


@contextmanager
def _place_of_best(out: Path | None) -> Iterator[Path]:
    """Where the best network is while training goes on; with checkpoints, it must outlive an interruption."""
    if out:
        yield out / CHECKPOINTS / "best"
        shutil.rmtree(out / CHECKPOINTS / "best", ignore_errors=True)
    else:
        with tempfile.TemporaryDirectory() as directory:
            yield Path(directory)


def _print_training(console: Console, clf: SlideClassifier) -> None:
    report, n_labels = clf.training_, clf.n_labels_
    if report["plans"]:
        console.print(f"plan that fits into {clf.config_.max_seconds:g} s: {list(report['plans'])[-1]}", soft_wrap=True)
    if report["pilot"]:
        chosen = ", ".join(f"{option}={getattr(clf.config_, option)}" for option in report["pilot"])
        console.print(f"chosen by the pilot: {chosen}", soft_wrap=True)
    unlabelled = report["n_without_labels"]
    console.print(
        f"trained in {duration(report['train_seconds'])} ({report['cpu_seconds']:.1f} s of CPU)"
        + (f", of which the ranker took {duration(report['ranker_seconds'])}" if report["ranker_seconds"] else "")
        + f"; {report['active_mean']:,.0f} of {counted(n_labels, 'label')} active per sample"
        + (f"; {counted(unlabelled, 'sample')} without labels left out" if unlabelled else ""),
        soft_wrap=True,
    )
    if validation := report.get("validation"):
        shown = ", ".join(f"P@{k} {validation[f'p@{k}']:.2%}" for k in KS if f"p@{k}" in validation)
        console.print(f"validation, the whole model: {shown}", soft_wrap=True)
