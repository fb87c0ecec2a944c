// A linear layer that rounds its result to bytes for the next layer as it is produced, so that the floats (four times
// the bytes) never leave the cache. A group's scale depends on its largest value, so a work item is (block of token
// tiles) x (all panels of a scale group).
#pragma once

#include "kernels/matmul/linear.h"

GGCLIP_LEVEL_BEGIN

constexpr int max_group_panels = max_scale_group / panel_rows;

// A token's results for one scale group, panel by panel.
struct group_row {
    static constexpr int panel_stride = layer_tile * panel_rows;  // floats
    const float * sums;                                           // of the first panel
    GGCLIP_INLINE_MEMBER vf at(int i) const { return load_f(sums + i / panel_rows * panel_stride + i % panel_rows); }
    GGCLIP_INLINE_MEMBER vf first(int i, int n) const { return keep_first(at(i), n); }
};

// Destination of a tile's results.
struct group_target {
    weight_type type;
    const token_tiles & tiles;
    uint8_t * tile;
    int first;  // input of the next layer
};

template <class Unary>
static void pack_tile(const linear_args & a, const tile_place & at, int n, float * sums, const group_target & target) {
    constexpr int panel_stride = group_row::panel_stride;
    for (int t = 0; t < at.height; t++) {
        float * const row = sums + t * panel_rows;
        for (int i = 0; i < n; i += panel_rows) {
            float * const panel = row + i / panel_rows * panel_stride;
            finish_row<Unary>(panel, a.bias ? a.bias + at.row + i : nullptr,
                              a.factor ? a.factor + (size_t) (at.token + t) * a.w.n_out + at.row + i : nullptr, nullptr,
                              panel, n - i);
        }
        pack_group(target.type, a.w.n_out, group_row{row}, n, target.first, target.tiles, at.height, target.tile, t);
    }
}

static void pack_tile(const linear_args & a, const tile_place & at, int n, float * sums, const group_target & target) {
    with_unary(
        a, [&](auto form) { pack_tile<decltype(form)>(a, at, n, sums, target); });
}

template <class L>
static void linear_pack_of(const linear_args & a, weight_type next, void * packed, int ith, int nth) {
    alignas(64) float sums[max_tiles_per_item][max_group_panels][group_row::panel_stride];
    constexpr int tile_stride = max_group_panels * group_row::panel_stride;

    const int group = scale_group(whole_blocks(a.w.n_out));
    const int n_groups = ceil_div(a.w.n_out, group);
    const token_tiles tiles(a.n_tokens);
    const int n_blocks = token_blocks(tiles, n_groups, nth);
    const auto mine = share(n_blocks * n_groups, ith, nth);
    if (mine.begin == mine.end) return;
    [[maybe_unused]] const typename L::registers registers(a, tiles);
    for (int item = mine.begin; item < mine.end; item++) {
        const int row = item % n_groups * group;
        const int n = min_int(group, a.w.n_out - row);
        const auto block = share(tiles.count, item / n_groups, n_blocks);
        for (int i = 0; i < n; i += panel_rows)
            multiply_panel<L>(a, tiles, block, (row + i) / panel_rows, sums[0][i / panel_rows], tile_stride);
        for (int tile = block.begin; tile < block.end; tile++) {
            uint8_t * const to = static_cast<uint8_t *>(packed) + activation_tile_at(next, tiles, tile, a.w.n_out);
            const group_target target = {next, tiles, to, row};
            pack_tile(a, {tiles.begin(tile), tiles.height(tile), row}, n, sums[tile - block.begin][0], target);
        }
    }
}

static void linear_pack(const linear_args & a, weight_type next, void * packed, int ith, int nth) {
    with_block_chunk_type(
        a.w.type, [&](auto chunk) { linear_pack_of<typename decltype(chunk)::type>(a, next, packed, ith, nth); });
}

GGCLIP_LEVEL_END
