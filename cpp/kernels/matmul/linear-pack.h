// A linear layer that rounds its result to bytes for the next layer as it is produced, so that the floats (four times
// the bytes) never leave the cache. A group's scale depends on its largest value, so a work item is (block of token
// tiles) x (all panels of a scale group).
#pragma once

#include "kernels/matmul/linear.h"

GGCLIP_LEVEL_BEGIN

constexpr int max_group_panels = max_scale_group / panel_rows;

// A token's results for one scale group, panel by panel.
struct group_row {
    static constexpr int panel_stride = token_tile * panel_rows;  // floats
    const float * sums;                                           // of the first panel
    GGCLIP_INLINE_MEMBER vf at(int i) const { return load_f(sums + i / panel_rows * panel_stride + i % panel_rows); }
    GGCLIP_INLINE_MEMBER vf first(int i, int n) const { return keep_first(at(i), n); }
};

// Destination of a tile's results.
struct group_target {
    weight_type type;
    uint8_t * tile;   // the tile's first block
    int first_block;  // of the group
};

template <unary op>
static void pack_tile(const linear_args & a, const tile_place & at, int n, float * sums, const group_target & target) {
    constexpr int panel_stride = group_row::panel_stride;
    for (int t = 0; t < at.height; t++) {
        float * const row = sums + t * panel_rows;
        for (int i = 0; i < n; i += panel_rows) {
            float * const panel = row + i / panel_rows * panel_stride;
            finish_row<op>(panel, a.bias ? a.bias + at.row + i : nullptr,
                           a.factor ? a.factor + (size_t) (at.token + t) * a.w.n_out + at.row + i : nullptr, nullptr,
                           panel, n - i);
        }
        with_int_format(target.type, [&](auto format) {
            uint8_t * const dst = target.tile + (size_t) target.first_block * at.height * format.token_block_bytes;
            quantize_row(format, offset_of(target.type), group_row{row}, n, format.group(whole_blocks(a.w.n_out)), dst,
                         at.height, t);
        });
    }
}

static void pack_tile(const linear_args & a, const tile_place & at, int n, float * sums, const group_target & target) {
    switch (a.op) {
        case unary::none: return pack_tile<unary::none>(a, at, n, sums, target);
        case unary::quick_gelu: return pack_tile<unary::quick_gelu>(a, at, n, sums, target);
        case unary::gelu_erf: return pack_tile<unary::gelu_erf>(a, at, n, sums, target);
        case unary::gelu_tanh: return pack_tile<unary::gelu_tanh>(a, at, n, sums, target);
        case unary::silu: return pack_tile<unary::silu>(a, at, n, sums, target);
        case unary::relu: return pack_tile<unary::relu>(a, at, n, sums, target);
        case unary::tanh: return pack_tile<unary::tanh>(a, at, n, sums, target);
    }
}

template <weight_type W>
static void linear_pack_of(const linear_args & a, weight_type next, void * packed, int ith, int nth) {
    alignas(64) float sums[max_tiles_per_item][max_group_panels][group_row::panel_stride];
    constexpr int tile_stride = max_group_panels * group_row::panel_stride;

    const int group = scale_group(whole_blocks(a.w.n_out));
    const int n_groups = ceil_div(a.w.n_out, group);
    const token_tiles tiles(a.n_tokens);
    const int n_blocks = token_blocks(tiles, n_groups, nth);
    const size_t token_size = activation_token_size(next, a.w.n_out);
    const auto mine = share(n_blocks * n_groups, ith, nth);
    for (int item = mine.begin; item < mine.end; item++) {
        const int row = item % n_groups * group;
        const int n = min_int(group, a.w.n_out - row);
        const auto block = share(tiles.count, item / n_groups, n_blocks);
        for (int i = 0; i < n; i += panel_rows) {
            multiply_panel<int_linear<W>>(a, tiles, block, (row + i) / panel_rows, sums[0][i / panel_rows],
                                          tile_stride);
        }
        for (int tile = block.begin; tile < block.end; tile++) {
            const group_target target = {next, static_cast<uint8_t *>(packed) + tiles.begin(tile) * token_size,
                                         row / block_size};
            pack_tile(a, {tiles.begin(tile), tiles.height(tile), row}, n, sums[tile - block.begin][0], target);
        }
    }
}

static void linear_pack(const linear_args & a, weight_type next, void * packed, int ith, int nth) {
    switch (a.w.type) {
        case weight_type::q8_0: return linear_pack_of<weight_type::q8_0>(a, next, packed, ith, nth);
        case weight_type::q5_0: return linear_pack_of<weight_type::q5_0>(a, next, packed, ith, nth);
        case weight_type::q5_1: return linear_pack_of<weight_type::q5_1>(a, next, packed, ith, nth);
        case weight_type::q4_0: return linear_pack_of<weight_type::q4_0>(a, next, packed, ith, nth);
        case weight_type::q4_1: return linear_pack_of<weight_type::q4_1>(a, next, packed, ith, nth);
        default: return;
    }
}

GGCLIP_LEVEL_END
