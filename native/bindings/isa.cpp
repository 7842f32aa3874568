#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

#include "common.h"

namespace slidelearn {

namespace {

const std::pair<const char*, Isa> kNames[] = {
    {"baseline", Isa::baseline}, {"avx2", Isa::avx2}, {"avx512", Isa::avx512}, {"avx512bf16", Isa::avx512bf16}};

std::vector<std::string> available_isas() {
    std::vector<std::string> names;
    for (const auto& [name, isa] : kNames) {
        if (isa_available(isa)) names.emplace_back(name);
    }
    return names;
}

void use_isa(const std::string& wanted) {
    for (const auto& [name, isa] : kNames) {
        if (wanted != name) continue;
        require(isa_available(isa), "the instruction set '" + wanted + "' is not to be had on this machine");
        choose_isa(isa);
        return;
    }
    throw nb::value_error(
        ("the instruction set must be baseline, avx2, avx512 or avx512bf16, but is '" + wanted + "'").c_str());
}

std::string isa_in_use() {
    for (const auto& [name, isa] : kNames) {
        if (isa == current_isa()) return name;
    }
    return "unknown";
}

}  // namespace

void bind_isa(nb::module_& m) {
    m.def("available_isas", &available_isas);
    m.def("isa_in_use", &isa_in_use);
    m.def("use_isa", &use_isa, "name"_a);
}

}  // namespace slidelearn
