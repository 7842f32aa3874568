// Aligned scratch memory for kernels (see isa.h for why they do not use std::vector).
#pragma once

#include <cstddef>
#include <cstdint>

namespace slidelearn {

class Scratch {
  public:
    explicit Scratch(std::size_t bytes);  // 64-byte aligned, contents not set; throws std::bad_alloc
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    float* floats() const;
    int32_t* ints() const;
    int64_t* longs() const;
    uint8_t* bytes() const;
    template <class Word>
    [[gnu::always_inline]] Word* as() const {
        return static_cast<Word*>(memory_);
    }

  private:
    void* memory_;
};

}  // namespace slidelearn
