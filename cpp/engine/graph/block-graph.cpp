// The transformer blocks of every CLIP tower, and the path from the last block to the shared space.
#include "engine/graph/graph.h"

namespace ggclip {

namespace {

// One block: its weights, its number, and the tokens to compute.
struct block {
    graph_builder & g;
    const tower_hparams & hp;
    const block_weights & w;
    const sequences & seqs;
    int n_head;
    std::string label;              // "block3"
    ggml_tensor * turns = nullptr;  // rotary positions of all tokens, or null
    score_rule rule = {};
    ggml_tensor * rows = nullptr;  // compute only these tokens after this block; null: all

    void name(const char * state, ggml_tensor * t) const { g.name(label + "." + state, t); }
};

// Queries or keys: a norm of each head, then the rotation by the tokens' positions.
ggml_tensor * place(const block & b, ggml_tensor * x, const norm_weights & norm, ggml_tensor * turns) {
    if (b.hp.has_qk_norm) x = b.g.ops.norm_heads(x, norm, b.hp.eps);
    return turns ? b.g.ops.rotate(x, turns, b.hp.rotary) : x;
}

// Queries of the tokens in `asking`, keys and values of all tokens, and the softmax; the input of the output matrix.
layer_input build_attention(const block & b, layer_input & asking, layer_input & all) {
    layer_ops & ops = b.g.ops;
    ggml_tensor * q = ops.linear(asking, b.w.q, activation::none, nullptr);  // [n_attn, n_query]
    ggml_tensor * k = ops.linear(all, b.w.k, activation::none, nullptr);     // [n_attn, n_token]
    ggml_tensor * v = ops.linear(all, b.w.v, activation::none, nullptr);     // [n_attn, n_token]
    b.name("q", q);
    b.name("k", k);
    b.name("v", v);
    q = place(b, q, b.w.q_norm, b.turns && b.rows ? ops.gather(b.turns, b.rows) : b.turns);
    k = place(b, k, b.w.k_norm, b.turns);
    ggml_tensor * cur = ops.attention(q, k, v, b.n_head, b.seqs, b.rule);  // [n_attn, n_query]
    b.name("attn_ctx", cur);
    return b.hp.has_attn_norm ? ops.norm(cur, b.w.attn_norm, b.hp.eps) : ops.unnormalised(cur);
}

// W in + b + residual, or with layer scale factors * (W in + b) + residual; the name refers to W in + b.
ggml_tensor * add_linear(const block & b, layer_input & in, const linear_weights & w, ggml_tensor * factors,
                         ggml_tensor * residual, const char * state) {
    ggml_tensor * cur = b.g.ops.linear(in, w, activation::none, nullptr);
    b.name(state, cur);
    return factors ? b.g.ops.add_scaled(cur, factors, residual) : b.g.ops.linear(in, w, activation::none, residual);
}

// The MLP's hidden values, as the input of its second matrix.
layer_input build_hidden(const block & b, layer_input & input) {
    layer_ops & ops = b.g.ops;
    layer_input normed = b.hp.has_mlp_in_norm ? ops.norm(ops.values(input), b.w.mlp_in_norm, b.hp.eps) : layer_input{};
    layer_input & in = b.hp.has_mlp_in_norm ? normed : input;
    const linear_weights & first = b.hp.has_mlp_gate ? b.w.gate : b.w.up;  // the one with the activation
    ggml_tensor * factor = b.hp.has_mlp_gate ? ops.linear(in, b.w.up, activation::none, nullptr) : nullptr;
    b.name("fc1", ops.linear(in, first, activation::none, nullptr));
    if (!b.hp.has_mlp_norm) return ops.hidden(in, first, b.hp.act, factor, b.w.down);  // [n_ff, n_query]
    ggml_tensor * cur = factor ? ops.gated(in, first, b.hp.act, factor) : ops.linear(in, first, b.hp.act, nullptr);
    return ops.norm(cur, b.w.mlp_norm, b.hp.eps);
}

// mlp(in) + residual: [n_embd, n_query]
ggml_tensor * build_mlp(const block & b, layer_input & in, ggml_tensor * residual) {
    layer_input hidden = build_hidden(b, in);
    return add_linear(b, hidden, b.w.down, b.w.ls2, residual, "mlp_out");
}

// A block's attention among tokens x.
struct attended {
    layer_input all;         // its input, normed or x itself
    layer_input context;     // the input of its output matrix, of the selected rows only
    ggml_tensor * residual;  // those rows of x, [n_embd, n_query]
};

// For the selected rows only, queries, the attention's output and the MLP are computed; keys and values still come from
// all tokens, so the result is the same.
attended attend(const block & b, ggml_tensor * x, bool normed) {
    layer_ops & ops = b.g.ops;
    const auto input = [&](ggml_tensor * t) { return normed ? ops.norm(t, b.w.ln1, b.hp.eps) : ops.unnormalised(t); };
    attended out = {input(x), {}, b.rows ? ops.gather(x, b.rows) : x};
    layer_input some = b.rows ? input(out.residual) : layer_input{};
    out.context = build_attention(b, b.rows ? some : out.all, out.all);
    return out;
}

// CLIP: x + attention(ln1(x)), then x + mlp(ln2(x)).
ggml_tensor * build_pre_norm_block(const block & b, ggml_tensor * x) {
    layer_ops & ops = b.g.ops;
    attended first = attend(b, x, true);
    b.name("ln1", ops.peek(first.all));
    x = add_linear(b, first.context, b.w.out, b.w.ls1, first.residual, "attn_out");  // [n_embd, n_query]

    layer_input mlp = ops.norm(x, b.w.ln2, b.hp.eps);
    x = build_mlp(b, mlp, x);
    b.name("ln2", ops.peek(mlp));
    return x;
}

// BERT: ln1(x + attention(x)), then ln2(x + mlp(x)).
ggml_tensor * build_post_norm_block(const block & b, ggml_tensor * x) {
    layer_ops & ops = b.g.ops;
    attended first = attend(b, x, false);
    x = add_linear(b, first.context, b.w.out, b.w.ls1, first.residual, "attn_out");  // [n_embd, n_query]
    layer_input normed = ops.norm(x, b.w.ln1, b.hp.eps);
    x = ops.values(normed);
    b.name("ln1", x);

    x = build_mlp(b, normed, x);
    layer_input out = ops.norm(x, b.w.ln2, b.hp.eps);
    x = ops.values(out);
    b.name("ln2", x);
    return x;
}

// EVA: x + ln1(attention(x)), then x + ln2(mlp(x)).
ggml_tensor * build_branch_norm_block(const block & b, ggml_tensor * x) {
    layer_ops & ops = b.g.ops;
    attended first = attend(b, x, false);
    ggml_tensor * cur = ops.linear(first.context, b.w.out, activation::none, nullptr);  // [n_embd, n_query]
    b.name("attn_out", cur);
    layer_input normed = ops.norm(cur, b.w.ln1, b.hp.eps);
    b.name("ln1", ops.values(normed));
    x = ops.add_scaled(ops.values(normed), b.w.ls1, first.residual);

    layer_input mlp = ops.unnormalised(x), hidden = build_hidden(b, mlp);
    cur = ops.linear(hidden, b.w.down, activation::none, nullptr);
    b.name("mlp_out", cur);
    layer_input out = ops.norm(cur, b.w.ln2, b.hp.eps);
    b.name("ln2", ops.values(out));
    return ops.add_scaled(ops.values(out), b.w.ls2, x);
}

ggml_tensor * build_block(const block & b, ggml_tensor * x) {
    switch (b.hp.order) {
        case norm_order::pre: return build_pre_norm_block(b, x);
        case norm_order::post: return build_post_norm_block(b, x);
        case norm_order::branch: return build_branch_norm_block(b, x);
    }
    return x;
}

// A layer's states, and the tower's last norm of them: text conditioning that skips blocks uses both.
void name_layer(graph_builder & g, const tower_hparams & hp, const tower_weights & w, int layer, ggml_tensor * x) {
    g.name("hidden." + std::to_string(layer), x);
    const bool of_pool = hp.pool == pooling::attention && hp.norm_after_pool;  // the norm is of what it returns
    if (hp.has_post_ln && !of_pool)
        g.name("normed." + std::to_string(layer), g.ops.peek(g.ops.norm(x, w.post_ln, hp.eps)));
}

}  // namespace

ggml_tensor * build_blocks(graph_builder & g, const tower_hparams & hp, const tower_weights & w, tower_input & input,
                           ggml_tensor * x) {
    name_layer(g, hp, w, 0, x);
    for (int il = 0; il < hp.n_layer; il++) {
        block b = {
            g,
            hp,
            w.blocks[(size_t) il],
            input.seqs,
            hp.block(il).n_head,
            "block" + std::to_string(il),
            input.turns,
            {hp.scales_scores, input.position_bias, w.blocks[(size_t) il].k.packed.type != kernels::weight_type::f32}};
        if (il == hp.n_layer - 1 && !input.whole) b.rows = input.pooled;
        x = build_block(b, x);
        name_layer(g, hp, w, il + 1, x);
    }
    return x;
}

ggml_tensor * build_projection(layer_ops & ops, const tower_hparams & hp, const tower_weights & w, layer_input & in) {
    if (!hp.has_proj) return ops.values(in);
    if (hp.n_proj_hidden == 0) return ops.linear(in, w.proj, activation::none, nullptr);  // [n_proj, n_seq]
    layer_input hidden = ops.hidden(in, w.proj_hidden, hp.proj_act, nullptr, w.proj);     // [n_proj_hidden, n_seq]
    return ops.linear(hidden, w.proj, activation::none, nullptr);                         // [n_proj, n_seq]
}

ggml_tensor * build_pooling(graph_builder & g, const tower_hparams & hp, const tower_weights & w, tower_input & input,
                            ggml_tensor * x, int skip) {
    layer_ops & ops = g.ops;
    const bool norm_first = hp.has_post_ln && !hp.norm_after_pool;
    layer_input normed = norm_first ? ops.norm(x, w.post_ln, hp.eps) : layer_input{};
    if (hp.pool == pooling::mean)
        x = ops.mean(norm_first ? ops.values(normed) : x, input.seqs, skip);  // [n_embd, n_seq]
    else if (input.whole) x = ops.gather(x, input.pooled);                    // else the last block has picked them
    g.name("pooled", x);
    // a norm treats each token separately, so for a single token "before" and "after" pooling are the same
    const bool norm_last = hp.has_post_ln && (hp.norm_after_pool || hp.pool != pooling::mean);
    layer_input pooled = norm_last ? ops.norm(x, w.post_ln, hp.eps) : ops.unnormalised(x);
    ggml_tensor * out = build_projection(ops, hp, w, pooled);  // [n_proj, n_seq]
    if (hp.has_post_ln) g.name("post_ln", ops.peek(norm_first ? normed : pooled));
    return out;
}

}  // namespace ggclip
