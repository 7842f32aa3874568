// Answers in two steps: rough logits of all rows leave a few contenders for each sample, whose exact ones decide. A
// logit is then the same bits, whatever found it: a sample alone or among others, in few bits or in many.
#pragma once

#include "kernels/contenders.h"
#include "kernels/simd.h"
#include "scratch.h"
#include "thread_pool.h"
#include "views.h"

namespace slidelearn::SLIDELEARN_ISA {

// A list of contenders for each worker and sample. A worker must offer ids in ascending order.
class ContenderLists {
  public:
    static constexpr int64_t kTogether = 64;  // ids that may be offered between two looks at the room

    ContenderLists(int64_t n_workers, int64_t n_samples, int64_t n_best, int64_t n_rows)
        : n_workers_(n_workers),
          n_samples_(n_samples),
          n_kept_(smaller(n_rows, n_best + larger(n_best / kSpareShare, kLeastSpare))),
          room_(smaller(Contenders::kRoomPerWanted * n_kept_, n_rows) + kTogether),
          lists_(n_workers * n_samples * sizeof(Contenders)),
          ids_(n_workers * n_samples * (room_ + kWidth) * sizeof(int32_t)),
          scores_(n_workers * n_samples * (room_ + kWidth) * sizeof(float)) {
        for (int64_t l = 0; l < n_workers * n_samples; ++l) {
            const int64_t first = l * (room_ + kWidth);
            lists_.as<Contenders>()[l] = {ids_.ints() + first, scores_.floats() + first, room_, 0, -INFINITY};
        }
    }

    int64_t n_kept() const { return n_kept_; }  // what lists are cut down to
    Contenders& operator()(int64_t worker, int64_t i) const { return lists_.as<Contenders>()[worker * n_samples_ + i]; }

    // The best by exact logits, scale * hidden . row + bias: scales may be null, which counts as ones.
    void settle(Rows rows, const float* scales, const float* biases, Matrix<const float> hidden, Matrix<int32_t> best,
                Matrix<float> scores, int n_threads) const {
        parallel_for(n_threads, n_samples_, [&](int64_t i, int) {
            Contenders& list = (*this)(0, i);
            list.cut(n_kept_);
            for (int64_t worker = 1; worker < n_workers_; ++worker) {
                (*this)(worker, i).cut(n_kept_);
                list.merge((*this)(worker, i));
                list.cut(n_kept_);
            }
            for (int64_t j = 0; j < list.n; ++j) {
                if (j + kAhead < list.n) prefetch(rows.weights(list.ids[j + kAhead]), rows.width);
                const int32_t id = list.ids[j];
                const float product = dot(hidden.row(i), rows.weights(id), rows.width);
                list.scores[j] = scales ? product * scales[id] : product;
            }
            for (int64_t j = 0; j < list.n; ++j) list.scores[j] += biases[list.ids[j]];
            list.put_in_order(best.row(i), scores.row(i), best.n_columns);
        });
    }

  private:
    // Rows beyond the best by rough logits that are looked at again: the further down, the closer together they lie.
    static constexpr int64_t kLeastSpare = 16, kSpareShare = 8;
    static constexpr int64_t kAhead = 4;  // rows asked for ahead of their exact product

    int64_t n_workers_, n_samples_, n_kept_, room_;
    Scratch lists_, ids_, scores_;
};

}  // namespace slidelearn::SLIDELEARN_ISA
