// Integer dot products with NEON dotprod: sdot adds 4 products of signed bytes to each 32-bit lane.
#pragma once

#include "simd-neon.h"
#include "dot-lanes.h"

GGCLIP_LEVEL_BEGIN

struct dot_bytes : dot_in_lanes<dot_bytes> {
    using activation = int8_t;
    static constexpr int  group = 4;  // consecutive inputs of one row in a weight vector
    static constexpr bool unsigned_activations = false;
    static constexpr bool shifted_sums = false;
    static constexpr bool has_correction = false;
    static uint32_t correction(int, vi) { return 0; }

    static GGCLIP_INLINE_MEMBER void store(void * p, vi activations) { store_as_i8(p, activations); }
    static GGCLIP_INLINE_MEMBER vi start(const void *) { return zero_i(); }
    static GGCLIP_INLINE_MEMBER vi load_bytes(const uint8_t * p) { return load_i(p); }
    static GGCLIP_INLINE_MEMBER vi step(vi sum, vi w, vi a) {
        return vdotq_s32(sum, vreinterpretq_s8_s32(w), vreinterpretq_s8_s32(a));
    }
    static GGCLIP_INLINE_MEMBER vf finish(vi sum) { return to_float(sum); }
};

template <weight_type W> struct dot_of { using type = dot_bytes; };

GGCLIP_LEVEL_END
