#include "engine/graph/packed-nodes.h"

#include "engine/graph/positions/distance-bias.h"

#include <algorithm>
#include <cstring>

namespace ggclip {

static const float * floats(const ggml_tensor * t) { return t ? static_cast<const float *>(t->data) : nullptr; }
static size_t row_stride(const ggml_tensor * t) { return t->nb[1] / sizeof(float); }

static kernels::norm_args norm_args_of(const packed_node & p, const ggml_tensor * x, float * dst) {
    const bool rms = p.norm->b == nullptr;
    return {floats(x), row_stride(x), (int) x->ne[1], (int) x->ne[0], p.eps, floats(p.norm->w), floats(p.norm->b), dst,
            rms};
}

void run_norm(ggml_tensor * dst, int ith, int nth, void * userdata) {
    const packed_node & p = *static_cast<const packed_node *>(userdata);
    p.table->layer_norm(norm_args_of(p, dst->src[0], static_cast<float *>(dst->data)), ith, nth);
}

void run_norm_pack(ggml_tensor * dst, int ith, int nth, void * userdata) {
    const packed_node & p = *static_cast<const packed_node *>(userdata);
    p.table->layer_norm_pack(p.type, norm_args_of(p, dst->src[0], nullptr), dst->data, ith, nth);
}

void run_pack(ggml_tensor * dst, int ith, int nth, void * userdata) {
    const packed_node & p = *static_cast<const packed_node *>(userdata);
    const ggml_tensor * x = dst->src[0];
    p.table->pack_activations(p.type, floats(x), row_stride(x), (int) x->ne[1], (int) x->ne[0], dst->data, ith, nth);
}

static kernels::linear_args linear_args_of(const packed_node & p, const ggml_tensor * in, int64_t n_tokens,
                                           const ggml_tensor * factor) {
    kernels::linear_args args = {};
    args.w = p.linear->packed;
    args.act = in->data;
    args.n_tokens = (int) n_tokens;
    args.bias = floats(p.linear->b);
    args.op = p.op;
    args.factor = floats(factor);
    args.rounds = p.rounds;
    return args;
}

void run_linear(ggml_tensor * dst, int ith, int nth, void * userdata) {
    const packed_node & p = *static_cast<const packed_node *>(userdata);
    const ggml_tensor * residual = dst->src[1];
    kernels::linear_args args = linear_args_of(p, dst->src[0], dst->ne[1], nullptr);
    args.residual = floats(residual);
    args.residual_stride = residual ? row_stride(residual) : 0;
    args.dst = static_cast<float *>(dst->data);
    args.dst_stride = row_stride(dst);
    p.table->linear(args, ith, nth);
}

void run_gated(ggml_tensor * dst, int ith, int nth, void * userdata) {
    const packed_node & p = *static_cast<const packed_node *>(userdata);
    kernels::linear_args args = linear_args_of(p, dst->src[0], dst->ne[1], dst->src[1]);
    args.dst = static_cast<float *>(dst->data);
    args.dst_stride = row_stride(dst);
    p.table->linear(args, ith, nth);
}

void run_linear_pack(ggml_tensor * dst, int ith, int nth, void * userdata) {
    const packed_node & p = *static_cast<const packed_node *>(userdata);
    p.table->linear_pack(linear_args_of(p, dst->src[0], p.n, dst->src[1]), p.type, dst->data, ith, nth);
}

void run_rotate(ggml_tensor * dst, int ith, int nth, void * userdata) {
    const packed_node & p = *static_cast<const packed_node *>(userdata);
    const ggml_tensor *x = dst->src[0], *turns = dst->src[1];
    const int d_head = (int) turns->ne[0] / 2;
    p.table->rotate({floats(x), row_stride(x), (int) x->ne[1], (int) x->ne[0] / d_head, d_head, floats(turns),
                     p.pairs == rotary_pairs::halves, static_cast<float *>(dst->data)},
                    ith, nth);
}

// A row of values by distance for each head.
void run_position_bias(ggml_tensor * dst, int ith, int nth, void * userdata) {
    const packed_node & p = *static_cast<const packed_node *>(userdata);
    const ggml_tensor * table = dst->src[0];
    const auto n_bucket = (int32_t) table->ne[1];
    for (int64_t h = dst->ne[1] * ith / nth; h < dst->ne[1] * (ith + 1) / nth; h++) {
        float * row = static_cast<float *>(dst->data) + h * dst->ne[0];
        for (int d = -p.max_distance; d <= p.max_distance; d++)
            row[p.max_distance + d] = floats(table)[position_bucket(d, n_bucket, p.max_distance) * table->ne[0] + h];
    }
}

void run_attention(ggml_tensor * dst, int ith, int nth, void * userdata) {
    const packed_node & p = *static_cast<const packed_node *>(userdata);
    const ggml_tensor *q = dst->src[0], *k = dst->src[1], *v = dst->src[2];
    kernels::attention_args args = {};
    args.q = floats(q);
    args.q_stride = row_stride(q);
    args.k = floats(k);
    args.k_stride = row_stride(k);
    args.v = floats(v);
    args.v_stride = row_stride(v);
    args.dst = static_cast<float *>(dst->data);
    args.dst_stride = row_stride(dst);
    args.q_offset = p.q_offset;
    args.kv_offset = p.kv_offset;
    args.n_seq = p.seqs->n_seq;
    args.max_kv = p.seqs->max_length;
    args.n_head = p.n_head;
    args.d_head = (int) q->ne[0] / p.n_head;
    args.causal = p.causal;
    args.scratch = p.scratch;
    args.n_key = p.n_key;
    args.unscaled = !p.scaled;
    args.rounds = p.rounds;
    if (p.positions) args.positions = static_cast<const int32_t *>(p.positions->data);
    if (!p.slopes.empty()) args.slopes = p.slopes.data();
    if (p.bias) {
        args.distance_bias = floats(p.bias);
        args.max_distance = (int) p.bias->ne[0] / 2;
    }
    p.table->attention(args, ith, nth);
}

void run_gather(ggml_tensor * dst, int ith, int nth, void *) {
    const ggml_tensor *x = dst->src[0], *rows = dst->src[1];
    const int32_t * index = static_cast<const int32_t *>(rows->data);
    for (int64_t r = dst->ne[1] * ith / nth; r < dst->ne[1] * (ith + 1) / nth; r++) {
        memcpy(static_cast<char *>(dst->data) + r * dst->nb[1],
               static_cast<const char *>(x->data) + index[r] * x->nb[1], (size_t) dst->ne[0] * sizeof(float));
    }
}

void run_repeat(ggml_tensor * dst, int ith, int nth, void *) {
    for (int64_t r = dst->ne[1] * ith / nth; r < dst->ne[1] * (ith + 1) / nth; r++)
        memcpy(static_cast<char *>(dst->data) + r * dst->nb[1], dst->src[0]->data, (size_t) dst->ne[0] * sizeof(float));
}

static void add_to(float * dst, const float * x, int64_t n) {
    for (int64_t i = 0; i < n; i++) dst[i] += x[i];
}

void run_add_scaled(ggml_tensor * dst, int ith, int nth, void *) {
    const ggml_tensor *x = dst->src[0], *residual = dst->src[1];
    const float * factors = floats(dst->src[2]);
    const int64_t n = dst->ne[0];
    for (int64_t r = dst->ne[1] * ith / nth; r < dst->ne[1] * (ith + 1) / nth; r++) {
        const float *from = floats(x) + r * (int64_t) row_stride(x),
                    *onto = floats(residual) + r * (int64_t) row_stride(residual);
        float * row = static_cast<float *>(dst->data) + r * n;
        for (int64_t i = 0; i < n; i++) row[i] = onto[i] + (factors ? from[i] * factors[i] : from[i]);
    }
}

void run_embed_tokens(ggml_tensor * dst, int ith, int nth, void * userdata) {
    const packed_node & p = *static_cast<const packed_node *>(userdata);
    const text_tokens & tokens = p.text;
    const ggml_tensor * table = tokens.table;
    const float *positions = floats(tokens.position_table), *types = floats(tokens.type_table);
    const auto * ids = static_cast<const int32_t *>(tokens.ids->data);
    const auto * places = static_cast<const int32_t *>(tokens.positions->data);
    const auto * rows = tokens.rows ? static_cast<const int32_t *>(tokens.rows->data) : nullptr;
    const ggml_type_traits * traits = ggml_get_type_traits(table->type);
    const int64_t n = dst->ne[0];
    for (int64_t t = dst->ne[1] * ith / nth; t < dst->ne[1] * (ith + 1) / nth; t++) {
        float * row = static_cast<float *>(dst->data) + t * n;
        const char * stored = static_cast<const char *>(table->data) + ids[t] * table->nb[1];
        const bool is_class = rows && rows[t] == 0;
        if (is_class) memcpy(row, tokens.class_embd->data, (size_t) n * sizeof(float));
        else if (table->type == GGML_TYPE_F32) memcpy(row, stored, (size_t) n * sizeof(float));
        else traits->to_float(stored, row, n);
        for (int64_t i = 0; i < n && tokens.scale != 1 && !is_class; i++) row[i] *= tokens.scale;
        if (positions) add_to(row, positions + places[t] * n, n);
        if (types) add_to(row, types, n);
    }
}

void run_mean(ggml_tensor * dst, int ith, int nth, void * userdata) {
    const packed_node & p = *static_cast<const packed_node *>(userdata);
    const int64_t n = dst->ne[0];
    for (int64_t s = dst->ne[1] * ith / nth; s < dst->ne[1] * (ith + 1) / nth; s++) {
        const int n_real = p.seqs->n_real((int) s);
        const float * x = floats(dst->src[0]) + p.seqs->offset[(size_t) s] * n;
        float * mean = static_cast<float *>(dst->data) + s * n;
        std::fill(mean, mean + n, 0.0f);
        for (int t = p.skip; t < n_real; t++) add_to(mean, x + t * n, n);
        const float share = 1.0f / (float) (n_real - p.skip);
        for (int64_t i = 0; i < n; i++) mean[i] *= share;
    }
}

void run_embed_patches(ggml_tensor * dst, int ith, int nth, void * userdata) {
    const packed_node & p = *static_cast<const packed_node *>(userdata);
    const stem_tokens & tokens = p.tokens;
    const float *patches = floats(dst->src[0]), *positions = floats(tokens.positions);
    const std::vector<int32_t> & offset = p.seqs->offset;
    const int n_class = tokens.class_embd ? 1 : 0, n_prefix = tokens.n_prefix();
    const int64_t n = dst->ne[0], begin = dst->ne[1] * ith / nth, end = dst->ne[1] * (ith + 1) / nth;
    size_t s = (size_t) (std::upper_bound(offset.begin(), offset.end(), begin) - offset.begin()) - 1;
    for (int64_t t = begin; t < end; t++) {
        while (t >= offset[s + 1]) s++;
        const int64_t place = t - offset[s], patch = t - (int64_t) (s + 1) * n_prefix;
        float * row = static_cast<float *>(dst->data) + t * n;
        memcpy(row,
               place < n_class    ? floats(tokens.class_embd) + (tokens.of_images ? (int64_t) s * n : 0)
               : place < n_prefix ? floats(tokens.register_embd) + (place - n_class) * n
                                  : patches + patch * n,
               (size_t) n * sizeof(float));
        if (place < n_class && tokens.class_position) add_to(row, positions, n);
        if (place >= n_prefix && tokens.patch_positions)
            add_to(row, positions + (place - n_prefix + (tokens.class_position ? 1 : 0)) * n, n);
    }
}

}  // namespace ggclip
