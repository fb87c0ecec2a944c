// The micro-kernel of `precision: 'fast'`: weights as bytes with one scale per output row, activations with one per
// token, so that a product is summed in integers over the whole row and scaled once.
//
// Weights: panels of panel_rows output rows: float d[rows], int32 start[rows] (what the sums start at: it takes back
// what unsigned activations add), then blocks of 32 inputs (the last one filled up with zeros), each in the order of
// int-format.h's q8_0 quants. Activations: for each tile of T tokens quants [T][32] for each block, then float d[T].
#pragma once

#include "kernels/matmul/int-format.h"

GGCLIP_LEVEL_BEGIN

struct row_format {
    using dot = typename dot_of<weight_type::q8_0>::type;
    static constexpr int group = dot::group;
    static constexpr int block_bytes = panel_rows * block_size;
    static constexpr int start_at = panel_rows * 4;
    static constexpr int quants_at = panel_rows * 8;
    static constexpr int token_quants = block_size * (int) sizeof(typename dot::activation);
    static constexpr int n_blocks(int n_in) { return ceil_div(n_in, block_size); }
    static constexpr size_t token_bytes(int n_in) { return (size_t) n_blocks(n_in) * token_quants + 4; }
    static constexpr size_t scales_at(int n_in, int n_tokens) { return (size_t) n_tokens * n_blocks(n_in) * token_quants; }
};

struct row_tile {
    const uint8_t * w;         // first block
    const uint8_t * a;         // first block of the tile
    int             n;         // blocks
    const uint8_t * start;     // [panel_rows]: the sums start here; null: they go on from `out`
    const float *   w_scales;  // [panel_rows]: the sums end here; null: they stay integers
    const float *   a_scales;  // [T]
    float *         out;       // [T][panel_rows]
    fetch_ahead     fetch = {};     // a step with each block
};

template <int T>
static void multiply_tile(const row_tile & x) {
    using dot = row_format::dot;
    vi sum[T][2];
    GGCLIP_UNROLL
    for (int t = 0; t < T; t++) {
        sum[t][0] = x.start ? load_i(x.start) : load_i(x.out + t * panel_rows);
        sum[t][1] = x.start ? load_i(x.start + lanes * 4) : load_i(x.out + t * panel_rows + lanes);
    }
    const uint8_t * w = x.w;
    const uint8_t * a = x.a;
    fetch_ahead     fetch = x.fetch;
    for (int b = 0; b < x.n; b++, w += row_format::block_bytes, a += T * row_format::token_quants) {
        fetch.step();
        dot::template add_products<T>(w, a, row_format::token_quants, sum);
    }
    GGCLIP_UNROLL
    for (int t = 0; t < T; t++) {
        float * const out = x.out + t * panel_rows;
        if (x.w_scales) {
            const vf scale = set_f(x.a_scales[t]);
            store_f(out, mul(to_float(sum[t][0]), mul(load_f(x.w_scales), scale)));
            store_f(out + lanes, mul(to_float(sum[t][1]), mul(load_f(x.w_scales + lanes), scale)));
        } else {
            store_i(out, sum[t][0]);
            store_i(out + lanes, sum[t][1]);
        }
    }
}

static void multiply_tile(int n_tokens, const row_tile & x) {
    switch (n_tokens) {
        case 1: return multiply_tile<1>(x);
        case 2: return multiply_tile<2>(x);
        case 3: return multiply_tile<3>(x);
        case 4: return multiply_tile<4>(x);
        case 5: return multiply_tile<min_int(5, token_tile)>(x);
        case 6: return multiply_tile<min_int(6, token_tile)>(x);
        case 7: return multiply_tile<min_int(7, token_tile)>(x);
        case 8: return multiply_tile<min_int(8, token_tile)>(x);
        default: return;
    }
}

GGCLIP_LEVEL_END
