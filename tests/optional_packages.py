"""Tests that are skipped for want of an optional package: each run remembers and names them, and, once it is there,

    pytest --needing pyarrow,torch

runs those that the last run skipped for want of these. A test of them that is skipped again fails the run.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

_WANTED = re.compile(r"could not import '(\w+)")
_MEMORY = "slidelearn/skipped"


class OptionalPackages:
    """Watches which tests are skipped, or picks those that were."""

    def __init__(self, config: pytest.Config) -> None:
        self._cache: pytest.Cache | None = getattr(config, "cache", None)  # none with -p no:cacheprovider
        self._needing: list[str] = [name for name in config.getoption("--needing").split(",") if name]
        self.skipped: dict[str, str] = self._cache.get(_MEMORY, {}) if self._cache and self._needing else {}
        """Test, or file of tests -> the package it wants."""
        self._picked = [test for test, package in self.skipped.items() if package in self._needing]
        self._n_skipped_again = 0
        unwanted = set(self._needing) - set(self.skipped.values())
        if unwanted:
            raise pytest.UsageError(f"the last run skipped no test for want of {', '.join(sorted(unwanted))}")

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        if self._needing:
            picked = [item for item in items if self._is_picked(item.nodeid)]
            config.hook.pytest_deselected(items=[item for item in items if item not in picked])
            items[:] = picked

    def pytest_runtest_logreport(self, report: Any) -> None:
        if not report.skipped or hasattr(report, "wasxfail"):
            return
        self._n_skipped_again += self._is_picked(report.nodeid)
        found = _WANTED.search(report.longrepr[-1])
        if found and not self._needing:
            self.skipped[report.nodeid] = found[1]

    pytest_collectreport = pytest_runtest_logreport

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._n_skipped_again:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if self._cache and not self._needing:
            self._cache.set(_MEMORY, self.skipped)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._n_skipped_again:
            terminalreporter.write_line(f"FAILED: {self._n_skipped_again} skipped again, with --needing", red=True)
        for package in sorted(set(self.skipped.values()) - set(self._needing)):
            files = Counter(test.partition("::")[0] for test, wanted in self.skipped.items() if wanted == package)
            named = ", ".join(f"{file} ({n})" for file, n in files.items())
            terminalreporter.write_line(f"NOT RUN for want of {package}: {named}", yellow=True)

    def _is_picked(self, test: str) -> bool:
        return any(test == each or test.startswith(f"{each}::") for each in self._picked)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--needing", default="", metavar="PACKAGES", help="run what the last run skipped for want of these packages"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(OptionalPackages(config))
