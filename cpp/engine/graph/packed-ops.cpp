// The compute seam over ggclip's own CPU kernels: every operation is one ggml custom node. ggml owns the graph and
// plans its memory; thread-team.h runs it. Weights were packed while loading; a layer input is rounded once, to the
// form that its weights require, and shared by all layers that read it.
#include "engine/graph/layer-ops.h"

#include "engine/run/profile.h"
#include "engine/threads/thread-team.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>

namespace ggclip {

namespace {

using kernels::kernel_table;

kernels::unary kernel_op(activation act) {
    switch (act) {
        case activation::none: return kernels::unary::none;
        case activation::quick_gelu: return kernels::unary::quick_gelu;
        case activation::gelu_erf: return kernels::unary::gelu_erf;
        case activation::gelu_tanh: return kernels::unary::gelu_tanh;
    }
    return kernels::unary::none;
}

const float * floats(const ggml_tensor * t) { return t ? static_cast<const float *>(t->data) : nullptr; }
size_t row_stride(const ggml_tensor * t) { return t->nb[1] / sizeof(float); }

// Parameters of one node. Addresses that exist only once the graph is allocated are read from the tensors.
struct node : team_node {
    const kernel_table * table = nullptr;
    const norm_weights * norm = nullptr;
    float eps = 0;
    const linear_weights * linear = nullptr;
    kernels::unary op = kernels::unary::none;
    kernels::weight_type type = kernels::weight_type::f32;
    const sequences * seqs = nullptr;
    const int32_t * q_offset = nullptr;
    const int32_t * kv_offset = nullptr;
    int n_head = 0;
    int n = 0;  // sequences, or tokens of a result in bytes
    int skip = 0;
    bool causal = false;
    uint8_t * scratch = nullptr;
};

kernels::norm_args norm_args_of(const node & p, const ggml_tensor * x, float * dst) {
    return {floats(x), row_stride(x), (int) x->ne[1], (int) x->ne[0], p.eps, floats(p.norm->w), floats(p.norm->b), dst};
}

void run_norm(ggml_tensor * dst, int ith, int nth, void * userdata) {
    const node & p = *static_cast<const node *>(userdata);
    p.table->layer_norm(norm_args_of(p, dst->src[0], static_cast<float *>(dst->data)), ith, nth);
}

void run_norm_pack(ggml_tensor * dst, int ith, int nth, void * userdata) {
    const node & p = *static_cast<const node *>(userdata);
    p.table->layer_norm_pack(p.type, norm_args_of(p, dst->src[0], nullptr), dst->data, ith, nth);
}

void run_pack(ggml_tensor * dst, int ith, int nth, void * userdata) {
    const node & p = *static_cast<const node *>(userdata);
    const ggml_tensor * x = dst->src[0];
    p.table->pack_activations(p.type, floats(x), row_stride(x), (int) x->ne[1], (int) x->ne[0], dst->data, ith, nth);
}

kernels::linear_args linear_args_of(const node & p, const ggml_tensor * in, int64_t n_tokens) {
    kernels::linear_args args = {};
    args.w = p.linear->packed;
    args.act = in->data;
    args.n_tokens = (int) n_tokens;
    args.bias = floats(p.linear->b);
    args.op = p.op;
    return args;
}

void run_linear(ggml_tensor * dst, int ith, int nth, void * userdata) {
    const node & p = *static_cast<const node *>(userdata);
    const ggml_tensor * residual = dst->src[1];
    kernels::linear_args args = linear_args_of(p, dst->src[0], dst->ne[1]);
    args.residual = floats(residual);
    args.residual_stride = residual ? row_stride(residual) : 0;
    args.dst = static_cast<float *>(dst->data);
    args.dst_stride = row_stride(dst);
    p.table->linear(args, ith, nth);
}

void run_linear_pack(ggml_tensor * dst, int ith, int nth, void * userdata) {
    const node & p = *static_cast<const node *>(userdata);
    p.table->linear_pack(linear_args_of(p, dst->src[0], p.n), p.type, dst->data, ith, nth);
}

void run_attention(ggml_tensor * dst, int ith, int nth, void * userdata) {
    const node & p = *static_cast<const node *>(userdata);
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

void add_to(float * dst, const float * x, int64_t n) {
    for (int64_t i = 0; i < n; i++) dst[i] += x[i];
}

void run_add_scaled(ggml_tensor * dst, int ith, int nth, void *) {
    const ggml_tensor *x = dst->src[0], *residual = dst->src[2];
    const float * factors = floats(dst->src[1]);
    const int64_t n = dst->ne[0];
    for (int64_t r = dst->ne[1] * ith / nth; r < dst->ne[1] * (ith + 1) / nth; r++) {
        const float *from = floats(x) + r * (int64_t) row_stride(x),
                    *onto = floats(residual) + r * (int64_t) row_stride(residual);
        float * row = static_cast<float *>(dst->data) + r * n;
        for (int64_t i = 0; i < n; i++) row[i] = onto[i] + from[i] * factors[i];
    }
}

void run_embed_tokens(ggml_tensor * dst, int ith, int nth, void *) {
    const ggml_tensor *table = dst->src[0], *positions = dst->src[2], *types = dst->src[4];
    const auto * ids = static_cast<const int32_t *>(dst->src[1]->data);
    const auto * places = static_cast<const int32_t *>(dst->src[3]->data);
    const ggml_type_traits * traits = ggml_get_type_traits(table->type);
    const int64_t n = dst->ne[0];
    for (int64_t t = dst->ne[1] * ith / nth; t < dst->ne[1] * (ith + 1) / nth; t++) {
        float * row = static_cast<float *>(dst->data) + t * n;
        const char * stored = static_cast<const char *>(table->data) + ids[t] * table->nb[1];
        if (table->type == GGML_TYPE_F32) memcpy(row, stored, (size_t) n * sizeof(float));
        else traits->to_float(stored, row, n);
        add_to(row, floats(positions) + places[t] * n, n);
        if (types) add_to(row, floats(types), n);
    }
}

void run_mean(ggml_tensor * dst, int ith, int nth, void * userdata) {
    const node & p = *static_cast<const node *>(userdata);
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
    const node & p = *static_cast<const node *>(userdata);
    const ggml_tensor *patches = dst->src[0], *positions = dst->src[1], *cls = dst->src[2];
    const int64_t n = dst->ne[0], n_token = dst->ne[1] / p.n, n_patch = patches->ne[1] / p.n;
    for (int64_t t = dst->ne[1] * ith / nth; t < dst->ne[1] * (ith + 1) / nth; t++) {
        const int64_t place = t % n_token, patch = t / n_token * n_patch + place - (cls ? 1 : 0);
        float * row = static_cast<float *>(dst->data) + t * n;
        memcpy(row, cls && place == 0 ? floats(cls) : floats(patches) + patch * n, (size_t) n * sizeof(float));
        add_to(row, floats(positions) + place * n, n);
    }
}

// Number of pairs of a query and a key that it sees.
double n_pairs(const sequences & seqs, bool one_each) {
    double n = 0;
    for (int s = 0; s < seqs.n_seq; s++) {
        const double n_query = one_each ? 1 : seqs.offset[(size_t) s + 1] - seqs.offset[(size_t) s];
        n += seqs.causal && !one_each ? n_query * (n_query + 1) / 2 : n_query * seqs.n_real(s);
    }
    return n;
}

class packed_ops final : public layer_ops {
  public:
    packed_ops(ggml_context * ctx, const weights & weights, int n_threads)
        : ctx_(ctx), table_(weights.kernels), n_threads_(n_threads), portable_(make_portable_ops(ctx)) {}

    ggml_tensor * gather(ggml_tensor * x, ggml_tensor * rows) override {
        return custom(GGML_TYPE_F32, x->ne[0], rows->ne[0], {x, rows}, run_gather, add_node("gather"));
    }

    ggml_tensor * repeat(ggml_tensor * vector, int n_seq) override {
        return custom(GGML_TYPE_F32, vector->ne[0], n_seq, {vector}, run_repeat, add_node("repeat"));
    }

    ggml_tensor * embed_tokens(ggml_tensor * table, ggml_tensor * ids, ggml_tensor * position_table,
                               ggml_tensor * positions, ggml_tensor * type_table) override {
        std::vector<ggml_tensor *> args = {table, ids, position_table, positions};
        if (type_table) args.push_back(type_table);
        return custom(GGML_TYPE_F32, table->ne[0], ids->ne[0], args, run_embed_tokens, add_node("embed", table->name));
    }

    ggml_tensor * mean(ggml_tensor * x, const sequences & seqs, int skip) override {
        node & p = add_node("mean");
        p.seqs = &seqs;
        p.skip = skip;
        return custom(GGML_TYPE_F32, x->ne[0], seqs.n_seq, {x}, run_mean, p);
    }

    ggml_tensor * embed_patches(ggml_tensor * patches, ggml_tensor * class_embd, ggml_tensor * position_table,
                                int n_seq) override {
        node & p = add_node("embed", position_table->name);
        p.n = n_seq;
        const int64_t n_token = patches->ne[1] / n_seq + (class_embd ? 1 : 0);
        std::vector<ggml_tensor *> args = {patches, position_table};
        if (class_embd) args.push_back(class_embd);
        return custom(GGML_TYPE_F32, patches->ne[0], n_token * n_seq, args, run_embed_patches, p);
    }

    ggml_tensor * values(layer_input & in) override {
        if (!in.f32) {
            node & p = add_node("norm", in.norm->w->name);
            p.norm = in.norm;
            p.eps = in.eps;
            in.f32 = custom(GGML_TYPE_F32, in.x->ne[0], in.x->ne[1], {in.x}, run_norm, p);
        }
        return in.f32;
    }

    ggml_tensor * linear(layer_input & in, const linear_weights & w, activation act, ggml_tensor * residual) override {
        if (!w.is_packed()) return portable_linear(in, w, act, residual);  // types without a kernel
        node & p = add_linear_node("linear", in, w, act);
        std::vector<ggml_tensor *> args = {packed(in, w.packed.type)};
        if (residual) args.push_back(residual);
        return custom(GGML_TYPE_F32, w.n_out, in.x->ne[1], args, run_linear, p);
    }

    ggml_tensor * add_scaled(ggml_tensor * x, ggml_tensor * factors, ggml_tensor * residual) override {
        return custom(GGML_TYPE_F32, x->ne[0], x->ne[1], {x, factors, residual}, run_add_scaled,
                      add_node("scale", factors->name));
    }

    layer_input hidden(layer_input & in, const linear_weights & w, activation act,
                       const linear_weights & next) override {
        const kernels::weight_type from = w.packed.type, to = next.packed.type;
        const bool fuses = table_->linear_pack && w.is_packed() && next.is_packed() && in_blocks(from) && in_blocks(to);
        if (!fuses) return unnormalised(linear(in, w, act, nullptr));
        node & p = add_linear_node("linear+pack", in, w, act);
        p.type = to;
        p.n = p.work.n_rows;
        const int64_t n_bytes = (int64_t) table_->activations_size(to, p.n, w.n_out);
        layer_input out;
        out.x = ggml_new_tensor_2d(ctx_, GGML_TYPE_F32, w.n_out, p.n);  // for its shape only: no node computes it
        out.packed[(int) to] = custom(GGML_TYPE_I8, n_bytes, 1, {packed(in, from)}, run_linear_pack, p);
        return out;
    }

    ggml_tensor * attention(ggml_tensor * q, ggml_tensor * k, ggml_tensor * v, int n_head,
                            const sequences & seqs) override {
        const bool one_each = q->ne[1] == seqs.n_seq && seqs.n_token != seqs.n_seq;
        node & p = add_node("attention");
        p.seqs = &seqs;
        p.n_head = n_head;
        p.causal = seqs.causal && !one_each;  // a pooled token comes last in a causal sequence: it sees all of it
        p.q_offset = one_each ? counting(seqs.n_seq + 1) : seqs.offset.data();
        p.kv_offset = seqs.n_key > 0 ? real_tokens(seqs) : seqs.offset.data();
        p.work.n_ops = 4.0 * (double) q->ne[0] * n_pairs(seqs, one_each);
        p.scratch =
            scratch(table_->attention_scratch_size(seqs.max_length, (int) q->ne[0] / n_head, chunks_for(n_threads_)));
        return custom(GGML_TYPE_F32, q->ne[0], q->ne[1], {q, k, v}, run_attention, p);
    }

  private:
    node & add_node(const char * kind, const char * layer = "") {
        node & p = nodes_.emplace_back();
        p.work.kind = kind;
        p.work.layer = layer;
        p.table = table_;
        p.userdata = &p;
        return p;
    }

    node & add_linear_node(const char * kind, const layer_input & in, const linear_weights & w, activation act) {
        node & p = add_node(kind, w.name.c_str());
        p.linear = &w;
        p.op = kernel_op(act);
        p.work.type = type_name(w.packed.type);
        p.work.set_shape(w.n_out, w.n_in, (int) in.x->ne[1]);  // input and perhaps result are rows of bytes
        p.work.n_ops = 2.0 * w.n_in * w.n_out * (double) in.x->ne[1];
        return p;
    }

    ggml_tensor * custom(ggml_type type, int64_t ne0, int64_t ne1, std::vector<ggml_tensor *> args,
                         ggml_custom_op_t run, node & p) {
        p.run = run;
        if (p.work.n_rows == 0) p.work.set_shape((int) ne0, (int) args[0]->ne[0], (int) ne1);
        ggml_tensor * t =
            ggml_custom_4d(ctx_, type, ne0, ne1, 1, 1, args.data(), (int) args.size(), run, GGML_N_TASKS_MAX, &p);
        t->extra = static_cast<team_node *>(&p);
        return t;
    }

    ggml_tensor * packed(layer_input & in, kernels::weight_type type) {
        ggml_tensor *& slot = in.packed[(int) type];
        if (slot) return slot;
        const bool with_norm = in.norm && !in.f32;
        node & p = with_norm ? add_node("norm+pack", in.norm->w->name) : add_node("pack");
        p.type = type;
        p.work.type = type_name(type);
        p.work.set_shape((int) in.x->ne[0], (int) in.x->ne[0], (int) in.x->ne[1]);  // the result is a row of bytes
        const int64_t n_bytes = (int64_t) table_->activations_size(type, (int) in.x->ne[1], (int) in.x->ne[0]);
        if (with_norm) {
            p.norm = in.norm;
            p.eps = in.eps;
            slot = custom(GGML_TYPE_I8, n_bytes, 1, {in.x}, run_norm_pack, p);
        } else {
            slot = custom(GGML_TYPE_I8, n_bytes, 1, {in.norm ? in.f32 : in.x}, run_pack, p);
        }
        return slot;
    }

    ggml_tensor * portable_linear(layer_input & in, const linear_weights & w, activation act, ggml_tensor * residual) {
        values(in);
        return portable_->linear(in, w, act, residual);
    }

    // One buffer serves all attention nodes of the graph, which run one after another.
    uint8_t * scratch(size_t n_bytes) {
        if (n_bytes > scratch_bytes_) {
            scratch_ = allocate_aligned(n_bytes);
            scratch_bytes_ = n_bytes;
            for (node & p : nodes_)
                if (p.scratch) p.scratch = scratch_.get();
        }
        return scratch_.get();
    }

    const int32_t * counting(int n) {
        while ((int) counting_.size() < n) counting_.push_back((int32_t) counting_.size());
        return counting_.data();
    }

    const int32_t * real_tokens(const sequences & seqs) {
        real_ = {0, seqs.n_key};
        return real_.data();
    }

    ggml_context * ctx_;
    const kernel_table * table_;
    int n_threads_;
    std::unique_ptr<layer_ops> portable_;
    std::deque<node> nodes_;  // stable addresses
    aligned_bytes scratch_;
    size_t scratch_bytes_ = 0;
    std::vector<int32_t> counting_;  // 0, 1, 2, ...: one query a sequence
    std::array<int32_t, 2> real_ = {};
};

}  // namespace

std::unique_ptr<layer_ops> make_packed_ops(ggml_context * ctx, const weights & weights, int n_threads) {
    return std::make_unique<packed_ops>(ctx, weights, n_threads);
}

}  // namespace ggclip
