// Integer dot products with VNNI: vpdpbusd adds 4 products of unsigned and signed bytes to each 32-bit lane without
// saturating. The unsigned side are the activations, 128 too large.
//
// A block's sums need no conversion to floats, which would compete with the products for the same ports: they start at
// the bits of the float 1.5 * 2^23, one unit in whose last place is 1, and stay below 2^22 in size (32 * 255 * 128). So
// their bits are those of the float 1.5 * 2^23 + sum. What both add is known when weights are packed. The float sums of
// a group round to some units of the integer sums, where rounding the activations to bytes has cost a hundred. Include
// after the level's simd header, with GGCLIP_DPBUSD naming the intrinsic of its width.
#pragma once

#include "kernels/matmul/dot-lanes.h"

GGCLIP_LEVEL_BEGIN

struct dot_bytes : eight_bit_activations, dot_in_lanes<dot_bytes> {
    using activation = uint8_t;
    static constexpr int group = 4;  // consecutive inputs of one row in a weight vector
    static constexpr int zero = 128;
    static constexpr bool shifted_sums = true;

    // The byte of a + 128 is that of a with the other sign bit.
    static GGCLIP_INLINE_MEMBER void store(void * p, vi activations) {
        store_as_i8(p, xor_i(activations, set_i(-128)));
    }
    static GGCLIP_INLINE_MEMBER vi start(const void *) { return set_i(0x4b400000); }
    static GGCLIP_INLINE_MEMBER vi load_bytes(const uint8_t * p) { return load_i(p); }
    static GGCLIP_INLINE_MEMBER vi step(vi sum, vi w, vi a) { return GGCLIP_DPBUSD(sum, a, w); }
    static GGCLIP_INLINE_MEMBER vf finish(vi sum) { return as_float(sum); }
};

template <weight_type W>
struct dot_of {
    using type = dot_bytes;
};
using row_dot = dot_bytes;

GGCLIP_LEVEL_END
