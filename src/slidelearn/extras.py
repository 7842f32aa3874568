"""Packages that only some uses need."""

from __future__ import annotations

import importlib
from typing import Any


def import_extra(module: str, extra: str, what: str) -> Any:
    """Import a module of an optional package.

    Parameters
    ----------
    module
        Its name.
    extra
        The extra of slidelearn that brings it.
    what
        What it is needed for.

    Raises
    ------
    ImportError
        Naming the extra.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(
            f"{what} needs the package {package}: pip install 'slidelearn[{extra}]' ({error})", name=package
        ) from None
