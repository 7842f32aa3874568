// Memory for what verbs return and for what they need on the way. A step asks for the same megabytes as the one before
// it: given back to the system in between, each page would be asked for and cleared anew, a sixth of a step's time.
#pragma once

#include <cstddef>

namespace slidelearn {

// 64-byte aligned, contents not set; throws std::bad_alloc.
void* take_memory(std::size_t bytes);
// From take_memory, or null.
void give_back_memory(void* memory) noexcept;

}  // namespace slidelearn
