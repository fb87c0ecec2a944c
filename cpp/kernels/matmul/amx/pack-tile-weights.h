// Repacks panels of plain weight rows for tile registers (tile-layout.h), or as floats.
#pragma once

#include "kernels/matmul/amx/pack-tiles.h"
#include "kernels/matmul/float-panel.h"
#include "kernels/matmul/transpose.h"

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
        const uint8_t * const quants = row + layout.quants;
        if (type == weight_type::q8_0) {
            for (int j = 0; j < block_size; j++) out[j] = d * (float) (int8_t) quants[j];
            continue;
        }
        const uint32_t high = layout.high_bits ? load_u32(row + layout.high_bits) : 0;
        constexpr int half = block_size / 2;
        for (int j = 0; j < half; j++) {
            const int first = (quants[j] & 15) + (int) (high >> j & 1) * 16;
            const int second = (quants[j] >> 4) + (int) (high >> (j + half) & 1) * 16;
            out[j] = d * (float) (first - layout.offset) + m;
            out[j + half] = d * (float) (second - layout.offset) + m;
        }
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
    alignas(64) float values[panel_rows][split_group];  // of a group; i8's are floats already
    alignas(64) uint8_t quants[panel_rows][2 * most_unit];
    for (int g = 0; g < l.n_groups; g++) {
        const int i0 = g * l.group(), n = min_int(l.group(), n_in - i0);
        float * const steps = reinterpret_cast<float *>(panel + g * l.group_bytes());
        uint8_t * dst = panel + g * l.group_bytes() + panel_rows * sizeof(float);
        plain_row row[panel_rows] = {};
        tile_rounding rounding[panel_rows];
        for (int r = 0; r < n_rows; r++) {
            const uint8_t * const source = rows + r * row_bytes + plain_bytes(type, i0);
            row[r].x = type == weight_type::i8 ? reinterpret_cast<const float *>(source) : values[r];
            if (type != weight_type::i8) read_weights(type, source, n, values[r]);
            rounding[r] = tile_rounding(l, row[r], 0, n);
        }
        for (int r = 0; r < panel_rows; r++) steps[r] = rounding[r].step;
        for (int u = 0; u < l.group_units; u++, dst += l.unit_bytes()) {
            for (int r = 0; r < n_rows; r++) rounding[r].store_unit(l, row[r], u * l.unit, n, quants[r], l.unit);
            // four bytes are moved at a time, whatever they mean
            const size_t stride = sizeof(quants[0]) / sizeof(float);
            transpose_panel(reinterpret_cast<const float *>(quants), stride, n_rows, l.planes * l.unit / 4,
                            reinterpret_cast<float *>(dst));
        }
    }
}

GGCLIP_LEVEL_END
