// What differs between operating systems and processors, in one place; the rest of the code asks here.
#pragma once

#include <cstddef>

namespace slidelearn::platform {

// Memory of zeros, on a boundary of 64 bytes at least, in huge pages where the system has them; throws std::bad_alloc.
void* allocate_zeros(std::size_t bytes);
void release_zeros(void* memory, std::size_t bytes) noexcept;

// Wish that memory not yet touched comes in huge pages: fewer of them are asked for and cleared.
void prefer_huge_pages(void* memory, std::size_t bytes) noexcept;

// Rest for an instant, between two looks at what another thread is about to change.
void pause();

// Have `handler` called in the child whenever this process forks; where there is no fork, never.
void when_forked(void (*handler)());

// Whether processor and system let these instructions be used.
bool runs_avx2();        // and FMA
bool runs_avx512();      // F, BW, VL, DQ, and FMA
bool runs_avx512bf16();  // and VNNI

}  // namespace slidelearn::platform
