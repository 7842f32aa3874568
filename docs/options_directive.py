"""The directive `options`: all options of the engine and their defaults, from comments and docstrings of config.py."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Literal, get_args, get_origin

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective

from slidelearn import config
from slidelearn.config import Config
from slidelearn.presets import PRESETS


class Options(SphinxDirective):
    """A section for each group, a definition list in it."""

    def run(self) -> list[nodes.Node]:
        """Made by Sphinx."""
        self.env.note_dependency(inspect.getsourcefile(config) or "")
        return self.parse_text_to_nodes("\n".join(lines()), allow_section_headings=True)


def lines() -> Iterator[str]:
    """The page in MyST Markdown."""
    docs = ModuleAnalyzer.for_module("slidelearn.config").find_attr_docs()
    for line in inspect.getsource(Config).splitlines():
        text = line.strip()
        if line.startswith("    # "):
            yield from ("", f"## {text[2:].partition(', for')[0]}", "")
        name = text.partition(":")[0]
        if line.startswith(f"    {name}:") and name in Config.model_fields:
            default = Config.model_fields[name].default
            others = {preset: given[name] for preset, given in PRESETS.items() if given.get(name, default) != default}
            yield f"`{name}` = `{default!r}`" + "".join(f", {preset}: `{value!r}`" for preset, value in others.items())
            yield from (f": {_about(name, docs.get(('Config', name), []))}", "")


def _about(name: str, docstring: list[str]) -> str:
    """What the source says of an option, after its choices."""
    kind = Config.model_fields[name].annotation
    choices = f"One of {', '.join(f'`{choice}`' for choice in get_args(kind))}. " if get_origin(kind) is Literal else ""
    return choices + " ".join(docstring).replace("``", "`").strip()


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("options", Options)
    return {"parallel_read_safe": True}
