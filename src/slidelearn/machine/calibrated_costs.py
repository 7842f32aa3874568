"""The costs of this machine: `slidelearn info --calibrate` measures them, and a file keeps them.

A file is of one processor, number of processors and instruction set, which are in its name and again in it. Without
one the constants of the package hold.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from slidelearn import kernels
from slidelearn.files.atomic import digest_of, write_atomically
from slidelearn.files.paths import make_directory
from slidelearn.machine.costs import Costs
from slidelearn.machine.resources import processor_name

HOME = "SLIDELEARN_HOME"
"""The environment variable that names another directory for the file."""


class _Content(BaseModel):
    """Of the file, but for its digest."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Literal["slidelearn-costs"] = "slidelearn-costs"
    format_version: Literal[1] = 1
    processor: str
    n_processors: int
    instruction_set: str
    measured: str
    """The day."""
    costs: Costs


def costs_here() -> tuple[Costs, Path | None]:
    """The costs by which new models choose on this machine, and the file that has them; None: they are the package's.

    A file that is damaged, or of another machine, is ignored with a warning.
    """
    path = place_of_costs()
    try:
        return _read(path), path
    except FileNotFoundError:
        pass
    except (OSError, ValueError, RecursionError) as error:
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        warnings.warn(
            f"{path} is ignored, and the costs of the package hold: {why}; `slidelearn info --calibrate` measures anew",
            stacklevel=2,
        )
    return Costs(), None


def keep_costs(costs: Costs) -> Path:
    """Put the file in place of the former one; return its path."""
    path = place_of_costs()
    content = _Content(**_here(), measured=time.strftime("%Y-%m-%d"), costs=costs).model_dump()
    make_directory(path.parent)
    write_atomically(path, (json.dumps({**content, "digest": _digest(content)}, indent=2) + "\n").encode())
    return path


def place_of_costs() -> Path:
    """Where the file of this machine is, or would be."""
    return _settings_directory() / f"costs-{_digest(_here())}.json"


def _settings_directory() -> Path:
    """Where the system has the settings of users' programs, unless the environment names a directory."""
    if named := os.environ.get(HOME):
        return Path(named)
    if os.name == "nt":
        settings = os.environ.get("APPDATA") or "~"
    elif sys.platform == "darwin":
        settings = "~/Library/Application Support"
    else:
        settings = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(os.path.expanduser(settings)) / "slidelearn"  # Path's own expanduser fails where there is no home


def _read(path: Path) -> Costs:
    content = json.loads(path.read_bytes())
    if not isinstance(content, dict) or content.pop("digest", None) != _digest(content):
        raise ValueError("its content does not have the digest that it names")
    known = _Content(**content)
    for name, value in _here().items():
        if getattr(known, name) != value:
            raise ValueError(f"{name} must be {value!r}, as it is here, but is {getattr(known, name)!r}")
    return known.costs


def _here() -> dict[str, Any]:
    """What the costs depend on; how many of the processors a process may use does not count."""
    return {
        "processor": processor_name(),
        "n_processors": os.cpu_count() or 1,
        "instruction_set": kernels.isa_in_use(),
    }


def _digest(content: dict[str, Any]) -> str:
    return digest_of(json.dumps(content, sort_keys=True).encode())
