// Integer dot products with AMX-INT8: tdpbssd multiplies a tile of T tokens by a tile of 16 output rows, both signed
// bytes of up to 64 inputs, and adds exact sums to a tile of 32-bit integers. (Intel's Architectures Software
// Developer's Manual, volume 1, chapter "Programming with Intel Advanced Matrix Extensions".)
//
// A panel's bytes, [inputs / 4][panel_rows][4], are tiles as they are: a tile's row holds 4 inputs of 16 output rows.
// The scale of each block of 32 inputs is applied outside the tiles: its sums go through L1 to vectors. Weights with
// one scale per row stay in tiles for all units of a chunk. Include after the level's simd header; panel_rows is 16 or
// 32.
#pragma once

#include "kernels/matmul/dots/dot-lanes.h"

GGCLIP_LEVEL_BEGIN

// What LDTILECFG reads: for each of the 8 tiles the bytes of a row and the number of rows.
struct tile_config {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t row_bytes[8] = {}, no_row_bytes[8] = {};
    uint8_t rows[8] = {}, no_rows[8] = {};
};
static_assert(sizeof(tile_config) == 64, "as the instruction reads it");

// Tiles 0 to 3 are sums, [T] rows of 16; 4 holds tokens, [T] rows of n bytes; 5 and 6 hold weights, [n / 4] rows of 64.
constexpr tile_config tiles_for(int n_tokens, int n) {
    tile_config c;
    for (int tile = 0; tile < 7; tile++) {
        c.row_bytes[tile] = (uint16_t) (tile == 4 ? n : 64);
        c.rows[tile] = (uint8_t) (tile < 5 ? n_tokens : n / 4);
    }
    return c;
}

// The tile registers, set up for T tokens and n inputs while this object exists. GCC's intrinsics do not say that they
// read memory, so that what was stored before is written out here, and the configuration is a constant.
template <int T, int n>
class tile_registers {
    alignas(64) static constexpr tile_config config = tiles_for(T, n);

  public:
    GGCLIP_INLINE_MEMBER tile_registers() {
        __asm__ volatile("" ::: "memory");
        _tile_loadconfig(&config);
    }
    GGCLIP_INLINE_MEMBER ~tile_registers() { _tile_release(); }
    tile_registers(const tile_registers &) = delete;
    tile_registers & operator=(const tile_registers &) = delete;
};

struct dot_tiles : eight_bit_activations, dot_in_lanes<dot_tiles> {
    using activation = int8_t;
    static constexpr int group = 4;
    static constexpr int row_unit = 64;
    static constexpr bool tiles = true;
    static constexpr int tile_rows = 16;  // output rows of a tile
    static_assert(panel_rows == tile_rows || panel_rows == 2 * tile_rows, "a panel is one tile or two");

    template <int T>
    using registers = tile_registers<T, block_size>;

    static GGCLIP_INLINE_MEMBER void store(void * p, vi activations) { store_as_i8(p, activations); }
    static GGCLIP_INLINE_MEMBER vi start(const void *) { return zero_i(); }
    static GGCLIP_INLINE_MEMBER vf finish(vi sum) { return to_float(sum); }

    // Adds the products of 32 inputs (dot-lanes.h).
    template <int T>
    static GGCLIP_INLINE_MEMBER void add_products(const uint8_t * w, const uint8_t * a, int token_bytes,
                                                  vi (&sum)[T][2]) {
        clear_sums();
        add_tiles(w, a, token_bytes);
        read_sums<T>(sum);
    }

    // Adds the products of n units of row_unit inputs (tile-i8.h).
    template <int T>
    static GGCLIP_INLINE_MEMBER void add_units(const uint8_t * w, const uint8_t * a, int n, fetch_ahead fetch,
                                               vi (&sum)[T][2]) {
        const tile_registers<T, row_unit> registers;
        clear_sums();
        for (int u = 0; u < n; u++, w += panel_rows * row_unit, a += T * row_unit) {
            fetch.step();
            add_tiles(w, a, row_unit);
        }
        read_sums<T>(sum);
    }

    // Benchmark (peak.h): n times 4 products of the largest tiles that a level uses, without loads.
    static double peak(int n) {
        const tile_registers<token_tile, row_unit> registers;
        for (int i = 0; i < n; i++) {
            _tile_dpbssd(0, 4, 5);
            _tile_dpbssd(1, 4, 6);
            _tile_dpbssd(2, 4, 5);
            _tile_dpbssd(3, 4, 6);
        }
        return 2.0 * 4 * token_tile * tile_rows * row_unit * n;
    }

  private:
    static GGCLIP_INLINE_MEMBER void clear_sums() {
        _tile_zero(0);
        if constexpr (panel_rows > tile_rows) _tile_zero(1);
    }
    static GGCLIP_INLINE_MEMBER void add_tiles(const uint8_t * w, const uint8_t * a, int token_bytes) {
        _tile_loadd(4, a, token_bytes);
        _tile_loadd(5, w, panel_rows * group);
        _tile_dpbssd(0, 4, 5);
        if constexpr (panel_rows > tile_rows) {
            _tile_loadd(6, w + tile_rows * group, panel_rows * group);
            _tile_dpbssd(1, 4, 6);
        }
    }
    template <int T>
    static GGCLIP_INLINE_MEMBER void read_sums(vi (&sum)[T][2]) {
        alignas(64) int32_t sums[T][panel_rows];
        _tile_stored(0, sums, panel_rows * 4);
        if constexpr (panel_rows > tile_rows) _tile_stored(1, sums[0] + tile_rows, panel_rows * 4);
        GGCLIP_UNROLL
        for (int t = 0; t < T; t++) {
            sum[t][0] = add_i(sum[t][0], load_i(sums[t]));
            sum[t][1] = add_i(sum[t][1], load_i(sums[t] + lanes));
        }
    }
};

template <weight_type W>
struct dot_of {
    using type = dot_tiles;
};
using row_dot = dot_tiles;

GGCLIP_LEVEL_END
