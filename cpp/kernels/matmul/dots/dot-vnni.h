// Integer dot products with VNNI: vpdpbusd adds 4 products of unsigned and signed bytes to each 32-bit lane without
// saturation. The unsigned side is the activations, offset by +128.
//
// A block's sums need no int-to-float conversion, which would compete with the products for execution ports: they start
// at the bit pattern of the float 1.5 * 2^23, whose ulp is 1, and stay below 2^22 in magnitude (a block's: 32 * 255 *
// 128), so the resulting bits are the float 1.5 * 2^23 + sum. What both offsets add is known when weights are packed. A
// group's float sums round to a few units of the integer sums, while rounding activations to bytes already costs about
// a hundred.
//
// q8_0 weights have one scale for a scale group (at most 128 * 255 * 128, below 2^22, too): what ends a sum costs as
// much as half a block's products, since the next products wait for it. Include after the level's simd header, with
// GGCLIP_DPBUSD defined as the intrinsic for its vector width.
#pragma once

#include "kernels/matmul/dots/dot-lanes.h"

GGCLIP_LEVEL_BEGIN

struct dot_bytes : eight_bit_activations, dot_in_lanes<dot_bytes> {
    using activation = uint8_t;
    static constexpr int group = 4;  // consecutive inputs of one row in a weight vector
    static constexpr int zero = 128;
    static constexpr bool shifted_sums = true;
    static constexpr bool joins_blocks = true;

    // The byte a + 128 is the byte a with its sign bit flipped.
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
