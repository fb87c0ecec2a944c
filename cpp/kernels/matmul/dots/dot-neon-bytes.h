// Common to the integer dot products of all NEON levels: all bytes are signed, sums are plain.
#pragma once

#include "kernels/levels/simd-neon.h"
#include "kernels/matmul/dots/dot-lanes.h"

GGCLIP_LEVEL_BEGIN

struct dot_signed_bytes : eight_bit_activations {
    using activation = int8_t;

    static GGCLIP_INLINE_MEMBER void store(void * p, vi activations) { store_as_i8(p, activations); }
    static GGCLIP_INLINE_MEMBER vi start(const void *) { return zero_i(); }
    static GGCLIP_INLINE_MEMBER vi load_bytes(const uint8_t * p) { return load_i(p); }
    static GGCLIP_INLINE_MEMBER vf finish(vi sum) { return to_float(sum); }
};

GGCLIP_LEVEL_END
