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
    // sums: the block's activations, any of them in any lane.
    static GGCLIP_INLINE_MEMBER uint32_t correction(int offset, vi sums) {
        return (uint32_t) (-offset * (int) sum_of(to_float(sums)));
    }

    static GGCLIP_INLINE_MEMBER vi start(const void * correction) { return broadcast_32(correction); }
    static GGCLIP_INLINE_MEMBER vi load_bytes(const uint8_t * p) { return load_i(p); }
    static GGCLIP_INLINE_MEMBER vi step(vi sum, vi w, vi a) { return GGCLIP_DPBUSD(sum, w, a); }
    static GGCLIP_INLINE_MEMBER vf finish(vi sum) { return to_float(sum); }
};

template <weight_type W> struct dot_of { using type = dot_bytes; };

constexpr bool q8_is_unsigned = true;  // q8_0 is stored as w + 128

GGCLIP_LEVEL_END
