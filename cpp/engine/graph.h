// Graph builders: what the two towers compute, in layer operations. They read no files and know no threads.
#pragma once

#include "engine/layer-ops.h"

#include <string>
#include <vector>

namespace ggclip {

// Intermediate states by name ("vision.hidden.3", "text.block0.q", ...; docs/architecture.md lists them). When a graph
// is built to capture, residual additions are not fused and the last block keeps all tokens.
struct capture {
    bool on = false;
    bool wants_inputs = false;  // keep what each matrix multiplies, by the matrix's name; portable operations only
    std::vector<std::pair<std::string, ggml_tensor *>> states, inputs;

    void keep(const std::string & name, ggml_tensor * t) {
        if (!on) return;
        ggml_set_output(t);
        states.emplace_back(name, t);
    }
};

struct tower_input {
    sequences     seqs;
    ggml_tensor * pixels = nullptr;     // image: f32 [patch * patch * channel, n_patch * n_seq], one row a patch
    ggml_tensor * ids = nullptr;        // text: i32 [n_token]
    ggml_tensor * positions = nullptr;  // text: i32 [n_token], place of each token in its sequence
    ggml_tensor * pooled = nullptr;     // i32 [n_seq], row that becomes the embedding; null for attention pooling
};

// Embeddings before normalisation, f32 [n_proj, n_seq].
ggml_tensor * build_vision_graph(ggml_context * ctx, layer_ops & ops, const weights & weights, tower_input & input, capture & states);
ggml_tensor * build_text_graph(ggml_context * ctx, layer_ops & ops, const weights & weights, tower_input & input, capture & states);

// The transformer blocks and the pooling both towers share: x [n_embd, n_token] -> [n_embd, n_seq], or all tokens
// when input.pooled is null.
ggml_tensor * build_blocks(ggml_context * ctx, layer_ops & ops, const tower_hparams & hp, const tower_weights & w, tower_input & input,
                           const std::string & name, ggml_tensor * x, capture & states);

}  // namespace ggclip
