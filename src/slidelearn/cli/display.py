"""Where commands write, and how they write times and sizes."""

from __future__ import annotations

import io
import json as json_format
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

_WIDEST = 1000


def make_console(*, json: bool = False, quiet: bool = False) -> Console:
    """Make the console for people: standard output, or standard error where standard output is for a program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a bar drawn as ? on a terminal of another encoding is no error
    return Console(stderr=json, highlight=False, quiet=quiet)


def print_json(report: dict[str, Any]) -> None:
    """Print one line for programs."""
    print(json_format.dumps(report))


def duration(seconds: float) -> str:
    """Write seconds for people: ``0.4 s``, ``31 s``, ``2:05 min``, ``1:02:05 h``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"


def size(n_bytes: float) -> str:
    """Write a number of bytes for people: ``4.2 kB``, ``27.0 MB``, ``1.3 GB``."""
    if n_bytes >= 1e9:
        return f"{n_bytes / 1e9:.1f} GB"
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e5 else f"{n_bytes / 1e3:.1f} kB"


def print_table(console: Console, table: Table) -> None:
    """Print a table at its own width: a narrow terminal breaks its lines, where numbers would be cut."""
    wide = console.options.update(width=_WIDEST)
    table.width = Measurement.get(console, wide, table).maximum
    console.print(table, crop=False)


@contextmanager
def counting(console: Console, doing: str, n_samples: int) -> Iterator[Callable[[int], None]]:
    """Show how many of the samples are done; gives what to call with that number."""
    if not console.is_terminal:
        yield lambda done: None
        return
    columns = (TextColumn(doing), BarColumn(None), TextColumn("{task.completed:,.0f} of {task.total:,.0f} samples"))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=n_samples)
        yield lambda done: bar.update(task, completed=done)
