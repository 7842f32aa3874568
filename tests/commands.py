"""The commands, as a user calls them."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner

from slidelearn.cli import app

QUICK = ("--set", "hidden_sizes=16", "--set", "n_epochs=1", "--threads", "1")


def run(*arguments: object, code: int = 0) -> Any:
    """What the command printed, which must end with this code."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result


def last_json(result: Any) -> dict[str, Any]:
    """The line for programs."""
    return json.loads(result.stdout.splitlines()[-1])
