// The compute seam: the few layer operations that all graph builders use. It has two implementations:
//   portable-ops.cpp  plain ggml operations, for every ggml backend; the reference in tests
//   packed-ops.cpp    nodes with ggclip's own CPU kernels over packed weights
// Both give the same graph, the same names and, within a stated tolerance, the same numbers.
#pragma once

#include "engine/graph/conv-ops.h"
#include "engine/weights/weights.h"

#include <ggml.h>

#include <map>
#include <memory>
#include <string>

namespace ggclip {

// Tensors of a graph by name. Builders name all states that a caller may want (docs/architecture.md lists them), in
// every run: a graph computes only what its outputs need, so a name adds no work until its tensor is requested.
using named_tensors = std::map<std::string, ggml_tensor *>;

// Sequences of one batch, laid one after another along the token dimension.
struct sequences {
    int n_seq = 0;
    int n_token = 0;  // sum of the lengths
    int max_length = 0;
    bool uniform = true;  // all of max_length
    bool causal = false;
    float max_alibi_bias = 0;           // see text_hparams; queries are then those of all tokens
    ggml_tensor * positions = nullptr;  // of texts: i32 [n_token], each token's place in its sequence
    std::vector<int32_t> offset;        // [n_seq + 1], first token of each sequence
    std::vector<int32_t>
        n_key;  // [n_seq], the first tokens of each, which are seen; the others by none. Empty: all are
    // graph inputs of the portable attention; null if not needed
    // f32 [max_length, max_length]: 0 or -inf, causal order; with ALiBi [max_length, max_length, 1, n_seq]: the
    // negative distance instead of 0
    ggml_tensor * mask = nullptr;
    ggml_tensor * key_mask = nullptr;      // f32 [max_length, 1, 1, n_seq]: which keys a sequence has
    ggml_tensor * pad = nullptr;           // i32 [max_length * n_seq]: row of each padded position
    ggml_tensor * unpad = nullptr;         // i32 [n_token]: padded position of each row
    ggml_tensor * join = nullptr;          // i32 [n_token]: row of each token among the prefix tokens, then all patches
    ggml_tensor * mean_weights = nullptr;  // f32 [max_length, 1, n_seq]: each token's weight in its sequence's mean
    ggml_tensor * buckets = nullptr;  // with a position bias: i32 [max_length * max_length * n_seq], of query and key

    int n_real(int s) const { return n_key.empty() ? offset[(size_t) s + 1] - offset[(size_t) s] : n_key[(size_t) s]; }
};

// A normalised input of one or more linear layers. The packed path makes the 8-bit form that the weights require at
// first use, and the layers share it; the f32 form is made only on request.
struct layer_input {
    ggml_tensor * x = nullptr;            // before the norm, [n, n_token]
    const norm_weights * norm = nullptr;  // null: x is used unchanged
    float eps = 0;
    ggml_tensor * f32 = nullptr;   // normalised
    ggml_tensor * packed[9] = {};  // by kernels::weight_type
};

// What a tower's attention does with its scores beside a softmax.
struct score_rule {
    bool scaled = true;            // they are divided by the square root of a head's width
    ggml_tensor * bias = nullptr;  // from layer_ops::position_bias; or null
    bool rounded = false;          // q, k and v come from rounded weights: they may be rounded to 13 bits themselves
};

// What an image's patches become tokens with: tokens before them, and a table of positions.
struct stem_tokens {
    ggml_tensor * class_embd = nullptr;     // [n_embd], or with `of_images` [n_embd, n_seq]: each its own; or null
    ggml_tensor * register_embd = nullptr;  // [n_embd, n_register] or null
    ggml_tensor * positions = nullptr;      // [n_embd, n] or null
    bool of_images = false;
    bool class_position = false;   // the first row of `positions` is added to the class token
    bool patch_positions = false;  // the following rows are added to the patches

    int n_prefix() const { return (class_embd ? 1 : 0) + (register_embd ? (int) register_embd->ne[1] : 0); }
};

// A text's tokens and what becomes a token's vector.
struct text_tokens {
    ggml_tensor * table = nullptr;           // [n_embd, n_vocab]
    ggml_tensor * ids = nullptr;             // i32 [n_token]
    ggml_tensor * position_table = nullptr;  // [n_embd, n] or null
    ggml_tensor * positions = nullptr;       // i32 [n_token]
    ggml_tensor * type_table = nullptr;      // its first row is added to all; or null
    ggml_tensor * class_embd = nullptr;      // [n_embd] or null
    ggml_tensor * rows = nullptr;  // with class_embd: i32 [n_token], 0 for a class token, 1 + its number for another
    float scale = 1;               // of the vectors in `table`
};

class layer_ops {
  public:
    explicit layer_ops(ggml_context * ctx) : ctx_(ctx) {}
    virtual ~layer_ops() = default;

    // Norm of x [n, n_token], to be consumed by linear(): a LayerNorm, or without bias an RMSNorm.
    layer_input norm(ggml_tensor * x, const norm_weights & w, float eps) { return {x, &w, eps, nullptr, {}}; }
    layer_input unnormalised(ggml_tensor * x) { return {x, nullptr, 0, x, {}}; }

    // Rows of x by index (i32 [n]): [n_embd, n].
    virtual ggml_tensor * gather(ggml_tensor * x, ggml_tensor * rows) = 0;
    // One vector per sequence: [n] -> [n, n_seq].
    virtual ggml_tensor * repeat(ggml_tensor * vector, int n_seq) = 0;
    // Sum of each token's vector, scaled, its position's and the first of the type table: [n_embd, n_token].
    virtual ggml_tensor * embed_tokens(const text_tokens & tokens) = 0;
    // Prefix tokens before each image's patches, position vectors added: patches [n_embd, all images' patches] ->
    // [n_embd, n_token].
    virtual ggml_tensor * embed_patches(ggml_tensor * patches, const stem_tokens & tokens, const sequences & seqs) = 0;
    // Mean of each sequence's real tokens without the first `skip`: [n, n_token] -> [n, n_seq].
    virtual ggml_tensor * mean(ggml_tensor * x, const sequences & seqs, int skip) = 0;

    // The normalised values themselves, [n, n_token].
    virtual ggml_tensor * values(layer_input & in) = 0;
    // The same without caching the result in `in`, for named states.
    ggml_tensor * peek(const layer_input & in) {
        layer_input copy = in;
        return values(copy);
    }
    // act(W in + b) + residual, [n_out, n_token]; residual may be null.
    virtual ggml_tensor * linear(layer_input & in, const linear_weights & w, activation act,
                                 ggml_tensor * residual) = 0;
    // x multiplied by a factor per row value, [n] or null for none, plus the residual: [n, n_token].
    virtual ggml_tensor * add_scaled(ggml_tensor * x, ggml_tensor * factors, ggml_tensor * residual) = 0;
    // act(W in + b) * factor, [n_out, n_token]; factor: [n_out, n_token].
    virtual ggml_tensor * gated(layer_input & in, const linear_weights & w, activation act, ggml_tensor * factor) = 0;
    // act(W in + b), times `factor` if not null, as the input of `next` only.
    virtual layer_input hidden(layer_input & in, const linear_weights & w, activation act, ggml_tensor * factor,
                               const linear_weights & next) {
        (void) next;
        return unnormalised(factor ? gated(in, w, act, factor) : linear(in, w, act, nullptr));
    }
    // Norm of each head's values: x [n_head * d_head, n_token], w [d_head].
    ggml_tensor * norm_heads(ggml_tensor * x, const norm_weights & w, float eps) {
        const int64_t n_attn = x->ne[0], n_token = x->ne[1], d_head = w.w->ne[0];
        layer_input heads = norm(ggml_reshape_2d(ctx_, x, d_head, n_attn / d_head * n_token), w, eps);
        return ggml_reshape_2d(ctx_, values(heads), n_attn, n_token);
    }
    // Rotary positions: x [n_head * d_head, n_token] with each head's pairs turned by their token's angles, `turns`
    // [2 * d_head, n_token] from positions/rotary.h.
    virtual ggml_tensor * rotate(ggml_tensor * x, ggml_tensor * turns, rotary_pairs pairs) = 0;
    // For attention(): what is added to the scores by the tokens' distance. table: [n_head, n_bucket], see
    // positions/distance-bias.h.
    virtual ggml_tensor * position_bias(ggml_tensor * table, int max_distance, const sequences & seqs) = 0;
    // Softmax attention with n_head heads: q [n_head * d_head, n_query], k and v [n_head * d_head, n_token].
    // n_query is n_token, or without a bias n_seq if only one token of each sequence has a query, which then sees all
    // of its sequence.
    virtual ggml_tensor * attention(ggml_tensor * q, ggml_tensor * k, ggml_tensor * v, int n_head,
                                    const sequences & seqs, const score_rule & rule) = 0;

    // Operations on feature maps.
    virtual conv_ops & maps() = 0;

  protected:
    ggml_context * ctx_;
};

ggml_tensor * apply_activation(ggml_context * ctx, ggml_tensor * x, activation act);
kernels::unary kernel_op(activation act);

// Must live as long as its graph: packed nodes keep their parameters in it. `inputs`: receives the input of each
// matrix, by the matrix's name.
std::unique_ptr<layer_ops> make_portable_ops(ggml_context * ctx, named_tensors * inputs = nullptr);
std::unique_ptr<layer_ops> make_packed_ops(ggml_context * ctx, const weights & weights, int n_threads);

}  // namespace ggclip
