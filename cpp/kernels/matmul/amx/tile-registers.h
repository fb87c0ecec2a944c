// Tile registers of AMX-INT8: tdpbssd multiplies a tile of up to 16 tokens by a tile of 16 output rows, both signed
// bytes of up to 64 inputs, and adds exact sums to a tile of 32-bit integers. (Intel's Architectures Software
// Developer's Manual, volume 1, chapter "Programming with Intel Advanced Matrix Extensions".) A level that defines
// GGCLIP_TILE_REGISTERS multiplies all but floats so.
#pragma once

#include "kernels/matmul/token-tiles.h"

GGCLIP_LEVEL_BEGIN

// What LDTILECFG reads: for each of the 8 tiles the bytes of a row and the number of rows.
struct tile_config {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t row_bytes[8] = {}, no_row_bytes[8] = {};
    uint8_t rows[8] = {}, no_rows[8] = {};
};
static_assert(sizeof(tile_config) == 64, "as the instruction reads it");

// The tile registers of this thread, set up for products of n inputs while this object exists: tiles 0 to 3 are sums,
// [n_tokens] rows of 16; 4 and 5 hold tokens, [n_tokens] rows of n bytes; 6 and 7 hold weights, [n / 4] rows of 64
// bytes. GCC's intrinsics do not say that they read memory, so that what was stored before is written out here.
class tile_registers {
  public:
    tile_registers(int n_tokens, int n) {
        alignas(64) tile_config config;
        for (int tile = 0; tile < 8; tile++) {
            config.row_bytes[tile] = (uint16_t) (tile == 4 || tile == 5 ? n : 64);
            config.rows[tile] = (uint8_t) (tile < 6 ? n_tokens : n / 4);
        }
        __asm__ volatile("" : : "r"(&config) : "memory");
        _tile_loadconfig(&config);
    }
    ~tile_registers() { _tile_release(); }
    tile_registers(const tile_registers &) = delete;
    tile_registers & operator=(const tile_registers &) = delete;

    // Benchmark (peak.h): n times 4 products of the largest tiles, without loads.
    static double peak(int n) {
        const tile_registers registers(register_rows, 64);
        for (int i = 0; i < n; i++) {
            _tile_dpbssd(0, 4, 6);
            _tile_dpbssd(1, 4, 7);
            _tile_dpbssd(2, 5, 6);
            _tile_dpbssd(3, 5, 7);
        }
        return 2.0 * 4 * register_rows * lanes * 64 * n;
    }
};

GGCLIP_LEVEL_END
