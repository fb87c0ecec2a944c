// What the integer dot products of all NEON levels have in common: all bytes are signed, sums are plain.
#pragma once

#include "kernels/levels/simd-neon.h"

GGCLIP_LEVEL_BEGIN

struct dot_signed_bytes {
    using activation = int8_t;
    static constexpr int limit = 127;         // largest magnitude of activations
    static constexpr int zero = 0;            // what the activation 0 is stored as
    static constexpr bool ranges = false;     // whether each block of a token has a range of its own
    static constexpr int weight_limit = 127;  // of weights with one scale for each row, which are multiplied by
    static constexpr int row_group = 0;       // tokens with one scale each
    static constexpr bool shifted_sums = false;
    static constexpr bool has_correction = false;

    static GGCLIP_INLINE_MEMBER void store(void * p, vi activations) { store_as_i8(p, activations); }
    static GGCLIP_INLINE_MEMBER vi start(const void *) { return zero_i(); }
    static GGCLIP_INLINE_MEMBER vi load_bytes(const uint8_t * p) { return load_i(p); }
    static GGCLIP_INLINE_MEMBER vf finish(vi sum) { return to_float(sum); }
};

GGCLIP_LEVEL_END
