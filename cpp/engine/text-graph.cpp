// The text tower: token ids -> blocks -> one vector (openai/CLIP clip/model.py, CLIP.encode_text).
#include "engine/graph.h"

namespace ggclip {

ggml_tensor * build_text_graph(ggml_context * ctx, layer_ops & ops, const weights & weights, tower_input & input, capture & states) {
    const text_hparams & hp = weights.hp.text;
    const text_weights & w = weights.text;

    ggml_tensor * x = ops.embed_tokens(w.token_embd, input.ids, w.position_embd, input.positions);  // [n_embd, n_token]
    states.keep("text.embeddings", x);
    x = build_blocks(ctx, ops, hp, w, input, "text", x, states);                // [n_embd, n_seq]

    layer_input pooled = ops.norm(x, w.post_ln, hp.eps);
    return hp.has_proj ? ops.linear(pooled, w.proj, activation::none, nullptr) : ops.values(pooled);  // [n_proj, n_seq]
}

}  // namespace ggclip
