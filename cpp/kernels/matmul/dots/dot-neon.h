// Integer dot products with NEON dotprod: sdot adds 4 products of signed bytes to each 32-bit lane.
#pragma once

#include "kernels/matmul/dots/dot-neon-bytes.h"

GGCLIP_LEVEL_BEGIN

struct dot_bytes : dot_signed_bytes, dot_sixteen_inputs<dot_bytes> {
    static constexpr int group = 4;  // consecutive inputs of one row in a weight vector

    // Adds the products of inputs 4 q to 4 q + 3 of the 16.
    template <int q>
    static GGCLIP_INLINE_MEMBER void add_quarter(const vi (&weights)[8], vi inputs, vi (&sum)[2]) {
        const int8x16_t a = vreinterpretq_s8_s32(inputs);
        sum[0] = vdotq_laneq_s32(sum[0], vreinterpretq_s8_s32(weights[2 * q]), a, q);
        sum[1] = vdotq_laneq_s32(sum[1], vreinterpretq_s8_s32(weights[2 * q + 1]), a, q);
        complete(sum);
    }

    // For the benchmark (peak.h).
    static GGCLIP_INLINE_MEMBER vi step(vi sum, vi w, vi a) {
        return vdotq_laneq_s32(sum, vreinterpretq_s8_s32(w), vreinterpretq_s8_s32(a), 0);
    }
};

template <weight_type W>
struct dot_of {
    using type = dot_bytes;
};
using row_dot = dot_bytes;

GGCLIP_LEVEL_END
