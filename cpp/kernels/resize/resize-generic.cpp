// Resize passes in plain C++: the reference for the vector versions and the fallback for other CPUs.
#include <algorithm>

#include "kernels/resize/resize-passes.h"

namespace ggclip::kernels {

namespace {

void horizontal_generic(resize_axis & axis, const uint8_t * src, size_t src_stride, int, uint8_t * dst,
                        size_t dst_stride, int n_rows, std::vector<uint8_t> &) {
    for (int y = 0; y < n_rows; y++) {
        const uint8_t * row = src + (size_t) y * src_stride;
        uint8_t * out = dst + (size_t) y * dst_stride;
        for (int i = 0; i < axis.n_out; i++, out += 3) {
            const uint8_t * pixel = row + (size_t) axis.start[(size_t) i] * 3;
            const int32_t * weight = axis.weight.data() + (size_t) i * (size_t) axis.n_tap;
            int32_t r = resize_half;
            int32_t g = resize_half;
            int32_t b = resize_half;
            for (int t = 0; t < axis.count[(size_t) i]; t++, pixel += 3) {
                r += pixel[0] * weight[t];
                g += pixel[1] * weight[t];
                b += pixel[2] * weight[t];
            }
            out[0] = resize_round(r);
            out[1] = resize_round(g);
            out[2] = resize_round(b);
        }
    }
}

void vertical_generic(resize_axis & axis, const uint8_t * src, size_t src_stride, uint8_t * dst, size_t dst_stride,
                      size_t n_bytes) {
    for (int i = 0; i < axis.n_out; i++) {
        vertical_row_generic(axis.weight.data() + (size_t) i * (size_t) axis.n_tap, axis.count[(size_t) i],
                             src + (size_t) axis.start[(size_t) i] * src_stride, src_stride,
                             dst + (size_t) i * dst_stride, 0, n_bytes);
    }
}

}  // namespace

void vertical_row_generic(const int32_t * weight, int count, const uint8_t * src, size_t src_stride, uint8_t * dst,
                          size_t first, size_t last) {
    constexpr size_t block = 64;  // sums stay in registers or L1, the inner loop vectorises
    for (size_t at = first; at < last; at += block) {
        const size_t n = std::min(block, last - at);
        int32_t sum[block];
        std::fill(sum, sum + block, resize_half);
        for (int t = 0; t < count; t++) {
            const uint8_t * row = src + (size_t) t * src_stride + at;
            const int32_t w = weight[t];
            if (n == block)
                for (size_t j = 0; j < block; j++) sum[j] += row[j] * w;
            else
                for (size_t j = 0; j < n; j++) sum[j] += row[j] * w;
        }
        for (size_t j = 0; j < n; j++) dst[at + j] = resize_round(sum[j]);
    }
}

const resize_passes & generic_resize_passes() {
    static const resize_passes passes = {"generic", horizontal_generic, vertical_generic};
    return passes;
}

}  // namespace ggclip::kernels
