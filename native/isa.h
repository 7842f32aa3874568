// One source, several instruction sets: every file in kernels/ is compiled once per set, inside a namespace of that
// set's name (SLIDELEARN_ISA, given by the build). A header of kernels/ declares its verbs for all of them at once with
// SLIDELEARN_EACH_ISA; a caller picks the copy that suits the machine with SLIDELEARN_COPY, and
// calls it at once with SLIDELEARN_CALL.
//
// Code that is compiled per set must not instantiate shared templates (std::vector, std::sort ...): the linker keeps
// one copy of such a function, and it may be one with instructions that the machine lacks. Scratch memory comes from
// scratch.h, helpers are `static`.
#pragma once

namespace slidelearn {

enum class Isa { baseline, avx2, avx512, avx512bf16 };

Isa current_isa();  // the best set of this machine, unless another was chosen
bool isa_available(Isa isa);
void choose_isa(Isa isa);  // for tests and for the user's SLIDELEARN_ISA

}  // namespace slidelearn

#if defined(__x86_64__) || defined(_M_X64)
#define SLIDELEARN_EACH_ISA(...) \
    namespace baseline {         \
    __VA_ARGS__                  \
    }                            \
    namespace avx2 {             \
    __VA_ARGS__                  \
    }                            \
    namespace avx512 {           \
    __VA_ARGS__                  \
    }                            \
    namespace avx512bf16 {       \
    __VA_ARGS__                  \
    }
#define SLIDELEARN_COPY(verb)                                                                      \
    (::slidelearn::current_isa() == ::slidelearn::Isa::avx512bf16 ? ::slidelearn::avx512bf16::verb \
     : ::slidelearn::current_isa() == ::slidelearn::Isa::avx512   ? ::slidelearn::avx512::verb     \
     : ::slidelearn::current_isa() == ::slidelearn::Isa::avx2     ? ::slidelearn::avx2::verb       \
                                                                  : ::slidelearn::baseline::verb)
#else
#define SLIDELEARN_EACH_ISA(...) \
    namespace baseline {         \
    __VA_ARGS__                  \
    }
#define SLIDELEARN_COPY(verb) ::slidelearn::baseline::verb
#endif
#define SLIDELEARN_CALL(verb, ...) SLIDELEARN_COPY(verb)(__VA_ARGS__)
