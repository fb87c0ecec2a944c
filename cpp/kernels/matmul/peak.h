// Peak multiply-add rate of a level, the reference for matrix-multiply speed: the micro-kernels' inner loop (2 weight
// vectors times several tokens, all in L1) without scales, bias or tile epilogue.
#pragma once

#include "kernels/matmul/linear.h"

GGCLIP_LEVEL_BEGIN

struct peak_floats {
    using vector = vf;
    static constexpr int products = lanes;
    static GGCLIP_INLINE_MEMBER vf zero() { return zero_f(); }
    static GGCLIP_INLINE_MEMBER vf weight(const uint8_t * p) { return load_f(reinterpret_cast<const float *>(p)); }
    static GGCLIP_INLINE_MEMBER vf token(const uint8_t * p) { return set_f(*reinterpret_cast<const float *>(p)); }
    static GGCLIP_INLINE_MEMBER vf step(vf sum, vf w, vf a) { return fma(w, a, sum); }
    static GGCLIP_INLINE_MEMBER void keep(uint8_t * p, vf sum) { store_f(reinterpret_cast<float *>(p), sum); }
};

struct peak_integers {
    using vector = vi;
    static GGCLIP_INLINE_MEMBER vi zero() { return zero_i(); }
    static GGCLIP_INLINE_MEMBER vi weight(const uint8_t * p) { return load_i(p); }
    static GGCLIP_INLINE_MEMBER vi token(const uint8_t * p) { return broadcast_32(p); }
    static GGCLIP_INLINE_MEMBER void keep(uint8_t * p, vi sum) { store_i(p, sum); }
};

template <class Dot>
struct peak_dots : peak_integers {
    static constexpr int products = lanes * max_int(Dot::group, 4);  // groups of 2 are taken two at a time
    static GGCLIP_INLINE_MEMBER vi step(vi sum, vi w, vi a) { return Dot::step(sum, w, a); }
};

// A dot product that takes two steps at once counts as one step here.
template <class Dot>
struct peak_pairs : peak_integers {
    static constexpr int products = 2 * lanes * Dot::group;
    static GGCLIP_INLINE_MEMBER vi step(vi sum, vi w, vi a) { return Dot::two_steps(sum, w, a, a, w); }
};

#if defined(GGCLIP_DPWSSD)
struct peak_words : peak_integers {
    static constexpr int products = 2 * lanes;
    static GGCLIP_INLINE_MEMBER vi step(vi sum, vi w, vi a) { return GGCLIP_DPWSSD(sum, w, a); }
};
#endif

template <class P>
static double multiply_adds(int n) {
    constexpr int tokens = lanes == 4 ? 8 : 6;  // 16 or 12 sums: enough to hide latency while fitting in registers
    constexpr int steps = 8;                    // unrolled, as in the micro-kernels
    constexpr int vector_bytes = 4 * lanes;
    alignas(64) uint8_t weights[2][steps * 2 * vector_bytes], row[2][steps * tokens * 4], out[vector_bytes];
    const float one = 1.0f;  // any value works, also for integers
    for (size_t i = 0; i < sizeof(weights); i += 4) memcpy(weights[0] + i, &one, 4);
    for (size_t i = 0; i < sizeof(row); i += 4) memcpy(row[0] + i, &one, 4);
    typename P::vector sums[tokens][2];
    GGCLIP_UNROLL
    for (int t = 0; t < tokens; t++) sums[t][0] = sums[t][1] = P::zero();
    for (int i = 0; i < n; i++) {
        const uint8_t * const w = weights[i & 1];  // alternates, so that no product can be hoisted out of the loop
        const uint8_t * const a = row[i & 1];
        GGCLIP_UNROLL
        for (int step = 0; step < steps; step++) {
            const typename P::vector w0 = P::weight(w + (2 * step + 0) * vector_bytes);
            const typename P::vector w1 = P::weight(w + (2 * step + 1) * vector_bytes);
            GGCLIP_UNROLL
            for (int t = 0; t < tokens; t++) {
                const typename P::vector v = P::token(a + (step * tokens + t) * 4);
                sums[t][0] = P::step(sums[t][0], w0, v);
                sums[t][1] = P::step(sums[t][1], w1, v);
            }
        }
    }
    int total = 0;
    GGCLIP_UNROLL
    for (int t = 0; t < tokens; t++) {
        P::keep(out, sums[t][0]);
        total += out[0];
        P::keep(out, sums[t][1]);
        total += out[0];
    }
    volatile int result = total;
    (void) result;
    return 2.0 * P::products * 2 * tokens * steps * n;
}

#if defined(GGCLIP_TILE_REGISTERS)

static double peak(weight_type type, int n) {
    return uses_tiles(type) ? tile_registers::peak(n) : multiply_adds<peak_floats>(n);
}

#else

template <class Dot>
static double peak_of(int n) {
    if constexpr (Dot::ranges) return multiply_adds<peak_pairs<Dot> >(n);
    else return multiply_adds<peak_dots<Dot> >(n);
}

static double peak(weight_type type, int n) {
#if defined(GGCLIP_DPWSSD)
    if (uses_words(type)) return multiply_adds<peak_words>(n);
#endif
    switch (type) {
        case weight_type::f32:
        case weight_type::f16:
        case weight_type::bf16: return multiply_adds<peak_floats>(n);
        case weight_type::q8_0: return peak_of<dot_of<weight_type::q8_0>::type>(n);
        case weight_type::i8: return peak_of<row_dot>(n);
        default: return peak_of<dot_of<weight_type::q4_0>::type>(n);
    }
}

#endif

GGCLIP_LEVEL_END
