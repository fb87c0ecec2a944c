// Splits the tokens of an activation matrix into register tiles: as few tiles as possible, of nearly equal height. The
// split depends only on the number of tokens, never on the number of threads.
#pragma once

#include "kernels/levels/level.h"

GGCLIP_LEVEL_BEGIN

struct token_tiles {
    int n_tokens;
    int count;
    explicit token_tiles(int n_tokens) : n_tokens(n_tokens), count(ceil_div(n_tokens, token_tile)) {}
    int begin(int tile) const { return (int) ((int64_t) n_tokens * tile / count); }
    int height(int tile) const { return begin(tile + 1) - begin(tile); }
};

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

GGCLIP_LEVEL_END
