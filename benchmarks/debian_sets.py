"""slidelearn beside label trees on six sets that nobody had looked at while the defaults were chosen.

The sets are made of what Debian packages hold, which are unpacked and not installed (Debian 12 was measured):

    mkdir PACKAGES; cd PACKAGES
    apt-get download dict-foldoc dict-freedict-deu-eng edict hunspell-pt-br iso-codes
    for package in *.deb; do dpkg -x $package .; done
    apt-cache dumpavail > available

The sets are written to DIR in the XMC format, where those that are there already are taken as they are:

    python benchmarks/peers/install.py ENVIRONMENTS omikuji pecos
    python benchmarks/debian_sets.py --packages PACKAGES --data DIR --environments ENVIRONMENTS
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from common import Job, Results, Row
from debian_texts import SETS, make
from peers.rows import parser, rows_by_seed
from peers.tables import NOTES, section, versions
from report import markdown_table, publish
from training_job import available, read_set

from slidelearn import write_xmc

VARIANTS = (
    "slidelearn",
    "slidelearn, quick",
    "Omikuji Parabel, 1 tree",
    "Omikuji Parabel, 3 trees",
    "PECOS XR-Linear",
)
QUICK_SETS = ("DebTags",)

SHAPE = {
    "n_train": "samples",
    "n_test": "test samples",
    "n_features": "features",
    "n_labels": "labels",
    "labels_per_sample": "labels per sample",
    "samples_per_label": "samples per label (median)",
    "features_per_sample": "features per sample",
}
"""Key in a result: heading."""


def write(name: str, packages: Path, folder: Path) -> None:
    """Make a set of the packages, and write it where `read_set` looks for it."""
    X, Y, X_test, Y_test = make(name, packages)
    folder.mkdir(parents=True, exist_ok=True)
    write_xmc(folder / "train.txt.gz", X, Y)
    write_xmc(folder / "test.txt.gz", X_test, Y_test)


def shape(job: Job, data: Path) -> dict[str, Any]:
    """How large the set is, and how much is known of a sample and of a label."""
    X, Y, X_test, _ = read_set(job["data_set"], data, job["threads"])
    return {
        "n_train": X.shape[0],
        "n_test": X_test.shape[0],
        "n_features": X.shape[1],
        "n_labels": Y.shape[1],
        "labels_per_sample": round(Y.nnz / Y.shape[0], 2),
        "samples_per_label": float(np.median(np.bincount(Y.indices, minlength=Y.shape[1]))),
        "features_per_sample": round(X.nnz / X.shape[0], 1),
    }


def table_of_shapes(rows: Mapping[str, Row]) -> str:
    """All sets, with what they are."""
    cells = [[name, *(f"{row.result[key]:,}" for key in SHAPE), about(name)] for name, row in rows.items()]
    return markdown_table(["data set", *SHAPE.values(), "what it is"], cells)


def about(name: str) -> str:
    """What a set is, in a sentence."""
    return (SETS[name].read.__doc__ or "").strip().rstrip(".")


def row_of_shape(results: Results, name: str, args: Namespace) -> Row | None:
    """The row with the shape of a set, measured now or stored before."""
    job = {"data_set": name, "measured": "shape", "threads": 1, "seed": 0}
    if args.sets is None or name in args.sets:
        results.measure(f"{name}, shape", job, shape, args.data, threads=1)
    return results.find(job)


def main() -> None:
    """Measure what is asked for and missing; show all there is."""
    options = parser(__doc__, only=VARIANTS)
    options.add_argument("--packages", type=Path, help="folder that the packages were unpacked into")
    args = options.parse_args()
    names = QUICK_SETS if args.quick else tuple(SETS)
    for name in names if args.packages and args.data else ():
        if not (args.data / name / "test.txt.gz").exists():
            print(f"{name}: is made", flush=True)
            write(name, args.packages, args.data / name)
    output = "debian_sets_quick" if args.quick else "debian_sets"
    results = Results(output, again=args.again)
    shapes: dict[str, Row] = {}
    sections: list[str] = []
    rows: list[Row] = []
    for name in available(names, args.data):
        of_set = rows_by_seed(results, name, args)
        if row := row_of_shape(results, name, args):
            shapes[name] = row
        if of_set[0]:
            sections.append(section(name, of_set))
        rows += [row for of_seed in of_set for row in of_seed.values()]
    if rows:
        parts = [table_of_shapes(shapes), *sections, NOTES, versions(rows)]
        publish(output, "Sets that nobody had looked at", parts, rows)


if __name__ == "__main__":
    main()
