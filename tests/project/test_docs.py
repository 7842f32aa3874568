"""The documentation holds what it says: its Python runs, its commands exist, its links lead somewhere.

Blocks of a page run one after another in one namespace, as a reader would run them, but always on the small data set. A
block under a comment ``<!-- needs PACKAGE -->`` runs where that is installed; elsewhere the page counts as skipped.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest
import typer

import slidelearn
from slidelearn.cli import app
from slidelearn.datasets import Dataset

ROOT = Path(__file__).parents[2]
_FOLDERS = ("docs", "benchmarks", "examples", "src")
PAGES = sorted([*ROOT.glob("*.md"), *(page for folder in _FOLDERS for page in (ROOT / folder).rglob("*.md"))])
_BLOCK = re.compile(r"^(?:<!-- needs (\w+) -->\n+)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(<?([^)\s>]+)>?\)|\b(?:src|srcset|href)=\"([^\"]+)\"")


class Block(NamedTuple):
    """Code in a page."""

    language: str
    code: str
    line: int
    """Of the page, where the code begins."""
    needs: str | None
    """Package without which it cannot run."""


def blocks_of(page: Path, language: str) -> Iterator[Block]:
    text = page.read_text("utf-8")
    for found in _BLOCK.finditer(text):
        if found[2] == language:
            yield Block(found[2], found[3], text.count("\n", 0, found.start(3)) + 1, found[1])


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


PAGES_THAT_RUN = [
    page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if any(blocks_of(page, "python"))
]


@pytest.mark.parametrize("page", PAGES_THAT_RUN, ids=name_of)
def test_python_runs(page: Path, tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(slidelearn, "load_dataset", lambda name: tiny)
    namespace, missing = {"__name__": "__main__"}, []
    for block in blocks_of(page, "python"):
        if block.needs and not find_spec(block.needs):
            missing.append(block.needs)
        else:
            padded = "\n" * (block.line - 1) + block.code  # so that a failure names the page's own line
            exec(compile(padded, page, "exec"), namespace)
    for package in missing:
        pytest.importorskip(package)


def test_there_is_python_to_run() -> None:
    assert {"README.md", "docs/tutorial.md", "docs/how-to/keep-learning.md"} <= set(map(name_of, PAGES_THAT_RUN))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_exist(page: Path) -> None:
    commands = typer.main.get_command(app)
    for block in blocks_of(page, "console"):
        for line in re.findall(r"(?:^|bin/|run )slidelearn ([^&|;\n]+)", block.code.replace("\\\n", " "), re.MULTILINE):
            command, words = commands, shlex.split(line)
            while words and hasattr(command, "commands"):
                assert words[0] in command.commands, f"{name_of(page)}: slidelearn {line}"
                command = command.commands[words.pop(0)]
            known = {name for parameter in command.params for name in parameter.opts} | {"--help"}
            for word in words:
                assert not word.startswith("--") or word in known, f"{name_of(page)}: slidelearn {line}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```$|`[^`\n]+`", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for in_markdown, in_html in _LINK.findall(text):
        link = in_markdown or in_html
        if re.match(r"[a-z]+:", link):
            continue
        path, _, place = link.partition("#")
        target = page if not path else page.parent / path
        assert target.exists(), f"{name_of(page)} links to {link}"
        assert not place or place in headings_of(target), f"{name_of(page)} links to {link}"


def headings_of(page: Path) -> set[str]:
    """Headings as links write them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
