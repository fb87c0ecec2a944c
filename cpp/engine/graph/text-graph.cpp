// The text tower: token ids -> blocks -> one vector (openai/CLIP clip/model.py, CLIP.encode_text; BERT's embeddings as
// in transformers' BertEmbeddings).
#include "engine/graph/graph.h"

namespace ggclip {

ggml_tensor * build_text_graph(ggml_context * ctx, layer_ops & ops, const weights & weights, tower_input & input, capture & states) {
    const text_hparams & hp = weights.hp.text;
    const text_weights & w = weights.text;

    ggml_tensor * x = ops.embed_tokens(w.token_embd, input.ids, w.position_embd, input.positions, w.type_embd);  // [n_embd, n_token]
    states.keep("text.embeddings", x);
    if (hp.has_pre_ln) {
        layer_input in = ops.norm(x, w.pre_ln, hp.eps);
        x = ops.values(in);
        states.keep("text.pre_ln", x);
    }
    x = build_blocks(ctx, ops, hp, w, input, "text", x, states);                // [n_embd, n_seq], or all tokens
    return build_pooling(ops, hp, w, input, "text", x, 0, states);              // [n_proj, n_seq]
}

}  // namespace ggclip
