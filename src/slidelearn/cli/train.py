"""The command ``train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from slidelearn.cli.arguments import (
    From,
    Json,
    LayoutSettings,
    Quiet,
    Seed,
    Settings,
    Threads,
    file_option,
    flag,
    samples_argument,
)
from slidelearn.cli.display import make_console, print_json, size
from slidelearn.cli.places import require_file_place

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
    train_file: Annotated[Path, samples_argument("TRAIN", "Samples to learn from.")],
    test: Annotated[Path | None, file_option("Samples to test the model on.")] = None,
    out: Annotated[Path | None, typer.Option(help="Directory to save the model in.", show_default=False)] = None,
    config: Annotated[Path | None, file_option("TOML file of options; --set wins over it.")] = None,
    settings: Settings = None,
    from_format: From = None,
    layout: LayoutSettings = None,
    stream: Annotated[
        bool, flag("--stream", meaning="Leave the samples in their file, which is read once for each epoch.")
    ] = False,
    buffer: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Samples in memory at a time with --stream, shuffled among each other; 131,072 if not given.",
        ),
    ] = None,
    labels: Annotated[Path | None, file_option("Names of the labels, a line each, to keep with the model.")] = None,
    inference_only: Annotated[
        bool, flag("--inference-only", meaning="Save a model of a third of the size, which cannot go on learning.")
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
        int | None, typer.Option(min=1, metavar="K", help="How many checkpoints to keep; 2 if not given.")
    ] = None,
    resume: Annotated[
        bool, flag("--resume", meaning="Go on from the latest checkpoint, if there is one, else begin.")
    ] = False,
    threads: Threads = None,
    seed: Seed = None,
    max_seconds: Annotated[
        float | None,
        typer.Option(help="Seconds that training may take; reading the data does not count.", show_default=False),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a model; test it, and save it."""
    import time

    from slidelearn.callbacks import Callback, EarlyStopping, KeepBest, Validation
    from slidelearn.callbacks.checkpointing import remove_checkpoints
    from slidelearn.callbacks.logs import log_for
    from slidelearn.cli.checkpoints import (
        CHECKPOINTS,
        KEEP,
        checkpoint_to_resume,
        checkpointing,
        place_of_best,
        saying_how_to_resume,
    )
    from slidelearn.cli.inputs import Inputs, read_names
    from slidelearn.cli.measuring import footprint, measure, print_measured
    from slidelearn.cli.options import gather_options
    from slidelearn.cli.training_display import TrainingDisplay, print_training
    from slidelearn.cli.training_input import SamplesInput, StreamInput
    from slidelearn.config import make_config
    from slidelearn.estimator import SlideClassifier
    from slidelearn.machine.resources import available_bytes, resolve_threads
    from slidelearn.model.documents import put_label_names
    from slidelearn.model.files import require_place
    from slidelearn.network.network import estimated_bytes
    from slidelearn.sample_stream import BUFFER_SIZE
    from slidelearn.wording import counted

    console = make_console(json=json, quiet=quiet)
    if inference_only and not out:
        raise ValueError("--inference-only needs --out, the directory to save the model in")
    if buffer and not stream:
        raise ValueError("--buffer needs --stream: without it all samples are in memory")
    if early_stopping and not validation:
        raise ValueError("--early-stopping needs --validation, the samples to measure the gain on")
    kept = checkpointing(out, checkpoint_every_steps, checkpoint_every_minutes, keep, resume=resume)
    require_file_place("--log", log, [train_file, test, validation, labels, config])
    logs = [log_for(log)] if log else []
    options = gather_options(config, settings or [], random_state=seed, max_seconds=max_seconds)
    resolved = make_config(**options)
    if out:
        require_place(out, 0)
    resume_from = checkpoint_to_resume(console, out) if resume and out else None
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
    with saying_how_to_resume(kept), place_of_best(out if early_stopping else None) as best:
        looks: list[Callback] = []
        if validated:
            looks = [Validation(validated.X, columns.known(validated))]
        if early_stopping:
            looks += [EarlyStopping(patience=early_stopping), KeepBest(best)]
        with TrainingDisplay(console) as display:
            callbacks = [*looks, *logs, display, *([kept] if kept else [])]
            samples.fit(clf, callbacks, resume_from, documents)
        print_training(console, clf)
        if out:
            clf.save(out, inference_only=inference_only)
            console.print(f"saved {out}", soft_wrap=True)
    if out:
        remove_checkpoints(out / CHECKPOINTS)  # they are of this training, which is finished
    measured = measure(clf, tested, console) if tested else {}
    if measured:
        print_measured(make_console(json=json, quiet=json and quiet), measured)
    if json:
        training = {name: clf.training_.get(name) for name in _IN_JSON}
        print_json(measured | training | {"read_seconds": read_seconds} | footprint(clf, out))
