// Softmax attention of short sequences in f32. For each (sequence, head), keys are packed as a weight matrix with one
// output row per key, and values as one with one output row per float of the head, so both products use the float
// micro-kernel.
#pragma once

#include <math.h>
#include <string.h>

#include "kernels/matmul/token-tiles.h"
#include "kernels/matmul/transpose.h"
#include "kernels/vector-math.h"

GGCLIP_LEVEL_BEGIN

constexpr int query_tiles = 4;
constexpr int query_block = query_tiles * token_tile;

struct attention_scratch {
    float * keys;    // [panels of keys][d_head][panel_rows]
    float * values;  // [n_kv][d_pad]
    float * scores;  // [query_block][kv_stride]
};

static inline int round_to_panel(int n) { return ceil_div(n, panel_rows) * panel_rows; }

// Row length of the scores: one extra panel keeps rows out of the same cache sets when the length is a power of two.
static inline size_t kv_stride(int max_kv) { return (size_t) round_to_panel(max_kv) + panel_rows; }

static inline size_t scratch_floats(int max_kv, int d_head) {
    return (size_t) round_to_panel(max_kv) * (d_head + round_to_panel(d_head)) + query_block * kv_stride(max_kv);
}

static attention_scratch scratch_of(const attention_args & a, void * scratch) {
    float * const base = static_cast<float *>(scratch);
    const size_t n_kv = round_to_panel(a.max_kv);
    return {base, base + n_kv * a.d_head, base + n_kv * (a.d_head + round_to_panel(a.d_head))};
}

static void pack_head(const attention_args & a, int s, int h, const attention_scratch & scratch) {
    const int first = a.kv_offset[s];
    const int n_kv = a.keys(s);
    const float * k = a.k + first * a.k_stride + (size_t) h * a.d_head;
    const float * v = a.v + first * a.v_stride + (size_t) h * a.d_head;
    for (int j0 = 0; j0 < n_kv; j0 += panel_rows) {
        transpose_panel(k + j0 * a.k_stride, a.k_stride, min_int(panel_rows, n_kv - j0), a.d_head,
                        scratch.keys + (size_t) j0 * a.d_head);
    }
    const int d_pad = round_to_panel(a.d_head);
    for (int j = 0; j < n_kv; j++) {
        for (int d = 0; d < d_pad; d += lanes) {
            const int left = a.d_head - d;
            store_f(
                scratch.values + (size_t) j * d_pad + d,
                left >= lanes ? load_f(v + j * a.v_stride + d) : load_first(v + j * a.v_stride + d, max_int(left, 0)));
        }
    }
}

// Replaces the first n scores by softmax(scale * score) without the division, and the rest up to n_pad by 0. Returns 1
// / sum.
static float exponentiate(float * scores, int n, int n_pad, float scale) {
    const int whole = n / lanes * lanes, left = n - whole;
    vf top = set_f(scores[0]);
    for (int j = 0; j < whole; j += lanes) top = max(top, load_f(scores + j));
    if (left > 0) {
        // lanes beyond the end repeat the first score, which cannot change the maximum
        top =
            max(top, add(load_first(scores + whole, left), sub(set_f(scores[0]), keep_first(set_f(scores[0]), left))));
    }
    const vf shift = set_f(max_of(top) * scale);
    const vf scale_v = set_f(scale);
    vf sum = zero_f();
    for (int j = 0; j < whole; j += lanes) {
        const vf e = exp_v(sub(mul(load_f(scores + j), scale_v), shift));
        sum = add(sum, e);
        store_f(scores + j, e);
    }
    int j = whole;
    if (left > 0) {
        const vf e = keep_first(exp_v(sub(mul(load_first(scores + whole, left), scale_v), shift)), left);
        sum = add(sum, e);
        store_f(scores + whole, e);
        j += lanes;
    }
    for (; j < n_pad; j += lanes) store_f(scores + j, zero_f());
    return 1.0f / sum_of(sum);
}

// ALiBi, before the scores are scaled: `slope` is of such scores.
static void subtract_distances(float * scores, int n, const int32_t * positions, int32_t own, float slope) {
    for (int j = 0; j < n; j++) scores[j] -= slope * fabsf((float) (positions[j] - own));
}

// Before the scores are scaled: `factor` is the inverse of the scale.
static void add_distance_bias(const attention_args & a, int h, const int32_t * positions, int32_t own, float factor,
                              float * scores, int n) {
    const float * bias = a.distance_bias + (size_t) h * (2 * a.max_distance + 1) + a.max_distance;
    for (int j = 0; j < n; j++) {
        const int distance = positions[j] - own;
        scores[j] += factor * bias[max_int(-a.max_distance, min_int(distance, a.max_distance))];
    }
}

static void clear_head(const attention_args & a, int s, int h) {
    for (int row = a.q_offset[s]; row < a.q_offset[s + 1]; row++)
        memset(a.dst + row * a.dst_stride + (size_t) h * a.d_head, 0, (size_t) a.d_head * sizeof(float));
}

static void add_biases(const attention_args & a, int s, int h, int row, float scale, float * scores, int n) {
    if (a.slopes) subtract_distances(scores, n, a.positions + a.kv_offset[s], a.positions[row], a.slopes[h] / scale);
    if (a.distance_bias)
        add_distance_bias(a, h, a.positions + a.kv_offset[s], a.positions[row], 1.0f / scale, scores, n);
}

// Queries i..i + n - 1 of a sequence whose head is already packed.
static void attend(const attention_args & a, int s, int h, int i, int n, const attention_scratch & scratch) {
    alignas(64) float out[token_tile * panel_rows];
    float inverse_sum[query_block];

    const int row = a.q_offset[s] + i;
    const int n_kv = a.keys(s);
    const int n_seen = a.causal ? min_int(i + n, n_kv) : n_kv;  // seen by the last query
    const int n_pad = round_to_panel(n_seen);
    const size_t stride = kv_stride(a.max_kv);
    const int d_pad = round_to_panel(a.d_head);
    const tiles_of<token_tile> tiles(n);
    const float scale = a.unscaled ? 1.0f : 1.0f / sqrtf((float) a.d_head);

    for (int j = 0; j < n_seen; j += panel_rows) {
        for (int tile = 0; tile < tiles.count; tile++) {
            const int t = tiles.begin(tile);
            const float * q = a.q + (row + t) * a.q_stride + (size_t) h * a.d_head;
            multiply_tile(tiles.height(tile), {scratch.keys + (size_t) j * a.d_head, panel_rows, q, a.q_stride,
                                               a.d_head, scratch.scores + t * stride + j, stride, false});
        }
    }
    for (int t = 0; t < n; t++) {
        const int n_valid = a.causal ? min_int(i + t + 1, n_kv) : n_kv;
        add_biases(a, s, h, row + t, scale, scratch.scores + t * stride, n_valid);
        inverse_sum[t] = exponentiate(scratch.scores + t * stride, n_valid, n_pad, scale);
    }
    for (int d = 0; d < a.d_head; d += panel_rows) {
        for (int tile = 0; tile < tiles.count; tile++) {
            const int begin = tiles.begin(tile);
            multiply_tile(tiles.height(tile), {scratch.values + d, (size_t) d_pad, scratch.scores + begin * stride,
                                               stride, n_seen, out, panel_rows, false});
            for (int t = 0; t < tiles.height(tile); t++) {
                float * dst = a.dst + (row + begin + t) * a.dst_stride + (size_t) h * a.d_head + d;
                const vf inverse = set_f(inverse_sum[begin + t]);
                for (int r = 0; r < panel_rows; r += lanes) {
                    const int left = a.d_head - d - r;
                    const vf v = mul(load_f(out + t * panel_rows + r), inverse);
                    if (left >= lanes) store_f(dst + r, v);
                    else if (left > 0) store_first(dst + r, v, left);
                }
            }
        }
    }
}

GGCLIP_LEVEL_END
