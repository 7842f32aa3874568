"""What a saved model is made of, without loading it; and what this machine offers."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy
import scipy
from rich import box
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table

from slidelearn import kernels
from slidelearn.arrays import name_of_numbers
from slidelearn.cli.display import size
from slidelearn.machine import available_bytes, processor_name, resolve_threads
from slidelearn.machine_costs import costs_here
from slidelearn.model.files import inspect_model
from slidelearn.version import __version__


def print_model(console: Console, directory: Path) -> None:
    """Print sizes, arrays, options and the report of the training."""
    description, arrays = inspect_model(directory)
    n_bytes = sum(path.stat().st_size for path in directory.iterdir() if path.is_file())
    console.print(f"[bold]{directory}[/]  {size(n_bytes)}, slidelearn {description['slidelearn_version']}")
    if description["inference_only"]:
        console.print("for inference only; a row of weights is the integers in weights times its number in scales")
    parts = {
        "arrays": _arrays_table(arrays),
        "documents": _pairs(dict.fromkeys(description["documents"], "")),
        "options": _pairs(description["config"]),
        "training": _pairs(
            {name: description[name] for name in ("n_columns", "n_features", "n_labels") if name in description}
            | description["training"]
        ),
    }
    for title, table in parts.items():
        console.print(Group("", f"[bold]{title}[/]", Padding(table, (0, 0, 0, 2))))


def machine_report() -> dict[str, Any]:
    """Versions, processors, memory, the instruction sets that there are and that are used, and the costs in force."""
    costs, path = costs_here()
    return {
        "slidelearn": __version__,
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor_name(),
        "n_processors": resolve_threads(None),
        "free_memory_mb": None if (free := available_bytes()) is None else round(free / 1e6),
        "instruction_sets": kernels.available_isas(),
        "instruction_set": kernels.isa_in_use(),
        "scans_int8": kernels.scans_int8(),
        "costs": costs.model_dump(),
        "costs_from": str(path) if path else "the package; measured here by: slidelearn info --calibrate",
    }


def print_machine(console: Console, report: Mapping[str, Any]) -> None:
    """Print the report, and how to choose another instruction set."""
    costs = {f"costs: {name}": value for name, value in report["costs"].items()}
    console.print(_pairs({**report, **costs, "costs": "by them new models choose"}))
    console.print("The environment variable SLIDELEARN_ISA chooses another of the instruction sets.", soft_wrap=True)


def _arrays_table(arrays: dict[str, tuple[tuple[int, ...], Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for header in ("name", "dtype"):
        table.add_column(header)
    for header in ("shape", "bytes"):
        table.add_column(header, justify="right")
    for name, (shape, dtype) in arrays.items():
        n_bytes = math.prod(shape) * dtype.itemsize
        table.add_row(name, name_of_numbers(dtype), " x ".join(f"{n:,}" for n in shape), f"{n_bytes:,}")
    return table


def _pairs(values: dict[str, Any]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in values.items():
        table.add_row(name, _written(value))
    return table


def _written(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(map(_written, value))
    return str(value)
