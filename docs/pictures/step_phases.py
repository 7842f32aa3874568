"""Draw `step_phases.svg` from benchmarks/results/step_phases.json: where the time of a step of training goes."""

from __future__ import annotations

import json
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter
from style import FAINT, HERE, INK, OTHER, OWN, PLATE, SOFT, drawing, note, plate, save, title

RESULTS = HERE.parents[1] / "benchmarks" / "results" / "step_phases.json"
PHASES = {
    "batch": ("taking the batch", "#c3ccd4"),
    "hidden layers": ("hidden layer", "#9db8a0"),
    "active set": ("active set", SOFT),
    "output layer": ("output layer", "#8fb6cf"),
    "loss": ("loss", "#e9c46a"),
    "output layer, backward": ("output layer, backward", OTHER),
    "hidden layers, backward": ("hidden layer, backward", "#5f8a64"),
    "hash tables": ("hash tables", OWN),
}
"""What the trainer calls them, in the order of a step: words and colour."""
STEPS = (
    ("recipe,\n500,000 labels", "recipe", 500_000, "adagrad"),
    ("quick,\n500,000 labels", "quick", 500_000, "adagrad"),
    ("recipe,\n20,000 labels", "recipe", 20_000, "adagrad"),
    ("Adam, 10,000 drawn\nof 670,000 labels", "recipe", 670_000, "adam"),
    ("paper, SimHash,\n500,000 labels", "paper", 500_000, "adagrad"),
)


def main() -> None:
    rows = json.loads(RESULTS.read_text())
    figure = plate(4.1)
    over_all = drawing(figure)
    title(
        over_all, 0.45, 3.68, "Where the time of a step goes", "One thread; in grey: microseconds per sample, in all."
    )
    axes = figure.add_axes((0.175, 0.22, 0.73, 0.6))
    for place, (words, *wanted) in enumerate(STEPS):
        row = next(row for row in rows if _is(row["job"], *wanted))
        _bar(axes, len(STEPS) - 1 - place, row["result"]["phases_us"])
        axes.text(-1.5, len(STEPS) - 1 - place, words, ha="right", va="center", fontsize=8.5, color=INK)
    axes.set_xlim(0, 100)
    axes.set_ylim(-0.5, len(STEPS) - 0.5)
    axes.set_yticks([])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f} %"))
    axes.set_facecolor(PLATE)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=8)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    for place, (words, colour) in enumerate(PHASES.values()):
        x, y = 0.55 + 2.2 * (place % 4), 0.5 - 0.24 * (place // 4)
        over_all.scatter([x], [y], s=42, color=colour, marker="s", linewidth=0)
        note(over_all, x + 0.13, y, words, ha="left", color=INK)
    save(figure, "step_phases")


def _bar(axes: Axes, y: int, phases: dict[str, float]) -> None:
    total, left = sum(phases.values()), 0.0
    for name, (_, colour) in PHASES.items():
        share = 100 * phases.get(name, 0.0) / total
        axes.barh(y, share, left=left, height=0.62, color=colour, edgecolor=PLATE, linewidth=0.8)
        left += share
    axes.text(101.2, y, f"{total:,.0f} µs", va="center", fontsize=8.5, color=SOFT)


def _is(job: dict[str, Any], preset: str, n_labels: int, optimizer: str) -> bool:
    step = job.get("step")
    if not step or job["threads"] != 1 or "min_active" in step["options"]:
        return False
    given = step["preset"], step["n_labels"], step["options"].get("optimizer", "adagrad")
    return bool(given == (preset, n_labels, optimizer))


if __name__ == "__main__":
    main()
