// Lets other Python threads run while a verb works.
#pragma once

#include <nanobind/nanobind.h>

#include <chrono>
#include <thread>

namespace slidelearn {

// As nanobind's gil_scoped_release, but for daemon threads that are at work while the interpreter ends. Python
// before 3.14 ends them, when they want the GIL back, by unwinding their stacks, and a destructor that is unwound
// aborts the process. They wait for its end instead, as they do from 3.14 on.
class GilReleased {
  public:
    GilReleased() : thread_(PyEval_SaveThread()) {}
    GilReleased(const GilReleased&) = delete;
    GilReleased& operator=(const GilReleased&) = delete;
    ~GilReleased() {
        try {
            PyEval_RestoreThread(thread_);
        } catch (...) {
            for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
        }
    }

  private:
    PyThreadState* thread_;
};

}  // namespace slidelearn
