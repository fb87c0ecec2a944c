// Integer dot products with VNNI: vpdpbusd adds 4 products of unsigned and signed bytes to each 32-bit lane without
// saturating. 4- and 5-bit weights are the unsigned side as they are; their sums start at -offset * (sum of the block's
// activations). For 8-bit weights it is the activations, 128 too large: what that adds is known when weights are packed.
//
// A block's sums need no conversion to floats, which would compete with the products for the same ports: they start at
// the bits of the float 1.5 * 2^23, one unit in whose last place is 1, and stay below 2^22 in size (32 * 255 * 128). So
// their bits are those of the float 1.5 * 2^23 + sum. That this is too large is known when weights are packed, too. The
// float sums of a group then round to some units of the integer sums, where rounding the activations to bytes has cost
// a hundred; to keep it so, 4- and 5-bit weights fill the upper bits of their bytes (nibble_at of int-format.h).
// Include after the level's simd header, with GGCLIP_DPBUSD naming the intrinsic of its width.
#pragma once

#include "blocks.h"

GGCLIP_LEVEL_BEGIN

struct dot_bytes {
    using activation = int8_t;
    static constexpr int  group = 4;  // consecutive inputs of one row in a weight vector
    static constexpr bool unsigned_activations = false;
    static constexpr bool shifted_sums = true;
    static constexpr bool has_correction = true;
    static constexpr int  float_zero = 0x4b400000;  // the bits of 1.5 * 2^23
    // sums: the block's activations, any of them in any lane.
    static GGCLIP_INLINE_MEMBER uint32_t correction(int offset, vi sums) {
        return (uint32_t) (float_zero - offset * (int) sum_of(to_float(sums)));
    }

    static GGCLIP_INLINE_MEMBER void store(void * p, vi activations) { store_as_i8(p, activations); }
    static GGCLIP_INLINE_MEMBER vi start(const void * correction) { return broadcast_32(correction); }
    static GGCLIP_INLINE_MEMBER vi load_bytes(const uint8_t * p) { return load_i(p); }
    static GGCLIP_INLINE_MEMBER vi step(vi sum, vi w, vi a) { return GGCLIP_DPBUSD(sum, w, a); }
    static GGCLIP_INLINE_MEMBER vf finish(vi sum) { return as_float(sum); }
};

struct dot_signed : dot_bytes {
    using activation = uint8_t;
    static constexpr bool unsigned_activations = true;
    static constexpr bool has_correction = false;
    // The byte of a + 128 is that of a with the other sign bit.
    static GGCLIP_INLINE_MEMBER void store(void * p, vi activations) { store_as_i8(p, xor_i(activations, set_i(-128))); }
    static GGCLIP_INLINE_MEMBER vi start(const void *) { return set_i(float_zero); }
    static GGCLIP_INLINE_MEMBER vi step(vi sum, vi w, vi a) { return GGCLIP_DPBUSD(sum, a, w); }
};

template <weight_type W> struct dot_of { using type = dot_bytes; };
template <> struct dot_of<weight_type::q8_0> { using type = dot_signed; };

GGCLIP_LEVEL_END
