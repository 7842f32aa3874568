"""The command ``tune``."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from slidelearn.atomic_files import write_atomically
from slidelearn.cli.arguments import Json, Seed, Settings, Threads, file_argument, file_option
from slidelearn.cli.display import TrainingDisplay, duration, make_console, print_json
from slidelearn.cli.inputs import From, Inputs, LayoutSettings
from slidelearn.cli.options import gather_options
from slidelearn.cli.places import require_file_place
from slidelearn.cli.training_input import SamplesInput
from slidelearn.config import make_config
from slidelearn.extras import import_extra
from slidelearn.tuning import METRIC, N_TRIALS, Trial, Tuning
from slidelearn.tuning import tune as find_options
from slidelearn.wording import counted

_N_SHOWN = 10


def tune(
    train_file: Annotated[Path, file_argument("TRAIN", "Samples to learn from.")],
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
        typer.Option(min=1, help=f"How many trials; {N_TRIALS} if neither they nor the seconds are limited."),
    ] = None,
    metric: Annotated[str, typer.Option(help="What to maximise, such as p@1, psp@5 or p@1+ndcg@5.")] = METRIC,
    out: Annotated[
        Path | None, typer.Option(help="File to write the best options to, for `train --config`.", show_default=False)
    ] = None,
    threads: Threads = None,
    seed: Seed = None,
    json: Json = False,
) -> None:
    """Try other options on a part of the samples, and tell which serve best; those of --set and --config stay."""
    console = make_console(json=json)
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
            after_trial=lambda trial: _print_trial(console, trial),
        )
    _print_tuning(console, tuning, metric)
    if out:
        write_atomically(out, _as_toml({**given, **tuning.best.options}, tuning, metric).encode())
        console.print(f"wrote {out}: slidelearn train {train_file} --config {out}", soft_wrap=True)
    if json:
        print_json(_report(tuning))
    if tuning.interrupt:
        raise tuning.interrupt


def _print_trial(console: Console, trial: Trial) -> None:
    result = f"{100 * trial.score:.2f} %" if trial.outcome == "trained" else trial.outcome
    console.print(f"{_name(trial)}: {result}, {duration(trial.seconds)}; {_options(trial)}", soft_wrap=True)


def _print_tuning(console: Console, tuning: Tuning, metric: str) -> None:
    """Print the best trials, and that of the defaults, a line each."""
    ranked = sorted(tuning.trials, key=lambda trial: (trial.outcome != "trained", -trial.score, trial.number))
    shown = [trial for trial in ranked if trial.outcome == "trained"]
    shown = [*shown[:_N_SHOWN], *(trial for trial in shown[_N_SHOWN:] if trial.number == 0)]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in ("trial", "mean", "P@1", "P@3", "P@5", "time"):
        table.add_column(column, justify="left" if column == "trial" else "right", no_wrap=True)
    table.add_column("options")
    for trial in shown:
        precisions = [trial.metrics.get(name) for name in ("p@1", "p@3", "p@5")]
        table.add_row(
            _name(trial),
            f"{100 * trial.score:.2f}",
            *("" if p is None else f"{100 * p:.2f}" for p in precisions),
            duration(trial.seconds),
            _options(trial),
            style="bold" if trial is tuning.best else "",
        )
    console.print()
    console.print(table)
    best, defaults = tuning.best, tuning.trials[0]
    gain = f", {100 * (best.score - defaults.score):+.2f} beside the defaults" if defaults.outcome == "trained" else ""
    console.print(
        f"best mean of {metric}: {100 * best.score:.2f} %{gain}, on {counted(tuning.n_held_out, 'sample')}; "
        f"by their choice alone P@1 varies by {100 * tuning.standard_error:.2f} %",
        soft_wrap=True,
    )


def _as_toml(options: Mapping[str, Any], tuning: Tuning, metric: str) -> str:
    """The options as a file for ``train --config``."""
    best = tuning.best
    score, samples = f"{100 * best.score:.2f} %", counted(tuning.n_held_out, "sample")
    result = f"{score} on {samples}, the best of {counted(len(tuning.trials), 'trial')}"
    lines = [f"{name} = {_toml(value)}" for name, value in options.items()]
    return "\n".join([f"# mean of {metric}: {result}", *lines]) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _report(tuning: Tuning) -> dict[str, Any]:
    """For programs; None where a trial has no score."""
    trials = [asdict(trial) | {"score": trial.score if trial.metrics else None} for trial in tuning.trials]
    best = tuning.best
    return {
        "best": {"number": best.number, "score": best.score, "options": best.options},
        "trials": trials,
        "n_held_out": tuning.n_held_out,
        "standard_error": tuning.standard_error,
    }


def _name(trial: Trial) -> str:
    return "defaults" if trial.number == 0 else f"trial {trial.number}"


def _options(trial: Trial) -> str:
    return ", ".join(f"{name}={_written(value)}" for name, value in trial.options.items())


def _written(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
