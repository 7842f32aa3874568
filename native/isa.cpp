#include "isa.h"

#include <atomic>
#include <initializer_list>

namespace slidelearn {

bool isa_available(Isa isa) {
#if defined(__x86_64__) || defined(_M_X64)
    __builtin_cpu_init();
    switch (isa) {
        case Isa::avx512bf16:
            return isa_available(Isa::avx512) && __builtin_cpu_supports("avx512bf16") &&
                   __builtin_cpu_supports("avx512vnni");
        case Isa::avx512:
            return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                   __builtin_cpu_supports("fma");
        case Isa::avx2:
            return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
        case Isa::baseline:
            return true;
    }
#endif
    return isa == Isa::baseline;
}

namespace {

Isa best_isa() {
    for (Isa isa : {Isa::avx512bf16, Isa::avx512, Isa::avx2}) {
        if (isa_available(isa)) return isa;
    }
    return Isa::baseline;
}

std::atomic<Isa>& chosen_isa() {
    static std::atomic<Isa> isa{best_isa()};
    return isa;
}

}  // namespace

Isa current_isa() { return chosen_isa().load(std::memory_order_relaxed); }
void choose_isa(Isa isa) { chosen_isa().store(isa, std::memory_order_relaxed); }

}  // namespace slidelearn
