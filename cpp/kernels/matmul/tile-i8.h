// Micro-kernel for `precision: 'fast'`: byte weights with one scale per output row and activations with one scale per
// token, so that a product is summed in integers over the whole row and scaled once.
//
// Weights: panels of panel_rows output rows: float d[rows], int32 start[rows] (initial values of the sums, which cancel
// the offset of unsigned activations), then units of 32 inputs (the last zero-padded), each in the order of
// int-format.h's q8_0 quants. Activations, for each tile of T tokens: quants [T][unit] for each unit, then float d[T].
//
// If the dot product has ranges, a unit has row_unit inputs, activations have one range per unit, and each unit's
// products are scaled before they are added. Weights: float d[rows], then units: int16 sum[rows] of the quants, quants.
// Activations, for each tile and unit: quants [T][unit], float d[T], float min[T].
#pragma once

#include "kernels/matmul/int-format.h"

GGCLIP_LEVEL_BEGIN

struct row_format {
    using dot = row_dot;
    static constexpr bool ranges = dot::ranges;
    static constexpr int group = dot::group;
    static constexpr int unit = dot::row_unit;                     // inputs
    static constexpr int quants_at = ranges ? panel_rows * 2 : 0;  // in a unit
    static constexpr int unit_bytes = quants_at + panel_rows * unit;
    static constexpr int start_at = panel_rows * 4;
    static constexpr int units_at = panel_rows * (ranges ? 4 : 8);
    static constexpr int token_quants = unit * (int) sizeof(typename dot::activation);
    static constexpr int token_unit_bytes = token_quants + (ranges ? 8 : 0);
    static constexpr int n_units(int n_in) { return ceil_div(n_in, unit); }
    static constexpr size_t panel_bytes(int n_in) { return units_at + (size_t) n_units(n_in) * unit_bytes; }
    static constexpr size_t token_bytes(int n_in) {
        return (size_t) n_units(n_in) * token_unit_bytes + (ranges ? 0 : 4);
    }
    static constexpr size_t scales_at(int n_in, int n_tokens) {
        return (size_t) n_tokens * n_units(n_in) * token_quants;
    }
};

struct row_tile {
    const uint8_t * w;       // first unit
    const uint8_t * a;       // first unit of the tile
    int n;                   // units
    bool begins;             // the row begins here; otherwise sums continue from `out`
    const uint8_t * start;   // [panel_rows]: initial integer sums of a row
    const float * w_scales;  // [panel_rows]: the sums end here; null: they continue
    const float * a_scales;  // [T], for whole rows
    float * out;             // [T][panel_rows]
    fetch_ahead fetch = {};  // one step per unit
};

// For activations with one range per unit.
template <class Format, int T>
static void multiply_unit_ranges(const row_tile & x) {
    using dot = typename Format::dot;
    const uint8_t * w = x.w;
    const uint8_t * a = x.a;
    fetch_ahead fetch = x.fetch;
    if (x.begins) clear_sums<T>(x.out);
    for (int u = 0; u < x.n; u++, w += Format::unit_bytes, a += T * Format::token_unit_bytes) {
        fetch.step();
        vi sum[T][2];
        GGCLIP_UNROLL
        for (int t = 0; t < T; t++) sum[t][0] = sum[t][1] = zero_i();
        GGCLIP_UNROLL
        for (int i = 0; i < Format::unit; i += block_size)
            dot::template add_products<T>(w + Format::quants_at + i * panel_rows, a + i, Format::token_quants, sum);
        const float * const token_scales = reinterpret_cast<const float *>(a + T * Format::token_quants);
        const float * const token_mins = token_scales + T;
        for (int half = 0; half < 2; half++) {
            const vf sums = dot::row_sums(w + half * lanes * 2);
            GGCLIP_UNROLL
            for (int t = 0; t < T; t++) {
                float * const out = x.out + t * panel_rows + half * lanes;
                const vf at_min = fma(sums, set_f(token_mins[t]), load_f(out));
                store_f(out, fma(dot::finish(sum[t][half]), set_f(token_scales[t]), at_min));
            }
        }
    }
    for (int t = 0; x.w_scales && t < T; t++) {
        float * const out = x.out + t * panel_rows;
        store_f(out, mul(load_f(out), load_f(x.w_scales)));
        store_f(out + lanes, mul(load_f(out + lanes), load_f(x.w_scales + lanes)));
    }
}

// For activations with one scale per row.
template <class Format, int T>
static void multiply_rows(const row_tile & x) {
    using dot = typename Format::dot;
    vi sum[T][2];
    GGCLIP_UNROLL
    for (int t = 0; t < T; t++) {
        sum[t][0] = x.begins ? load_i(x.start) : load_i(x.out + t * panel_rows);
        sum[t][1] = x.begins ? load_i(x.start + lanes * 4) : load_i(x.out + t * panel_rows + lanes);
    }
    const uint8_t * w = x.w;
    const uint8_t * a = x.a;
    fetch_ahead fetch = x.fetch;
    for (int b = 0; b < x.n; b++, w += Format::unit_bytes, a += T * Format::token_quants) {
        fetch.step();
        dot::template add_products<T>(w, a, Format::token_quants, sum);
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
    with_tile_height(
        n_tokens,
        [&](auto height) {
            if constexpr (row_format::ranges) multiply_unit_ranges<row_format, height.n>(x);
            else multiply_rows<row_format, height.n>(x);
        });
}

GGCLIP_LEVEL_END
