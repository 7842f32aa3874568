#include "neighbours.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

#include "thread_pool.h"

namespace slidelearn {

namespace {

constexpr int64_t kCandidatesPerNeighbour = 4;
constexpr int64_t kRoomPerWanted = 4;  // before a list of samples is cut down to the best
constexpr int64_t kTogether = 64;      // postings between two looks at whether a list is full
constexpr int64_t kAhead = 16;         // sums asked for ahead of their visit

// A sample and its similarity, or a label and its votes, which are at least 0, in one word. The better one is the
// smaller, of equally good ones the first.
class Found {
  public:
    Found() = default;
    Found(float score, int32_t number) {
        uint32_t bits;
        std::memcpy(&bits, &score, sizeof bits);
        word_ = uint64_t{~bits} << 32 | static_cast<uint32_t>(number);
    }
    float score() const {
        const uint32_t bits = ~static_cast<uint32_t>(word_ >> 32);
        float score;
        std::memcpy(&score, &bits, sizeof score);
        return score;
    }
    int32_t number() const { return static_cast<int32_t>(word_); }
    bool operator<(Found other) const { return word_ < other.word_; }

  private:
    uint64_t word_;
};

void prefetch(const void* p) { __builtin_prefetch(p); }

// Squares as products: they are the usual case.
float raised(float similarity, float power) {
    return power == 2.0f ? similarity * similarity : std::pow(similarity, power);
}

// Puts the n best first, the last of them at place n - 1, as std::nth_element does, but without branches that cannot be
// foreseen: three times as quick.
void select_best(Found* found, int64_t n_found, int64_t n) {
    for (int64_t begin = 0, end = n_found; end - begin > 1;) {
        std::swap(found[begin + (end - begin) / 2], found[end - 1]);
        const Found pivot = found[end - 1];
        int64_t middle = begin;
        for (int64_t i = begin; i < end - 1; ++i) {
            const Found f = found[i];
            found[i] = found[middle];
            found[middle] = f;
            middle += f < pivot;
        }
        std::swap(found[middle], found[end - 1]);
        if (middle == n - 1) return;
        (middle < n - 1 ? begin : end) = middle < n - 1 ? middle + 1 : middle;
    }
}

// Leaves the n best, in any order.
void keep_best(std::vector<Found>& found, int64_t n) {
    const int64_t n_found = static_cast<int64_t>(found.size());
    if (n_found <= n) return;
    select_best(found.data(), n_found, n);
    found.resize(n);
}

// Calls row(i, begin, end) for the rows of those found, which lie anywhere in a large matrix: all are asked for before
// the first is read. False, and no more calls, if the matrix is damaged there.
template <class Row>
bool visit_rows(const Csr& matrix, int64_t n_columns, const std::vector<Found>& found, Row&& row) {
    for (const Found& f : found) prefetch(matrix.indptr + f.number());
    for (const Found& f : found) {
        if (!matrix.has_row(f.number())) return false;
        if (matrix.length(f.number()) == 0) continue;
        const int64_t first = matrix.begin(f.number()), last = matrix.end(f.number()) - 1;
        for (const int64_t e : {first, last}) {
            prefetch(matrix.indices + e);
            if (matrix.data) prefetch(matrix.data + e);
        }
    }
    for (std::size_t i = 0; i < found.size(); ++i) {
        if (!matrix.has_sound_row(found[i].number(), n_columns)) return false;
        row(i, matrix.begin(found[i].number()), matrix.end(found[i].number()));
    }
    return true;
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
                float power, const int32_t* ids, int64_t n_ids, float* votes, int32_t* others, int64_t n_others) {
        for (int64_t e = strong.begin(row); e < strong.end(row); ++e)
            if (!index.postings.has_sound_row(strong.indices[e], index.features.n_rows)) return false;
        find_candidates(strong, row, index.postings, kCandidatesPerNeighbour * n_neighbours);
        if (!compare_in_full(x, row, index)) return false;
        keep_best(found_, n_neighbours);
        const bool sound = vote(index, power, ids, n_ids, votes);
        list_others(others, n_others, votes + n_ids);
        return sound;
    }

  private:
    template <class T>
    static void grow(std::vector<T>& kept, int64_t size, T value) {
        if (static_cast<int64_t>(kept.size()) < size) kept.assign(size, value);
    }

    // Goes through the postings twice: adds up, then collects. Who sees a sum first leaves 0 to those who come later.
    void find_candidates(const Csr& strong, int64_t row, const Csr& postings, int64_t n) {
        visit_postings(strong, row, postings, [&](int32_t sample, float product) { sums_[sample] += product; });
        const int64_t room = kRoomPerWanted * n;
        found_.resize(room + kTogether);
        int64_t n_found = 0, n_visited = 0;
        float least = std::numeric_limits<float>::denorm_min();
        visit_postings(strong, row, postings, [&](int32_t sample, float) {
            const float sum = std::exchange(sums_[sample], 0.0f);
            found_[n_found] = Found(sum, sample);  // overwritten by the next one, unless it is good enough
            n_found += sum >= least;
            if (++n_visited % kTogether != 0 || n_found < room) return;
            select_best(found_.data(), n_found, n);
            n_found = n;
            least = found_[n - 1].score();
        });
        found_.resize(n_found);
        keep_best(found_, n);
    }

    template <class Visit>
    void visit_postings(const Csr& strong, int64_t row, const Csr& postings, Visit&& visit) {
        for (int64_t e = strong.begin(row); e < strong.end(row); ++e) {
            const int64_t last = postings.end(strong.indices[e]) - 1;
            for (int64_t p = postings.begin(strong.indices[e]); p <= last; ++p) {
                prefetch(&sums_[postings.indices[std::min(p + kAhead, last)]]);
                visit(postings.indices[p], strong.data[e] * postings.data[p]);
            }
        }
    }

    bool compare_in_full(const Csr& x, int64_t row, const NeighbourIndex& index) {
        const Csr& features = index.features;
        for (int64_t e = x.begin(row); e < x.end(row); ++e) dense_[x.indices[e]] = x.data[e];
        const bool sound =
            visit_rows(features, index.n_features, found_, [&](std::size_t i, int64_t begin, int64_t end) {
                float similarity = 0.0f;
                for (int64_t e = begin; e < end; ++e) similarity += dense_[features.indices[e]] * features.data[e];
                found_[i] = Found(std::max(0.0f, similarity), found_[i].number());
            });
        for (int64_t e = x.begin(row); e < x.end(row); ++e) dense_[x.indices[e]] = 0.0f;
        return sound;
    }

    bool vote(const NeighbourIndex& index, float power, const int32_t* ids, int64_t n_ids, float* votes) {
        const Csr& labels = index.labels;
        std::fill_n(votes, n_ids, 0.0f);
        others_.clear();
        votes_of_others_.clear();
        for (int64_t j = 0; j < n_ids; ++j)
            if (ids[j] >= 0) place_[ids[j]] = static_cast<int32_t>(j);
        std::sort(found_.begin(), found_.end());  // sums in one order, whatever the selection left behind
        float all = 0.0f;
        const bool sound = visit_rows(labels, index.n_labels, found_, [&](std::size_t i, int64_t begin, int64_t end) {
            const float weight = raised(found_[i].score(), power);
            all += weight;
            for (int64_t e = begin; e < end; ++e) {
                int32_t& place = place_[labels.indices[e]];
                if (place < 0) {
                    place = static_cast<int32_t>(n_ids + static_cast<int64_t>(others_.size()));
                    others_.push_back(labels.indices[e]);
                    votes_of_others_.push_back(0.0f);
                }
                (place < n_ids ? votes[place] : votes_of_others_[place - n_ids]) += weight;
            }
        });
        for (int64_t j = 0; j < n_ids; ++j) {
            if (ids[j] >= 0) place_[ids[j]] = -1;
            if (all > 0.0f) votes[j] /= all;
        }
        for (std::size_t j = 0; j < others_.size(); ++j) {
            place_[others_[j]] = -1;
            if (all > 0.0f) votes_of_others_[j] /= all;
        }
        return sound;
    }

    // The n best of the labels that were not asked for.
    void list_others(int32_t* others, int64_t n, float* votes) {
        std::fill_n(others, n, -1);
        std::fill_n(votes, n, 0.0f);
        if (n == 0) return;
        found_.clear();
        for (std::size_t j = 0; j < others_.size(); ++j)
            if (votes_of_others_[j] > 0.0f) found_.emplace_back(votes_of_others_[j], others_[j]);
        keep_best(found_, n);
        std::sort(found_.begin(), found_.end());
        for (const Found& f : found_) {
            *others++ = f.number();
            *votes++ = f.score();
        }
    }

    std::vector<float> sums_;     // by sample
    std::vector<float> dense_;    // by feature: the query written out
    std::vector<int32_t> place_;  // by label: where it stands in the query's ids, or after them in others_, or -1
    std::vector<int32_t> others_;
    std::vector<float> votes_of_others_;
    std::vector<Found> found_;
};

}  // namespace

namespace {

// Also in order with what is not a number, which comes last.
float magnitude(float value) { return std::isnan(value) ? -1.0f : std::abs(value); }

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
                const float of_a = magnitude(x.data[a]), of_b = magnitude(x.data[b]);
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

bool neighbour_votes(Csr x, Csr strong, const NeighbourIndex& index, int64_t n_neighbours, float power,
                     Matrix<const int32_t> ids, Matrix<float> votes, Matrix<int32_t> others, int n_threads) {
    n_neighbours = std::min(n_neighbours, index.features.n_rows);  // there are no more
    std::atomic<bool> sound{true};
    parallel_for(n_threads, x.n_rows, [&](int64_t row, int) {
        thread_local Query kept;
        Query query = std::move(kept);  // taken out while it is in use: one that an error leaves unclear is lost
        query.prepare(index);
        const bool answered = query.answer(x, strong, row, index, n_neighbours, power, ids.row(row), ids.n_columns,
                                           votes.row(row), others.row(row), others.n_columns);
        kept = std::move(query);
        if (!answered) sound = false;
    });
    return sound;
}

}  // namespace slidelearn
