"""Arguments and options that several commands have.

Like all that declares commands, it imports next to nothing, so that help is there at once.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from slidelearn.machine.resources import MAX_THREADS

STANDARD_INPUT, STANDARD_OUTPUT = Path("/dev/stdin"), Path("/dev/stdout")
"""What ``-`` stands for; errors name it so."""
FORMAT_NAMES = ("xmc", "xmc-pair", "libsvm", "npz", "parquet", "arrow", "csv", "tsv", "jsonl")
"""Those of `slidelearn.formats.FORMATS`, which would take long to import."""


class Method(StrEnum):
    """How labels are found (see `SlideClassifier.predict_topk`)."""

    AUTO = "auto"
    EXACT = "exact"
    INDEX = "index"
    LSH = "lsh"


def samples_argument(name: str, meaning: str) -> Any:
    """A file of samples that must be there, or standard input."""

    def found(path: Path) -> Path:
        if path == Path("-"):
            return STANDARD_INPUT
        if not path.exists():
            raise ValueError(f"{name} is {path}, but there is no such file")
        return path

    return typer.Argument(
        metavar=name,
        dir_okay=False,
        callback=found,
        help=f"{meaning} - is standard input, in the format of --from.",
        show_default=False,
    )


def file_option(meaning: str) -> Any:
    """A file that must be there, if it is given."""
    return typer.Option(exists=True, dir_okay=False, help=meaning, show_default=False)


def flag(*names: str, meaning: str, **more: Any) -> Any:
    """An option without a value, where typer would write that it takes one."""
    return typer.Option(*names, metavar="", help=meaning, **more)


def _checked_threads(n: int | None) -> int | None:
    """Refuse what is no number of threads; a range of typer's would take the room that names of options need."""
    if n is not None and not 1 <= n <= MAX_THREADS:
        raise ValueError(f"--threads must lie in [1, {MAX_THREADS}], but is {n}")
    return n


Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A directory that `slidelearn train` wrote.", show_default=False)
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="FORMAT",
        help=f"Format of the data files, if their names do not say it: {', '.join(FORMAT_NAMES)}.",
        show_default=False,
    ),
]
LayoutSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--layout",
        metavar="NAME=VALUE",
        help="How the data files are laid out: text_column, label_column, label_separator, first_id.",
        show_default=False,
    ),
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
HowFound = Annotated[Method, typer.Option(help="How labels are found (see `predict_topk`).")]
Json = Annotated[bool, flag("--json", meaning="End with one line of JSON; progress goes to standard error.")]
Quiet = Annotated[
    bool, flag("--quiet", "-q", meaning="Write results, warnings and errors only: no progress, no remarks.")
]
