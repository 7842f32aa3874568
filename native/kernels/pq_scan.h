// Answers from an index: rows as codes of product quantisation (Jegou, Douze and Schmid, TPAMI 2011), cluster by
// cluster. Each four coordinates of a row are replaced by the nearest of 16 codewords, so a row takes half a byte for
// each four; scores come from tables of 16 that fit into a register (Andre, Kermarrec and Le Scouarnec, VLDB 2015), and
// the best are compared by exact products.
#pragma once

#include "isa.h"
#include "row_layout.h"
#include "views.h"

namespace slidelearn {

struct PqRows {
    static constexpr int64_t kBlock = 64;      // rows whose codes lie together
    static constexpr int64_t kPart = 4;        // coordinates that a codeword stands for
    static constexpr int64_t kCodewords = 16;  // for each part

    // Cluster c has the blocks [starts[c], starts[c + 1]).
    const int64_t* starts;
    int64_t n_clusters;
    // (n_blocks * kBlock): the row in each slot, -1 and the lowest of all biases for none.
    const int32_t* ids;
    const float* biases;
    // (n_blocks, n_parts / 2, kBlock): a byte has the codes of two parts, the first in its lower half. Byte 2 i belongs
    // to row i of the block, byte 2 i + 1 to row 32 + i.
    const uint8_t* codes;
    // (n_parts, kPart, kCodewords)
    const float* codewords;

    // Even; coordinates beyond the width are 0.
    static int64_t n_parts(int64_t width) { return (width + 2 * kPart - 1) / (2 * kPart) * 2; }
};

SLIDELEARN_EACH_ISA(
    // The codes and biases of the rows `ids`, times `scales` (n_rows, may be null). `rows` must have all of them.
    void pq_encode(Rows rows, const float* scales, const int32_t* ids, int64_t n_blocks, const float* codewords,
                   uint8_t* codes, float* biases, int n_threads);
    // The k best rows of the clusters `opened` (n_samples, n_opened): those that are best by exact logits
    // hidden . w * scale + bias of the n_kept best by codes. -1 and -inf where there are fewer.
    void pq_top_k(Rows rows, const float* scales, PqRows index, Matrix<const int32_t> opened,
                  Matrix<const float> hidden, int64_t n_kept, Matrix<int32_t> best, Matrix<float> scores,
                  int n_threads);)

}  // namespace slidelearn
