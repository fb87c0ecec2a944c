// The compute seam over ggclip's own CPU kernels: every operation is one ggml custom node. ggml owns the graph and
// plans its memory; thread-team.h runs it. Weights were packed while loading; a layer input is rounded once, to the
// form that its weights require, and shared by all layers that read it.
#include "engine/graph/packed-nodes.h"

#include "engine/graph/positions/distance-bias.h"
#include "engine/run/profile.h"
#include "engine/threads/thread-team.h"

#include <array>

namespace ggclip {

kernels::unary kernel_op(activation act) {
    switch (act) {
        case activation::none: return kernels::unary::none;
        case activation::quick_gelu: return kernels::unary::quick_gelu;
        case activation::gelu_erf: return kernels::unary::gelu_erf;
        case activation::gelu_tanh: return kernels::unary::gelu_tanh;
        case activation::silu: return kernels::unary::silu;
        case activation::relu: return kernels::unary::relu;
        case activation::tanh: return kernels::unary::tanh;
    }
    return kernels::unary::none;
}

namespace {

using kernels::kernel_table;

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
        : layer_ops(ctx), table_(weights.kernels), n_threads_(n_threads), nodes_(ctx, *weights.kernels) {}

    ggml_tensor * gather(ggml_tensor * x, ggml_tensor * rows) override {
        return nodes_.custom(GGML_TYPE_F32, x->ne[0], rows->ne[0], {x, rows}, run_gather, nodes_.add("gather"));
    }

    ggml_tensor * repeat(ggml_tensor * vector, int n_seq) override {
        return nodes_.custom(GGML_TYPE_F32, vector->ne[0], n_seq, {vector}, run_repeat, nodes_.add("repeat"));
    }

    ggml_tensor * embed_tokens(const text_tokens & tokens) override {
        packed_node & p = nodes_.add("embed", tokens.table->name);
        p.text = tokens;
        std::vector<ggml_tensor *> args = {tokens.table, tokens.ids, tokens.positions};
        for (ggml_tensor * part : {tokens.position_table, tokens.type_table, tokens.class_embd, tokens.rows})
            if (part) args.push_back(part);
        return nodes_.custom(GGML_TYPE_F32, tokens.table->ne[0], tokens.ids->ne[0], args, run_embed_tokens, p);
    }

    ggml_tensor * mean(ggml_tensor * x, const sequences & seqs, int skip) override {
        packed_node & p = nodes_.add("mean");
        p.seqs = &seqs;
        p.skip = skip;
        return nodes_.custom(GGML_TYPE_F32, x->ne[0], seqs.n_seq, {x}, run_mean, p);
    }

    ggml_tensor * embed_patches(ggml_tensor * patches, const stem_tokens & tokens, const sequences & seqs) override {
        packed_node & p = nodes_.add("embed", tokens.positions ? tokens.positions->name : "");
        p.tokens = tokens;
        p.seqs = &seqs;
        std::vector<ggml_tensor *> args = {patches};
        for (ggml_tensor * part : {tokens.class_embd, tokens.register_embd, tokens.positions})
            if (part) args.push_back(part);
        return nodes_.custom(GGML_TYPE_F32, patches->ne[0], seqs.n_token, args, run_embed_patches, p);
    }

    ggml_tensor * values(layer_input & in) override {
        if (!in.f32) {
            packed_node & p = nodes_.add("norm", in.norm->w->name);
            p.norm = in.norm;
            p.eps = in.eps;
            in.f32 = nodes_.custom(GGML_TYPE_F32, in.x->ne[0], in.x->ne[1], {in.x}, run_norm, p);
        }
        return in.f32;
    }

    ggml_tensor * linear(layer_input & in, const linear_weights & w, activation act, ggml_tensor * residual) override {
        return packed_linear(in, w, act, residual, false);
    }

    ggml_tensor * add_scaled(ggml_tensor * x, ggml_tensor * factors, ggml_tensor * residual) override {
        std::vector<ggml_tensor *> args = {x, residual};
        if (factors) args.push_back(factors);
        return nodes_.custom(GGML_TYPE_F32, x->ne[0], x->ne[1], args, run_add_scaled,
                             nodes_.add("scale", factors ? factors->name : ""));
    }

    ggml_tensor * gated(layer_input & in, const linear_weights & w, activation act, ggml_tensor * factor) override {
        return packed_gated(in, w, act, factor, false);
    }

    ggml_tensor * rotate(ggml_tensor * x, ggml_tensor * turns, rotary_pairs pairs) override {
        packed_node & p = nodes_.add("rotate");
        p.pairs = pairs;
        return nodes_.custom(GGML_TYPE_F32, x->ne[0], x->ne[1], {x, turns}, run_rotate, p);
    }

    layer_input hidden(layer_input & in, const linear_weights & w, activation act, ggml_tensor * factor,
                       const linear_weights & next) override {
        const kernels::weight_type from = w.packed.type, to = next.packed.type;
        const bool rounds = in_blocks(to) || to == kernels::weight_type::i8;
        if (!table_->linear_pack || !in_blocks(from) || !in_blocks(to))
            return unnormalised(factor ? packed_gated(in, w, act, factor, rounds)
                                       : packed_linear(in, w, act, nullptr, rounds));
        packed_node & p = add_linear_node("linear+pack", in, w, act, rounds);
        p.type = to;
        p.n = p.work.n_rows;
        const int64_t n_bytes = (int64_t) table_->activations_size(to, p.n, w.n_out);
        layer_input out;
        out.x = ggml_new_tensor_2d(ctx_, GGML_TYPE_F32, w.n_out, p.n);  // for its shape only: no node computes it
        std::vector<ggml_tensor *> args = {packed(in, from)};
        if (factor) args.push_back(factor);
        out.packed[(int) to] = nodes_.custom(GGML_TYPE_I8, n_bytes, 1, args, run_linear_pack, p);
        return out;
    }

    ggml_tensor * position_bias(ggml_tensor * table, int max_distance, const sequences &) override {
        packed_node & p = nodes_.add("position bias", table->name);
        p.max_distance = max_distance;
        return nodes_.custom(GGML_TYPE_F32, 2 * max_distance + 1, table->ne[0], {table}, run_position_bias, p);
    }

    ggml_tensor * attention(ggml_tensor * q, ggml_tensor * k, ggml_tensor * v, int n_head, const sequences & seqs,
                            const score_rule & rule) override {
        const bool one_each = q->ne[1] == seqs.n_seq && seqs.n_token != seqs.n_seq;
        packed_node & p = nodes_.add("attention");
        p.seqs = &seqs;
        p.n_head = n_head;
        p.causal = seqs.causal && !one_each;  // a pooled token comes last in a causal sequence: it sees all of it
        p.q_offset = one_each ? counting(seqs.n_seq + 1) : seqs.offset.data();
        p.kv_offset = seqs.offset.data();
        p.n_key = seqs.n_key.empty() ? nullptr : seqs.n_key.data();
        p.work.n_ops = 4.0 * (double) q->ne[0] * n_pairs(seqs, one_each);
        p.scratch = nodes_.scratch(
            table_->attention_scratch_size(seqs.max_length, (int) q->ne[0] / n_head, chunks_for(n_threads_)));
        p.scaled = rule.scaled;
        p.rounds = rule.rounded;
        std::vector<ggml_tensor *> args = {q, k, v};
        if (seqs.max_alibi_bias > 0) p.slopes = alibi_slopes(seqs.max_alibi_bias, n_head);
        if (seqs.max_alibi_bias > 0 || rule.bias) args.push_back(seqs.positions);
        p.positions = args.size() > 3 ? args.back() : nullptr;
        if (rule.bias) args.push_back(rule.bias);
        p.bias = rule.bias;
        return nodes_.custom(GGML_TYPE_F32, q->ne[0], q->ne[1], args, run_attention, p);
    }

    conv_ops & maps() override {
        if (!maps_) maps_ = make_packed_conv_ops(ctx_, *table_, n_threads_);
        return *maps_;
    }

  private:
    // `rounds`: see kernels::linear_args
    packed_node & add_linear_node(const char * kind, const layer_input & in, const linear_weights & w, activation act,
                                  bool rounds) {
        packed_node & p = nodes_.add(kind, w.name.c_str());
        p.linear = &w;
        p.op = kernel_op(act);
        p.rounds = rounds;
        p.work.type = type_name(w.packed.type);
        p.work.set_shape(w.n_out, w.n_in, (int) in.x->ne[1]);  // input and perhaps result are rows of bytes
        p.work.n_ops = 2.0 * w.n_in * w.n_out * (double) in.x->ne[1];
        return p;
    }

    ggml_tensor * packed_linear(layer_input & in, const linear_weights & w, activation act, ggml_tensor * residual,
                                bool rounds) {
        packed_node & p = add_linear_node("linear", in, w, act, rounds);
        std::vector<ggml_tensor *> args = {packed(in, w.packed.type)};
        if (residual) args.push_back(residual);
        return nodes_.custom(GGML_TYPE_F32, w.n_out, in.x->ne[1], args, run_linear, p);
    }

    ggml_tensor * packed_gated(layer_input & in, const linear_weights & w, activation act, ggml_tensor * factor,
                               bool rounds) {
        packed_node & p = add_linear_node("linear", in, w, act, rounds);
        return nodes_.custom(GGML_TYPE_F32, w.n_out, in.x->ne[1], {packed(in, w.packed.type), factor}, run_gated, p);
    }

    ggml_tensor * packed(layer_input & in, kernels::weight_type type) {
        ggml_tensor *& slot = in.packed[(int) type];
        if (slot) return slot;
        const bool with_norm = in.norm && !in.f32;
        packed_node & p = with_norm ? nodes_.add("norm+pack", in.norm->w->name) : nodes_.add("pack");
        p.type = type;
        p.work.type = type_name(type);
        p.work.set_shape((int) in.x->ne[0], (int) in.x->ne[0], (int) in.x->ne[1]);  // the result is a row of bytes
        const int64_t n_bytes = (int64_t) table_->activations_size(type, (int) in.x->ne[1], (int) in.x->ne[0]);
        if (with_norm) {
            p.norm = in.norm;
            p.eps = in.eps;
            slot = nodes_.custom(GGML_TYPE_I8, n_bytes, 1, {in.x}, run_norm_pack, p);
        } else {
            slot = nodes_.custom(GGML_TYPE_I8, n_bytes, 1, {in.norm ? in.f32 : in.x}, run_pack, p);
        }
        return slot;
    }

    const int32_t * counting(int n) {
        while ((int) counting_.size() < n) counting_.push_back((int32_t) counting_.size());
        return counting_.data();
    }

    const kernel_table * table_;
    int n_threads_;
    std::unique_ptr<conv_ops> maps_;
    node_list<packed_node> nodes_;
    std::vector<int32_t> counting_;  // 0, 1, 2, ...: one query a sequence
};

}  // namespace

std::unique_ptr<layer_ops> make_packed_ops(ggml_context * ctx, const weights & weights, int n_threads) {
    return std::make_unique<packed_ops>(ctx, weights, n_threads);
}

}  // namespace ggclip
