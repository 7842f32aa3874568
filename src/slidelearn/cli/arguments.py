"""Arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def file_argument(name: str, meaning: str) -> Any:
    """A file that must be there."""
    return typer.Argument(metavar=name, exists=True, dir_okay=False, help=meaning, show_default=False)


def file_option(meaning: str) -> Any:
    """The same, if it is given."""
    return typer.Option(exists=True, dir_okay=False, help=meaning, show_default=False)


Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A directory that `slidelearn train` wrote.", show_default=False)
]
Threads = Annotated[
    int | None, typer.Option(min=1, max=1024, help="Threads; all processors if not given.", show_default=False)
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="An option, such as n_epochs=5 or preset=paper.", show_default=False
    ),
]
Method = Annotated[str, typer.Option(help="How labels are found: auto, exact, index or lsh (see `predict_topk`).")]
Json = Annotated[bool, typer.Option("--json", help="End with one line of JSON; progress goes to standard error.")]
