"""Hashed words in a pipeline: what training takes, and the model, by the number of columns that X has.

The texts are the definitions of the data set WordNet-Hyper that comes with the package; few of them have few labels.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import common
import numpy as np
from common import Job, Results, Row
from report import markdown_table, percent, publish, seconds
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.pipeline import make_pipeline

from slidelearn import SlideClassifier, load_dataset
from slidelearn.metrics import precision_at_k

BITS, QUICK_BITS = (16, 20, 24), (12, 20)
"""Columns of X, as powers of two; 20 is the vectoriser's own default."""
N_TEXTS, QUICK_N_TEXTS = (300, 83_322), (300,)


def train(job: Job) -> dict[str, Any]:
    """Fit a pipeline to the first texts, ask it about all test texts, and save it in both forms."""
    data = load_dataset("wordnet-hyper")
    Y = data.Y_train[: job["n_texts"]]
    labels = np.unique(Y.indices)
    clf = SlideClassifier(n_jobs=job["threads"], random_state=job["seed"])
    pipe = make_pipeline(HashingVectorizer(n_features=2 ** job["bits"]), clf)
    pipe.fit(data.train_texts[: job["n_texts"]], Y[:, labels])
    ids, _ = clf.predict_topk(pipe[0].transform(data.test_texts), 5)
    return {
        "cpu_seconds": clf.training_["cpu_seconds"],
        "n_known": len(clf.known_features_),
        "saved_mb": _saved_mb(clf, inference_only=False),
        "inference_only_mb": _saved_mb(clf, inference_only=True),
        **{f"p@{k}": precision_at_k(ids, data.Y_test[:, labels], k) for k in (1, 3, 5)},
    }


def _saved_mb(clf: SlideClassifier, *, inference_only: bool) -> float:
    with tempfile.TemporaryDirectory() as place:
        clf.save(place, inference_only=inference_only)
        return sum(path.stat().st_size for path in Path(place).iterdir()) / 1e6


def table(rows: list[Row]) -> str:
    """A line for each number of texts and of columns."""
    lines = []
    for row in rows:
        result = row.result
        lines.append(
            [
                f"{row.job['n_texts']:,}",
                f"2^{row.job['bits']}",
                f"{result['n_known']:,}",
                seconds(result["cpu_seconds"]),
                f"{result['peak_mb']:,}",
                f"{result['saved_mb']:.1f}",
                f"{result['inference_only_mb']:.1f}",
                " / ".join(percent(result[f"p@{k}"]) or "" for k in (1, 3, 5)),
            ]
        )
    header = ["texts", "columns", "that occur", "CPU s", "peak MB", "saved MB", "for inference only", "P@1 / 3 / 5"]
    return markdown_table(header, lines)


def main() -> None:
    """Measure what is missing; show all there is."""
    args = common.parser(__doc__).parse_args()
    name = "wide_inputs_quick" if args.quick else "wide_inputs"
    results = Results(name, again=args.again)
    rows = []
    for n_texts in QUICK_N_TEXTS if args.quick else N_TEXTS:
        for bits in QUICK_BITS if args.quick else BITS:
            job = {"n_texts": n_texts, "bits": bits, "threads": args.threads, "seed": args.seed}
            results.measure(f"{n_texts} texts, 2^{bits} columns", job, train, threads=args.threads)
            if row := results.find(job):
                rows.append(row)
    if rows:
        publish(name, "Wide X, of which few columns occur", [table(rows)], rows)


if __name__ == "__main__":
    main()
