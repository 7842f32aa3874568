"""Whether other programs are at work: PyTorch's threads spin while they wait for each other, and lose most by that."""

from __future__ import annotations

import time
from pathlib import Path

SECONDS = 1.0
TOLERATED = 0.1
"""Cores."""


def busy_cores() -> float | None:
    """Cores that others keep busy while this process sleeps; None where there is no /proc."""
    if (before := _busy_ticks()) is None:
        return None
    time.sleep(SECONDS)
    return ((_busy_ticks() or before) - before) / (100 * SECONDS)


def _busy_ticks() -> int | None:
    """Hundredths of a second, of all cores since the start: user, nice, system, interrupts, stolen by other guests."""
    status = Path("/proc/stat")
    if not status.exists():
        return None
    ticks = [int(number) for number in status.read_text().partition("\n")[0].split()[1:]]
    return sum(ticks[i] for i in (0, 1, 2, 5, 6, 7))
