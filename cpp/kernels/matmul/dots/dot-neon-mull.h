// Integer dot products with baseline NEON, available on every AArch64 CPU (e.g. Cortex-A53 and A72): smull multiplies
// signed bytes to 16 bits, addp adds adjacent products without overflow (2 * 128 * 127 = 32512), sadalp accumulates
// those in 32-bit lanes.
#pragma once

#include "kernels/matmul/dots/dot-neon-bytes.h"

GGCLIP_LEVEL_BEGIN

struct dot_bytes : dot_signed_bytes, dot_in_lanes<dot_bytes> {
    static constexpr int group = 4;  // consecutive inputs of one row in a weight vector

    static GGCLIP_INLINE_MEMBER vi step(vi sum, vi w, vi a) {
        const int8x16_t weights = vreinterpretq_s8_s32(w), tokens = vreinterpretq_s8_s32(a);
        const int16x8_t low = vmull_s8(vget_low_s8(weights), vget_low_s8(tokens));
        const int16x8_t high = vmull_high_s8(weights, tokens);
        return vpadalq_s16(sum, vpaddq_s16(low, high));
    }
};

template <weight_type W>
struct dot_of {
    using type = dot_bytes;
};
using row_dot = dot_bytes;

GGCLIP_LEVEL_END
