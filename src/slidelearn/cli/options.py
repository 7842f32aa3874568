"""Options of the engine from a TOML file and from ``--set name=value``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

from slidelearn.config import Config, read_config_file
from slidelearn.data import make_layout
from slidelearn.machine.costs import Costs

_COUNTS = ("first_id", "n_features", "n_labels")


def gather_options(config_file: Path | None, settings: Sequence[str], **flags: Any) -> dict[str, Any]:
    """Join what was given: flags that are not None win over ``--set``, and that over the file.

    Returns
    -------
    dict
        Options by name, for `make_config`, which checks names and values; `preset` may be among them.

    Raises
    ------
    ValueError
        If a setting is not of the form ``name=value``, or the file is not TOML.
    """
    options = read_config_file(config_file) if config_file else {}
    options |= dict(_parse_setting(setting) for setting in settings)
    return options | {name: value for name, value in flags.items() if value is not None}


def parse_layout(settings: Sequence[str]) -> dict[str, Any]:
    """How data files are laid out, for `slidelearn.data.make_layout`, from settings of the form ``name=value``."""
    values = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not (name and equals):
            raise ValueError(f"--layout must be of the form name=value, such as text_column=title, but is {setting!r}")
        name = name.strip().replace("-", "_")
        values[name] = int(text) if name in _COUNTS and text.strip().isdigit() else text
    make_layout(values)
    return values


def _parse_setting(setting: str) -> tuple[str, Any]:
    name, equals, text = setting.partition("=")
    if not (name and equals):
        raise ValueError(f"--set must be of the form name=value, such as n_epochs=5, but is {setting!r}")
    name = name.strip().replace("-", "_")
    return name, _parse_value(name, text.strip())


def _parse_value(name: str, text: str) -> Any:
    """Give the text the type that the option has; what does not fit stays text, for the check to refuse."""
    if name not in Config.model_fields:
        return text
    kind = Config.model_fields[name].annotation
    if get_origin(kind) is tuple:
        return tuple(_parse_scalar(part.strip()) for part in text.strip("()[]").split(",") if part.strip())
    if kind is Costs:
        return _parse_table(text)
    if NoneType in get_args(kind) and text.lower() == "none":
        return None
    return text if kind is str else _parse_scalar(text)


def _parse_table(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _parse_scalar(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text
