"""What `slidelearn tune` has found, for people, for ``train --config`` and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from slidelearn.cli.display import duration
from slidelearn.tuning import Trial, Tuning
from slidelearn.wording import counted

_N_SHOWN = 10


def print_trial(console: Console, trial: Trial) -> None:
    """Print how good one was, in a line."""
    result = f"{100 * trial.score:.2f} %" if trial.outcome == "trained" else trial.outcome
    console.print(f"{_name(trial)}: {result}, {duration(trial.seconds)}; {_options(trial)}", soft_wrap=True)


def print_tuning(console: Console, tuning: Tuning, metric: str) -> None:
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


def as_toml(options: Mapping[str, Any], tuning: Tuning, metric: str) -> str:
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


def report_of(tuning: Tuning) -> dict[str, Any]:
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
