"""Train on definitions from WordNet, label some, and keep the model.

python examples/quick_start.py
"""

from __future__ import annotations

import argparse
import tempfile

from slidelearn import SlideClassifier, load_dataset
from slidelearn.datasets import readable_label


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="413 labels instead of 19,584")
    data = load_dataset("wordnet-tiny" if parser.parse_args().quick else "wordnet-hyper")

    clf = SlideClassifier(preset="quick").fit(data.X_train, data.Y_train)
    print(f"precision at 1: {100 * clf.score(data.X_test, data.Y_test):.1f} %")

    ids, _ = clf.predict_topk(data.X_test[:3], k=3)  # columns of Y, best first, and their scores
    for text, best in zip(data.test_texts, ids, strict=False):
        print(f"{text}\n    -> {', '.join(readable_label(data.label_names[label]) for label in best)}")

    with tempfile.TemporaryDirectory() as directory:
        clf.save(directory)
        same = SlideClassifier.load(directory)
    assert (same.predict_topk(data.X_test[:3], k=3)[0] == ids).all()


if __name__ == "__main__":
    main()
