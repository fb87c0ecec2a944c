// The integer micro-kernel, with the register tile of tile-float.h: T tokens x 2 vectors of output rows. Each block of
// 32 inputs (or all blocks of a group, if its weights have one scale) is summed in integers, scaled by the weights'
// scale and added to the group's float sums; these are multiplied by the token's scale for the output. Integer sums
// occupy the registers; the float sums, used once per block, stay in L1. Weights are bytes and float scales, prepared
// by int-chunk.h.
#pragma once

#include "kernels/matmul/int-format.h"

GGCLIP_LEVEL_BEGIN

struct int_tile {
    const uint8_t * quants;     // of the first block
    int stride;                 // bytes between blocks
    const float * d;            // [n][panel_rows]: the blocks' scales
    const float * m;            // [n][panel_rows]: their minimums
    const uint8_t * a;          // first block of the tile
    int n;                      // blocks
    int group;                  // blocks that share a token's scale
    const float * start;        // [groups][panel_rows], if sums are shifted
    const float * weight_sums;  // [n][panel_rows], if each group of a token has its own range
    float * out;                // [T][panel_rows]
    bool add_to_out = false;
    fetch_ahead fetch = {};  // one step per block
};

// For activations with one range per group, and weights with one scale.
template <class Tokens, int T>
static void multiply_ranges(const int_tile & x) {
    using dot = typename Tokens::dot;
    const uint8_t * quants = x.quants;
    const uint8_t * a = x.a;
    const float * d = x.d;
    const float * weight_sums = x.weight_sums;
    fetch_ahead fetch = x.fetch;
    if (!x.add_to_out) clear_sums<T>(x.out);
    for (int begin = 0; begin < x.n; begin += x.group, d += x.group * panel_rows, weight_sums += x.group * panel_rows) {
        const int n = min_int(x.group, x.n - begin);
        const float * const token_scales = reinterpret_cast<const float *>(a + Tokens::scales_at(T));
        const float * const token_mins = reinterpret_cast<const float *>(a + Tokens::mins_at(T));
        vi sum[T][2];
        GGCLIP_UNROLL
        for (int t = 0; t < T; t++) sum[t][0] = sum[t][1] = zero_i();
        GGCLIP_UNROLL
        for (int b = 0; b < dot::range_group / block_size && b < n; b++) {
            fetch.step();
            dot::template add_products<T>(quants, a, Tokens::token_quants, sum);
            quants += x.stride;
            a += T * Tokens::token_block_bytes;
        }
        const vf d0 = load_f(d), d1 = load_f(d + lanes);
        const vf sums0 = load_f(weight_sums), sums1 = load_f(weight_sums + lanes);
        GGCLIP_UNROLL
        for (int t = 0; t < T; t++) {
            const vf scale = set_f(token_scales[t]), min = set_f(token_mins[t]);
            float * const out = x.out + t * panel_rows;
            store_f(out, fma(mul(dot::finish(sum[t][0]), d0), scale, fma(sums0, min, load_f(out))));
            store_f(out + lanes, fma(mul(dot::finish(sum[t][1]), d1), scale, fma(sums1, min, load_f(out + lanes))));
        }
    }
}

// For weights with one scale in a group. Inlined, GCC 12 spills its sums.
template <class Tokens, int T>
GGCLIP_NOINLINE void multiply_joined(const int_tile & x) {
    using dot = typename Tokens::dot;
    const uint8_t * quants = x.quants;
    const uint8_t * a = x.a;
    const float * d = x.d;
    const float * start = x.start;
    fetch_ahead fetch = x.fetch;
    if (!x.add_to_out) clear_sums<T>(x.out);
    for (int begin = 0; begin < x.n; begin += x.group, d += x.group * panel_rows, start += panel_rows) {
        const int n = min_int(x.group, x.n - begin);
        const float * const token_scales = reinterpret_cast<const float *>(a + Tokens::scales_at(T));
        vi sum[T][2];
        GGCLIP_UNROLL
        for (int t = 0; t < T; t++) sum[t][0] = sum[t][1] = dot::start(nullptr);
        for (int b = 0; b < n; b++, quants += x.stride, a += T * Tokens::token_block_bytes) {
            fetch.step();
            dot::template add_products<T>(quants, a, Tokens::token_quants, sum);
        }
        const vf d0 = load_f(d), d1 = load_f(d + lanes);
        vf start0 = zero_f(), start1 = zero_f();
        if constexpr (dot::shifted_sums) {
            start0 = load_f(start);
            start1 = load_f(start + lanes);
        }
        GGCLIP_UNROLL
        for (int t = 0; t < T; t++) {
            float * const out = x.out + t * panel_rows;
            const vf scale = set_f(token_scales[t]);
            store_f(out, fma(fma(dot::finish(sum[t][0]), d0, start0), scale, load_f(out)));
            store_f(out + lanes, fma(fma(dot::finish(sum[t][1]), d1, start1), scale, load_f(out + lanes)));
        }
    }
}

template <class Tokens, int T>
static void multiply_blocks(const int_tile & x) {
    using dot = typename Tokens::dot;
    const uint8_t * quants = x.quants;
    const uint8_t * a = x.a;
    const float * start = x.start;
    const float * d = x.d;
    const float * m = x.m;
    fetch_ahead fetch = x.fetch;
    for (int begin = 0; begin < x.n; begin += x.group) {
        alignas(64) float group[T][panel_rows];  // float sums
        vf first[2] = {zero_f(), zero_f()};
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
        const float * token_scales = nullptr;  // the same for all blocks of the group
        const int end = min_int(begin + x.group, x.n);
        for (int b = begin; b < end; b++, quants += x.stride, a += T * Tokens::token_block_bytes, d += panel_rows) {
            fetch.step();
            vi sum[T][2];
            GGCLIP_UNROLL
            for (int t = 0; t < T; t++) sum[t][0] = sum[t][1] = dot::start(a + Tokens::corrections_at(T) + t * 4);
            dot::template add_products<T>(quants, a, Tokens::token_quants, sum);

            const vf d0 = load_f(d);
            const vf d1 = load_f(d + lanes);
            GGCLIP_UNROLL
            for (int t = 0; t < T; t++) {
                store_f(group[t], fma(dot::finish(sum[t][0]), d0, load_f(group[t])));
                store_f(group[t] + lanes, fma(dot::finish(sum[t][1]), d1, load_f(group[t] + lanes)));
            }
            if constexpr (Tokens::with_min) {
                const vf m0 = load_f(m);
                const vf m1 = load_f(m + lanes);
                const float * token_sums = reinterpret_cast<const float *>(a + Tokens::sums_at(T));
                m += panel_rows;
                GGCLIP_UNROLL
                for (int t = 0; t < T; t++) {
                    store_f(group[t], fma(m0, set_f(token_sums[t]), load_f(group[t])));
                    store_f(group[t] + lanes, fma(m1, set_f(token_sums[t]), load_f(group[t] + lanes)));
                }
            }
            token_scales = reinterpret_cast<const float *>(a + Tokens::scales_at(T));
        }
        const bool is_first = begin == 0 && !x.add_to_out;
        GGCLIP_UNROLL
        for (int t = 0; t < T; t++) {
            float * const out = x.out + t * panel_rows;
            const vf scale = set_f(token_scales[t]);
            const vf g[2] = {load_f(group[t]), load_f(group[t] + lanes)};
            store_f(out, is_first ? mul(g[0], scale) : fma(g[0], scale, load_f(out)));
            store_f(out + lanes, is_first ? mul(g[1], scale) : fma(g[1], scale, load_f(out + lanes)));
        }
    }
}

template <class Format, int T>
static void multiply_int_tile(const int_tile & x) {
    using tokens = typename Format::tokens;
    if constexpr (Format::dot::ranges) multiply_ranges<tokens, T>(x);
    else if constexpr (Format::joined) multiply_joined<tokens, T>(x);
    else multiply_blocks<tokens, T>(x);
}

template <class Format>
static void multiply_int_tile(int n_tokens, const int_tile & x) {
    with_tile_height(
        n_tokens, [&](auto height) { multiply_int_tile<Format, height.n>(x); });
}

GGCLIP_LEVEL_END
