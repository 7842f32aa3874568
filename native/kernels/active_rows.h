// Walking the rows of a sample's active neurons.
#pragma once

#include "kernels/update.h"
#include "row_layout.h"
#include "views.h"

namespace slidelearn::SLIDELEARN_ISA {

constexpr int64_t kAhead = 6;  // rows asked for ahead of their visit

// Calls visit(entry, neuron) for the entries of a sample, the rows ahead asked for by `ask`.
template <class Ask, class Visit>
static inline void for_active(const Rows& rows, const Csr& active, int64_t sample, Ask&& ask, Visit&& visit) {
    const int64_t end = active.end(sample);
    for (int64_t entry = active.begin(sample); entry < end; ++entry) {
        if (entry + kAhead < end) ask(rows, active.indices[entry + kAhead]);
        visit(entry, active.indices[entry]);
    }
}

}  // namespace slidelearn::SLIDELEARN_ISA
