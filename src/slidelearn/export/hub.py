"""A model as a folder for the Hugging Face Hub: the model's own files, and a card that says what it is.

Nothing is sent anywhere: ``hf upload NAME FOLDER`` does that. `SlideClassifier.load` takes the folder as it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator

from slidelearn.estimator import SlideClassifier
from slidelearn.estimator.classifier_within import classifier_within, features_for
from slidelearn.export.failures import ExportError
from slidelearn.export.model_card import model_card
from slidelearn.extras import import_extra
from slidelearn.files.atomic import write_atomically
from slidelearn.files.paths import to_path
from slidelearn.metrics import evaluate
from slidelearn.model.documents import inverse_propensities
from slidelearn.model.files import require_place

CARD = "README.md"
_LARGE_FILES = "*.safetensors filter=lfs diff=lfs merge=lfs -text\n"


def to_hub(
    clf: BaseEstimator,
    folder: str | Path,
    *,
    name: str | None = None,
    test: tuple[Any, Any] | None = None,
    tested_on: str = "",
    inference_only: bool = True,
) -> dict[str, float]:
    """Write a folder for the Hub: model, card, and which files are large.

    Parameters
    ----------
    clf
        A trained `SlideClassifier` or `SlideTextClassifier`.
    folder
        Where; the files of a model that is there are replaced.
    name
        What the card calls the model; None: the folder's name.
    test
        X and Y of samples, in any form that the model takes, whose metrics the card is to say: those of the model as it
        is in the folder.
    tested_on
        What the card calls these samples.
    inference_only
        Whether the model is a third as large and cannot go on learning.

    Returns
    -------
    dict
        The metrics, as fractions: ``p@1``, ``ndcg@5`` and others.

    Raises
    ------
    ExportError
        If a card is there already, which somebody may have written on.
    ImportError
        Without the package huggingface_hub (extra `hub`).

    Examples
    --------
    >>> from slidelearn import SlideClassifier, load_dataset
    >>> from slidelearn.export import to_hub
    >>> data = load_dataset("wordnet-tiny")
    >>> clf = SlideClassifier(preset="quick", n_epochs=1).fit(data.X_train, data.Y_train)
    >>> metrics = to_hub(clf, "tiny-model", test=(data.X_test, data.Y_test))
    """
    folder = to_path(folder, "folder")
    X_test, clf = features_for(clf, test[0]) if test else None, classifier_within(clf)
    import_extra("huggingface_hub", "hub", "slidelearn export")  # before anything is written
    if (folder / CARD).exists():
        raise ExportError(f"{folder / CARD} is there already: move it away, or export to another folder")
    require_place(folder, sum(array.nbytes for _, array in clf.named_arrays()))
    clf.save(folder, inference_only=inference_only)
    exported = SlideClassifier.load(folder, n_jobs=clf.n_jobs)
    metrics = dict[str, float]()
    if test:
        ids, _ = exported.predict_topk(X_test, k=min(5, clf.n_labels_))
        metrics = metrics_of(exported, ids, test[1])
    card = model_card(exported, name or folder.absolute().name, metrics, tested_on, is_compact=inference_only)
    write_atomically(folder / ".gitattributes", _LARGE_FILES.encode())
    write_atomically(folder / CARD, card.encode())
    return metrics


def metrics_of(clf: SlideClassifier, ids: Any, Y: Any) -> dict[str, float]:
    """Precision, propensity-scored where the model knows how, and nDCG at 1, 3 and 5, as fractions."""
    ks = [k for k in (1, 3, 5) if k <= ids.shape[1]]
    return evaluate(ids, clf.as_indicator(Y), inverse_propensities(clf.documents_, clf.n_labels_), ks)
