// Micro-kernel for f16 and bf16 weights on x86 except amx: 16-bit integer products, two per lane, at half-precision
// accuracy; with VNNI, which adds them in one instruction, at twice the float kernel's speed.
//
// Weights and activations are rounded to 13 bits (-4095..4095) with one scale per row or token and 64 inputs. Sums of
// 64 such products stay below 2^31, so a block is summed in integers. The step of a weight is 1/4095 of its block's
// largest; f16 itself has 1/2048 of the weight.
//
// Weights: panels of panel_rows output rows. A panel is a sequence of blocks of 64 inputs, the last zero-padded: float
// d[rows], then [rows][2] words for each pair of inputs. Activations, for each tile of T tokens and each block: words
// [T][64], float d[T].
#pragma once

#include "kernels/matmul/tile-float.h"

GGCLIP_LEVEL_BEGIN

constexpr int word_block = 64;
constexpr float word_limit = 4095.0f;

struct word_format {
    static constexpr int quants_at = panel_rows * 4;
    static constexpr int block_bytes = quants_at + panel_rows * word_block * 2;
    static constexpr int token_quants = word_block * 2;
    static constexpr int token_block_bytes = token_quants + 4;
    static constexpr int scales_at(int n) { return n * token_quants; }
};

static inline int word_blocks(int n_in) { return ceil_div(n_in, word_block); }

// Whether weights of this type are multiplied as 16-bit words.
constexpr bool uses_words(weight_type type) {
#if defined(GGCLIP_DPWSSD)
    return type == weight_type::f16 || type == weight_type::bf16;
#else
    (void) type;
    return false;
#endif
}

#if defined(GGCLIP_DPWSSD)
struct word_tile {
    const uint8_t * w;  // first block of the panel
    const uint8_t * a;  // first block of the tile
    int n;              // blocks
    float * out;        // [T][out_stride]
    bool add_to_out = false;
    fetch_ahead fetch = {};  // one step per block
    size_t out_stride = panel_rows;
    int last_pairs = word_block / 2;  // pairs of inputs in the last block, a multiple of 8
};

template <int T>
static void multiply_tile(const word_tile & x) {
    constexpr int vector_bytes = lanes * 4;
    const uint8_t * w = x.w;
    const uint8_t * a = x.a;
    fetch_ahead fetch = x.fetch;
    for (int b = 0; b < x.n; b++, w += word_format::block_bytes, a += T * word_format::token_block_bytes) {
        fetch.step();
        vi sum[T][2];
        GGCLIP_UNROLL
        for (int t = 0; t < T; t++) sum[t][0] = sum[t][1] = zero_i();
        const uint8_t * quants = w + word_format::quants_at;
        const int n_pairs = b + 1 < x.n ? word_block / 2 : x.last_pairs;
        for (int first = 0; first < n_pairs; first += 8, quants += 16 * vector_bytes) {
            GGCLIP_UNROLL
            for (int i = 0; i < 8; i++) {
                const vi w0 = load_i(quants + (2 * i + 0) * vector_bytes);
                const vi w1 = load_i(quants + (2 * i + 1) * vector_bytes);
                GGCLIP_UNROLL
                for (int t = 0; t < T; t++) {
                    const vi v = broadcast_32(a + t * word_format::token_quants + (first + i) * 4);
                    sum[t][0] = GGCLIP_DPWSSD(sum[t][0], w0, v);
                    sum[t][1] = GGCLIP_DPWSSD(sum[t][1], w1, v);
                }
            }
        }
        const float * scales = reinterpret_cast<const float *>(w);
        const vf d[2] = {load_f(scales), load_f(scales + lanes)};
        const float * token_scales = reinterpret_cast<const float *>(a + word_format::scales_at(T));
        const bool is_first = b == 0 && !x.add_to_out;
        GGCLIP_UNROLL
        for (int t = 0; t < T; t++) {
            float * const out = x.out + t * x.out_stride;
            const vf scale = set_f(token_scales[t]);
            const vf s[2] = {to_float(sum[t][0]), to_float(sum[t][1])};
            const vf d0 = mul(d[0], scale), d1 = mul(d[1], scale);
            store_f(out, is_first ? mul(s[0], d0) : fma(s[0], d0, load_f(out)));
            store_f(out + lanes, is_first ? mul(s[1], d1) : fma(s[1], d1, load_f(out + lanes)));
        }
    }
}

static void multiply_tile(int n_tokens, const word_tile & x) {
    with_tile_height(
        n_tokens, [&](auto height) { multiply_tile<height.n>(x); });
}
#endif

GGCLIP_LEVEL_END
