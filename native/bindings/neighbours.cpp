// Verbs over the training samples that are nearest to a query.
#include "neighbours.h"

#include "common.h"

namespace slidelearn {

namespace {

// postings, features, labels, and the number of labels
using InIndex = std::tuple<InCsr, InCsr, InCsr, int64_t>;

OutCsr bind_strongest(const InCsr& x, int64_t n_features, int64_t n) {
    require(n >= 0, "n must be >= 0, but is " + std::to_string(n));
    const Csr v = with_data(view(x, n_features), "x");
    SparseRows kept;
    {
        const GilReleased unlocked;
        kept = strongest(v, n);
    }
    return {to_array(kept.indptr), to_array(kept.indices), to_array(kept.data)};
}

std::tuple<OutMatrix<float>, OutMatrix<int32_t>> bind_neighbour_votes(const InCsr& x, const InCsr& strong,
                                                                      const InIndex& index, int64_t n_neighbours,
                                                                      float power, const InMatrix<int32_t>& ids,
                                                                      int64_t n_others, int n_threads) {
    require_threads(n_threads);
    require(n_neighbours >= 1, "n_neighbours must be >= 1, but is " + std::to_string(n_neighbours));
    require(power > 0, "power must be > 0, but is " + std::to_string(power));
    require(0 <= n_others && n_others < kIdsEnd, "n_others must lie in [0, 2^31), but is " + std::to_string(n_others));
    const auto& [postings, features, labels, n_labels] = index;
    require(0 <= n_labels && n_labels < kIdsEnd,
            "index.n_labels must lie in [0, 2^31), but is " + std::to_string(n_labels));
    const Csr vp = with_data(view_unread(postings), "index.postings"), vl = view_unread(labels);
    const Csr vf = with_data(view_unread(features), "index.features");
    require(vl.n_rows == vf.n_rows, "index.labels must have a row for each row of index.features");
    const Csr vx = with_data(view(x, vp.n_rows), "x"), vs = with_data(view(strong, vp.n_rows), "strong");
    const Matrix<const int32_t> vi = view(ids);
    require(vs.n_rows == vx.n_rows && vi.n_rows == vx.n_rows, "strong and ids must have a row for each row of x");
    require_within(ids, -1, n_labels, "ids");
    OutMatrix<float> votes = new_matrix<float>(vi.n_rows, vi.n_columns + n_others);
    OutMatrix<int32_t> others = new_matrix<int32_t>(vi.n_rows, n_others);
    bool sound;
    {
        const GilReleased unlocked;
        sound = neighbour_votes(vx, vs, {vp, vf, vl, vp.n_rows, n_labels}, n_neighbours, power, vi, view(votes),
                                view(others), n_threads);
    }
    require(sound, "index must have ascending indptr, and indices that lie within features, samples and labels");
    return {votes, others};
}

}  // namespace

void bind_neighbours(nb::module_& m) {
    m.def("strongest", &bind_strongest, "x"_a, "n_features"_a, "n"_a);
    m.def("neighbour_votes", &bind_neighbour_votes, "x"_a, "strong"_a, "index"_a, "n_neighbours"_a, "power"_a, "ids"_a,
          "n_others"_a, nb::kw_only(), "n_threads"_a);
}

}  // namespace slidelearn
