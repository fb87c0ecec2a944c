// The pre-norm transformer block of every CLIP tower: x + attention(ln1(x)), then x + mlp(ln2(x)).
#include "engine/graph.h"

namespace ggclip {

// `rows`: when not null, only these tokens are wanted after this block. The queries, the attention's output and the
// MLP then run on them alone; keys and values still come from all tokens, so the result is the same.
static ggml_tensor * build_block(ggml_context * ctx, layer_ops & ops, const tower_hparams & hp, const block_weights & w,
                                 const sequences & seqs, const std::string & name, ggml_tensor * x, ggml_tensor * rows, capture & states) {
    layer_input all = ops.norm(x, w.ln1, hp.eps);
    if (states.on) states.keep(name + ".ln1", ops.values(all));

    ggml_tensor * residual = rows ? ops.gather(x, rows) : x;                    // [n_embd, n_query]
    layer_input   asking = rows ? ops.norm(residual, w.ln1, hp.eps) : all;
    ggml_tensor * q = ops.linear(asking, w.q, activation::none, nullptr);       // [n_attn, n_query]
    if (!rows) all = asking;                                                    // shares what q has prepared
    ggml_tensor * k = ops.linear(all, w.k, activation::none, nullptr);          // [n_attn, n_token]
    ggml_tensor * v = ops.linear(all, w.v, activation::none, nullptr);          // [n_attn, n_token]
    states.keep(name + ".q", q);
    states.keep(name + ".k", k);
    states.keep(name + ".v", v);

    ggml_tensor * cur = ops.attention(q, k, v, hp.n_head, seqs);                // [n_attn, n_query]
    states.keep(name + ".attn_ctx", cur);
    layer_input context = ops.plain(cur);
    if (states.on) {
        cur = ops.linear(context, w.out, activation::none, nullptr);
        states.keep(name + ".attn_out", cur);
        x = ggml_add(ctx, cur, residual);
    } else {
        x = ops.linear(context, w.out, activation::none, residual);             // [n_embd, n_query]
    }

    layer_input mlp = ops.norm(x, w.ln2, hp.eps);
    if (!states.on) {
        layer_input hidden = ops.plain(ops.linear(mlp, w.up, hp.act, nullptr)); // [n_ff, n_query]
        return ops.linear(hidden, w.down, activation::none, x);                 // [n_embd, n_query]
    }
    states.keep(name + ".ln2", ops.values(mlp));
    cur = ops.linear(mlp, w.up, activation::none, nullptr);
    states.keep(name + ".fc1", cur);
    layer_input hidden = ops.plain(apply_activation(ctx, cur, hp.act));
    cur = ops.linear(hidden, w.down, activation::none, nullptr);
    states.keep(name + ".mlp_out", cur);
    return ggml_add(ctx, cur, x);
}

// A layer's states, and what the tower's last norm would make of them: text conditioning that skips blocks uses both.
static void keep_hidden(layer_ops & ops, const tower_hparams & hp, const tower_weights & w, const std::string & name, int layer, ggml_tensor * x,
                        capture & states) {
    if (!states.on) return;
    states.keep(name + ".hidden." + std::to_string(layer), x);
    if (!w.post_ln.w) return;
    layer_input in = ops.norm(x, w.post_ln, hp.eps);
    states.keep(name + ".normed." + std::to_string(layer), ops.values(in));
}

ggml_tensor * build_blocks(ggml_context * ctx, layer_ops & ops, const tower_hparams & hp, const tower_weights & w, tower_input & input,
                           const std::string & name, ggml_tensor * x, capture & states) {
    keep_hidden(ops, hp, w, name, 0, x, states);
    for (int il = 0; il < hp.n_layer; il++) {
        const bool    last = il == hp.n_layer - 1;
        ggml_tensor * rows = last && !states.on ? input.pooled : nullptr;
        x = build_block(ctx, ops, hp, w.blocks[(size_t) il], input.seqs, name + ".block" + std::to_string(il), x, rows, states);
        keep_hidden(ops, hp, w, name, il + 1, x, states);
    }
    if (states.on && input.pooled) {
        layer_input all = ops.norm(x, w.post_ln, hp.eps);
        states.keep(name + ".post_ln", ops.values(all));
        x = ops.gather(x, input.pooled);
    }
    return x;
}

}  // namespace ggclip
