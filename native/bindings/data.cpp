// Verbs over samples as they come: from files, and from users.
#include <string>

#include "common.h"
#include "csr_rows.h"
#include "parse_samples.h"

namespace slidelearn {

namespace {

OutCsr join(const SampleBlocks& parsed, GrowingRows SampleBlock::* side, bool with_data, int n_threads) {
    const std::size_t n = static_cast<std::size_t>(n_entries(parsed, side));
    OutCsr csr{new_array<int64_t>(static_cast<std::size_t>(n_rows(parsed)) + 1), new_array<int32_t>(n),
               new_array<float>(with_data ? n : 0)};
    auto& [indptr, indices, data] = csr;
    const GilReleased unlocked;
    join_rows(parsed, side, indptr.data(), indices.data(), with_data ? data.data() : nullptr, n_threads);
    return csr;
}

SampleBlocks parse_unlocked(const nb::bytes& text, const SampleLines& lines, int n_threads) {
    const GilReleased unlocked;  // the caller holds `text`, and bytes never change
    return parse_samples(text.c_str(), text.size(), lines, n_threads);
}

std::tuple<OutCsr, OutCsr> bind_parse_samples(const nb::bytes& text, int64_t first_line, int64_t n_samples,
                                              int64_t n_features, int64_t n_labels, int64_t first_id, bool labelled,
                                              const std::string& column, int n_threads) {
    require(0 <= n_features && n_features < kIdsEnd, "n_features must lie in [0, 2^31)");
    require(0 <= n_labels && n_labels < kIdsEnd, "n_labels must lie in [0, 2^31)");
    require(first_id == 0 || first_id == 1, "first_id must be 0 or 1");
    require_threads(n_threads);
    const SampleLines lines{first_line, n_samples, n_features, n_labels, first_id, labelled, column.c_str()};
    const SampleBlocks parsed = parse_unlocked(text, lines, n_threads);
    return {join(parsed, &SampleBlock::features, true, n_threads),
            join(parsed, &SampleBlock::labels, false, n_threads)};
}

bool bind_is_canonical(const InArray<int32_t>& indptr, const InArray<int32_t>& indices, const InArray<float>& data,
                       int64_t n_columns) {
    require(indptr.size() >= 1, "indptr must have an element");
    require(data.size() == indices.size(), "data must be as long as indices");
    const int64_t n_rows = static_cast<int64_t>(indptr.size()) - 1, n_entries = static_cast<int64_t>(indices.size());
    return is_canonical(indptr.data(), n_rows, indices.data(), data.data(), n_entries, n_columns);
}

}  // namespace

void bind_data(nb::module_& m) {
    m.def("is_canonical", &bind_is_canonical, "indptr"_a, "indices"_a, "data"_a, "n_columns"_a, Unlocked());
    m.def("parse_samples", &bind_parse_samples, "text"_a, nb::kw_only(), "first_line"_a, "n_samples"_a, "n_features"_a,
          "n_labels"_a, "first_id"_a, "labelled"_a, "column"_a, "n_threads"_a);
}

}  // namespace slidelearn
