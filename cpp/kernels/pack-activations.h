// Activations made ready for linear: rounded to 8 bits in the layout of int-format.h, or copied as floats to
// [n_tokens][float_stride(n_in)]. A row is read through a source, either plain memory or a LayerNorm of it, so
// that a normalised row is never stored.
#pragma once

#include "int-format.h"
#include "token-tiles.h"
#if defined(GGCLIP_BF16)
#include "tile-bf16.h"
#endif

GGCLIP_LEVEL_BEGIN

struct plain_row {
    const float * x;
    GGCLIP_INLINE_MEMBER vf at(int i) const { return load_f(x + i); }
    GGCLIP_INLINE_MEMBER vf first(int i, int n) const { return load_first(x + i, n); }
};

// A little more than n_in, lest the rows of a tile fall into the same cache sets when n_in is a power of two.
static inline size_t float_stride(int n_in) { return (size_t) ceil_div(n_in, 16) * 16 + 16; }

static size_t activation_token_size(weight_type type, int n_in) {
    size_t size = float_stride(n_in) * sizeof(float);
    with_int_format(type, [&](auto format) { size = (size_t) (n_in / block_size) * format.token_block_bytes; });
    return size;
}

static size_t activations_size(weight_type type, int n_tokens, int n_in) {
    return activation_token_size(type, n_in) * n_tokens;
}

template <class Row>
static void copy_row(const Row & row, int n, float * dst) {
    int i = 0;
    for (; i + lanes <= n; i += lanes) {
        store_f(dst + i, row.at(i));
    }
    if (i < n) {
        store_first(dst + i, row.first(i, n - i), n - i);
    }
}

#if defined(GGCLIP_BF16)
constexpr bool uses_bf16(weight_type type, activation_scale scale) {
    return scale == activation_scale::row && (type == weight_type::f16 || type == weight_type::bf16);
}

// In values: a bf16 row takes the place of a float row.
static inline size_t bf16_stride(int n_in) { return 2 * float_stride(n_in); }

// Writes zeros up to the next multiple of the vector.
template <class Row>
static void copy_row_bf16(const Row & row, int n, uint16_t * dst) {
    for (int i = 0; i < n; i += lanes) {
        store_as_bf16(dst + i, n - i >= lanes ? row.at(i) : row.first(i, n - i));
    }
}
#endif

// Below this a row or block counts as zero: 127 / amax would leave the range of floats.
constexpr float smallest_amax = 1e-30f;

// n is a multiple of 32.
template <class Row>
GGCLIP_INLINE float max_abs(const Row & row, int begin, int n) {
    vf amax = zero_f();
    for (int i = begin; i < begin + n; i += lanes) {
        amax = max(amax, abs(row.at(i)));
    }
    return max_of(amax);
}

// dst is the packed tile of `height` tokens, t the token's place in it.
template <class Format, class Row>
static void quantize_row(Format format, activation_scale scale, int offset, const Row & row, int n, uint8_t * dst,
                         int height, int t) {
    using activation = typename Format::dot::activation;
    const bool per_row = scale == activation_scale::row;
    float      amax = per_row ? max_abs(row, 0, n) : 0.0f;
    for (int i0 = 0; i0 < n; i0 += block_size, dst += height * format.token_block_bytes) {
        if (!per_row) {
            amax = max_abs(row, i0, block_size);
        }
        const bool    zero = amax < smallest_amax;
        const float   d = zero ? 0.0f : amax / 127.0f;
        const vf      inverse = set_f(zero ? 0.0f : 127.0f / amax);
        activation *  quants = (activation *) (dst + t * format.token_quants);
        vi            sum = zero_i();
        for (int i = 0; i < block_size; i += lanes) {
            const vi q = to_int(mul(row.at(i0 + i), inverse));
            sum = add_i(sum, q);
            if constexpr (sizeof(activation) == 1) {
                store_as_i8(quants + i, q);
            } else {
                store_as_i16(quants + i, q);
            }
        }
        ((float *) (dst + format.scales_at(height)))[t] = d;
        if constexpr (Format::dot::has_correction) {
            int32_t by_lane[lanes];
            int     sums[4] = {0, 0, 0, 0};
            store_i(by_lane, sum);
            for (int i = 0; i < lanes; i++) {
                sums[i % 4] += by_lane[i];
            }
            const uint32_t correction = Format::dot::correction(offset, sums);
            memcpy(dst + format.corrections_at(height) + t * 4, &correction, 4);
            if (format.with_min) {
                const float total = (float) (sums[0] + sums[1] + sums[2] + sums[3]);
                ((float *) (dst + format.sums_at(height)))[t] = per_row ? total : d * total;
            }
        }
    }
}

template <class Row>
static void pack_row(weight_type type, activation_scale scale, const Row & row, int n, const token_tiles & tiles,
                     int tile, int t, void * dst) {
    uint8_t * const base = (uint8_t *) dst + tiles.begin(tile) * activation_token_size(type, n);
#if defined(GGCLIP_BF16)
    if (uses_bf16(type, scale)) {
        copy_row_bf16(row, n, (uint16_t *) base + t * bf16_stride(n));
        return;
    }
#endif
    if (!is_quantized(type)) {
        copy_row(row, n, (float *) base + t * float_stride(n));
        return;
    }
    with_int_format(type, [&](auto format) {
        quantize_row(format, scale, offset_of(type), row, n, base, tiles.height(tile), t);
    });
}

static inline token_tiles tiles_of(weight_type type, int n_tokens) {
    return token_tiles(n_tokens, is_quantized(type) ? token_tile : token_tile_float);
}

static void pack_activations(weight_type type, activation_scale scale, const float * x, size_t x_stride, int n_tokens,
                             int n_in, void * dst, int ith, int nth) {
    const token_tiles tiles = tiles_of(type, n_tokens);
    const share       mine(tiles.count, ith, nth);
    for (int tile = mine.begin; tile < mine.end; tile++) {
        for (int t = 0; t < tiles.height(tile); t++) {
            const plain_row row = {x + (tiles.begin(tile) + t) * x_stride};
            pack_row(type, scale, row, n_in, tiles, tile, t, dst);
        }
    }
}

GGCLIP_LEVEL_END
