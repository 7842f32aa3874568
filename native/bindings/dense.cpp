// Verbs over dense matrices.
#include "common.h"
#include "kernels/matmul.h"

namespace slidelearn {

namespace {

OutMatrix<float> bind_matmul(const InRows& a, const InRows& b, bool transpose_a, bool transpose_b,
                             const std::optional<InArray<float>>& bias, bool bf16, int n_threads) {
    require_threads(n_threads);
    const Matrix<const float> va = view(a), vb = view(b);
    const int64_t m = transpose_a ? va.n_columns : va.n_rows, k = transpose_a ? va.n_rows : va.n_columns;
    const int64_t n = transpose_b ? vb.n_rows : vb.n_columns, k_of_b = transpose_b ? vb.n_columns : vb.n_rows;
    require(k == k_of_b, "matmul: a has depth " + std::to_string(k) + ", but b has " + std::to_string(k_of_b));
    require(!bias || static_cast<int64_t>(bias->size()) == n, "matmul: bias must have one element per column");
    const Operand oa{va.data, transpose_a ? 1 : va.stride, transpose_a ? va.stride : 1};
    const Operand ob{vb.data, transpose_b ? 1 : vb.stride, transpose_b ? vb.stride : 1};
    const Start start{bias ? bias->data() : nullptr, 0};
    OutMatrix<float> c = new_matrix<float>(m, n);
    const GilReleased unlocked;
    SLIDELEARN_CALL(matmul, oa, ob, start, m, n, k, {c.data(), m, n, n}, bf16 ? Precision::bf16 : Precision::fp32,
                    n_threads);
    return c;
}

}  // namespace

void bind_dense(nb::module_& m) {
    m.def("matmul", &bind_matmul, "a"_a, "b"_a, "transpose_a"_a = false, "transpose_b"_a = false, "bias"_a = nb::none(),
          nb::kw_only(), "bf16"_a = false, "n_threads"_a);
}

}  // namespace slidelearn
