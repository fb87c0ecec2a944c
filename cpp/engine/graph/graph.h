// Graph builders: the two towers in terms of layer operations. They read no files and know no threads.
#pragma once

#include "engine/graph/layer-ops.h"

#include <deque>
#include <string>

namespace ggclip {

// A builder's context: the operations, and the names of its tower's states.
struct graph_builder {
    layer_ops & ops;
    named_tensors & states;
    const char * tower;  // "vision" or "text"

    void name(const std::string & state, ggml_tensor * t) { states.emplace(tower + ("." + state), t); }
};

struct tower_input {
    sequences seqs;
    // image: f32 [patch * patch * channel, n_patch * n_seq], one row per patch, or [channel, width * height * n_seq]
    ggml_tensor * pixels = nullptr;
    int width = 0, height = 0;  // of all images, for a convolutional stem
    ggml_tensor * grid_positions =
        nullptr;  // image, any grid: f32 [n_embd, n_token], position vectors resized to each picture's grid
    ggml_tensor * turns = nullptr;          // f32 [2 * d_head, n_token], rotary positions; null if there are none
    ggml_tensor * position_bias = nullptr;  // text: of all blocks' scores, or null
    ggml_tensor * ids = nullptr;            // text: i32 [n_token]
    ggml_tensor * positions = nullptr;      // text: i32 [n_token], position of each token in its sequence
    ggml_tensor * rows = nullptr;           // text with a class token: see text_tokens
    ggml_tensor * pooled = nullptr;  // i32 [n_seq], row that becomes the embedding; null if all tokens are pooled
    std::deque<sequences> map_seqs;  // of the attention within convolutional layers, which keeps pointers to them
    bool whole = false;  // all tokens leave the last block, for callers that want its states; else the pooled ones
};

// Embeddings before normalisation, f32 [n_proj, n_seq].
ggml_tensor * build_vision_graph(layer_ops & ops, const weights & weights, tower_input & input, named_tensors & states);
ggml_tensor * build_text_graph(layer_ops & ops, const weights & weights, tower_input & input, named_tensors & states);

// The transformer blocks both towers share: x [n_embd, n_token] -> [n_embd, n_seq], or all tokens when input.pooled
// is null or input.whole is set.
ggml_tensor * build_blocks(graph_builder & g, const tower_hparams & hp, const tower_weights & w, tower_input & input,
                           ggml_tensor * x);

// From the last block to the shared space, for every pooling except attention: x from build_blocks -> [n_proj, n_seq].
// `skip`: tokens at the start of a sequence that a mean excludes.
ggml_tensor * build_pooling(graph_builder & g, const tower_hparams & hp, const tower_weights & w, tower_input & input,
                            ggml_tensor * x, int skip);

// Linear map or MLP to the shared space, or the values themselves: [n_embd, n_seq] -> [n_proj, n_seq].
ggml_tensor * build_projection(layer_ops & ops, const tower_hparams & hp, const tower_weights & w, layer_input & in);

}  // namespace ggclip
