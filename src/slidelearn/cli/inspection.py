"""What a saved model is made of, without loading it; and what this machine offers."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
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
from slidelearn.cli.display import print_table, size
from slidelearn.machine.calibrated_costs import costs_here
from slidelearn.machine.resources import available_bytes, processor_name, resolve_threads
from slidelearn.version import __version__


def model_report(directory: Path) -> dict[str, Any]:
    """Sizes, arrays, documents, options, and the report of the training."""
    from slidelearn.model.files import inspect_model

    description, arrays = inspect_model(directory)
    files = {name: directory / file for name, file in description["documents"].items()}
    documents = {name: file.stat().st_size for name, file in files.items()}
    described = [
        {
            "name": name,
            "dtype": name_of_numbers(dtype),
            "shape": list(shape),
            "bytes": math.prod(shape) * dtype.itemsize,
        }
        for name, (shape, dtype) in arrays.items()
    ]
    sizes = ("n_columns", "n_features", "n_labels")
    own_files = (directory / "config.json", directory / description["arrays"])
    return {
        "slidelearn_version": description["slidelearn_version"],
        "format_version": description["format_version"],
        "inference_only": description["inference_only"],
        "bytes": sum(file.stat().st_size for file in own_files) + sum(documents.values()),
        "arrays": described,
        "documents": documents,
        "options": description["config"],
        "training": {name: description[name] for name in sizes if name in description} | description["training"],
    }


def print_model(console: Console, directory: Path, report: Mapping[str, Any]) -> None:
    """Print the report, a table for each part."""
    console.print(f"[bold]{directory}[/]  {size(report['bytes'])}, slidelearn {report['slidelearn_version']}")
    if report["inference_only"]:
        console.print("for inference only; a row of weights is the integers in weights times its number in scales")
    console.print("\n[bold]arrays[/]")
    print_table(console, _arrays_table(report["arrays"]))
    parts = {
        "documents": _pairs({name: size(n_bytes) for name, n_bytes in report["documents"].items()}),
        "options": _pairs(report["options"]),
        "training": _pairs(report["training"]),
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


def _arrays_table(arrays: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for header in ("name", "dtype"):
        table.add_column(header)
    for header in ("shape", "bytes"):
        table.add_column(header, justify="right")
    for array in arrays:
        shape = " x ".join(f"{n:,}" for n in array["shape"])
        table.add_row(array["name"], array["dtype"], shape, f"{array['bytes']:,}")
    return table


def _pairs(values: dict[str, Any]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in values.items():
        table.add_row(name, _written(value))
    return table


def _written(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(map(_written, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {_written(each)}" for name, each in value.items())
    return str(value)
