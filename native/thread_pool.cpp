#include "thread_pool.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#ifndef _WIN32
#include <unistd.h>
#endif

namespace slidelearn {

namespace {

int process_id() {
#ifdef _WIN32
    return 0;  // no fork there
#else
    return static_cast<int>(getpid());
#endif
}

struct Region {
    void (*body)(void*, int64_t, int);
    void* context;
    int64_t n_chunks;
    int n_workers;                       // threads besides the caller's
    std::atomic<int64_t> next_chunk{0};
};

class Pool {
  public:
    explicit Pool(int process) : pid(process) {}

    const int pid;

    // False if the pool is at work for somebody else.
    bool try_run(int n_threads, int64_t n_chunks, void (*body)(void*, int64_t, int), void* context) {
        std::unique_lock<std::mutex> entry(entry_, std::try_to_lock);
        if (!entry.owns_lock()) return false;
        Region region{body, context, n_chunks, n_threads - 1, {}};
        {
            std::lock_guard<std::mutex> lock(mutex_);
            while (static_cast<int>(threads_.size()) < region.n_workers) {
                const int worker = static_cast<int>(threads_.size()) + 1;
                threads_.emplace_back([this, worker, seen = generation_] { work(worker, seen); });
                threads_.back().detach();
            }
            region_ = &region;
            running_ = region.n_workers;
            ++generation_;
        }
        started_.notify_all();
        take_chunks(region, 0);
        std::unique_lock<std::mutex> lock(mutex_);
        finished_.wait(lock, [this] { return running_ == 0; });
        region_ = nullptr;
        return true;
    }

  private:
    static void take_chunks(Region& region, int worker) {
        for (int64_t chunk; (chunk = region.next_chunk.fetch_add(1, std::memory_order_relaxed)) < region.n_chunks;) {
            region.body(region.context, chunk, worker);
        }
    }

    void work(int worker, uint64_t seen) {
        std::unique_lock<std::mutex> lock(mutex_);
        for (;;) {
            started_.wait(lock, [&] { return generation_ != seen; });
            seen = generation_;
            Region* region = region_;
            if (region == nullptr || worker > region->n_workers) continue;
            lock.unlock();
            take_chunks(*region, worker);
            lock.lock();
            if (--running_ == 0) finished_.notify_one();
        }
    }

    std::mutex entry_;  // one region at a time
    std::mutex mutex_;  // guards all below
    std::condition_variable started_, finished_;
    std::vector<std::thread> threads_;
    Region* region_ = nullptr;
    uint64_t generation_ = 0;
    int running_ = 0;
};

// Never destroyed: its threads may outlive static destruction. A forked child has none of the parent's threads, so it
// leaves the parent's pool alone and makes its own.
Pool& pool() {
    static std::atomic<Pool*> current{nullptr};
    Pool* found = current.load(std::memory_order_acquire);
    const int pid = process_id();
    while (found == nullptr || found->pid != pid) {
        Pool* made = new Pool(pid);
        if (current.compare_exchange_strong(found, made)) return *made;
        delete made;
    }
    return *found;
}

}  // namespace

void run_parallel(int n_threads, int64_t n_chunks, void (*body)(void*, int64_t, int), void* context) {
    const int useful = static_cast<int64_t>(n_threads) < n_chunks ? n_threads : static_cast<int>(n_chunks);
    if (useful > 1 && pool().try_run(useful, n_chunks, body, context)) return;
    for (int64_t chunk = 0; chunk < n_chunks; ++chunk) body(context, chunk, 0);
}

}  // namespace slidelearn
