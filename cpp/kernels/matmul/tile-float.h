// The float micro-kernel, used by linear layers and by both products of attention.
//
// One call computes a register tile of T tokens x 2 vectors of output rows: sums[t][row] += sum_k a[t][k] * w[k][row].
// Weights are packed so that the 2 * lanes rows of a panel are adjacent for each k; an activation is broadcast and
// multiplies both vectors. Each k costs 2 vector loads, T broadcasts and 2T fused multiply-adds. Every sum is one chain
// in the order of k, so a token's result does not depend on its tile.
#pragma once

#include "kernels/levels/level.h"

GGCLIP_LEVEL_BEGIN

// 16-bit floats, loaded as floats.
struct weights_f16 {
    static GGCLIP_INLINE_MEMBER vf load(const uint16_t * p) { return load_f16(p); }
};
struct weights_bf16 {
    static GGCLIP_INLINE_MEMBER vf load(const uint16_t * p) { return load_bf16(p); }
};

// Where a tile takes its weights from, one k after another.
struct float_rows {
    const float * w;
    size_t stride;
    GGCLIP_INLINE_MEMBER void next(vf & w0, vf & w1) {
        w0 = load_f(w);
        w1 = load_f(w + lanes);
        w += stride;
    }
};

// A panel of 16-bit floats, kept as floats for the tiles that follow: between multiplications converting costs nothing.
template <class W>
struct half_rows {
    const uint16_t * w;
    float * kept;
    GGCLIP_INLINE_MEMBER void next(vf & w0, vf & w1) {
        w0 = W::load(w);
        w1 = W::load(w + lanes);
        store_f(kept, w0);
        store_f(kept + lanes, w1);
        w += panel_rows;
        kept += panel_rows;
    }
};

// w: [n][w_stride], a: [T][a_stride], out: [T][out_stride]; strides in elements.
struct float_tile {
    const float * w;
    size_t w_stride;
    const float * a;
    size_t a_stride;
    int n;
    float * out;
    size_t out_stride;
    bool add_to_out;
};

template <int T, class Rows>
static void multiply_tile(const float_tile & x, Rows rows) {
    vf sum[T][2];
    GGCLIP_UNROLL
    for (int t = 0; t < T; t++) {
        sum[t][0] = x.add_to_out ? load_f(x.out + t * x.out_stride) : zero_f();
        sum[t][1] = x.add_to_out ? load_f(x.out + t * x.out_stride + lanes) : zero_f();
    }
    const size_t a_stride = x.a_stride;
    const float * a = x.a;
    const float * const end = a + x.n;
    for (; a != end; a++) {
        vf w0, w1;
        rows.next(w0, w1);
        GGCLIP_UNROLL
        for (int t = 0; t < T; t++) {
            const vf v = set_f(a[t * a_stride]);
            sum[t][0] = fma(v, w0, sum[t][0]);
            sum[t][1] = fma(v, w1, sum[t][1]);
        }
    }
    GGCLIP_UNROLL
    for (int t = 0; t < T; t++) {
        store_f(x.out + t * x.out_stride, sum[t][0]);
        store_f(x.out + t * x.out_stride + lanes, sum[t][1]);
    }
}

// `rows` instead of x.w
template <class Rows>
static void multiply_tile(int n_tokens, const float_tile & x, Rows rows) {
    with_tile_height(
        n_tokens, [&](auto height) { multiply_tile<height.n>(x, rows); });
}

// A layer's tile, which may have more tokens than vector registers hold sums of.
static void multiply_layer_tile(int n_tokens, float_tile x) {
    for (int left = n_tokens; left > 0;) {
        const int n = ceil_div(left, ceil_div(left, token_tile));
        multiply_tile(n, x, float_rows{x.w, x.w_stride});
        x.a += n * x.a_stride;
        x.out += n * x.out_stride;
        left -= n;
    }
}

static void multiply_tile(int n_tokens, const float_tile & x) {
    multiply_tile(n_tokens, x, float_rows{x.w, x.w_stride});
}

GGCLIP_LEVEL_END
