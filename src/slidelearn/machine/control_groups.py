"""What a container leaves to its processes: the limits of Linux's control groups, version 1 and 2.

A limit of any group around a process holds for it. Where there are no such groups there are no limits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

MEMBERSHIP, ROOT = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


def processors() -> int | None:
    """How many processors this process may keep busy at a time; None: all that there are."""
    shares = [_share(group) for group in _groups("cpu")]
    return min((math.ceil(share) for share in shares if share), default=None)


def free_bytes() -> int | None:
    """Memory that this process can still have before the system ends it; None: all that there is."""
    return min((free for group in _groups("memory") if (free := _free(group)) is not None), default=None)


def _groups(controller: str) -> Iterator[Path]:
    """The group of this process, and those around it that can be seen from here."""
    for line in (_words(MEMBERSHIP, "\n") or [])[::-1]:
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(",") or not controllers:
            top = ROOT / controller if controllers else ROOT
            own = top / path.lstrip("/")
            yield from (group for group in (own, *own.parents) if group.is_relative_to(top))


def _share(group: Path) -> float | None:
    words = _words(group / "cpu.max")
    if words is None:
        words = [*(_words(group / "cpu.cfs_quota_us") or []), *(_words(group / "cpu.cfs_period_us") or [])]
    if len(words) != 2 or words[0] in ("max", "-1"):
        return None
    return int(words[0]) / int(words[1])


def _free(group: Path) -> int | None:
    for limit_name, usage_name in (
        ("memory.max", "memory.current"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        limit, usage = _words(group / limit_name), _words(group / usage_name)
        if limit and usage and limit[0] != "max":
            return max(int(limit[0]) - int(usage[0]) + _cached_files(group), 0)
    return None


def _cached_files(group: Path) -> int:
    """Memory of the group that the system takes back as soon as it is wanted."""
    words = _words(group / "memory.stat") or []
    of_stat = dict(zip(words[::2], words[1::2], strict=False))
    kinds = ("inactive_file", "active_file")
    prefix = "total_" if "total_inactive_file" in of_stat else ""  # version 1 counts the groups within apart
    return sum(int(of_stat.get(prefix + kind, 0)) for kind in kinds)


def _words(path: Path, separator: str | None = None) -> list[str] | None:
    """None where there is no such file."""
    try:
        return path.read_text(encoding="ascii").strip().split(separator)
    except OSError:
        return None
