// The stem of an image tower: what makes tokens of pictures. Its rule says how many tokens a picture has
// (vision_hparams::n_token); here is what of the picture enters the graph, and the graph from there to the first block.
// One kind so far, that of every ViT: rows of patches, multiplied by a matrix. A stem of convolutions takes the
// pictures themselves and gives tokens, or the feature map that its tower's blocks go on with.
#pragma once

#include "engine/graph/graph.h"

namespace ggclip {

// What the image tower sees of one picture: [3][height][width], normalised.
struct image_tensor {
    const float * pixels = nullptr;
    int width = 0, height = 0;
};

// The graph's inputs for a batch of `n_patch` patches in all.
void add_stem_inputs(ggml_context * ctx, const vision_hparams & hp, int n_patch, tower_input & input);

// What a picture fills of input.pixels, from `dst` on: one row a patch, values in the order (channel, y, x) of a
// convolution kernel.
void write_patches(const vision_hparams & hp, const image_tensor & image, float * dst);

// From the inputs to the first block: [n_embd, n_token].
ggml_tensor * build_stem(graph_builder & g, const vision_hparams & hp, const vision_weights & w,
                         const tower_input & input);

}  // namespace ggclip
