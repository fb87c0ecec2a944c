// How weights and tokens lie in memory for tile registers.
//
// All quantised weights become signed bytes with one scale for each output row and group of inputs, as tokens do: a
// group's products are summed in the registers. f16 and bf16 weights have 15 bits (-16319..16319) and two planes, of
// high and of low bytes: 128 high + low. i8 weights and their tokens have one group, the row.
//
// A group is a number of units of up to 64 inputs, one product; zeros fill the last group. Weights: panels of
// panel_rows output rows. A panel is a sequence of groups: float d[rows], then for each unit and plane [unit /
// 4][rows][4] bytes. Tokens, in tiles of as many as two registers hold, whether or not the last has them all: for each
// unit and plane [tokens][unit] bytes, and after all of these float d[tokens] for each group.
#pragma once

#include "kernels/matmul/blocks.h"
#include "kernels/matmul/token-tiles.h"

GGCLIP_LEVEL_BEGIN

constexpr int most_unit = 64;     // bytes of a register's row
constexpr int split_group = 128;  // inputs
constexpr float split_limit = 127 * 128 + 63;

constexpr bool is_split(weight_type type) { return type == weight_type::f16 || type == weight_type::bf16; }
constexpr bool uses_tiles(weight_type type) { return type != weight_type::f32; }

struct tile_layout {
    int planes;
    int unit;         // inputs of a product
    int group_units;  // units that share a scale
    int n_groups;

    tile_layout(weight_type type, int n_in) {
        const int group = type == weight_type::i8 ? ceil_div(n_in, most_unit) * most_unit
                          : is_split(type)        ? split_group
                                                  : scale_group(whole_blocks(n_in));
        planes = is_split(type) ? 2 : 1;
        unit = min_int(group, most_unit);
        group_units = group / unit;
        n_groups = ceil_div(n_in, group);
    }

    int group() const { return group_units * unit; }
    int n_units() const { return n_groups * group_units; }

    // Of weights.
    size_t unit_bytes() const { return (size_t) planes * unit * panel_rows; }
    size_t group_bytes() const { return panel_rows * sizeof(float) + group_units * unit_bytes(); }
    size_t panel_bytes() const { return n_groups * group_bytes(); }

    // Of a tile of tokens.
    size_t plane_bytes(const token_tiles & tiles) const { return (size_t) 2 * tiles.rows * unit; }
    size_t quants_at(const token_tiles & tiles, int unit_index) const {
        return (size_t) unit_index * planes * plane_bytes(tiles);
    }
    size_t scales_at(const token_tiles & tiles, int group_index) const {
        return quants_at(tiles, n_units()) + (size_t) group_index * 2 * tiles.rows * sizeof(float);
    }
    size_t tile_bytes(const token_tiles & tiles) const { return (scales_at(tiles, n_groups) + 63) / 64 * 64; }
};

GGCLIP_LEVEL_END
