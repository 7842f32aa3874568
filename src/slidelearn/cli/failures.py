"""How the commands fail: one message on standard error, never a traceback.

The exit code is 1, or 130 after Ctrl-C and 143 after SIGTERM, as shells have it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from slidelearn.interrupts import Terminated, terminated_by_exception
from slidelearn.progress import TrainingDiverged

_INTERRUPTED, _TERMINATED = 130, 143


class Commands(TyperGroup):
    """A group of commands whose foreseeable failures end in one message."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        with _explained(), terminated_by_exception():
            return super().invoke(ctx)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as interrupt:
        is_terminated = isinstance(interrupt, Terminated)
        _complain("; ".join(["terminated" if is_terminated else "interrupted", *map(str, interrupt.args)]))
        raise typer.Exit(_TERMINATED if is_terminated else _INTERRUPTED) from None
    except BrokenPipeError:  # the reader of our output has gone, as in `| head`: nobody is left to tell
        raise
    except OSError as error:
        _complain(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error))
        raise typer.Exit(1) from None
    except MemoryError as error:
        reason = str(error)
        _complain("out of memory" if reason in ("", "std::bad_alloc") else reason)
        raise typer.Exit(1) from None
    except RuntimeError as error:
        if "start new thread" not in str(error):
            raise
        _complain("the system starts no more threads: there is too little memory, or a limit on threads")
        raise typer.Exit(1) from None
    except (ValueError, TrainingDiverged, ImportError) as error:
        _complain(str(error))
        raise typer.Exit(1) from None


def _complain(message: str) -> None:
    Console(stderr=True).print(Text("slidelearn: ", style="bold red") + Text(message), soft_wrap=True)
