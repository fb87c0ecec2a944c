// Splits the tokens of an activation matrix into register tiles: as few tiles as possible, of nearly equal height. The
// split depends only on the number of tokens, never on the number of threads.
#pragma once

#include "kernels/levels/level.h"

GGCLIP_LEVEL_BEGIN

// For tiles of at most `most` tokens.
template <int most>
struct tiles_of {
    int n_tokens;
    int count;
    explicit tiles_of(int n_tokens) : n_tokens(n_tokens), count(ceil_div(n_tokens, most)) {}
    int begin(int tile) const { return (int) ((int64_t) n_tokens * tile / count); }
    int height(int tile) const { return begin(tile + 1) - begin(tile); }
};

#if defined(GGCLIP_TILE_REGISTERS)
// A tile register has up to 16 tokens, and a linear layer's tile two of them, of equal height: the registers' setting.
// Only the layer's last tile has fewer tokens.
constexpr int register_rows = 16;
constexpr int layer_tile = 2 * register_rows;
struct token_tiles {
    int n_tokens;
    int rows;  // tokens of a register
    int count;
    explicit token_tiles(int n_tokens)
        : n_tokens(n_tokens), rows(ceil_div(n_tokens, max_int(1, ceil_div(n_tokens, register_rows)))),
          count(n_tokens ? ceil_div(n_tokens, 2 * rows) : 0) {}
    int begin(int tile) const { return min_int(tile * 2 * rows, n_tokens); }
    int height(int tile) const { return begin(tile + 1) - begin(tile); }
};
#else
constexpr int layer_tile = token_tile;
using token_tiles = tiles_of<layer_tile>;
#endif

template <int T>
struct tile_height {
    static constexpr int n = T;
};

// Calls f with tile_height<n>{}, since a micro-kernel is compiled for each height.
template <class F>
GGCLIP_INLINE void with_tile_height(int n, F && f) {
    static_assert(token_tile <= 8, "one case per tile height");
    switch (n) {
        case 1: return f(tile_height<1>{});
        case 2: return f(tile_height<2>{});
        case 3: return f(tile_height<3>{});
        case 4: return f(tile_height<4>{});
        case 5: return f(tile_height<min_int(5, token_tile)>{});
        case 6: return f(tile_height<min_int(6, token_tile)>{});
        case 7: return f(tile_height<min_int(7, token_tile)>{});
        case 8: return f(tile_height<min_int(8, token_tile)>{});
        default: return;
    }
}

// The sums of a tile of T tokens and one panel.
template <int T>
GGCLIP_INLINE void clear_sums(float * sums) {
    for (int i = 0; i < T * panel_rows; i += lanes) store_f(sums + i, zero_f());
}

GGCLIP_LEVEL_END
