// Integer dot products on AVX2 without VNNI.
//
// 8-bit weights: vpmaddubsw would saturate on full-range bytes, so weights are kept signed, widened to 16 bits
// once per tile and multiplied by 16-bit activations (vpmaddwd): 16 products an instruction.
// 4- and 5-bit weights: vpmaddubsw, 32 products an instruction. A block's sums stay in 16-bit lanes, each over 16
// inputs. They may wrap on the way, but each starts at -offset * (sum of its activations) and so ends at
// sum (u - offset) * a, which is at most 16 * 16 * 127 = 32512 in size.
#pragma once

#include "kernels/levels/simd-avx2.h"
#include "kernels/matmul/dot-lanes.h"

GGCLIP_LEVEL_BEGIN

// Makes a sum final before the next product. Without it GCC's reassociation computes a whole block's products
// first and spills them.
GGCLIP_INLINE vi in_order(vi sum) {
#if defined(__GNUC__)
    __asm__("" : "+x"(sum));
#endif
    return sum;
}

struct dot_words : dot_in_lanes<dot_words> {
    using activation = int16_t;
    static constexpr int  group = 2;  // consecutive inputs of one row in a weight vector
    static constexpr bool unsigned_activations = false;
    static constexpr bool shifted_sums = false;
    static constexpr bool has_correction = false;

    static GGCLIP_INLINE_MEMBER void store(void * p, vi activations) { store_as_i16(p, activations); }
    static GGCLIP_INLINE_MEMBER vi start(const void *) { return zero_i(); }
    static GGCLIP_INLINE_MEMBER vi load_bytes(const uint8_t * p) {
        return _mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *) p));
    }
    static GGCLIP_INLINE_MEMBER vi step(vi sum, vi w, vi a) { return in_order(add_i(sum, _mm256_madd_epi16(w, a))); }
    static GGCLIP_INLINE_MEMBER vf finish(vi sum) { return to_float(sum); }
};

struct dot_bytes : dot_in_lanes<dot_bytes> {
    using activation = int8_t;
    static constexpr int  group = 4;
    static constexpr bool unsigned_activations = false;
    static constexpr bool shifted_sums = false;
    static constexpr bool has_correction = true;
    // Lane j of sums: the block's activations whose index is j modulo 8. The low word of a lane holds products of the
    // first two inputs of four, the high word those of the others.
    static GGCLIP_INLINE_MEMBER uint32_t correction(int offset, vi sums) {
        uint32_t lane[lanes];  // unsigned: activations that are not finite wrap
        store_i(lane, sums);
        const uint32_t low = (uint32_t) -offset * (lane[0] + lane[1] + lane[4] + lane[5]);
        const uint32_t high = (uint32_t) -offset * (lane[2] + lane[3] + lane[6] + lane[7]);
        return (low & 0xffff) | high << 16;
    }

    static GGCLIP_INLINE_MEMBER void store(void * p, vi activations) { store_as_i8(p, activations); }
    static GGCLIP_INLINE_MEMBER vi start(const void * correction) { return broadcast_32(correction); }
    static GGCLIP_INLINE_MEMBER vi load_bytes(const uint8_t * p) { return load_i(p); }
    static GGCLIP_INLINE_MEMBER vi step(vi sum, vi w, vi a) {
        return in_order(_mm256_add_epi16(sum, _mm256_maddubs_epi16(w, a)));
    }
    static GGCLIP_INLINE_MEMBER vf finish(vi sum) { return to_float(_mm256_madd_epi16(sum, _mm256_set1_epi16(1))); }
};

template <weight_type W> struct dot_of { using type = dot_bytes; };
template <> struct dot_of<weight_type::q8_0> { using type = dot_words; };

GGCLIP_LEVEL_END
