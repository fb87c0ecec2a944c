// The level `amx` for CPUs without it (npm run test:levels): its own code, with the tile instructions replaced by
// functions that do what Intel's manual says (Architectures Software Developer's Manual, volumes 1 and 2), over AVX-512
// or pairs of AVX2 vectors, by the compiler's flags. What would fault ends the test.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#define GGCLIP_TILE_REGISTERS
#if defined(__AVX512VNNI__)
#define GGCLIP_LEVEL amx
#include "kernels/levels/simd-avx512.h"
#define GGCLIP_DPWSSD _mm512_dpwssd_epi32
#define GGCLIP_WORD_ATTENTION
#else
#define GGCLIP_LEVEL halves
#include "kernels/levels/simd-avx2.h"
#undef GGCLIP_LEVEL
#define GGCLIP_LEVEL amx
#include "simd-pairs.h"
#endif

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace amx_twin {

constexpr int n_tiles = 8, most_rows = 16, most_bytes = 64;  // palette 1

struct tile_state {
    bool configured = false;
    int rows[n_tiles] = {}, row_bytes[n_tiles] = {};
    uint8_t data[n_tiles][most_rows][most_bytes] = {};
};
static thread_local tile_state state;

static void need(bool condition, const char * what) {
    if (condition) return;
    std::fprintf(stderr, "amx twin: %s\n", what);
    std::abort();
}

// LDTILECFG: byte 0 is the palette, 1 the row to restart at, 16 + 2 i the bytes of a row of tile i, 48 + i its rows;
// all other bytes must be 0. All tiles become 0.
static void load_config(const void * config) {
    uint8_t bytes[64];
    std::memcpy(bytes, config, sizeof(bytes));
    need((uintptr_t) config % 64 == 0, "a configuration that crosses cache lines");
    need(bytes[0] == 1 && bytes[1] == 0, "palette 1 from row 0");
    state = {};
    state.configured = true;
    for (int i = 2; i < 64; i++) {
        const bool used = (i >= 16 && i < 32) || (i >= 48 && i < 56);
        need(used || bytes[i] == 0, "reserved bytes of the configuration are 0");
    }
    for (int tile = 0; tile < n_tiles; tile++) {
        state.row_bytes[tile] = bytes[16 + 2 * tile] | bytes[17 + 2 * tile] << 8;
        state.rows[tile] = bytes[48 + tile];
        need(state.rows[tile] <= most_rows && state.row_bytes[tile] <= most_bytes, "at most 16 rows of 64 bytes");
        need((state.rows[tile] == 0) == (state.row_bytes[tile] == 0), "rows and bytes are both 0 or neither");
    }
}

static void release() { state = {}; }

static void need_tile(int tile) {
    need(state.configured && tile >= 0 && tile < n_tiles && state.rows[tile] > 0, "a tile that is configured");
}

static void zero(int tile) {
    need_tile(tile);
    std::memset(state.data[tile], 0, sizeof(state.data[tile]));
}

// TILELOADD: what lies outside the configured rows and bytes becomes 0.
static void load(int tile, const void * from, int64_t stride) {
    zero(tile);
    for (int r = 0; r < state.rows[tile]; r++)
        std::memcpy(state.data[tile][r], static_cast<const uint8_t *>(from) + r * stride, state.row_bytes[tile]);
}

static void store(int tile, void * to, int64_t stride) {
    need_tile(tile);
    for (int r = 0; r < state.rows[tile]; r++)
        std::memcpy(static_cast<uint8_t *>(to) + r * stride, state.data[tile][r], state.row_bytes[tile]);
}

// TDPBSSD: sums[m][n] += sum of a[m][4 k + i] * b[k][4 n + i] over k and i, signed bytes, in 32 bits.
static void multiply(int sums, int a, int b) {
    need_tile(sums);
    need_tile(a);
    need_tile(b);
    need(sums != a && sums != b && a != b, "three different tiles");
    need(state.row_bytes[sums] % 4 == 0 && state.row_bytes[a] % 4 == 0 && state.row_bytes[b] % 4 == 0,
         "rows of whole 32-bit values");
    need(state.rows[sums] == state.rows[a] && state.row_bytes[a] / 4 == state.rows[b] &&
             state.row_bytes[sums] == state.row_bytes[b],
         "tiles whose shapes match");
    for (int m = 0; m < state.rows[sums]; m++) {
        for (int n = 0; n < state.row_bytes[sums] / 4; n++) {
            uint32_t sum;
            std::memcpy(&sum, state.data[sums][m] + 4 * n, 4);
            for (int k = 0; k < state.rows[b]; k++)
                for (int i = 0; i < 4; i++)
                    sum += (uint32_t) ((int8_t) state.data[a][m][4 * k + i] * (int8_t) state.data[b][k][4 * n + i]);
            std::memcpy(state.data[sums][m] + 4 * n, &sum, 4);
        }
    }
}

}  // namespace amx_twin

#undef _tile_loadconfig
#undef _tile_release
#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbssd
#define _tile_loadconfig amx_twin::load_config
#define _tile_release amx_twin::release
#define _tile_zero amx_twin::zero
#define _tile_loadd amx_twin::load
#define _tile_stored amx_twin::store
#define _tile_dpbssd amx_twin::multiply

#include "kernels/matmul/amx/tile-registers.h"
#include "kernels/levels/table.h"

GGCLIP_DEFINE_TABLE(cpu_level::amx, "amx")
