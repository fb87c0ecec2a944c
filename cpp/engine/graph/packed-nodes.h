// The work of packed-ops.cpp's nodes, and its parameters: each function computes share `ith` of `nth` of one node's
// result by kernels, or by a loop of its own where there is little to compute.
#pragma once

#include "engine/graph/layer-ops.h"
#include "engine/threads/thread-team.h"

namespace ggclip {

// Parameters of one node. Addresses that exist only once the graph is allocated are read from the tensors.
struct packed_node : team_node {
    const kernels::kernel_table * table = nullptr;
    const norm_weights * norm = nullptr;
    float eps = 0;
    const linear_weights * linear = nullptr;
    kernels::unary op = kernels::unary::none;
    kernels::weight_type type = kernels::weight_type::f32;
    const sequences * seqs = nullptr;
    const int32_t * q_offset = nullptr;
    const int32_t * kv_offset = nullptr;
    int n_head = 0;
    int n = 0;  // sequences, or tokens of a result in bytes
    int skip = 0;
    bool causal = false;
    rotary_pairs pairs = rotary_pairs::none;
    stem_tokens tokens;
    const ggml_tensor *position_table = nullptr, *type_table = nullptr;
    uint8_t * scratch = nullptr;
};

void run_norm(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_norm_pack(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_pack(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_linear(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_gated(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_linear_pack(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_rotate(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_attention(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_gather(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_repeat(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_add_scaled(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_embed_tokens(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_mean(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_embed_patches(ggml_tensor * dst, int ith, int nth, void * userdata);

}  // namespace ggclip
