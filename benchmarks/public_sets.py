"""The recipe on well-known data sets of the Extreme Classification Repository, beside the published figures of others.

python benchmarks/public_sets.py --data DIR
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import Job, Results, Row, parser
from judged_training import train_on
from report import markdown_table, percent, publish, seconds

from slidelearn import read_samples
from slidelearn.files.packed import PACKED
from slidelearn.public_datasets import REPOSITORY, TEST_NAMES, TRAIN_NAMES, find_file

DATA_SETS = ("EURLex-4K", "Wiki10-31K", "Amazon-670K")
QUICK_DATA_SETS = ("WordNet-Tiny",)

PROPENSITIES: Mapping[str, tuple[float, float]] = {"Wiki": (0.5, 0.4), "Amazon": (0.6, 2.6)}
"""A and B of data sets whose names begin so (Jain et al., KDD 2016), and of all others:"""
USUAL_PROPENSITY = (0.55, 1.5)

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "recipe as it is": {},
    "recipe, network alone": {"ranker": False},
    "recipe, 3 networks": {"n_networks": 3},
}


@dataclass(frozen=True)
class Published:
    """Precisions in percent, as a source gives them."""

    model: str
    p_at_1: float
    p_at_3: float
    p_at_5: float
    source: str


RAW_TEXT = "AttentionXML (from raw text)"
OMIKUJI, YOU = "README of omikuji", "You et al., 2019"
SOURCES = """\
*README of omikuji*: github.com/tomtung/omikuji, Parabel and Bonsai as measured there, except for Bonsai on Amazon-670K,
which it quotes from the paper of Bonsai. *You et al., 2019*: the comparison in AttentionXML, NeurIPS 2019. Models *from
raw text* see the order of the words, which these features do not have."""

PUBLISHED: Mapping[str, Sequence[Published]] = {
    "EURLex-4K": (
        Published("Parabel", 82.2, 68.8, 57.6, OMIKUJI),
        Published("Bonsai", 82.8, 69.4, 58.1, OMIKUJI),
        Published("Omikuji, as Bonsai", 83.0, 69.5, 58.3, OMIKUJI),
        Published("DiSMEC", 83.2, 70.4, 58.7, YOU),
        Published(RAW_TEXT, 87.1, 74.0, 61.9, YOU),
    ),
    "Wiki10-31K": (
        Published("Parabel", 84.2, 72.5, 63.4, YOU),
        Published("Bonsai", 84.5, 73.8, 64.7, YOU),
        Published("DiSMEC", 84.1, 74.7, 65.9, YOU),
        Published(RAW_TEXT, 87.5, 78.5, 69.4, YOU),
    ),
    "Amazon-670K": (
        Published("Parabel", 44.9, 39.8, 36.0, OMIKUJI),
        Published("Bonsai", 45.5, 40.3, 36.5, OMIKUJI),
        Published("Omikuji, as Bonsai", 45.6, 40.4, 36.6, OMIKUJI),
        Published("DiSMEC", 44.8, 39.7, 36.2, YOU),
        Published(RAW_TEXT, 47.6, 42.6, 38.9, YOU),
    ),
}

HEADER = ("data set", "model", "P@1", "P@3", "P@5", "PSP@1", "PSP@3", "PSP@5", "CPU s", "peak MB", "source")
NOTES = f"""\
All in percent, on the whole test file; P@1 measured here with its standard error over the test samples. *PSP*: with the
propensities of the training labels. *CPU s*: user and system seconds of training, from matrices in memory to a trained
model. *peak MB*: of the whole process, which also reads the data and answers the test file. Models without a source
were measured here; figures are comparable as far as all have the repository's split and bag-of-words features.

{SOURCES}"""


def files_of(data_set: str, args: Namespace) -> tuple[Path, Path] | None:
    """The files of a data set; says what is missing, and where to get it."""
    if args.data is None:
        print(f"{data_set}: left out: give --data DIR, with a folder {data_set} in it")
        return None
    folder = args.data / data_set
    train, test = find_file(folder, args.train_names), find_file(folder, args.test_names)
    for names, found in ((args.train_names, train), (args.test_names, test)):
        if found is None:
            print(f"{data_set}: left out: {folder} has no {' or '.join(names)} ({', '.join(PACKED)})")
    if train is None or test is None:
        print(f"  The bag-of-words files of {data_set} are at {REPOSITORY}; unpack them into {folder}")
        return None
    return train, test


def train(job: Job, files: tuple[Path, Path]) -> dict[str, Any]:
    """Read the data set, train with the job's options, and judge the answers."""
    train, test = (read_samples(path, n_threads=job["threads"]) for path in files)
    n_features, n_labels = train.X.shape[1], train.Y.shape[1]
    sizes = {"n_train": train.n_samples, "n_test": test.n_samples, "n_features": n_features, "n_labels": n_labels}
    return sizes | train_on(job, (train.X, train.Y, test.X, test.Y), propensity_of(job["data_set"]))


def propensity_of(data_set: str) -> tuple[float, float]:
    """A and B of a data set."""
    return next((ab for name, ab in PROPENSITIES.items() if data_set.startswith(name)), USUAL_PROPENSITY)


def measure(results: Results, data_set: str, args: Namespace) -> Iterator[tuple[str, Row]]:
    """The rows of a data set, those measured now and those stored before."""
    files = files_of(data_set, args)
    for name, options in VARIANTS.items():
        job = {"data_set": data_set, "options": options, "threads": args.threads, "seed": args.seed}
        if files and args.only in (None, name):
            results.measure(f"{data_set}, {name}", job, train, files, threads=args.threads)
        if row := results.find(job):
            yield name, row


def table(measured: Mapping[str, Sequence[tuple[str, Row]]]) -> str:
    """Ours above the others', for every data set."""
    cells: list[list[str | None]] = []
    for data_set, rows in measured.items():
        cells += [_cells(data_set, name, row.result) for name, row in rows]
        for each in PUBLISHED.get(data_set, ()):
            precisions = [f"{value:.1f}" for value in (each.p_at_1, each.p_at_3, each.p_at_5)]
            cells.append([data_set, each.model, *precisions, *[None] * 5, each.source])
    return markdown_table(HEADER, cells)


def _cells(data_set: str, name: str, result: Mapping[str, Any]) -> list[str | None]:
    return [
        data_set,
        name,
        f"{percent(result['p@1'])} ± {percent(result['p@1_error'])}",
        *(percent(result[key]) for key in ("p@3", "p@5", "psp@1", "psp@3", "psp@5")),
        seconds(result["cpu_seconds"]),
        f"{result['peak_mb']:,}" if result["peak_mb"] else None,
        None,
    ]


def names(text: str) -> list[str]:
    """Names by comma."""
    return text.split(",")


def main() -> None:
    """Measure what is asked for and missing; show all there is."""
    options = parser(__doc__)
    options.add_argument("--data", type=Path, help="folder with a folder for each data set")
    options.add_argument("--sets", type=names, help=f"data sets, by comma (default: {','.join(DATA_SETS)})")
    options.add_argument("--train-names", type=names, default=TRAIN_NAMES, help="how the training file may be called")
    options.add_argument("--test-names", type=names, default=TEST_NAMES, help="how the test file may be called")
    options.add_argument("--only", choices=VARIANTS, metavar="NAME", help="measure this variant alone")
    args = options.parse_args()
    name = "public_sets_quick" if args.quick else "public_sets"
    results = Results(name, again=args.again)
    data_sets = args.sets or (QUICK_DATA_SETS if args.quick else DATA_SETS)
    measured = {data_set: list(measure(results, data_set, args)) for data_set in data_sets}
    rows = [row for each in measured.values() for _, row in each]
    if rows:
        publish(name, "Public data sets", [table(measured), NOTES], rows)
    else:
        print("Nothing is measured yet.")


if __name__ == "__main__":
    main()
