// Zeroed memory for a layer's rows, in huge pages where the system has them: random rows of a large layer miss the
// translation buffer otherwise.
#pragma once

#include <cstddef>

namespace slidelearn {

class RowMemory {
  public:
    explicit RowMemory(std::size_t bytes);  // throws std::bad_alloc
    ~RowMemory();
    RowMemory(const RowMemory&) = delete;
    RowMemory& operator=(const RowMemory&) = delete;

    float* data() const { return static_cast<float*>(aligned_); }

  private:
    void* memory_;
    void* aligned_;
    std::size_t mapped_;
};

}  // namespace slidelearn
