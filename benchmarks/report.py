"""How results are shown: Markdown tables, blocks of a README, plots."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common import RESULTS, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with its columns aligned, so that it also reads well as text; None is an empty cell."""
    cells = [list(header), *([("" if cell is None else str(cell)) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def provenance(rows: Sequence[Row]) -> str:
    """Where, when and with what the rows were measured, in a sentence."""

    def each(key: str) -> str:
        return ", ".join(sorted({str(row.environment[key]) for row in rows}))

    days = sorted(row.date[:10] for row in rows)
    span = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    threads = " or ".join(threads_text(number) for number in sorted({row.job["threads"] for row in rows}))
    return (
        f"{each('cpu')}, {each('isa')}, {threads}; Python {each('python')}, NumPy {each('numpy')}, "
        f"SciPy {each('scipy')}, slidelearn {each('slidelearn')} at {each('commit')}; {span}."
    )


def publish(name: str, title: str, parts: Sequence[str], rows: Sequence[Row]) -> None:
    """Print a report and write it to ``results/NAME.md``."""
    text = "\n\n".join([f"# {title}", *parts, provenance(rows)]) + "\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text)
    print(f"\n{text}")


def has_block(path: Path, name: str) -> bool:
    """Whether a file has the lines that `replace_block` looks for."""
    return all(path.read_text().count(line) == 1 for line in _block_lines(name))


def replace_block(path: Path, name: str, text: str) -> None:
    """Put a text between ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->`` of a file."""
    begin, end = _block_lines(name)
    head, _, rest = path.read_text().partition(begin)
    _, _, tail = rest.partition(end)
    path.write_text(f"{head}{begin}\n{text}\n{end}{tail}")


def _block_lines(name: str) -> tuple[str, str]:
    return f"<!-- {name}:begin -->", f"<!-- {name}:end -->"


def new_figure(n_rows: int = 1, n_columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    """A figure and its axes; the plotting library is loaded when it is needed."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    return plt.subplots(n_rows, n_columns, layout="constrained", **options)


def save_figure(figure: Figure, name: str) -> None:
    """Write ``results/NAME.png``."""
    RESULTS.mkdir(exist_ok=True)
    figure.savefig(RESULTS / f"{name}.png", dpi=130)


def style(axes: Axes, x: str, y: str) -> None:
    """Label the axes, with a light grid."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def log_axis(axis: Axis) -> None:
    """Ticks at 1, 2 and 5 of each decade, as plain numbers; for an axis that is logarithmic."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:,.0f}")
    axis.set_minor_formatter(NullFormatter())


def threads_text(number: int) -> str:
    """1 thread, 2 threads."""
    return f"{number} thread{'s' if number > 1 else ''}"


def percent(fraction: float | None, digits: int = 1) -> str | None:
    """0.1234 -> 12.3"""
    return None if fraction is None else f"{100 * fraction:.{digits}f}"


def seconds(value: float | None) -> str | None:
    """Seconds with as many digits as matter."""
    return (
        None if value is None else f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"
    )
