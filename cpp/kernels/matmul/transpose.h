// Transposes rows of floats into a panel: dst[k][r] = rows[r][k] for r < panel_rows; rows from n_rows on read as 0.
#pragma once

#include "kernels/matmul/tile-float.h"

GGCLIP_LEVEL_BEGIN

static void transpose_panel(const float * rows, size_t row_stride, int n_rows, int n, float * dst) {
    for (int k0 = 0; k0 < n; k0 += lanes) {
        const int n_k = min_int(lanes, n - k0);
        for (int r0 = 0; r0 < panel_rows; r0 += lanes) {
            float * const out = dst + (size_t) k0 * panel_rows + r0;
            vf square[lanes];
            for (int r = 0; r < lanes; r++) {
                const float * row = rows + (r0 + r) * row_stride + k0;
                square[r] = r0 + r >= n_rows ? zero_f() : n_k == lanes ? load_f(row) : load_first(row, n_k);
            }
            transpose(square);
            for (int k = 0; k < n_k; k++) store_f(out + k * panel_rows, square[k]);
        }
    }
}

GGCLIP_LEVEL_END
