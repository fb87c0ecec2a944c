// Horizontal resize pass for 64-bit ARM. The compiler already vectorises the vertical pass of resize-generic.cpp there.
#include "kernels/resize/resize-passes.h"

#if defined(__aarch64__) || defined(_M_ARM64)

#include <arm_neon.h>

namespace ggclip::kernels {

namespace {

void horizontal_neon(resize_axis & axis, const uint8_t * src, size_t src_stride, int src_width, uint8_t * dst,
                     size_t dst_stride, int n_rows, std::vector<uint8_t> & padded) {
    // Two packed RGB pixels to r g b 0 | r g b 0; index 255 gives 0.
    const uint8_t index[8] = {0, 1, 2, 255, 3, 4, 5, 255};
    const uint8x8_t spread = vld1_u8(index);
    // Taps are processed in pairs and loads are 8 bytes: at most 1 pixel and 2 bytes past a row's end.
    row_source source(src, src_stride, (size_t) src_width * 3, n_rows, 16, padded);
    for (int y = 0; y < n_rows; y++) {
        const uint8_t * row = source.row(y, 0);
        uint8_t * out = dst + (size_t) y * dst_stride;
        for (int i = 0; i < axis.n_out; i++, out += 3) {
            const uint8_t * pixel = row + (size_t) axis.start[(size_t) i] * 3;
            const int32_t * weight = axis.weight.data() + (size_t) i * (size_t) axis.n_tap;
            int32x4_t even = vdupq_n_s32(resize_half);
            int32x4_t odd = vdupq_n_s32(0);
            for (int t = 0; t < axis.count[(size_t) i]; t += 2, pixel += 6) {
                const uint16x8_t two = vmovl_u8(vtbl1_u8(vld1_u8(pixel), spread));
                even = vmlaq_n_s32(even, vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(two))), weight[t]);
                odd = vmlaq_n_s32(odd, vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(two))), weight[t + 1]);
            }
            const int32x4_t sum = vaddq_s32(even, odd);
            out[0] = resize_round(vgetq_lane_s32(sum, 0));
            out[1] = resize_round(vgetq_lane_s32(sum, 1));
            out[2] = resize_round(vgetq_lane_s32(sum, 2));
        }
    }
}

}  // namespace

const resize_passes * neon_resize_passes() {
    static const resize_passes passes = {"neon", horizontal_neon, generic_resize_passes().vertical};
    return &passes;
}

}  // namespace ggclip::kernels

#else

namespace ggclip::kernels {
const resize_passes * neon_resize_passes() { return nullptr; }
}  // namespace ggclip::kernels

#endif
