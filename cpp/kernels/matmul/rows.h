// Rows that are packed for products, and what packing needs of them: their largest magnitude, and their values as the
// words of tile-i16.h.
#pragma once

#include <math.h>

#include "kernels/matmul/blocks.h"
#include "kernels/matmul/tile-i16.h"

GGCLIP_LEVEL_BEGIN

struct plain_row {
    const float * x;
    GGCLIP_INLINE_MEMBER vf at(int i) const { return load_f(x + i); }
    GGCLIP_INLINE_MEMBER vf first(int i, int n) const { return load_first(x + i, n); }
};

// A row of n values that zeros follow.
template <class Row>
struct filled_row {
    Row row;
    int n;
    GGCLIP_INLINE_MEMBER vf at(int i) const {
        return i + lanes <= n ? row.at(i) : i < n ? row.first(i, n - i) : zero_f();
    }
    GGCLIP_INLINE_MEMBER vf first(int i, int count) const { return keep_first(at(i), count); }
};

// Slightly more than n_in, so that a tile's rows do not share cache sets when n_in is a power of two.
static inline size_t float_stride(int n_in) { return (size_t) ceil_div(n_in, 16) * 16 + 16; }

template <class Row>
static void copy_row(const Row & row, int n, float * dst) {
    int i = 0;
    for (; i + lanes <= n; i += lanes) store_f(dst + i, row.at(i));
    if (i < n) store_first(dst + i, row.first(i, n - i), n - i);
}

// The largest magnitude, or NaN. Compared as integers, magnitudes keep their order with NaN above infinity; a float
// maximum may drop NaN. A non-finite scale makes the results non-finite.
template <class Row>
GGCLIP_INLINE float max_abs(const Row & row, int begin, int end) {
    vi amax = zero_i();
    int i = begin;
    for (; i + lanes <= end; i += lanes) amax = max_i(amax, magnitude_bits(row.at(i)));
    if (i < end) amax = max_i(amax, magnitude_bits(row.first(i, end - i)));
    return max_of_bits(amax);
}

// Values i0.. of a row of n as a block of words; zeros fill it. Returns the value of a step; NaN if a value
// is not finite, since its word may have any sign.
template <class Row>
static float words_of(const Row & row, int i0, int n, int16_t * words) {
    const float amax = max_abs(row, i0, min_int(i0 + word_block, n));
    const bool zero = amax < smallest_amax;
    const vf inverse = set_f(zero ? 0.0f : word_limit / amax);
    const filled_row<Row> filled = {row, n};
    for (int i = 0; i < word_block; i += lanes) store_as_i16(words + i, to_int(mul(filled.at(i0 + i), inverse)));
    return zero ? 0.0f : amax / word_limit + (amax - amax);
}

// A row in the layout of tile-i16.h.
template <class Row>
static void quantize_row_words(const Row & row, int n, uint8_t * dst, int height, int t) {
    for (int i0 = 0; i0 < n; i0 += word_block, dst += height * word_format::token_block_bytes) {
        auto * const words = reinterpret_cast<int16_t *>(dst + t * word_format::token_quants);
        reinterpret_cast<float *>(dst + word_format::scales_at(height))[t] = words_of(row, i0, n, words);
    }
}

GGCLIP_LEVEL_END
