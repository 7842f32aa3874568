#include "thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "platform.h"

namespace slidelearn {

namespace {

// To sleep and to be woken takes some 5 microseconds on a quiet machine, as long as a short region; a step of training
// enters about twenty of them, close together. So a thread that waits first spins for a little while.
constexpr std::chrono::microseconds kSpin{20};

// What threads wait at until a condition on an atomic variable holds. All atomics here are sequentially consistent: the
// sleeper counts itself and then looks at the condition, the ringer brings the condition about and then looks at the
// count, so one of them sees the other.
class Bell {
  public:
    template <class Condition>
    void wait(bool may_spin, Condition&& holds) {
        if (may_spin && spin(holds)) return;
        std::unique_lock<std::mutex> lock(mutex_);
        ++n_asleep_;
        rung_.wait(lock, holds);
        --n_asleep_;
    }

    void ring(int n_wanted) {
        if (n_asleep_ == 0) return;
        {
            const std::lock_guard<std::mutex> none_between_looking_and_sleeping(mutex_);
        }
        for (int n = std::min<int>(n_wanted, n_asleep_); n > 0; --n) rung_.notify_one();
    }

  private:
    template <class Condition>
    static bool spin(Condition&& holds) {
        const auto end = std::chrono::steady_clock::now() + kSpin;
        do {
            for (int look = 0; look < 16; ++look) {
                if (holds()) return true;
                platform::pause();
            }
            std::this_thread::yield();
        } while (std::chrono::steady_clock::now() < end);
        return false;
    }

    std::mutex mutex_;
    std::condition_variable rung_;
    std::atomic<int> n_asleep_{0};
};

struct Region {
    void (*body)(void*, int64_t, int);
    void* context;
    int64_t n_chunks;
    std::atomic<int64_t> next_chunk{0};
    std::atomic<bool> has_failed{false};
    std::exception_ptr error{};  // what the first body threw that did

    void take_chunks(int worker) noexcept {
        try {
            for (int64_t chunk; (chunk = next_chunk.fetch_add(1, std::memory_order_relaxed)) < n_chunks;) {
                body(context, chunk, worker);
            }
        } catch (...) {
            if (!has_failed.exchange(true)) error = std::current_exception();
            next_chunk = n_chunks;
        }
    }
};

// One word holds how the region stands, so that joining it and ending it cannot cross: the places it still has for
// workers in the high half, the workers inside in the low half. A worker that wakes late finds no place and waits on;
// the caller waits for those inside only, never for one that the system did not get round to waking.
class Pool {
  public:
    // False if the pool is at work for somebody else.
    bool try_run(int n_threads, Region& region) {
        if (busy_.exchange(true)) return false;
        const int n_workers = hire(n_threads - 1);
        region_ = &region;
        state_ = static_cast<uint64_t>(n_workers) * kPlace;
        started_.ring(std::min(n_workers, kWokenByEach));
        region.take_chunks(0);
        state_ &= kInside;
        finished_.wait(may_spin(), [this] { return state_ == 0; });
        busy_ = false;
        return true;
    }

  private:
    static constexpr uint64_t kPlace = uint64_t{1} << 32;
    static constexpr uint64_t kInside = kPlace - 1;
    // Waking a thread takes the one that does it some microseconds. So each wakes two, and these the others, as long as
    // there are places: a short region is over before it has cost more, however many threads it may have.
    static constexpr int kWokenByEach = 2;

    // Threads are made when they are first needed. Returns how many can help: fewer where the system refuses more.
    int hire(int n_wanted) {
        try {
            for (; n_hired_ < n_wanted; ++n_hired_) std::thread([this] { work(); }).detach();
        } catch (const std::exception&) {  // no more threads, or no memory for one
        }
        return std::min<int>(n_hired_, n_wanted);
    }

    void work() {
        for (;;) {
            const int worker = join();
            started_.ring(std::min(static_cast<int>(state_ / kPlace), kWokenByEach));
            region_->take_chunks(worker);
            state_ &= kInside;  // no chunk is left to join for
            if (--state_ == 0) finished_.ring(1);
        }
    }

    // Waits for a place; its number tells the workers of the region apart.
    int join() {
        for (;;) {
            started_.wait(may_spin(), [this] { return state_ >= kPlace; });
            uint64_t state = state_;
            while (state >= kPlace) {
                if (state_.compare_exchange_weak(state, state - kPlace + 1)) return static_cast<int>(state / kPlace);
            }
        }
    }

    // Where there are more threads than cores, one that spins keeps a core from one that works.
    bool may_spin() const { return n_hired_ < n_cores_; }

    const int n_cores_ = static_cast<int>(std::thread::hardware_concurrency());
    std::atomic<bool> busy_{false};  // one region at a time; no std::mutex, which its owner must not try to lock again
    std::atomic<int> n_hired_{0};
    Region* region_ = nullptr;  // the caller's; valid to those inside
    std::atomic<uint64_t> state_{0};
    Bell started_, finished_;
};

std::atomic<Pool*> current_pool{nullptr};

// A forked child has none of its parent's threads: it leaves the parent's pool alone and makes its own.
[[maybe_unused]] const bool watches_forks = (platform::when_forked([] { current_pool = nullptr; }), true);

// Never destroyed: its threads may outlive static destruction.
Pool& pool() {
    Pool* found = current_pool;
    if (found) return *found;
    Pool* made = new Pool;
    if (current_pool.compare_exchange_strong(found, made)) return *made;
    delete made;
    return *found;
}

}  // namespace

void run_parallel(int n_threads, int64_t n_chunks, void (*body)(void*, int64_t, int), void* context) {
    const int n_useful = static_cast<int>(std::min<int64_t>(n_threads, n_chunks));
    Region region{body, context, n_chunks};
    if (n_useful < 2 || !pool().try_run(n_useful, region)) region.take_chunks(0);
    if (region.error) std::rethrow_exception(region.error);
}

}  // namespace slidelearn
