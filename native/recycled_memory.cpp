#include "recycled_memory.h"

#include <limits>
#include <mutex>
#include <new>

#include "platform.h"

namespace slidelearn {

namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kWorthKeeping = std::size_t{64} << 10;  // below it the system is quick
constexpr std::size_t kKeptAtMost = std::size_t{64} << 20;
constexpr int kBlocks = 32;
constexpr std::size_t kHuge = std::size_t{8} << 20;  // from it on huge pages are worth a call

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kKeeps = false;  // or it would not notice who uses memory that was given back
#else
constexpr bool kKeeps = true;
#endif

// Lies before the memory, and takes as much room as its alignment asks for.
struct Header {
    std::size_t bytes;
};

Header* header_of(void* memory) { return reinterpret_cast<Header*>(static_cast<char*>(memory) - kAlignment); }

void release(void* memory) noexcept { ::operator delete(header_of(memory), std::align_val_t(kAlignment)); }

// The blocks given back last, the latest at the end. Who finds another thread at them goes to the system: waiting takes
// longer, and would last forever in a process that was forked at that moment.
class Kept {
  public:
    // The smallest block that is large enough, and not much too large; null if there is none.
    void* take(std::size_t bytes) {
        const std::unique_lock lock(mutex_, std::try_to_lock);
        if (!lock) return nullptr;
        int best = -1;
        for (int i = 0; i < n_; ++i) {
            const std::size_t there = header_of(blocks_[i])->bytes;
            const bool fits = there >= bytes && there <= bytes + bytes / 4;
            if (fits && (best < 0 || there < header_of(blocks_[best])->bytes)) best = i;
        }
        return best < 0 ? nullptr : remove(best);
    }

    void give(void* memory) noexcept {
        const std::unique_lock lock(mutex_, std::try_to_lock);
        if (!lock) return release(memory);
        const std::size_t bytes = header_of(memory)->bytes;
        while (n_ > 0 && (n_ == kBlocks || bytes_ + bytes > kKeptAtMost)) release(remove(0));
        blocks_[n_++] = memory;
        bytes_ += bytes;
    }

  private:
    void* remove(int i) noexcept {
        void* memory = blocks_[i];
        for (--n_; i < n_; ++i) blocks_[i] = blocks_[i + 1];
        bytes_ -= header_of(memory)->bytes;
        return memory;
    }

    std::mutex mutex_;
    void* blocks_[kBlocks];
    int n_ = 0;
    std::size_t bytes_ = 0;
};

// Never destroyed: arrays may be given back while the process ends.
Kept& kept() {
    static Kept* const all = new Kept;
    return *all;
}

bool is_kept(std::size_t bytes) { return kKeeps && bytes >= kWorthKeeping && bytes <= kKeptAtMost / 2; }

}  // namespace

void* take_memory(std::size_t bytes) {
    if (is_kept(bytes)) {
        if (void* memory = kept().take(bytes)) return memory;
    }
    if (bytes > std::numeric_limits<std::size_t>::max() - 2 * kAlignment) throw std::bad_alloc();
    void* block = ::operator new(bytes + 2 * kAlignment, std::align_val_t(kAlignment));
    if (bytes >= kHuge) platform::prefer_huge_pages(block, bytes + 2 * kAlignment);
    static_cast<Header*>(block)->bytes = bytes;
    return static_cast<char*>(block) + kAlignment;
}

void give_back_memory(void* memory) noexcept {
    if (!memory) return;
    if (is_kept(header_of(memory)->bytes)) {
        kept().give(memory);
    } else {
        release(memory);
    }
}

}  // namespace slidelearn
