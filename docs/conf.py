"""How Sphinx builds the documentation: `sphinx-build -W docs build/docs`, without network."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from sphinx.application import Sphinx

from slidelearn import __version__

project = "slidelearn"
author = "the slidelearn authors"
copyright = f"{date.today().year}, {author}"
release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "options_directive",
    "outside_links",
]
exclude_patterns = ["_templates", "pictures/*.py"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # docstrings have shapes and dtypes, which say more
autodoc_mock_imports = ["torch"]
autosummary_generate = True
napoleon_google_docstring = False
napoleon_use_rtype = False
default_role = "code"

html_theme = "furo"
html_title = "slidelearn"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#2a6f97", "color-brand-content": "#2a6f97"},
    "dark_css_variables": {"color-brand-primary": "#7fb8d8", "color-brand-content": "#7fb8d8"},
}


def keep_colons(app: Sphinx, what: str, name: str, documented: object, options: Any, lines: list[str]) -> None:
    """Have Napoleon not take what stands before a colon for the type of an attribute."""
    if what == "attribute":
        lines.insert(0, "")


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", keep_colons, priority=400)  # before Napoleon
