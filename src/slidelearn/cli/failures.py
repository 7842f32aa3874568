"""How the commands fail: one message on standard error, never a traceback.

The exit code is 1, or 130 after Ctrl-C, 143 after SIGTERM and 141 where the reader of the output has gone, as shells
have it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from slidelearn.interrupts import Terminated, terminated_by_exception
from slidelearn.machine.resources import NotEnoughMemory

_INTERRUPTED, _TERMINATED, _UNREAD = 130, 143, 141


class Commands(TyperGroup):
    """A group of commands whose foreseeable failures end in one message."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Look at all that was given, for this group and for the command."""
        with _explained():
            _require_no_empty(args)
        return super().parse_args(ctx, args)

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
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())  # for what Python writes when it ends
        raise typer.Exit(_UNREAD) from None
    except OSError as error:
        reason = error.strerror or str(error)
        _complain(f"{error.filename}: {reason}" if error.filename else reason)
        raise typer.Exit(1) from None
    except MemoryError as error:
        unexplained = f"out of memory; fewer samples or a smaller model take less ({error})"
        _complain(str(error) if isinstance(error, NotEnoughMemory) else unexplained)
        raise typer.Exit(1) from None
    except RuntimeError as error:
        if "start new thread" not in str(error):
            raise
        _complain("the system starts no more threads: there is too little memory, or a limit on threads")
        raise typer.Exit(1) from None
    except (ValueError, FloatingPointError, ImportError) as error:  # one of these is that training has diverged
        _complain(str(error))
        raise typer.Exit(1) from None


def _require_no_empty(arguments: Sequence[str]) -> None:
    """Refuse what most likely is a variable that nobody set: a path would be the current directory."""
    for former, argument in pairwise(["", *arguments]):
        option, is_joined, value = argument.partition("=")
        if not argument:
            what = former if former.startswith("-") else "an argument"
        elif option.startswith("--") and is_joined and not value:
            what = option
        else:
            continue
        raise ValueError(f"{what} is empty: give a value, or leave it out; the current directory is '.'")


def _complain(message: str) -> None:
    Console(stderr=True).print(Text("slidelearn: ", style="bold red") + Text(message), soft_wrap=True)
