#include "scratch.h"

#include "recycled_memory.h"

namespace slidelearn {

Scratch::Scratch(std::size_t bytes) : memory_(take_memory(bytes)) {}
Scratch::~Scratch() { give_back_memory(memory_); }

float* Scratch::floats() const { return static_cast<float*>(memory_); }
int32_t* Scratch::ints() const { return static_cast<int32_t*>(memory_); }
int64_t* Scratch::longs() const { return static_cast<int64_t*>(memory_); }
uint8_t* Scratch::bytes() const { return static_cast<uint8_t*>(memory_); }

}  // namespace slidelearn
