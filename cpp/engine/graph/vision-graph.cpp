// The image tower: stem -> blocks -> head (SigLIP's attention-pooling head as in transformers'
// SiglipMultiheadAttentionPoolingHead).
#include "engine/graph/stem.h"

namespace ggclip {

// One learned query attends to all tokens of an image, then x + mlp(ln(x)) if there is an MLP.
// [n_embd, n_token] -> [n_pool, n_seq]
static ggml_tensor * build_attention_pool(graph_builder & g, const vision_hparams & hp, const head_weights & w,
                                          const sequences & seqs, ggml_tensor * x) {
    layer_ops & ops = g.ops;
    const auto input = [&](ggml_tensor * t, const norm_weights & norm) {
        return hp.has_pool_norm ? ops.norm(t, norm, hp.eps) : ops.unnormalised(t);
    };
    layer_input query = input(ops.repeat(w.probe, seqs.n_seq), w.q_norm), tokens = input(x, w.k_norm);
    ggml_tensor * q = hp.has_pool_query ? ops.linear(query, w.q, activation::none, nullptr) : ops.values(query);
    ggml_tensor * k = ops.linear(tokens, w.k, activation::none, nullptr);
    ggml_tensor * v = ops.linear(tokens, w.v, activation::none, nullptr);
    layer_input context = ops.unnormalised(ops.attention(q, k, v, hp.pool_head(), seqs, {}));
    ggml_tensor * cur = ops.linear(context, w.out, activation::none, nullptr);  // [n_pool, n_seq]
    g.name("head.attn_out", cur);
    if (!hp.has_pool_mlp) return cur;

    layer_input mlp = ops.norm(cur, w.ln, hp.eps);
    layer_input hidden = ops.hidden(mlp, w.up, hp.act, nullptr, w.down);  // [n_ff, n_seq]
    g.name("head.ln", ops.peek(mlp));
    return ops.linear(hidden, w.down, activation::none, cur);  // [n_pool, n_seq]
}

// The first token, the mean of the others, attends to all of an image (openai/CLIP clip/model.py, AttentionPool2d,
// whose output matrix is the projection). [n_embd, n_token] -> [n_embd, n_seq]
static ggml_tensor * build_query_pool(graph_builder & g, const vision_hparams & hp, const head_weights & w,
                                      const tower_input & input, ggml_tensor * x) {
    layer_ops & ops = g.ops;
    layer_input query = ops.unnormalised(ops.gather(x, input.pooled)), tokens = ops.unnormalised(x);
    ggml_tensor * q = ops.linear(query, w.q, activation::none, nullptr);
    ggml_tensor * k = ops.linear(tokens, w.k, activation::none, nullptr);
    ggml_tensor * v = ops.linear(tokens, w.v, activation::none, nullptr);
    return ops.attention(q, k, v, hp.n_head, input.seqs, {});
}

ggml_tensor * build_vision_graph(layer_ops & ops, const weights & weights, tower_input & input,
                                 named_tensors & states) {
    const vision_hparams & hp = weights.hp.vision;
    const vision_weights & w = weights.vision;
    graph_builder g = {ops, states, "vision"};

    ggml_tensor * x = build_stem(g, hp, w, input);  // [n_embd, n_token]
    x = build_blocks(g, hp, w, input, x);
    if (hp.pool == pooling::mean_query) {
        layer_input pooled = ops.unnormalised(build_query_pool(g, hp, w.head, input, x));
        g.name("pooled", ops.peek(pooled));
        return build_projection(ops, hp, w, pooled);  // [n_proj, n_seq]
    }
    if (hp.pool != pooling::attention) return build_pooling(g, hp, w, input, x, hp.n_prefix());

    if (hp.has_post_ln && !hp.norm_after_pool) {
        layer_input in = ops.norm(x, w.post_ln, hp.eps);
        x = ops.values(in);
        g.name("post_ln", x);
    }
    x = build_attention_pool(g, hp, w.head, input.seqs, x);
    const bool norm_last = hp.has_post_ln && hp.norm_after_pool;
    layer_input pooled = norm_last ? ops.norm(x, w.post_ln, hp.eps) : ops.unnormalised(x);
    if (norm_last) g.name("post_ln", ops.peek(pooled));
    return build_projection(ops, hp, w, pooled);  // [n_proj, n_seq]
}

}  // namespace ggclip
