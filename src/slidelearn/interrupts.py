"""Ctrl-C and SIGTERM: how whoever runs a process asks it to end. Batch systems and containers send the latter."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, final


class Terminated(KeyboardInterrupt):
    """SIGTERM was heard: what ends in good order after Ctrl-C does so after it too."""


def raise_terminated(number: int, frame: FrameType | None) -> None:
    """Hear SIGTERM as Python hears Ctrl-C."""
    raise Terminated


@contextmanager
def terminated_by_exception() -> Iterator[None]:
    """Have SIGTERM raise `Terminated`, where it would end the process without a word."""
    former = _take_over(signal.SIGTERM, raise_terminated, [signal.SIG_DFL])
    try:
        yield
    finally:
        if former is not None:
            signal.signal(signal.SIGTERM, former)


@final
class Interrupts:
    """Remembers Ctrl-C or SIGTERM instead of ending the process, in the main thread; the second ends it after all."""

    def __init__(self) -> None:
        self._heard: type[KeyboardInterrupt] | None = None
        self._former: dict[signal.Signals, Any] = {}

    def __bool__(self) -> bool:
        return self._heard is not None

    def begin(self) -> None:
        """Hear them, where nobody else does."""
        self._heard = None
        for number, unheard in (
            (signal.SIGINT, [signal.default_int_handler]),
            (signal.SIGTERM, [signal.SIG_DFL, raise_terminated]),
        ):
            former = _take_over(number, self._hear, unheard)
            if former is not None:
                self._former[number] = former

    def end(self) -> None:
        """Leave them to whoever had them before."""
        while self._former:
            signal.signal(*self._former.popitem())

    def raise_heard(self) -> None:
        """End what goes on, if one was heard."""
        if self._heard:
            raise self._heard

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self._heard = Terminated if number == signal.SIGTERM else KeyboardInterrupt
        self.end()


def _take_over(number: signal.Signals, hear: Callable[..., None], former: list[Any]) -> Any:
    """Hear a signal from here on, if it was heard in one of the former ways; return that, else None."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(number) not in former:
        return None
    return signal.signal(number, hear)
