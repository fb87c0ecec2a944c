// Integer dot products with NEON dotprod: sdot adds 4 products of signed bytes to each 32-bit lane.
#pragma once

#include "kernels/matmul/dots/dot-neon-bytes.h"

GGCLIP_LEVEL_BEGIN

struct dot_bytes : dot_signed_bytes, dot_in_lanes<dot_bytes> {
    static constexpr int group = 4;  // consecutive inputs of one row in a weight vector

    static GGCLIP_INLINE_MEMBER vi step(vi sum, vi w, vi a) {
        return vdotq_s32(sum, vreinterpretq_s8_s32(w), vreinterpretq_s8_s32(a));
    }
};

template <weight_type W>
struct dot_of {
    using type = dot_bytes;
};
using row_dot = dot_bytes;

GGCLIP_LEVEL_END
