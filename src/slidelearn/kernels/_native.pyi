# Handwritten, because the types of nanobind's own stubs are those of C++: bare tuples of arrays. Here stand the types
# that the callers use. tests/kernels/test_twins.py holds the names and arguments against those of the NumPy twins.
import numpy as np
from numpy.typing import NDArray

from slidelearn.kernels.types import (
    ClassifierRows,
    Codes8,
    Columns,
    Csr,
    Float,
    Ids,
    Labels,
    LearntClassifiers,
    NeighbourIndex,
    Offsets,
    PqRows,
    QuantizedRows,
    Rows,
    UpdateRule,
)

def available_isas() -> list[str]: ...
def isa_in_use() -> str: ...
def use_isa(name: str) -> None: ...
def matmul(
    a: Float,
    b: Float,
    transpose_a: bool = False,
    transpose_b: bool = False,
    bias: Float | None = None,
    *,
    bf16: bool = False,
    n_threads: int,
) -> Float: ...
def allocate_rows(n_rows: int, stride: int) -> Float: ...
def gather_rows(rows: Rows, ids: Ids, unit: bool, *, n_threads: int) -> tuple[Float, Float, Float]: ...
def update_rows(
    rows: Rows, ids: Ids, d_weights: Float, d_biases: Float, rule: UpdateRule, *, n_threads: int
) -> None: ...
def column_sums(x: Float, *, n_threads: int) -> Float: ...
def unit_rows(x: Float, *, n_threads: int) -> tuple[Float, Float]: ...
def unit_rows_backward(unit: Float, norms: Float, scale: float, d: Float, *, n_threads: int) -> None: ...
def features_forward(x: Csr, rows: Rows, bias: Float | None = None, *, n_threads: int) -> Float: ...
def features_backward(
    x: Csr, d_hidden: Float, rows: Rows, rule: UpdateRule, *, hogwild: bool, n_threads: int
) -> None: ...
def shared_backward(
    rows: Rows,
    ids: Ids,
    weights: Float,
    norms: Float | None,
    x: Float,
    d_logits: Float,
    scale: float,
    rule: UpdateRule,
    *,
    bf16: bool = False,
    n_threads: int,
) -> Float: ...
def transpose(matrix: Csr) -> tuple[Ids, Offsets, Ids, Ids]: ...
def sampled_forward(
    rows: Rows, active: Csr, hidden: Float, scale: float, columns: Columns | None = None, *, n_threads: int
) -> Float: ...
def sampled_forward_sparse(rows: Rows, active: Csr, hidden: Csr, *, n_threads: int) -> Float: ...
def sampled_backward(
    rows: Rows,
    active: Csr,
    d_logits: Float,
    hidden: Float,
    scale: float,
    rule: UpdateRule,
    columns: Columns | None = None,
    *,
    n_threads: int,
) -> Float: ...
def sampled_backward_sparse(
    rows: Rows,
    active: Csr,
    d_logits: Float,
    hidden: Csr,
    rule: UpdateRule,
    columns: Columns | None = None,
    *,
    n_threads: int,
) -> Float: ...
def softmax_loss(
    logits: Float, indptr: Offsets | None, log_q: Float | None, labels: Labels, weight: float, *, n_threads: int
) -> Float: ...
def logistic_loss(
    logits: Float, indptr: Offsets | None, log_q: Float | None, labels: Labels, weight: float, *, n_threads: int
) -> Float: ...
def top_others(
    logits: Float, indptr: Offsets | None, ids: Ids, labels: Labels, k: int, *, n_threads: int
) -> tuple[Ids, Float]: ...
def exact_top_k(rows: Rows, scales: Float | None, hidden: Float, k: int, *, n_threads: int) -> tuple[Ids, Float]: ...
def exact_logits(rows: Rows, scales: Float | None, hidden: Float, *, n_threads: int) -> Float: ...
def scans_int8() -> bool: ...
def quantize_rows(rows: Rows, scales: Float | None, *, n_threads: int) -> tuple[Codes8, Float, Ids, Float]: ...
def scan_top_k(
    rows: Rows, scales: Float | None, quantized: QuantizedRows, hidden: Float, k: int, *, n_threads: int
) -> tuple[Ids, Float]: ...
def pq_encode(
    rows: Rows, scales: Float | None, ids: Ids, codewords: Float, *, n_threads: int
) -> tuple[NDArray[np.uint8], Float]: ...
def pq_top_k(
    rows: Rows,
    scales: Float | None,
    index: PqRows,
    opened: Ids,
    hidden: Float,
    k: int,
    n_kept: int,
    *,
    n_threads: int,
) -> tuple[Ids, Float]: ...
def distinct(ids: Ids) -> tuple[Ids, Ids]: ...
def assemble(
    labels: Csr,
    found: Csr,
    drawn: Csr,
    common: Ids,
    min_active: int,
    n_neurons: int,
    seed: int | None,
    *,
    n_threads: int,
) -> tuple[Offsets, Ids, Ids, Ids]: ...
def draw(n_rows: int, n_draws: int, population: Ids | None, n: int, seed: int) -> Ids: ...
def join_rows(a: Csr, b: Csr) -> tuple[Offsets, Ids, Float]: ...
def count_found(labels: Csr, candidates: Csr) -> int: ...
def take_rows(matrix: Csr, rows: Offsets) -> tuple[Offsets, Ids, Float]: ...
def simhash_codes(
    rows: Float, projection: Float, thresholds: Float, *, n_tables: int, n_buckets: int, n_threads: int
) -> Ids: ...
def sign_codes(projections: Float, thresholds: Float, *, n_tables: int, n_buckets: int, n_threads: int) -> Ids: ...
def update_projections(rows: Float, projection: Float, seen: Float, projections: Float, *, n_threads: int) -> None: ...
def wta_codes(rows: Float, bins: Ids, *, n_tables: int, n_buckets: int, n_threads: int) -> Ids: ...
def dwta_codes(rows: Float, bins: Ids, *, borrow_seed: int, n_tables: int, n_buckets: int, n_threads: int) -> Ids: ...
def doph_codes(
    rows: Float,
    ranks: Ids,
    *,
    top_k: int,
    n_hashes: int,
    borrow_seed: int,
    n_tables: int,
    n_buckets: int,
    n_threads: int,
) -> Ids: ...
def build_tables(
    codes: Ids, *, n_buckets: int, bucket_size: int | None, fifo: bool, seed: int, n_threads: int
) -> tuple[Ids, Ids]: ...
def vanilla_candidates(
    codes: Ids, offsets: Ids, ids: Ids, *, n_neurons: int, n_candidates: int, seed: int | None, n_threads: int
) -> tuple[Offsets, Ids, Float]: ...
def topk_candidates(
    codes: Ids, offsets: Ids, ids: Ids, *, n_neurons: int, n_candidates: int, n_threads: int
) -> tuple[Offsets, Ids, Float]: ...
def threshold_candidates(
    codes: Ids, offsets: Ids, ids: Ids, *, n_neurons: int, min_tables: int, n_threads: int
) -> tuple[Offsets, Ids, Float]: ...
def is_canonical(indptr: Ids, indices: Ids, data: Float, n_columns: int) -> bool: ...
def parse_samples(
    text: bytes,
    *,
    first_line: int,
    n_samples: int,
    n_features: int,
    n_labels: int,
    first_id: int,
    labelled: bool,
    column: str,
    n_threads: int,
) -> tuple[tuple[Offsets, Ids, Float], tuple[Offsets, Ids, Float]]: ...
def train_classifiers(
    x: Csr,
    n_features: int,
    positives: Csr,
    negatives: Csr,
    *,
    former: LearntClassifiers | None,
    c: Float,
    tolerance: float,
    max_passes: int,
    threshold: float,
    seed: int,
    n_threads: int,
) -> tuple[tuple[tuple[Offsets, Ids, Float], Float], Float, Float]: ...
def classifier_margins(x: Csr, n_features: int, ids: Ids, classifiers: ClassifierRows, *, n_threads: int) -> Float: ...
def strongest(x: Csr, n_features: int, n: int) -> tuple[Offsets, Ids, Float]: ...
def neighbour_votes(
    x: Csr,
    strong: Csr,
    index: NeighbourIndex,
    n_neighbours: int,
    power: float,
    ids: Ids,
    n_others: int,
    *,
    n_threads: int,
) -> tuple[Float, Ids]: ...
def label_evidence(
    ids: Ids, logits: Float, margins: Float | None, votes: Float, counts: Float, *, n_threads: int
) -> Float: ...
def best_places(ids: Ids, scores: Float, n: int, *, n_threads: int) -> NDArray[np.int64]: ...
def refinement_inputs(
    ids: Ids, evidence: Float, log_odds: Float, places: NDArray[np.int64], partners: Csr, *, n_threads: int
) -> Float: ...
def refine(
    ids: Ids,
    evidence: Float,
    log_odds: Float,
    places: NDArray[np.int64],
    partners: Csr,
    perceptron: tuple[Float, Float, Float, Float],
    *,
    n_threads: int,
) -> Float: ...
def perceptron_gradient(
    perceptron: tuple[Float, Float, Float, Float],
    inputs: Float,
    signs: Float,
    samples: NDArray[np.int64],
    *,
    n_threads: int,
) -> Float: ...
def multiply_registers(arithmetic: str, n_rounds: int, *, n_threads: int) -> int: ...
def touch_rows(rows: Float, ids: Ids, *, n_threads: int) -> None: ...
