"""A model that learns the day's new samples every night, beside one that is trained on all of them at the end.

python examples/nightly_update.py
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from slidelearn import SlideClassifier, load_dataset
from slidelearn.datasets import Dataset

N_NIGHTS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="2,589 samples instead of 83,322")
    data = load_dataset("wordnet-tiny" if parser.parse_args().quick else "wordnet-hyper")
    order = np.random.default_rng(0).permutation(data.X_train.shape[0])
    first, *nights = np.split(order, [len(order) // 2 + n * len(order) // (2 * N_NIGHTS) for n in range(N_NIGHTS)])

    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        SlideClassifier(preset="quick").fit(data.X_train[first], data.Y_train[first]).save(model)
        print(f"first: {len(first):,} samples, P@1 {precision(SlideClassifier.load(model), data):.1f} %")
        for number, new in enumerate(nights, 1):
            clf = SlideClassifier.load(model)  # the optimizer's state and the ranker come along
            clf.partial_fit(data.X_train[new], data.Y_train[new])
            clf.save(model)  # in one step: who loads it meanwhile gets the old model or the new one
            seconds = clf.training_["cpu_seconds"]
            print(f"night {number}: {len(new):,} more, P@1 {precision(clf, data):.1f} %, {seconds:.1f} s of CPU")

    whole = SlideClassifier(preset="quick").fit(data.X_train, data.Y_train)
    seconds = whole.training_["cpu_seconds"]
    print(f"all at once: P@1 {precision(whole, data):.1f} %, {seconds:.1f} s of CPU")


def precision(clf: SlideClassifier, data: Dataset) -> float:
    return 100 * clf.score(data.X_test, data.Y_test)


if __name__ == "__main__":
    main()
