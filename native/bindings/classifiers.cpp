// Verbs of the ranker: training classifiers, and asking them.
#include "classifiers.h"

#include <algorithm>

#include "common.h"

namespace slidelearn {

namespace {

using InClassifiers = std::tuple<InCsr, InArray<float>>;                     // weights and biases
using InLearnt = std::tuple<InClassifiers, InArray<float>, InArray<float>>;  // curvatures of weights and of biases
using OutLearnt = std::tuple<std::tuple<OutCsr, OutArray<float>>, OutArray<float>, OutArray<float>>;

ClassifierRows view_unread(const InClassifiers& classifiers) {
    const auto& [weights, biases] = classifiers;
    const Csr w = with_data(slidelearn::view_unread(weights), "classifiers.weights");
    require(static_cast<int64_t>(biases.size()) == w.n_rows,
            "classifiers.biases must have one element per row of the weights");
    return {w, biases.data()};
}

LearntClassifiers view_learnt(const InLearnt& learnt, int64_t n_features, int64_t n_labels) {
    const auto& [classifiers, curvatures, bias_curvatures] = learnt;
    view(std::get<0>(classifiers), n_features);
    const ClassifierRows rows = view_unread(classifiers);
    require(rows.weights.n_rows == n_labels, "former must have as many rows as positives");
    bool ascending = true;
    for (int64_t label = 0; label < n_labels; ++label)
        for (int64_t e = rows.weights.begin(label) + 1; e < rows.weights.end(label); ++e)
            ascending &= rows.weights.indices[e - 1] < rows.weights.indices[e];
    require(ascending, "former.weights must have ascending features in each row");
    require(curvatures.size() == std::get<1>(std::get<0>(classifiers)).size(),
            "former.curvatures must have one element per weight");
    require(static_cast<int64_t>(bias_curvatures.size()) == n_labels,
            "former.bias_curvatures must have one element per row of the weights");
    for (const auto& array : {curvatures, bias_curvatures})
        require(std::all_of(array.data(), array.data() + array.size(), [](float value) { return value > 0; }),
                "curvatures must be > 0");
    return {rows, curvatures.data(), bias_curvatures.data()};
}

OutLearnt bind_train_classifiers(const InCsr& x, int64_t n_features, const InCsr& positives, const InCsr& negatives,
                                 const std::optional<InLearnt>& former, const InArray<float>& c, double tolerance,
                                 int64_t max_passes, float threshold, uint64_t seed, int n_threads) {
    require_threads(n_threads);
    require(0 <= n_features && n_features < kIdsEnd,
            "n_features must lie in [0, 2^31), but is " + std::to_string(n_features));
    const Csr vx = with_data(view(x, n_features), "x");
    const Csr p = view(positives, vx.n_rows), n = view(negatives, vx.n_rows);
    require(p.n_rows == n.n_rows, "positives and negatives must have as many rows");
    require(static_cast<int64_t>(c.size()) == p.n_rows, "c must have one element per row of positives");
    for (std::size_t label = 0; label < c.size(); ++label)
        require(c.data()[label] > 0, "c must be > 0, but is " + std::to_string(c.data()[label]));
    LearntClassifiers f{};
    if (former) f = view_learnt(*former, n_features, p.n_rows);
    const LearntClassifiers* const known = former ? &f : nullptr;
    ToldClassifiers told;
    {
        const GilReleased unlocked;
        told = train_classifiers(vx, n_features, p, n, known, {c.data(), tolerance, max_passes, threshold, seed},
                                 n_threads);
    }
    const int64_t n_weights = told.indptr.back();
    auto features = new_array<int32_t>(n_weights);
    auto weights = new_array<float>(n_weights), curvatures = new_array<float>(n_weights);
    {
        const GilReleased unlocked;
        write_weights(told, known, features.data(), weights.data(), curvatures.data(), n_threads);
    }
    return {{{to_array(told.indptr), features, weights}, to_array(told.biases)},
            curvatures,
            to_array(told.bias_curvatures)};
}

OutMatrix<float> bind_classifier_margins(const InCsr& x, int64_t n_features, const InMatrix<int32_t>& ids,
                                         const InClassifiers& classifiers, int n_threads) {
    require_threads(n_threads);
    const Csr vx = with_data(view(x, n_features), "x");
    const ClassifierRows rows = view_unread(classifiers);
    const Matrix<const int32_t> vi = view(ids);
    require(vi.n_rows == vx.n_rows, "ids must have a row for each row of x");
    require_within(ids, -1, rows.weights.n_rows, "ids");
    require(static_cast<int64_t>(ids.size()) < kIdsEnd && rows.weights.n_rows < kIdsEnd,
            "ids, and labels that have classifiers, must be fewer than 2^31");
    OutMatrix<float> margins = new_matrix<float>(vi.n_rows, vi.n_columns);
    bool sound;
    {
        const GilReleased unlocked;
        sound = classifier_margins(vx, n_features, vi, rows, view(margins), n_threads);
    }
    require(sound, "classifiers.weights must have ascending indptr, and indices that lie within the features");
    return margins;
}

}  // namespace

void bind_classifiers(nb::module_& m) {
    m.def("train_classifiers", &bind_train_classifiers, "x"_a, "n_features"_a, "positives"_a, "negatives"_a,
          nb::kw_only(), "former"_a.none(), "c"_a, "tolerance"_a, "max_passes"_a, "threshold"_a, "seed"_a,
          "n_threads"_a);
    m.def("classifier_margins", &bind_classifier_margins, "x"_a, "n_features"_a, "ids"_a, "classifiers"_a,
          nb::kw_only(), "n_threads"_a);
}

}  // namespace slidelearn
