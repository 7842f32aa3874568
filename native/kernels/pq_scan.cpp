#include "kernels/pq_scan.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/best.h"
#include "kernels/contenders.h"
#include "kernels/simd.h"
#include "scratch.h"
#include "thread_pool.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace slidelearn::SLIDELEARN_ISA {

namespace {

constexpr int64_t kBlock = PqRows::kBlock, kPart = PqRows::kPart, kCodewords = PqRows::kCodewords;
constexpr int64_t kAhead = 8;  // rows asked for ahead of their exact product
constexpr float kLowest = std::numeric_limits<float>::lowest();

static_assert(kBlock % kWidth == 0 && kCodewords % kWidth == 0 && kCodewords <= 32);

// Where the byte of a row lies in a block.
int64_t byte_of(int64_t row) { return row < kBlock / 2 ? 2 * row : 2 * (row - kBlock / 2) + 1; }

// The inner products of a part of x, of `length` coordinates, with the part's codewords.
void products_of_part(const float* x, int64_t length, const float* codewords, float* products) {
    for (int64_t c = 0; c < kCodewords; ++c) products[c] = 0.0f;
    for (int64_t d = 0; d < length; ++d) {
        for (int64_t c = 0; c < kCodewords; ++c) products[c] += x[d] * codewords[d * kCodewords + c];
    }
}

// The first of the highest of as many scores as there are codewords; 0 where none is a number.
int first_highest(const float* scores) {
    const Vec highest = broadcast(largest(scores, kCodewords));
    uint32_t equal = 0;
    for (int64_t c = 0; c < kCodewords; c += kWidth) equal |= lanes_equal(load(scores + c), highest) << c;
    return equal ? __builtin_ctz(equal) : 0;
}

int64_t length_of_part(int64_t part, int64_t width) {
    const int64_t left = width - part * kPart;
    return left < 0 ? 0 : left < kPart ? left : kPart;
}

// The highest byte of a table: two of them fit into a byte, and those of all parts into the 16 bits of a sum.
int64_t highest_byte(int64_t n_parts) {
    const int64_t fits = 65535 / n_parts;
    return fits < 127 ? fits : 127;
}

// A query's inner products with all codewords as bytes: that of a row is step * (the sum of its codes' bytes),
// and something that is the same for all rows.
struct Tables {
    uint8_t* bytes;  // (n_parts, kCodewords)
    float step;

    // `products`: room for (n_parts, kCodewords)
    void fill(const float* x, int64_t width, const float* codewords, float* products) {
        const int64_t n_parts = PqRows::n_parts(width), highest = highest_byte(n_parts);
        float widest = 0.0f;
        for (int64_t part = 0; part < n_parts; ++part) {
            float* own = products + part * kCodewords;
            products_of_part(x + part * kPart, length_of_part(part, width), codewords + part * kPart * kCodewords, own);
            float low = own[0], high = own[0];
            for (int64_t c = 1; c < kCodewords; ++c) {
                low = own[c] < low ? own[c] : low;
                high = own[c] > high ? own[c] : high;
            }
            for (int64_t c = 0; c < kCodewords; ++c) own[c] -= low;
            widest = high - low > widest ? high - low : widest;
        }
        const float inverse = widest > 0.0f ? highest / widest : 0.0f;
        step = widest / highest;
        for (int64_t i = 0; i < n_parts * kCodewords; ++i) {
            const float level = std::nearbyint(products[i] * inverse);
            bytes[i] = level >= 0.0f && level <= highest ? static_cast<uint8_t>(level) : 0;  // 0: not a number
        }
    }
};

// The sums of the tables' bytes for each row of a block.
void sum_block(const uint8_t* codes, const uint8_t* tables, int64_t n_pairs, uint16_t* sums) {
#if defined(__AVX512BW__)
    constexpr __mmask16 kAll = 0xffff;  // without a mask, GCC 12 warns of its own header
    const __m512i low = _mm512_set1_epi8(15);
    __m512i first = _mm512_setzero_si512(), second = first;  // first gets the second's bytes too, 256 times as large
    for (int64_t pair = 0; pair < n_pairs; ++pair) {
        const __m512i both = _mm512_loadu_si512(codes + pair * kBlock);
        const auto table = [&](int64_t part) {
            return _mm512_maskz_broadcast_i32x4(
                kAll, _mm_loadu_si128(reinterpret_cast<const __m128i*>(tables + part * kCodewords)));
        };
        const __m512i a = _mm512_shuffle_epi8(table(2 * pair), _mm512_and_si512(both, low));
        const __m512i b = _mm512_shuffle_epi8(table(2 * pair + 1), _mm512_and_si512(_mm512_srli_epi16(both, 4), low));
        const __m512i sum = _mm512_add_epi8(a, b);
        first = _mm512_add_epi16(first, sum);
        second = _mm512_add_epi16(second, _mm512_srli_epi16(sum, 8));
    }
    _mm512_storeu_si512(sums, _mm512_sub_epi16(first, _mm512_slli_epi16(second, 8)));
    _mm512_storeu_si512(sums + kBlock / 2, second);
#elif defined(__AVX2__)
    const __m256i low = _mm256_set1_epi8(15);
    for (int64_t half = 0; half < 2; ++half) {
        __m256i first = _mm256_setzero_si256(), second = first;
        for (int64_t pair = 0; pair < n_pairs; ++pair) {
            const __m256i both =
                _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes + pair * kBlock + half * kBlock / 2));
            const auto table = [&](int64_t part) {
                return _mm256_broadcastsi128_si256(
                    _mm_loadu_si128(reinterpret_cast<const __m128i*>(tables + part * kCodewords)));
            };
            const __m256i a = _mm256_shuffle_epi8(table(2 * pair), _mm256_and_si256(both, low));
            const __m256i b =
                _mm256_shuffle_epi8(table(2 * pair + 1), _mm256_and_si256(_mm256_srli_epi16(both, 4), low));
            const __m256i sum = _mm256_add_epi8(a, b);
            first = _mm256_add_epi16(first, sum);
            second = _mm256_add_epi16(second, _mm256_srli_epi16(sum, 8));
        }
        const auto put = [&](int64_t row, __m256i v) {
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + row), v);
        };
        put(half * kBlock / 4, _mm256_sub_epi16(first, _mm256_slli_epi16(second, 8)));
        put(kBlock / 2 + half * kBlock / 4, second);
    }
#else
    for (int64_t row = 0; row < kBlock; ++row) {
        const uint8_t* own = codes + byte_of(row);
        int sum = 0;
        for (int64_t pair = 0; pair < n_pairs; ++pair) {
            const uint8_t both = own[pair * kBlock];
            sum += tables[2 * pair * kCodewords + (both & 15)] + tables[(2 * pair + 1) * kCodewords + (both >> 4)];
        }
        sums[row] = static_cast<uint16_t>(sum);
    }
#endif
}

// What a worker needs for a sample.
class Room {
  public:
    Room(int64_t width, int64_t n_opened, int64_t n_kept)
        : n_parts_(PqRows::n_parts(width)),
          room_(Contenders::kRoomPerWanted * n_kept + kBlock),
          bytes_(n_parts_ * kCodewords),
          products_(n_parts_ * kCodewords * sizeof(float)),
          clusters_(n_opened * sizeof(int32_t)),
          ids_((room_ + kWidth) * sizeof(int32_t)),
          scores_((room_ + kWidth) * sizeof(float)) {}

    Tables tables(const float* x, int64_t width, const float* codewords) const {
        Tables made{bytes_.bytes(), 0.0f};
        made.fill(x, width, codewords, products_.floats());
        return made;
    }
    Contenders contenders() const { return {ids_.ints(), scores_.floats(), room_, 0, -INFINITY}; }
    // In ascending order, for contenders must come so.
    const int32_t* sorted(const int32_t* opened, int64_t n) const {
        int32_t* clusters = clusters_.ints();
        std::memcpy(clusters, opened, n * sizeof(int32_t));
        for (int64_t gap = n / 2; gap > 0; gap /= 2) {
            for (int64_t i = gap; i < n; ++i) {
                const int32_t moved = clusters[i];
                int64_t j = i;
                for (; j >= gap && clusters[j - gap] > moved; j -= gap) clusters[j] = clusters[j - gap];
                clusters[j] = moved;
            }
        }
        return clusters;
    }

  private:
    int64_t n_parts_, room_;
    Scratch bytes_, products_, clusters_, ids_, scores_;
};

void scan_blocks(const PqRows& index, int64_t begin, int64_t end, int64_t n_pairs, const Tables& tables, int64_t n_kept,
                 Contenders& best) {
    static constexpr int32_t kLanes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    uint16_t sums[kBlock];
    float rough[kBlock];
    for (int64_t block = begin; block < end; ++block) {
        sum_block(index.codes + block * n_pairs * kBlock, tables.bytes, n_pairs, sums);
        const float* biases = index.biases + block * kBlock;
        for (int64_t j = 0; j < kBlock; ++j) rough[j] = tables.step * sums[j] + biases[j];
        for (int64_t j = 0; j < kBlock; j += kWidth) {
            best.offer(load(rough + j), load(kLanes) + static_cast<int32_t>(block * kBlock + j));
        }
        if (!best.has_room(kBlock)) best.cut(n_kept);
    }
}

}  // namespace

void pq_encode(Rows rows, const float* scales, const int32_t* ids, int64_t n_blocks, const float* codewords,
               uint8_t* codes, float* biases, int n_threads) {
    const int64_t n_parts = PqRows::n_parts(rows.width);
    const Scratch half_squares(n_parts * kCodewords * sizeof(float));
    for (int64_t i = 0; i < n_parts * kCodewords; ++i) {
        const float* own = codewords + i / kCodewords * kPart * kCodewords + i % kCodewords;
        float squares = 0.0f;
        for (int64_t d = 0; d < kPart; ++d) squares += own[d * kCodewords] * own[d * kCodewords];
        half_squares.floats()[i] = 0.5f * squares;
    }
    parallel_for(n_threads, n_blocks, [&](int64_t block, int) {
        uint8_t* of_block = codes + block * n_parts / 2 * kBlock;
        std::memset(of_block, 0, n_parts / 2 * kBlock);
        for (int64_t j = 0; j < kBlock; ++j) {
            const int64_t id = ids[block * kBlock + j];
            biases[block * kBlock + j] = id < 0 ? kLowest : rows.tail(id)[kBias];
            if (id < 0) continue;
            const float scale = scales ? scales[id] : 1.0f;
            for (int64_t part = 0; part < n_parts; ++part) {
                float products[kCodewords];
                products_of_part(rows.weights(id) + part * kPart, length_of_part(part, rows.width),
                                 codewords + part * kPart * kCodewords, products);
                for (int64_t c = 0; c < kCodewords; ++c) {
                    products[c] = scale * products[c] - half_squares.floats()[part * kCodewords + c];
                }
                const int nearest = first_highest(products);
                of_block[part / 2 * kBlock + byte_of(j)] |= static_cast<uint8_t>(nearest << (part % 2 * 4));
            }
        }
    });
}

void pq_top_k(Rows rows, const float* scales, PqRows index, Matrix<const int32_t> opened, Matrix<const float> hidden,
              int64_t n_kept, Matrix<int32_t> best, Matrix<float> scores, int n_threads) {
    const int64_t n_pairs = PqRows::n_parts(rows.width) / 2;
    parallel_for(n_threads, hidden.n_rows, [&](int64_t i, int) {
        const Room room(rows.width, opened.n_columns, n_kept);
        const Tables tables = room.tables(hidden.row(i), rows.width, index.codewords);
        const int32_t* clusters = room.sorted(opened.row(i), opened.n_columns);
        Contenders kept = room.contenders();
        for (int64_t c = 0; c < opened.n_columns; ++c) {
            if (c > 0 && clusters[c] == clusters[c - 1]) continue;
            if (c + 1 < opened.n_columns) {
                const uint8_t* next = index.codes + index.starts[clusters[c + 1]] * n_pairs * kBlock;
                for (int64_t line = 0; line < n_pairs; ++line) prefetch(next + line * kBlock);
            }
            scan_blocks(index, index.starts[clusters[c]], index.starts[clusters[c] + 1], n_pairs, tables, n_kept, kept);
        }
        kept.cut(n_kept);
        for (int64_t j = 0; j < kept.n; ++j) kept.ids[j] = index.ids[kept.ids[j]];
        Best found{best.row(i), scores.row(i), best.n_columns};
        found.clear();
        for (int64_t j = 0; j < kept.n; ++j) {
            const auto is_row = [&](int32_t id) { return id >= 0 && id < rows.n_rows; };
            if (j + kAhead < kept.n && is_row(kept.ids[j + kAhead])) {
                prefetch(rows.weights(kept.ids[j + kAhead]), rows.width);
            }
            const int32_t id = kept.ids[j];
            if (!is_row(id)) continue;
            const float product = dot(hidden.row(i), rows.weights(id), rows.width);
            found.offer(id, product * (scales ? scales[id] : 1.0f) + rows.tail(id)[kBias]);
        }
    });
}

}  // namespace slidelearn::SLIDELEARN_ISA
