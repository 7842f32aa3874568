// What the machine can do at most, to judge by what the verbs make of it: arithmetic in registers, and rows that are
// read, changed and written in any order.
#pragma once

#include "isa.h"
#include "views.h"

namespace slidelearn {

// What is multiplied and added up.
enum class Arithmetic { fp32, bf16, int8 };

SLIDELEARN_EACH_ISA(
    // Multiplies and adds in registers, n_rounds times on each of n_threads threads at once. Returns the operations
    // done by all, a product and a sum counting as two; 0 where the instruction set has none of the kind.
    int64_t multiply_registers(Arithmetic arithmetic, int64_t n_rounds, int n_threads);

    // Adds 1 to every element of the rows `ids` (n), which are distinct; those ahead are asked for before their visit.
    void touch_rows(Matrix<float> rows, const int32_t* ids, int64_t n, int n_threads);)

}  // namespace slidelearn
