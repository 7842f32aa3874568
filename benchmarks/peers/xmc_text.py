"""Text files for the peers that read nothing else."""

from __future__ import annotations

from pathlib import Path

from scipy.sparse import csr_matrix


def write_xmc(path: Path, X: csr_matrix, Y: csr_matrix) -> None:
    """``n_samples n_features n_labels``, then a line ``label,label feature:value feature:value`` for each sample."""
    with path.open("w", encoding="ascii") as file:
        file.write(f"{X.shape[0]} {X.shape[1]} {Y.shape[1]}\n")
        for i in range(X.shape[0]):
            features = slice(X.indptr[i], X.indptr[i + 1])
            pairs = zip(X.indices[features].tolist(), X.data[features].tolist(), strict=True)
            labels = ",".join(map(str, _row(Y, i)))
            file.write(f"{labels} {' '.join(f'{column}:{value:.7g}' for column, value in pairs)}\n")


def write_labelled_words(path: Path, X: csr_matrix, Y: csr_matrix) -> None:
    """``__label__5 __label__7 w12 w345``, a line for each sample."""
    with path.open("w", encoding="ascii") as file:
        for i, line in enumerate(words(X)):
            file.write(f"{' '.join(f'__label__{label}' for label in _row(Y, i))} {line}\n")


def words(X: csr_matrix) -> list[str]:
    """``w12 w345`` for a sample with the features 12 and 345: the values are lost."""
    return [" ".join(f"w{column}" for column in _row(X, i)) for i in range(X.shape[0])]


def _row(matrix: csr_matrix, i: int) -> list[int]:
    columns: list[int] = matrix.indices[matrix.indptr[i] : matrix.indptr[i + 1]].tolist()
    return columns
