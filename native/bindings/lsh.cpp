// Verbs of locality-sensitive hashing: codes, tables, candidates.
#include <algorithm>

#include "candidates.h"
#include "common.h"
#include "doph.h"
#include "hash_tables.h"
#include "kernels/simhash.h"
#include "kernels/wta.h"

namespace slidelearn {

namespace {

// Codes are (n_tables, n): a table is built from one row of them.
using Codes = OutMatrix<int32_t>;

void check_hashes(int64_t n_hashes, int64_t n_tables) {
    require(n_tables >= 1 && n_hashes >= n_tables && n_hashes % n_tables == 0,
            "the number of hashes must be a multiple of n_tables (" + std::to_string(n_tables) + "), but is " +
                std::to_string(n_hashes));
}

void check_inputs(int64_t expected, int64_t found) {
    require(expected == found,
            "rows must have " + std::to_string(expected) + " coordinates, but have " + std::to_string(found));
}

BucketNumbering numbering_of(int64_t n_values, int64_t n_hashes, int64_t n_tables, int64_t n_buckets) {
    require(n_buckets >= 1 && n_buckets < (1 << 30), "n_buckets must be >= 1 and below 2^30");
    return number_buckets(n_values, n_hashes / n_tables, n_buckets);
}

Codes bind_simhash_codes(const InRows& rows, const InMatrix<float>& projection, const InArray<float>& thresholds,
                         int64_t n_tables, int64_t n_buckets, int n_threads) {
    const Matrix<const float> v = view(rows), vp = view(projection);
    require_threads(n_threads);
    check_inputs(vp.n_rows, v.n_columns);
    check_hashes(vp.n_columns, n_tables);
    require(static_cast<int64_t>(thresholds.size()) == vp.n_columns, "thresholds must have one element per hash");
    const BucketNumbering numbering = numbering_of(2, vp.n_columns, n_tables, n_buckets);
    Codes codes = new_matrix<int32_t>(n_tables, v.n_rows);
    const GilReleased unlocked;
    SLIDELEARN_CALL(simhash_codes, v, vp, thresholds.data(), numbering, view(codes), n_threads);
    return codes;
}

Codes bind_sign_codes(const InMatrix<float>& projections, const InArray<float>& thresholds, int64_t n_tables,
                      int64_t n_buckets, int n_threads) {
    const Matrix<const float> v = view(projections);
    require_threads(n_threads);
    check_hashes(v.n_columns, n_tables);
    require(static_cast<int64_t>(thresholds.size()) == v.n_columns, "thresholds must have one element per hash");
    const BucketNumbering numbering = numbering_of(2, v.n_columns, n_tables, n_buckets);
    Codes codes = new_matrix<int32_t>(n_tables, v.n_rows);
    const GilReleased unlocked;
    SLIDELEARN_CALL(sign_codes, v, thresholds.data(), numbering, view(codes), n_threads);
    return codes;
}

void bind_update_projections(const InRows& rows, const InMatrix<float>& projection, const InOutMatrix<float>& seen,
                             const InOutMatrix<float>& projections, int n_threads) {
    const Matrix<const float> v = view(rows), vp = view(projection);
    const Matrix<float> vs = view(seen), vps = view(projections);
    require_threads(n_threads);
    check_inputs(vp.n_rows, v.n_columns);
    require(vs.n_rows == v.n_rows && vs.n_columns == v.n_columns, "seen must have the shape of rows");
    require(vps.n_rows == v.n_rows && vps.n_columns == vp.n_columns, "projections must be (n_rows, n_hashes)");
    const GilReleased unlocked;
    SLIDELEARN_CALL(update_projections, v, vp, vs, vps, n_threads);
}

Codes winner_codes(const InRows& rows, const InMatrix<int32_t>& bins, const uint64_t* borrow_seed, int64_t n_tables,
                   int64_t n_buckets, int n_threads) {
    const Matrix<const float> v = view(rows);
    const Matrix<const int32_t> vb = view(bins);
    require_threads(n_threads);
    check_hashes(vb.n_rows, n_tables);
    require_within(bins, 0, v.n_columns, "bins");
    const BucketNumbering numbering = numbering_of(vb.n_columns, vb.n_rows, n_tables, n_buckets);
    Codes codes = new_matrix<int32_t>(n_tables, v.n_rows);
    const GilReleased unlocked;
    SLIDELEARN_CALL(wta_codes, v, vb, borrow_seed, numbering, view(codes), n_threads);
    return codes;
}

Codes bind_wta_codes(const InRows& rows, const InMatrix<int32_t>& bins, int64_t n_tables, int64_t n_buckets,
                     int n_threads) {
    return winner_codes(rows, bins, nullptr, n_tables, n_buckets, n_threads);
}

Codes bind_dwta_codes(const InRows& rows, const InMatrix<int32_t>& bins, uint64_t borrow_seed, int64_t n_tables,
                      int64_t n_buckets, int n_threads) {
    return winner_codes(rows, bins, &borrow_seed, n_tables, n_buckets, n_threads);
}

Codes bind_doph_codes(const InRows& rows, const InMatrix<int32_t>& ranks, int64_t top_k, int64_t n_hashes,
                      uint64_t borrow_seed, int64_t n_tables, int64_t n_buckets, int n_threads) {
    const Matrix<const float> v = view(rows);
    const Matrix<const int32_t> vr = view(ranks);
    require_threads(n_threads);
    check_inputs(vr.n_rows, v.n_columns);
    require(vr.n_columns >= 1, "ranks must hold at least one permutation");
    require(top_k >= 1, "top_k must be >= 1, but is " + std::to_string(top_k));
    check_hashes(n_hashes, n_tables);
    require_within(ranks, 0, vr.n_rows, "ranks");
    const BucketNumbering numbering = numbering_of(0, n_hashes, n_tables, n_buckets);
    Codes codes = new_matrix<int32_t>(n_tables, v.n_rows);
    const GilReleased unlocked;
    doph_codes(v, vr, top_k, n_hashes, borrow_seed, numbering, view(codes), n_threads);
    return codes;
}

std::tuple<OutMatrix<int32_t>, OutMatrix<int32_t>> bind_build_tables(const InMatrix<int32_t>& codes, int64_t n_buckets,
                                                                     std::optional<int32_t> bucket_size, bool fifo,
                                                                     uint64_t seed, int n_threads) {
    const Matrix<const int32_t> vc = view(codes);
    require_threads(n_threads);
    require(1 <= n_buckets && n_buckets < kIdsEnd, "n_buckets must lie in [1, 2^31)");
    require(vc.n_columns < kIdsEnd, "neurons must be fewer than 2^31");
    require(!bucket_size || *bucket_size >= 1, "bucket_size must be >= 1 or None");
    BucketRule rule;
    if (bucket_size) rule = {*bucket_size, fifo, seed};
    OutMatrix<int32_t> offsets = new_matrix<int32_t>(vc.n_rows, n_buckets + 1);
    const Matrix<int32_t> vo = view(offsets);
    bool valid;
    {
        const GilReleased unlocked;
        valid = bucket_offsets(vc, rule, vo, n_threads);
    }
    require(valid, "codes must lie in [0, " + std::to_string(n_buckets) + ")");
    int32_t most_ids = 0;
    for (int64_t t = 0; t < vo.n_rows; ++t) most_ids = std::max(most_ids, vo.row(t)[n_buckets]);
    OutMatrix<int32_t> ids = new_matrix<int32_t>(vc.n_rows, most_ids);
    const Matrix<int32_t> vi = view(ids);
    const GilReleased unlocked;
    fill_buckets(vc, rule, {vo.data, vo.n_rows, vo.n_columns, vo.stride}, vi, n_threads);
    return {offsets, ids};
}

// select(tables, codes) -> Candidates. Only tables that bind_build_tables made of `n_neurons` neurons are taken, or
// that were checked when they were read: they are too large to be looked at for every batch.
template <class Select>
OutCsr candidates_csr(const InMatrix<int32_t>& codes, const InMatrix<int32_t>& offsets, const InMatrix<int32_t>& ids,
                      int64_t n_neurons, int n_threads, Select&& select) {
    const Matrix<const int32_t> vc = view(codes);
    const HashTables tables{view(offsets), view(ids)};
    require_threads(n_threads);
    require(0 <= n_neurons && n_neurons < kIdsEnd, "n_neurons must lie in [0, 2^31)");
    require(tables.offsets.n_columns >= 1, "offsets must be (n_tables, n_buckets + 1)");
    require(vc.n_rows < (1 << 16), "n_tables must be below 65536, but is " + std::to_string(vc.n_rows));
    require(tables.offsets.n_rows == vc.n_rows && tables.ids.n_rows == vc.n_rows,
            "codes, offsets and ids must have a row for each table");
    require_within(codes, 0, tables.offsets.n_columns - 1, "codes");
    Candidates found;
    {
        const GilReleased unlocked;
        found = select(tables, vc);
    }
    OutArray<int64_t> indptr = new_array<int64_t>(found.size() + 1);
    indptr.data()[0] = 0;
    for (std::size_t i = 0; i < found.size(); ++i) indptr.data()[i + 1] = indptr.data()[i] + found[i].size();
    OutArray<int32_t> indices = new_array<int32_t>(indptr.data()[found.size()]);
    for (std::size_t i = 0; i < found.size(); ++i) {
        std::copy(found[i].begin(), found[i].end(), indices.data() + indptr.data()[i]);
    }
    return {indptr, indices, new_array<float>(0)};
}

OutCsr bind_vanilla_candidates(const InMatrix<int32_t>& codes, const InMatrix<int32_t>& offsets,
                               const InMatrix<int32_t>& ids, int64_t n_neurons, int64_t n_candidates,
                               std::optional<uint64_t> seed, int n_threads) {
    const SampleDraws draws{seed.value_or(0), !seed};
    return candidates_csr(codes, offsets, ids, n_neurons, n_threads,
                          [=](const HashTables& tables, Matrix<const int32_t> vc) {
                              return vanilla_candidates(tables, vc, n_neurons, n_candidates, draws, n_threads);
                          });
}

OutCsr bind_topk_candidates(const InMatrix<int32_t>& codes, const InMatrix<int32_t>& offsets,
                            const InMatrix<int32_t>& ids, int64_t n_neurons, int64_t n_candidates, int n_threads) {
    require(n_candidates >= 1, "n_candidates must be >= 1, but is " + std::to_string(n_candidates));
    return candidates_csr(codes, offsets, ids, n_neurons, n_threads,
                          [=](const HashTables& tables, Matrix<const int32_t> vc) {
                              return topk_candidates(tables, vc, n_neurons, n_candidates, n_threads);
                          });
}

OutCsr bind_threshold_candidates(const InMatrix<int32_t>& codes, const InMatrix<int32_t>& offsets,
                                 const InMatrix<int32_t>& ids, int64_t n_neurons, int64_t min_tables, int n_threads) {
    require(min_tables >= 1, "min_tables must be >= 1, but is " + std::to_string(min_tables));
    return candidates_csr(codes, offsets, ids, n_neurons, n_threads,
                          [=](const HashTables& tables, Matrix<const int32_t> vc) {
                              return threshold_candidates(tables, vc, n_neurons, min_tables, n_threads);
                          });
}

}  // namespace

void bind_lsh(nb::module_& m) {
    m.def("simhash_codes", &bind_simhash_codes, "rows"_a, "projection"_a, "thresholds"_a, nb::kw_only(), "n_tables"_a,
          "n_buckets"_a, "n_threads"_a);
    m.def("sign_codes", &bind_sign_codes, "projections"_a, "thresholds"_a, nb::kw_only(), "n_tables"_a, "n_buckets"_a,
          "n_threads"_a);
    m.def("update_projections", &bind_update_projections, "rows"_a, "projection"_a, "seen"_a.noconvert(),
          "projections"_a.noconvert(), nb::kw_only(), "n_threads"_a);
    m.def("wta_codes", &bind_wta_codes, "rows"_a, "bins"_a, nb::kw_only(), "n_tables"_a, "n_buckets"_a, "n_threads"_a);
    m.def("dwta_codes", &bind_dwta_codes, "rows"_a, "bins"_a, nb::kw_only(), "borrow_seed"_a, "n_tables"_a,
          "n_buckets"_a, "n_threads"_a);
    m.def("doph_codes", &bind_doph_codes, "rows"_a, "ranks"_a, nb::kw_only(), "top_k"_a, "n_hashes"_a, "borrow_seed"_a,
          "n_tables"_a, "n_buckets"_a, "n_threads"_a);
    m.def("build_tables", &bind_build_tables, "codes"_a, nb::kw_only(), "n_buckets"_a, "bucket_size"_a.none(), "fifo"_a,
          "seed"_a, "n_threads"_a);
    m.def("vanilla_candidates", &bind_vanilla_candidates, "codes"_a, "offsets"_a, "ids"_a, nb::kw_only(), "n_neurons"_a,
          "n_candidates"_a, "seed"_a.none(), "n_threads"_a);
    m.def("topk_candidates", &bind_topk_candidates, "codes"_a, "offsets"_a, "ids"_a, nb::kw_only(), "n_neurons"_a,
          "n_candidates"_a, "n_threads"_a);
    m.def("threshold_candidates", &bind_threshold_candidates, "codes"_a, "offsets"_a, "ids"_a, nb::kw_only(),
          "n_neurons"_a, "min_tables"_a, "n_threads"_a);
}

}  // namespace slidelearn
