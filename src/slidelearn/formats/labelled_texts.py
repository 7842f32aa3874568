"""Texts and the names of their labels, sample by sample, as the formats of texts find them."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from slidelearn.formats.sample_set import SampleSet
from slidelearn.kernels.types import Ids
from slidelearn.labels.name_lists import plain_name
from slidelearn.matrices import FloatCsr, canonical_csr


class LabelledText(NamedTuple):
    """A sample."""

    text: str
    names: list[str]
    """Of its labels, each there once."""


def checked_sample(text: str, names: Iterable[str]) -> LabelledText:
    """A sample as a file has it. Runs of white space in a name count as one blank, and empty names not at all.

    Raises
    ------
    ValueError
        If there are halves of characters (surrogates), which no file can hold.
    """
    found = dict.fromkeys(filter(None, map(plain_name, names)))
    for each in (text, *found):
        if not each.isascii() and not _is_whole(each):
            raise ValueError(f"expected whole characters, but found a half of one (surrogate) in {each!r:.40}")
    return LabelledText(text, list(found))


def which_to_take(option: str) -> str:
    """How to name the column of the texts, or that of the labels, in Python and on the command line."""
    return f"{option}, or --layout {option}=NAME, says which to take"


def collected(samples: Iterable[LabelledText]) -> SampleSet:
    """The samples in memory; the labels get their numbers in the alphabetical order of their names."""
    texts, numbers = list[str](), dict[str, int]()
    ends, labels = array("q", [0]), array("i")
    for text, found in samples:
        texts.append(text)
        labels.extend(numbers.setdefault(name, len(numbers)) for name in found)
        ends.append(len(labels))
    names = sorted(numbers)
    rank = np.zeros(len(names), np.int32)
    rank[[numbers[name] for name in names]] = np.arange(len(names), dtype=np.int32)
    return SampleSet(labels_matrix(ends, rank[np.frombuffer(labels, np.int32)], len(names)), None, texts, names)


def labels_matrix(ends: array[int], labels: Ids, n_labels: int) -> FloatCsr:
    """The labels of samples one after the other, and where each sample's begin and end, as a matrix."""
    indptr = np.frombuffer(ends, np.int64)
    row_of = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    in_order = labels[np.lexsort((labels, row_of))]
    return canonical_csr(np.ones(len(labels), np.float32), in_order, indptr, (len(indptr) - 1, n_labels))


def _is_whole(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def names_in(cell: str, separator: str) -> Sequence[str]:
    """The names of labels in a cell of a table: a JSON list of them, or between separators.

    Raises
    ------
    ValueError
        If it begins like a list and is none.
    """
    if not cell.lstrip().startswith("["):
        return cell.split(separator)
    try:
        return checked_names(json.loads(cell))
    except (ValueError, RecursionError):
        raise ValueError(f"expected a JSON list of labels, but found {cell[:40]!r}") from None


def checked_text(text: Any, column: str) -> str:
    """A text of the given column; a null is an empty one, as an empty cell of a table is.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    if text is None:
        return ""
    if not isinstance(text, str):
        raise ValueError(f"expected a string as {column!r}, but found {text!r:.40}")
    return text


def checked_names(names: Any) -> list[str]:
    """A list of names, where whole numbers are names as well; a null has none, as an empty cell of a table has none.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    if names is None:
        return []
    if not isinstance(names, list) or not all(type(name) in (str, int) for name in names):
        raise ValueError(f"expected a list of labels, but found {names!r:.40}")
    return [str(name) for name in names]


def names_as_cell(names: list[str], separator: str) -> str:
    """The names of labels as `names_in` reads them: between separators, or as a JSON list where that would not do."""
    cell = separator.join(names)
    plain = not cell.startswith("[") and not any(separator in name for name in names)
    return cell if plain else json.dumps(names, ensure_ascii=False)


def names_of_samples(samples: SampleSet) -> Iterator[list[str]]:
    """The names of each sample's labels; their numbers where they have no names."""
    names = samples.label_names or list(map(str, range(samples.Y.shape[1])))
    labels = samples.Y.indices.tolist()
    for begin, end in pairwise(samples.Y.indptr.tolist()):
        yield [names[label] for label in labels[begin:end]]
