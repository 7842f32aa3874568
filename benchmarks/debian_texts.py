"""Texts with labels out of unpacked Debian packages, as matrices: names, short texts and dictionaries of many kinds."""

from __future__ import annotations

import gettext
import gzip
import json
import re
import string
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.model_selection import GroupShuffleSplit

PACKAGES = ("dict-foldoc", "dict-freedict-deu-eng", "edict", "hunspell-pt-br", "iso-codes")
PACKAGE_INDEX = "available"
"""What ``apt-cache dumpavail`` prints, a file beside the unpacked packages."""

MOST_TEXTS = 100_000
TEST_SHARE = 0.2
SEED = 7

DICTD_DIGITS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
COMMON_ENGLISH = {"the", "and", "for", "with", "sth"}


class Example(NamedTuple):
    """A text, or a part of what is known of it: a text may come several times."""

    text: str
    labels: Sequence[str]
    group: str | None = None
    """What is not to be split between training and test."""


def package_tags(packages: Path) -> Iterator[Example]:
    """Names and short descriptions of packages: their tags. Packages of one source are alike, and stay together."""
    for stanza in (packages / PACKAGE_INDEX).read_text(errors="replace").split("\n\n"):
        fields: dict[str, str] = dict(re.findall(r"^([\w-]+): *(.*(?:\n .*)*)", stanza, re.M))
        if "Tag" in fields:
            name = fields["Package"]
            description = fields.get("Description", "").partition("\n")[0]
            text = " ".join([name.replace("-", " "), fields.get("Section", ""), description])
            yield Example(text, re.split(r",\s*", fields["Tag"].strip()), fields.get("Source", name).partition(" ")[0])


def references_of_computing(packages: Path) -> Iterator[Example]:
    """Entries of the Free On-line Dictionary of Computing: the entries that they refer to."""
    for entry in _dictd_entries(packages, "foldoc"):
        references = [name.lower() for name in re.findall(r"\{([^{}]+)\}", " ".join(entry.split()))]
        yield Example(re.sub("[{}]", " ", entry), [name for name in references if "://" not in name])


def kanji_of_glosses(packages: Path) -> Iterator[Example]:
    """English glosses of Japanese words: the Chinese characters of the word."""
    with (packages / "usr/share/edict/edict").open(encoding="euc-jp", errors="replace") as lines:
        for line in lines:
            word, _, gloss = line.partition(" /")
            text = re.sub(r"\([^)]*\)|EntL\S+|/", " ", gloss)
            yield Example(" ".join(text.split()), re.findall("[\u4e00-\u9fff]", word.partition(" ")[0]))


def names_in_english(packages: Path) -> Iterator[Example]:
    """Countries, regions, languages, currencies and scripts in all other languages: their English names."""
    folder = packages / "usr/share/locale"
    languages = sorted(path.name for path in folder.iterdir())
    for standard in sorted((packages / "usr/share/iso-codes/json").glob("iso_*.json")):
        (records,) = json.loads(standard.read_text()).values()
        names = sorted({value for each in records for key, value in each.items() if key.endswith("name")})
        for language in languages:
            translation = gettext.translation(standard.stem, folder, [language], fallback=True)
            for name in names:
                if (translated := translation.gettext(name)) != name:
                    yield Example(translated, [name])


def affixes_of_words(packages: Path) -> Iterator[Example]:
    """Portuguese words: the set of rules by which a spelling checker inflects them, as one label."""
    for line in (packages / "usr/share/hunspell/pt_BR.dic").read_text("latin1").splitlines():
        word, _, flags = line.partition("/")
        yield Example(word, flags.split()[:1])


def english_of_german(packages: Path) -> Iterator[Example]:
    """German words: the English words of their translations."""
    for entry in _dictd_entries(packages, "freedict-deu-eng"):
        headword, *lines = entry.splitlines()
        translations = [line for line in lines if not line.startswith(("  ", " see:"))]
        plain = re.sub(r"\[[^\]]*\]|<[^>]*>|\([^)]*\)|\{[^}]*\}", "", " ".join(translations).lower())
        words = [word for word in re.findall("[a-z]{3,}", plain) if word not in COMMON_ENGLISH]
        yield Example(re.split(r" [/<\[({]", headword)[0], words)


@dataclass(frozen=True)
class DebianSet:
    """How one of the sets is made."""

    read: Callable[[Path], Iterator[Example]]
    features: Mapping[str, Any] = field(default_factory=dict)
    """Options of `TfidfVectorizer`, beside ``min_df=2``."""
    least_samples: int = 2
    """Labels with fewer training samples are left out."""


def letters(shortest: int, longest: int) -> dict[str, Any]:
    """Options of `TfidfVectorizer`: n-grams of letters."""
    return {"analyzer": "char_wb", "ngram_range": (shortest, longest)}


SETS: Mapping[str, DebianSet] = {
    "DebTags": DebianSet(package_tags),
    "FoldocRefs": DebianSet(references_of_computing, least_samples=1),
    "EdictKanji": DebianSet(kanji_of_glosses),
    "IsoNames": DebianSet(names_in_english, letters(1, 3)),
    "Hunspell": DebianSet(affixes_of_words, {**letters(1, 4), "min_df": 3}),
    "DeuEng": DebianSet(english_of_german, {**letters(2, 4), "min_df": 3}),
}


def make(name: str, packages: Path) -> tuple[sparse.csr_matrix, ...]:
    """X_train, Y_train, X_test, Y_test."""
    recipe = SETS[name]
    labels: dict[str, set[str]] = defaultdict(set)
    groups: dict[str, str] = {}
    for example in recipe.read(packages):
        if example.text and example.labels:
            labels[example.text].update(example.labels)
            groups[example.text] = example.group or example.text
    shuffled = np.random.default_rng(SEED).permutation(len(labels))[:MOST_TEXTS]
    texts = np.array(list(labels), object)[shuffled]
    number = {group: i for i, group in enumerate(groups.values())}
    split = GroupShuffleSplit(1, test_size=TEST_SHARE, random_state=SEED)
    parts = [texts[part] for part in next(split.split(texts, groups=[number[groups[text]] for text in texts]))]
    to_features = TfidfVectorizer(dtype=np.float32, **{"min_df": 2, **recipe.features}).fit(parts[0])
    to_labels = CountVectorizer(analyzer=labels.__getitem__, min_df=recipe.least_samples).fit(parts[0])
    pairs = [_not_empty(to_features.transform(part), to_labels.transform(part)) for part in parts]
    return *pairs[0], *pairs[1]


def _not_empty(X: sparse.csr_matrix, Y: sparse.csr_matrix) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """The samples that have features and labels."""
    kept = (np.diff(X.indptr) > 0) & (np.diff(Y.indptr) > 0)
    return X[kept], Y[kept]


def _dictd_entries(packages: Path, name: str) -> Iterator[str]:
    """Entries of a dictionary of the DICT protocol; several headwords may point to one entry, which comes once."""
    stem = packages / "usr/share/dictd" / name
    entries = gzip.decompress(stem.with_suffix(".dict.dz").read_bytes())
    with stem.with_suffix(".index").open(encoding="utf-8") as lines:
        places = [line.rstrip("\n").split("\t")[:3] for line in lines]
    for begin, length in dict.fromkeys((begin, length) for word, begin, length in places if not word.startswith("00")):
        start = _number(begin)
        yield entries[start : start + _number(length)].decode(errors="replace")


def _number(digits: str) -> int:
    value = 0
    for digit in digits:
        value = len(DICTD_DIGITS) * value + DICTD_DIGITS.index(digit)
    return value
