// Verbs over dense matrices.
#include "common.h"
#include "kernels/matmul.h"

namespace slidelearn {

namespace {

// A product of two matrices, each as it lies or transposed.
struct Product {
    Operand a, b;
    int64_t m, n, k;

    Product(const InRows& a_rows, const InRows& b_rows, bool transpose_a, bool transpose_b) {
        const Matrix<const float> va = view(a_rows), vb = view(b_rows);
        m = transpose_a ? va.n_columns : va.n_rows;
        k = transpose_a ? va.n_rows : va.n_columns;
        n = transpose_b ? vb.n_rows : vb.n_columns;
        const int64_t k_of_b = transpose_b ? vb.n_columns : vb.n_rows;
        require(k == k_of_b, "matmul: a has depth " + std::to_string(k) + ", but b has " + std::to_string(k_of_b));
        a = {va.data, transpose_a ? 1 : va.stride, transpose_a ? va.stride : 1};
        b = {vb.data, transpose_b ? 1 : vb.stride, transpose_b ? vb.stride : 1};
    }

    void into(Matrix<float> c, Start start, bool bf16, int n_threads) const {
        const GilReleased unlocked;
        SLIDELEARN_CALL(matmul, a, b, start, m, n, k, c, bf16 ? Precision::bf16 : Precision::fp32, n_threads);
    }
};

OutMatrix<float> bind_matmul(const InRows& a, const InRows& b, bool transpose_a, bool transpose_b,
                             const std::optional<InArray<float>>& bias, bool bf16, int n_threads) {
    require_threads(n_threads);
    const Product product(a, b, transpose_a, transpose_b);
    require(!bias || static_cast<int64_t>(bias->size()) == product.n, "matmul: bias must have one element per column");
    OutMatrix<float> c = new_matrix<float>(product.m, product.n);
    product.into({c.data(), product.m, product.n, product.n}, {bias ? bias->data() : nullptr, 0}, bf16, n_threads);
    return c;
}

void bind_add_matmul(const InOutMatrix<float>& c, const InRows& a, const InRows& b, bool transpose_a, bool transpose_b,
                     bool bf16, int n_threads) {
    require_threads(n_threads);
    const Product product(a, b, transpose_a, transpose_b);
    const Matrix<float> vc = view(c);
    require(vc.n_rows == product.m && vc.n_columns == product.n, "add_matmul: c must have the shape of the product");
    product.into(vc, {vc.data, vc.stride}, bf16, n_threads);
}

}  // namespace

void bind_dense(nb::module_& m) {
    m.def("matmul", &bind_matmul, "a"_a, "b"_a, "transpose_a"_a = false, "transpose_b"_a = false, "bias"_a = nb::none(),
          nb::kw_only(), "bf16"_a = false, "n_threads"_a);
    m.def("add_matmul", &bind_add_matmul, "c"_a.noconvert(), "a"_a, "b"_a, "transpose_a"_a = false,
          "transpose_b"_a = false, nb::kw_only(), "bf16"_a = false, "n_threads"_a);
}

}  // namespace slidelearn
