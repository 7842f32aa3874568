// Regions of every size, entered from several threads at once and from inside one another, some of which fail. Every
// chunk must run exactly once, and no two threads may have the same worker number at the same time. Built by
// tests/test_thread_pool.py, with ThreadSanitizer where there is one.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>
#include <vector>

#include "thread_pool.h"

namespace {

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "%s\n", what);
    std::_Exit(1);
}

// Some of the chunks throw; what one of them throws must come here, when nobody is at work on the region any more.
void enter_a_region_that_fails(int n_threads, int64_t n_chunks) {
    std::atomic<int> n_at_work{0};
    int64_t failed = -1;
    try {
        slidelearn::parallel_for(n_threads, n_chunks, [&](int64_t chunk, int) {
            ++n_at_work;
            const bool fails = chunk % 3 == 0;
            --n_at_work;
            if (fails) throw chunk;
        });
    } catch (int64_t chunk) {
        failed = chunk;
    }
    require(failed >= 0 && failed % 3 == 0, "the error of a chunk did not come out");
    require(n_at_work == 0, "a region ended while a thread was at work on it");
}

void enter_a_region(std::mt19937& random) {
    const int n_threads = 1 + static_cast<int>(random() % 6);
    const int64_t n_chunks = random() % 40;
    const bool nests = random() % 8 == 0;
    std::vector<int> n_runs(n_chunks);  // not atomic: ThreadSanitizer sees a region that does not end cleanly
    std::vector<std::atomic<bool>> at_work(n_threads);
    slidelearn::parallel_for(n_threads, n_chunks, [&](int64_t chunk, int worker) {
        require(worker >= 0 && worker < n_threads, "a worker number is out of range");
        require(!at_work[worker].exchange(true), "two threads have the same worker number");
        ++n_runs[chunk];
        if (nests) {
            std::atomic<int> n_inner{0};
            slidelearn::parallel_for(2, 3, [&](int64_t, int) { ++n_inner; });
            require(n_inner == 3, "an inner region did not run its chunks");
        }
        at_work[worker] = false;
    });
    for (int n : n_runs) require(n == 1, "a chunk did not run exactly once");
    if (n_chunks > 0 && random() % 8 == 0) enter_a_region_that_fails(n_threads, n_chunks);
    // now and then the workers fall asleep in between
    if (random() % 50 == 0) std::this_thread::sleep_for(std::chrono::microseconds(100));
}

}  // namespace

int main() {
    std::vector<std::thread> callers;
    for (unsigned seed = 0; seed < 3; ++seed) {
        callers.emplace_back([seed] {
            std::mt19937 random(seed);
            for (int i = 0; i < 3000; ++i) enter_a_region(random);
        });
    }
    for (std::thread& caller : callers) caller.join();
    std::mt19937 random(9);
    for (int i = 0; i < 10000; ++i) enter_a_region(random);
    std::_Exit(0);
}
