// Repacks plain weight rows into panels. Rows beyond n_out are zero.
#pragma once

#if defined(GGCLIP_TILE_REGISTERS)
#include "kernels/matmul/amx/pack-tile-weights.h"
#else
#include "kernels/matmul/pack-block-weights.h"
#endif

GGCLIP_LEVEL_BEGIN

static size_t packed_size(weight_type type, int n_out, int n_in) {
    return panel_size(type, n_in) * ceil_div(n_out, panel_rows);
}

static void pack(weight_type type, int n_out, int n_in, const void * rows, size_t row_bytes, void * dst) {
    const size_t size = panel_size(type, n_in);
    for (int o = 0; o < n_out; o += panel_rows) {
        const uint8_t * panel = static_cast<const uint8_t *>(rows) + o * row_bytes;
        uint8_t * out = static_cast<uint8_t *>(dst) + size * (o / panel_rows);
        pack_panel(type, panel, row_bytes, min_int(panel_rows, n_out - o), n_in, out);
    }
}

GGCLIP_LEVEL_END
