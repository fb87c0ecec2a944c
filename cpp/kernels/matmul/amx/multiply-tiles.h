// The micro-kernels of tile registers: panels of weights times tiles of tokens (tile-layout.h). Two registers of tokens
// meet two of output rows, half a panel each. Of a lower tile of tokens they compute further rows, whatever those hold,
// whose sums nobody uses.
//
// A group's sums leave the registers through L1, 16 cycles for a tile, which is what a product takes (measured on
// Sapphire Rapids); while products are made, half of the vector units wait. So the products of the next group are
// issued before the sums of one are scaled, and stored after that.
#pragma once

#include "kernels/matmul/amx/tile-layout.h"

GGCLIP_LEVEL_BEGIN

struct group_products {
    const tile_layout & layout;
    const token_tiles & tiles;
    int height;            // tokens
    const uint8_t * w;     // first group of the panel
    const uint8_t * a;     // its quants in the tile of tokens
    const float * scales;  // of its tokens
    int n_groups;
    float * out;  // [height][panel_rows]
    bool add_to_out;
    fetch_ahead fetch;  // one step per unit
};

// Tiles are numbered in the instructions themselves: no function can take a number.
#define GGCLIP_CLEAR_TILES() \
    _tile_zero(0);           \
    _tile_zero(1);           \
    _tile_zero(2);           \
    _tile_zero(3)

constexpr int w_stride = panel_rows * 4;

// out += sums * weights' scale * token's scale, of one token and half a panel.
GGCLIP_INLINE void add_scaled(vf sum, vf d, float scale, bool first, float * out) {
    const vf scaled = mul(sum, d), s = set_f(scale);
    store_f(out, first ? mul(scaled, s) : fma(scaled, s, load_f(out)));
}

// Adds the products of n units of one plane to the tiles of sums. both: whether the second register has tokens.
GGCLIP_INLINE void add_units(const tile_layout & l, const token_tiles & tiles, bool both, const uint8_t * w,
                             const uint8_t * a, int n, fetch_ahead & fetch) {
    for (int u = 0; u < n; u++, w += l.unit_bytes(), a += l.plane_bytes(tiles)) {
        fetch.step();
        _tile_loadd(4, a, l.unit);
        _tile_loadd(6, w, w_stride);
        _tile_dpbssd(0, 4, 6);
        _tile_loadd(7, w + lanes * 4, w_stride);
        _tile_dpbssd(1, 4, 7);
        if (!both) continue;
        _tile_loadd(5, a + tiles.rows * l.unit, l.unit);
        _tile_dpbssd(2, 5, 6);
        _tile_dpbssd(3, 5, 7);
    }
}

// The sums as [token][panel_rows] 32-bit integers.
GGCLIP_INLINE void store_sums(const token_tiles & tiles, bool both, void * to) {
    int32_t * const first = static_cast<int32_t *>(to);
    int32_t * const second = first + tiles.rows * panel_rows;
    _tile_stored(0, first, w_stride);
    _tile_stored(1, first + lanes, w_stride);
    if (!both) return;
    _tile_stored(2, second, w_stride);
    _tile_stored(3, second + lanes, w_stride);
}

// One plane: sums are [token][panel_rows].
static void multiply_byte_groups(const group_products & x) {
    const tile_layout & l = x.layout;
    const int rows = x.tiles.rows;
    const bool both = x.height > rows;
    alignas(64) int32_t sums[2][layer_tile * panel_rows];
    fetch_ahead fetch = x.fetch;
    for (int g = 0; g <= x.n_groups; g++) {
        if (g < x.n_groups) {
            const uint8_t * const w = x.w + g * l.group_bytes() + panel_rows * sizeof(float);
            const uint8_t * const a = x.a + g * l.group_units * l.plane_bytes(x.tiles);
            GGCLIP_CLEAR_TILES();
            add_units(l, x.tiles, both, w, a, l.group_units, fetch);
        }
        if (g > 0) {
            const float * const d = reinterpret_cast<const float *>(x.w + (g - 1) * l.group_bytes());
            const float * const scales = x.scales + (size_t) (g - 1) * 2 * rows;
            const vf d0 = load_f(d), d1 = load_f(d + lanes);
            const int32_t * from = sums[(g - 1) & 1];
            const bool first = g == 1 && !x.add_to_out;
            float * out = x.out;
            for (int t = 0; t < x.height; t++, from += panel_rows, out += panel_rows) {
                add_scaled(to_float(load_i(from)), d0, scales[t], first, out);
                add_scaled(to_float(load_i(from + lanes)), d1, scales[t], first, out + lanes);
            }
        }
        if (g < x.n_groups) store_sums(x.tiles, both, sums[g & 1]);
    }
}

// Two planes: products of high bytes have a tile of sums, and both of a high with a low byte another. Products of low
// bytes are left out: they are less than a 2^14th of the largest, below the rounding of the values.
static void multiply_split_groups(const group_products & x) {
    const tile_layout & l = x.layout;
    const int rows = x.tiles.rows;
    const size_t w_plane = (size_t) l.unit * panel_rows, a_plane = l.plane_bytes(x.tiles);
    alignas(64) int32_t sums[2][4][register_rows * lanes];
    fetch_ahead fetch = x.fetch;
    const int n_halves = x.height > rows ? 2 : 1, n_steps = x.n_groups * n_halves;
    for (int step = 0; step <= n_steps; step++) {
        if (step < n_steps) {
            const int g = step / n_halves, half = step % n_halves;
            const uint8_t * w = x.w + g * l.group_bytes() + panel_rows * sizeof(float);
            const uint8_t * a = x.a + g * l.group_units * 2 * a_plane + half * rows * l.unit;
            GGCLIP_CLEAR_TILES();
            for (int u = 0; u < l.group_units; u++, w += 2 * w_plane, a += 2 * a_plane) {
                if (half == 0) fetch.step();
                _tile_loadd(4, a, l.unit);
                _tile_loadd(6, w, w_stride);
                _tile_dpbssd(0, 4, 6);
                _tile_loadd(5, a + a_plane, l.unit);
                _tile_dpbssd(1, 5, 6);
                _tile_loadd(7, w + lanes * 4, w_stride);
                _tile_dpbssd(2, 4, 7);
                _tile_dpbssd(3, 5, 7);
                _tile_loadd(6, w + w_plane, w_stride);
                _tile_dpbssd(1, 4, 6);
                _tile_loadd(7, w + w_plane + lanes * 4, w_stride);
                _tile_dpbssd(3, 4, 7);
            }
        }
        if (step > 0) {
            const int g = (step - 1) / n_halves, first_token = (step - 1) % n_halves * rows;
            const float * const d = reinterpret_cast<const float *>(x.w + g * l.group_bytes());
            const float * const scales = x.scales + (size_t) g * 2 * rows + first_token;
            const auto & from = sums[(step - 1) & 1];
            const bool first = g == 0 && !x.add_to_out;
            // (128 h + l) (128 h' + l') is 128 (128 h h' + h l' + l h') but for the left out l l'
            const vf shift = set_f(128.0f), d0 = mul(load_f(d), shift), d1 = mul(load_f(d + lanes), shift);
            float * out = x.out + first_token * panel_rows;
            const int n = min_int(rows, x.height - first_token);
            for (int t = 0; t < n; t++, out += panel_rows) {
                const auto sum_of_planes = [&](int tile) {
                    return fma(to_float(load_i(from[tile] + t * lanes)), shift,
                               to_float(load_i(from[tile + 1] + t * lanes)));
                };
                add_scaled(sum_of_planes(0), d0, scales[t], first, out);
                add_scaled(sum_of_planes(2), d1, scales[t], first, out + lanes);
            }
        }
        if (step < n_steps) {
            auto & to = sums[step & 1];
            _tile_stored(0, to[0], lanes * 4);
            _tile_stored(1, to[1], lanes * 4);
            _tile_stored(2, to[2], lanes * 4);
            _tile_stored(3, to[3], lanes * 4);
        }
    }
}

// One group, the row: integer sums wait in `out` between chunks of units.
struct row_products {
    const tile_layout & layout;
    const token_tiles & tiles;
    int height;
    const uint8_t * w;  // first unit of the chunk
    const uint8_t * a;
    int n_units;
    bool begins;           // otherwise sums continue from `out`
    const float * d;       // [panel_rows]: the sums end here; null: they continue
    const float * scales;  // of the tokens
    float * out;           // [height][panel_rows]
    fetch_ahead fetch;     // one step per unit
};

static void multiply_row_units(const row_products & x) {
    const tile_layout & l = x.layout;
    const int rows = x.tiles.rows;
    const bool both = x.height > rows;
    float * const second = x.out + rows * panel_rows;
    GGCLIP_CLEAR_TILES();
    if (!x.begins) {
        _tile_loadd(0, x.out, w_stride);
        _tile_loadd(1, x.out + lanes, w_stride);
        if (both) {
            _tile_loadd(2, second, w_stride);
            _tile_loadd(3, second + lanes, w_stride);
        }
    }
    fetch_ahead fetch = x.fetch;
    add_units(l, x.tiles, both, x.w, x.a, x.n_units, fetch);
    store_sums(x.tiles, both, x.out);
    if (!x.d) return;
    const vf d0 = load_f(x.d), d1 = load_f(x.d + lanes);
    for (int t = 0; t < x.height; t++) {
        float * const out = x.out + t * panel_rows;
        const vf scale = set_f(x.scales[t]);
        store_f(out, mul(to_float(load_i(out)), mul(d0, scale)));
        store_f(out + lanes, mul(to_float(load_i(out + lanes)), mul(d1, scale)));
    }
}

#undef GGCLIP_CLEAR_TILES

GGCLIP_LEVEL_END
