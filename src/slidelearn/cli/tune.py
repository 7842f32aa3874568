"""The command ``tune``."""

from __future__ import annotations

from contextlib import nullcontext
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
    samples_argument,
)
from slidelearn.cli.display import make_console, print_json
from slidelearn.cli.places import require_file_place
from slidelearn.extras import import_extra


def tune(
    train_file: Annotated[Path, samples_argument("TRAIN", "Samples to learn from.")],
    validation: Annotated[
        Path | None, file_option("Samples to judge by; if not given, some of the training samples are held out.")
    ] = None,
    config: Annotated[Path | None, file_option("TOML file of options that are not to be tuned.")] = None,
    settings: Settings = None,
    from_format: From = None,
    layout: LayoutSettings = None,
    max_seconds: Annotated[
        float | None, typer.Option(help="Seconds that all trials may take.", show_default=False)
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(min=1, help="How many trials; 20 if neither they nor the seconds are limited."),
    ] = None,
    metric: Annotated[str, typer.Option(help="What to maximise, such as p@1, psp@5 or p@1+ndcg@5.")] = "p@1+p@3+p@5",
    out: Annotated[
        Path | None, typer.Option(help="File to write the best options to, for `train --config`.", show_default=False)
    ] = None,
    threads: Threads = None,
    seed: Seed = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Try other options on a part of the samples, and tell which serve best; those of --set and --config stay."""
    from slidelearn.cli.inputs import Inputs
    from slidelearn.cli.options import gather_options
    from slidelearn.cli.training_display import TrainingDisplay
    from slidelearn.cli.training_input import SamplesInput
    from slidelearn.cli.tuning_report import as_toml, print_trial, print_tuning, report_of
    from slidelearn.config import make_config
    from slidelearn.files.atomic import write_atomically
    from slidelearn.tuning import tune as find_options

    console = make_console(json=json, quiet=quiet)
    require_file_place("--out", out, [train_file, validation])
    import_extra("optuna", "tune", "slidelearn tune")
    given = gather_options(config, settings or [], random_state=seed)
    make_config(**given)
    inputs = Inputs.of(console, threads, from_format, layout)
    samples = SamplesInput(inputs, train_file)
    validated = None
    if validation:
        judges = inputs.read_alike("validation", validation, samples.columns)
        assert judges.X is not None
        validated = judges.X, judges.Y[:, : samples.columns.n_labels]
    with TrainingDisplay(console) if console.is_terminal else nullcontext() as display:
        tuning = find_options(
            samples.X,
            samples.Y,
            given=given,
            validation=validated,
            metric=metric,
            n_trials=trials,
            max_seconds=max_seconds,
            n_jobs=threads,
            callbacks=[display] if display else [],
            after_trial=lambda trial: print_trial(console, trial),
        )
    print_tuning(make_console(json=json, quiet=json and quiet), tuning, metric)
    if out:
        write_atomically(out, as_toml({**given, **tuning.best.options}, tuning, metric).encode())
        console.print(f"wrote {out}: slidelearn train {train_file} --config {out}", soft_wrap=True)
    if json:
        print_json(report_of(tuning))
    if tuning.interrupt:
        raise tuning.interrupt
