// Panels of floats or 16-bit floats.
#pragma once

#include <string.h>

#include "kernels/levels/level.h"

GGCLIP_LEVEL_BEGIN

// Panel of floats or 16-bit floats: [n_in][panel_rows].
template <class V>
static void pack_float_panel(const uint8_t * rows, size_t row_bytes, int n_rows, int n_in, V * dst) {
    constexpr int strip = 16;  // inputs at a time, so that the lines being written stay in L1
    for (int k0 = 0; k0 < n_in; k0 += strip) {
        const int n = min_int(strip, n_in - k0);
        for (int r = 0; r < panel_rows; r++) {
            V * const out = dst + (size_t) k0 * panel_rows + r;
            if (r < n_rows) {
                const uint8_t * row = rows + r * row_bytes + (size_t) k0 * sizeof(V);
                for (int k = 0; k < n; k++) memcpy(out + k * panel_rows, row + k * sizeof(V), sizeof(V));
            } else {
                for (int k = 0; k < n; k++) out[k * panel_rows] = 0;
            }
        }
    }
}

GGCLIP_LEVEL_END
