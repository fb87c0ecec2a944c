// The integer micro-kernel: the same register tile as tile-float.h, T tokens x 2 vectors of output rows. For each
// block of 32 inputs the products are summed in integers, then scaled by the weights' scale and added to the float
// sums of the group, which the token's scale takes to the output. The integer sums have the registers; the float sums,
// touched once a block, wait in L1. 4- and 5-bit weights are expanded here, once per tile.
#pragma once

#include "int-format.h"

GGCLIP_LEVEL_BEGIN

// The weights' scales and minimums as floats, made once for all tiles that pass over a chunk of a panel.
template <weight_type W, int N>
struct block_scales {
    alignas(64) float d[N][panel_rows];
    alignas(64) float m[has_min(W) ? N : 1][panel_rows];  // with the offset of the quants taken back

    void read(const uint8_t * w, int n) {
        using format = int_format<W>;
        for (int b = 0; b < n; b++, w += format::block_bytes) {
            for (int r = 0; r < panel_rows; r += lanes) {
                const vf scale = load_f16((const uint16_t *) w + r);
                store_f(d[b] + r, scale);
                if constexpr (has_min(W)) {
                    store_f(m[b] + r, fma(scale, set_f((float) offset_of(W)), load_f16((const uint16_t *) (w + format::min_at) + r)));
                }
            }
        }
    }
};

struct int_tile {
    const uint8_t * w;      // first block of the panel
    const float *   d;      // [n][panel_rows]: the blocks' scales
    const float *   m;      // [n][panel_rows]: their minimums
    const uint8_t * a;      // first block of the tile
    int             n;      // blocks
    int             group;  // blocks that share the tokens' scales
    const float *   start;  // [groups][panel_rows], if sums are shifted
    float *         out;    // [T][panel_rows]
    bool            add_to_out = false;
    fetch_ahead     fetch = {};  // a step with each block
};

// One block's integer sums.
template <weight_type W, int T>
GGCLIP_INLINE void sum_block(const uint8_t * w, const uint8_t * a, vi (&sum)[T][2]) {
    using format = int_format<W>;
    using dot = typename format::dot;
    GGCLIP_UNROLL
    for (int t = 0; t < T; t++) {
        sum[t][0] = dot::start(a + format::corrections_at(T) + t * 4);
        sum[t][1] = sum[t][0];
    }
    const uint8_t * quants = w + format::quants_at;
    if constexpr (!format::nibbles) {
        constexpr int vector_bytes = lanes * dot::group;
        GGCLIP_UNROLL
        for (int g = 0; g < block_size / dot::group; g++) {
            const vi w0 = dot::load_bytes(quants + (2 * g + 0) * vector_bytes);
            const vi w1 = dot::load_bytes(quants + (2 * g + 1) * vector_bytes);
            GGCLIP_UNROLL
            for (int t = 0; t < T; t++) {
                const vi v = broadcast_32(a + t * format::token_quants + g * 4);
                sum[t][0] = dot::step(sum[t][0], w0, v);
                sum[t][1] = dot::step(sum[t][1], w1, v);
            }
        }
    } else {
        constexpr int vector_bytes = lanes * 4;
        GGCLIP_UNROLL
        for (int i = 0; i < 8; i++) {
            const int p = i / 2;
            const int g = p + i % 2 * 4;
            vi        w0 = load_i(quants + (2 * p + 0) * vector_bytes);
            vi        w1 = load_i(quants + (2 * p + 1) * vector_bytes);
            w0 = move_bits(w0, i % 2 * 4, format::nibble_at, 15 << format::nibble_at);
            w1 = move_bits(w1, i % 2 * 4, format::nibble_at, 15 << format::nibble_at);
            if constexpr (has_high_bits(W)) {
                constexpr int high = format::nibble_at + 4;
                w0 = or_i(w0, move_bits(load_i(w + format::high_at), g, high, 1 << high));
                w1 = or_i(w1, move_bits(load_i(w + format::high_at + vector_bytes), g, high, 1 << high));
            }
            GGCLIP_UNROLL
            for (int t = 0; t < T; t++) {
                const vi v = broadcast_32(a + t * format::token_quants + g * 4);
                sum[t][0] = dot::step(sum[t][0], w0, v);
                sum[t][1] = dot::step(sum[t][1], w1, v);
            }
        }
    }
}

template <weight_type W, int T>
static void multiply_tile(const int_tile & x) {
    using format = int_format<W>;
    using dot = typename format::dot;
    const uint8_t * w = x.w;
    const uint8_t * a = x.a;
    const float *   start = x.start;
    const float *   d = x.d;
    const float *   m = x.m;
    fetch_ahead     fetch = x.fetch;
    for (int begin = 0; begin < x.n; begin += x.group) {
        alignas(64) float group[T][panel_rows];  // float sums
        vf                first[2] = {zero_f(), zero_f()};
        if constexpr (dot::shifted_sums) {
            first[0] = load_f(start);
            first[1] = load_f(start + lanes);
            start += panel_rows;
        }
        GGCLIP_UNROLL
        for (int t = 0; t < T; t++) {
            store_f(group[t], first[0]);
            store_f(group[t] + lanes, first[1]);
        }
        const float * token_scales = nullptr;  // the same in all blocks of the group
        const int     end = min_int(begin + x.group, x.n);
        for (int b = begin; b < end; b++, w += format::block_bytes, a += T * format::token_block_bytes, d += panel_rows) {
            fetch.step();
            vi sum[T][2];
            sum_block<W, T>(w, a, sum);

            const vf d0 = load_f(d);
            const vf d1 = load_f(d + lanes);
            GGCLIP_UNROLL
            for (int t = 0; t < T; t++) {
                store_f(group[t], fma(dot::finish(sum[t][0]), d0, load_f(group[t])));
                store_f(group[t] + lanes, fma(dot::finish(sum[t][1]), d1, load_f(group[t] + lanes)));
            }
            if constexpr (has_min(W)) {
                const vf      m0 = load_f(m);
                const vf      m1 = load_f(m + lanes);
                const float * token_sums = (const float *) (a + format::sums_at(T));
                m += panel_rows;
                GGCLIP_UNROLL
                for (int t = 0; t < T; t++) {
                    store_f(group[t], fma(m0, set_f(token_sums[t]), load_f(group[t])));
                    store_f(group[t] + lanes, fma(m1, set_f(token_sums[t]), load_f(group[t] + lanes)));
                }
            }
            token_scales = (const float *) (a + format::scales_at(T));
        }
        const bool is_first = begin == 0 && !x.add_to_out;
        GGCLIP_UNROLL
        for (int t = 0; t < T; t++) {
            float * const out = x.out + t * panel_rows;
            const vf      scale = set_f(token_scales[t]);
            const vf      g[2] = {load_f(group[t]), load_f(group[t] + lanes)};
            store_f(out, is_first ? mul(g[0], scale) : fma(g[0], scale, load_f(out)));
            store_f(out + lanes, is_first ? mul(g[1], scale) : fma(g[1], scale, load_f(out + lanes)));
        }
    }
}

template <weight_type W>
static void multiply_tile(int n_tokens, const int_tile & x) {
    static_assert(token_tile <= 8, "one case per tile height");
    switch (n_tokens) {
        case 1: return multiply_tile<W, 1>(x);
        case 2: return multiply_tile<W, 2>(x);
        case 3: return multiply_tile<W, 3>(x);
        case 4: return multiply_tile<W, 4>(x);
        case 5: return multiply_tile<W, min_int(5, token_tile)>(x);
        case 6: return multiply_tile<W, min_int(6, token_tile)>(x);
        case 7: return multiply_tile<W, min_int(7, token_tile)>(x);
        case 8: return multiply_tile<W, min_int(8, token_tile)>(x);
        default: return;
    }
}

GGCLIP_LEVEL_END
