#include "row_memory.h"

#include <cstdint>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#else
#include <cstring>
#endif

namespace slidelearn {

#if defined(__linux__)

namespace {
constexpr std::size_t kHugePage = std::size_t{2} << 20;
}

RowMemory::RowMemory(std::size_t bytes) : mapped_(bytes + kHugePage) {
    memory_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
    const auto address = reinterpret_cast<std::uintptr_t>(memory_);
    aligned_ = reinterpret_cast<void*>((address + kHugePage - 1) / kHugePage * kHugePage);
    madvise(aligned_, bytes, MADV_HUGEPAGE);  // a wish: without huge pages all works, slower
}

RowMemory::~RowMemory() { munmap(memory_, mapped_); }

#else

RowMemory::RowMemory(std::size_t bytes) : mapped_(bytes) {
    memory_ = ::operator new(bytes + 64, std::align_val_t(64));
    aligned_ = memory_;
    std::memset(aligned_, 0, bytes);
}

RowMemory::~RowMemory() { ::operator delete(memory_, std::align_val_t(64)); }

#endif

}  // namespace slidelearn
