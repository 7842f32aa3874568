// How the bindings take a layer's rows, its update rule, and a batch's logits.
#pragma once

#include "common.h"
#include "kernels/logit_rows.h"
#include "row_layout.h"

namespace slidelearn {

// (memory, width): kernels.types has the layout
using InOutRows = std::tuple<InOutMatrix<float>, int64_t>;
// kernels.UpdateRule: kind, learning_rate, beta_1, beta_2, epsilon
using InRule = std::tuple<int, float, float, float, float>;
// the labels of a batch: indptr, and the column of each among its sample's active neurons
using InLabels = std::tuple<InArray<int64_t>, InArray<int32_t>>;

inline Rows view(const InOutRows& in) {
    const auto& [memory, width] = in;
    const Rows rows{memory.data(), static_cast<int64_t>(memory.shape(0)), static_cast<int64_t>(memory.shape(1)), width};
    require(1 <= width && width <= rows.stride && (rows.has_parts(1) || rows.has_moment_words() || rows.has_moments()),
            "rows.memory does not have the layout of rows of width " + std::to_string(width));
    return rows;
}

inline UpdateRule view(const InRule& in, const Rows& rows) {
    const auto [kind, learning_rate, beta_1, beta_2, epsilon] = in;
    require(kind >= 0 && kind <= 2, "rule.kind must be 0, 1 or 2, but is " + std::to_string(kind));
    require(kind != static_cast<int>(Rule::adam) || rows.has_moments() || rows.has_moment_words(),
            "the rows have no room for the state of Adam");
    return {static_cast<Rule>(kind), learning_rate, beta_1, beta_2, epsilon};
}

}  // namespace slidelearn
