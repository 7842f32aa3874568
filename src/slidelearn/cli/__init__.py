"""The command line: ``slidelearn train``, ``evaluate``, ``predict`` and others, a module each for the longer ones."""

from slidelearn.cli.commands import app, main

__all__ = ["app", "main"]
