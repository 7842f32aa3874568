"""The file formats, one module each, and which of them a file has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from slidelearn.files.packed import PACKED, DataError, unpacked_name
from slidelearn.files.temporary import is_device
from slidelearn.formats import arrow, delimited, jsonl, libsvm, npz, xmc, xmc_pair
from slidelearn.formats.format import Format, Layout, Pieces
from slidelearn.formats.labelled_texts import LabelledText
from slidelearn.formats.sample_set import SampleSet

__all__ = [
    "FORMATS",
    "Format",
    "LabelledText",
    "Layout",
    "Pieces",
    "SampleSet",
    "format_named",
    "format_of",
    "require_readable",
]

FORMATS: Mapping[str, Format] = {
    each.name: each
    for each in (
        xmc.FORMAT,
        xmc_pair.FORMAT,
        libsvm.FORMAT,
        npz.FORMAT,
        arrow.PARQUET,
        arrow.ARROW,
        delimited.CSV,
        delimited.TSV,
        jsonl.FORMAT,
    )
}
_OF_ONE_PASS = (xmc.FORMAT, libsvm.FORMAT, delimited.CSV, delimited.TSV, jsonl.FORMAT)
_HEAD = 4096
"""Bytes of a file that its format is recognised by."""


def format_named(name: str) -> Format:
    """The format of this name.

    Raises
    ------
    ValueError
        If there is none.
    """
    if name not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, but is {name!r}")
    return FORMATS[name]


def format_of(path: Path) -> Format:
    """The format that the name of a file tells, or else its first bytes.

    Raises
    ------
    DataError
        If neither does.
    """
    if known := _by_name(path):
        return known
    head = b""
    if path.is_file() and path.suffix not in PACKED:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    for each in FORMATS.values():
        if each.starts_like(head):
            return each
    if is_device(path):
        raise DataError(f"{path}: the format of a pipe must be named (--from, format=): {_names_of_one_pass()}")
    raise DataError(
        f"{path}: cannot tell its format by its name: give it one of {', '.join(FORMATS)}, or an ending of "
        f"{', '.join(ending for each in FORMATS.values() for ending in each.endings)}"
    )


def require_readable(path: Path, format: Format) -> None:
    """Refuse to read from a pipe what takes more than one pass, or more than one file.

    Raises
    ------
    DataError
        Naming the formats that pipes may have.
    """
    if is_device(path) and format not in _OF_ONE_PASS:
        raise DataError(f"{path}: a pipe must be in one of {_names_of_one_pass()}, but {format.name} was asked for")


def _names_of_one_pass() -> str:
    return ", ".join(each.name for each in _OF_ONE_PASS)


def _by_name(path: Path) -> Format | None:
    """The format with the longest ending that the name has: trn_X_Xf.txt is no ordinary .txt."""
    fitting = {
        ending: each
        for each in FORMATS.values()
        for ending in each.endings
        if (unpacked_name(path) if each.packs else path.name).lower().endswith(ending)
    }
    return fitting[max(fitting, key=len)] if fitting else None
