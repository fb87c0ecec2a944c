// The text tower: token ids -> blocks -> one vector (openai/CLIP clip/model.py, CLIP.encode_text; BERT's embeddings as
// in transformers' BertEmbeddings).
#include "engine/graph/graph.h"

namespace ggclip {

// RepMixerBlock of apple/ml-mobileclip (mobileclip/modules/text/repmixer.py), folded: x is mix(x), then
// x + mlp(depthwise(x)). Sequences of one length, each a map of one row.
static ggml_tensor * build_mixer(layer_ops & ops, const text_hparams & hp, const mixer_weights & w,
                                 const sequences & seqs, ggml_tensor * x) {
    const window window = {hp.mixer_kernel, 1, 1, hp.mixer_kernel / 2, 0};
    const feature_map in = {x, seqs.max_length, 1, seqs.n_seq};
    const feature_map mixed = ops.maps().depthwise(in, w.mix, window, activation::none);
    layer_input inner = ops.unnormalised(ops.maps().depthwise(mixed, w.depthwise, window, activation::none).x);
    layer_input hidden = ops.hidden(inner, w.up, activation::gelu_erf, nullptr, w.down);
    return ops.linear(hidden, w.down, activation::none, mixed.x);
}

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
    const bool mixes = hp.mixer_kernel > 0;
    if (mixes) {
        x = build_mixer(ops, hp, w.mixers[0], input.seqs, x);
        g.name("mixer0", x);
    }
    if (w.position_bias) input.position_bias = ops.position_bias(w.position_bias, hp.bucket_distance, input.seqs);
    x = build_blocks(g, hp, w, input, x);  // [n_embd, n_seq], or all tokens
    if (mixes) {
        x = build_mixer(ops, hp, w.mixers[1], input.seqs, x);
        g.name("mixer1", x);
    }
    return build_pooling(g, hp, w, input, x, 0);  // [n_proj, n_seq]
}

}  // namespace ggclip
