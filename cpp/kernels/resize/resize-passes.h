// Shared by all versions of the resize passes.
#pragma once

#include <cstring>

#include "kernels/resize/resize.h"

namespace ggclip::kernels {

constexpr int resize_bits = 32 - 8 - 2;  // Pillow's PRECISION_BITS: 8 bits of pixel, 2 of headroom
constexpr int32_t resize_half = 1 << (resize_bits - 1);

const resize_passes & generic_resize_passes();
// Null if not in this build.
const resize_passes * avx2_resize_passes();
const resize_passes * neon_resize_passes();

inline uint8_t resize_round(int32_t sum) {
    const int32_t value = sum >> resize_bits;
    return (uint8_t) (value < 0 ? 0 : value > 255 ? 255 : value);
}

// Bytes [first, last) of one output row of the vertical pass.
void vertical_row_generic(const int32_t * weight, int count, const uint8_t * src, size_t src_stride, uint8_t * dst,
                          size_t first, size_t last);

// Vector loads may read up to `overrun` bytes past a row's end. Rows for which that stays inside the source are used in
// place; the last ones are copied to `padded`.
class row_source {
  public:
    row_source(const uint8_t * src, size_t stride, size_t row_bytes, int n_rows, size_t overrun,
               std::vector<uint8_t> & padded)
        : src_(src), stride_(stride), row_bytes_(row_bytes), overrun_(overrun), padded_(padded),
          readable_(n_rows > 0 ? (size_t) (n_rows - 1) * stride + row_bytes : 0) {
        padded_.assign(4 * (row_bytes + overrun), 0);
    }

    // slot: 0..3, the copy to overwrite.
    const uint8_t * row(int index, int slot) {
        const size_t offset = (size_t) index * stride_;
        if (offset + row_bytes_ + overrun_ <= readable_) return src_ + offset;
        uint8_t * copy = padded_.data() + (size_t) slot * (row_bytes_ + overrun_);
        std::memcpy(copy, src_ + offset, row_bytes_);
        return copy;
    }

  private:
    const uint8_t * src_;
    size_t stride_;
    size_t row_bytes_;
    size_t overrun_;
    std::vector<uint8_t> & padded_;
    size_t readable_;
};

}  // namespace ggclip::kernels
