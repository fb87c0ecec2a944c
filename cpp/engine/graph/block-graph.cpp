// The transformer blocks of every CLIP tower, and the way from the last of them to the shared space.
#include "engine/graph/graph.h"

namespace ggclip {

// q, k, v and the softmax of `in`'s tokens; `asking` holds the tokens that ask (all, or the pooled ones).
static ggml_tensor * build_attention(layer_ops & ops, const block_weights & w, int n_head, const sequences & seqs, const std::string & name,
                                     layer_input & asking, layer_input & all, capture & states) {
    ggml_tensor * q = ops.linear(asking, w.q, activation::none, nullptr);       // [n_attn, n_query]
    ggml_tensor * k = ops.linear(all, w.k, activation::none, nullptr);          // [n_attn, n_token]
    ggml_tensor * v = ops.linear(all, w.v, activation::none, nullptr);          // [n_attn, n_token]
    states.keep(name + ".q", q);
    states.keep(name + ".k", k);
    states.keep(name + ".v", v);
    ggml_tensor * cur = ops.attention(q, k, v, n_head, seqs);                   // [n_attn, n_query]
    states.keep(name + ".attn_ctx", cur);
    return cur;
}

// W in + b + residual; when capturing, the sum without the residual is kept under `name`.
static ggml_tensor * add_linear(ggml_context * ctx, layer_ops & ops, layer_input & in, const linear_weights & w, ggml_tensor * residual,
                                const std::string & name, capture & states) {
    if (!states.on) return ops.linear(in, w, activation::none, residual);
    ggml_tensor * cur = ops.linear(in, w, activation::none, nullptr);
    states.keep(name, cur);
    return ggml_add(ctx, cur, residual);
}

// mlp(in) + residual
static ggml_tensor * build_mlp(ggml_context * ctx, layer_ops & ops, activation act, const block_weights & w, const std::string & name,
                               layer_input & in, ggml_tensor * residual, capture & states) {
    layer_input hidden;                                                         // [n_ff, n_query]
    if (states.on) {
        ggml_tensor * cur = ops.linear(in, w.up, activation::none, nullptr);
        states.keep(name + ".fc1", cur);
        hidden = ops.plain(apply_activation(ctx, cur, act));
    } else {
        hidden = ops.hidden(in, w.up, act, w.down);
    }
    return add_linear(ctx, ops, hidden, w.down, residual, name + ".mlp_out", states);  // [n_embd, n_query]
}

// CLIP: x + attention(ln1(x)), then x + mlp(ln2(x)).
// `rows`: when not null, only these tokens are wanted after this block. The queries, the attention's output and the
// MLP then run on them alone; keys and values still come from all tokens, so the result is the same.
static ggml_tensor * build_pre_norm_block(ggml_context * ctx, layer_ops & ops, const tower_hparams & hp, int n_head, const block_weights & w,
                                          const sequences & seqs, const std::string & name, ggml_tensor * x, ggml_tensor * rows, capture & states) {
    layer_input all = ops.norm(x, w.ln1, hp.eps);
    if (states.on) states.keep(name + ".ln1", ops.values(all));
    ggml_tensor * residual = rows ? ops.gather(x, rows) : x;                    // [n_embd, n_query]
    layer_input   some = rows ? ops.norm(residual, w.ln1, hp.eps) : layer_input{};
    layer_input   context = ops.plain(build_attention(ops, w, n_head, seqs, name, rows ? some : all, all, states));
    x = add_linear(ctx, ops, context, w.out, residual, name + ".attn_out", states);    // [n_embd, n_query]

    layer_input mlp = ops.norm(x, w.ln2, hp.eps);
    if (states.on) states.keep(name + ".ln2", ops.values(mlp));
    return build_mlp(ctx, ops, hp.act, w, name, mlp, x, states);
}

// BERT: ln1(x + attention(x)), then ln2(x + mlp(x)); `rows` as above.
static ggml_tensor * build_post_norm_block(ggml_context * ctx, layer_ops & ops, const tower_hparams & hp, int n_head, const block_weights & w,
                                           const sequences & seqs, const std::string & name, ggml_tensor * x, ggml_tensor * rows, capture & states) {
    layer_input   all = ops.plain(x);
    ggml_tensor * residual = rows ? ops.gather(x, rows) : x;                    // [n_embd, n_query]
    layer_input   some = rows ? ops.plain(residual) : layer_input{};
    layer_input   context = ops.plain(build_attention(ops, w, n_head, seqs, name, rows ? some : all, all, states));
    x = add_linear(ctx, ops, context, w.out, residual, name + ".attn_out", states);    // [n_embd, n_query]
    layer_input attended = ops.norm(x, w.ln1, hp.eps);
    x = ops.values(attended);
    states.keep(name + ".ln1", x);

    x = build_mlp(ctx, ops, hp.act, w, name, attended, x, states);
    layer_input out = ops.norm(x, w.ln2, hp.eps);
    x = ops.values(out);
    states.keep(name + ".ln2", x);
    return x;
}

// A layer's states, and what the tower's last norm would make of them: text conditioning that skips blocks uses both.
static void keep_hidden(layer_ops & ops, const tower_hparams & hp, const tower_weights & w, const std::string & name, int layer, ggml_tensor * x,
                        capture & states) {
    if (!states.on) return;
    states.keep(name + ".hidden." + std::to_string(layer), x);
    if (!hp.has_post_ln) return;
    layer_input in = ops.norm(x, w.post_ln, hp.eps);
    states.keep(name + ".normed." + std::to_string(layer), ops.values(in));
}

ggml_tensor * build_blocks(ggml_context * ctx, layer_ops & ops, const tower_hparams & hp, const tower_weights & w, tower_input & input,
                           const std::string & name, ggml_tensor * x, capture & states) {
    const auto build_block = hp.order == norm_order::pre ? build_pre_norm_block : build_post_norm_block;
    keep_hidden(ops, hp, w, name, 0, x, states);
    for (int il = 0; il < hp.n_layer; il++) {
        const bool    last = il == hp.n_layer - 1;
        ggml_tensor * rows = last && !states.on ? input.pooled : nullptr;
        x = build_block(ctx, ops, hp, hp.block(il).n_head, w.blocks[(size_t) il], input.seqs, name + ".block" + std::to_string(il), x, rows, states);
        keep_hidden(ops, hp, w, name, il + 1, x, states);
    }
    return x;
}

ggml_tensor * build_projection(layer_ops & ops, const tower_hparams & hp, const tower_weights & w, layer_input & in) {
    if (!hp.has_proj) return ops.values(in);
    if (hp.n_proj_hidden == 0) return ops.linear(in, w.proj, activation::none, nullptr);           // [n_proj, n_seq]
    layer_input hidden = ops.hidden(in, w.proj_hidden, activation::gelu_erf, w.proj);              // [n_proj_hidden, n_seq]
    return ops.linear(hidden, w.proj, activation::none, nullptr);                                  // [n_proj, n_seq]
}

ggml_tensor * build_pooling(layer_ops & ops, const tower_hparams & hp, const tower_weights & w, tower_input & input,
                            const std::string & name, ggml_tensor * x, int skip, capture & states) {
    const bool norm_first = hp.has_post_ln && !hp.norm_after_pool;
    if (states.on && norm_first) {
        layer_input all = ops.norm(x, w.post_ln, hp.eps);
        states.keep(name + ".post_ln", ops.values(all));
    }
    if (hp.pool == pooling::mean && norm_first) {
        layer_input all = ops.norm(x, w.post_ln, hp.eps);
        x = ops.values(all);
    }
    if (hp.pool == pooling::mean) x = ops.mean(x, input.seqs, skip);            // [n_embd, n_seq]
    else if (states.on) x = ops.gather(x, input.pooled);                        // else the last block has picked them
    states.keep(name + ".pooled", x);
    // a norm works on each token alone, so for one token "before" and "after" pooling are the same
    const bool  norm_last = hp.has_post_ln && (hp.norm_after_pool || hp.pool != pooling::mean);
    layer_input pooled = norm_last ? ops.norm(x, w.post_ln, hp.eps) : ops.plain(x);
    if (states.on && hp.norm_after_pool) states.keep(name + ".post_ln", ops.values(pooled));
    return build_projection(ops, hp, w, pooled);                                // [n_proj, n_seq]
}

}  // namespace ggclip
