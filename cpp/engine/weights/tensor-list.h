// Every tensor of a model, described once. Binding the tensors of a file, measuring, loading and writing walk this
// list, so that a new tensor needs a member of weights.h and a line of tensor-list.cpp.
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

// How a tensor is used, which decides the types that it may have in memory and in a file.
enum class tensor_role {
    vector,     // biases, norms, factors, single tokens: f32
    matrix,     // of a layer: any weight type, packed where there are kernels
    patches,    // the matrix that multiplies raw pixels, [width, height, channel, n_out]: f16 or better
    table,      // rows are looked up: as a matrix, never packed
    f32_table,  // small, added to everything: f32
};

struct expected_tensor {
    std::string name;         // canonical, as engine/names.h makes it of the tower, block, part and suffix
    std::vector<int64_t> ne;  // ggml order
    tensor_role role;
    char tower;           // 'v' or 't'
    int block;            // -1: not in a block
    std::string part;     // "attn_q", "ln1", "class_embd", "head.attn_q", ...
    const char * suffix;  // "weight", "bias" or "" where sources name the whole tensor
};

// With its place: `linear` for matrices and patches, `tensor` for the others.
struct placed_tensor : expected_tensor {
    linear_weights * linear = nullptr;
    ggml_tensor ** tensor = nullptr;
};

// All tensors that the present towers call for, in the order in which a file of ours holds them.
std::vector<expected_tensor> expected_tensors(const hparams & hp);

// The same with places in `vision` and `text`, whose blocks are made.
std::vector<placed_tensor> place_tensors(const hparams & hp, vision_weights & vision, text_weights & text);

}  // namespace ggclip
