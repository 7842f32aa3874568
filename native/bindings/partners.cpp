// The verb over labels that come together.
#include "partners.h"

#include "common.h"

namespace slidelearn {

namespace {

OutMatrix<float> bind_partner_support(const InMatrix<int32_t>& ids, const InMatrix<float>& probabilities,
                                      const InCsr& partners, int n_threads) {
    require_threads(n_threads);
    const Matrix<const int32_t> vi = view(ids);
    const Matrix<const float> vp = view(probabilities);
    const Csr vl = with_data(view_unread(partners), "partners");
    require(vp.n_rows == vi.n_rows && vp.n_columns == vi.n_columns, "probabilities must have the shape of ids");
    bool inside = true;
    for (int64_t k = 0; k < vi.n_rows * vi.n_columns; ++k) inside &= vi.data[k] >= -1 && vi.data[k] < vl.n_rows;
    require(inside, "ids must lie in [-1, " + std::to_string(vl.n_rows) + ")");
    OutMatrix<float> support = new_matrix<float>(vi.n_rows, vi.n_columns);
    const Matrix<float> vs{support.data(), vi.n_rows, vi.n_columns, vi.n_columns};
    bool sound;
    {
        const GilReleased unlocked;
        sound = partner_support(vi, vp, vl, vs, n_threads);
    }
    require(sound, "partners must have ascending indptr, and indices that lie within the labels");
    return support;
}

}  // namespace

void bind_partners(nb::module_& m) {
    m.def("partner_support", &bind_partner_support, "ids"_a, "probabilities"_a, "partners"_a, nb::kw_only(),
          "n_threads"_a);
}

}  // namespace slidelearn
