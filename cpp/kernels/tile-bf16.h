// The bf16 micro-kernel of levels that have vdpbf16ps: two products a lane, twice the float kernel's speed. It
// serves bf16 and f16 weights when activations may be rounded (activation_scale::row); with activation_scale::block
// these weights are multiplied in f32. Activations become bf16 rows; a chunk of the weights is turned into
// [pair of inputs][panel_rows][2] once and then used by all token tiles.
#pragma once

#include <string.h>

#include "tile-float.h"

GGCLIP_LEVEL_BEGIN

// Two vectors of floats to bf16, interleaved: (even, odd), rounded to nearest even. Finite values only.
GGCLIP_INLINE vi round_to_bf16(vf x) {
    const vi bits = _mm512_castps_si512(x);
    const vi odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    return _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
}
GGCLIP_INLINE vi pair_bf16(vf even, vf odd) {
    const vi high = _mm512_and_si512(round_to_bf16(odd), _mm512_set1_epi32((int) 0xffff0000));
    return _mm512_or_si512(_mm512_srli_epi32(round_to_bf16(even), 16), high);
}
GGCLIP_INLINE void store_as_bf16(uint16_t * p, vf x) {
    _mm256_storeu_si256((__m256i *) p, _mm512_cvtepi32_epi16(_mm512_srli_epi32(round_to_bf16(x), 16)));
}

// sum + the two products of each lane's pairs. The copies, for vector types that cannot be cast, cost nothing.
GGCLIP_INLINE vf add_pair_products(vf sum, vi a, vi b) {
    __m512bh x, y;
    memcpy(&x, &a, sizeof(x));
    memcpy(&y, &b, sizeof(y));
    return _mm512_dpbf16_ps(sum, x, y);
}

// n inputs of a panel, an odd last one paired with 0.
template <class W>
static void pair_weights(const typename W::value * w, int n, uint8_t * dst) {
    for (int k = 0; k < n; k += 2, w += 2 * panel_rows) {
        for (int v = 0; v < 2; v++, dst += sizeof(vi)) {
            const vf odd = k + 1 < n ? W::load(w + panel_rows + v * lanes) : zero_f();
            store_i(dst, pair_bf16(W::load(w + v * lanes), odd));
        }
    }
}

struct bf16_tile {
    const uint8_t *  w;         // [n_pairs][panel_rows][2]
    const uint16_t * a;         // [T][a_stride]
    size_t           a_stride;  // in values
    int              n_pairs;
    float *          out;  // [T][panel_rows]
    bool             add_to_out;
};

template <int T>
static void multiply_tile(const bf16_tile & x) {
    vf sum[T][2];
    GGCLIP_UNROLL
    for (int t = 0; t < T; t++) {
        sum[t][0] = x.add_to_out ? load_f(x.out + t * panel_rows) : zero_f();
        sum[t][1] = x.add_to_out ? load_f(x.out + t * panel_rows + lanes) : zero_f();
    }
    const uint8_t *  w = x.w;
    const uint16_t * a = x.a;
    for (int k = 0; k < x.n_pairs; k++, w += 2 * sizeof(vi), a += 2) {
        const vi w0 = load_i(w);
        const vi w1 = load_i(w + sizeof(vi));
        GGCLIP_UNROLL
        for (int t = 0; t < T; t++) {
            const vi v = broadcast_32(a + t * x.a_stride);
            sum[t][0] = add_pair_products(sum[t][0], v, w0);
            sum[t][1] = add_pair_products(sum[t][1], v, w1);
        }
    }
    GGCLIP_UNROLL
    for (int t = 0; t < T; t++) {
        store_f(x.out + t * panel_rows, sum[t][0]);
        store_f(x.out + t * panel_rows + lanes, sum[t][1]);
    }
}

static void multiply_tile(int n_tokens, const bf16_tile & x) {
    switch (n_tokens) {
        case 1: return multiply_tile<1>(x);
        case 2: return multiply_tile<2>(x);
        case 3: return multiply_tile<3>(x);
        case 4: return multiply_tile<4>(x);
        case 5: return multiply_tile<5>(x);
        case 6: return multiply_tile<6>(x);
        case 7: return multiply_tile<7>(x);
        case 8: return multiply_tile<8>(x);
        default: return;
    }
}

GGCLIP_LEVEL_END
