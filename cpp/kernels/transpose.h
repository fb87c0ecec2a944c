// Rows of floats to a panel: dst[k][r] = rows[r][k] for r < panel_rows; rows from n_rows on read as 0.
#pragma once

#include "tile-float.h"

GGCLIP_LEVEL_BEGIN

static void transpose_panel(const float * rows, size_t row_stride, int n_rows, int n, float * dst) {
    constexpr int strip = 16;  // inputs at a time, so that the lines being written stay in L1
    for (int k0 = 0; k0 < n; k0 += strip) {
        const int     n_k = min_int(strip, n - k0);
        float * const out = dst + (size_t) k0 * panel_rows;
        for (int r = 0; r < panel_rows; r++) {
            const float * row = rows + r * row_stride + k0;
            for (int k = 0; k < n_k; k++) {
                out[k * panel_rows + r] = r < n_rows ? row[k] : 0.0f;
            }
        }
    }
}

GGCLIP_LEVEL_END
