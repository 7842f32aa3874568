// Cluster by cluster: its rows are packed once for all samples that look into it, and multiplied as one matrix.
#include "kernels/cluster_scan.h"

#include "kernels/best.h"
#include "kernels/simd.h"
#include "scratch.h"
#include "thread_pool.h"

namespace slidelearn::SLIDELEARN_ISA {

namespace {

constexpr int64_t kRows = 512, kSamples = 256;  // multiplied at a time

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

}  // namespace

void cluster_top_k(Rows rows, const float* scales, Csr clusters, Columns opened, Matrix<const float> hidden,
                   Precision precision, Matrix<int32_t> ids, Matrix<float> logits, int n_threads) {
    const int64_t width = rows.width;
    const int64_t n_floats = kRows * width + kSamples * width + kSamples * kRows;
    const Scratch scratch(n_threads * n_floats * sizeof(float));
    auto best_of = [&](int64_t entry) { return Best{ids.row(entry), logits.row(entry), ids.n_columns}; };
    parallel_for(n_threads, opened.n, [&](int64_t c, int worker) {
        const int64_t cluster = opened.ids[c], first = opened.indptr[c], last = opened.indptr[c + 1];
        float* const weights = scratch.floats() + worker * n_floats;
        float* const inputs = weights + kRows * width;
        float* const products = inputs + kSamples * width;
        for (int64_t e = first; e < last; ++e) best_of(opened.entries[e]).clear();
        for (int64_t l = clusters.begin(cluster); l < clusters.end(cluster); l += kRows) {
            const int32_t* labels = clusters.indices + l;
            const int64_t n_labels = smaller(kRows, clusters.end(cluster) - l);
            for (int64_t j = 0; j < n_labels; ++j) {
                std::memcpy(weights + j * width, rows.weights(labels[j]), width * sizeof(float));
            }
            for (int64_t e = first; e < last; e += kSamples) {
                const int64_t n = smaller(kSamples, last - e);
                for (int64_t i = 0; i < n; ++i) {
                    std::memcpy(inputs + i * width, hidden.row(opened.rows[e + i]), width * sizeof(float));
                }
                matmul({inputs, width, 1}, {weights, 1, width}, nullptr, n, n_labels, width,
                       {products, n, n_labels, n_labels}, precision, 1);
                for (int64_t i = 0; i < n; ++i) {
                    float* z = products + i * n_labels;
                    for (int64_t j = 0; j < n_labels; ++j) {
                        z[j] = z[j] * (scales ? scales[labels[j]] : 1.0f) + rows.tail(labels[j])[kBias];
                    }
                    Best best = best_of(opened.entries[e + i]);
                    scan(z, n_labels, best, [&](int64_t j, float score) { best.offer(labels[j], score); });
                }
            }
        }
    });
}

}  // namespace slidelearn::SLIDELEARN_ISA
