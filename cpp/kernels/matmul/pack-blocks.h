// Packs tokens in the layouts of tile-int.h, tile-i8.h and tile-i16.h, or as floats.
#pragma once

#include "kernels/matmul/int-format.h"
#include "kernels/matmul/rows.h"
#include "kernels/matmul/tile-i8.h"

GGCLIP_LEVEL_BEGIN

static size_t activation_token_size(weight_type type, int n_in) {
    size_t size = float_stride(n_in) * sizeof(float);
    if (uses_words(type)) size = (size_t) word_blocks(n_in) * word_format::token_block_bytes;
    if (type == weight_type::i8) size = row_format::token_bytes(n_in);
    with_int_format(type,
                    [&](auto format) { size = (size_t) (whole_blocks(n_in) / block_size) * format.token_block_bytes; });
    return size;
}

// Where a tile begins in packed activations.
static size_t activation_tile_at(weight_type type, const token_tiles & tiles, int tile, int n_in) {
    return tiles.begin(tile) * activation_token_size(type, n_in);
}

// Packs 32 values from i0 on. dst is the block in the packed tile of `height` tokens; t is the token's index in the
// tile.
template <class Format, class Row>
GGCLIP_INLINE void quantize_block(Format format, int offset, const Row & row, int i0, float d, vf inverse,
                                  uint8_t * dst, int height, int t) {
    using activation = typename Format::dot::activation;
    activation * quants = reinterpret_cast<activation *>(dst + t * format.token_quants);
    vi sum = zero_i();
    for (int i = 0; i < block_size; i += lanes) {
        const vi q = to_int(mul(row.at(i0 + i), inverse));
        sum = add_i(sum, q);
        Format::dot::store(quants + i, q);
    }
    reinterpret_cast<float *>(dst + format.scales_at(height))[t] = d;
    if constexpr (Format::dot::has_correction) {
        const uint32_t correction = Format::dot::correction(offset, sum);
        memcpy(dst + format.corrections_at(height) + t * 4, &correction, 4);
    }
    if (format.with_min) reinterpret_cast<float *>(dst + format.sums_at(height))[t] = sum_of(to_float(sum));
}

// The block's minimum and the step size that puts its maximum at `limit`. If a row ends within a vector, the missing
// values count as zeros.
template <int limit>
struct block_range {
    float smallest, step;
    vf inverse;

    template <class Row>
    block_range(const Row & row, int begin, int end) {
        vf low = set_f(INFINITY), high = set_f(-INFINITY);
        vi amax = zero_i();  // as in max_abs
        const auto take = [&](vf x) {
            low = min(low, x);
            high = max(high, x);
            amax = max_i(amax, magnitude_bits(x));
        };
        int i = begin;
        for (; i + lanes <= end; i += lanes) take(row.at(i));
        if (i < end) take(row.first(i, end - i));
        const float largest = max_of_bits(amax);
        const float not_finite = largest - largest;  // NaN if not finite, else 0
        smallest = not_finite - max_of(sub(zero_f(), low));
        const float span = max_of(high) - smallest;
        const bool none = span < smallest_amax;
        step = none ? 0.0f : span / limit;
        inverse = set_f(none ? 0.0f : limit / span);
    }
    GGCLIP_INLINE_MEMBER vi quants(vf x) const { return to_int(mul(sub(x, set_f(smallest)), inverse)); }
};

template <class Format, class Row>
GGCLIP_INLINE void quantize_range(Format format, const Row & row, int begin, int end, uint8_t * dst, int height,
                                  int t) {
    const block_range<Format::dot::limit> range(row, begin, end);
    reinterpret_cast<float *>(dst + format.scales_at(height))[t] = range.step;
    reinterpret_cast<float *>(dst + format.mins_at(height))[t] = range.smallest;
    for (int i0 = begin; i0 < end; i0 += block_size, dst += height * format.token_block_bytes) {
        uint8_t * const quants = dst + t * format.token_quants;
        for (int i = 0; i < block_size; i += lanes) Format::dot::store(quants + i, range.quants(row.at(i0 + i)));
    }
}

// Packs the values of one scale group; dst is its first block.
template <class Format, class Row>
GGCLIP_INLINE void quantize_group(Format format, int offset, const Row & row, int begin, int end, uint8_t * dst,
                                  int height, int t) {
    if constexpr (Format::dot::ranges) return quantize_range(format, row, begin, end, dst, height, t);
    const float amax = max_abs(row, begin, end);
    const bool zero = amax < smallest_amax;
    const float limit = Format::dot::limit;
    const float d = zero ? 0.0f : amax / limit;
    const vf inverse = set_f(zero ? 0.0f : limit / amax);
    for (int i0 = begin; i0 < end; i0 += block_size, dst += height * format.token_block_bytes)
        quantize_block(format, offset, row, i0, d, inverse, dst, height, t);
}

// Packs the first n values, whole blocks, in groups of `group`.
template <class Format, class Row>
static void quantize_blocks(Format format, int offset, const Row & row, int n, int group, uint8_t * dst, int height,
                            int t) {
    for (int begin = 0; begin < n; begin += group) {
        uint8_t * const first = dst + (size_t) (begin / block_size) * height * format.token_block_bytes;
        quantize_group(format, offset, row, begin, min_int(begin + group, n), first, height, t);
    }
}

// Same for any n.
template <class Format, class Row>
static void quantize_row(Format format, int offset, const Row & row, int n, int group, uint8_t * dst, int height,
                         int t) {
    const int whole = whole_blocks(n);
    if (whole == n) quantize_blocks(format, offset, row, n, group, dst, height, t);
    else quantize_blocks(format, offset, filled_row<Row>{row, n}, whole, group, dst, height, t);
}

// A row in the layout of tile-i8.h.
template <class Row>
static void quantize_row_bytes(const Row & row, int n, uint8_t * dst, int height, int t) {
    const float amax = max_abs(row, 0, n);
    const bool zero = amax < smallest_amax;
    const float limit = row_format::dot::limit;
    const vf inverse = set_f(zero ? 0.0f : limit / amax);
    uint8_t * quants = dst + t * row_format::token_quants;
    const filled_row<Row> filled = {row, n};
    for (int i0 = 0; i0 < n; i0 += row_format::unit, quants += height * row_format::token_quants) {
        for (int i = 0; i < row_format::unit; i += lanes)
            row_format::dot::store(reinterpret_cast<row_format::dot::activation *>(quants) + i,
                                   to_int(mul(filled.at(i0 + i), inverse)));
    }
    reinterpret_cast<float *>(dst + row_format::scales_at(n, height))[t] = zero ? 0.0f : amax / limit;
}

// Same, with one range per unit.
template <class Row>
static void quantize_row_ranges(const Row & row, int n, uint8_t * dst, int height, int t) {
    for (int i0 = 0; i0 < n; i0 += row_format::unit, dst += height * row_format::token_unit_bytes) {
        const block_range<row_format::dot::limit> range(row, i0, min_int(i0 + row_format::unit, n));
        uint8_t * const quants = dst + t * row_format::token_quants;
        for (int i = 0; i < row_format::unit; i += lanes) {
            const int left = n - i0 - i;
            const vf v = left >= lanes ? row.at(i0 + i) : left > 0 ? row.first(i0 + i, left) : set_f(range.smallest);
            row_format::dot::store(quants + i, range.quants(v));
        }
        float * const scales = reinterpret_cast<float *>(dst + height * row_format::token_quants);
        scales[t] = range.step;
        scales[height + t] = range.smallest;
    }
}

template <class Row>
static void pack_row(weight_type type, const Row & row, int n, const token_tiles & tiles, int tile, int t, void * dst) {
    uint8_t * const base = static_cast<uint8_t *>(dst) + activation_tile_at(type, tiles, tile, n);
    if (type == weight_type::i8) {
        if constexpr (row_format::ranges) return quantize_row_ranges(row, n, base, tiles.height(tile), t);
        return quantize_row_bytes(row, n, base, tiles.height(tile), t);
    }
    if (uses_words(type)) {
        quantize_row_words(row, n, base, tiles.height(tile), t);
        return;
    }
    if (!is_quantized(type)) {
        copy_row(row, n, reinterpret_cast<float *>(base) + t * float_stride(n));
        return;
    }
    with_int_format(type, [&](auto format) {
        quantize_row(format, offset_of(type), row, n, format.group(whole_blocks(n)), base, tiles.height(tile), t);
    });
}

// One scale group of token t of a tile of `height`, of a row of n_in: its n values from `first` on.
template <class Row>
static void pack_group(weight_type type, int n_in, const Row & row, int n, int first, const token_tiles &, int height,
                       uint8_t * tile, int t) {
    with_int_format(
        type,
        [&](auto format) {
            uint8_t * const dst = tile + (size_t) (first / block_size) * height * format.token_block_bytes;
            quantize_row(format, offset_of(type), row, n, format.group(whole_blocks(n_in)), dst, height, t);
        });
}

GGCLIP_LEVEL_END
