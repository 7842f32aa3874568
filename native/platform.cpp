#include "platform.h"

#include <cstdint>
#include <limits>
#include <new>

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <pthread.h>
#include <sys/mman.h>
#endif
#if defined(__x86_64__) || defined(_M_X64)
#include <cpuid.h>
#endif

namespace slidelearn::platform {

#if defined(_WIN32)

void* allocate_zeros(std::size_t bytes) {
    void* memory = VirtualAlloc(nullptr, bytes ? bytes : 1, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    if (!memory) throw std::bad_alloc();
    return memory;
}

void release_zeros(void* memory, std::size_t) noexcept { VirtualFree(memory, 0, MEM_RELEASE); }

void prefer_huge_pages(void*, std::size_t) noexcept {}

void when_forked(void (*)()) {}

#else

namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

std::size_t in_huge_pages(std::size_t bytes) { return (bytes / kHugePage + 1) * kHugePage; }

}  // namespace

// Mapped with a huge page to spare, to begin with a whole one; what is left over at both ends goes back.
void* allocate_zeros(std::size_t bytes) {
    if (bytes > std::numeric_limits<std::size_t>::max() - 2 * kHugePage) throw std::bad_alloc();
    const std::size_t wanted = in_huge_pages(bytes);
    void* mapped =
        mmap(nullptr, wanted + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    char* first = static_cast<char*>(mapped);
    const std::size_t before = (kHugePage - reinterpret_cast<std::uintptr_t>(first) % kHugePage) % kHugePage;
    if (before) munmap(first, before);
    munmap(first + before + wanted, kHugePage - before);
    prefer_huge_pages(first + before, wanted);
    return first + before;
}

// Of the whole pages within; what the system answers does not matter, for all works without, slower.
void prefer_huge_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(MADV_HUGEPAGE)
    const auto begin = (reinterpret_cast<std::uintptr_t>(memory) + kHugePage - 1) / kHugePage * kHugePage;
    const auto end = (reinterpret_cast<std::uintptr_t>(memory) + bytes) / kHugePage * kHugePage;
    if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

void release_zeros(void* memory, std::size_t bytes) noexcept { munmap(memory, in_huge_pages(bytes)); }

void when_forked(void (*handler)()) { pthread_atfork(nullptr, nullptr, handler); }

#endif

#if defined(__x86_64__) || defined(_M_X64)

namespace {

// Not __builtin_cpu_supports, whose data the linker does not find on every system.
struct Processor {
    uint32_t features = 0, more = 0, others = 0, latest = 0;  // leaves 1 (ecx), 7.0 (ebx and ecx), 7.1 (eax)
    uint64_t saved = 0;                                       // registers that the system keeps for each thread

    Processor() {
        uint32_t eax, ebx, ecx, edx;
        if (__get_cpuid(1, &eax, &ebx, &ecx, &edx)) features = ecx;
        if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
            more = ebx;
            others = ecx;
            if (eax >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx)) latest = eax;
        }
        if (has(features, 27)) {  // OSXSAVE
            uint32_t low, high;
            __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
            saved = static_cast<uint64_t>(high) << 32 | low;
        }
    }

    static bool has(uint32_t word, int bit) { return word >> bit & 1; }
    bool saves(uint64_t registers) const { return (saved & registers) == registers; }
};

const Processor& processor() {
    static const Processor found;
    return found;
}

constexpr uint64_t kYmm = 0x6, kZmm = 0xe6;

}  // namespace

bool runs_avx2() {
    const Processor& p = processor();
    return p.saves(kYmm) && p.has(p.features, 12) && p.has(p.more, 5);
}

bool runs_avx512() {
    const Processor& p = processor();
    return p.saves(kZmm) && runs_avx2() && p.has(p.more, 16) && p.has(p.more, 17) && p.has(p.more, 30) &&
           p.has(p.more, 31);
}

bool runs_avx512bf16() {
    const Processor& p = processor();
    return runs_avx512() && p.has(p.others, 11) && p.has(p.latest, 5);
}

#else

bool runs_avx2() { return false; }
bool runs_avx512() { return false; }
bool runs_avx512bf16() { return false; }

#endif

void pause() {
#if defined(__x86_64__) || defined(_M_X64)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(_M_ARM64)
    __asm__ volatile("yield");
#endif
}

}  // namespace slidelearn::platform
