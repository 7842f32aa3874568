"""What the verbs take besides plain arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Ids = NDArray[np.int32]
Codes8 = NDArray[np.int8]
Offsets = NDArray[np.int64]

TAIL = 16
"""Floats at the end of each row: bias, bias_m, bias_v, row_v, n_updates, and padding to a cache line."""
TAIL_FIELDS = {"bias": 0, "bias_m": 1, "bias_v": 2, "row_v": 3, "n_updates": 4}


class Csr(NamedTuple):
    """A sparse matrix by rows: row i holds ``indices[indptr[i]:indptr[i+1]]`` and the data beside them.

    SciPy's layout without SciPy's checks, which would cost more than a verb. `data` is empty where only the pattern
    matters (labels, active sets).
    """

    indptr: Offsets  # (n_rows + 1,) int64
    indices: Ids  # (n_entries,) int32
    data: Float  # (n_entries,) float32, or (0,)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.indptr) - 1

    def between(self, first: int, last: int) -> Csr:
        """The rows from `first` to before `last`, or to the end if there are fewer: indices and data are shared."""
        indptr = self.indptr[first : last + 1]
        begin, end = indptr[0], indptr[-1]
        return Csr(indptr - begin, self.indices[begin:end], self.data[begin:end])


NO_DATA: Float = np.empty(0, np.float32)


class ClassifierRows(NamedTuple):
    """One linear classifier per label: a row of features for each, ascending, and the biases (n_labels,)."""

    weights: Csr
    biases: Float


class LearntClassifiers(NamedTuple):
    """Classifiers, and how firm what they have learnt is: the curvature of all that they were trained to minimise."""

    rows: ClassifierRows
    curvatures: Float  # (n_weights,)
    bias_curvatures: Float  # (n_labels,)


class NeighbourIndex(NamedTuple):
    """The training samples, as a verb finds them by their features."""

    postings: Csr  # (n_features): for each feature, the samples among whose strongest it is, and its values there
    features: Csr  # (n_samples)
    labels: Csr  # (n_samples): the pattern is read
    n_labels: int


class Rows(NamedTuple):
    """A layer's parameters by row, the optimizer's state beside them: native/row_layout.h has the layouts."""

    memory: Float  # (n_rows, stride) float32; stride = padded(width) * n_parts + TAIL
    width: int

    @property
    def padded(self) -> int:
        """Floats between the beginnings of w, m and v: `width` rounded up to a cache line."""
        return padded(self.width)

    @property
    def n_parts(self) -> int:
        """Parts before the tail, each as wide as w: 1, 3 with Adam's m and v, 2 with words of both as bfloat16."""
        return int(self.memory.shape[1] - TAIL) // self.padded

    def part(self, number: int) -> Float:
        """A view of one of them, without its padding."""
        return self.memory[:, number * self.padded : number * self.padded + self.width]


def padded(width: int) -> int:
    """`width` rounded up to a cache line of 16 floats."""
    return (width + 15) // 16 * 16


WIDEST_QUANTIZED = (2**31 - 1) // (128 * 127)
"""Width of rows up to which the sums of a scan have room in 32 bits."""


class QuantizedRows(NamedTuple):
    """Rows rounded to 8 bits, for scanning: see native/kernels/int8_scan.h for the layout."""

    codes: Codes8
    factors: Float
    corrections: Ids
    biases: Float


class PqRows(NamedTuple):
    """Rows as codes of product quantisation, cluster by cluster: see native/kernels/pq_scan.h for the layout."""

    starts: Offsets  # (n_clusters + 1,): the first block of each cluster
    ids: Ids  # (n_blocks * 64,): the row in each slot, -1 for none
    biases: Float  # (n_blocks * 64,)
    codes: NDArray[np.uint8]  # (n_blocks * n_parts / 2 * 64,)
    codewords: Float  # (n_parts * 4 * 16,)


class UpdateRule(NamedTuple):
    """One step of an optimizer; `kind` indexes `RULE_KINDS`."""

    kind: int
    learning_rate: float
    beta_1: float
    beta_2: float
    epsilon: float


RULE_KINDS = ("sgd", "adagrad", "adam")


class Labels(NamedTuple):
    """The labels of a batch: sample i has those at ``columns[indptr[i]:indptr[i+1]]`` of its active neurons."""

    indptr: Offsets  # (n_samples + 1,) int64
    columns: Ids  # (n_labels_of_all,) int32


class Columns(NamedTuple):
    """The entries of a sparse matrix by column: column ids[i] has those at ``indptr[i]:indptr[i+1]``."""

    ids: Ids  # the columns that occur, ascending
    indptr: Offsets  # (n_ids + 1,)
    rows: Ids  # (n_entries,): the row of each entry, ascending within a column
    entries: Ids  # (n_entries,): its place in the matrix
