// Verbs over logits and active sets: losses, the best of many scores, assembling sets.
#include "active.h"

#include <limits>
#include <optional>

#include "csr_rows.h"
#include "kernels/losses.h"
#include "kernels/select.h"
#include "layers.h"
#include "transpose.h"

namespace slidelearn {

namespace {

constexpr int64_t kAnyColumn = kIdsEnd;  // where the number of columns is not known

// The logits of a batch: a matrix (shared set) flattened by the caller, or one list per sample with its indptr.
LogitRows logit_rows(const InOutArray<float>& logits, const std::optional<InArray<int64_t>>& indptr,
                     const InLabels& labels) {
    const auto& [label_indptr, label_columns] = labels;
    const int64_t n_rows = static_cast<int64_t>(label_indptr.size()) - 1;
    const int64_t n = static_cast<int64_t>(logits.size());
    require(n_rows >= 0, "labels.indptr must not be empty");
    require(label_indptr(0) == 0 && label_indptr(n_rows) == static_cast<int64_t>(label_columns.size()),
            "labels.indptr must lead from 0 to len(labels.columns)");
    require(indptr || n_rows == 0 || n % n_rows == 0, "logits must have the same number of columns in every row");
    if (indptr) {
        require(static_cast<int64_t>(indptr->size()) == n_rows + 1 && (*indptr)(0) == 0 && (*indptr)(n_rows) == n,
                "indptr must lead from 0 to len(logits), one step per row of labels");
    }
    const LogitRows rows{logits.data(),           indptr ? indptr->data() : nullptr,
                         n_rows ? n / n_rows : 0, n_rows,
                         label_indptr.data(),     label_columns.data()};
    for (int64_t i = 0; i < n_rows; ++i) {
        require(label_indptr(i) <= label_indptr(i + 1), "labels.indptr must not decrease");
        require(rows.length(i) >= 0, "indptr must not decrease");
        for (int64_t l = label_indptr(i); l < label_indptr(i + 1); ++l) {
            require(label_columns(l) >= 0 && label_columns(l) < rows.length(i),
                    "labels.columns must lie among their row's logits");
        }
    }
    return rows;
}

// Without rows, the flat logits of a shared set do not tell how many columns they have.
void require_per_logit(std::size_t size, const LogitRows& rows, const char* name) {
    const int64_t n = rows.indptr ? rows.begin(rows.n_rows) : rows.n_columns;
    require(rows.n_rows == 0 || static_cast<int64_t>(size) == n,
            std::string(name) + " must have one element per column, or per logit where indptr is given");
}

template <class Loss>
OutArray<float> bind_loss(Loss&& loss, const InOutArray<float>& logits, const std::optional<InArray<int64_t>>& indptr,
                          const std::optional<InArray<float>>& log_q, const InLabels& labels, int n_threads) {
    require_threads(n_threads);
    const LogitRows rows = logit_rows(logits, indptr, labels);
    if (log_q) require_per_logit(log_q->size(), rows, "log_q");
    OutArray<float> losses = new_array<float>(rows.n_rows);
    const GilReleased unlocked;
    loss(rows, log_q ? log_q->data() : nullptr, losses.data());
    return losses;
}

OutArray<float> bind_softmax_loss(const InOutArray<float>& logits, const std::optional<InArray<int64_t>>& indptr,
                                  const std::optional<InArray<float>>& log_q, const InLabels& labels, float weight,
                                  int n_threads) {
    return bind_loss([&](const LogitRows& rows, const float* q,
                         float* losses) { SLIDELEARN_CALL(softmax_loss, rows, q, weight, losses, n_threads); },
                     logits, indptr, log_q, labels, n_threads);
}

OutArray<float> bind_logistic_loss(const InOutArray<float>& logits, const std::optional<InArray<int64_t>>& indptr,
                                   const std::optional<InArray<float>>& log_q, const InLabels& labels, float weight,
                                   int n_threads) {
    return bind_loss([&](const LogitRows& rows, const float* q,
                         float* losses) { SLIDELEARN_CALL(logistic_loss, rows, q, weight, losses, n_threads); },
                     logits, indptr, log_q, labels, n_threads);
}

std::tuple<OutMatrix<int32_t>, OutMatrix<float>> bind_top_others(const InOutArray<float>& logits,
                                                                 const std::optional<InArray<int64_t>>& indptr,
                                                                 const InArray<int32_t>& ids, const InLabels& labels,
                                                                 int64_t k, int n_threads) {
    require_threads(n_threads);
    const LogitRows rows = logit_rows(logits, indptr, labels);
    require(k >= 1, "k must be >= 1, but is " + std::to_string(k));
    require_per_logit(ids.size(), rows, "ids");
    OutMatrix<int32_t> best = new_matrix<int32_t>(rows.n_rows, k);
    OutMatrix<float> scores = new_matrix<float>(rows.n_rows, k);
    {
        const GilReleased unlocked;
        SLIDELEARN_CALL(top_others, rows, ids.data(), view(best), view(scores), n_threads);
    }
    return {best, scores};
}

std::tuple<OutArray<int32_t>, OutArray<int32_t>> bind_distinct(const InArray<int32_t>& ids) {
    require_within(ids, 0, kIdsEnd, "ids");
    require(ids.size() < std::numeric_limits<int32_t>::max(), "ids must be fewer than 2^31");
    OutArray<int32_t> places = new_array<int32_t>(ids.size());
    std::vector<int32_t> found;
    {
        const GilReleased unlocked;
        found = distinct(ids.data(), static_cast<int64_t>(ids.size()), places.data());
    }
    return {to_array(found), places};
}

std::tuple<OutArray<int64_t>, OutArray<int32_t>, OutArray<int32_t>, OutArray<int32_t>> bind_assemble(
    const InCsr& labels, const InCsr& found, const InCsr& drawn, const InArray<int32_t>& common, int64_t min_active,
    int64_t n_neurons, std::optional<uint64_t> seed, int n_threads) {
    require_threads(n_threads);
    require(0 <= n_neurons && n_neurons < kIdsEnd, "n_neurons must lie in [0, 2^31)");
    const Csr l = view(labels, n_neurons), f = view(found, n_neurons), d = view(drawn, n_neurons);
    require(l.n_rows == f.n_rows && l.n_rows == d.n_rows, "labels, found and drawn must have as many rows");
    require_within(common, 0, n_neurons, "common");
    Assembled result;
    {
        const GilReleased unlocked;
        const SampleDraws draws{seed.value_or(0), !seed};
        result = assemble(l, f, d, common.data(), static_cast<int64_t>(common.size()), min_active, n_neurons, draws,
                          n_threads);
    }
    return {to_array(result.indptr), to_array(result.ids), to_array(result.n_found), to_array(result.n_fill)};
}

OutMatrix<int32_t> bind_draw(int64_t n_rows, int64_t n_draws, const std::optional<InArray<int32_t>>& population,
                             int64_t n, uint64_t seed) {
    require(n_rows >= 0 && n_draws >= 0, "draw needs n_rows >= 0 and n_draws >= 0");
    const int64_t end = population ? 2 * kIdsEnd : kIdsEnd;  // places are drawn by 32 random bits
    require(1 <= n && n < end, "n must lie in [1, " + std::to_string(end) + "), but is " + std::to_string(n));
    require(!population || static_cast<int64_t>(population->size()) == n, "population must have n elements");
    OutMatrix<int32_t> ids = new_matrix<int32_t>(n_rows, n_draws);
    const GilReleased unlocked;
    draw(n_rows, n_draws, population ? population->data() : nullptr, n, seed, ids.data());
    return ids;
}

// Of the whole training set only the rows asked for are looked at: a batch must not cost the time of an epoch.
Csr view_of_rows(const InCsr& matrix, const InArray<int64_t>& rows) {
    const auto& [indptr, indices, data] = matrix;
    const int64_t n_rows = static_cast<int64_t>(indptr.size()) - 1, n_entries = static_cast<int64_t>(indices.size());
    require(data.size() == 0 || data.size() == indices.size(),
            "matrix.data must be empty or as long as matrix.indices");
    require_within(rows, 0, n_rows, "rows");
    bool sound = true;
    const int64_t* starts = indptr.data();
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const int64_t begin = starts[rows(i)], end = starts[rows(i) + 1];
        sound &= 0 <= begin && begin <= end && end <= n_entries;
    }
    require(sound, "matrix.indptr must not decrease, and must lie in [0, len(matrix.indices)]");
    return {starts, indices.data(), data.size() ? data.data() : nullptr, n_rows};
}

OutCsr bind_take_rows(const InCsr& matrix, const InArray<int64_t>& rows) {
    const Csr m = view_of_rows(matrix, rows);
    const int64_t n = static_cast<int64_t>(rows.size());
    OutArray<int64_t> indptr = new_array<int64_t>(n + 1);
    taken_indptr(m, rows.data(), n, indptr.data());
    const int64_t n_entries = indptr.data()[n];
    OutArray<int32_t> indices = new_array<int32_t>(n_entries);
    OutArray<float> data = new_array<float>(m.data ? n_entries : 0);
    {
        const GilReleased unlocked;
        take_rows(m, rows.data(), n, indptr.data(), indices.data(), data.data());
    }
    return {indptr, indices, data};
}

OutCsr bind_join_rows(const InCsr& a, const InCsr& b) {
    const Csr va = view(a, kAnyColumn), vb = view(b, kAnyColumn);
    require(va.n_rows == vb.n_rows, "a and b must have as many rows");
    OutArray<int64_t> indptr = new_array<int64_t>(va.n_rows + 1);
    OutArray<int32_t> indices = new_array<int32_t>(va.n_entries() + vb.n_entries());
    {
        const GilReleased unlocked;
        join_rows(va, vb, indptr.data(), indices.data());
    }
    return {indptr, indices, new_array<float>(0)};
}

int64_t bind_count_found(const InCsr& labels, const InCsr& candidates) {
    const Csr l = view(labels, kAnyColumn), c = view(candidates, kAnyColumn);
    require(l.n_rows == c.n_rows, "labels and candidates must have as many rows");
    const GilReleased unlocked;
    return count_found(l, c);
}

}  // namespace

void bind_active(nb::module_& m) {
    m.def("softmax_loss", &bind_softmax_loss, "logits"_a.noconvert(), "indptr"_a.none(), "log_q"_a.none(), "labels"_a,
          "weight"_a, nb::kw_only(), "n_threads"_a);
    m.def("logistic_loss", &bind_logistic_loss, "logits"_a.noconvert(), "indptr"_a.none(), "log_q"_a.none(), "labels"_a,
          "weight"_a, nb::kw_only(), "n_threads"_a);
    m.def("top_others", &bind_top_others, "logits"_a.noconvert(), "indptr"_a.none(), "ids"_a, "labels"_a, "k"_a,
          nb::kw_only(), "n_threads"_a);
    m.def("distinct", &bind_distinct, "ids"_a);
    m.def("assemble", &bind_assemble, "labels"_a, "found"_a, "drawn"_a, "common"_a, "min_active"_a, "n_neurons"_a,
          "seed"_a.none(), nb::kw_only(), "n_threads"_a);
    m.def("draw", &bind_draw, "n_rows"_a, "n_draws"_a, "population"_a.none(), "n"_a, "seed"_a);
    m.def("join_rows", &bind_join_rows, "a"_a, "b"_a);
    m.def("count_found", &bind_count_found, "labels"_a, "candidates"_a);
    m.def("take_rows", &bind_take_rows, "matrix"_a, "rows"_a);
}

}  // namespace slidelearn
