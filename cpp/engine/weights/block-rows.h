// Rows of quantised matrices are whole blocks: zeros fill the last one, in files as in memory.
#pragma once

#include <ggml.h>

#include <cstddef>
#include <cstdint>

namespace ggclip {

// n values and the zeros after them; n for types without blocks.
inline int64_t whole_blocks(ggml_type type, int64_t n) {
    const int64_t block = ggml_blck_size(type);
    return (n + block - 1) / block * block;
}

// Bytes of a row of n values.
inline size_t row_bytes(ggml_type type, int64_t n) { return ggml_row_size(type, whole_blocks(type, n)); }

}  // namespace ggclip
