"""Which wheels cibuildwheel makes, by pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENDINGS = {
    "linux": ("manylinux_x86_64", "manylinux_aarch64"),
    "macos": ("macosx_x86_64", "macosx_arm64"),
    "windows": ("win_amd64",),
}


@pytest.mark.parametrize("platform", ENDINGS)
def test_wheels_are_for_these_systems(platform: str) -> None:
    pytest.importorskip("cibuildwheel")
    command = [sys.executable, "-m", "cibuildwheel", "--print-build-identifiers", "--platform", platform, str(ROOT)]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert set(found) == {f"cp3{minor}-{end}" for minor in range(11, 15) for end in ENDINGS[platform]}
