"""Links to Markdown files outside this folder, such as benchmark results: built pages offer the files as downloads."""

from __future__ import annotations

import os
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import download_reference, pending_xref
from sphinx.application import Sphinx

_BEFORE_FILES_ARE_COLLECTED = 400


def offer(app: Sphinx, page: nodes.document) -> None:
    """Put a download in the place of each such link."""
    folder = Path(app.env.doc2path(app.env.docname)).parent
    for link in list(page.findall(pending_xref)):
        target = Path(app.srcdir, f"{link['reftarget']}.md").resolve()
        if link.get("refdomain") == "doc" and target.is_file() and not target.is_relative_to(app.srcdir):
            download = download_reference("", "", *link.children, reftarget=os.path.relpath(target, folder))
            link.replace_self(download)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("doctree-read", offer, priority=_BEFORE_FILES_ARE_COLLECTED)
    return {"parallel_read_safe": True}
