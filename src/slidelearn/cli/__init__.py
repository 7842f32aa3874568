"""The command line: ``slidelearn train``, ``evaluate``, ``predict``, ``inspect`` and ``demo``."""

from slidelearn.cli.commands import app, main

__all__ = ["app", "main"]
