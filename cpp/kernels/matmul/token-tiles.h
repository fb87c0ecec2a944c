// How the tokens of an activation matrix are cut into register tiles: as few tiles as possible, of as equal
// heights as possible. The cut depends on the number of tokens only, never on the number of threads.
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

GGCLIP_LEVEL_END
