// Memory of weights and scratch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace ggclip {

// `mapped`: bytes of an anonymous mapping; 0: memory of operator new.
struct free_deleter {
    size_t mapped = 0;
    void operator()(void * p) const;
};
using aligned_bytes = std::unique_ptr<uint8_t[], free_deleter>;
// 64-byte aligned; throws OUT_OF_MEMORY. Large blocks come straight from the system and go back to it when they are
// freed.
aligned_bytes allocate_aligned(size_t n_bytes);
// Takes back what release() gave away of a block of allocate_aligned(n_bytes).
aligned_bytes adopt_aligned(void * block, size_t n_bytes);

// Floats for one use after another: grows, keeps nothing, starts with anything.
class float_scratch {
  public:
    float * at_least(size_t n);

  private:
    aligned_bytes bytes_;
    size_t n_ = 0;
};

}  // namespace ggclip
