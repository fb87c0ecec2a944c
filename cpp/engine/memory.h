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
aligned_bytes allocate_aligned(size_t n_bytes);  // 64-byte aligned; throws OUT_OF_MEMORY

// Asks for large pages where the system leaves the choice to the program (Linux): they are filled sooner, and addresses
// are looked up sooner. A wish, for memory that nothing has been written to yet.
void prefer_large_pages(void * begin, size_t n_bytes);

}  // namespace ggclip
