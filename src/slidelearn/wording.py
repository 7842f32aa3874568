"""Numbers in sentences."""

from __future__ import annotations


def counted(n: int, noun: str) -> str:
    """Write how many there are.

    Examples
    --------
    >>> counted(1, "sample"), counted(2000, "sample")
    ('1 sample', '2,000 samples')
    """
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
