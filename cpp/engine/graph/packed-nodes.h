// Nodes that run ggclip's own kernels, and those of packed-ops.cpp with their parameters: each function computes share
// `ith` of `nth` of one node's result by kernels, or by a loop of its own where there is little to compute.
#pragma once

#include "engine/graph/layer-ops.h"
#include "engine/threads/thread-team.h"

#include <deque>

namespace ggclip {

// What every node has. Addresses that exist only once the graph is allocated are read from the tensors.
struct kernel_node : team_node {
    const kernels::kernel_table * table = nullptr;
    kernels::unary op = kernels::unary::none;
    uint8_t * scratch = nullptr;
};

// The custom nodes of one kind in one graph, and the scratch memory that they share: they run one after another.
template <class Node>
class node_list {
  public:
    node_list(ggml_context * ctx, const kernels::kernel_table & table) : ctx_(ctx), table_(table) {}

    Node & add(const char * kind, const char * layer = "") {
        Node & p = nodes_.emplace_back();
        p.work.kind = kind;
        p.work.layer = layer;
        p.table = &table_;
        p.userdata = &p;
        return p;
    }

    ggml_tensor * custom(ggml_type type, int64_t ne0, int64_t ne1, std::vector<ggml_tensor *> args,
                         ggml_custom_op_t run, Node & p) {
        p.run = run;
        if (p.work.n_rows == 0) p.work.set_shape((int) ne0, (int) args[0]->ne[0], (int) ne1);
        ggml_tensor * t =
            ggml_custom_4d(ctx_, type, ne0, ne1, 1, 1, args.data(), (int) args.size(), run, GGML_N_TASKS_MAX, &p);
        t->extra = static_cast<team_node *>(&p);
        return t;
    }

    uint8_t * scratch(size_t n_bytes) {
        if (n_bytes > scratch_bytes_) {
            scratch_ = allocate_aligned(n_bytes);
            scratch_bytes_ = n_bytes;
            for (Node & p : nodes_)
                if (p.scratch) p.scratch = scratch_.get();
        }
        return scratch_.get();
    }

  private:
    ggml_context * ctx_;
    const kernels::kernel_table & table_;
    std::deque<Node> nodes_;  // stable addresses
    aligned_bytes scratch_;
    size_t scratch_bytes_ = 0;
};

// Parameters of a node of packed-ops.cpp.
struct packed_node : kernel_node {
    const norm_weights * norm = nullptr;
    float eps = 0;
    const linear_weights * linear = nullptr;
    kernels::weight_type type = kernels::weight_type::f32;
    const sequences * seqs = nullptr;
    const int32_t * q_offset = nullptr;
    const int32_t * kv_offset = nullptr;
    const int32_t * n_key = nullptr;
    int n_head = 0;
    int n = 0;  // sequences, or tokens of a result in bytes
    int skip = 0;
    bool causal = false, scaled = true, rounds = false;
    std::vector<float> slopes;                                // ALiBi's, of each head; or none
    const ggml_tensor *bias = nullptr, *positions = nullptr;  // of an attention: see score_rule, sequences; or null
    int max_distance = 0;                                     // of a position bias
    rotary_pairs pairs = rotary_pairs::none;
    stem_tokens tokens;
    text_tokens text;
};

void run_norm(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_norm_pack(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_pack(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_linear(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_gated(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_linear_pack(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_rotate(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_position_bias(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_attention(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_gather(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_repeat(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_add_scaled(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_embed_tokens(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_mean(ggml_tensor * dst, int ith, int nth, void * userdata);
void run_embed_patches(ggml_tensor * dst, int ith, int nth, void * userdata);

}  // namespace ggclip
