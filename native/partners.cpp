#include "partners.h"

#include <algorithm>
#include <atomic>
#include <new>
#include <vector>

#include "thread_pool.h"

namespace slidelearn {

bool partner_support(Matrix<const int32_t> ids, Matrix<const float> probabilities, Csr partners, Matrix<float> support,
                     int n_threads) {
    std::atomic<bool> out_of_memory{false}, sound{true};
    parallel_for(n_threads, ids.n_rows, [&](int64_t row, int) {
        thread_local std::vector<int32_t> place;  // by label: where it stands in the row, or -1; all -1 between rows
        try {
            if (static_cast<int64_t>(place.size()) < partners.n_rows) place.assign(partners.n_rows, -1);
        } catch (const std::bad_alloc&) {
            out_of_memory = true;
            return;
        }
        const int32_t* labels = ids.row(row);
        const float* weights = probabilities.row(row);
        float* sums = support.row(row);
        std::fill_n(sums, ids.n_columns, 0.0f);
        for (int64_t j = 0; j < ids.n_columns; ++j)
            if (labels[j] >= 0) place[labels[j]] = static_cast<int32_t>(j);
        for (int64_t k = 0; k < ids.n_columns; ++k) {
            if (labels[k] < 0) continue;
            if (!partners.has_sound_row(labels[k], partners.n_rows)) {
                sound = false;
                continue;
            }
            for (int64_t e = partners.begin(labels[k]); e < partners.end(labels[k]); ++e) {
                const int32_t j = place[partners.indices[e]];
                if (j >= 0) sums[j] += weights[k] * partners.data[e];
            }
        }
        for (int64_t j = 0; j < ids.n_columns; ++j)
            if (labels[j] >= 0) place[labels[j]] = -1;
    });
    if (out_of_memory) throw std::bad_alloc();
    return sound;
}

}  // namespace slidelearn
