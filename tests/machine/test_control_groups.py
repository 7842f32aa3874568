"""Limits of containers, as files of the system tell them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from slidelearn.machine import control_groups, resources

GB = 10**9
STAT_1 = f"cache 7\nactive_file 1\ninactive_file 1\ntotal_inactive_file {GB}\ntotal_active_file {2 * GB}\n"
STAT_2 = f"anon 5\nfile {9 * GB}\ninactive_file {GB}\nactive_file {2 * GB}\n"
UNLIMITED_1 = "9223372036854771712\n"


def make(place: Path, membership: str, files: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "membership").write_text(membership)
    for name, text in files.items():
        path = place / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(control_groups, "MEMBERSHIP", place / "membership")
    monkeypatch.setattr(control_groups, "ROOT", place / "groups")


def test_version_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "cpu.max": "250000 100000\n",
        "memory.max": f"{8 * GB}\n",
        "memory.current": f"{6 * GB}\n",
        "memory.stat": STAT_2,
    }
    make(tmp_path, "0::/\n", files, monkeypatch)
    assert control_groups.processors() == 3
    assert control_groups.free_bytes() == 5 * GB, "files in memory are given back"


def test_version_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "cpu/cpu.cfs_quota_us": "150000\n",
        "cpu/cpu.cfs_period_us": "100000\n",
        "memory/memory.limit_in_bytes": f"{8 * GB}\n",
        "memory/memory.usage_in_bytes": f"{6 * GB}\n",
        "memory/memory.stat": STAT_1,
    }
    # the host's paths, which a container does not see
    make(tmp_path, "5:cpu,cpuacct:/docker/7\n4:memory:/docker/7\n0::/system\n", files, monkeypatch)
    assert control_groups.processors() == 2
    assert control_groups.free_bytes() == 5 * GB


def test_limits_of_groups_around_hold_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "job/cpu.max": "200000 100000\n",
        "job/step/cpu.max": "max 100000\n",
        "job/memory.max": f"{2 * GB}\n",
        "job/memory.current": f"{3 * GB}\n",
        "job/step/memory.max": f"{8 * GB}\n",
        "job/step/memory.current": "0\n",
    }
    make(tmp_path, "0::/job/step\n", files, monkeypatch)
    assert control_groups.processors() == 2
    assert control_groups.free_bytes() == 0


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"cpu.max": "max 100000\n", "memory.max": "max\n", "memory.current": "5\n"},
        {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
    ],
)
def test_no_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: Mapping[str, str]) -> None:
    make(tmp_path, "3:cpu:/\n0::/\n", files, monkeypatch)
    assert control_groups.processors() is None
    assert control_groups.free_bytes() is None


def test_systems_without_control_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_groups, "MEMBERSHIP", tmp_path / "nowhere")
    assert control_groups.processors() is None
    assert control_groups.free_bytes() is None


def test_what_a_container_leaves_is_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_groups, "processors", lambda: 1)
    monkeypatch.setattr(control_groups, "free_bytes", lambda: 10)
    resources._processors_of_container.cache_clear()
    try:
        assert resources.resolve_threads(None) == 1
    finally:
        monkeypatch.undo()
        resources._processors_of_container.cache_clear()
    monkeypatch.setattr(control_groups, "free_bytes", lambda: 10)
    assert resources.available_bytes() == 10
