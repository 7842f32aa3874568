// Verbs of answering: the best of all rows, compared exactly, scanned by 8-bit integers first, or from an index.
#include "common.h"
#include "kernels/int8_scan.h"
#include "kernels/pq_scan.h"
#include "kernels/select.h"
#include "layers.h"

namespace slidelearn {

namespace {

using InScales = std::optional<InArray<float>>;
using BestRows = std::tuple<OutMatrix<int32_t>, OutMatrix<float>>;

using InQuantized = std::tuple<InOutArray<int8_t>, InOutArray<float>, InOutArray<int32_t>, InOutArray<float>>;
using OutQuantized = std::tuple<OutArray<int8_t>, OutArray<float>, OutArray<int32_t>, OutArray<float>>;

const float* scales_of(const InScales& scales, const Rows& rows) {
    require(!scales || static_cast<int64_t>(scales->size()) == rows.n_rows, "scales must have one element per row");
    return scales ? scales->data() : nullptr;
}

// find(hidden, ids, scores)
template <class Find>
BestRows best_rows(const Rows& rows, const InMatrix<float>& hidden, int64_t k, int n_threads, Find&& find) {
    require_threads(n_threads);
    const Matrix<const float> h = view(hidden);
    require(h.n_columns == rows.width, "hidden must have as many columns as the rows are wide");
    require(k >= 1 && k <= rows.n_rows,
            "k must lie in [1, " + std::to_string(rows.n_rows) + "], but is " + std::to_string(k));
    OutMatrix<int32_t> best = new_matrix<int32_t>(h.n_rows, k);
    OutMatrix<float> scores = new_matrix<float>(h.n_rows, k);
    const GilReleased unlocked;
    find(h, view(best), view(scores));
    return {best, scores};
}

BestRows bind_exact_top_k(const InOutRows& rows, const InScales& scales, const InMatrix<float>& hidden, int64_t k,
                          int n_threads) {
    const Rows r = view(rows);
    const float* s = scales_of(scales, r);
    return best_rows(r, hidden, k, n_threads, [&](auto h, auto best, auto scores) {
        SLIDELEARN_CALL(exact_top_k, r, s, h, best, scores, n_threads);
    });
}

OutMatrix<float> bind_exact_logits(const InOutRows& rows, const InScales& scales, const InMatrix<float>& hidden,
                                   int n_threads) {
    require_threads(n_threads);
    const Rows r = view(rows);
    const float* s = scales_of(scales, r);
    const Matrix<const float> h = view(hidden);
    require(h.n_columns == r.width, "hidden must have as many columns as the rows are wide");
    OutMatrix<float> logits = new_matrix<float>(h.n_rows, r.n_rows);
    const GilReleased unlocked;
    SLIDELEARN_CALL(exact_logits, r, s, h, view(logits), n_threads);
    return logits;
}

OutQuantized bind_quantize_rows(const InOutRows& rows, const InScales& scales, int n_threads) {
    require_threads(n_threads);
    const Rows r = view(rows);
    const float* s = scales_of(scales, r);
    require(r.width <= QuantizedRows::kWidest, "rows must be at most " + std::to_string(QuantizedRows::kWidest) +
                                                   " wide to be rounded, but are " + std::to_string(r.width));
    const int64_t n = QuantizedRows::n_panels(r.n_rows) * QuantizedRows::kPanel;
    OutQuantized arrays{new_array<int8_t>(n * QuantizedRows::depth(r.width)), new_array<float>(n),
                        new_array<int32_t>(n), new_array<float>(n)};
    auto& [codes, factors, corrections, biases] = arrays;
    const QuantizedRows quantized{codes.data(), factors.data(), corrections.data(), biases.data()};
    const GilReleased unlocked;
    SLIDELEARN_CALL(quantize_rows, r, s, quantized, n_threads);
    return arrays;
}

BestRows bind_scan_top_k(const InOutRows& rows, const InScales& scales, const InQuantized& quantized,
                         const InMatrix<float>& hidden, int64_t k, int n_threads) {
    const Rows r = view(rows);
    const float* s = scales_of(scales, r);
    const auto& [codes, factors, corrections, biases] = quantized;
    const std::size_t n = QuantizedRows::n_panels(r.n_rows) * QuantizedRows::kPanel;
    require(codes.size() == n * QuantizedRows::depth(r.width) && factors.size() == n && corrections.size() == n &&
                biases.size() == n,
            "quantized must be what quantize_rows makes of these rows");
    const QuantizedRows q{codes.data(), factors.data(), corrections.data(), biases.data()};
    return best_rows(r, hidden, k, n_threads, [&](auto h, auto best, auto scores) {
        SLIDELEARN_CALL(scan_top_k, r, s, q, h, best, scores, n_threads);
    });
}

// starts, ids, biases, codes, codewords
using InPqRows = std::tuple<InArray<int64_t>, InArray<int32_t>, InArray<float>, InArray<uint8_t>, InArray<float>>;
using OutPqCodes = std::tuple<OutArray<uint8_t>, OutArray<float>>;

void require_codewords(const InArray<float>& codewords, const Rows& rows) {
    const int64_t n = PqRows::n_parts(rows.width) * PqRows::kPart * PqRows::kCodewords;
    require(static_cast<int64_t>(codewords.size()) == n,
            "codewords must have " + std::to_string(n) + " elements for rows of width " + std::to_string(rows.width));
}

OutPqCodes bind_pq_encode(const InOutRows& rows, const InScales& scales, const InArray<int32_t>& ids,
                          const InArray<float>& codewords, int n_threads) {
    require_threads(n_threads);
    const Rows r = view(rows);
    const float* s = scales_of(scales, r);
    require(ids.size() % PqRows::kBlock == 0, "ids must be a multiple of " + std::to_string(PqRows::kBlock));
    require_within(ids, -1, r.n_rows, "ids");
    require_codewords(codewords, r);
    OutPqCodes arrays{new_array<uint8_t>(ids.size() * PqRows::n_parts(r.width) / 2), new_array<float>(ids.size())};
    auto& [codes, biases] = arrays;
    const int64_t n_blocks = static_cast<int64_t>(ids.size()) / PqRows::kBlock;
    const GilReleased unlocked;
    SLIDELEARN_CALL(pq_encode, r, s, ids.data(), n_blocks, codewords.data(), codes.data(), biases.data(), n_threads);
    return arrays;
}

// Whether ids are those of rows is left to the verb: they are too many to be read for every query.
PqRows view_index(const InPqRows& index, const Rows& rows) {
    const auto& [starts, ids, biases, codes, codewords] = index;
    require(starts.size() >= 1 && starts(0) == 0, "index.starts must begin with 0");
    const int64_t n_clusters = static_cast<int64_t>(starts.size()) - 1;
    bool ascending = true;
    for (int64_t c = 0; c < n_clusters; ++c) ascending &= starts(c) <= starts(c + 1);
    require(ascending, "index.starts must not decrease");
    const int64_t n_slots = static_cast<int64_t>(ids.size());
    require(n_slots % PqRows::kBlock == 0 && n_slots / PqRows::kBlock == starts(n_clusters) &&
                biases.size() == ids.size() &&
                static_cast<int64_t>(codes.size()) == n_slots * PqRows::n_parts(rows.width) / 2,
            "index.ids, index.biases and index.codes must have as many blocks as index.starts says");
    require(n_slots < kIdsEnd, "index.ids must be fewer than 2^31");
    require_codewords(codewords, rows);
    return {starts.data(), n_clusters, ids.data(), biases.data(), codes.data(), codewords.data()};
}

BestRows bind_pq_top_k(const InOutRows& rows, const InScales& scales, const InPqRows& index,
                       const InMatrix<int32_t>& opened, const InMatrix<float>& hidden, int64_t k, int64_t n_kept,
                       int n_threads) {
    require_threads(n_threads);
    const Rows r = view(rows);
    const float* s = scales_of(scales, r);
    const PqRows pq = view_index(index, r);
    const Matrix<const float> h = view(hidden);
    const Matrix<const int32_t> o = view(opened);
    require(h.n_columns == r.width, "hidden must have as many columns as the rows are wide");
    require(h.n_rows == o.n_rows, "opened must have a row for each row of hidden");
    require(k >= 1, "k must be >= 1, but is " + std::to_string(k));
    require(k <= n_kept && n_kept < kIdsEnd, "n_kept must lie in [k, 2^31), but is " + std::to_string(n_kept));
    require_within(opened, 0, pq.n_clusters, "opened");
    OutMatrix<int32_t> ids = new_matrix<int32_t>(h.n_rows, k);
    OutMatrix<float> logits = new_matrix<float>(h.n_rows, k);
    const GilReleased unlocked;
    SLIDELEARN_CALL(pq_top_k, r, s, pq, o, h, n_kept, view(ids), view(logits), n_threads);
    return {ids, logits};
}

bool bind_scans_int8() { return SLIDELEARN_COPY(scans_int8)(); }

}  // namespace

void bind_answers(nb::module_& m) {
    m.def("exact_top_k", &bind_exact_top_k, "rows"_a.noconvert(), "scales"_a.none(), "hidden"_a, "k"_a, nb::kw_only(),
          "n_threads"_a);
    m.def("exact_logits", &bind_exact_logits, "rows"_a.noconvert(), "scales"_a.none(), "hidden"_a, nb::kw_only(),
          "n_threads"_a);
    m.def("pq_encode", &bind_pq_encode, "rows"_a.noconvert(), "scales"_a.none(), "ids"_a, "codewords"_a, nb::kw_only(),
          "n_threads"_a);
    m.def("pq_top_k", &bind_pq_top_k, "rows"_a.noconvert(), "scales"_a.none(), "index"_a, "opened"_a, "hidden"_a, "k"_a,
          "n_kept"_a, nb::kw_only(), "n_threads"_a);
    m.def("scans_int8", &bind_scans_int8);
    m.def("quantize_rows", &bind_quantize_rows, "rows"_a.noconvert(), "scales"_a.none(), nb::kw_only(), "n_threads"_a);
    m.def("scan_top_k", &bind_scan_top_k, "rows"_a.noconvert(), "scales"_a.none(), "quantized"_a.noconvert(),
          "hidden"_a, "k"_a, nb::kw_only(), "n_threads"_a);
}

}  // namespace slidelearn
