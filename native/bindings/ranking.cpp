// The verbs over lists of labels: what is known of them, and in which order that puts them.
#include "ranking.h"

#include "common.h"
#include "kernels/perceptron.h"
#include "refinement.h"

namespace slidelearn {

namespace {

using InEvidence = nb::ndarray<const float, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using OutEvidence = nb::ndarray<nb::numpy, float, nb::ndim<3>, nb::c_contig>;
using InPerceptron = std::tuple<InMatrix<float>, InArray<float>, InArray<float>, InArray<float>>;

OutEvidence new_evidence(std::size_t n_samples, std::size_t n, std::size_t n_evidence) {
    float* data = allocate<float>(times(times(n_samples, n), n_evidence));
    return OutEvidence(data, {n_samples, n, n_evidence}, owner_of(data));
}

template <class T>
void require_shape(Matrix<const T> m, Matrix<const int32_t> ids, const char* name) {
    require(m.n_rows == ids.n_rows && m.n_columns == ids.n_columns, std::string(name) + " must have the shape of ids");
}

OutEvidence bind_label_evidence(const InMatrix<int32_t>& ids, const InMatrix<float>& logits,
                                const std::optional<InMatrix<float>>& margins, const InMatrix<float>& votes,
                                const InArray<float>& counts, int n_threads) {
    require_threads(n_threads);
    const Matrix<const int32_t> vi = view(ids);
    require_shape(view(logits), vi, "logits");
    require_shape(view(votes), vi, "votes");
    if (margins) require_shape(view(*margins), vi, "margins");
    require_within(ids, -1, static_cast<int64_t>(counts.size()), "ids");
    OutEvidence evidence = new_evidence(vi.n_rows, vi.n_columns, kEvidence);
    {
        const GilReleased unlocked;
        label_evidence(vi, view(logits), margins ? margins->data() : nullptr, view(votes), counts.data(),
                       evidence.data(), n_threads);
    }
    return evidence;
}

OutMatrix<int64_t> bind_best_places(const InMatrix<int32_t>& ids, const InMatrix<float>& scores, int64_t n,
                                    int n_threads) {
    require_threads(n_threads);
    const Matrix<const int32_t> vi = view(ids);
    require_shape(view(scores), vi, "scores");
    require(0 <= n && n <= vi.n_columns,
            "n must lie in [0, " + std::to_string(vi.n_columns) + "], but is " + std::to_string(n));
    OutMatrix<int64_t> places = new_matrix<int64_t>(vi.n_rows, n);
    {
        const GilReleased unlocked;
        best_places(vi, view(scores), view(places), n_threads);
    }
    return places;
}

Lists view_lists(const InMatrix<int32_t>& ids, const InEvidence& evidence, const InMatrix<float>& log_odds,
                 const InMatrix<int64_t>& places, const Csr& partners) {
    const Matrix<const int32_t> vi = view(ids);
    require_within(ids, -1, partners.n_rows, "ids");
    require(
        static_cast<int64_t>(evidence.shape(0)) == vi.n_rows && static_cast<int64_t>(evidence.shape(1)) == vi.n_columns,
        "evidence must begin with the shape of ids");
    require_shape(view(log_odds), vi, "log_odds");
    require(static_cast<int64_t>(places.shape(0)) == vi.n_rows, "places must have a row for each row of ids");
    require(static_cast<int64_t>(places.shape(1)) <= vi.n_columns, "places must have at most as many columns as ids");
    require_within(places, 0, vi.n_columns, "places");
    return {vi, evidence.data(), static_cast<int64_t>(evidence.shape(2)), view(log_odds)};
}

PerceptronView view_perceptron(const InPerceptron& perceptron) {
    const auto& [hidden, hidden_biases, output, constant] = perceptron;
    const Matrix<const float> vh = view(hidden);
    require(static_cast<int64_t>(hidden_biases.size()) == vh.n_columns &&
                static_cast<int64_t>(output.size()) == vh.n_columns && constant.size() == 1,
            "perceptron.hidden_biases and output must have one element per column of hidden, and constant one");
    return {vh, hidden_biases.data(), output.data(), constant(0)};
}

void require_sound(bool sound) {
    require(sound, "partners must have ascending indptr, and indices that lie within the labels");
}

OutEvidence bind_refinement_inputs(const InMatrix<int32_t>& ids, const InEvidence& evidence,
                                   const InMatrix<float>& log_odds, const InMatrix<int64_t>& places,
                                   const InCsr& partners, int n_threads) {
    require_threads(n_threads);
    const Csr vp = with_data(view_unread(partners), "partners");
    const Lists lists = view_lists(ids, evidence, log_odds, places, vp);
    OutEvidence inputs = new_evidence(places.shape(0), places.shape(1), lists.n_inputs());
    bool sound;
    {
        const GilReleased unlocked;
        sound = refinement_inputs(lists, view(places), vp, inputs.data(), n_threads);
    }
    require_sound(sound);
    return inputs;
}

OutMatrix<float> bind_refine(const InMatrix<int32_t>& ids, const InEvidence& evidence, const InMatrix<float>& log_odds,
                             const InMatrix<int64_t>& places, const InCsr& partners, const InPerceptron& perceptron,
                             int n_threads) {
    require_threads(n_threads);
    const Csr vp = with_data(view_unread(partners), "partners");
    const Lists lists = view_lists(ids, evidence, log_odds, places, vp);
    const PerceptronView network = view_perceptron(perceptron);
    const int64_t n_inputs = network.hidden.n_rows;  // those of former models have no row for the last one
    require(n_inputs == lists.n_inputs() || n_inputs == lists.n_inputs() - 1,
            "perceptron.hidden must have a row for each number of evidence, and two or one more");
    OutMatrix<float> refined = new_matrix<float>(ids.shape(0), ids.shape(1));
    bool sound;
    {
        const GilReleased unlocked;
        sound = refine(lists, view(places), vp, network, view(refined), n_threads);
    }
    require_sound(sound);
    return refined;
}

OutArray<float> bind_perceptron_gradient(const InPerceptron& perceptron, const InMatrix<float>& inputs,
                                         const InArray<float>& signs, const InArray<int64_t>& samples, int n_threads) {
    require_threads(n_threads);
    const Matrix<const float> vi = view(inputs);
    const PerceptronView network = view_perceptron(perceptron);
    require(network.hidden.n_rows == vi.n_columns, "perceptron.hidden must have a row for each column of inputs");
    require(static_cast<int64_t>(signs.size()) == vi.n_rows, "signs must have one element per row of inputs");
    const int64_t n = static_cast<int64_t>(samples.size());
    require_within(samples, 0, vi.n_rows, "samples");
    OutArray<float> gradient = new_array<float>((vi.n_columns + 2) * network.hidden.n_columns + 1);
    {
        const GilReleased unlocked;
        SLIDELEARN_CALL(perceptron_gradient, network, vi, signs.data(), samples.data(), n, gradient.data(), n_threads);
    }
    return gradient;
}

}  // namespace

void bind_ranking(nb::module_& m) {
    m.def("label_evidence", &bind_label_evidence, "ids"_a, "logits"_a, "margins"_a.none(), "votes"_a, "counts"_a,
          nb::kw_only(), "n_threads"_a);
    m.def("best_places", &bind_best_places, "ids"_a, "scores"_a, "n"_a, nb::kw_only(), "n_threads"_a);
    m.def("refinement_inputs", &bind_refinement_inputs, "ids"_a, "evidence"_a, "log_odds"_a, "places"_a, "partners"_a,
          nb::kw_only(), "n_threads"_a);
    m.def("refine", &bind_refine, "ids"_a, "evidence"_a, "log_odds"_a, "places"_a, "partners"_a, "perceptron"_a,
          nb::kw_only(), "n_threads"_a);
    m.def("perceptron_gradient", &bind_perceptron_gradient, "perceptron"_a, "inputs"_a, "signs"_a, "samples"_a,
          nb::kw_only(), "n_threads"_a);
}

}  // namespace slidelearn
