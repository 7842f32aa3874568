"""Write golden models with the slidelearn that is installed: ``python tests/model/golden_models.py DIRECTORY``.

They are made once for every version of the format, and never again: later versions must read what this one wrote.
"""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from slidelearn import SlideClassifier
from slidelearn.batches import to_csr
from slidelearn.callbacks import Callback, Checkpointing
from slidelearn.callbacks.checkpointing import checkpoints
from slidelearn.inference import shortlist_of
from slidelearn.ranking.refinement import Refinement, partners_of

N_FEATURES, N_LABELS, N_SAMPLES = 24, 10, 60
SMALL: dict[str, Any] = {"hidden_sizes": (6,), "n_epochs": 2, "batch_size": 16, "n_jobs": 1}
KINDS: dict[str, dict[str, Any]] = {
    "recipe": {"shortlist_length": 5, "n_epochs": 4},
    "paper": {"preset": "paper", "n_tables": 2, "hashes_per_table": 3, "lsh_candidates": 5, "min_active": 6},
    "hidden": {"hidden_sizes": (6, 8), "hidden_bias": True, "optimizer": "adam", "ranker": False},
    "networks": {"n_networks": 2, "shortlist_length": 5},
    "ensemble": {"n_models": 2, "shortlist_length": 5},
    "tail": {"objective": "tail", "answers": "index", "shortlist_length": 5},
    "moments": {"preset": "paper", "state_precision": "bf16", "n_tables": 2, "hashes_per_table": 3, "min_active": 6},
    "standardized": {"standardize_features": True, "shortlist_length": 5},
    "wide": {"shortlist_length": 5, "n_epochs": 4},
    "refined": {"shortlist_length": 5, "n_epochs": 4},
}


def samples(kind: str = "") -> tuple[Any, Any]:
    """X and Y: label l is told by the features l and l + 10; a wide X has a thousand columns for each."""
    numbers = np.arange(N_SAMPLES)
    X, Y = np.zeros((N_SAMPLES, N_FEATURES), np.float32), np.zeros((N_SAMPLES, N_LABELS), np.float32)
    for label in (numbers % N_LABELS, numbers * 7 % N_LABELS):
        X[numbers, label] = X[numbers, label + 10] = 1.0
        Y[numbers, label] = 1.0
    X[numbers, 20 + numbers % 4] = 0.5
    narrow = sparse.csr_array(X)
    if kind != "wide":
        return narrow, sparse.csr_array(Y)
    shape = (N_SAMPLES, 1000 * N_FEATURES)
    return sparse.csr_array((narrow.data, 1000 * narrow.indices, narrow.indptr), shape), sparse.csr_array(Y)


def answers(clf: SlideClassifier, kind: str) -> dict[str, Any]:
    """What a model says of the samples."""
    ids, scores = clf.predict_topk(samples(kind)[0][:20], 3)
    return {"ids": ids.tolist(), "scores": scores.astype(float).round(6).tolist()}


def refine(clf: SlideClassifier) -> None:
    """Give a model a refinement, for which its samples are too few."""
    X, Y = samples()
    member, neighbours = clf._model.members[0], clf._model.neighbours
    ranker, x = member.ranker, to_csr(X)
    asked = shortlist_of(member, x, neighbours, ranker.lengths, n_threads=1)
    evidence = ranker.evidence(asked, ranker.margins(x, asked.ids, n_threads=1), n_threads=1)
    is_own = np.take_along_axis(Y.toarray(), asked.ids, axis=1) > 0
    log_odds = ranker.log_odds(evidence, asked.ids, 1)
    refinement = Refinement.fitted(evidence, log_odds, asked.ids, is_own, partners_of(Y), n_threads=1)
    member.ranker = replace(ranker, refinement=refinement)


def write_checkpoint(directory: Path, kind: str) -> None:
    """After the sixth step, the second of the second epoch."""

    class Stop(Exception): ...

    class StopThere(Callback):
        def on_step(self, progress: Any) -> None:
            if progress.step == 7:
                raise Stop

    callbacks = [StopThere(), Checkpointing(directory / "all", every_steps=6, keep=1)]
    with suppress(Stop):
        SlideClassifier(**{**SMALL, **KINDS[kind]}).fit(*samples(kind), callbacks=callbacks)
    for path in checkpoints(directory / "all")[-1].iterdir():
        path.rename(directory / path.name)
    shutil.rmtree(directory / "all")


def main(directory: Path) -> None:
    for name, options in KINDS.items():
        clf = SlideClassifier(**{**SMALL, **options}).fit(*samples(name))
        if name == "refined":
            refine(clf)
            clf.partial_fit(*(matrix[:40] for matrix in samples(name)))
        clf.documents_["labels.txt"] = "".join(f"label {number}\n" for number in range(N_LABELS))
        clf.save(directory / name)
        (directory / f"{name}.json").write_text(json.dumps(answers(clf, name)) + "\n")
    for name in ("recipe", "paper", "moments", "standardized", "wide", "ensemble", "refined"):
        clf = SlideClassifier.load(directory / name)
        clf.save(directory / f"{name}-inference", inference_only=True)
        clf = SlideClassifier.load(directory / f"{name}-inference")
        (directory / f"{name}-inference.json").write_text(json.dumps(answers(clf, name)) + "\n")
        write_checkpoint(directory / f"{name}-checkpoint", name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
