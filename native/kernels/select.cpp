#include "kernels/select.h"

#include "kernels/best.h"
#include "kernels/contender_lists.h"
#include "kernels/tiles.h"
#include "scratch.h"
#include "thread_pool.h"

namespace slidelearn::SLIDELEARN_ISA {

namespace {

constexpr int64_t kLabels = 256;             // scored at a time
constexpr int64_t kSamples = 8 * kTileRows;  // for which they are
constexpr int64_t kPackingPays = 6;  // samples from which on a matrix product is quicker than a dot product for each
static_assert(kLabels % ContenderLists::kTogether == 0);

bool contains(const int32_t* list, int64_t n, int64_t wanted) {
    for (int64_t i = 0; i < n; ++i) {
        if (list[i] == wanted) return true;
    }
    return false;
}

// Offers a block of labels to a sample's list, which keeps the k best. Biases go on behind the labels, with -inf.
void offer_block(Contenders& list, float* products, const float* scales, const float* biases, int64_t first,
                 int64_t n_labels, int64_t k) {
    if (scales) {
        for (int64_t j = 0; j < n_labels; ++j) products[j] *= scales[j];
    }
    VecInt lanes;
    for (int lane = 0; lane < kWidth; ++lane) lanes[lane] = lane;
    for (int64_t begin = 0; begin < n_labels; begin += ContenderLists::kTogether) {
        if (!list.has_room(ContenderLists::kTogether)) list.cut(k);
        for (int64_t j = begin; j < begin + ContenderLists::kTogether; j += kWidth) {
            list.offer(load(products + j) + load(biases + j), lanes + static_cast<int32_t>(first + j));
        }
    }
}

}  // namespace

void top_others(LogitRows logits, const int32_t* ids, Matrix<int32_t> best, Matrix<float> scores, int n_threads) {
    parallel_for(n_threads, logits.n_rows, [&](int64_t i, int) {
        Best row{best.row(i), scores.row(i), best.n_columns};
        row.clear();
        const int32_t* row_ids = logits.indptr ? ids + logits.begin(i) : ids;
        const int32_t* own = logits.label_columns + logits.label_indptr[i];
        const int64_t n_own = logits.label_indptr[i + 1] - logits.label_indptr[i];
        const float* z = logits.data + logits.begin(i);
        const float bound =
            reached_by(best.n_columns + n_own, z, logits.length(i));  // by as many others, if not by own
        scan(z, logits.length(i), row, bound, [&](int64_t column, float score) {
            if (!contains(own, n_own, column)) row.offer(row_ids[column], score);
        });
    });
}

void exact_top_k(Rows rows, const float* scales, Matrix<const float> hidden, Matrix<int32_t> best, Matrix<float> scores,
                 int n_threads) {
    const int64_t n = hidden.n_rows, n_blocks = ceil_div(rows.n_rows, kLabels);
    const ContenderLists lists(n_threads, n, best.n_columns, rows.n_rows);
    const Scratch biases(n_blocks * kLabels * sizeof(float));
    const int64_t n_words = PackedMatrix<Float32>::n_words(rows.width, kLabels) + kScratchWords;
    const Scratch all_words(n_threads * n_words * sizeof(float));
    const Scratch all_products(n_threads * kSamples * kLabels * sizeof(float));

    parallel_for(n_threads, n_blocks, [&](int64_t block, int worker) {
        const int64_t first = block * kLabels, n_labels = smaller(kLabels, rows.n_rows - first);
        float* const of_block = biases.floats() + first;
        for (int64_t j = 0; j < kLabels; ++j) of_block[j] = j < n_labels ? rows.tail(first + j)[kBias] : -INFINITY;
        float* const words = all_words.floats() + worker * n_words;
        const PackedMatrix<Float32> packed(words + kScratchWords, rows.width, n_labels);
        if (n >= kPackingPays) packed.pack_all({rows.weights(first), 1, rows.stride});
        for (int64_t i = 0; i < n; i += kSamples) {
            const int64_t n_samples = smaller(kSamples, n - i);
            const Matrix<float> products{all_products.floats() + worker * kSamples * kLabels, n_samples, n_labels,
                                         kLabels};
            if (n >= kPackingPays) {
                packed.multiply<false>({hidden.row(i), hidden.stride, 1}, n_samples, kZeros, products, words);
            } else {
                for (int64_t s = 0; s < n_samples; ++s) {
                    for (int64_t j = 0; j < n_labels; ++j) {
                        products.row(s)[j] = dot(hidden.row(i + s), rows.weights(first + j), rows.width);
                    }
                }
            }
            for (int64_t s = 0; s < n_samples; ++s) {
                offer_block(lists(worker, i + s), products.row(s), scales ? scales + first : nullptr, of_block, first,
                            n_labels, lists.n_kept());
            }
        }
    });
    lists.settle(rows, scales, biases.floats(), hidden, best, scores, n_threads);
}

void exact_logits(Rows rows, const float* scales, Matrix<const float> hidden, Matrix<float> logits, int n_threads) {
    parallel_for(n_threads, ceil_div(rows.n_rows, kLabels), [&](int64_t block, int) {
        const int64_t first = block * kLabels, n_labels = smaller(kLabels, rows.n_rows - first);
        for (int64_t i = 0; i < hidden.n_rows; ++i) {
            float* z = logits.row(i) + first;
            for (int64_t j = 0; j < n_labels; ++j) {
                const float product = dot(hidden.row(i), rows.weights(first + j), rows.width);
                z[j] = scales ? product * scales[first + j] : product;
            }
            for (int64_t j = 0; j < n_labels; ++j) z[j] += rows.tail(first + j)[kBias];  // apart, as in exact_top_k
        }
    });
}

}  // namespace slidelearn::SLIDELEARN_ISA
