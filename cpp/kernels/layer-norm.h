// LayerNorm in two passes over a row (mean, then variance around it), RMSNorm in one; plain or written directly as
// packed activations.
#pragma once

#include <float.h>
#include <math.h>

#include "kernels/matmul/pack-activations.h"

GGCLIP_LEVEL_BEGIN

struct normalized_row {
    const float * x;
    const float * weight;
    const float * bias;  // or null
    vf mean;
    vf scale;  // 1 / sqrt(variance + eps)
    GGCLIP_INLINE_MEMBER vf at(int i) const {
        const vf v = mul(sub(load_f(x + i), mean), scale);
        return fma(v, load_f(weight + i), bias ? load_f(bias + i) : zero_f());
    }
    GGCLIP_INLINE_MEMBER vf first(int i, int n) const {
        const vf v = mul(sub(load_first(x + i, n), mean), scale);
        return fma(v, load_first(weight + i, n), bias ? load_first(bias + i, n) : zero_f());
    }
};

// Sum over i < n of f(i); f(i, n) returns the last, partial vector padded with zeros.
template <class F>
GGCLIP_INLINE float sum_over(int n, F f) {
    vf sum[4] = {zero_f(), zero_f(), zero_f(), zero_f()};
    int i = 0;
    for (; i + 4 * lanes <= n; i += 4 * lanes) {
        GGCLIP_UNROLL
        for (int j = 0; j < 4; j++) sum[j] = add(sum[j], f(i + j * lanes, lanes));
    }
    for (; i < n; i += lanes) sum[0] = add(sum[0], f(i, min_int(lanes, n - i)));
    return sum_of(add(add(sum[0], sum[1]), add(sum[2], sum[3])));
}

static normalized_row normalize(const norm_args & a, int t) {
    const float * x = a.x + t * a.x_stride;
    const auto value = [=](int i, int n) { return n == lanes ? load_f(x + i) : load_first(x + i, n); };
    const vf mean = a.rms ? zero_f() : set_f(sum_over(a.n, value) / (float) a.n);
    const float squares = sum_over(a.n, [=](int i, int n) {
        // Lanes beyond the row read as 0 instead of the mean, so mask them.
        const vf v = n == lanes ? sub(load_f(x + i), mean) : keep_first(sub(load_first(x + i, n), mean), n);
        return mul(v, v);
    });
    // If the variance overflows, the row would equal its bias and look valid: return NaN instead.
    const float scale = squares <= FLT_MAX ? 1.0f / sqrtf(squares / (float) a.n + a.eps) : NAN;
    return {x, a.weight, a.bias, mean, set_f(scale)};
}

static void layer_norm(const norm_args & a, int ith, int nth) {
    const auto mine = share(a.n_tokens, ith, nth);
    for (int t = mine.begin; t < mine.end; t++) copy_row(normalize(a, t), a.n, a.dst + (size_t) t * a.n);
}

static void layer_norm_pack(weight_type type, const norm_args & a, void * dst, int ith, int nth) {
    const token_tiles tiles(a.n_tokens);
    const auto mine = share(tiles.count, ith, nth);
    for (int tile = mine.begin; tile < mine.end; tile++) {
        for (int t = 0; t < tiles.height(tile); t++) {
            const int token = tiles.begin(tile) + t;
            const normalized_row row = normalize(a, token);
            if (a.dst) copy_row(row, a.n, a.dst + (size_t) token * a.n);
            pack_row(type, row, a.n, tiles, tile, t, dst);
        }
    }
}

GGCLIP_LEVEL_END
