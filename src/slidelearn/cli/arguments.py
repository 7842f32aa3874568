"""Arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from slidelearn.machine import MAX_THREADS


def file_argument(name: str, meaning: str) -> Any:
    """A file that must be there."""
    return typer.Argument(metavar=name, exists=True, dir_okay=False, help=meaning, show_default=False)


def file_option(meaning: str) -> Any:
    """The same, if it is given."""
    return typer.Option(exists=True, dir_okay=False, help=meaning, show_default=False)


def _checked_threads(n: int | None) -> int | None:
    """Refuse what is no number of threads; a range of typer's would take the room that names of options need."""
    if n is not None and not 1 <= n <= MAX_THREADS:
        raise ValueError(f"--threads must lie in [1, {MAX_THREADS}], but is {n}")
    return n


Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A directory that `slidelearn train` wrote.", show_default=False)
]
Threads = Annotated[
    int | None,
    typer.Option(callback=_checked_threads, metavar="N", help="Threads; all if not given.", show_default=False),
]
Seed = Annotated[int | None, typer.Option(min=0, metavar="N", help="Seed of everything random.", show_default=False)]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="An option, such as n_epochs=5 or preset=paper.", show_default=False
    ),
]
Method = Annotated[str, typer.Option(help="How labels are found: auto, exact, index or lsh (see `predict_topk`).")]
Json = Annotated[bool, typer.Option("--json", help="End with one line of JSON; progress goes to standard error.")]
