#include "neighbours.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <new>
#include <numeric>
#include <utility>

#include "thread_pool.h"

namespace slidelearn {

namespace {

constexpr int64_t kCandidatesPerNeighbour = 4;

struct Found {
    float similarity;
    int32_t sample;

    bool operator<(const Found& other) const {  // the better one first
        return similarity > other.similarity || (similarity == other.similarity && sample < other.sample);
    }
};

// Leaves the n best, in any order.
void keep_best(std::vector<Found>& found, int64_t n) {
    if (static_cast<int64_t>(found.size()) <= n) return;
    std::nth_element(found.begin(), found.begin() + n, found.end());
    found.resize(n);
}

// What one thread writes while it answers a query, and clears after it: as wide as the training set, so it is kept from
// one batch to the next.
class Query {
  public:
    void prepare(const NeighbourIndex& index) {
        grow(sums_, index.features.n_rows, 0.0f);
        grow(dense_, index.n_features, 0.0f);
        grow(place_, index.n_labels, -1);
    }

    // Whether the index was found to be sound.
    bool answer(const Csr& x, const Csr& strong, int64_t row, const NeighbourIndex& index, int64_t n_neighbours,
                const int32_t* ids, int64_t n_ids, float* votes) {
        for (int64_t e = strong.begin(row); e < strong.end(row); ++e)
            if (!index.postings.has_sound_row(strong.indices[e], index.features.n_rows)) return false;
        find_candidates(strong, row, index.postings);
        keep_best(found_, kCandidatesPerNeighbour * n_neighbours);
        for (const Found& f : found_)
            if (!index.features.has_sound_row(f.sample, index.n_features)) return false;
        compare_in_full(x, row, index.features);
        keep_best(found_, n_neighbours);
        for (const Found& f : found_)
            if (!index.labels.has_sound_row(f.sample, index.n_labels)) return false;
        vote(index.labels, ids, n_ids, votes);
        return true;
    }

  private:
    template <class T>
    static void grow(std::vector<T>& kept, int64_t size, T value) {
        if (static_cast<int64_t>(kept.size()) < size) kept.assign(size, value);
    }

    void find_candidates(const Csr& strong, int64_t row, const Csr& postings) {
        found_.clear();
        for (int64_t e = strong.begin(row); e < strong.end(row); ++e) {
            const int32_t feature = strong.indices[e];
            for (int64_t p = postings.begin(feature); p < postings.end(feature); ++p) {
                float& sum = sums_[postings.indices[p]];
                if (sum == 0.0f) found_.push_back({0.0f, postings.indices[p]});
                sum += strong.data[e] * postings.data[p];
            }
        }
        std::size_t n = 0;
        for (Found& f : found_) {  // a sum that has come back to 0 was listed twice; then it is found as 0 again
            f.similarity = std::exchange(sums_[f.sample], 0.0f);
            if (f.similarity > 0.0f) found_[n++] = f;
        }
        found_.resize(n);
    }

    void compare_in_full(const Csr& x, int64_t row, const Csr& features) {
        for (int64_t e = x.begin(row); e < x.end(row); ++e) dense_[x.indices[e]] = x.data[e];
        for (Found& f : found_) {
            f.similarity = 0.0f;
            for (int64_t e = features.begin(f.sample); e < features.end(f.sample); ++e)
                f.similarity += dense_[features.indices[e]] * features.data[e];
        }
        for (int64_t e = x.begin(row); e < x.end(row); ++e) dense_[x.indices[e]] = 0.0f;
    }

    void vote(const Csr& labels, const int32_t* ids, int64_t n_ids, float* votes) {
        std::fill_n(votes, n_ids, 0.0f);
        for (int64_t j = 0; j < n_ids; ++j)
            if (ids[j] >= 0) place_[ids[j]] = static_cast<int32_t>(j);
        std::sort(found_.begin(), found_.end());  // sums in one order, whatever the selection left behind
        float all = 0.0f;
        for (const Found& f : found_) {
            if (f.similarity <= 0.0f) continue;
            const float weight = f.similarity * f.similarity;
            all += weight;
            for (int64_t e = labels.begin(f.sample); e < labels.end(f.sample); ++e) {
                const int32_t place = place_[labels.indices[e]];
                if (place >= 0) votes[place] += weight;
            }
        }
        for (int64_t j = 0; j < n_ids; ++j) {
            if (ids[j] >= 0) place_[ids[j]] = -1;
            if (all > 0.0f) votes[j] /= all;
        }
    }

    std::vector<float> sums_;     // by sample
    std::vector<float> dense_;    // by feature: the query written out
    std::vector<int32_t> place_;  // by label: where it stands in the query's ids, or -1
    std::vector<Found> found_;
};

}  // namespace

SparseRows strongest(Csr x, int64_t n) {
    SparseRows kept;
    kept.indptr.assign(1, 0);
    std::vector<int64_t> order;
    for (int64_t row = 0; row < x.n_rows; ++row) {
        order.resize(x.length(row));
        std::iota(order.begin(), order.end(), x.begin(row));
        if (x.length(row) > n) {
            std::nth_element(order.begin(), order.begin() + n, order.end(), [&](int64_t a, int64_t b) {
                const float of_a = std::abs(x.data[a]), of_b = std::abs(x.data[b]);
                return of_a > of_b || (of_a == of_b && a < b);
            });
            order.resize(n);
            std::sort(order.begin(), order.end());
        }
        for (const int64_t e : order) {
            kept.indices.push_back(x.indices[e]);
            kept.data.push_back(x.data[e]);
        }
        kept.indptr.push_back(static_cast<int64_t>(kept.indices.size()));
    }
    return kept;
}

bool neighbour_votes(Csr x, Csr strong, const NeighbourIndex& index, int64_t n_neighbours, Matrix<const int32_t> ids,
                     Matrix<float> votes, int n_threads) {
    std::atomic<bool> out_of_memory{false}, sound{true};
    parallel_for(n_threads, x.n_rows, [&](int64_t row, int) {
        thread_local Query query;
        try {
            query.prepare(index);
            const bool answered =
                query.answer(x, strong, row, index, n_neighbours, ids.row(row), ids.n_columns, votes.row(row));
            if (!answered) sound = false;
        } catch (const std::bad_alloc&) {
            query = Query();
            out_of_memory = true;
        }
    });
    if (out_of_memory) throw std::bad_alloc();
    return sound;
}

}  // namespace slidelearn
