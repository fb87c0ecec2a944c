// A chunk of a panel (several blocks) prepared for the micro-kernel once for all token tiles that use it: the weights'
// scales and minimums as floats, 4- and 5-bit quants expanded to bytes in q8_0's order.
//
// If the dot product takes signed weights, expanded quants occupy the upper bits of their bytes: inverting the top bit
// then subtracts the offset ((u << 4) ^ 128 is 16 (u - 8) as a signed byte), and the scales shrink by the same factor.
// The low bits stay zero. Integer sums are then as large as q8_0's, which keeps their rounding error equally small
// (dot-vnni.h).
#pragma once

#include "kernels/matmul/int-format.h"

GGCLIP_LEVEL_BEGIN

template <weight_type W, int N>
class int_chunk {
    using format = int_format<W>;
    using dot = typename format::dot;
    static constexpr bool is_signed = !dot::has_correction;  // the weights; unsigned ones need corrections
    static constexpr int low_bit = !format::nibbles || !is_signed ? 0
                                   : has_high_bits(W)             ? 3
                                                                  : 4;  // of an expanded quant
    static constexpr int expanded_bytes = panel_rows * block_size;

    alignas(64) float d[N][panel_rows];
    alignas(64) float m[has_min(W) ? N : 1][panel_rows];
    alignas(64) float sum[dot::ranges ? N : 1][panel_rows];
    alignas(64) uint8_t bytes[format::nibbles ? N : 1][expanded_bytes];
    const uint8_t * first;

    void read_scales(const uint8_t * block, int b) {
        for (int r = 0; r < panel_rows; r += lanes) {
            const vf scale = load_f16(reinterpret_cast<const uint16_t *>(block) + r);
            store_f(d[b] + r, low_bit == 0 ? scale : mul(scale, set_f(1.0f / (1 << low_bit))));
            if constexpr (has_min(W)) {
                const vf min = load_f16(reinterpret_cast<const uint16_t *>(block + format::min_at) + r);
                store_f(m[b] + r, fma(scale, set_f((float) offset_of(W)), min));
            }
            if constexpr (dot::ranges)
                store_f(sum[b] + r, mul(scale, dot::row_sums(block + format::weight_sums_at + r * 2)));
        }
    }

    // Group g of a block's inputs, from bytes that hold it in their low or high halves.
    static GGCLIP_INLINE_MEMBER vi expand(vi nibbles, vi high_bits, int g) {
        vi quants = move_bits(nibbles, g < 4 ? 0 : 4, low_bit, 15 << low_bit);
        if constexpr (has_high_bits(W)) quants = or_i(quants, move_bits(high_bits, g, low_bit + 4, 16 << low_bit));
        return is_signed ? xor_i(quants, set_i((int32_t) 0x80808080)) : quants;
    }

    void expand_block(const uint8_t * block, uint8_t * out) {
        constexpr int vector_bytes = lanes * 4;
        for (int half = 0; half < 2; half++) {
            const uint8_t * const quants = block + format::quants_at + half * vector_bytes;
            const vi high_bits = has_high_bits(W) ? load_i(block + format::high_at + half * vector_bytes) : zero_i();
            GGCLIP_UNROLL
            for (int g = 0; g < 8; g += 2) {
                const vi first = expand(load_i(quants + 2 * (g % 4) * vector_bytes), high_bits, g);
                const vi second = expand(load_i(quants + 2 * (g % 4 + 1) * vector_bytes), high_bits, g + 1);
                dot::store_groups(out, g / 2, half, first, second);
            }
        }
    }

  public:
    static constexpr int stride = format::nibbles ? expanded_bytes : format::block_bytes;  // distance between blocks

    const uint8_t * quants() const { return format::nibbles ? bytes[0] : first + format::quants_at; }
    const float * scales() const { return d[0]; }
    const float * minimums() const { return m[0]; }
    const float * sums() const { return sum[0]; }  // of each group's weights, if the dot product has ranges

    // n <= N blocks, which must stay in place while this object is used.
    void read(const uint8_t * blocks, int n) {
        first = blocks;
        for (int b = 0; b < n; b++, blocks += format::block_bytes) {
            read_scales(blocks, b);
            if constexpr (format::nibbles) expand_block(blocks, bytes[b]);
        }
    }
};

GGCLIP_LEVEL_END
