// Integer dot products with VNNI: vpdpbusd adds 4 products of unsigned weights and signed activations to each
// 32-bit lane without saturating. A sum starts at -offset * (sum of the block's activations).
// Include after the level's simd header, with GGCLIP_DPBUSD naming the intrinsic of its width.
#pragma once

#include "blocks.h"

GGCLIP_LEVEL_BEGIN

struct dot_bytes {
    using activation = int8_t;
    static constexpr int  group = 4;  // consecutive inputs of one row in a weight vector
    static constexpr bool has_correction = true;
    static uint32_t correction(int offset, const int * sums) {
        return (uint32_t) (-offset * (sums[0] + sums[1] + sums[2] + sums[3]));
    }

    static GGCLIP_INLINE_MEMBER vi start(const void * correction) { return broadcast_32(correction); }
    static GGCLIP_INLINE_MEMBER vi load_bytes(const uint8_t * p) { return load_i(p); }
    static GGCLIP_INLINE_MEMBER vi step(vi sum, vi w, vi a) { return GGCLIP_DPBUSD(sum, w, a); }
    static GGCLIP_INLINE_MEMBER vf finish(vi sum) { return to_float(sum); }
};

template <weight_type W> struct dot_of { using type = dot_bytes; };

constexpr bool q8_is_unsigned = true;  // q8_0 is stored as w + 128

GGCLIP_LEVEL_END
