"""Pieces of HTML. Everything that comes from outside is escaped here, and nowhere else."""

from __future__ import annotations

import io
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from slidelearn.extras import import_extra

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LONGEST, _LONGEST_TEXT = 44, 200
"""Characters of a label's name and of a text that are shown; the rest is there when the mouse is over it."""


class Html(str):
    """Text that is HTML already; any other is escaped when it becomes a part of the page."""

    __slots__ = ()


def text(value: object) -> Html:
    """What is to be read as it stands."""
    return value if isinstance(value, Html) else Html(escape(str(value)))


def tag(name: str, *content: object, **attributes: str) -> Html:
    """An element; ``class_`` is the attribute class."""
    written = "".join(f' {key.rstrip("_")}="{escape(value)}"' for key, value in attributes.items())
    return Html(f"<{name}{written}>{''.join(map(text, content))}</{name}>")


def join(parts: Sequence[object]) -> Html:
    """Parts one after the other, a line each."""
    return Html("\n".join(map(text, parts)))


def card(value: str, meaning: str, *, is_main: bool = False) -> Html:
    """A number that is to be seen first."""
    return tag("div", tag("b", value), tag("span", meaning), class_="card main" if is_main else "card")


def section(title: str, explanation: str, *content: object) -> Html:
    """A part of the page."""
    return tag("section", tag("h2", title), tag("p", explanation, class_="soft"), join(content))


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], numeric: Sequence[int]) -> Html:
    """A table; the columns whose numbers are in `numeric` are set flush right."""
    kinds = [{"class_": "n"} if number in numeric else {"class_": "name"} for number in range(len(columns))]
    header = tag("tr", *(tag("th", column, **kind) for column, kind in zip(columns, kinds, strict=True)))
    body = [tag("tr", *(tag("td", cell, **kind) for cell, kind in zip(row, kinds, strict=True))) for row in rows]
    return tag("div", tag("table", tag("thead", header), tag("tbody", join(body))), class_="wide")


def label(name: str, kind: str = "") -> Html:
    """The name of a label, cut if it is long."""
    shown = name if len(name) <= _LONGEST else name[: _LONGEST - 1].rstrip(" ,") + "…"
    return tag("span", shown, class_=kind, title=name) if kind or shown != name else text(shown)


def excerpt(whole: str) -> Html:
    """The beginning of a text."""
    if len(whole) <= _LONGEST_TEXT:
        return tag("div", whole, class_="excerpt")
    return tag("div", whole[: _LONGEST_TEXT - 1] + "…", class_="excerpt", title=whole)


def picture(figure: Figure, description: str) -> Html:
    """A figure as SVG, whose bytes depend on nothing but what it shows."""
    matplotlib = import_extra("matplotlib", "plot", "slidelearn report")
    with matplotlib.rc_context({"svg.hashsalt": description, "svg.fonttype": "path"}):
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    svg = written.getvalue()
    start = f'<svg role="img" aria-label="{escape(description)}" '
    return Html(start + svg[svg.index("<svg ") + len("<svg ") :])
