// Verbs of answering: the best of all rows, compared exactly or scanned by 8-bit integers first.
#include "common.h"
#include "kernels/int8_scan.h"
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
    const nb::gil_scoped_release unlocked;
    find(h, Matrix<int32_t>{best.data(), h.n_rows, k, k}, Matrix<float>{scores.data(), h.n_rows, k, k});
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

OutQuantized bind_quantize_rows(const InOutRows& rows, const InScales& scales, int n_threads) {
    require_threads(n_threads);
    const Rows r = view(rows);
    const float* s = scales_of(scales, r);
    const int64_t n = QuantizedRows::n_panels(r.n_rows) * QuantizedRows::kPanel;
    OutQuantized arrays{new_array<int8_t>(n * QuantizedRows::depth(r.width)), new_array<float>(n),
                        new_array<int32_t>(n), new_array<float>(n)};
    auto& [codes, factors, corrections, biases] = arrays;
    const QuantizedRows quantized{codes.data(), factors.data(), corrections.data(), biases.data()};
    const nb::gil_scoped_release unlocked;
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

bool bind_scans_int8() { return SLIDELEARN_CALL(scans_int8); }

}  // namespace

void bind_answers(nb::module_& m) {
    m.def("exact_top_k", &bind_exact_top_k, "rows"_a.noconvert(), "scales"_a.none(), "hidden"_a, "k"_a, nb::kw_only(),
          "n_threads"_a);
    m.def("scans_int8", &bind_scans_int8);
    m.def("quantize_rows", &bind_quantize_rows, "rows"_a.noconvert(), "scales"_a.none(), nb::kw_only(), "n_threads"_a);
    m.def("scan_top_k", &bind_scan_top_k, "rows"_a.noconvert(), "scales"_a.none(), "quantized"_a.noconvert(),
          "hidden"_a, "k"_a, nb::kw_only(), "n_threads"_a);
}

}  // namespace slidelearn
