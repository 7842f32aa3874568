"""A backend for Annif (https://annif.org), the subject-indexing tool of libraries: train, suggest and learn.

Annif's backends are a fixed list. `register` adds this one to it; run as a program, this file is Annif's command line
with the backend in the list:

    python annif_slidelearn.py train my-project corpus.tsv
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import annif.backend
import numpy as np
from annif.backend.backend import AnnifLearningBackend
from annif.corpus.types import Document, DocumentCorpus
from annif.exception import NotInitializedException, NotSupportedException
from annif.suggestion import SubjectSuggestion, SuggestionBatch
from scipy.sparse import csr_array
from scipy.special import expit
from sklearn.feature_extraction.text import TfidfVectorizer

from slidelearn import SlideClassifier
from slidelearn.cli.options import gather_options
from slidelearn.config import Config
from slidelearn.model.documents import put_vectorizer, vectorizer_of

MODEL = "slidelearn-model"


class SlidelearnBackend(AnnifLearningBackend):
    """A `SlideClassifier` over tf-idf of the words that the project's analyzer finds.

    Parameters of a project: `min_df` and `ngram`, as Annif's other backends have them; `preset`, and every option of
    `slidelearn.config.Config`.
    """

    name = "slidelearn"
    DEFAULT_PARAMETERS = {"min_df": 1, "ngram": 1}  # noqa: RUF012 (as Annif has it)

    _clf: SlideClassifier | None = None

    def initialize(self, parallel: bool = False) -> None:
        """Load the model, if it is not there yet."""
        if self._clf is not None:
            return
        if not self._path.exists():
            raise NotInitializedException(f"model {self._path} not found", backend_id=self.backend_id)
        self.debug(f"loading model from {self._path}")
        self._adopt(SlideClassifier.load(self._path))

    def _train(self, corpus: DocumentCorpus, params: dict[str, Any], jobs: int = 0) -> None:
        if corpus == "cached":
            raise NotSupportedException("Training slidelearn project from cached data not supported.")
        if corpus.is_empty():
            raise NotSupportedException("Cannot train slidelearn project with no documents")
        words, Y = self._samples(corpus)
        vectorizer = TfidfVectorizer(
            token_pattern=r"\S+",  # the analyzer has found the words
            lowercase=False,
            sublinear_tf=True,
            min_df=int(params["min_df"]),
            ngram_range=(1, int(params["ngram"])),
            dtype=np.float32,
        )
        X = vectorizer.fit_transform(words)
        options = gather_options(None, [f"{k}={v}" for k, v in params.items() if k in (*Config.model_fields, "preset")])
        self.info(f"training on {X.shape[0]:,} documents, {X.shape[1]:,} words, {Y.shape[1]:,} subjects")
        clf = SlideClassifier(n_jobs=jobs or None, **options).fit(X, Y)
        put_vectorizer(clf.documents_, vectorizer)
        self._adopt(clf)
        clf.save(self._path)

    def _learn(self, corpus: DocumentCorpus, params: dict[str, Any]) -> None:
        self.initialize()
        assert self._clf is not None
        words, Y = self._samples(corpus)
        self._clf.partial_fit(self._vectorizer.transform(words), Y)
        self._clf.save(self._path)

    def _suggest_batch(self, documents: list[Document], params: dict[str, Any]) -> SuggestionBatch:
        assert self._clf is not None
        X = self._vectorizer.transform([self._words(document.text) for document in documents])
        ids, scores = self._clf.predict_topk(X, k=min(int(params["limit"]), self._clf.n_labels_))
        has_words = X.getnnz(axis=1) > 0
        results = [
            _suggestions(best, odds) if there else [] for best, odds, there in zip(ids, scores, has_words, strict=True)
        ]
        return SuggestionBatch.from_sequence(results, self.project.subjects)

    @property
    def _path(self) -> Path:
        return Path(self.datadir) / MODEL

    def _adopt(self, clf: SlideClassifier) -> None:
        self._clf, self._vectorizer = clf, vectorizer_of(clf.documents_)

    def _words(self, text: str) -> str:
        return " ".join(self.project.analyzer.tokenize_words(text))

    def _samples(self, corpus: DocumentCorpus) -> tuple[list[str], csr_array]:
        """The words of each document, and its subjects (n_documents, n_subjects)."""
        words, indices, indptr = [], [], [0]
        for document in corpus.documents:
            words.append(self._words(document.text))
            indices.extend(document.subject_set)
            indptr.append(len(indices))
        shape = (len(words), len(self.project.subjects))
        return words, csr_array((np.ones(len(indices), np.float32), indices, indptr), shape=shape)


def _suggestions(ids: Sequence[int], log_odds: Sequence[float]) -> list[SubjectSuggestion]:
    """Annif wants scores from 0 to 1: with a ranker, these are the probabilities of the subjects."""
    found = zip(ids, expit(log_odds), strict=True)
    return [SubjectSuggestion(subject_id=int(label), score=float(score)) for label, score in found if label >= 0]


def register() -> None:
    """Put the backend into Annif's list; projects may then say ``backend=slidelearn``."""
    annif.backend._backend_fns[SlidelearnBackend.name] = lambda: SlidelearnBackend


register()

if __name__ == "__main__":
    from annif.cli import cli

    cli()
