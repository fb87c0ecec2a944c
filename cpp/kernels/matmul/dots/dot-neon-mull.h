// Integer dot products with baseline NEON, available on every AArch64 CPU (e.g. Cortex-A53 and A72): smull multiplies
// signed bytes to 16 bits, smlal adds the products of two more inputs without overflow (2 * 128 * 127 = 32512), sadalp
// adds neighbours to 32-bit lanes. A weight vector holds 2 inputs of all 8 rows of a panel; its halves belong to the
// two sums.
#pragma once

#include "kernels/matmul/dots/dot-neon-bytes.h"

GGCLIP_LEVEL_BEGIN

struct dot_bytes : dot_signed_bytes, dot_sixteen_inputs<dot_bytes> {
    static constexpr int group = 2;  // consecutive inputs of one row in a weight vector
    static_assert(panel_rows == 8, "a vector holds a panel's rows");

    // Adds the products of inputs 4 q to 4 q + 3 of the 16.
    template <int q>
    static GGCLIP_INLINE_MEMBER void add_quarter(const vi (&weights)[8], vi inputs, vi (&sum)[2]) {
        const int16x8_t pairs = vreinterpretq_s16_s32(inputs);
        add(weights[2 * q], weights[2 * q + 1], vreinterpretq_s8_s16(vdupq_laneq_s16(pairs, 2 * q)),
            vreinterpretq_s8_s16(vdupq_laneq_s16(pairs, 2 * q + 1)), sum);
        complete(sum);
    }

    // Like dot-lanes.h; here a row's group of 4 inputs forms two groups of 2.
    static GGCLIP_INLINE_MEMBER void store_groups(uint8_t * block, int pair, int half, vi first, vi second) {
        const int16x8_t a = vreinterpretq_s16_s32(first), b = vreinterpretq_s16_s32(second);
        const int16x8_t even = vuzp1q_s16(a, b), odd = vuzp2q_s16(a, b);
        int16_t * const rows = reinterpret_cast<int16_t *>(block) + (8 * pair + half) * lanes;
        vst1_s16(rows, vget_low_s16(even));
        vst1_s16(rows + 2 * lanes, vget_low_s16(odd));
        vst1_s16(rows + 4 * lanes, vget_high_s16(even));
        vst1_s16(rows + 6 * lanes, vget_high_s16(odd));
    }

    // For the benchmark (peak.h): 16 products.
    static GGCLIP_INLINE_MEMBER vi step(vi sum, vi w, vi a) {
        const int8x16_t weights = vreinterpretq_s8_s32(w), inputs = vreinterpretq_s8_s32(a);
        return vpadalq_s16(sum, vmlal_high_s8(vmull_s8(vget_low_s8(weights), vget_low_s8(inputs)), weights, inputs));
    }

  private:
    static GGCLIP_INLINE_MEMBER void add(vi w0, vi w1, int8x16_t a0, int8x16_t a1, vi (&sum)[2]) {
        const int8x16_t first = vreinterpretq_s8_s32(w0), second = vreinterpretq_s8_s32(w1);
        const int16x8_t low = vmull_s8(vget_low_s8(first), vget_low_s8(a0));
        const int16x8_t high = vmull_high_s8(first, a0);
        sum[0] = vpadalq_s16(sum[0], vmlal_s8(low, vget_low_s8(second), vget_low_s8(a1)));
        sum[1] = vpadalq_s16(sum[1], vmlal_high_s8(high, second, a1));
    }
};

template <weight_type W>
struct dot_of {
    using type = dot_bytes;
};
using row_dot = dot_bytes;

GGCLIP_LEVEL_END
