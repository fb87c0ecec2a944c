// Repacks panels of plain weight rows for tile registers (tile-layout.h), or as floats.
#pragma once

#include "kernels/matmul/amx/pack-tiles.h"
#include "kernels/matmul/float-panel.h"

GGCLIP_LEVEL_BEGIN

// Bytes of n values of a plain row of weights.
static size_t plain_bytes(weight_type type, int n) {
    if (type == weight_type::i8) return (size_t) n * sizeof(float);
    return is_split(type) ? (size_t) n * 2 : (size_t) (n / block_size) * layout_of(type).bytes;
}

// The values of a plain row of weights, but i8's.
static void read_weights(weight_type type, const uint8_t * row, int n_in, float * out) {
    if (is_split(type)) {
        for (int i = 0; i < n_in; i += lanes) {
            uint16_t halves[lanes] = {};
            const int n = min_int(lanes, n_in - i);
            memcpy(halves, row + (size_t) i * 2, (size_t) n * 2);
            store_first(out + i, type == weight_type::f16 ? load_f16(halves) : load_bf16(halves), n);
        }
        return;
    }
    const block_layout layout = layout_of(type);
    for (int b = 0; b < n_in / block_size; b++, row += layout.bytes, out += block_size) {
        const float d = f16_to_float(load_u16(row)), m = layout.min ? f16_to_float(load_u16(row + layout.min)) : 0.0f;
        for (int j = 0; j < block_size; j++) out[j] = d * (float) (quant_at(type, row, j) - layout.offset) + m;
    }
}

static size_t panel_size(weight_type type, int n_in) {
    if (uses_tiles(type)) return tile_layout(type, n_in).panel_bytes();
    return (size_t) n_in * panel_rows * sizeof(float);
}

static void pack_panel(weight_type type, const uint8_t * rows, size_t row_bytes, int n_rows, int n_in,
                       uint8_t * panel) {
    if (!uses_tiles(type)) {
        pack_float_panel(rows, row_bytes, n_rows, n_in, reinterpret_cast<uint32_t *>(panel));
        return;
    }
    const tile_layout l(type, n_in);
    memset(panel, 0, l.panel_bytes());
    for (int r = 0; r < n_rows; r++) {
        for (int g = 0; g < l.n_groups; g++) {
            uint8_t * dst = panel + g * l.group_bytes();
            const int i0 = g * l.group(), n = min_int(l.group(), n_in - i0);
            alignas(64) float values[split_group];  // of a group; i8's are floats already
            const uint8_t * const source = rows + r * row_bytes + plain_bytes(type, i0);
            if (type != weight_type::i8) read_weights(type, source, n, values);
            const plain_row row = {type == weight_type::i8 ? reinterpret_cast<const float *>(source) : values};
            const tile_rounding rounding(l, row, 0, n);
            memcpy(dst + r * sizeof(float), &rounding.step, sizeof(float));
            dst += panel_rows * sizeof(float);
            for (int u = 0; u < l.group_units; u++) {
                alignas(64) uint8_t quants[2 * most_unit];
                rounding.store_unit(row, u * l.unit, n, quants, l.unit);
                for (int i = 0; i < l.planes * l.unit; i += 4, dst += panel_rows * 4)
                    memcpy(dst + r * 4, quants + i, 4);
            }
        }
    }
}

GGCLIP_LEVEL_END
