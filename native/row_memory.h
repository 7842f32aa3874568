// Zeroed memory for a layer's rows, in huge pages where the system has them: random rows of a large layer miss the
// translation buffer otherwise.
#pragma once

#include <cstddef>

#include "platform.h"

namespace slidelearn {

class RowMemory {
  public:
    explicit RowMemory(std::size_t bytes)  // throws std::bad_alloc
        : bytes_(bytes), memory_(platform::allocate_zeros(bytes)) {}
    ~RowMemory() { platform::release_zeros(memory_, bytes_); }
    RowMemory(const RowMemory&) = delete;
    RowMemory& operator=(const RowMemory&) = delete;

    float* data() const { return static_cast<float*>(memory_); }

  private:
    std::size_t bytes_;
    void* memory_;
};

}  // namespace slidelearn
