// Dense matrix product in the manner of Goto and van de Geijn (2008): b is packed in blocks that stay in L2, a in
// panels that stay in L1, and a micro-kernel keeps a tile of c in registers.
//
// A library's product would do, were its threads ours and its sums the same at every number of threads.
#include "kernels/matmul.h"

#include "kernels/simd.h"
#include "scratch.h"
#include "thread_pool.h"

namespace slidelearn::SLIDELEARN_ISA {

namespace {

#if defined(__AVX512F__)
constexpr int kTileRows = 12;  // 24 accumulators of the 32 registers
#else
constexpr int kTileRows = 6;  // 12 of 16
#endif
constexpr int kTileColumns = 2 * kWidth;
constexpr int64_t kBlockDepth = 256;
constexpr int64_t kBlockColumns = 512;  // a packed block of b: 512 KB

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// (kTileRows, kTileColumns) tile of c += panel of a (depth, kTileRows) x panel of b (depth, kTileColumns)
void multiply_tile(int64_t depth, const float* a, const float* b, float* c, int64_t c_stride) {
    Vec sums[kTileRows][2];
#pragma GCC unroll 12
    for (int i = 0; i < kTileRows; ++i) {
        sums[i][0] = load(c + i * c_stride);
        sums[i][1] = load(c + i * c_stride + kWidth);
    }
    for (int64_t k = 0; k < depth; ++k) {
        const Vec b0 = load(b), b1 = load(b + kWidth);
#pragma GCC unroll 12
        for (int i = 0; i < kTileRows; ++i) {
            sums[i][0] += a[i] * b0;
            sums[i][1] += a[i] * b1;
        }
        a += kTileRows;
        b += kTileColumns;
    }
#pragma GCC unroll 12
    for (int i = 0; i < kTileRows; ++i) {
        store(c + i * c_stride, sums[i][0]);
        store(c + i * c_stride + kWidth, sums[i][1]);
    }
}

// The same on a tile at the edge of c: through a full tile of scratch.
void multiply_edge(int64_t depth, const float* a, const float* b, float* c, int64_t c_stride, int64_t n_rows,
                   int64_t n_columns) {
    float tile[kTileRows * kTileColumns] = {};
    for (int64_t i = 0; i < n_rows; ++i) std::memcpy(tile + i * kTileColumns, c + i * c_stride, n_columns * 4);
    multiply_tile(depth, a, b, tile, kTileColumns);
    for (int64_t i = 0; i < n_rows; ++i) std::memcpy(c + i * c_stride, tile + i * kTileColumns, n_columns * 4);
}

// packed (depth, width) = the block of `source` that has `extent` <= width elements across; the rest is zeros.
template <int width>
void pack(const float* source, int64_t across_stride, int64_t depth_stride, int64_t extent, int64_t depth,
          float* packed) {
    if (extent < width) std::memset(packed, 0, depth * width * 4);
    if (across_stride == 1) {
        for (int64_t k = 0; k < depth; ++k) std::memcpy(packed + k * width, source + k * depth_stride, extent * 4);
        return;
    }
    for (int64_t i = 0; i < extent; ++i) {
        const float* line = source + i * across_stride;
        for (int64_t k = 0; k < depth; ++k) packed[k * width + i] = line[k * depth_stride];
    }
}

}  // namespace

void matmul(Operand a, Operand b, const float* bias, int64_t m, int64_t n, int64_t k, Matrix<float> c, int n_threads) {
    const Scratch b_block(smaller(k, kBlockDepth) * (smaller(n, kBlockColumns) + kTileColumns) * 4);
    const Scratch a_panels(static_cast<int64_t>(n_threads) * kBlockDepth * kTileRows * 4);
    // A chunk of work is one row of tiles: small enough to load threads evenly with the rows of a batch, and the tiles
    // lie the same at any number of threads.
    const int64_t n_tile_rows = ceil_div(m, kTileRows);
    parallel_for(n_threads, n_tile_rows, [&](int64_t tile_row, int) {
        for (int64_t i = tile_row * kTileRows; i < smaller(m, (tile_row + 1) * kTileRows); ++i) {
            if (bias) {
                std::memcpy(c.row(i), bias, n * 4);
            } else {
                std::memset(c.row(i), 0, n * 4);
            }
        }
    });
    for (int64_t column = 0; column < n; column += kBlockColumns) {
        const int64_t n_columns = smaller(kBlockColumns, n - column);
        const int64_t n_panels = ceil_div(n_columns, kTileColumns);
        for (int64_t first = 0; first < k; first += kBlockDepth) {
            const int64_t depth = smaller(kBlockDepth, k - first);
            parallel_for(n_threads, n_panels, [&](int64_t panel, int) {
                const int64_t j = panel * kTileColumns;
                pack<kTileColumns>(b.data + first * b.row_stride + (column + j) * b.column_stride, b.column_stride,
                                   b.row_stride, smaller(kTileColumns, n_columns - j), depth,
                                   b_block.floats() + panel * depth * kTileColumns);
            });
            parallel_for(n_threads, n_tile_rows, [&](int64_t tile_row, int worker) {
                float* a_panel = a_panels.floats() + worker * kBlockDepth * kTileRows;
                const int64_t i = tile_row * kTileRows, n_rows = smaller(kTileRows, m - i);
                pack<kTileRows>(a.data + i * a.row_stride + first * a.column_stride, a.row_stride, a.column_stride,
                                n_rows, depth, a_panel);
                for (int64_t panel = 0; panel < n_panels; ++panel) {
                    const int64_t j = panel * kTileColumns;
                    const float* b_panel = b_block.floats() + panel * depth * kTileColumns;
                    float* tile = c.row(i) + column + j;
                    if (n_rows == kTileRows && n_columns - j >= kTileColumns) {
                        multiply_tile(depth, a_panel, b_panel, tile, c.stride);
                    } else {
                        multiply_edge(depth, a_panel, b_panel, tile, c.stride, n_rows,
                                      smaller(kTileColumns, n_columns - j));
                    }
                }
            });
        }
    }
}

}  // namespace slidelearn::SLIDELEARN_ISA
