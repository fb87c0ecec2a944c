// The stem of an image tower turns images into tokens. vision_hparams::n_token says how many an image has; this file
// has the graph's inputs for an image, and the graph from there to the first block. A ViT's stem has rows of patches,
// multiplied by a matrix (patch-stem.cpp); a convolutional one takes the pixels (conv-graph.cpp).
#pragma once

#include "engine/graph/graph.h"

namespace ggclip {

// The image tower's input for one image: [3][height][width], normalised.
struct image_tensor {
    const float * pixels = nullptr;
    int width = 0, height = 0;
};

// The graph's inputs for a batch of images with `n_patch` patches in total.
void add_stem_inputs(ggml_context * ctx, const vision_hparams & hp, int n_patch, tower_input & input);

// Rows of input.pixels that come from an image of this size.
int64_t input_rows(const vision_hparams & hp, int width, int height);

// Writes an image's part of input.pixels to `dst`: one row per patch, values in the order (channel, y, x) of a
// convolution kernel; or, for a convolutional stem, one row of channels per pixel.
void write_pixels(const vision_hparams & hp, const image_tensor & image, float * dst);

// From the inputs to the first block: [n_embd, n_token].
ggml_tensor * build_stem(graph_builder & g, const vision_hparams & hp, const vision_weights & w, tower_input & input);

// A convolutional stem's or tower's layers, from the pixels to the last map.
feature_map build_layers(graph_builder & g, const vision_hparams & hp, const vision_weights & w, tower_input & input);

}  // namespace ggclip
