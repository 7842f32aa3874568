#include "isa.h"

#include <atomic>
#include <initializer_list>

#include "platform.h"

namespace slidelearn {

bool isa_available(Isa isa) {
    switch (isa) {
        case Isa::avx512bf16:
            return platform::runs_avx512bf16();
        case Isa::avx512:
            return platform::runs_avx512();
        case Isa::avx2:
            return platform::runs_avx2();
        case Isa::baseline:
            return true;
    }
    return false;
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
