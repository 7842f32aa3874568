"""The data files that a command is given."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from slidelearn.cli.display import size
from slidelearn.data import read_xmc
from slidelearn.machine import resolve_threads
from slidelearn.matrices import FloatCsr


def read_samples(console: Console, what: str, path: Path, threads: int | None) -> tuple[FloatCsr, FloatCsr]:
    """Read features and labels, and say what was read."""
    with console.status(f"reading {path}"):
        X, Y = read_xmc(path, n_threads=resolve_threads(threads))
    n_samples = max(X.shape[0], 1)
    console.print(
        f"{what}: {X.shape[0]:,} samples, {X.shape[1]:,} features ({X.nnz / n_samples:.1f} each), "
        f"{Y.shape[1]:,} labels ({Y.nnz / n_samples:.1f} each), {size(8 * (X.nnz + Y.nnz))}",
        soft_wrap=True,
    )
    return X, Y


def require_columns(path: Path, n: int, expected: int, what: str, reference: str) -> None:
    """Refuse a file with another number of features or labels than the model has or will have.

    Raises
    ------
    ValueError
        With both numbers.
    """
    if n != expected:
        raise ValueError(f"{path} must have {expected} {what}, as {reference} has, but has {n}")


def read_names(path: Path, n_labels: int) -> list[str]:
    """Read the name of each label, a line each."""
    names = path.read_text(encoding="utf-8").splitlines()
    if len(names) != n_labels:
        raise ValueError(f"{path} must have one line per label ({n_labels}), but has {len(names)}")
    return names
