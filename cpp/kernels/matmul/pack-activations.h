// Packs activations for linear: rounded to 8 or 16 bits, or copied as floats to [n_tokens][float_stride(n_in)]. Rows
// are read through a source, either plain memory or its LayerNorm, so a normalised row is never stored.
#pragma once

#if defined(GGCLIP_TILE_REGISTERS)
#include "kernels/matmul/amx/pack-tiles.h"
#else
#include "kernels/matmul/pack-blocks.h"
#endif

GGCLIP_LEVEL_BEGIN

static size_t activations_size(weight_type type, int n_tokens, int n_in) {
    const token_tiles tiles(n_tokens);
    return activation_tile_at(type, tiles, tiles.count, n_in);
}

static void pack_activations(weight_type type, const float * x, size_t x_stride, int n_tokens, int n_in, void * dst,
                             int ith, int nth) {
    const token_tiles tiles(n_tokens);
    const auto mine = share(tiles.count, ith, nth);
    for (int tile = mine.begin; tile < mine.end; tile++) {
        for (int t = 0; t < tiles.height(tile); t++) {
            const plain_row row = {x + (tiles.begin(tile) + t) * x_stride};
            pack_row(type, row, n_in, tiles, tile, t, dst);
        }
    }
}

GGCLIP_LEVEL_END
