// Verbs that read data files.
#include "common.h"
#include "parse_xmc.h"

namespace slidelearn {

namespace {

OutCsr join(const XmcText& parsed, GrowingRows SampleBlock::* side, bool with_data, int n_threads) {
    const std::size_t n = static_cast<std::size_t>(n_entries(parsed, side));
    OutCsr csr{new_array<int64_t>(static_cast<std::size_t>(parsed.n_samples) + 1), new_array<int32_t>(n),
               new_array<float>(with_data ? n : 0)};
    auto& [indptr, indices, data] = csr;
    const nb::gil_scoped_release unlocked;
    join_rows(parsed, side, indptr.data(), indices.data(), with_data ? data.data() : nullptr, n_threads);
    return csr;
}

XmcText parse_unlocked(const nb::bytes& text, int n_threads) {
    const nb::gil_scoped_release unlocked;  // the caller holds `text`, and bytes never change
    return parse_xmc(text.c_str(), text.size(), n_threads);
}

std::tuple<OutCsr, OutCsr, int64_t, int64_t> bind_parse_xmc(const nb::bytes& text, int n_threads) {
    const XmcText parsed = parse_unlocked(text, n_threads);
    return {join(parsed, &SampleBlock::features, true, n_threads), join(parsed, &SampleBlock::labels, false, n_threads),
            parsed.n_features, parsed.n_labels};
}

}  // namespace

void bind_data(nb::module_& m) { m.def("parse_xmc", &bind_parse_xmc, "text"_a, nb::kw_only(), "n_threads"_a); }

}  // namespace slidelearn
