"""JSON lines: an object with a text and the names of its labels on each line; empty lines do not count.

The labels are a list, or one string with separators between them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from slidelearn.files.packed import DataError, open_to_replace, text_lines
from slidelearn.formats.format import Format, Layout
from slidelearn.formats.labelled_texts import (
    LabelledText,
    checked_names,
    checked_sample,
    checked_text,
    names_in,
    names_of_samples,
    which_to_take,
)
from slidelearn.formats.sample_set import SampleSet, texts_of


def read(path: Path, layout: Layout, *, with_labels: bool) -> Iterator[LabelledText]:
    """Read texts and names of labels."""
    for number, line in text_lines(path):
        if not line.strip():
            continue
        try:
            entry = _object(line)
            text = checked_text(_value(entry, layout.text_column, "text_column"), layout.text_column)
            sample = checked_sample(text, _names(entry, layout) if with_labels else ())
        except ValueError as error:
            raise DataError(f"{path}, line {number}: {error}") from None
        yield sample


def _object(line: str) -> dict[str, Any]:
    if line.lstrip().startswith("["):
        raise ValueError(
            f"expected a JSON object, but found a list {line.strip()[:40]!r}; `jq -c '.[]'` makes lines of its objects"
        )
    try:
        entry = json.loads(line.rstrip(), object_pairs_hook=_once_each)
    except json.JSONDecodeError as error:
        raise ValueError(f"expected a JSON object, but in column {error.colno}: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"expected a JSON object, but {error}") from None
    if not isinstance(entry, dict):
        raise ValueError(f"expected a JSON object, but found {line.strip()[:40]!r}")
    return entry


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entry = dict(pairs)
    if len(entry) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{next(key for key in keys if keys.count(key) > 1)!r} is there twice")
    return entry


def _value(entry: dict[str, Any], key: str, option: str) -> Any:
    if key not in entry:
        there = ", ".join(map(repr, entry))
        raise ValueError(f"expected a value {key!r}, but found {there:.200}; {which_to_take(option)}")
    return entry[key]


def _names(entry: dict[str, Any], layout: Layout) -> list[str]:
    names = _value(entry, layout.label_column, "label_column")
    return list(names_in(names, layout.label_separator)) if isinstance(names, str) else checked_names(names)


def write(path: Path, samples: SampleSet, layout: Layout) -> None:
    """Write texts and names of labels."""
    texts = texts_of(samples)
    with open_to_replace(path) as file:
        for text, names in zip(texts, names_of_samples(samples), strict=True):
            entry = {layout.text_column: text, layout.label_column: names}
            file.write((json.dumps(entry, ensure_ascii=False) + "\n").encode())


FORMAT = Format(
    "jsonl",
    (".jsonl", ".ndjson", ".json"),
    "a JSON object with text and labels per line",
    write,
    texts=read,
    starts_like=lambda head: head.removeprefix(b"\xef\xbb\xbf").startswith(b"{"),
)
