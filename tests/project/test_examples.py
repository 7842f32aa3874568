from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_the_example_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if name == "torch_encoder.py":
        pytest.importorskip("torch").set_num_threads(1)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [name, "--quick"])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    assert re.search(r"\d", capsys.readouterr().out)
    assert not list(tmp_path.iterdir())


def test_all_are_listed() -> None:
    listed = set(re.findall(r"\]\(([\w./]+)\)", (EXAMPLES / "README.md").read_text()))
    there = {path.name for path in EXAMPLES.glob("*.py")} | {f"{path.name}/README.md" for path in EXAMPLES.glob("*/")}
    assert listed == {name for name in there if not name.startswith("__")}
