"""From texts and lists of label names to answers in words, by scikit-learn's own parts.

python examples/text_pipeline.py
"""

from __future__ import annotations

import argparse

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MultiLabelBinarizer

from slidelearn import SlideClassifier, load_dataset
from slidelearn.datasets import Dataset, readable_label

OF_ONES_OWN = ["a small domesticated feline", "a vessel that travels under water", "a doctor who treats children"]


def names_of_labels(data: Dataset) -> list[list[str]]:
    """The labels of each training text, as people would write them down."""
    Y = data.Y_train
    return [
        [readable_label(data.label_names[label]) for label in Y.indices[begin:end]]
        for begin, end in zip(Y.indptr, Y.indptr[1:], strict=False)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="2,589 texts instead of 83,322")
    data = load_dataset("wordnet-tiny" if parser.parse_args().quick else "wordnet-hyper")
    texts, names = data.train_texts, names_of_labels(data)

    binarizer = MultiLabelBinarizer(sparse_output=True)
    Y = binarizer.fit_transform(names)
    pipeline = make_pipeline(TfidfVectorizer(sublinear_tf=True, min_df=2), SlideClassifier(preset="quick"))
    pipeline.fit(texts, Y)

    vectorizer, clf = pipeline[0], pipeline[-1]
    ids, scores = clf.predict_topk(vectorizer.transform(OF_ONES_OWN), k=3)
    for text, best, odds in zip(OF_ONES_OWN, ids, scores, strict=True):
        answers = (f"{binarizer.classes_[label]} ({score:+.1f})" for label, score in zip(best, odds, strict=True))
        print(f"{text}\n    -> {', '.join(answers)}")


if __name__ == "__main__":
    main()
