// A pool of our own: libgomp takes milliseconds to enter a parallel region on a busy machine, and hangs after fork.
// The threads persist, take chunks of work one after another, and are made anew in a forked child.
#pragma once

#include <cstdint>

namespace slidelearn {

// Calls body(context, chunk, worker) for every chunk in [0, n_chunks), on up to n_threads threads (the caller's is
// one of them). worker < n_threads tells the threads apart. What a body throws is thrown here once all have left the
// region; of several the first, and chunks that nobody has begun are left out. A region entered while another is
// running (from a second Python thread, or from inside a body) runs on the caller's thread alone.
void run_parallel(int n_threads, int64_t n_chunks, void (*body)(void*, int64_t, int), void* context);

template <class Body>
void parallel_for(int n_threads, int64_t n_chunks, Body&& body) {
    run_parallel(
        n_threads, n_chunks,
        [](void* context, int64_t chunk, int worker) { (*static_cast<Body*>(context))(chunk, worker); }, &body);
}

}  // namespace slidelearn
