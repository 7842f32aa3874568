// Verbs that show what the machine can do at most.
#include "kernels/ceilings.h"

#include "common.h"

namespace slidelearn {

namespace {

Arithmetic arithmetic_named(const std::string& name) {
    if (name == "fp32") return Arithmetic::fp32;
    if (name == "bf16") return Arithmetic::bf16;
    require(name == "int8", "arithmetic must be 'fp32', 'bf16' or 'int8', but is '" + name + "'");
    return Arithmetic::int8;
}

int64_t bind_multiply_registers(const std::string& arithmetic, int64_t n_rounds, int n_threads) {
    require_threads(n_threads);
    require(n_rounds >= 0, "n_rounds must be >= 0, but is " + std::to_string(n_rounds));
    const Arithmetic kind = arithmetic_named(arithmetic);
    const GilReleased unlocked;
    return SLIDELEARN_CALL(multiply_registers, kind, n_rounds, n_threads);
}

void bind_touch_rows(const InOutMatrix<float>& rows, const InArray<int32_t>& ids, int n_threads) {
    require_threads(n_threads);
    const Matrix<float> r = view(rows);
    std::vector<bool> seen(static_cast<std::size_t>(r.n_rows), false);
    for (std::size_t i = 0; i < ids.size(); ++i) {
        require(ids(i) >= 0 && ids(i) < r.n_rows, "ids must lie within the rows");
        require(!seen[static_cast<std::size_t>(ids(i))], "ids must be distinct");
        seen[static_cast<std::size_t>(ids(i))] = true;
    }
    const GilReleased unlocked;
    SLIDELEARN_CALL(touch_rows, r, ids.data(), static_cast<int64_t>(ids.size()), n_threads);
}

}  // namespace

void bind_ceilings(nb::module_& m) {
    m.def("multiply_registers", &bind_multiply_registers, "arithmetic"_a, "n_rounds"_a, nb::kw_only(), "n_threads"_a);
    m.def("touch_rows", &bind_touch_rows, "rows"_a.noconvert(), "ids"_a, nb::kw_only(), "n_threads"_a);
}

}  // namespace slidelearn
