// Verbs over a layer's rows: the layer fed by features, and layers with an active set.
#include "layers.h"

#include <limits>
#include <type_traits>

#include "kernels/features.h"
#include "kernels/rows.h"
#include "kernels/sampled.h"
#include "kernels/shared.h"
#include "row_memory.h"

namespace slidelearn {

namespace {

using Hidden = InMatrix<float>;

void require_shape(const Hidden& m, int64_t n_rows, int64_t n_columns, const char* name) {
    require(static_cast<int64_t>(m.shape(0)) == n_rows && static_cast<int64_t>(m.shape(1)) == n_columns,
            std::string(name) + " must have shape (" + std::to_string(n_rows) + ", " + std::to_string(n_columns) +
                "), but has (" + std::to_string(m.shape(0)) + ", " + std::to_string(m.shape(1)) + ")");
}

void require_length(const InArray<float>& a, int64_t n, const char* name) {
    require(static_cast<int64_t>(a.size()) == n,
            std::string(name) + " must have length " + std::to_string(n) + ", but has " + std::to_string(a.size()));
}

OutMatrix<float> allocate_rows(int64_t n_rows, int64_t stride) {
    require(n_rows >= 0 && stride > 0, "rows need n_rows >= 0 and stride > 0");
    const std::size_t n = static_cast<std::size_t>(n_rows), width = static_cast<std::size_t>(stride);
    auto* memory = new RowMemory(times(times(n, width), sizeof(float)));
    return OutMatrix<float>(memory->data(), {n, width},
                            owned(memory, [](void* p) noexcept { delete static_cast<RowMemory*>(p); }));
}

std::tuple<OutMatrix<float>, OutArray<float>, OutArray<float>> bind_gather_rows(const InOutRows& rows,
                                                                                const InArray<int32_t>& ids, bool unit,
                                                                                int n_threads) {
    require_threads(n_threads);
    const Rows r = view(rows);
    require_within(ids, 0, r.n_rows, "ids");
    const std::size_t n = ids.size();
    OutMatrix<float> weights = new_matrix<float>(n, r.width);
    OutArray<float> biases = new_array<float>(n), norms = new_array<float>(unit ? n : 0);
    {
        const GilReleased unlocked;
        SLIDELEARN_CALL(gather_rows, r, ids.data(), static_cast<int64_t>(n), view(weights), biases.data(),
                        unit ? norms.data() : nullptr, n_threads);
    }
    return {weights, biases, norms};
}

void bind_update_rows(const InOutRows& rows, const InArray<int32_t>& ids, const Hidden& d_weights,
                      const InArray<float>& d_biases, const InRule& rule, int n_threads) {
    require_threads(n_threads);
    const Rows r = view(rows);
    require_within(ids, 0, r.n_rows, "ids");
    const int64_t n = static_cast<int64_t>(ids.size());
    require_shape(d_weights, n, r.width, "d_weights");
    require_length(d_biases, n, "d_biases");
    const UpdateRule u = view(rule, r);
    const GilReleased unlocked;
    SLIDELEARN_CALL(update_rows, r, ids.data(), n, view(d_weights), d_biases.data(), u, n_threads);
}

OutArray<float> bind_column_sums(const InRows& x, int n_threads) {
    require_threads(n_threads);
    const Matrix<const float> v = view(x);
    OutArray<float> sums = new_array<float>(v.n_columns);
    const GilReleased unlocked;
    SLIDELEARN_CALL(column_sums, v, sums.data(), n_threads);
    return sums;
}

std::tuple<OutMatrix<float>, OutArray<float>> bind_unit_rows(const Hidden& x, int n_threads) {
    require_threads(n_threads);
    const Matrix<const float> v = view(x);
    OutMatrix<float> unit = new_matrix<float>(v.n_rows, v.n_columns);
    OutArray<float> norms = new_array<float>(v.n_rows);
    {
        const GilReleased unlocked;
        SLIDELEARN_CALL(unit_rows, v, view(unit), norms.data(), n_threads);
    }
    return {unit, norms};
}

void bind_unit_rows_backward(const Hidden& unit, const InArray<float>& norms, float scale, const InOutMatrix<float>& d,
                             int n_threads) {
    require_threads(n_threads);
    const Matrix<float> vd = view(d);
    require_shape(unit, vd.n_rows, vd.n_columns, "unit");
    require_length(norms, vd.n_rows, "norms");
    const GilReleased unlocked;
    SLIDELEARN_CALL(unit_rows_backward, view(unit), norms.data(), scale, vd, n_threads);
}

OutMatrix<float> bind_features_forward(const InCsr& x, const InOutRows& rows, const std::optional<InArray<float>>& bias,
                                       int n_threads) {
    require_threads(n_threads);
    const Rows r = view(rows);
    const Csr v = with_data(view(x, r.n_rows), "x");
    if (bias) require_length(*bias, r.width, "bias");
    OutMatrix<float> hidden = new_matrix<float>(v.n_rows, r.width);
    const GilReleased unlocked;
    SLIDELEARN_CALL(features_forward, v, r, bias ? bias->data() : nullptr, view(hidden), n_threads);
    return hidden;
}

void bind_features_backward(const InCsr& x, const Hidden& d_hidden, const InOutRows& rows, const InRule& rule,
                            bool hogwild, int n_threads) {
    require_threads(n_threads);
    const Rows r = view(rows);
    const Csr v = with_data(view(x, r.n_rows), "x");
    require_shape(d_hidden, v.n_rows, r.width, "d_hidden");
    require(v.n_entries() < kIdsEnd, "x must have fewer than 2^31 entries");
    const UpdateRule u = view(rule, r);
    const GilReleased unlocked;
    if (hogwild) {
        SLIDELEARN_CALL(features_backward_hogwild, v, view(d_hidden), r, u, n_threads);
    } else {
        const Transposed transposed(v);
        SLIDELEARN_CALL(features_backward, transposed.columns(), v.data, view(d_hidden), r, u, n_threads);
    }
}

// kernels.Columns: ids, indptr, rows, entries
using InColumns = std::tuple<InArray<int32_t>, InArray<int64_t>, InArray<int32_t>, InArray<int32_t>>;
using OutColumns = std::tuple<OutArray<int32_t>, OutArray<int64_t>, OutArray<int32_t>, OutArray<int32_t>>;

// Only columns that bind_transpose made of `active` are taken; what can be checked cheaply is.
Columns columns_of(const Csr& active, const InColumns& in) {
    const auto& [ids, indptr, rows, entries] = in;
    require(indptr.size() == ids.size() + 1 && rows.size() == entries.size() &&
                static_cast<int64_t>(rows.size()) == active.n_entries(),
            "columns must be those of active");
    return {ids.data(), indptr.data(), rows.data(), entries.data(), static_cast<int64_t>(ids.size())};
}

OutColumns bind_transpose(const InCsr& matrix) {
    const Csr m = view(matrix, std::numeric_limits<int32_t>::max());
    require(m.n_entries() < kIdsEnd, "matrix must have fewer than 2^31 entries");
    auto* transposed = [&] {
        const GilReleased unlocked;
        return new Transposed(m);
    }();
    const nb::capsule owner = owned(transposed, [](void* p) noexcept { delete static_cast<Transposed*>(p); });
    const Columns c = transposed->columns();
    auto shared = [&](auto* data, int64_t n) {
        using T = std::remove_const_t<std::remove_pointer_t<decltype(data)>>;
        return OutArray<T>(const_cast<T*>(data), {static_cast<std::size_t>(n)}, owner);
    };
    const int64_t n = m.n_entries();
    return {shared(c.ids, c.n), shared(c.indptr, c.n + 1), shared(c.rows, n), shared(c.entries, n)};
}

OutArray<float> bind_sampled_forward(const InOutRows& rows, const InCsr& active, const Hidden& hidden, float scale,
                                     const std::optional<InColumns>& columns, int n_threads) {
    require_threads(n_threads);
    const Rows r = view(rows);
    const Csr a = view(active, r.n_rows);
    require_shape(hidden, a.n_rows, r.width, "hidden");
    OutArray<float> logits = new_array<float>(a.n_entries());
    const GilReleased unlocked;
    if (columns) {
        SLIDELEARN_CALL(sampled_forward_by_neuron, r, columns_of(a, *columns), view(hidden), scale, logits.data(),
                        n_threads);
    } else {
        SLIDELEARN_CALL(sampled_forward, r, a, view(hidden), scale, logits.data(), n_threads);
    }
    return logits;
}

OutArray<float> bind_sampled_forward_sparse(const InOutRows& rows, const InCsr& active, const InCsr& hidden,
                                            int n_threads) {
    require_threads(n_threads);
    const Rows r = view(rows);
    const Csr a = view(active, r.n_rows), h = with_data(view(hidden, r.width), "hidden");
    require(h.n_rows == a.n_rows, "hidden and active must have as many rows");
    OutArray<float> logits = new_array<float>(a.n_entries());
    const GilReleased unlocked;
    SLIDELEARN_CALL(sampled_forward_sparse, r, a, h, logits.data(), n_threads);
    return logits;
}

OutMatrix<float> bind_sampled_backward(const InOutRows& rows, const InCsr& active, const InArray<float>& d_logits,
                                       const Hidden& hidden, float scale, const InRule& rule,
                                       const std::optional<InColumns>& columns, int n_threads) {
    require_threads(n_threads);
    const Rows r = view(rows);
    const Csr a = view(active, r.n_rows);
    require_shape(hidden, a.n_rows, r.width, "hidden");
    require_length(d_logits, a.n_entries(), "d_logits");
    const UpdateRule u = view(rule, r);
    OutMatrix<float> d_hidden = new_matrix<float>(a.n_rows, r.width);
    const GilReleased unlocked;
    if (columns) {
        SLIDELEARN_CALL(sampled_backward_by_neuron, r, columns_of(a, *columns), d_logits.data(), view(hidden), scale, u,
                        view(d_hidden), n_threads);
    } else {
        SLIDELEARN_CALL(sampled_backward_hogwild, r, a, d_logits.data(), view(hidden), scale, u, view(d_hidden),
                        n_threads);
    }
    return d_hidden;
}

OutArray<float> bind_sampled_backward_sparse(const InOutRows& rows, const InCsr& active, const InArray<float>& d_logits,
                                             const InCsr& hidden, const InRule& rule,
                                             const std::optional<InColumns>& columns, int n_threads) {
    require_threads(n_threads);
    const Rows r = view(rows);
    const Csr a = view(active, r.n_rows), h = with_data(view(hidden, r.width), "hidden");
    require(h.n_rows == a.n_rows, "hidden and active must have as many rows");
    require_length(d_logits, a.n_entries(), "d_logits");
    const UpdateRule u = view(rule, r);
    OutArray<float> d_hidden = new_array<float>(h.n_entries());
    const GilReleased unlocked;
    if (columns) {
        SLIDELEARN_CALL(sampled_d_hidden_sparse, r, a, d_logits.data(), h, d_hidden.data(), n_threads);
        SLIDELEARN_CALL(sampled_update_sparse, r, columns_of(a, *columns), d_logits.data(), h, u, n_threads);
    } else {
        SLIDELEARN_CALL(sampled_backward_hogwild_sparse, r, a, d_logits.data(), h, u, d_hidden.data(), n_threads);
    }
    return d_hidden;
}

OutMatrix<float> bind_shared_backward(const InOutRows& rows, const InArray<int32_t>& ids, const Hidden& weights,
                                      const std::optional<InArray<float>>& norms, const Hidden& x,
                                      const Hidden& d_logits, float scale, const InRule& rule, bool bf16,
                                      int n_threads) {
    require_threads(n_threads);
    const Rows r = view(rows);
    require_within(ids, 0, r.n_rows, "ids");
    const int64_t n = static_cast<int64_t>(ids.size()), n_samples = static_cast<int64_t>(x.shape(0));
    require_shape(weights, n, r.width, "weights");
    require_shape(x, n_samples, r.width, "x");
    require_shape(d_logits, n_samples, n, "d_logits");
    if (norms) require_length(*norms, n, "norms");
    const UpdateRule u = view(rule, r);
    OutMatrix<float> d_x = new_matrix<float>(n_samples, r.width);
    const SharedPass pass{view(x), ids.data(), view(weights), norms ? norms->data() : nullptr, scale};
    const GilReleased unlocked;
    SLIDELEARN_CALL(shared_backward, pass, view(d_logits), r, u, view(d_x), bf16 ? Precision::bf16 : Precision::fp32,
                    n_threads);
    return d_x;
}

}  // namespace

void bind_layers(nb::module_& m) {
    m.def("allocate_rows", &allocate_rows, "n_rows"_a, "stride"_a);
    m.def("gather_rows", &bind_gather_rows, "rows"_a.noconvert(), "ids"_a, "unit"_a, nb::kw_only(), "n_threads"_a);
    m.def("update_rows", &bind_update_rows, "rows"_a.noconvert(), "ids"_a, "d_weights"_a, "d_biases"_a, "rule"_a,
          nb::kw_only(), "n_threads"_a);
    m.def("column_sums", &bind_column_sums, "x"_a, nb::kw_only(), "n_threads"_a);
    m.def("unit_rows", &bind_unit_rows, "x"_a, nb::kw_only(), "n_threads"_a);
    m.def("unit_rows_backward", &bind_unit_rows_backward, "unit"_a, "norms"_a, "scale"_a, "d"_a.noconvert(),
          nb::kw_only(), "n_threads"_a);
    m.def("features_forward", &bind_features_forward, "x"_a, "rows"_a.noconvert(), "bias"_a = nb::none(), nb::kw_only(),
          "n_threads"_a);
    m.def("features_backward", &bind_features_backward, "x"_a, "d_hidden"_a, "rows"_a.noconvert(), "rule"_a,
          nb::kw_only(), "hogwild"_a, "n_threads"_a);
    m.def("sampled_forward", &bind_sampled_forward, "rows"_a.noconvert(), "active"_a, "hidden"_a, "scale"_a,
          "columns"_a = nb::none(), nb::kw_only(), "n_threads"_a);
    m.def("sampled_forward_sparse", &bind_sampled_forward_sparse, "rows"_a.noconvert(), "active"_a, "hidden"_a,
          nb::kw_only(), "n_threads"_a);
    m.def("sampled_backward", &bind_sampled_backward, "rows"_a.noconvert(), "active"_a, "d_logits"_a, "hidden"_a,
          "scale"_a, "rule"_a, "columns"_a = nb::none(), nb::kw_only(), "n_threads"_a);
    m.def("sampled_backward_sparse", &bind_sampled_backward_sparse, "rows"_a.noconvert(), "active"_a, "d_logits"_a,
          "hidden"_a, "rule"_a, "columns"_a = nb::none(), nb::kw_only(), "n_threads"_a);
    m.def("shared_backward", &bind_shared_backward, "rows"_a.noconvert(), "ids"_a, "weights"_a, "norms"_a.none(), "x"_a,
          "d_logits"_a, "scale"_a, "rule"_a, nb::kw_only(), "bf16"_a = false, "n_threads"_a);
    m.def("transpose", &bind_transpose, "matrix"_a);
}

}  // namespace slidelearn
