// Chunks of panels that are multiplied in tile registers.
#pragma once

#include "kernels/matmul/amx/multiply-tiles.h"
#include "kernels/matmul/chunks.h"

GGCLIP_LEVEL_BEGIN

struct tile_chunk {
    const linear_args & a;
    int panel, begin, n;  // n units starting at unit `begin`
    const tile_layout layout;
    tile_chunk(const linear_args & a, int panel, int begin, int n)
        : a(a), panel(panel), begin(begin), n(n), layout(a.w.type, a.w.n_in) {}

    struct registers : tile_registers {
        registers(const linear_args & a, const token_tiles & tiles)
            : tile_registers(tiles.rows, tile_layout(a.w.type, a.w.n_in).unit) {}
    };

  protected:
    const uint8_t * weights() const { return a.w.data + panel * layout.panel_bytes(); }
    const uint8_t * tokens(const token_tiles & tiles, int tile) const {
        return static_cast<const uint8_t *>(a.act) + tile * layout.tile_bytes(tiles);
    }
    const float * scales(const token_tiles & tiles, int tile, int group) const {
        return reinterpret_cast<const float *>(tokens(tiles, tile) + layout.scales_at(tiles, group));
    }
};

// Whole groups; a unit of the driver is split_group inputs.
template <int planes>
struct group_linear : tile_chunk {
    using tile_chunk::tile_chunk;
    static constexpr int unit = split_group;
    static constexpr int unit_bytes = panel_rows * (4 + planes * unit);  // of one group
    static constexpr int chunk_units = chunk_bytes / unit_bytes;
    static constexpr int head(int) { return 0; }
    static constexpr int steps(int n) { return n * unit / most_unit; }

    void multiply(const token_tiles & tiles, int tile, float * sums, fetch_ahead fetch) const {
        const int per_unit = unit / layout.group(), first = begin * per_unit;
        const group_products x = {layout,
                                  tiles,
                                  tiles.height(tile),
                                  weights() + first * layout.group_bytes(),
                                  tokens(tiles, tile) + layout.quants_at(tiles, first * layout.group_units),
                                  scales(tiles, tile, first),
                                  min_int(n * per_unit, layout.n_groups - first),
                                  sums,
                                  begin != 0,
                                  fetch};
        if constexpr (planes == 2) multiply_split_groups(x);
        else multiply_byte_groups(x);
    }
};

struct row_tile_linear : tile_chunk {
    using tile_chunk::tile_chunk;
    static constexpr int unit = most_unit;
    static constexpr int unit_bytes = panel_rows * unit;
    static constexpr int chunk_units = 2 * chunk_bytes / unit_bytes;  // sums are loaded and stored for each chunk
    static constexpr int head(int) { return panel_rows * (int) sizeof(float); }
    static constexpr int steps(int n) { return n; }

    void multiply(const token_tiles & tiles, int tile, float * sums, fetch_ahead fetch) const {
        const uint8_t * const w = weights();
        multiply_row_units({layout, tiles, tiles.height(tile), w + head(0) + (size_t) begin * unit_bytes,
                            tokens(tiles, tile) + layout.quants_at(tiles, begin), n, begin == 0,
                            begin + n == layout.n_units() ? reinterpret_cast<const float *>(w) : nullptr,
                            scales(tiles, tile, 0), sums, fetch});
    }
};

// Calls f with the chunk_type of weights in blocks.
template <class F>
static void with_block_chunk_type(weight_type, F && f) {
    f(chunk_type<group_linear<1>>{});
}

template <class F>
static void with_chunk_type(weight_type type, F && f) {
    if (type == weight_type::f32) f(chunk_type<float_linear>{});
    else if (type == weight_type::i8) f(chunk_type<row_tile_linear>{});
    else if (is_split(type)) f(chunk_type<group_linear<2>>{});
    else with_block_chunk_type(type, f);
}

GGCLIP_LEVEL_END
