// Graph builders: what the two towers compute, in layer operations. They read no files and know no threads.
#pragma once

#include "engine/graph/layer-ops.h"

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
    ggml_tensor * places = nullptr;     // image, any grid: f32 [n_embd, n_token], position vectors resized to each picture's grid
    ggml_tensor * ids = nullptr;        // text: i32 [n_token]
    ggml_tensor * positions = nullptr;  // text: i32 [n_token], place of each token in its sequence
    ggml_tensor * pooled = nullptr;     // i32 [n_seq], row that becomes the embedding; null where all tokens are pooled
};

// Embeddings before normalisation, f32 [n_proj, n_seq].
ggml_tensor * build_vision_graph(ggml_context * ctx, layer_ops & ops, const weights & weights, tower_input & input, capture & states);
ggml_tensor * build_text_graph(ggml_context * ctx, layer_ops & ops, const weights & weights, tower_input & input, capture & states);

// The transformer blocks both towers share: x [n_embd, n_token] -> [n_embd, n_seq], or all tokens when input.pooled
// is null or states are captured.
ggml_tensor * build_blocks(ggml_context * ctx, layer_ops & ops, const tower_hparams & hp, const tower_weights & w, tower_input & input,
                           const std::string & name, ggml_tensor * x, capture & states);

// From the last block to the shared space, for every pooling but attention: x as build_blocks gives it -> [n_proj, n_seq].
// `skip`: tokens at the start of a sequence that a mean leaves out.
ggml_tensor * build_pooling(layer_ops & ops, const tower_hparams & hp, const tower_weights & w, tower_input & input,
                            const std::string & name, ggml_tensor * x, int skip, capture & states);

// Linear map or MLP to the shared space, or the values themselves: [n_embd, n_seq] -> [n_proj, n_seq].
ggml_tensor * build_projection(layer_ops & ops, const tower_hparams & hp, const tower_weights & w, layer_input & in);

}  // namespace ggclip
