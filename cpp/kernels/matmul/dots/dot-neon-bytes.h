// Common to the integer dot products of all NEON levels: all bytes are signed, sums are plain.
//
// Levels without matrix products give each lane of the sums an output row (dot-lanes.h), and take 16 inputs at once: 8
// vectors of weights, one load of each token's inputs, 16 sums (of token_tile tokens) and what a product needs fill the
// 32 registers.
#pragma once

#include "kernels/levels/simd-neon.h"
#include "kernels/matmul/dots/dot-lanes.h"

GGCLIP_LEVEL_BEGIN

struct dot_signed_bytes : eight_bit_activations {
    using activation = int8_t;
    static constexpr bool joins_blocks = true;  // sums are at most 128 * 128 * 127

    static GGCLIP_INLINE_MEMBER void store(void * p, vi activations) { store_as_i8(p, activations); }
    static GGCLIP_INLINE_MEMBER vi start(const void *) { return zero_i(); }
    static GGCLIP_INLINE_MEMBER vi load_bytes(const uint8_t * p) { return load_i(p); }
    static GGCLIP_INLINE_MEMBER vf finish(vi sum) { return to_float(sum); }
};

// Keeps GCC from loading each part of x by itself.
GGCLIP_INLINE vi in_register(vi x) {
#if defined(__GNUC__)
    __asm__("" : "+w"(x));
#endif
    return x;
}

template <class Dot>
struct dot_sixteen_inputs : dot_in_lanes<Dot> {
    template <int T>
    static GGCLIP_INLINE_MEMBER void add_products(const uint8_t * w, const uint8_t * a, int token_bytes,
                                                  vi (&sum)[T][2]) {
        constexpr int n_weights = 8;  // vectors: 16 inputs of panel_rows rows
        for (int i = 0; i < block_size; i += 16, w += n_weights * 16) {
            vi weights[n_weights];
            GGCLIP_UNROLL
            for (int j = 0; j < n_weights; j++) weights[j] = load_i(w + j * 16);
            GGCLIP_UNROLL
            for (int t = 0; t < T; t++) {
                const vi inputs = in_register(load_i(a + t * token_bytes + i));
                Dot::template add_quarter<0>(weights, inputs, sum[t]);
                Dot::template add_quarter<1>(weights, inputs, sum[t]);
                Dot::template add_quarter<2>(weights, inputs, sum[t]);
                Dot::template add_quarter<3>(weights, inputs, sum[t]);
            }
        }
    }

    // Keeps the order of products: GCC would mix those of all tokens, for which there are too few registers.
    static GGCLIP_INLINE_MEMBER void complete(vi (&sum)[2]) {
#if defined(__GNUC__)
        __asm__ volatile("" : "+w"(sum[0]), "+w"(sum[1]));
#endif
    }
};

GGCLIP_LEVEL_END
