// Memory for weights and scratch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace ggclip {

// `mapped`: size in bytes of an anonymous mapping; 0: allocated with operator new.
struct free_deleter {
    size_t mapped = 0;
    void operator()(void * p) const;
};
using aligned_bytes = std::unique_ptr<uint8_t[], free_deleter>;
// 64-byte aligned; throws OUT_OF_MEMORY. Large blocks come directly from the system and return to it when freed.
aligned_bytes allocate_aligned(size_t n_bytes);
// Takes ownership again of a block from allocate_aligned(n_bytes) after release().
aligned_bytes adopt_aligned(void * block, size_t n_bytes);

// Reusable float scratch: grows as needed; contents are undefined at each use.
class float_scratch {
  public:
    float * at_least(size_t n);

  private:
    aligned_bytes bytes_;
    size_t n_ = 0;
};

}  // namespace ggclip
