"""What somebody looks at next: sessions become features, and every item is a label.

The sessions are made up: their items follow one another by chances of their own. With --data, they are read from
train.txt.gz and test.txt.gz of a folder, in the format of the Extreme Classification Repository, such as Diginetica.

    python examples/next_item.py
    python examples/next_item.py --data path/to/Diginetica
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from slidelearn import SlideClassifier, read_xmc
from slidelearn.metrics import recall_at_k

FADING = 0.8
"""What an item weighs against the one after it."""


def made_up_sessions(n_items: int, n_sessions: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(n_sessions, 8) items; each item has four that often follow it."""
    followers = rng.integers(n_items, size=(n_items, 4))
    sessions = np.empty((n_sessions, 8), np.int64)
    sessions[:, 0] = rng.integers(n_items, size=n_sessions)
    for place in range(1, sessions.shape[1]):
        usual = followers[sessions[:, place - 1], rng.integers(4, size=n_sessions)]
        sessions[:, place] = np.where(rng.random(n_sessions) < 0.8, usual, rng.integers(n_items, size=n_sessions))
    return sessions


def samples_of(sessions: Sequence[Sequence[int]], n_items: int) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Each beginning of a session as features, and the item after it as the label.

    The features are the items so far, faded, and once more the last one, in columns of its own.
    """
    rows, columns, values, labels = [], [], [], []
    for session in sessions:
        for end in range(1, len(session)):
            ages = np.arange(end)
            rows += [len(labels)] * (end + 1)
            columns += [*session[end - 1 :: -1], n_items + session[end - 1]]
            values += [*FADING**ages, 1.0]
            labels.append(session[end])
    n = len(labels)
    X = sparse.coo_array((values, (rows, columns)), shape=(n, 2 * n_items), dtype=np.float32).tocsr()
    Y = sparse.csr_array((np.ones(n, np.float32), labels, np.arange(n + 1)), shape=(n, n_items))
    return X, Y


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="500 items instead of 20,000")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="real sessions, made into features already")
    given = parser.parse_args()
    if given.data:
        (X, Y), (X_test, Y_test) = (read_xmc(given.data / f"{part}.txt.gz") for part in ("train", "test"))
    else:
        n_items, n_sessions = (500, 1_000) if given.quick else (20_000, 60_000)
        sessions = made_up_sessions(n_items, n_sessions, np.random.default_rng(0))
        X, Y = samples_of(sessions[n_sessions // 20 :].tolist(), n_items)
        X_test, Y_test = samples_of(sessions[: n_sessions // 20].tolist(), n_items)

    clf = SlideClassifier(preset="quick").fit(X, Y)
    ids, _ = clf.predict_topk(X_test, k=20)
    places = (ids == Y_test.indices[:, None]).argmax(axis=1)
    found = (ids == Y_test.indices[:, None]).any(axis=1)
    print(f"{X.shape[0]:,} samples, {Y.shape[1]:,} items, trained in {clf.training_['train_seconds']:.1f} s")
    print(f"recall at 20: {100 * recall_at_k(ids, Y_test, 20):.1f} %")
    print(f"mean reciprocal rank at 20: {100 * np.where(found, 1 / (1 + places), 0).mean():.1f} %")


if __name__ == "__main__":
    main()
