"""Whether the defaults fail on some shape of data: generated sets, and simple classifiers beside the recipe.

python benchmarks/synthetic_sets.py
"""

from __future__ import annotations

import time
import warnings
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from common import Job, Results, Row, parser
from numpy.typing import NDArray
from report import markdown_table, percent, publish, seconds
from scipy import sparse
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import LinearSVC
from synthetic_shapes import make

from slidelearn import SlideClassifier
from slidelearn.kernels import Ids
from slidelearn.matrices import FloatCsr, normalize_rows
from slidelearn.metrics import evaluate, precision_standard_error

Shape = tuple[str, Mapping[str, Any], tuple[int, int]]

SHAPES: Mapping[str, Shape] = {
    "50 features, 20,000 labels": ("nearest_points", {"n_features": 50, "n_labels": 20_000}, (15_000, 1500)),
    "50 features, 200 labels": ("nearest_points", {"n_features": 50, "n_labels": 200}, (8000, 1500)),
    "50 features, all about 5": ("nearest_points", {"n_features": 50, "n_labels": 200, "offset": 5.0}, (8000, 1500)),
    "50 features of unequal units": (
        "nearest_points",
        {"n_features": 50, "n_labels": 200, "unequal": True},
        (8000, 1500),
    ),
    "digits, one label of 10": ("digits", {}, (1297, 500)),
    "clusters, one label of 100": (
        "classification",
        {"n_classes": 100, "n_features": 100, "n_informative": 30, "n_clusters_per_class": 2},
        (8000, 1500),
    ),
    "multilabel_classification": (
        "multilabel_classification",
        {"n_features": 100, "n_classes": 20, "n_labels": 3, "length": 100},
        (6000, 1500),
    ),
    "misspelt words, n-grams": ("misspelt_words", {"n_labels": 3000}, (12_000, 1500)),
    "1 sample per label": ("rare_labels", {"samples_per_label": 1.0, "length": 30}, (8000, 1500)),
    "2 samples per label": ("rare_labels", {"samples_per_label": 2.0, "length": 30}, (8000, 1500)),
    "10 words per sample": ("documents", {"n_labels": 2000, "length": 10}, (12_000, 1500)),
    "800 words per sample": ("documents", {"n_labels": 500, "length": 800, "background": 0.9}, (4000, 1000)),
    "raw counts": ("documents", {"n_labels": 500, "length": 200, "background": 0.8, "counts": True}, (6000, 1500)),
    "a label in 9 of 10 samples": ("documents", {"n_labels": 500, "length": 40, "common_label": 0.9}, (6000, 1500)),
    "40 labels per sample": ("documents", {"n_labels": 500, "length": 200, "labels_per_sample": 40}, (4000, 1000)),
    "20 labels": ("documents", {"n_labels": 20, "length": 20, "background": 0.8}, (6000, 1500)),
    "200 samples": ("documents", {"n_labels": 30, "length": 20, "background": 0.7}, (200, 1000)),
}
"""Name: maker and its options, samples for training and for testing."""
QUICK_SHAPES = ("digits, one label of 10", "200 samples")

AS_IT_IS = "recipe as it is"
CHANGES: Mapping[str, Mapping[str, Any]] = {
    "no ranker": {"ranker": False},
    "no neighbours": {"n_neighbours": 0},
    "usual blend, not fitted": {"ranker_blend": (0.7, 1.5, 2.0, 0.0)},
    "no weight dropped": {"ranker_threshold": 0.0},
    "no weight dropped, C 10": {"ranker_threshold": 0.0, "ranker_c": 10.0},
    "shortlists of 500": {"shortlist_length": 500},
    "width 1024": {"hidden_sizes": (1024,)},
    "20 epochs": {"n_epochs": 20},
    "20 epochs, no ranker": {"n_epochs": 20, "ranker": False},
    "20 epochs, ReLU": {"n_epochs": 20, "hidden_activation": "relu"},
    "batches of 32": {"batch_size": 32},
    "scale 24": {"logit_scale": 24.0},
    "sampler full": {"sampler": "full"},
    "no log-Q": {"log_q_strength": 0.0},
    "feature values as they are": {"feature_power": 1.0},
    "lengths as they are": {"feature_power": 1.0, "normalize_features": False},
}
"""Options that might repair a failure."""

N_NEAREST = 10
MOST_LABELS_OF_SVM = 500
SVM_ROWS, SVM_COLUMNS = "SVMs, rows normalised", "SVMs, columns standardised"

HEADER = ("data set", "samples", "features", "labels", "classifier", "P@1", "P@3", "P@5", "CPU s")
NOTES = f"""\
P@k in percent; P@1 with its standard error over the test samples. *CPU s*: of training, and for the neighbours of
answering. *centroids*: the label whose samples' mean has the greatest cosine; *{N_NEAREST} neighbours*: votes of the
nearest training samples, weighed by their cosine; *SVMs*: scikit-learn's `LinearSVC`, one for each label, where there
are at most {MOST_LABELS_OF_SVM}. **Bold**: better than the recipe as it is by more than two standard errors."""


def centroids(X: FloatCsr, Y: FloatCsr, X_test: FloatCsr) -> sparse.csr_array:
    """Cosine to the mean of each label's samples."""
    means = normalize_rows((Y.T @ normalize_rows(X)).tocsr())
    return normalize_rows(X_test) @ means.T


def neighbours(X: FloatCsr, Y: FloatCsr, X_test: FloatCsr) -> sparse.csr_array:
    """Votes of the nearest training samples."""
    cosines = (normalize_rows(X_test) @ normalize_rows(X).T).toarray()
    nearest = np.argpartition(-cosines, N_NEAREST, axis=1)[:, :N_NEAREST]
    votes = np.take_along_axis(cosines, nearest, axis=1)
    indptr = np.arange(len(nearest) + 1) * N_NEAREST
    return sparse.csr_array((votes.reshape(-1), nearest.reshape(-1), indptr), cosines.shape) @ Y


def svms(X: FloatCsr, Y: FloatCsr, X_test: FloatCsr, prepare: Any) -> NDArray[np.float64]:
    """Margins of one support vector machine for each label."""
    model = make_pipeline(prepare, OneVsRestClassifier(LinearSVC()))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Label not", UserWarning)  # a label that no sample has
        return model.fit(X, sparse.csr_matrix(Y)).decision_function(X_test)


OTHERS: Mapping[str, Callable[..., Any]] = {
    "centroids": centroids,
    f"{N_NEAREST} neighbours": neighbours,
    SVM_ROWS: lambda *data: svms(*data, Normalizer()),
    SVM_COLUMNS: lambda *data: svms(*data, StandardScaler(with_mean=False)),
}


def train(job: Job) -> dict[str, Any]:
    """Train one classifier on one generated set, and test it."""
    maker, options, sizes = job["shape"]
    X, Y, X_test, Y_test = make(maker, options, sizes, job["seed"])
    result: dict[str, Any] = {"n_train": X.shape[0], "n_features": X.shape[1], "n_labels": Y.shape[1]}
    if job["classifier"] in OTHERS:
        began = time.process_time()
        scores = OTHERS[job["classifier"]](X, Y, X_test)
        result["cpu_seconds"] = time.process_time() - began
        ids = _best(scores.toarray() if sparse.issparse(scores) else scores)
    else:
        clf = SlideClassifier(random_state=job["seed"], n_jobs=job["threads"], **job["options"]).fit(X, Y)
        result |= clf.training_
        ids, _ = clf.predict_topk(X_test, k=5)
    return {**result, **evaluate(ids, Y_test), "p@1_error": precision_standard_error(ids, Y_test)}


def _best(scores: NDArray[Any]) -> Ids:
    return np.argsort(-scores, axis=1, kind="stable")[:, :5].astype(np.int32)


def measure(results: Results, shape: str, args: Namespace) -> Iterator[tuple[str, Row]]:
    """The rows of a shape, those measured now and those stored before."""
    for classifier in (AS_IT_IS, *OTHERS, *CHANGES):
        job = {
            "shape": SHAPES[shape],
            "classifier": classifier,
            "options": CHANGES.get(classifier, {}),
            "threads": args.threads,
            "seed": args.seed,
        }
        is_svm = classifier in (SVM_ROWS, SVM_COLUMNS)
        too_large = is_svm and SHAPES[shape][1].get("n_labels", 0) > MOST_LABELS_OF_SVM
        too_large |= is_svm and SHAPES[shape][0] == "rare_labels"
        wanted = classifier not in CHANGES or args.changes
        if wanted and not too_large and args.only in (None, shape):
            results.measure(f"{shape}, {classifier}", job, train, threads=args.threads)
        if row := results.find(job):
            yield classifier, row


def table(measured: Mapping[str, Sequence[tuple[str, Row]]]) -> str:
    """All classifiers on all shapes."""
    cells = []
    for shape, rows in measured.items():
        as_it_is = next((row.result for name, row in rows if name == AS_IT_IS), None)
        cells += [_cells(shape, name, row.result, as_it_is) for name, row in rows]
    return markdown_table(HEADER, cells)


def _cells(shape: str, name: str, result: Mapping[str, Any], as_it_is: Mapping[str, Any] | None) -> list[str | None]:
    p_at_1 = f"{percent(result['p@1'])} ± {percent(result['p@1_error'])}"
    if as_it_is and result["p@1"] > as_it_is["p@1"] + 2 * as_it_is["p@1_error"]:
        p_at_1 = f"**{p_at_1}**"
    sizes = [f"{result[key]:,}" for key in ("n_train", "n_features", "n_labels")]
    return [shape, *sizes, name, p_at_1, percent(result["p@3"]), percent(result["p@5"]), seconds(result["cpu_seconds"])]


def main() -> None:
    """Measure what is asked for and missing; show all there is."""
    options = parser(__doc__)
    options.add_argument("--only", choices=SHAPES, metavar="NAME", help="measure this shape alone")
    options.add_argument("--changes", action="store_true", help="the recipe with options changed, too")
    args = options.parse_args()
    name = "synthetic_sets_quick" if args.quick else "synthetic_sets"
    results = Results(name, again=args.again)
    shapes = QUICK_SHAPES if args.quick else SHAPES
    measured = {shape: list(measure(results, shape, args)) for shape in shapes}
    rows = [row for each in measured.values() for _, row in each]
    if rows:
        publish(name, "Data of other shapes", [table(measured), NOTES], rows)


if __name__ == "__main__":
    main()
