// Rounds rows to the layout of tile-layout.h, and packs tokens in it, or as floats.
#pragma once

#include "kernels/matmul/amx/tile-layout.h"
#include "kernels/matmul/rows.h"

GGCLIP_LEVEL_BEGIN

// The high and low bytes of 15-bit values.
GGCLIP_INLINE void store_split(uint8_t * high, uint8_t * low, vi x) {
    const vi upper = to_int(mul(to_float(x), set_f(1.0f / 128)));
    store_as_i8(high, upper);
    store_as_i8(low, to_int(fnma(to_float(upper), set_f(128.0f), to_float(x))));
}

// How a group of a row is rounded: values i0 to i0 + l.group() of a row of n, of which those beyond n are 0.
struct tile_rounding {
    float inverse = 0.0f;
    float step = 0.0f;  // its value; not finite if a value is not, since its byte may have any sign

    tile_rounding() = default;
    template <class Row>
    tile_rounding(const tile_layout & l, const Row & row, int i0, int n) {
        const float amax = max_abs(row, i0, min_int(i0 + l.group(), n));
        const bool zero = amax < smallest_amax;
        const float limit = l.planes == 2 ? split_limit : 127.0f;
        inverse = zero ? 0.0f : limit / amax;
        step = zero ? 0.0f : amax / limit + (amax - amax);
    }

    // A unit from value i0 on; its low bytes, if any, follow `plane` bytes later.
    template <class Row>
    GGCLIP_INLINE_MEMBER void store_unit(const tile_layout & l, const Row & row, int i0, int n, uint8_t * quants,
                                         size_t plane) const {
        const filled_row<Row> filled = {row, n};
        for (int i = 0; i < l.unit; i += lanes) {
            const vi q = to_int(mul(filled.at(i0 + i), set_f(inverse)));
            if (l.planes == 2) store_split(quants + i, quants + plane + i, q);
            else store_as_i8(quants + i, q);
        }
    }
};

// Groups `first` to first + n_groups of token t of a tile, from a row that begins with the first of them and has n
// values.
template <class Row>
static void quantize_tile_row(const tile_layout & l, const token_tiles & tiles, const Row & row, int n, int first,
                              int n_groups, uint8_t * tile, int t) {
    const size_t plane = l.plane_bytes(tiles);
    for (int g = 0; g < n_groups; g++) {
        const tile_rounding rounding(l, row, g * l.group(), n);
        uint8_t * quants = tile + l.quants_at(tiles, (first + g) * l.group_units) + t * l.unit;
        for (int u = 0; u < l.group_units; u++, quants += l.planes * plane)
            rounding.store_unit(l, row, g * l.group() + u * l.unit, n, quants, plane);
        reinterpret_cast<float *>(tile + l.scales_at(tiles, first + g))[t] = rounding.step;
    }
}

// Where a tile begins in packed activations.
static size_t activation_tile_at(weight_type type, const token_tiles & tiles, int tile, int n_in) {
    if (uses_tiles(type)) return tile * tile_layout(type, n_in).tile_bytes(tiles);
    return tiles.begin(tile) * float_stride(n_in) * sizeof(float);
}

template <class Row>
static void pack_row(weight_type type, const Row & row, int n, const token_tiles & tiles, int tile, int t, void * dst) {
    uint8_t * const base = static_cast<uint8_t *>(dst) + activation_tile_at(type, tiles, tile, n);
    if (uses_tiles(type)) {
        const tile_layout l(type, n);
        quantize_tile_row(l, tiles, row, n, 0, l.n_groups, base, t);
    } else {
        copy_row(row, n, reinterpret_cast<float *>(base) + t * float_stride(n));
    }
}

// One scale group of token t of a tile, of a row of n_in: its n values from `first` on.
template <class Row>
static void pack_group(weight_type type, int n_in, const Row & row, int n, int first, const token_tiles & tiles, int,
                       uint8_t * tile, int t) {
    const tile_layout l(type, n_in);
    quantize_tile_row(l, tiles, row, n, first / l.group(), ceil_div(n, l.group()), tile, t);
}

GGCLIP_LEVEL_END
