// The stem of an image tower turns images into tokens. vision_hparams::n_token says how many an image has; this file
// has the graph's inputs for an image, and the graph from there to the first block. The only kind so far is that of
// every ViT: rows of patches, multiplied by a matrix. A convolutional stem would take the images themselves and produce
// tokens, or the feature map for its tower's blocks.
#pragma once

#include "engine/graph/graph.h"

namespace ggclip {

// The image tower's input for one image: [3][height][width], normalised.
struct image_tensor {
    const float * pixels = nullptr;
    int width = 0, height = 0;
};

// The graph's inputs for a batch of `n_patch` patches in total.
void add_stem_inputs(ggml_context * ctx, const vision_hparams & hp, int n_patch, tower_input & input);

// Writes an image's part of input.pixels to `dst`: one row per patch, values in the order (channel, y, x) of a
// convolution kernel.
void write_patches(const vision_hparams & hp, const image_tensor & image, float * dst);

// From the inputs to the first block: [n_embd, n_token].
ggml_tensor * build_stem(graph_builder & g, const vision_hparams & hp, const vision_weights & w,
                         const tower_input & input);

}  // namespace ggclip
