"""Draw `step_scaling.svg` from results of benchmarks: the time of a step by labels, by active labels, by threads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, NullFormatter
from style import HERE, INK, OTHER, OWN, SOFT, drawing, plain, plate, save, title

RESULTS = HERE.parents[1] / "benchmarks" / "results"
OUTPUT = ("output layer", "loss", "output layer, backward")


def main() -> None:
    steps = json.loads((RESULTS / "step_phases.json").read_text())
    large = json.loads((RESULTS / "large_outputs.json").read_text())
    figure = plate(3.4)
    title(drawing(figure), 0.45, 2.97, "A step with a set shared by the batch", "Microseconds per sample.")
    panels = [figure.add_axes((0.065 + 0.32 * place, 0.165, 0.255, 0.53)) for place in range(3)]
    by_labels = {row["job"]["n_labels"]: row["result"] for row in large if row["job"]["optimizer"] == "adagrad"}
    _line(panels[0], {n: result["step_cpu_us"] for n, result in by_labels.items()}, OWN)
    _describe(panels[0], "labels", "1,000 active x 128; CPU time of 2 threads")
    _ticks(panels[0].xaxis, sorted(by_labels))
    panels[0].set_ylim(0, 1.6 * max(result["step_cpu_us"] for result in by_labels.values()))
    recipe = [row for row in steps if _is_recipe(row["job"])]
    by_active = {row["result"]["active"]: row["result"]["phases_us"] for row in recipe if _has_active(row["job"])}
    _line(panels[1], {n: sum(phases.values()) for n, phases in by_active.items()}, OWN)
    _line(panels[1], {n: sum(phases.get(name, 0.0) for name in OUTPUT) for n, phases in by_active.items()}, OTHER)
    _describe(panels[1], "active labels", "500,000 labels x 256; 1 thread; blue: output layer")
    panels[1].set_yscale("log")
    _ticks(panels[1].yaxis, (10, 30, 100, 300))
    _ticks(panels[1].xaxis, (1_000, 3_000, 10_000))
    by_threads = {row["job"]["threads"]: row["result"]["phases_us"] for row in recipe if not _has_active(row["job"])}
    _line(panels[2], {n: sum(phases.values()) for n, phases in by_threads.items()}, OWN)
    _describe(panels[2], "threads", "recipe, 500,000 labels x 256; 2 processors")
    panels[2].set_ylim(0, 1.3 * max(sum(phases.values()) for phases in by_threads.values()))
    _ticks(panels[2].xaxis, sorted(by_threads))
    save(figure, "step_scaling")


def _line(axes: Axes, values: Mapping[float, float], colour: str) -> None:
    order = sorted(values)
    axes.plot(order, [values[x] for x in order], color=colour, marker="o", markersize=5, linewidth=1.8)


def _describe(axes: Axes, x: str, words: str) -> None:
    axes.set_xscale("log")
    axes.locator_params(axis="y", nbins=5, integer=True)
    axes.set_title(words, fontsize=7.5, color=SOFT, loc="left")
    axes.set_xlabel(x, fontsize=8.5, color=INK)
    plain(axes)


def _ticks(axis: Axis, at: Sequence[float]) -> None:
    axis.set_ticks(at)
    axis.set_major_formatter(FuncFormatter(_short))
    axis.set_minor_formatter(NullFormatter())


def _short(value: float, _: object) -> str:
    return f"{value / 1e6:g} M" if value >= 1e6 else f"{value:,.0f}"


def _is_recipe(job: dict[str, Any]) -> bool:
    step = job.get("step")
    return bool(
        step and (step["preset"], step["n_labels"], step["options"].get("optimizer")) == ("recipe", 500_000, None)
    )


def _has_active(job: dict[str, Any]) -> bool:
    return "min_active" in job["step"]["options"]


if __name__ == "__main__":
    main()
