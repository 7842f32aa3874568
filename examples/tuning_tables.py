"""How many hash tables (L), and how many hashes in each (K)? What they find, what it costs, what it is worth.

The paper's SLIDE is trained for an epoch at each setting. Candidate recall is the share of the samples' own labels that
the tables propose, without knowing them: more hashes make buckets small, more tables make up for it.

    python examples/tuning_tables.py
"""

from __future__ import annotations

import argparse
from itertools import product

from slidelearn import SlideClassifier, load_dataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="413 labels instead of 19,584, and four settings")
    quick = parser.parse_args().quick
    data = load_dataset("wordnet-tiny" if quick else "wordnet-hyper")
    hashes, tables, n_active = ((4, 6), (5, 20), 40) if quick else ((6, 9, 12), (20, 50, 100), 1000)

    print(" K    L  candidate recall  active labels   P@1  CPU s")
    for n_hashes, n_tables in product(hashes, tables):
        clf = SlideClassifier(
            preset="paper",
            hashes_per_table=n_hashes,
            n_tables=n_tables,
            lsh_selection="topk",  # the labels on which most tables agree; vanilla: from random tables
            lsh_candidates=n_active,
            min_active=n_active,  # filled up at random
            n_epochs=1,
        ).fit(data.X_train, data.Y_train)
        found = clf.training_
        print(
            f"{n_hashes:2} {n_tables:4} {100 * found['candidate_recall']:15.1f} % {found['active_mean']:14,.0f} "
            f"{100 * clf.score(data.X_test, data.Y_test):5.1f} {found['cpu_seconds']:6.1f}"
        )


if __name__ == "__main__":
    main()
