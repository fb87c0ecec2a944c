// Every tensor of a model, described once. Binding a file's tensors, measuring, loading and writing walk this list, so
// a new tensor needs only a member of weights.h and a line of tensor-list.cpp.
#pragma once

#include "engine/hparams.h"

#include <cstdint>
#include <string>
#include <vector>

struct ggml_tensor;

namespace ggclip {

struct linear_weights;
struct text_weights;
struct vision_weights;

// How a tensor is used; determines its allowed types in memory and in a file.
enum class tensor_role {
    vector,     // biases, norms, factors, single tokens: f32
    matrix,     // of a layer: any weight type, packed if there are kernels
    patches,    // the matrix that multiplies raw pixels, [width, height, channel, n_out], or as conv_ops::patches has
                // them, [channel, width, height, n_out]: f16 or better
    table,      // looked up by row: types as for a matrix, never packed
    f32_table,  // small, added to all activations, or a depthwise convolution's kernels: f32
};

struct expected_tensor {
    std::string name;         // canonical, built by engine/names.h from tower, block, part and suffix
    std::vector<int64_t> ne;  // ggml order
    tensor_role role;
    char tower;           // 'v' or 't'
    int block;            // -1: not in a block
    std::string part;     // "attn_q", "ln1", "class_embd", "head.attn_q", ...
    const char * suffix;  // "weight", "bias", or "" if sources name the whole tensor
};

// With its destination: `linear` for matrices and patches, `tensor` for the others.
struct placed_tensor : expected_tensor {
    linear_weights * linear = nullptr;
    ggml_tensor ** tensor = nullptr;
};

// All tensors that the present towers require, in our files' order.
std::vector<expected_tensor> expected_tensors(const hparams & hp);

// Same, with destinations in `vision` and `text`, whose blocks are created.
std::vector<placed_tensor> place_tensors(const hparams & hp, vision_weights & vision, text_weights & text);

}  // namespace ggclip
