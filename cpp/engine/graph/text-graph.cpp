// The text tower: token ids -> blocks -> one vector (openai/CLIP clip/model.py, CLIP.encode_text; BERT's embeddings as
// in transformers' BertEmbeddings).
#include "engine/graph/graph.h"

namespace ggclip {

ggml_tensor * build_text_graph(layer_ops & ops, const weights & weights, tower_input & input, named_tensors & states) {
    const text_hparams & hp = weights.hp.text;
    const text_weights & w = weights.text;
    graph_builder g = {ops, states, "text"};

    ggml_tensor * x = ops.embed_tokens({w.token_embd, input.ids, w.position_embd, input.positions, w.type_embd,
                                        w.class_embd, input.rows, hp.embd_scale});  // [n_embd, n_token]
    g.name("embeddings", x);
    if (hp.has_pre_ln) {
        layer_input in = ops.norm(x, w.pre_ln, hp.eps);
        x = ops.values(in);
        g.name("pre_ln", x);
    }
    x = build_blocks(g, hp, w, input, x);         // [n_embd, n_seq], or all tokens
    return build_pooling(g, hp, w, input, x, 0);  // [n_proj, n_seq]
}

}  // namespace ggclip
