// A model's weights as graph builders see them. Immutable once loaded; shared by all sessions.
#pragma once

#include "engine/device/device.h"
#include "engine/hparams.h"
#include "engine/memory/memory-budget.h"
#include "engine/memory/memory.h"
#include "engine/weights/model-source.h"
#include "kernels/kernels.h"

#include <ggml-cpp.h>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ggclip {

// y = W x + b. The matrix is in `packed` for the CPU kernels, in `w` for plain ggml.
struct linear_weights {
    ggml_tensor * w = nullptr;  // [n_in, n_out]
    ggml_tensor * b = nullptr;  // [n_out] or null
    kernels::packed_matrix packed = {kernels::weight_type::f32, 0, 0, nullptr};
    int n_in = 0, n_out = 0;
    std::string name;  // matrix name
};

// One kernel for each output channel, and a bias.
struct depthwise_weights {
    ggml_tensor * w = nullptr;  // f32 [n_out, n_position]; output channels in the order of kernels::depthwise_args
    ggml_tensor * b = nullptr;  // [n_out], in the same order
};

struct norm_weights {
    ggml_tensor * w = nullptr;  // [n_embd]
    ggml_tensor * b = nullptr;  // [n_embd]; null: RMSNorm
};

struct block_weights {
    norm_weights ln1, ln2;
    linear_weights q, k, v, out;  // attention
    norm_weights q_norm, k_norm;  // [d_head], or without tensors
    norm_weights attn_norm;       // [n_attn], or without tensors
    linear_weights up, down;      // MLP: n_embd -> n_ff -> n_embd
    linear_weights gate;          // n_embd -> n_ff, if the MLP has one
    norm_weights mlp_norm;        // [n_ff], or without tensors
    norm_weights mlp_in_norm;     // [n_embd], or without tensors
    ggml_tensor * ls1 = nullptr;  // layer scale, [n_embd], for the outputs of attention and MLP; or null
    ggml_tensor * ls2 = nullptr;
};

struct tower_weights {
    ggml_tensor * position_embd = nullptr;  // [n_embd, n_position], f32, or null
    std::vector<block_weights> blocks;
    norm_weights pre_ln, post_ln;
    linear_weights proj;  // second matrix if it is an MLP
    linear_weights proj_hidden;
};

// Attention-pooling head (SigLIP, PE-Core, AIMv2, CoCa)
struct head_weights {
    ggml_tensor * probe = nullptr;  // [n_pool]
    norm_weights q_norm, k_norm;    // [n_pool] and [n_embd], or without tensors
    linear_weights q, k, v, out, up, down;
    norm_weights ln;
};

// What a layer of conv_layer's kind has; the rest is empty.
struct conv_weights {
    depthwise_weights depthwise;
    norm_weights ln;
    linear_weights conv;          // a k x k convolution: rows as in conv_ops::patches
    linear_weights q, k, v, out;  // attention
    linear_weights up, down;      // 1 x 1 convolutions to the inner width and back, or a squeeze's two layers
    linear_weights shortcut;      // 1 x 1 convolution beside the others
};

struct vision_weights : tower_weights {
    std::vector<conv_weights> layers;
    linear_weights patch;  // [patch * patch * channel] -> n_embd
    ggml_tensor * class_embd = nullptr;
    ggml_tensor * register_embd = nullptr;  // [n_embd, n_register], f32, or null
    norm_weights patch_norm;
    head_weights head;
};

// A convolution over neighbouring tokens, then x + an MLP of another one.
struct mixer_weights {
    depthwise_weights mix, depthwise;
    linear_weights up, down;
};

struct text_weights : tower_weights {
    std::array<mixer_weights, 2> mixers;    // before and after the blocks, or empty
    ggml_tensor * token_embd = nullptr;     // [n_embd, n_vocab]
    ggml_tensor * type_embd = nullptr;      // [n_embd, n_token_type], f32, or null
    ggml_tensor * position_bias = nullptr;  // [n_head, n_bucket], f32, of all blocks' scores; or null
    ggml_tensor * class_embd = nullptr;     // [n_embd] or null
};

enum class precision { normal, fast, exact };

struct load_options {
    std::string device = "auto";
    std::vector<std::string> modules;  // backends to try first: find_device()
    bool want_vision = true;
    bool want_text = true;
    std::string dtype;  // "" = the file's
    precision arithmetic = precision::normal;
    std::string kernels;      // kernel level, "portable", or "" = the best
    int n_threads = 1;        // used for packing
    uint64_t max_memory = 0;  // bytes of weights and of sessions' scratch; 0: no limit
    const std::atomic<bool> * cancelled = nullptr;
};

struct type_count {
    size_t n_tensors = 0, n_bytes = 0;
};

class weights {
  public:
    // Reads, converts and packs only what the requested towers need. Files are no longer needed afterwards. Throws
    // ggclip::error; FILE_CHANGED if a file was modified meanwhile.
    weights(model_source source, const load_options & options);

    hparams hp;
    vision_weights vision;
    text_weights text;
    const found_device found;  // when the model was loaded
    ggml_backend_dev_t device;
    const kernels::kernel_table * kernels;    // null: plain ggml operations only
    std::map<std::string, type_count> types;  // by weight type, as held in memory
    size_t n_bytes_vision = 0, n_bytes_text = 0;
    mutable memory_budget memory;  // sessions take from it, too

    // CPU level for work outside the towers, such as resizing pictures.
    kernels::cpu_level level() const { return kernels ? kernels->level : kernels::best_level(); }

    const model_source & source() const { return source_; }  // without its tensors once loaded

  private:
    friend class weight_loader;
    model_source source_;
    budget_share share_;                            // of the weights
    ggml_context_ptr context_;                      // tensor headers
    std::vector<ggml_backend_buffer_ptr> buffers_;  // device buffers
    std::vector<aligned_bytes> packed_;
};

}  // namespace ggclip
