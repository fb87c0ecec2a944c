// Repacks panels of plain weight rows (layouts: tile-float.h, tile-i16.h, tile-i8.h, int-format.h).
#pragma once

#include "kernels/matmul/float-panel.h"
#include "kernels/matmul/int-chunk.h"
#include "kernels/matmul/pack-blocks.h"
#include "kernels/matmul/tile-int.h"

GGCLIP_LEVEL_BEGIN

// Packs 32 high bits in input order into 4 bytes: bit g of byte c is bit 4 * g + c.
static inline uint32_t transpose_high_bits(uint32_t bits) {
    uint32_t out = 0;
    for (int j = 0; j < 32; j++) out |= (bits >> j & 1) << (j % 4 * 8 + j / 4);
    return out;
}

// One scale for up to max_group_blocks q8_0 blocks of a row, at first the largest of theirs. If that is not finite, the
// results are not.
class joined_scale {
    const uint8_t * blocks;
    int n;
    uint16_t scale = 0;

  public:
    joined_scale(const uint8_t * blocks, int n) : blocks(blocks), n(n) {
        for (int b = 0; b < n; b++) {
            const uint16_t d = load_u16(blocks + b * layout_of(weight_type::q8_0).bytes);
            if ((d & 0x7fff) > (scale & 0x7fff)) scale = d;
        }
    }

    bool finite() const { return (scale & 0x7fff) < f16_infinity; }

    // An eighth more.
    void enlarge() {
        const int significand = scale & 0x7c00 ? 0x400 | (scale & 0x3ff) : scale & 0x3ff;
        const int larger = (scale & 0x7fff) + max_int(1, significand / 8);
        scale = (uint16_t) ((scale & 0x8000) | min_int(larger, f16_infinity));
    }

    void round(uint8_t * out) const {
        constexpr block_layout layout = layout_of(weight_type::q8_0);
        const float d = f16_to_float(scale);
        for (const uint8_t * block = blocks; block < blocks + n * layout.bytes; block += layout.bytes) {
            const vf ratio = set_f(d == 0.0f ? 0.0f : f16_to_float(load_u16(block)) / d);
            memcpy(out, &scale, 2);
            for (int i = layout.quants; i < layout.bytes; i += lanes)
                store_as_i8(out + i, to_int(min(mul(to_float(load_i8(block + i)), ratio), set_f(127.0f))));
            out += layout.bytes;
        }
    }
};

// Whether the dot product's lanes hold the products of n q8_0 blocks.
template <class Dot>
static bool fits(const uint8_t * blocks, int n) {
    constexpr block_layout layout = layout_of(weight_type::q8_0);
    for (int i = 0; i < n; i++, blocks += layout.bytes) {
        const auto * quants = reinterpret_cast<const int8_t *>(blocks + layout.quants);
        if (Dot::largest_of_four(quants, block_size) > Dot::most_of_four) return false;
    }
    return true;
}

// n blocks of a scale group of a row, as they are packed: joined ones with one scale; otherwise n is 1.
template <weight_type W>
static void read_blocks(const uint8_t * source, int n, uint8_t * blocks) {
    using format = int_format<W>;
    if constexpr (format::joined) {
        joined_scale scale(source, n);
        scale.round(blocks);
        if constexpr (format::dot::ranges) {
            while (!fits<typename format::dot>(blocks, n) && scale.finite()) {
                scale.enlarge();
                scale.round(blocks);
            }
        }
    } else {
        memcpy(blocks, source, layout_of(W).bytes);
    }
}

template <weight_type W>
static void pack_int_block(const uint8_t * block, uint8_t * dst, int r) {
    using format = int_format<W>;
    constexpr block_layout layout = layout_of(W);
    memcpy(dst + r * 2, block, 2);
    if constexpr (has_min(W)) memcpy(dst + format::min_at + r * 2, block + layout.min, 2);
    if constexpr (has_high_bits(W)) {
        const uint32_t bits = transpose_high_bits(load_u32(block + layout.high_bits));
        memcpy(dst + format::high_at + r * 4, &bits, 4);
    }
    constexpr int group = format::nibbles ? 4 : format::dot::group;
    constexpr int n_groups = (format::nibbles ? 16 : 32) / group;
    uint8_t * const quants = dst + format::quants_at + r * group;
    for (int g = 0; g < n_groups; g++)
        memcpy(quants + g * panel_rows * group, block + layout.quants + g * group, group);
}

// The sum of the quants of n blocks that share a range, in the first of them.
template <weight_type W>
static void pack_weight_sum(const uint8_t * blocks, int n, uint8_t * dst, int r) {
    using format = int_format<W>;
    constexpr block_layout layout = layout_of(W);
    int sum = 0;
    for (int i = 0; i < n; i++)
        for (int j = layout.quants; j < layout.bytes; j++) sum += (int8_t) blocks[i * layout.bytes + j];
    for (int i = 0; i < n; i++) {
        const int16_t stored = (int16_t) (i == 0 ? sum : 0);
        memcpy(dst + i * format::block_bytes + format::weight_sums_at + r * 2, &stored, 2);
    }
}

// The negated shift of the sums of each scale group of a panel: the product for a token of zeros with a scale of -1.
template <weight_type W>
static void pack_starts(const uint8_t * blocks, int n_in, float * dst) {
    using format = int_format<W>;
    constexpr float none[panel_rows] = {};
    uint8_t zeros[max_group_blocks * format::token_block_bytes];
    for (int b = 0; b < max_group_blocks; b++) {
        uint8_t * const block = zeros + b * format::token_block_bytes;
        const float d = -1.0f;
        memset(block, 0, format::token_block_bytes);
        memset(block, format::dot::zero, format::token_quants);
        memcpy(block + format::scales_at(1), &d, 4);
    }
    int_chunk<W, max_group_blocks> chunk;

    const int group = scale_group(n_in) / block_size;
    const int n_blocks = n_in / block_size;
    for (int b = 0; b < n_blocks; b += group, dst += panel_rows) {
        const int n = min_int(group, n_blocks - b);
        chunk.read(blocks + (size_t) b * format::block_bytes, n);
        multiply_int_tile<format, 1>(
            {chunk.quants(), chunk.stride, chunk.scales(), chunk.minimums(), zeros, n, group, none, nullptr, dst});
    }
}

template <weight_type W>
static void pack_int_panel(const uint8_t * rows, size_t row_bytes, int n_rows, int n_in, uint8_t * panel) {
    using format = int_format<W>;
    constexpr size_t source_bytes = layout_of(W).bytes;
    const int n_blocks = n_in / block_size, group = format::joined ? format::group(n_in) / block_size : 1;
    uint8_t * dst = panel + format::blocks_at(n_in);
    if (n_rows < panel_rows) memset(dst, 0, n_blocks * format::block_bytes);  // a scale of 0 makes missing rows 0
    for (int b = 0; b < n_blocks; b += group, dst += group * format::block_bytes) {
        const int n = min_int(group, n_blocks - b);
        for (int r = 0; r < n_rows; r++) {
            uint8_t blocks[(format::joined ? max_group_blocks : 1) * source_bytes];
            read_blocks<W>(rows + r * row_bytes + b * source_bytes, n, blocks);
            for (int i = 0; i < n; i++) pack_int_block<W>(blocks + i * source_bytes, dst + i * format::block_bytes, r);
            if constexpr (format::dot::ranges) pack_weight_sum<W>(blocks, n, dst, r);
        }
    }
    if constexpr (format::dot::shifted_sums)
        pack_starts<W>(panel + format::blocks_at(n_in), n_in, reinterpret_cast<float *>(panel));
}

// 16-bit floats rounded to words.
template <class W>
static void pack_word_panel(const uint8_t * rows, size_t row_bytes, int n_rows, int n_in, uint8_t * dst) {
    memset(dst, 0, (size_t) word_blocks(n_in) * word_format::block_bytes);
    for (int i0 = 0; i0 < n_in; i0 += word_block, dst += word_format::block_bytes) {
        const int n = min_int(word_block, n_in - i0);
        for (int r = 0; r < n_rows; r++) {
            alignas(64) uint16_t source[word_block + lanes] = {};
            alignas(64) float values[word_block];
            memcpy(source, rows + r * row_bytes + (size_t) i0 * 2, (size_t) n * 2);
            for (int i = 0; i < word_block; i += lanes) store_f(values + i, W::load(source + i));
            const float amax = max_abs(plain_row{values}, 0, word_block);
            if (amax < smallest_amax) continue;  // zeros
            const float d = amax / word_limit;
            memcpy(dst + r * 4, &d, 4);
            alignas(64) int16_t quants[word_block];
            for (int i = 0; i < word_block; i += lanes)
                store_as_i16(quants + i, to_int(mul(load_f(values + i), set_f(word_limit / amax))));
            for (int i = 0; i < n; i += 2)
                memcpy(dst + word_format::quants_at + ((size_t) i / 2 * panel_rows + r) * 4, quants + i, 4);
        }
    }
}

// The byte value of a row's largest magnitude: the dot product's limit, or less if its lanes could not hold the
// products of all weights.
template <class Dot>
static float row_limit(const float * row, int n_in, float amax) {
    float limit = Dot::weight_limit;
    if constexpr (Dot::ranges) {
        for (int largest = INT32_MAX; largest > Dot::most_of_four && amax < INFINITY;) {
            largest = 0;
            for (int i0 = 0; i0 < n_in; i0 += block_size) {
                int8_t quants[block_size] = {};
                for (int i = 0; i < block_size; i += lanes) {
                    const int left = n_in - i0 - i;
                    const vf v = left >= lanes ? load_f(row + i0 + i)
                                 : left > 0    ? load_first(row + i0 + i, left)
                                               : zero_f();
                    store_as_i8(quants + i, to_int(mul(v, set_f(limit / amax))));
                }
                largest = max_int(largest, Dot::largest_of_four(quants, block_size));
            }
            if (largest > Dot::most_of_four) limit *= (float) Dot::most_of_four / (float) (largest + 1);
        }
    }
    return limit;
}

// Rounds f32 rows to bytes with one scale each.
static void pack_row_panel(const uint8_t * rows, size_t row_bytes, int n_rows, int n_in, uint8_t * dst) {
    constexpr int group = row_format::group;
    memset(dst, 0, row_format::panel_bytes(n_in));
    for (int r = 0; r < n_rows; r++) {
        const float * row = reinterpret_cast<const float *>(rows + r * row_bytes);
        const float amax = max_abs(plain_row{row}, 0, n_in);
        if (amax < smallest_amax) continue;  // zeros
        const float limit = row_limit<row_format::dot>(row, n_in, amax);
        const float d = amax / limit;
        memcpy(dst + r * 4, &d, 4);
        const vf inverse = set_f(limit / amax);
        uint32_t sum = 0;  // per unit or whole row; unsigned: non-finite weights wrap
        for (int i = 0; i < n_in; i += lanes) {
            uint8_t * const unit =
                dst + row_format::units_at + (size_t) (i / row_format::unit) * row_format::unit_bytes;
            const int left = min_int(lanes, n_in - i), first = i % row_format::unit;
            sum = row_format::ranges && first == 0 ? 0 : sum;
            int32_t quants[lanes];
            store_i(quants, to_int(mul(left == lanes ? load_f(row + i) : load_first(row + i, left), inverse)));
            for (int k = 0; k < left; k++) {
                const size_t at = (size_t) ((first + k) / group * panel_rows + r) * group + (first + k) % group;
                unit[row_format::quants_at + at] = (uint8_t) quants[k];
                sum += (uint32_t) quants[k];
            }
            if constexpr (row_format::ranges) {
                const int16_t stored = (int16_t) sum;
                memcpy(unit + r * 2, &stored, 2);
            }
        }
        if constexpr (!row_format::ranges) {
            const uint32_t start = 0u - (uint32_t) row_format::dot::zero * sum;
            memcpy(dst + row_format::start_at + r * 4, &start, 4);
        }
    }
}

static size_t panel_size(weight_type type, int n_in) {
    if (type == weight_type::i8) return row_format::panel_bytes(n_in);
    if (uses_words(type)) return (size_t) word_blocks(n_in) * word_format::block_bytes;
    size_t size = (size_t) n_in * panel_rows * (type == weight_type::f32 ? 4 : 2);
    with_int_format(type, [&](auto format) { size = format.panel_bytes(n_in); });
    return size;
}

static void pack_panel(weight_type type, const uint8_t * panel, size_t row_bytes, int n_rows, int n_in, uint8_t * out) {
    switch (type) {
        case weight_type::f32:
            pack_float_panel(panel, row_bytes, n_rows, n_in, reinterpret_cast<uint32_t *>(out));
            break;
        case weight_type::f16:
        case weight_type::bf16:
            if (uses_words(type)) {
                if (type == weight_type::f16) pack_word_panel<weights_f16>(panel, row_bytes, n_rows, n_in, out);
                else pack_word_panel<weights_bf16>(panel, row_bytes, n_rows, n_in, out);
                break;
            }
            pack_float_panel(panel, row_bytes, n_rows, n_in, reinterpret_cast<uint16_t *>(out));
            break;
        case weight_type::q8_0: pack_int_panel<weight_type::q8_0>(panel, row_bytes, n_rows, n_in, out); break;
        case weight_type::q4_0: pack_int_panel<weight_type::q4_0>(panel, row_bytes, n_rows, n_in, out); break;
        case weight_type::q4_1: pack_int_panel<weight_type::q4_1>(panel, row_bytes, n_rows, n_in, out); break;
        case weight_type::i8: pack_row_panel(panel, row_bytes, n_rows, n_in, out); break;
        case weight_type::q5_0: pack_int_panel<weight_type::q5_0>(panel, row_bytes, n_rows, n_in, out); break;
        case weight_type::q5_1: pack_int_panel<weight_type::q5_1>(panel, row_bytes, n_rows, n_in, out); break;
    }
}

GGCLIP_LEVEL_END
