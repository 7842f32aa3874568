// Threads take lanes of neurons, each block by block: a block's part of the logits, its rows and their gradients are in
// the cache of one processor for all that is done with them, and no thread waits for another between.
#include "kernels/shared.h"

#include "kernels/tiles.h"
#include "kernels/unit_rows.h"
#include "kernels/update.h"
#include "scratch.h"
#include "thread_pool.h"

namespace slidelearn::SLIDELEARN_ISA {

namespace {

constexpr int64_t kLanes = 16;     // each with a sum of its own for d_x: the same at any number of threads
constexpr int64_t kNeurons = 384;  // of a block
constexpr int64_t kAhead = 6;      // rows asked for ahead of their update
constexpr int64_t kRows = 16;      // of d_x, summed up at a time

template <class Element>
class Backward {
    using Word = typename Element::Word;

  public:
    Backward(const SharedPass& pass, Matrix<const float> d_logits, const Rows& rows, const UpdateRule& rule,
             Matrix<float> d_x, int n_threads)
        : pass_(pass),
          d_logits_(d_logits),
          rows_(rows),
          rule_(rule),
          d_x_(d_x),
          n_threads_(n_threads),
          n_(pass.weights.n_rows),
          lane_size_(ceil_div(ceil_div(n_, kLanes), kTileRows) * kTileRows),
          x_words_(PackedMatrix<Element>::n_words(pass.x.n_rows, pass.x.n_columns) * sizeof(Word)),
          lanes_((kLanes - 1) * d_x.n_rows * d_x.n_columns * sizeof(float)),
          workers_(n_threads * n_worker_bytes()) {}

    void run() {
        if (n_ == 0) std::memset(d_x_.data, 0, d_x_.n_rows * d_x_.n_columns * sizeof(float));
        const PackedMatrix<Element> x = packed_x();
        const Operand as_lies{pass_.x.data, pass_.x.stride, 1};
        parallel_for(n_threads_, x.n_panels(), [&](int64_t panel, int) { x.pack_panel(as_lies, panel); });
        parallel_for(n_threads_, kLanes, [&](int64_t lane, int worker) { take_lane(lane, worker); });
        parallel_for(n_threads_, ceil_div(d_x_.n_rows, kRows), [&](int64_t chunk, int) {
            for (int64_t i = chunk * kRows; i < smaller(d_x_.n_rows, (chunk + 1) * kRows); ++i) {
                for (int64_t lane = 1; lane < kLanes && lane * lane_size_ < n_; ++lane) {
                    axpy(1.0f, sums_of(lane).row(i), d_x_.row(i), d_x_.n_columns);
                }
            }
        });
    }

  private:
    PackedMatrix<Element> packed_x() const { return {x_words_.as<Word>(), pass_.x.n_rows, pass_.x.n_columns}; }

    Matrix<float> sums_of(int64_t lane) const {
        if (lane == 0) return d_x_;
        const int64_t n = d_x_.n_rows * d_x_.n_columns;
        return {lanes_.floats() + (lane - 1) * n, d_x_.n_rows, d_x_.n_columns, d_x_.n_columns};
    }

    // Of a worker: a packed block of weights, gradients of a block of rows and of their biases, rows of a factor.
    int64_t n_weight_words() const { return PackedMatrix<Element>::n_words(kNeurons, d_x_.n_columns); }
    int64_t n_worker_bytes() const {
        return 4 * ceil_div(n_weight_words() + kScratchWords + kNeurons * (d_x_.n_columns + 1), 16) * 16;
    }

    void take_lane(int64_t lane, int worker) {
        const int64_t begin = lane * lane_size_, end = smaller(n_, begin + lane_size_);
        Word* const scratch = reinterpret_cast<Word*>(workers_.bytes() + worker * n_worker_bytes());
        Word* const weight_words = scratch + kScratchWords;
        float* const gradients = reinterpret_cast<float*>(weight_words + n_weight_words());
        float* const bias_gradients = gradients + kNeurons * d_x_.n_columns;
        const Matrix<float> sums = sums_of(lane);
        const int64_t n_samples = d_x_.n_rows, width = d_x_.n_columns;
        for (int64_t first = begin; first < end; first += kNeurons) {
            const int64_t n = smaller(kNeurons, end - first);
            const float* d = d_logits_.data + first;
            const PackedMatrix<Element> weights(weight_words, n, width);
            weights.pack_all({pass_.weights.row(first), pass_.weights.stride, 1});
            const Start start = first == begin ? kZeros : Start{sums.data, sums.stride};
            weights.template multiply<false>({d, d_logits_.stride, 1}, n_samples, start, sums, scratch);
            const Matrix<float> d_rows{gradients, n, width, width};
            packed_x().template multiply<true>({d, 1, d_logits_.stride}, n, kZeros, d_rows, scratch);
            std::memset(bias_gradients, 0, n * sizeof(float));
            for (int64_t i = 0; i < n_samples; ++i) axpy(1.0f, d + i * d_logits_.stride, bias_gradients, n);
            for (int64_t k = 0; k < n; ++k) {
                if (k + kAhead < n) prefetch_row(rows_, pass_.ids[first + k + kAhead]);
                if (pass_.norms) {
                    unit_row_backward(pass_.weights.row(first + k), pass_.norms[first + k], pass_.scale, d_rows.row(k),
                                      width);
                }
                update_row(rows_, pass_.ids[first + k], d_rows.row(k), 1.0f, bias_gradients[k], rule_);
            }
        }
    }

    const SharedPass pass_;
    const Matrix<const float> d_logits_;
    const Rows rows_;
    const UpdateRule rule_;
    const Matrix<float> d_x_;
    const int n_threads_;
    const int64_t n_, lane_size_;
    const Scratch x_words_, lanes_, workers_;
};

}  // namespace

void shared_backward(SharedPass pass, Matrix<const float> d_logits, Rows rows, UpdateRule rule, Matrix<float> d_x,
                     Precision precision, int n_threads) {
#if defined(__AVX512BF16__)
    if (precision == Precision::bf16) return Backward<BFloat16>(pass, d_logits, rows, rule, d_x, n_threads).run();
#else
    (void)precision;
#endif
    Backward<Float32>(pass, d_logits, rows, rule, d_x, n_threads).run();
}

}  // namespace slidelearn::SLIDELEARN_ISA
