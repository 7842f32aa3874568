"""What the forms have in common: packages that not everybody has, and how they fail."""

from __future__ import annotations

import importlib
from types import ModuleType


class ExportError(ValueError):
    """A model has something that the form asked for cannot hold."""


def require(package: str, extra: str) -> ModuleType:
    """Import a package that an extra of slidelearn brings.

    Raises
    ------
    ModuleNotFoundError
        With the command that installs it.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise ModuleNotFoundError(
            f"{package} is not installed: pip install 'slidelearn[{extra}]'", name=package
        ) from None
